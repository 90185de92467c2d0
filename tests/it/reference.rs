//! The reference against values worked out by hand and closed forms. Everything else is compared with it.

use rhohat::engine::reference::gradient_check::check_gradient;
use rhohat::engine::reference::kernels::{adam, sgd};
use rhohat::engine::reference::step::cost_and_gradient;
use rhohat::math::objective::{Activation, Cost, Objective, Penalty, RHO_HAT_MIN};
use rhohat::math::params::{Params, Shape};
use rhohat::math::random::Stream;
use rhohat::verify::compare::Expected;

/// A few roundings of f64.
const ROUNDING: f64 = 1e-14;

fn assert_close(got: &[f64], expected: &[f64]) {
    Expected::within(expected.to_vec(), |i| ROUNDING * expected[i].abs().max(1.0)).compare(got).unwrap();
}

/// Three terms of J, then ∇J in the order W1, b1, D, b2.
fn all(objective: &Objective, params: &Params<f64>, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (Cost { reconstruction, decay, penalty, .. }, gradient) =
        cost_and_gradient(objective, params, x, None);
    (vec![reconstruction, decay, penalty], gradient.to_flat())
}

fn random_point(shape: Shape, examples: usize) -> (Params<f64>, Vec<f64>) {
    let mut stream = Stream::new(3, "reference test");
    let mut draw = |count: usize| -> Vec<f64> { (0..count).map(|_| stream.unit() - 0.5).collect() };
    (Params::from_flat(shape, &draw(shape.parameters())), draw(examples * shape.visible))
}

#[test]
fn one_sigmoid_unit_on_one_number_is_what_pen_and_paper_give() {
    let shape = Shape { visible: 1, hidden: 1 };
    let objective = Objective { penalty: Penalty::kl(0.1), beta: 2.0, lambda: 0.5, ..Objective::default() };
    let params = Params { shape, w1: vec![1.5], b1: vec![-0.5], d: vec![2.0], b2: vec![0.75] };
    let (terms, gradient) = all(&objective, &params, &[0.25]);
    assert_close(&terms, &[0.176_362_053_346_825_56, 1.5625, 0.640_032_123_851_441_9]);
    let by_hand =
        [0.944_136_524_266_851_1, 0.776_546_097_067_403_4, 1.036_675_598_895_636_7, 0.078_234_497_049_526_83];
    assert_close(&gradient, &by_hand);
}

#[test]
fn one_tanh_unit_with_a_linear_output_is_what_pen_and_paper_give() {
    let shape = Shape { visible: 1, hidden: 1 };
    let (activation, output) = (Activation::Tanh, Activation::Linear);
    let objective = Objective { activation, output, penalty: Penalty::kl(0.1), beta: 2.0, lambda: 0.5 };
    let params = Params { shape, w1: vec![1.5], b1: vec![-0.5], d: vec![2.0], b2: vec![0.75] };
    let (terms, gradient) = all(&objective, &params, &[0.25]);
    assert_close(&terms, &[0.031_574_336_327_617_02, 1.5625, 0.551_712_892_974_790_9]);
    let by_hand =
        [1.211_527_533_744_925_2, 1.846_110_134_979_701, 0.968_750_837_213_415_2, 0.251_293_996_456_807_6];
    assert_close(&gradient, &by_hand);
}

/// The cost that the manual of MATLAB's `trainAutoencoder` gives, from its formula: E = 1/N Σ‖x − x̂‖² + λ ½ ΣΣ w² + β Σ KL(ρ‖ρ̂).
fn cost_of_matlab(
    (lambda, beta, rho): (f64, f64, f64),
    Params { shape: Shape { visible: n, hidden: h }, w1, b1, d, b2 }: &Params<f64>,
    x: &[f64],
) -> f64 {
    let logsig = |z: f64| 1.0 / (1.0 + (-z).exp());
    let examples = x.len() / n;
    let (mut errors, mut rho_hat) = (0.0, vec![0.0; *h]);
    for x in x.chunks_exact(*n) {
        let row = |unit: usize| (0..*n).map(|k| w1[unit * n + k] * x[k]).sum::<f64>();
        let z: Vec<f64> = (0..*h).map(|unit| logsig(row(unit) + b1[unit])).collect();
        rho_hat.iter_mut().zip(&z).for_each(|(mean, z)| *mean += z / examples as f64);
        for k in 0..*n {
            let output = logsig((0..*h).map(|unit| z[unit] * d[unit * n + k]).sum::<f64>() + b2[k]);
            errors += (x[k] - output).powi(2);
        }
    }
    let weights: f64 = w1.iter().chain(d).map(|w| w * w).sum();
    let kl = |r: &f64| rho * (rho / r).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - r)).ln();
    errors / examples as f64 + lambda * 0.5 * weights + beta * rho_hat.iter().map(kl).sum::<f64>()
}

