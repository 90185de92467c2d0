//! The parameters that a run begins with.
//!
//! ```text
//! lecture   W1, D uniform in ±√6/√(n+h+1), b1 = 0, b2 = 0        every unit half active, A3 = g(Σ D/2)
//! data      W1 = D, each row a combination of a few examples,
//!           b1 so that the mean active fraction of each unit is ρ,
//!           b2 = g⁻¹(x̄) − Σ_j ā_j D_j                           A3 = x̄ and, to first order, what the code explains
//! ```
//!
//! From `lecture` a wide layer has to unlearn h/2 active units, and an output far from anything in the data, first. From `data`
//! J begins at that of a model that knows the mean alone, or below it, whatever h is. ā is the mean activation over a sample
//! of the data.
//!
//! # Tied rows
//!
//! Random directions are enough to begin with a code that reconstructs, and those in which the data vary are worth their decay
//! first. Each row is a sum of examples about the mean with random weights, so that W1ᵀW1 is nearly h‖w‖²/V times the
//! covariance C. With the slope s = f′ at rest, q = s h‖w‖²/V, G the diagonal of g′ at x̄, and V = tr C, to first order
//!
//! ```text
//! z3   = b2 + q C (x − x̄)
//! J(q) = ½ V − q tr(G C²) + ½ q² (tr(G² C³) + tr(C²) tr(G² C)/h) + q λ V/s
//! q    = (tr(G C²) − λ V/s) / (tr(G² C³) + tr(C²) tr(G² C)/h)              at least 0, where J(0) is that of the mean
//! ```
//!
//! the third term being the cross-talk of random rows and the last their decay, which equal norms of both rows make least. A
//! standard deviation of z2 above 1 would be no first order: q tr(C²)/(s h) is 1 at most. Where q is 0 the lecture's rows stay.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::objective::Objective;
use super::params::{Matrix, Params};
use super::random::Stream;

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Start {
    /// Weights drawn at random, biases 0, as in the lecture notes.
    Lecture,
    /// Rows that combine random examples, biases fitted to ρ and to the mean of the data.
    Data,
}

/// Examples that means and variances are taken over, as long as their numbers are few beside those of a model.
const SAMPLE: usize = 4096;
const SAMPLE_NUMBERS: usize = 1 << 22;
/// Examples that a row combines.
const COMBINED: usize = 4;
/// Numbers of the sample times vectors that traces are taken by, the fewest vectors, and those that a row is read for at once.
const PROBING: usize = 1 << 28;
const LEAST_PROBES: usize = 16;
const PROBES_AT_ONCE: usize = 8;
/// Share of the variance that a start is thought to leave at least.
const LEFT: f64 = 0.01;
/// Share of a range that a mean keeps from its ends, where g⁻¹ is infinite: a pixel that is black in every picture.
const MARGIN: f64 = 1e-3;
/// Multiplications that fitting biases may take, and examples that it takes at least and at most.
const WORK: u64 = 1 << 32;
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
    /// The start from data: these parameters, drawn as in the lecture, fitted to a `sample` `[m, n]` of the examples; `seed` decides
    /// which of them a row combines. In f64, each unit in one order: the same bits for every engine and any number of threads.
    #[must_use]
    pub fn fitted_to(mut self, sample: &Matrix<f64>, objective: &Objective, seed: u64) -> Self {
        let (n, h) = (self.shape.visible, self.shape.hidden);
        let inputs = Inputs::of(sample);
        self.tie_rows(sample, &inputs, objective, seed);
        let taken = ((WORK / (n as u64 * h as u64)).min(EXAMPLES[1] as u64) as usize)
            .max(EXAMPLES[0])
            .min(sample.rows);
        let columns = columns_of(sample, taken, &inputs);
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

    /// Makes rows of W1 and D combinations of examples, of the norm that reconstructs best; leaves them as they are where
    /// their decay would cost more than they explain.
    fn tie_rows(&mut self, sample: &Matrix<f64>, inputs: &Inputs, objective: &Objective, seed: u64) {
        let rows = TiedRows::best(sample, inputs, objective, self.shape.hidden);
        if rows.gain == 0.0 {
            return;
        }
        // Weights in ±√3 have the variance 1.
        let slope = objective.activation.slope(at_rest(objective));
        let scale = (3.0 * rows.gain / (slope * (self.shape.hidden * COMBINED) as f64)).sqrt();
        let n = self.shape.visible;
        let rows = self.w1.par_chunks_exact_mut(n).zip(self.d.par_chunks_exact_mut(n));
        rows.enumerate().for_each(|(unit, (w1, d))| {
            let mut stream = Stream::numbered(seed, "combinations", unit as u64);
            let mut row = vec![0.0; n];
            for _ in 0..COMBINED {
                let example = sample.row(stream.below(sample.rows as u64) as usize);
                let weight = scale * (2.0 * stream.unit() - 1.0);
                let deviations = example.iter().zip(&inputs.means).map(|(x, mean)| x - mean);
                row.iter_mut().zip(deviations).for_each(|(sum, deviation)| *sum += weight * deviation);
            }
            w1.iter_mut().zip(row).for_each(|(w, sum)| *w = sum as f32);
            d.copy_from_slice(w1);
        });
    }
}

