//! The kernels over numbers with error bounds: the same formulas as [`crate::engine::reference::kernels`], which gives the
//! values where there are many.

use super::{Approx, sum, sum_error};
use crate::engine::reference::kernels as reference;
use crate::math::activation::{Activation, ActiveFraction};
use crate::math::objective::Objective;
use crate::math::optim::first_order::{self, adam_corrections};
use crate::math::penalty::clamp_rho_hat;
use crate::math::transpose::Transpose;

/// C `[m, n]` from A and B, summed in any order.
pub fn product(
    transpose: Transpose,
    a: &[Approx],
    b: &[Approx],
    m: usize,
    n: usize,
    k: usize,
) -> Vec<Approx> {
    let multiply = |a: Vec<f64>, b: Vec<f64>| reference::matmul(transpose, &a, &b, m, n, k);
    let values = multiply(map(a, |x| x.value), map(b, |x| x.value));
    let size = multiply(map(a, |x| x.value.abs()), map(b, |x| x.value.abs()));
    let are_exact = a.iter().chain(b).all(|x| x.error == 0.0);
    let reach = if are_exact { size.clone() } else { multiply(map(a, Approx::reach), map(b, Approx::reach)) };
    let bounds = reach.iter().zip(&size).map(|(reach, size)| {
        // The effect of the operands' errors on the exact product, and then the sum's own rounding.
        (reach - size).max(0.0) + sum_error(k, 1) * reach
    });
    values.iter().zip(bounds).map(|(&value, error)| Approx { value, error }).collect()
}

fn map(numbers: &[Approx], f: impl Fn(Approx) -> f64) -> Vec<f64> {
    numbers.iter().map(|&x| f(x)).collect()
}

/// f(Z + b).
pub fn bias_activation(z: &[Approx], bias: &[Approx], f: Activation) -> Vec<Approx> {
    z.iter().enumerate().map(|(i, &z)| (z + bias[i % bias.len()]).activation(f)).collect()
}

/// Column sums over blocks of `block` rows, `[⌈rows/block⌉, cols]`.
pub fn column_sums(a: &[Approx], cols: usize, block: usize) -> Vec<Approx> {
    let column = |rows: &[Approx], j: usize| sum(rows.iter().skip(j).step_by(cols).copied());
    a.chunks(block * cols).flat_map(|rows| (0..cols).map(move |j| column(rows, j))).collect()
}

/// Column means over `rows` rows from block sums, added to `before` if there are any.
pub fn column_mean(sums: &[Approx], cols: usize, rows: usize, before: Option<&[Approx]>) -> Vec<Approx> {
    let scale = Approx::rounded(1.0 / rows as f64);
    let means = column_sums(sums, cols, sums.len()).into_iter().map(|sum| sum * scale);
    means.enumerate().map(|(j, mean)| before.map_or(mean, |before| before[j] + mean)).collect()
}

/// ρ̂ and the gradient of the penalty.
pub fn penalty_grad(
    objective: &Objective,
    mean: &[Approx],
    average: Option<(&[Approx], f64)>,
) -> (Vec<Approx>, Vec<Approx>) {
    let rho_hat = |(j, &mean): (usize, &Approx)| {
        let now = active_fraction(objective.activation.active_fraction(), mean);
        average.map_or(now, |(before, mu)| {
            let mu = Approx::rounded(mu);
            mu * before[j] + (Approx::exact(1.0) - mu) * now
        })
    };
    let rho_hat: Vec<Approx> = mean.iter().enumerate().map(rho_hat).collect();
    let grad = rho_hat.iter().map(|&rho_hat| grad_at(objective, rho_hat)).collect();
    (rho_hat, grad)
}

/// The active fraction of a mean activation. To add 0 and to multiply by 1 rounds nothing, but may flush to 0.
fn active_fraction(ActiveFraction { offset, factor }: ActiveFraction, mean: Approx) -> Approx {
    let flushed = |x: Approx| Approx { error: x.error + f64::from(f32::MIN_POSITIVE), ..x };
    let sum = if offset == 0.0 { flushed(mean) } else { Approx::exact(offset) + mean };
    if factor == 1.0 { sum } else { Approx::exact(factor) * sum }
}

/// s never falls as ρ̂ rises, so that its two ends bound what an error of ρ̂ does to it, however close ρ̂ is to 0 or 1.
fn grad_at(objective: &Objective, rho_hat: Approx) -> Approx {
    let value = objective.penalty_grad(rho_hat.value);
    let ends = [rho_hat.value - rho_hat.error, rho_hat.value + rho_hat.error];
    let rounding = ends.map(|end| grad_as_computed(objective, Approx::exact(clamp_rho_hat(end))).error);
    let spread = ends.map(|end| (objective.penalty_grad(end) - value).abs());
    Approx { value, error: spread[0].max(spread[1]) + rounding[0].max(rounding[1]) }
}

