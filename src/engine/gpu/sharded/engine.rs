//! The sharded WebGPU engine behind the engine trait. Whatever asks for all units is answered on every rank.

use std::ops::Range;
use std::sync::Arc;

use super::first_order::ShardedFirstOrder;
use super::full::ShardedFull;
use super::layers::{HandedRows, of_list, of_range};
use super::pass::Link;
use super::resident::ShardedResident;
use super::search::ShardedSearch;
use super::{alike, state};
use crate::data::batches::ExampleSet;
use crate::engine::collective::{Ranks, Shards, whole_columns, whole_params};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::step::fetch::{Fetcher, rows_of};
use crate::engine::gpu::step::finiteness::FinitenessCheck;
use crate::engine::gpu::step::list::BatchList;
use crate::engine::setup::Setup;
use crate::engine::step::whole_rows;
use crate::engine::{
    Arrangement, ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, Rows, State, Step, VectorData, check_list,
    evenly,
};
use crate::error::Result;
use crate::math::objective::{Cost, Objective};
use crate::math::optim::Role;
use crate::math::params::{Params, Shape};

/// The WebGPU engine whose hidden units are spread over ranks.
#[derive(Debug)]
pub struct ShardedGpu {
    pub(super) on: ShardedResident,
    pub(super) ranks: Ranks,
    cut: Shards,
    /// The units of each own shard.
    units: Vec<Range<usize>>,
    /// The source of rows that are not resident.
    pub(super) fetcher: Option<Fetcher>,
    full: ShardedFull,
    first_order: Option<ShardedFirstOrder>,
    pub(super) search: Option<ShardedSearch>,
    /// Of the parameters.
    finiteness: Option<FinitenessCheck>,
    handed: HandedRows,
}

impl ShardedGpu {
    /// Takes its units out of `params`, and all examples. Every rank is given the same.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] where there are more shards than units, and for ranks whose devices or kernels round
    /// otherwise; else as [`crate::engine::gpu::engine::GpuEngine::new`].
    pub fn new(
        gpu: Arc<Gpu>,
        setup: &Setup,
        mut ranks: Ranks,
        params: &Params<f32>,
        examples: ExampleSet,
    ) -> Result<Self> {
        let (shape, count) = (params.shape, examples.size().0);
        let cut = Shards::new(shape.hidden, ranks.shards())?;
        // By the largest shard, and so alike on all ranks: the cut is part of the last bits.
        let widest = Shape { hidden: cut.widest(), ..shape };
        let largest = Partition::new(&gpu, widest, count, setup.cut);
        let largest = ranks.of_this_rank(largest)?.of_shard(widest.hidden);
        alike::check(&mut ranks, &gpu, &largest)?;
        let own = ranks.own_shards();
        let units = own.clone().map(|shard| cut.units(shard)).collect();
        let opened = || {
            let (rows, fetcher) = rows_of(&gpu, &largest, examples)?;
            let objective = (setup.objective, setup.rho_hat);
            let on = ShardedResident::new(gpu, largest, objective, (params, cut, own), (rows, count))?;
            Ok((on, fetcher))
        };
        let (on, fetcher) = ranks.of_this_rank(opened())?;
        Ok(Self {
            on,
            ranks,
            cut,
            units,
            fetcher,
            full: ShardedFull::default(),
            first_order: None,
            search: None,
            finiteness: None,
            handed: HandedRows::default(),
        })
    }

    /// Work of this rank: if it fails, the others are told.
    pub(super) fn told<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let done = work(self);
        self.ranks.of_this_rank(done)
    }

    fn cost_over(&mut self, rows: Rows<'_>) -> Result<Cost> {
        self.told(|Self { on, ranks, fetcher, full, .. }| {
            full.cost(on, Link { ranks, fetcher: fetcher.as_mut() }, rows)
        })
    }

    /// A vector of the parameters' shape, of all shards of all ranks; `None` where it has not been made.
    fn whole(&mut self, role: Role) -> Result<Option<Params<f32>>> {
        self.told(|Self { on, ranks, cut, first_order, search, .. }| {
            let machines = (first_order.as_ref(), search.as_ref());
            let parts = (0..on.shards.len()).map(|v| state::read(on, machines, role, v));
            match parts.collect::<Result<Option<Vec<_>>>>()? {
                Some(parts) => whole_params(ranks, *cut, &parts).map(Some),
                None => Ok(None),
            }
        })
    }

    /// Whether parameters and moments of this rank are finite.
    fn is_finite(&mut self) -> Result<bool> {
        let Self { on, first_order, finiteness, .. } = self;
        let check = match finiteness {
            Some(check) => check,
            none => {
                let params = on.shards.iter().flat_map(|shard| &shard.params);
                none.insert(FinitenessCheck::new(&on.gpu, &on.largest, params)?)
            }
        };
        let moments = first_order.as_mut().map(|state| state.is_finite(on));
        Ok(check.passes(&on.gpu)? && moments.unwrap_or(Ok(true))?)
    }
}

impl Engine for ShardedGpu {
    fn shape(&self) -> Shape {
        self.on.shape
    }

    fn units(&self) -> Range<usize> {
        self.cut.units_of(&self.ranks.own_shards())
    }

