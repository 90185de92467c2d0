//! L-BFGS over the shards of the reference: inner products are summed up over all, with b2, which every shard has a copy of,
//! counted once.

use std::ops::Range;

use super::engine::ShardedReference;
use super::{cost, pass};
use crate::engine::search_vectors::SearchVectors;
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::{Role, SearchSpace, Trial};
use crate::math::params::Params;

impl ShardedReference {
    /// Where the numbers of a flat vector of shard `v` lie that no other shard has: all but b2.
    fn own(&self, v: usize) -> Range<usize> {
        0..self.shards[v].shape.parameters() - self.shape.visible
    }

    /// Where b2 lies in the first shard.
    fn shared(&self) -> Range<usize> {
        let start = self.own(0).end;
        start..start + self.shape.visible
    }
}

impl SearchSpace for ShardedReference {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        self.ranks.begin_step();
        let Self { ranks, objective, shards, data, .. } = self;
        let found = pass(ranks, objective, shards, &data.values, None)?;
        let (cost, _) = cost(ranks, objective, shards, data.rows, found.terms(), &[])?;
        let begin = |(shard, gradient): (&Params<f64>, &Params<f64>)| {
            SearchVectors::begin(shard.to_flat(), gradient.to_flat(), history)
        };
        self.searches = shards.iter().zip(&found.gradients).map(begin).collect();
        Ok(cost)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        self.ranks.begin_step();
        let point = |(shard, search): (&Params<f64>, &mut SearchVectors)| {
            Params::from_flat(shard.shape, search.point(&shard.to_flat(), step, |x| x))
        };
        let trial: Vec<_> = self.shards.iter().zip(&mut self.searches).map(point).collect();
        let found = pass(&mut self.ranks, &self.objective, &trial, &self.data.values, None)?;
        for (search, gradient) in self.searches.iter_mut().zip(&found.gradients) {
            search.take_gradient(gradient.to_flat());
        }
        let slopes: Vec<f64> =
            self.searches.iter().enumerate().map(|(v, search)| search.slope_over(self.own(v))).collect();
        let shared = self.searches[0].slope_over(self.shared());
        let Self { ranks, objective, data, .. } = self;
        let (cost, slope) = cost(ranks, objective, &trial, data.rows, found.terms(), &slopes)?;
        Ok(Trial { cost, slope: slope.unwrap_or_default() + shared })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        for (shard, search) in self.shards.iter_mut().zip(&mut self.searches) {
            *shard = Params::from_flat(shard.shape, search.accept(&shard.to_flat(), slot));
        }
        Ok(())
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        let of_shard = |(v, search): (usize, &SearchVectors)| search.dots_over(pairs, self.own(v));
        let parts: Vec<_> = self.searches.iter().enumerate().map(of_shard).collect();
        let shared = self.searches[0].dots_over(pairs, self.shared());
        let sums = self.ranks.numbers(parts)?;
        Ok(sums.into_iter().zip(shared).map(|(sum, shared)| sum + shared).collect())
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        self.searches.iter_mut().for_each(|search| search.set_direction(terms));
        Ok(())
    }
}
