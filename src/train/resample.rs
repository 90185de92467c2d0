//! Resampling (Bricken et al. 2023): new weights for dead hidden units, each of which is given
//! a badly reconstructed example to begin with.
//!
//! A dead unit has no gradient but that of its penalty and its decay, and often never comes back. Its new encoder and
//! decoder rows point along the residual x − a3 of an example that is drawn with a probability in proportion to the
//! squared error, and its bias gives it the mean activation ρ. The rows are short, so that J hardly changes.

use rayon::prelude::*;

use crate::engine::{Engine, Layer, NewUnit};
use crate::error::Result;
use crate::math::objective::Objective;
use crate::math::params::Params;
use crate::math::random::Stream;
use crate::train::diagnostics::is_dead;

/// Examples that are looked at, at most; no more units than these get new weights at a time, each with one of its own.
pub const EXAMPLES: usize = 1_000;
/// Length of a new row as a share of the mean length of the living units' rows.
pub const LENGTH: f64 = 0.2;
/// Halvings of the interval in which a bias lies.
const HALVINGS: usize = 24;

/// Gives new weights to units that are dead by `rho_hat` `[h]`, as far as there are badly reconstructed examples for them; how
/// many. The same `stream` gives the same units.
///
/// # Errors
/// Those of the engine.
pub fn resample(
    engine: &mut dyn Engine,
    objective: &Objective,
    rho_hat: &[f64],
    stream: &mut Stream,
) -> Result<usize> {
    let is_dead: Vec<bool> = rho_hat.iter().map(|&rho_hat| is_dead(rho_hat, objective)).collect();
    if !is_dead.contains(&true) {
        return Ok(0);
    }
    let visible = engine.shape().visible;
    let rows = some_examples(engine.examples(), stream);
    let x = engine.activations(Layer::Input, &rows)?;
    let a3 = engine.activations(Layer::Output, &rows)?;
    let residuals: Vec<f64> = x.iter().zip(&a3).map(|(&x, &a3)| f64::from(x) - f64::from(a3)).collect();
    let lengths = Lengths::of(&engine.params()?, &is_dead);
    let seeds = Seeds { objective, x: &x, visible, residuals: &residuals, lengths };
    let dead = (0..is_dead.len()).filter(|&unit| is_dead[unit]);
    let drawn: Vec<_> = dead.zip(draw(&residuals, visible, stream)).collect();
    let units: Vec<_> = drawn.into_par_iter().map(|(unit, example)| seeds.unit(unit, example)).collect();
    engine.replace_units(&units)?;
    Ok(units.len())
}

/// All examples, or at most [`EXAMPLES`] of them, drawn at random.
fn some_examples(examples: usize, stream: &mut Stream) -> Vec<usize> {
    if examples <= EXAMPLES {
        return (0..examples).collect();
    }
    let mut rows: Vec<usize> = (0..EXAMPLES).map(|_| stream.below(examples as u64) as usize).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// Examples by chance, without putting back, with probabilities in proportion to their squared errors: those with the
/// largest u^(1/error) for u uniform in [0, 1) come first (Efraimidis & Spirakis 2006). Examples without error are left
/// out.
fn draw(residuals: &[f64], visible: usize, stream: &mut Stream) -> Vec<usize> {
    let mut keys: Vec<(f64, usize)> = residuals
        .chunks_exact(visible)
        .map(|row| (stream.unit(), row.iter().map(|r| r * r).sum::<f64>()))
        .enumerate()
        .filter(|(_, (_, error))| *error > 0.0)
        .map(|(row, (chance, error))| (chance.ln() / error, row))
        .collect();
    keys.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    keys.into_iter().map(|(_, row)| row).collect()
}

/// Lengths of new rows.
#[derive(Clone, Copy)]
struct Lengths {
    encoder: f64,
    decoder: f64,
}

impl Lengths {
    /// [`LENGTH`] of the mean length of the living units' rows; of all rows where no unit lives.
    fn of(params: &Params<f32>, is_dead: &[bool]) -> Self {
        let counts = |unit: usize| !is_dead[unit] || !is_dead.contains(&false);
        let mean = |rows: &[f32]| {
            let rows = rows.chunks_exact(params.shape.visible).enumerate();
            let norms: Vec<f64> = rows.filter(|(unit, _)| counts(*unit)).map(|(_, row)| norm(row)).collect();
            norms.iter().sum::<f64>() / norms.len() as f64
        };
        Self { encoder: LENGTH * mean(&params.w1), decoder: LENGTH * mean(&params.d) }
    }
}

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt()
}

/// The inputs that new units are made of.
struct Seeds<'a> {
    objective: &'a Objective,
    /// `[rows, n]`.
    x: &'a [f32],
    /// n.
    visible: usize,
    /// X − A3, `[rows, n]`.
    residuals: &'a [f64],
    lengths: Lengths,
}

impl Seeds<'_> {
    /// The unit that begins with the residual of `example`.
    fn unit(&self, unit: usize, example: usize) -> NewUnit {
        let residual = &self.residuals[example * self.visible..][..self.visible];
        let length = residual.iter().map(|r| r * r).sum::<f64>().sqrt();
        let along =
            |wanted: f64| -> Vec<f32> { residual.iter().map(|r| (wanted / length * r) as f32).collect() };
        let w1 = along(self.lengths.encoder);
        let b1 = self.bias(&w1);
        NewUnit { unit, w1, b1, d: along(self.lengths.decoder) }
    }

    /// The bias with which the mean active fraction is ρ. With the bias that brings the largest z to ρ it is not more,
    /// with the one that brings the smallest there not less.
    fn bias(&self, w1: &[f32]) -> f32 {
        let (f, rho) = (self.objective.activation, self.objective.penalty.rho);
        let fraction = f.active_fraction();
        let z: Vec<f64> = self.x.chunks_exact(self.visible).map(|x| dot(x, w1)).collect();
        let at_rho = (rho / (1.0 - rho)).ln() * fraction.factor;
        let mut low = at_rho - z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut high = at_rho - z.iter().copied().fold(f64::INFINITY, f64::min);
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            let mean = z.iter().map(|z| f.apply(z + middle)).sum::<f64>() / z.len() as f64;
            *(if fraction.at(mean) > rho { &mut high } else { &mut low }) = middle;
        }
        ((low + high) / 2.0) as f32
    }
}

fn dot(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}
