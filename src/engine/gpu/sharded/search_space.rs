//! The sharded WebGPU engine behind what L-BFGS asks for.

use super::engine::ShardedGpu;
use super::pass::Link;
use super::resident::ShardedResident;
use super::search::ShardedSearch;
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::{Role, SearchSpace, Trial};

impl ShardedGpu {
    /// The search that has begun, with what it works on.
    fn searching<T>(
        &mut self,
        work: impl FnOnce(&mut ShardedSearch, &ShardedResident, Link<'_>) -> Result<T>,
    ) -> Result<T> {
        self.told(|Self { on, ranks, fetcher, search, .. }| {
            let search = search.as_mut().expect("begin_search comes first");
            work(search, on, Link { ranks, fetcher: fetcher.as_mut() })
        })
    }
}

impl SearchSpace for ShardedGpu {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        self.ranks.begin_step();
        self.told(|Self { on, ranks, fetcher, search, .. }| {
            let search = search.insert(ShardedSearch::new(on, history)?);
            search.begin(on, Link { ranks, fetcher: fetcher.as_mut() })
        })
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        self.ranks.begin_step();
        self.searching(|search, on, link| search.evaluate(on, link, step))
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        self.searching(|search, on, _| search.accept(on, slot))
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        self.searching(|search, on, link| search.dots(on, link.ranks, pairs))
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        self.searching(|search, on, _| {
            search.set_direction(on, terms);
            Ok(())
        })
    }
}
