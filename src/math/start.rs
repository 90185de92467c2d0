//! The parameters that a run begins with.
//!
//! ```text
//! lecture   W1, D uniform in ±√6/√(n+h+1), b1 = 0, b2 = 0        every unit half active, A3 = g(Σ D/2)
//! data      b1 so that the mean active fraction of each unit is ρ,
//!           b2 = g⁻¹(x̄) − Σ_j ā_j D_j                           A3 = x̄, the mean of the data
//! ```
//!
//! From `lecture` a wide layer has to unlearn h/2 active units, and an output far from anything in the data, first. From `data`
//! J begins at that of a model that knows the mean alone, whatever h is. ā is the mean activation over a sample of the data.
//!
//! # Wide layers
//!
//! Where h ≥ 8n the lecture's rows are so short that no unit depends on its input. There random directions are enough to
//! begin with a code that reconstructs: W1ᵀW1 is nearly h‖w‖²/n times the identity. With tied rows D = W1 of norm w, and the
//! slope s = f′ at rest, z3 = b2 + κ (x − x̄) for κ = s h w²/n, and to first order
//!
//! ```text
//! J(κ) = ½ Σ_i v_i (1 − g′_i κ)² + ½ κ² V/h Σ_i g′_i² + κ λ n/s        v_i = variance of input i, V = Σ v_i, g′_i = g′ at x̄_i
//! κ    = (Σ v_i g′_i − λ n/s) / (Σ v_i g′_i² + V/h Σ g′_i²)            at least 0, where J(0) is that of the mean
//! ```
//!
//! the second term being the cross-talk of random rows and the third their decay, which equal norms of both rows make least.
//! Narrower layers learn more from the lecture's short rows, which leave directions to be found, than from long random ones.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::objective::Objective;
use super::params::{Matrix, Params};

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Start {
    /// Weights drawn at random, biases 0, as in the lecture notes.
    Lecture,
    /// Weights drawn at random, biases fitted to ρ and to the mean of the data; tied rows in wide layers.
    Data,
}

/// Examples that means and variances are taken over, as long as their numbers are few beside those of a model.
const SAMPLE: usize = 4096;
const SAMPLE_NUMBERS: usize = 1 << 22;
/// Hidden units for each input from which a layer is wide.
const WIDE: usize = 8;
/// Share of a range that a mean keeps from its ends, where g⁻¹ is infinite: a pixel that is black in every picture.
const MARGIN: f64 = 1e-3;
/// Multiplications that fitting biases may take, and examples that it takes at least and at most.
const WORK: usize = 1 << 32;
const EXAMPLES: [usize; 2] = [64, 512];
/// Error of a unit's mean active fraction at which its bias is fitted, as a share of ρ, and most trials.
const CLOSE: f64 = 1e-4;
const TRIALS: usize = 40;

impl Start {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Lecture, Self::Data];

    /// Lower-case name, as in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lecture => "lecture",
            Self::Data => "data",
        }
    }
}

/// Examples of `visible` numbers that are asked for as a sample of the data.
pub fn sample_rows(visible: usize) -> usize {
    (SAMPLE_NUMBERS / visible.max(1)).clamp(EXAMPLES[0], SAMPLE)
}

impl Params<f32> {
    /// The start from data: these parameters, drawn as in the lecture, fitted to a `sample` `[m, n]` of the examples. In f64,
    /// each unit in one order: the same bits for every engine and any number of threads.
    #[must_use]
    pub fn fitted_to(mut self, sample: &Matrix<f64>, objective: &Objective) -> Self {
        let (n, h) = (self.shape.visible, self.shape.hidden);
        let inputs = Inputs::of(sample);
        if h >= WIDE * n {
            self.tie_rows(&inputs, objective);
        }
        let taken = (WORK / (n * h)).clamp(EXAMPLES[0], EXAMPLES[1]).min(sample.rows);
        let columns = columns_of(sample, taken);
        let units = self.b1.par_iter_mut().zip(self.w1.par_chunks_exact(n));
        let active: Vec<f64> = units.map(|(b1, w1)| fit_bias(b1, w1, &columns, taken, objective)).collect();
        let output = objective.output;
        let rest = |&mean: &f64| output.inverse(output.within(mean, MARGIN));
        let mut b2: Vec<f64> = inputs.means.iter().map(rest).collect();
        for (d, mean) in self.d.chunks_exact(n).zip(active) {
            b2.iter_mut().zip(d).for_each(|(b2, &d)| *b2 -= mean * f64::from(d));
        }
        self.b2.iter_mut().zip(b2).for_each(|(to, b2)| *to = b2 as f32);
        self
    }