/// The formula of s with each of its operations, at a given ρ̂.
fn grad_as_computed(objective: &Objective, rho_hat: Approx) -> Approx {
    let factor = Approx::rounded(objective.beta * objective.activation.active_fraction().factor);
    factor * objective.penalty.grad_at(rho_hat)
}

/// δ3 = (A3 − X) ⊙ g′.
pub fn output_delta(a3: &[Approx], x: &[Approx], g: Activation) -> Vec<Approx> {
    a3.iter().zip(x).map(|(&a3, &x)| (a3 - x) * g.slope(a3)).collect()
}

/// δ2 = (E + s) ⊙ f′.
pub fn hidden_delta(error: &[Approx], slope: &[Approx], a2: &[Approx], f: Activation) -> Vec<Approx> {
    let unit = |(i, (&e, &a2)): (usize, (&Approx, &Approx))| (e + slope[i % slope.len()]) * f.slope(a2);
    error.iter().zip(a2).enumerate().map(unit).collect()
}

/// ∂W from `products` `[slices, len(w)]`, over `examples` rows; added to the sums of earlier chunks if there are any,
/// which hold λW already.
pub fn weight_gradient(
    products: &[Approx],
    w: &[Approx],
    examples: usize,
    lambda: f64,
    before: Option<&[Approx]>,
) -> Vec<Approx> {
    let (scale, lambda) = (Approx::rounded(1.0 / examples as f64), Approx::rounded(lambda));
    let (len, slices) = (w.len(), products.len() / w.len());
    let element = |(i, &w): (usize, &Approx)| {
        let product = sum((0..slices).map(|slice| products[slice * len + i])) * scale;
        before.map_or_else(|| product + lambda * w, |before| before[i] + product)
    };
    w.iter().enumerate().map(element).collect()
}

/// Σ (A3 − X)² over each block.
pub fn squared_error(a3: &[Approx], x: &[Approx], block: usize) -> Vec<Approx> {
    let squares: Vec<Approx> = a3.iter().zip(x).map(|(&a3, &x)| (a3 - x) * (a3 - x)).collect();
    squares.chunks(block).map(|block| sum(block.iter().copied())).collect()
}

/// Σ x·y over each block.
pub fn dot(x: &[Approx], y: &[Approx], block: usize) -> Vec<Approx> {
    let products: Vec<Approx> = x.iter().zip(y).map(|(&x, &y)| x * y).collect();
    products.chunks(block).map(|block| sum(block.iter().copied())).collect()
}

/// s, y and the trial gradient out of trial point, parameters, trial gradient and gradient.
pub fn keep([trial, params, trial_gradient, gradient]: [Vec<Approx>; 4]) -> [Vec<Approx>; 3] {
    let difference = |x: &[Approx], y: &[Approx]| x.iter().zip(y).map(|(&x, &y)| x - y).collect();
    [difference(&trial, &params), difference(&trial_gradient, &gradient), trial_gradient]
}

/// αx + γy.
pub fn axpy(alpha: f64, x: &[Approx], gamma: f64, y: &[Approx]) -> Vec<Approx> {
    let (alpha, gamma) = (Approx::rounded(alpha), Approx::rounded(gamma));
    x.iter().zip(y).map(|(&x, &y)| alpha * x + gamma * y).collect()
}

/// Σ_t c_t v_t over vectors of a stack.
pub fn linear_combination(stack: &[Approx], len: usize, terms: &[(f64, usize)]) -> Vec<Approx> {
    let term = |i: usize, &(c, vector): &(f64, usize)| Approx::rounded(c) * stack[vector * len + i];
    (0..len).map(|i| sum(terms.iter().map(|t| term(i, t)))).collect()
}

/// New w and v.
pub fn sgd(
    w: &[Approx],
    velocity: &[Approx],
    gradient: &[Approx],
    lr: f64,
    momentum: f64,
) -> [Vec<Approx>; 2] {
    let old = w.iter().zip(velocity).zip(gradient);
    let new = old.map(|((&w, &v), &g)| first_order::sgd([w, v], g, lr, momentum)).collect::<Vec<_>>();
    [0, 1].map(|i| new.iter().map(|new| new[i]).collect())
}

/// New w and both moments.
pub fn adam(
    w: &[Approx],
    moments: [&[Approx]; 2],
    gradient: &[Approx],
    lr: f64,
    step: u64,
) -> [Vec<Approx>; 3] {
    let corrections = adam_corrections(step);
    let old = w.iter().zip(moments[0]).zip(moments[1]).zip(gradient);
    let update = |(((&w, &m), &v), &g)| first_order::adam([w, m, v], g, lr, corrections);
    let new = old.map(update).collect::<Vec<_>>();
    [0, 1, 2].map(|i| new.iter().map(|new| new[i]).collect())
}