/// Of what `trainAutoencoder` minimises, J is the half under half of its λ and β: the minimum is the same.
#[test]
fn half_of_the_cost_of_matlab_is_j_under_half_of_its_weights() {
    let (params, x) = random_point(Shape { visible: 5, hidden: 3 }, 7);
    let (lambda, beta, rho) = (0.001, 1.0, 0.05);
    let penalty = Penalty::kl(rho);
    let objective = Objective { penalty, beta: beta / 2.0, lambda: lambda / 2.0, ..Objective::default() };
    let j: f64 = all(&objective, &params, &x).0.iter().sum();
    assert_close(&[j], &[cost_of_matlab((lambda, beta, rho), &params, &x) / 2.0]);
}

/// With all parameters 0, sigmoid units stand at ½ and the formulas shrink to means of X.
#[test]
fn zero_parameters_give_the_closed_form() {
    let shape = Shape { visible: 3, hidden: 2 };
    let objective = Objective { penalty: Penalty::kl(0.2), beta: 3.0, lambda: 1.0, ..Objective::default() };
    let x = [0.1, 0.9, 0.4, 0.3, 0.7, 0.8];
    let (terms, gradient) = all(&objective, &Params::zeros(shape), &x);

    let squares: f64 = x.iter().map(|x| (0.5 - x) * (0.5 - x)).sum();
    let kl = 0.2 * (0.2_f64 / 0.5).ln() + 0.8 * (0.8_f64 / 0.5).ln();
    assert_close(&terms, &[squares / 4.0, 0.0, 3.0 * 2.0 * kl]);

    let mean = [(0.1 + 0.3) / 2.0, (0.9 + 0.7) / 2.0, (0.4 + 0.8) / 2.0];
    let slope = 3.0 * (-0.2 / 0.5 + 0.8 / 0.5);
    let w1 = mean.map(|x| slope / 4.0 * x);
    let b2 = mean.map(|x| (0.5 - x) / 4.0);
    let d = b2.map(|delta| 0.5 * delta);
    assert_close(
        &gradient,
        &[w1.to_vec(), w1.to_vec(), vec![slope / 4.0; 2], d.to_vec(), d.to_vec(), b2.to_vec()].concat(),
    );
}

#[test]
fn a_gradient_without_the_factor_of_tanh_fails_the_finite_differences() {
    let shape = Shape { visible: 4, hidden: 3 };
    let objective =
        Objective { activation: Activation::Tanh, penalty: Penalty::kl(0.1), ..Objective::default() };
    let (params, x) = random_point(shape, 6);
    let cost =
        |point: &[f64]| cost_and_gradient(&objective, &Params::from_flat(shape, point), &x, None).0.total();
    let right = cost_and_gradient(&objective, &params, &x, None).1.to_flat();
    assert!(check_gradient(cost, &params.to_flat(), &right).extrapolated < 1e-9);

    // Twice β in the gradient alone is what forgetting the ½ amounts to.
    let doubled = Objective { beta: 2.0 * objective.beta, ..objective };
    let wrong = cost_and_gradient(&doubled, &params, &x, None).1.to_flat();
    assert!(check_gradient(cost, &params.to_flat(), &wrong).extrapolated > 1e-2);
}

#[test]
fn a_gradient_that_holds_nan_fails_the_finite_differences() {
    let error = check_gradient(|x| x[0], &[1.0], &[f64::NAN]);
    assert!(error.central.is_nan() && error.extrapolated.is_nan());
}

#[test]
fn examples_given_twice_change_nothing() {
    let (params, x) = random_point(Shape { visible: 5, hidden: 4 }, 7);
    let once = all(&Objective::default(), &params, &x);
    let twice = all(&Objective::default(), &params, &[x.clone(), x].concat());
    assert_close(&twice.0, &once.0);
    assert_close(&twice.1, &once.1);
}

