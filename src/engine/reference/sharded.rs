//! The reference with its hidden units in shards, of which each rank has some: the formulas of `step.rs` once more, cut
//! where they can be.
//!
//! ```text
//! A2_v = f(X W1_vᵀ + b1_v)     ρ̂_v, s_v                     by each shard alone
//! Z3   = Σ_v A2_v D_v                                         the one large sum: m·n numbers
//! A3   = g(Z3 + b2)             δ3, Σ (A3 − X)², ∂b2          alike on all ranks
//! δ2_v = (δ3 D_vᵀ + s_v) ⊙ f′   ∂W1_v, ∂b1_v, ∂D_v            by each shard alone
//! J                             Σ_v penalty, Σ_v ‖W_v‖²       two numbers
//! ```

mod engine;
mod search;

pub use engine::ShardedReference;

use super::kernels::*;
use crate::engine::collective::{Ranks, TreeSum, VOTES};
use crate::error::Result;
use crate::math::objective::{Cost, Objective};
use crate::math::params::Params;

/// A2 of each shard of this rank `[m, units]`, and A3 `[m, n]`.
struct Forward {
    a2: Vec<Vec<f64>>,
    a3: Vec<f64>,
}

/// What a pass over X has brought: for each shard of this rank, and alike on all ranks.
struct Pass {
    /// ρ̂ `[units]` of each shard.
    rho_hat: Vec<Vec<f64>>,
    /// ∇J of each shard, each with all of ∂b2.
    gradients: Vec<Params<f64>>,
    /// Σ (A3 − X)².
    squared_error: f64,
}

impl Pass {
    /// What J is made of beside the weights.
    fn terms(&self) -> (f64, &[Vec<f64>]) {
        (self.squared_error, &self.rho_hat)
    }
}

/// A2_v = f(X W1_vᵀ + b1_v) for every shard of this rank.
fn hidden(objective: &Objective, shards: &[Params<f64>], x: &[f64]) -> Vec<Vec<f64>> {
    let layer = |shard: &Params<f64>| {
        let n = shard.shape.visible;
        layer_nt(x, &shard.w1, &shard.b1, x.len() / n, n, objective.activation)
    };
    shards.iter().map(layer).collect()
}

/// A3 = g(Σ_v A2_v D_v + b2) over the shards of all ranks.
fn output(
    ranks: &mut Ranks,
    objective: &Objective,
    shards: &[Params<f64>],
    a2: &[Vec<f64>],
) -> Result<Vec<f64>> {
    let (n, m) = (shards[0].shape.visible, a2[0].len() / shards[0].shape.hidden);
    let mut tree = TreeSum::default();
    for (shard, a2) in shards.iter().zip(a2) {
        tree.push_numbers(matmul_nn(a2, &shard.d, m, n, shard.shape.hidden));
    }
    let mut z3 = tree.total_numbers().unwrap_or_default();
    z3.extend([0.0; VOTES]);
    ranks.outputs(&mut z3)?;
    z3.truncate(m * n);
    bias_activation(&mut z3, &shards[0].b2, objective.output);
    Ok(z3)
}

fn forward(ranks: &mut Ranks, objective: &Objective, shards: &[Params<f64>], x: &[f64]) -> Result<Forward> {
    let a2 = hidden(objective, shards, x);
    let a3 = output(ranks, objective, shards, &a2)?;
    Ok(Forward { a2, a3 })
}

/// The pass over X. `averages` make ρ̂ a moving average, shard by shard, see [`penalty_grad`].
fn pass(
    ranks: &mut Ranks,
    objective: &Objective,
    shards: &[Params<f64>],
    x: &[f64],
    averages: Option<(&[Vec<f64>], f64)>,
) -> Result<Pass> {
    let Forward { a2, a3 } = forward(ranks, objective, shards, x)?;
    let n = shards[0].shape.visible;
    let m = x.len() / n;
    let delta3 = output_delta(&a3, x, objective.output);
    let b2 = column_mean(&delta3, n, m);

    let (mut rho_hats, mut gradients) = (Vec::new(), Vec::new());
    for (v, (shard, a2)) in shards.iter().zip(&a2).enumerate() {
        let h = shard.shape.hidden;
        let mean = column_mean(a2, h, m);
        let average = averages.map(|(before, mu)| (&before[v][..], mu));
        let (rho_hat, slope) = penalty_grad(objective, &mean, average);

        let error = matmul_nt(&delta3, &shard.d, m, h, n);
        let delta2 = hidden_delta(&error, &slope, a2, objective.activation);
        let d = weight_gradient(&matmul_tn(a2, &delta3, h, n, m), &shard.d, m, objective.lambda);
        let w1 = weight_gradient(&matmul_tn(&delta2, x, h, n, m), &shard.w1, m, objective.lambda);
        let b1 = column_mean(&delta2, h, m);
        gradients.push(Params { shape: shard.shape, w1, b1, d, b2: b2.clone() });
        rho_hats.push(rho_hat);
    }
    let squared_error = squared_error(&a3, x, n).iter().sum();
    Ok(Pass { rho_hat: rho_hats, gradients, squared_error })
}

/// J over `rows` rows at the parameters of the shards, from Σ (A3 − X)², which is alike on all ranks, and ρ̂ of each shard; beside it
/// the sum of one more number of each shard, where `more` has them.
fn cost(
    ranks: &mut Ranks,
    objective: &Objective,
    shards: &[Params<f64>],
    rows: usize,
    (squared_error, rho_hat): (f64, &[Vec<f64>]),
    more: &[f64],
) -> Result<(Cost, Option<f64>)> {
    let mut parts = Vec::new();
    for (v, (shard, rho_hat)) in shards.iter().zip(rho_hat).enumerate() {
        let penalty = rho_hat.iter().map(|&r| objective.penalty_of(r)).sum();
        let weights = [&shard.w1, &shard.d];
        let squares = weights.iter().flat_map(|w| dot(w, w, shard.shape.visible)).sum();
        parts.push([penalty, squares].into_iter().chain(more.get(v).copied()).collect());
    }
    let sums = ranks.numbers(parts)?;
    let cost = Cost::of_part(objective, rows, squared_error, (sums[0], sums[1]), rho_hat.concat());
    Ok((cost, sums.get(2).copied()))
}
