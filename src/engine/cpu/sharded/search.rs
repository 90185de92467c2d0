//! L-BFGS over shards: vectors are worked on shard by shard, inner products are summed up over all, with b2, which every
//! shard has a copy of, counted once.

use std::ops::Range;

use super::engine::ShardedCpu;
use super::layers::ShardLayers;
use super::shard::{CpuShard, Goal};
use crate::engine::Rows;
use crate::engine::cpu::search::CpuSearch;
use crate::engine::cpu::sums::dot;
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::{Role, SearchSpace, Trial};

impl ShardedCpu {
    /// J, ∇J and the slope along the direction at the trial point.
    fn evaluate_trial(&mut self) -> Result<Trial> {
        self.layers.ranks.begin_step();
        let goal = Goal::Trial;
        let squares = self.squared_weights(goal);
        let count = self.gradient_over(Rows::All, goal, None, true)?;
        let slope = |search: &CpuSearch, range: Range<usize>| {
            dot(&search.trial_gradient[range.clone()], &search.direction[range])
        };
        let ShardLayers { shards, pool, .. } = &self.layers;
        let (slopes, shared) = pool.install(|| {
            let of_shard = |shard: &CpuShard| slope(&shard.vectors.search, shard.own());
            let slopes: Vec<f64> = shards.iter().map(of_shard).collect();
            (slopes, slope(&shards[0].vectors.search, shards[0].layout.b2()))
        });
        let objective = self.layers.objective;
        let (cost, sum) = self.assemble(&objective, count, &squares, &slopes)?;
        Ok(Trial { cost, slope: sum.unwrap_or_default() + shared })
    }
}

impl SearchSpace for ShardedCpu {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        for shard in &mut self.layers.shards {
            shard.vectors.search = CpuSearch::new(&shard.vectors.params, history);
        }
        self.layers.ranks.begin_step();
        let (goal, objective) = (Goal::Trial, self.layers.objective);
        let squares = self.squared_weights(goal);
        let count = self.gradient_over(Rows::All, goal, None, true)?;
        let (cost, _) = self.assemble(&objective, count, &squares, &[])?;
        for shard in &mut self.layers.shards {
            let CpuSearch { gradient, trial_gradient, .. } = &mut shard.vectors.search;
            gradient.copy_from_slice(trial_gradient);
        }
        Ok(cost)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let layers = &mut self.layers;
        layers.pool.install(|| {
            for shard in &mut layers.shards {
                shard.vectors.search.set_trial(&shard.vectors.params, step);
            }
        });
        self.evaluate_trial()
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let layers = &mut self.layers;
        layers.pool.install(|| {
            for shard in &mut layers.shards {
                shard.vectors.search.accept(&mut shard.vectors.params, slot);
            }
        });
        Ok(())
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        let ShardLayers { shards, pool, ranks, .. } = &mut self.layers;
        let products = |search: &CpuSearch, range: Range<usize>| -> Vec<f64> {
            let product = |&(x, y)| dot(&search.vector(x)[range.clone()], &search.vector(y)[range.clone()]);
            pairs.iter().map(product).collect()
        };
        let (parts, shared) = pool.install(|| {
            let of_shard = |shard: &CpuShard| products(&shard.vectors.search, shard.own());
            let parts: Vec<_> = shards.iter().map(of_shard).collect();
            (parts, products(&shards[0].vectors.search, shards[0].layout.b2()))
        });
        let sums = ranks.numbers(parts)?;
        Ok(sums.into_iter().zip(shared).map(|(sum, shared)| sum + shared).collect())
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        let layers = &mut self.layers;
        layers.pool.install(|| {
            for shard in &mut layers.shards {
                shard.vectors.search.set_direction(terms);
            }
        });
        Ok(())
    }
}