#[test]
fn hidden_units_in_another_order_have_their_gradients_in_that_order() {
    let shape = Shape { visible: 3, hidden: 2 };
    let (params, x) = random_point(shape, 6);
    let swap = |p: &Params<f64>| -> Params<f64> {
        let rows = |w: &[f64]| [&w[3..], &w[..3]].concat();
        Params { shape, w1: rows(&p.w1), b1: vec![p.b1[1], p.b1[0]], d: rows(&p.d), b2: p.b2.clone() }
    };
    let (cost, gradient) = cost_and_gradient(&Objective::default(), &params, &x, None);
    let (swapped_cost, swapped) = cost_and_gradient(&Objective::default(), &swap(&params), &x, None);
    assert_close(&[swapped_cost.total()], &[cost.total()]);
    assert_close(&swapped.to_flat(), &swap(&gradient).to_flat());
}

#[test]
fn the_penalty_is_zero_and_flat_where_rho_hat_is_rho() {
    for rho in [0.01, 0.05, 0.5] {
        let objective = Objective { penalty: Penalty::kl(rho), ..Objective::default() };
        assert_close(&[objective.penalty_of(rho), objective.penalty_grad(rho)], &[0.0, 0.0]);
    }
    let objective = Objective { penalty: Penalty::kl(0.05), beta: 1.0, ..Objective::default() };
    assert_close(&[objective.penalty_of(0.2)], &[0.093_943_026_024_331_54]);
}

#[test]
fn units_that_are_never_or_always_on_are_penalised_finitely_and_counted() {
    let objective = Objective::default();
    for rho_hat in [0.0, 1.0, -1e-9, 1.0 + 1e-9] {
        assert!(objective.penalty_of(rho_hat).is_finite() && objective.penalty_grad(rho_hat).is_finite());
    }
    assert!(objective.penalty_of(0.0) > 0.0 && objective.penalty_grad(0.0) < 0.0);
    assert!(objective.penalty_of(1.0) > 0.0 && objective.penalty_grad(1.0) > 0.0);
    assert!(objective.penalty_of(f64::NAN).is_nan(), "NaN has to be seen");
    let mut cost = Cost::default();
    cost.rho_hat = vec![0.0, 0.5, 1.0, RHO_HAT_MIN];
    assert_eq!(cost.clamped(), 2);
}

#[test]
fn momentum_sums_a_geometric_series() {
    let (mut w, mut v) = (vec![1.0], vec![0.0]);
    for _ in 0..3 {
        sgd(&mut w, &mut v, &[2.0], 0.1, 0.5);
    }
    assert_close(&[v[0], w[0]], &[2.0 * 1.75, 1.0 - 0.1 * 2.0 * (1.0 + 1.5 + 1.75)]);
}

#[test]
fn the_first_update_of_adam_has_the_length_of_the_rate_whatever_the_gradient() {
    let (mut w, mut first, mut second) = (vec![0.0; 3], vec![0.0; 3], vec![0.0; 3]);
    adam(&mut w, &mut first, &mut second, &[1e-3, -50.0, 0.0], 0.01, 1);
    // ε stands outside the root, after the bias correction.
    let step = |g: f64| -0.01 * g / (g.abs() + 1e-8);
    assert_close(&w, &[step(1e-3), step(-50.0), 0.0]);
}

#[test]
fn the_moving_average_enters_penalty_and_slope_without_a_factor() {
    let (params, x) = random_point(Shape { visible: 4, hidden: 3 }, 6);
    let objective = Objective::default();
    let (plain, _) = cost_and_gradient(&objective, &params, &x, None);
    let before = [0.3, 0.4, 0.5];
    let (cost, gradient) = cost_and_gradient(&objective, &params, &x, Some((&before, 0.9)));
    let expected: Vec<f64> = plain.rho_hat.iter().zip(before).map(|(now, b)| 0.9 * b + 0.1 * now).collect();
    assert_close(&cost.rho_hat, &expected);
    assert_close(&[cost.penalty], &[expected.iter().map(|&r| objective.penalty_of(r)).sum()]);

    // The same slope as that of a batch whose own ρ̂ is the average: μ = 0 with that ρ̂ in its place.
    let (_, at_average) = cost_and_gradient(&objective, &params, &x, Some((&expected, 1.0)));
    assert_close(&gradient.to_flat(), &at_average.to_flat());
}
