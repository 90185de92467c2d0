//! J of all ranks, from what the shards of each leave on its device.

use super::pass::Pass;
use super::resident::{GpuShard, ShardedResident};
use crate::engine::collective::Ranks;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::workspace::weight_sums;
use crate::engine::gpu::recording::Commands;
use crate::engine::gpu::step::resident::Report;
use crate::error::Result;
use crate::math::objective::{Cost, Objective};

/// What J is made of on this rank.
#[derive(Debug)]
pub(super) struct CostSums {
    objective: Objective,
    examples: usize,
    squared_error: f64,
    /// ‖W1‖² + ‖D‖² of each shard.
    squared_weights: Vec<f64>,
    /// ρ̂ of each shard.
    rho_hat: Vec<Vec<f64>>,
}

impl CostSums {
    /// Reads what a pass has left behind, in the submission of `commands`, with what the report names behind it.
    /// `errors` are the squared errors of all chunks but the last.
    pub fn read(
        pass: &Pass<'_>,
        commands: Commands<'_>,
        errors: f64,
        Report { staging, more }: Report<'_>,
    ) -> Result<(Self, Vec<f32>)> {
        let ShardedResident { shards, outputs, .. } = pass.on;
        let last = pass.chunks().pop().map_or(0, |chunk| chunk.range.len());
        let whole = |tensor| -> (&Tensor, usize) { (tensor, tensor.cols) };
        let mut parts = vec![outputs.errors(last)];
        for (GpuShard { workspace, .. }, subject) in shards.iter().zip(&pass.subjects) {
            parts.extend(workspace.squared_weights.iter().map(whole));
            parts.extend(subject.rho_hat.rho_hat.iter().map(whole));
        }
        parts.extend(more);
        let read = commands.read(staging, &parts)?;
        let mut rest = &read[..];
        let mut take = |count| {
            let (taken, others) = rest.split_at(count);
            rest = others;
            taken.iter().map(|&x| f64::from(x))
        };
        let squared_error = take(outputs.errors(last).1).fold(errors, |sum, x| sum + x);
        let (mut squared_weights, mut rho_hat) = (Vec::new(), Vec::new());
        for GpuShard { partition, .. } in shards {
            squared_weights.push(take(weight_sums(partition)).sum());
            rho_hat.push(take(partition.shape.hidden).collect());
        }
        let more = rest.to_vec();
        let (objective, examples) = (pass.subjects[0].objective, pass.place.count());
        Ok((Self { objective, examples, squared_error, squared_weights, rho_hat }, more))
    }

    /// J, with ρ̂ of this rank, and the sum of one number more of each shard, if there are any.
    pub fn assemble(self, ranks: &mut Ranks, more: &[f64]) -> Result<(Cost, Option<f64>)> {
        let Self { objective, examples, squared_error, squared_weights, rho_hat } = self;
        let mut parts = Vec::new();
        for (v, (rho_hat, squares)) in rho_hat.iter().zip(squared_weights).enumerate() {
            let penalty = rho_hat.iter().map(|&r| objective.penalty_of(r)).sum();
            parts.push([penalty, squares].into_iter().chain(more.get(v).copied()).collect());
        }
        let sums = ranks.numbers(parts)?;
        let cost = Cost::of_part(&objective, examples, squared_error, (sums[0], sums[1]), rho_hat.concat());
        Ok((cost, sums.get(2).copied()))
    }
}
