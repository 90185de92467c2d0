//! One pass of the objective in f64, in the order of the formulas: forward, ρ̂, cost, deltas, gradient.

use super::kernels::*;
use crate::math::objective::{Cost, Objective};
use crate::math::params::Params;

/// The values of both layers.
#[derive(Clone, Debug)]
pub struct Forward {
    /// A2 `[m, h]`.
    pub a2: Vec<f64>,
    /// A3 `[m, n]`.
    pub a3: Vec<f64>,
}

/// A2 = f(X W1ᵀ + b1), A3 = g(A2 D + b2) for X `[m, n]`.
pub fn forward(objective: &Objective, params: &Params<f64>, x: &[f64]) -> Forward {
    let (n, h) = (params.shape.visible, params.shape.hidden);
    let m = x.len() / n;

    let a2 = layer_nt(x, &params.w1, &params.b1, m, n, objective.activation);
    let a3 = layer_nn(&a2, &params.d, &params.b2, m, h, objective.output);
    Forward { a2, a3 }
}

/// J and ∇J over the examples X `[m, n]`. `average` makes ρ̂ a moving average, see [`penalty_grad`].
pub fn cost_and_gradient(
    objective: &Objective,
    params: &Params<f64>,
    x: &[f64],
    average: Option<(&[f64], f64)>,
) -> (Cost, Params<f64>) {
    let (n, h) = (params.shape.visible, params.shape.hidden);
    let m = x.len() / n;
    let Forward { a2, a3 } = forward(objective, params, x);

    let mean = column_mean(&a2, h, m);
    let (rho_hat, slope) = penalty_grad(objective, &mean, average);
    let cost = cost(objective, params, x, &a3, rho_hat);

    let delta3 = output_delta(&a3, x, objective.output);
    let error = matmul_nt(&delta3, &params.d, m, h, n);
    let delta2 = hidden_delta(&error, &slope, &a2, objective.activation);

    let d = weight_gradient(&matmul_tn(&a2, &delta3, h, n, m), &params.d, m, objective.lambda);
    let w1 = weight_gradient(&matmul_tn(&delta2, x, h, n, m), &params.w1, m, objective.lambda);
    let b1 = column_mean(&delta2, h, m);
    let b2 = column_mean(&delta3, n, m);
    (cost, Params { shape: params.shape, w1, b1, d, b2 })
}

/// J from the outputs A3 `[m, n]` and ρ̂ `[h]`.
pub fn cost(objective: &Objective, params: &Params<f64>, x: &[f64], a3: &[f64], rho_hat: Vec<f64>) -> Cost {
    let n = params.shape.visible;
    let squared_error = squared_error(a3, x, n).iter().sum();
    let weights = [&params.w1, &params.d];
    let squared_weights = weights.iter().flat_map(|w| dot(w, w, n)).sum();
    Cost::from_sums(objective, x.len() / n, squared_error, squared_weights, rho_hat)
}
