//! One pass of the objective over numbers with error bounds, in the order of [`crate::engine::reference::step`].

use super::kernels::*;
use super::{Approx, sum};
use crate::math::objective::Objective;
use crate::math::params::{ParamTensor, Params, Shape};
use crate::math::transpose::Transpose;
use crate::verify::compare::Expected;

/// The results of one pass that an f32 engine may have.
#[derive(Clone, Debug)]
pub struct Bounded {
    /// Reconstruction, decay and penalty of J.
    pub terms: [Approx; 3],
    /// ρ̂ `[h]`.
    pub rho_hat: Vec<Approx>,
    /// ∇J in the order of [`Params::to_flat`].
    pub gradient: Vec<Approx>,
}

/// The parameters as the device holds them, possibly after updates that were rounded.
#[derive(Clone, Debug)]
pub struct Weights {
    /// W1 `[h, n]`.
    pub w1: Vec<Approx>,
    /// b1 `[h]`.
    pub b1: Vec<Approx>,
    /// D `[h, n]`.
    pub d: Vec<Approx>,
    /// b2 `[n]`.
    pub b2: Vec<Approx>,
}

impl Weights {
    /// Cuts a vector in the order of [`Params::to_flat`].
    pub fn from_flat(flat: &[Approx], visible: usize, hidden: usize) -> Self {
        let shape = Shape { visible, hidden };
        let [w1, b1, d, b2] = ParamTensor::ALL.map(|tensor| flat[tensor.range(shape)].to_vec());
        Self { w1, b1, d, b2 }
    }
}

/// A2 and A3 for X `[m, n]`.
pub fn forward(objective: &Objective, weights: &Weights, x: &[Approx]) -> (Vec<Approx>, Vec<Approx>) {
    let (n, h) = (weights.b2.len(), weights.b1.len());
    let m = x.len() / n;
    let z2 = product(Transpose::Nt, x, &weights.w1, m, h, n);
    let a2 = bias_activation(&z2, &weights.b1, objective.activation);
    let z3 = product(Transpose::Nn, &a2, &weights.d, m, n, h);
    let a3 = bias_activation(&z3, &weights.b2, objective.output);
    (a2, a3)
}

/// J and ∇J over X `[m, n]`, whatever the blocks and chunks. `average` makes ρ̂ a moving average.
pub fn cost_and_gradient(
    objective: &Objective,
    weights: &Weights,
    x: &[Approx],
    average: Option<(&[Approx], f64)>,
) -> Bounded {
    let (n, h) = (weights.b2.len(), weights.b1.len());
    let m = x.len() / n;
    let (a2, a3) = forward(objective, weights, x);

    let mean = mean_of_columns(&a2, h);
    let (rho_hat, slope) = penalty_grad(objective, &mean, average);
    let terms = cost(objective, weights, x, &a3, &rho_hat);

    let delta3 = output_delta(&a3, x, objective.output);
    let error = product(Transpose::Nt, &delta3, &weights.d, m, h, n);
    let delta2 = hidden_delta(&error, &slope, &a2, objective.activation);

    let of_weights = |a: &[Approx], b: &[Approx], w: &[Approx]| {
        weight_gradient(&product(Transpose::Tn, a, b, h, n, m), w, m, objective.lambda, None)
    };
    let d = of_weights(&a2, &delta3, &weights.d);
    let w1 = of_weights(&delta2, x, &weights.w1);
    let (b1, b2) = (mean_of_columns(&delta2, h), mean_of_columns(&delta3, n));
    Bounded { terms, rho_hat, gradient: [w1, b1, d, b2].concat() }
}

fn mean_of_columns(a: &[Approx], cols: usize) -> Vec<Approx> {
    column_mean(a, cols, a.len() / cols, None)
}

/// The three terms of J. Sums of squares are f32 on the device; what the host does with them is exact beside that.
fn cost(
    objective: &Objective,
    weights: &Weights,
    x: &[Approx],
    a3: &[Approx],
    rho_hat: &[Approx],
) -> [Approx; 3] {
    let times = |sum: Approx, factor: f64| Approx { value: factor * sum.value, error: factor * sum.error };
    let m = x.len() / weights.b2.len();
    let squares = sum(squared_error(a3, x, x.len()).into_iter());
    let reconstruction = times(squares, 0.5 / m as f64);

    let of = |w: &[Approx]| dot(w, w, w.len())[0];
    let decay = times(sum([of(&weights.w1), of(&weights.d)].into_iter()), objective.lambda / 2.0);

    let penalty = rho_hat.iter().map(|&r| penalty_of(objective, r)).fold(Approx::default(), |total, term| {
        Approx { value: total.value + term.value, error: total.error + term.error }
    });
    [reconstruction, decay, penalty]
}

/// β times the penalty, taken on the host in f64 at a ρ̂ that has an error. It is convex: its slope is steepest at one of
/// the ends.
fn penalty_of(objective: &Objective, rho_hat: Approx) -> Approx {
    let slope = |r: f64| (objective.beta * objective.penalty.grad(r)).abs();
    let steepest = slope(rho_hat.value - rho_hat.error).max(slope(rho_hat.value + rho_hat.error));
    Approx { value: objective.penalty_of(rho_hat.value), error: steepest * rho_hat.error }
}

impl Bounded {
    /// J.
    pub fn total(&self) -> Approx {
        let [reconstruction, decay, penalty] = self.terms;
        let value = reconstruction.value + decay.value + penalty.value;
        Approx { value, error: reconstruction.error + decay.error + penalty.error }
    }

    /// The gradient as the comparer takes it.
    pub fn expected_gradient(&self) -> Expected {
        self.gradient.clone().into()
    }
}

/// Parameters that an engine holds exactly.
pub fn exact_weights(params: &Params<f32>) -> Weights {
    let flat = super::exact(&params.to_flat());
    Weights::from_flat(&flat, params.shape.visible, params.shape.hidden)
}