/// Rows that combine examples.
pub(super) struct TiedRows {
    /// q, by which C (x − x̄) is multiplied; 0 where rows are not worth their decay, or the data do not vary.
    gain: f64,
    /// J(q), the penalty aside.
    pub(super) j: f64,
}

impl TiedRows {
    pub(super) fn best(sample: &Matrix<f64>, inputs: &Inputs, objective: &Objective, hidden: usize) -> Self {
        let h = hidden as f64;
        let slope = objective.activation.slope(at_rest(objective));
        let traces = Traces::of(sample, inputs, objective);
        let explained = traces.gc2 - objective.lambda * inputs.variance() / slope;
        let curvature = traces.g2c3 + traces.c2 * traces.g2c / h;
        let gain = (explained / curvature).min(slope * h / traces.c2);
        let gain = if gain > 0.0 && gain.is_finite() { gain } else { 0.0 };
        let mean = 0.5 * inputs.variance();
        // To first order a few directions may be explained whole.
        Self { gain, j: (mean - gain * explained + 0.5 * gain * gain * curvature).max(LEFT * mean) }
    }
}

/// Traces of products of the covariance C and of G, the diagonal of the output's slopes at the means.
struct Traces {
    c2: f64,
    gc2: f64,
    g2c: f64,
    g2c3: f64,
}

impl Traces {
    /// By products C z: of all unit vectors, or where these are too many of random signs (Hutchinson 1990, *A stochastic
    /// estimator of the trace*), the same for every seed.
    fn of(sample: &Matrix<f64>, inputs: &Inputs, objective: &Objective) -> Self {
        let n = sample.cols;
        let slopes = inputs.output_slopes(objective);
        let count = (PROBING / sample.values.len().max(1)).max(LEAST_PROBES).min(n);
        let probe = |number: usize| -> Vec<f64> {
            let mut stream = Stream::numbered(0, "probes", number as u64);
            let mut sign = || if stream.below(2) == 0 { 1.0 } else { -1.0 };
            (0..n).map(|at| if count < n { sign() } else { f64::from(u8::from(at == number)) }).collect()
        };
        let numbers: Vec<usize> = (0..count).collect();
        let of_blocks = numbers.par_chunks(PROBES_AT_ONCE).map(|block| {
            let once = inputs.covariance(sample, &block.iter().copied().map(probe).collect::<Vec<_>>());
            let twice = inputs.covariance(sample, &once);
            let mut sums = [0.0; 3];
            for (u, v) in once.iter().zip(&twice) {
                for ((u, v), g) in u.iter().zip(v).zip(&slopes) {
                    sums[0] += u * u;
                    sums[1] += g * u * u;
                    sums[2] += g * g * u * v;
                }
            }
            sums
        });
        // Every unit vector counts whole, signs for the mean of all.
        let share = if count < n { 1.0 / count as f64 } else { 1.0 };
        let total = of_blocks.collect::<Vec<_>>().into_iter().fold([0.0; 3], |sum, block| {
            [sum[0] + share * block[0], sum[1] + share * block[1], sum[2] + share * block[2]]
        });
        let g2c = inputs.variances.iter().zip(&slopes).map(|(v, slope)| v * slope * slope).sum();
        Self { c2: total[0], gc2: total[1], g2c, g2c3: total[2] }
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

    /// C z for the covariance C over the sample that they are of.
    fn covariance(&self, sample: &Matrix<f64>, vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let dot = |x: &[f64], z: &[f64]| x.iter().zip(z).map(|(x, z)| x * z).sum::<f64>();
        let of_means: Vec<f64> = vectors.iter().map(|z| dot(&self.means, z)).collect();
        let mut products = vec![vec![0.0; sample.cols]; vectors.len()];
        for row in sample.values.chunks_exact(sample.cols) {
            for ((z, mean), product) in vectors.iter().zip(&of_means).zip(&mut products) {
                // Deviations of all rows add up to 0, so that the other factor needs no mean.
                let deviation = (dot(row, z) - mean) / sample.rows as f64;
                product.iter_mut().zip(row).for_each(|(sum, x)| *sum += deviation * x);
            }
        }
        products
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

/// So many rows of a sample, evenly spaced.
fn evenly(sample: &Matrix<f64>, count: usize) -> impl Iterator<Item = &[f64]> {
    (0..count).map(move |i| sample.row((i as u128 * sample.rows as u128 / count as u128) as usize))
}

/// The transpose `[n, count]` of so many rows of a sample, moved so that their mean is that of all of it: the mean decides
/// the activation of a unit more than all else.
fn columns_of(sample: &Matrix<f64>, count: usize, inputs: &Inputs) -> Vec<f64> {
    let mut columns = vec![0.0; sample.cols * count];
    for (i, row) in evenly(sample, count).enumerate() {
        columns[i..].iter_mut().step_by(count).zip(row).for_each(|(to, &x)| *to = x);
    }
    for (column, mean) in columns.chunks_exact_mut(count).zip(&inputs.means) {
        let off = mean - column.iter().sum::<f64>() / count as f64;
        column.iter_mut().for_each(|x| *x += off);
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
