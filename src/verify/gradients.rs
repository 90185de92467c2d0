//! Is the reference's gradient the derivative of its cost? Finite differences in f64.

use crate::engine::reference::gradient_check::{GradientError, check_gradient};
use crate::engine::reference::step::cost_and_gradient;
use crate::math::objective::{Activation, Objective, Penalty, PenaltyKind};
use crate::math::params::{Params, Shape};
use crate::math::random::Stream;

/// Largest relative error of a gradient that counts as right.
pub const BOUND: f64 = 1e-9;

const SHAPE: Shape = Shape { visible: 8, hidden: 5 };
const EXAMPLES: usize = 10;

/// The lecture's test of the checker itself: f = x₁² + 3x₁x₂ at (4, 10), whose gradient is (38, 12).
pub fn quadratic() -> GradientError {
    check_gradient(|x| x[0] * x[0] + 3.0 * x[0] * x[1], &[4.0, 10.0], &[38.0, 12.0])
}

/// ∇J of a small autoencoder at a point drawn from `seed`, every coordinate of every tensor.
pub fn of_model(
    (activation, output): (Activation, Activation),
    kind: PenaltyKind,
    seed: u64,
) -> GradientError {
    let mut stream = Stream::new(seed, "gradient check");
    let mut draw = |count: usize, low: f64, high: f64| -> Vec<f64> {
        (0..count).map(|_| low + (high - low) * stream.unit()).collect()
    };
    let point = draw(SHAPE.parameters(), -1.0, 1.0);
    let x = draw(EXAMPLES * SHAPE.visible, 0.1, 0.9);
    let penalty = Penalty { kind, rho: 0.1 };
    let objective = Objective { activation, output, penalty, beta: 3.0, lambda: 0.01 };
    let at = |point: &[f64]| cost_and_gradient(&objective, &Params::from_flat(SHAPE, point), &x, None);
    check_gradient(|point| at(point).0.total(), &point, &at(&point).1.to_flat())
}