    fn ranks(&mut self) -> Option<&mut Ranks> {
        Some(&mut self.ranks)
    }

    fn of_all_units(&mut self, own: &[f64]) -> Result<Vec<f64>> {
        whole_columns(&mut self.ranks, self.cut, own, 1)
    }

    fn objective(&self) -> &Objective {
        &self.on.objective
    }

    fn examples(&self) -> usize {
        self.on.count
    }

    fn adapter(&self) -> String {
        self.on.gpu.adapter.description()
    }

    fn plan(&self) -> ChunkPlan {
        self.on.largest.plan()
    }

    fn cost(&mut self) -> Result<Cost> {
        self.cost_over(Rows::All)
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        let count = self.examples();
        if self.fetcher.is_none() || count <= most {
            return Ok((self.cost()?, count));
        }
        let list = evenly(count, most);
        Ok((self.cost_over(Rows::Listed(&list))?, list.len()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        self.told(|Self { on, ranks, cut, fetcher, full, .. }| {
            let (cost, parts) = full.gradient(on, Link { ranks, fetcher: fetcher.as_mut() })?;
            Ok((cost, whole_params(ranks, *cut, &parts)?.cast()))
        })
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        if let Rows::Listed(list) = step.rows {
            BatchList::check(list, self.examples())?;
        }
        self.ranks.begin_step();
        self.told(|Self { on, ranks, fetcher, first_order, .. }| {
            let first_order = match first_order {
                Some(first_order) => first_order,
                none => none.insert(ShardedFirstOrder::new(on)?),
            };
            first_order.step(on, Link { ranks, fetcher: fetcher.as_mut() }, step)
        })
    }

    fn finish(&mut self) -> Result<()> {
        self.told(|Self { on, .. }| on.gpu.finish())
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.told(|Self { on, ranks, cut, fetcher, .. }| {
            let link = Link { ranks, fetcher: fetcher.as_mut() };
            let own = of_range(on, link, Layer::Hidden, &(first..first + count))?;
            whole_columns(ranks, *cut, &own, count)
        })
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        check_list(rows, self.examples())?;
        self.told(|Self { on, ranks, cut, fetcher, .. }| {
            let values = of_list(on, Link { ranks, fetcher: fetcher.as_mut() }, layer, rows)?;
            match layer {
                Layer::Hidden => whole_columns(ranks, *cut, &values, rows.len()),
                Layer::Input | Layer::Output => Ok(values),
            }
        })
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.told(|Self { on, ranks, fetcher, .. }| {
            let link = Link { ranks, fetcher: fetcher.as_mut() };
            of_range(on, link, Layer::Output, &(first..first + count))
        })
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let count = whole_rows(rows, self.on.shape.visible, "rows")?;
        self.told(|Self { on, ranks, cut, handed, .. }| {
            let own = handed.encode(on, Link { ranks, fetcher: None }, rows)?;
            whole_columns(ranks, *cut, &own, count)
        })
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        whole_rows(codes, self.on.shape.hidden, "codes")?;
        self.told(|Self { on, ranks, cut, handed, .. }| {
            handed.decode(on, Link { ranks, fetcher: None }, (*cut, codes))
        })
    }

    fn params(&mut self) -> Result<Params<f32>> {
        Ok(self.whole(Role::Params)?.expect("there are parameters"))
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        assert_eq!(params.shape, self.on.shape, "set_params: shape");
        self.told(|Self { on, units, first_order, search, .. }| {
            state::write_params(on, units, params);
            *first_order = None;
            *search = None;
            on.gpu.check()
        })
    }

    fn replace_units(&mut self, new: &[NewUnit]) -> Result<()> {
        self.told(|Self { on, units, first_order, .. }| {
            state::replace_units(on, first_order.as_ref(), units, new)
        })
    }

    fn state(&mut self, pairs: Option<&[usize]>, _: &mut ReusedBuffers) -> Result<State> {
        let mut vectors = Vec::new();
        for role in Role::of_state(pairs) {
            if let Some(whole) = self.whole(role)? {
                vectors.push((role, VectorData::Single(whole.to_flat())));
            }
        }
        let average = self.told(|Self { on, first_order, .. }| {
            let average = first_order.as_ref().map(|state| state::read_average(on, state));
            average.transpose().map(Option::flatten)
        })?;
        let average = average.map(|own| self.of_all_units(&own)).transpose()?;
        Ok(State { shape: self.on.shape, order: Arrangement::Rows, vectors, average })
    }

    fn first_not_finite(&mut self) -> Result<Option<String>> {
        // Of this rank alone: whoever looks may do so when the others do not. Only vectors of which one is known to be
        // bad are read.
        self.told(|engine| {
            if engine.is_finite()? {
                return Ok(None);
            }
            let Self { on, first_order, search, .. } = engine;
            state::first_not_finite(on, (first_order.as_ref(), search.as_ref()))
        })
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        self.told(|Self { on, units, first_order, search, .. }| {
            let params = state.get(Role::Params).expect("a state has parameters");
            state::write_params(on, units, &params);
            *first_order = state::first_order_of(on, units, state)?;
            *search = state::search_of(on, units, state)?;
            on.gpu.check()
        })
    }
}