    /// Gives the rows of W1 the norm that makes a code of random directions reconstruct best, and those of D the same ones;
    /// leaves them as they are where their decay would cost more than they explain.
    fn tie_rows(&mut self, inputs: &Inputs, objective: &Objective) {
        let (n, h) = (self.shape.visible as f64, self.shape.hidden as f64);
        let slope = objective.activation.slope(at_rest(objective));
        let slopes = inputs.output_slopes(objective);
        let weighted = |power| -> f64 {
            inputs.variances.iter().zip(&slopes).map(|(v, slope): (&f64, &f64)| v * slope.powi(power)).sum()
        };
        let cross_talk = weighted(0) / h * slopes.iter().map(|slope| slope * slope).sum::<f64>();
        let gain = (weighted(1) - objective.lambda * n / slope) / (weighted(2) + cross_talk);
        // Nothing to gain, or data that do not vary.
        if !(gain > 0.0 && gain.is_finite()) {
            return;
        }
        let norm = (gain * n / (slope * h)).sqrt();
        let n = self.shape.visible;
        self.w1.par_chunks_exact_mut(n).zip(self.d.par_chunks_exact_mut(n)).for_each(|(w1, d)| {
            let squares: f64 = w1.iter().map(|&w| f64::from(w).powi(2)).sum();
            let scale = norm / squares.sqrt().max(f64::MIN_POSITIVE);
            w1.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
            d.copy_from_slice(w1);
        });
    }
}

/// The activation of a unit whose active fraction is the target of the penalty.
pub(super) fn at_rest(objective: &Objective) -> f64 {
    let fraction = objective.activation.active_fraction();
    objective.penalty.rho / fraction.factor - fraction.offset
}

/// Mean and variance of each input.
pub(super) struct Inputs {
    means: Vec<f64>,
    variances: Vec<f64>,
}

impl Inputs {
    pub(super) fn of(sample: &Matrix<f64>) -> Self {
        let mut means = vec![0.0; sample.cols];
        let mut variances = means.clone();
        let rows = || sample.values.chunks_exact(sample.cols);
        rows().for_each(|row| means.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
        means.iter_mut().for_each(|sum| *sum /= sample.rows as f64);
        for row in rows() {
            variances
                .iter_mut()
                .zip(row.iter().zip(&means))
                .for_each(|(sum, (x, mean))| *sum += (x - mean).powi(2));
        }
        variances.iter_mut().for_each(|sum| *sum /= sample.rows as f64);
        Self { means, variances }
    }

    /// V, the variance of an example about the mean.
    pub(super) fn variance(&self) -> f64 {
        self.variances.iter().sum()
    }

    /// ‖x̄‖².
    pub(super) fn mean_square(&self) -> f64 {
        self.means.iter().map(|mean| mean * mean).sum()
    }

    /// g′ where the outputs are the means.
    pub(super) fn output_slopes(&self, objective: &Objective) -> Vec<f64> {
        let output = objective.output;
        self.means.iter().map(|&mean| output.slope(output.within(mean, MARGIN))).collect()
    }
}

/// The transpose `[n, count]` of so many rows of a sample, evenly spaced.
fn columns_of(sample: &Matrix<f64>, count: usize) -> Vec<f64> {
    let mut columns = vec![0.0; sample.cols * count];
    for i in 0..count {
        let row = sample.row((i as u128 * sample.rows as u128 / count as u128) as usize);
        columns[i..].iter_mut().step_by(count).zip(row).for_each(|(to, &x)| *to = x);
    }
    columns
}

/// Fits the bias of a unit to the target of the penalty over the examples of `columns` `[n, count]`; its mean activation there.
/// Newton's method within an interval that holds the solution: the mean rises with the bias.
fn fit_bias(b1: &mut f32, w1: &[f32], columns: &[f64], count: usize, objective: &Objective) -> f64 {
    let f = objective.activation;
    let mut z = vec![0.0; count];
    for (&w, column) in w1.iter().zip(columns.chunks_exact(count)) {
        z.iter_mut().zip(column).for_each(|(z, x)| *z += f64::from(w) * x);
    }
    let (target, rest) = (at_rest(objective), f.inverse(at_rest(objective)));
    let (least, most) =
        z.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &z| (least.min(z), most.max(z)));
    let (mut low, mut high) = (rest - most, rest - least);
    let mut bias = (rest - z.iter().sum::<f64>() / count as f64).max(low).min(high);
    let close = CLOSE * objective.penalty.rho / f.active_fraction().factor;
    let mut mean = 0.0;
    for _ in 0..TRIALS {
        let mut slope = 0.0;
        mean = 0.0;
        for z in &z {
            let a = f.apply(z + bias);
            mean += a / count as f64;
            slope += f.slope(a) / count as f64;
        }
        let error = mean - target;
        if error.abs() <= close {
            break;
        }
        if error < 0.0 {
            low = bias
        } else {
            high = bias
        }
        let newton = bias - error / slope;
        bias = if newton > low && newton < high { newton } else { low.midpoint(high) };
    }
    *b1 = bias as f32;
    mean
}
