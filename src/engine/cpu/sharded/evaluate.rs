//! J and its gradient over any rows, chunk by chunk, with the exchange of each.

use std::ops::Range;

use super::engine::ShardedCpu;
use super::shard::{CpuShard, Goal};
use crate::engine::Rows;
use crate::engine::cpu::evaluate::{StepPenalty, chunks};
use crate::engine::cpu::forward::Until;
use crate::engine::cpu::update::GradientScale;
use crate::error::Result;
use crate::math::objective::{Cost, Objective};

impl ShardedCpu {
    /// J of the parameters over `rows`.
    pub(super) fn cost_over(&mut self, rows: Rows<'_>) -> Result<Cost> {
        let count = self.examples.count(rows);
        self.clear();
        for chunk in chunks(count, self.plan.chunk) {
            self.forward(rows, chunk, Goal::Gradient, Until::Error)?;
        }
        self.settle(count, None);
        let squares = self.squared_weights(Goal::Gradient);
        Ok(self.assemble(&self.layers.objective.clone(), count, &squares, &[])?.0)
    }

    /// Takes the gradient over `rows` for `goal`; over how many rows. ρ̂ is exact, or what `step` says of an update.
    pub(super) fn gradient_over(
        &mut self,
        rows: Rows<'_>,
        goal: Goal<'_>,
        step: Option<StepPenalty>,
        error: bool,
    ) -> Result<usize> {
        let count = self.examples.count(rows);
        self.clear();
        if count > self.plan.chunk {
            self.gradient_in_chunks(rows, count, goal, step, error)?;
        } else {
            self.forward(rows, 0..count, goal, Until::Delta { error })?;
            self.settle(count, step);
            let x = self.examples.same_chunk(rows, 0..count);
            self.layers.backward(x, count, goal, Some(mean(&self.layers.objective, count)));
        }
        let (shards, outputs) = (&mut self.layers.shards, &self.layers.outputs);
        self.layers.pool.install(|| {
            shards.iter_mut().for_each(|shard| shard.apply_biases(goal, &outputs.delta3, count));
        });
        Ok(count)
    }

    /// Two passes: the first settles ρ̂ over all rows, without an exchange; the second adds up the gradients of all chunks.
    fn gradient_in_chunks(
        &mut self,
        rows: Rows<'_>,
        count: usize,
        goal: Goal<'_>,
        step: Option<StepPenalty>,
        error: bool,
    ) -> Result<()> {
        for chunk in chunks(count, self.plan.chunk) {
            self.forward(rows, chunk, goal, Until::Hidden)?;
        }
        self.settle(count, step);
        self.layers.shards.iter_mut().for_each(CpuShard::clear_chunks);
        for chunk in chunks(count, self.plan.chunk) {
            self.forward(rows, chunk.clone(), goal, Until::Delta { error })?;
            let x = self.examples.same_chunk(rows, chunk.clone());
            self.layers.backward(x, chunk.len(), goal, None);
        }
        let scale = mean(&self.layers.objective, count);
        let shards = &mut self.layers.shards;
        self.layers.pool.install(|| shards.iter_mut().for_each(|shard| shard.apply_chunks(goal, scale)));
        Ok(())
    }

    /// Takes those of the named rows that are at positions `chunk` forward.
    pub(super) fn forward(
        &mut self,
        rows: Rows<'_>,
        chunk: Range<usize>,
        goal: Goal<'_>,
        until: Until,
    ) -> Result<()> {
        let Self { examples, layers, .. } = self;
        let fetched = layers.pool.install(|| examples.chunk(rows, chunk.clone()).map(|_| ()));
        layers.ranks.of_this_rank(fetched)?;
        layers.forward(examples.same_chunk(rows, chunk.clone()), chunk.len(), goal, until)
    }

    fn clear(&mut self) {
        self.layers.shards.iter_mut().for_each(|shard| shard.pass.sums.clear());
        self.layers.outputs.clear();
    }

    fn settle(&mut self, count: usize, step: Option<StepPenalty>) {
        let objective = self.layers.objective;
        for shard in &mut self.layers.shards {
            let sums = &shard.pass.sums.hidden;
            match step {
                None => shard.penalty.settle(&objective, sums, count),
                Some(StepPenalty { rho_hat, beta }) => {
                    shard.penalty.settle_step(&objective.with_beta(beta), sums, count, rho_hat);
                }
            }
        }
    }

    /// ‖W1‖² + ‖D‖² of each shard.
    pub(super) fn squared_weights(&self, goal: Goal<'_>) -> Vec<f64> {
        let shards = &self.layers.shards;
        self.layers.pool.install(|| shards.iter().map(|shard| shard.squared_weights(goal)).collect())
    }

    /// J from what is alike on all ranks and what each shard adds. `more` has other numbers of each shard that are summed up with it.
    pub(super) fn assemble(
        &mut self,
        objective: &Objective,
        count: usize,
        squares: &[f64],
        more: &[f64],
    ) -> Result<(Cost, Option<f64>)> {
        let layers = &mut self.layers;
        let mut parts = Vec::new();
        for (v, (shard, &squares)) in layers.shards.iter().zip(squares).enumerate() {
            let penalty = shard.penalty.rho_hat.iter().map(|&r| objective.penalty_of(r)).sum();
            parts.push([penalty, squares].into_iter().chain(more.get(v).copied()).collect());
        }
        let sums = layers.ranks.numbers(parts)?;
        let rho_hat = layers.shards.iter().flat_map(|shard| shard.penalty.rho_hat.iter().copied()).collect();
        let squared_error = layers.outputs.squared_error;
        let cost = Cost::of_part(objective, count, squared_error, (sums[0], sums[1]), rho_hat);
        Ok((cost, sums.get(2).copied()))
    }
}

/// The scale that makes sums over `count` rows the gradient of weights.
fn mean(objective: &Objective, count: usize) -> GradientScale {
    GradientScale { scale: 1.0 / count as f32, lambda: objective.lambda as f32 }
}
