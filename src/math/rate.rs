//! Default learning rates: as large as the first update allows.
//!
//! The first update of Adam moves every weight by η, whatever its gradient. All weights of a unit move alike, so that z2 moves
//! by up to η(‖x‖₁ + 1), and with it ρ̂, and all rows of D, so that z3 moves by η h a, a being the activation at rest. To second
//! order J jumps by
//!
//! ```text
//! ΔJ = ½ η² (β h (∂ρ̂/∂z)² / (ρ(1−ρ)) · (‖x‖₁ + 1)² + h² a² Σ_i g′_i²)
//! ```
//!
//! η is such that ΔJ is (T/200)^1.5 times the J that the start from data begins at, in a run of T updates, so that ten updates begin
//! to lower J at any width, and 4 V/2 at most, which a long run has unlearned soon. The exponent is a fit.
//!
//! SGD takes the inverse of the largest curvature of J there, along all units alike and all rows of D alike:
//!
//! ```text
//! L = β (∂ρ̂/∂z)² / (ρ(1−ρ)) · (‖x̄‖² + 1) + max g′² · (1 + h a²)
//! ```

use super::objective::Objective;
use super::optim::Optimizer;
use super::params::Matrix;
use super::start::{Inputs, TiedRows, at_rest};

/// The rate of Adam where nothing else limits it.
const OF_ADAM: f64 = 0.01;
/// That of SGD.
const OF_SGD: f64 = 0.3;
/// Updates that a jump by J takes to be unlearned, and the power of others.
const UPDATES: f64 = 200.0;
const POWER: f64 = 1.5;
/// The largest jump, as a multiple of V/2.
const JUMP: f64 = 4.0;

/// The largest that an optimiser is given.
pub fn most(optimizer: Optimizer) -> f64 {
    match optimizer {
        Optimizer::Sgd => OF_SGD,
        Optimizer::Adam | Optimizer::Lbfgs => OF_ADAM,
    }
}

/// The rate of Adam for `hidden` units over examples like those of `sample` `[m, n]`, in a run of so many `updates`.
pub fn of_adam(sample: &Matrix<f64>, hidden: usize, objective: &Objective, updates: usize) -> f64 {
    let inputs = Inputs::of(sample);
    let (h, rest) = (hidden as f64, at_rest(objective));
    let length = 1.0 + sample.values.iter().map(|x| x.abs()).sum::<f64>() / sample.rows as f64;
    let of_penalty = h * curvature_of_penalty(objective) * length.powi(2);
    let of_output =
        inputs.output_slopes(objective).iter().map(|slope| slope * slope).sum::<f64>() * (h * rest).powi(2);
    let begins = TiedRows::best(sample, &inputs, objective, hidden).j;
    let jump = (begins * (updates as f64 / UPDATES).powf(POWER)).min(JUMP * inputs.variance() / 2.0);
    rounded(OF_ADAM, (2.0 * jump / (of_penalty + of_output)).sqrt())
}

/// The rate of SGD for `hidden` units over examples like those of `sample` `[m, n]`.
pub fn of_sgd(sample: &Matrix<f64>, hidden: usize, objective: &Objective) -> f64 {
    let inputs = Inputs::of(sample);
    let steepest = inputs.output_slopes(objective).into_iter().fold(0.0, f64::max);
    let of_output = steepest.powi(2) * (1.0 + hidden as f64 * at_rest(objective).powi(2));
    rounded(OF_SGD, 1.0 / (curvature_of_penalty(objective) * (inputs.mean_square() + 1.0) + of_output))
}

/// ∂²/∂z² of the penalty of a unit at rest: β (∂ρ̂/∂z)² / (ρ(1−ρ)).
fn curvature_of_penalty(objective: &Objective) -> f64 {
    let (rho, f) = (objective.penalty.rho, objective.activation);
    let reach = f.active_fraction().factor * f.slope(at_rest(objective));
    objective.beta * reach.powi(2) / (rho * (1.0 - rho))
}

/// At most `most`, in two digits, for people; data that do not vary ask for no rate of their own.
fn rounded(most: f64, rate: f64) -> f64 {
    let rate = if rate > 0.0 { rate.min(most) } else { most };
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rows` examples of `n` numbers, half of them 0 and half 1 in turn.
    fn sample(rows: usize, n: usize) -> Matrix<f64> {
        Matrix::new(rows, n, (0..rows * n).map(|i| ((i / n + i % n) % 2) as f64).collect())
    }

    #[test]
    fn the_rate_falls_with_the_width_and_rises_with_the_length_of_a_run_up_to_a_hundredth() {
        // A decay of which the start explains nothing.
        let objective = Objective { lambda: 1.0, ..Objective::default() };
        let rate = |hidden, updates| of_adam(&sample(20, 100), hidden, &objective, updates);
        assert_eq!(rate(4, 10_000), OF_ADAM);
        let wide: Vec<f64> = [1 << 10, 1 << 14, 1 << 17].map(|hidden| rate(hidden, 10)).to_vec();
        assert!(wide.windows(2).all(|pair| pair[1] < pair[0]) && wide[2] > 0.0, "{wide:?}");
        assert!(rate(1 << 14, 10) < rate(1 << 14, 100) && rate(1 << 14, 800) == rate(1 << 14, 80_000));
    }

    #[test]
    fn the_rate_is_that_of_the_formula() {
        // h 1000 and rho 0.01: 3 · 1000 · 0.0099 · 51² + 1000² · 0.01² · 100/16; variance 25, of which a decay of 1 lets
        // the start explain none, ten updates.
        let heavy = Objective { lambda: 1.0, ..Objective::default() };
        let found = of_adam(&sample(20, 100), 1_000, &heavy, 10);
        let curvature = 3.0 * 1_000.0 * 0.0099 * 51f64.powi(2) + 100.0 * 100.0 / 16.0;
        let wanted = (0.05_f64.powf(1.5) * 25.0 / curvature).sqrt();
        assert!((found / wanted - 1.0).abs() < 0.05, "{found}, not {wanted}");
        // Without decay the start explains what varies, and less of a jump is worth its while.
        assert!(of_adam(&sample(20, 100), 1_000, &Objective::default(), 10) < 0.9 * found);
        // 3 · 0.0099 · (25 + 1) + (1 + h · 1e-4) / 16.
        let sgd = |hidden| of_sgd(&sample(20, 100), hidden, &Objective::default());
        assert_eq!((sgd(25), sgd(10_000_000)), (OF_SGD, 0.016));
    }

    #[test]
    fn data_that_do_not_vary_have_a_rate() {
        assert_eq!(of_adam(&Matrix::new(3, 2, vec![0.5; 6]), 10, &Objective::default(), 10), OF_ADAM);
    }
}
