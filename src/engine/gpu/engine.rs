//! The engine trait on a WebGPU device: which step machine does what, on what is resident.

use std::sync::Arc;

use super::device::Gpu;
use super::device::adapter::inert;
use super::memory::partition::Partition;
use super::memory::segment::write_vector;
use super::plan::{Plan, Planner};
use super::step::examples::DeviceRows;
use super::step::fetch::Fetcher;
use super::step::finiteness::FinitenessCheck;
use super::step::first_order::FirstOrder;
use super::step::full::FullEvaluation;
use super::step::layers;
use super::step::lbfgs::LbfgsSearch;
use super::step::replace::replace_units;
use super::step::resident::Resident;
use super::step::rows::HandedRows;
use super::step::state;
use crate::data::batches::ExampleSet;
use crate::engine::setup::Setup;
use crate::engine::variant::Variant;
use crate::engine::{
    ChunkPlan, Engine, Layer, NewUnit, ReusedBuffers, Rows, State, Step, check_list, evenly,
};
use crate::error::Result;
use crate::math::objective::{Cost, Objective};
use crate::math::optim::lbfgs::HISTORY;
use crate::math::optim::{Role, SearchSpace, Trial};
use crate::math::params::{Matrix, Params, Shape};

/// The WebGPU engine.
#[derive(Debug)]
pub struct GpuEngine {
    resident: Resident,
    /// The source of rows that are not resident.
    fetcher: Option<Fetcher>,
    full: FullEvaluation,
    first_order: Option<FirstOrder>,
    search: Option<LbfgsSearch>,
    /// Of the parameters.
    finiteness: Option<FinitenessCheck>,
    handed: HandedRows,
}

impl GpuEngine {
    /// Uploads parameters and examples.
    ///
    /// # Errors
    /// When the shape does not fit the bindings of the device, or the device has no room; those of the examples.
    pub fn new(gpu: Arc<Gpu>, setup: &Setup, params: &Params<f32>, examples: ExampleSet) -> Result<Self> {
        let count = examples.size().0;
        let partition = Partition::new(&gpu, params.shape, count, setup.cut)?;
        let (rows, fetcher) = match examples {
            ExampleSet::Resident(mut supply) => (DeviceRows::upload(&gpu, &partition, &mut *supply)?, None),
            ExampleSet::Streamed(supply) => {
                let rows = DeviceRows::fetched(&gpu, &partition)?;
                (rows, Some(Fetcher::new(&gpu, &partition, supply)?))
            }
        };
        let objective = (setup.objective, setup.rho_hat);
        Ok(Self {
            resident: Resident::new(gpu, partition, objective, params, rows, count)?,
            fetcher,
            full: FullEvaluation::default(),
            first_order: None,
            search: None,
            finiteness: None,
            handed: HandedRows::default(),
        })
    }

    /// The plan of an engine by `variant` within WebGPU's default limits, for parameters and examples of these shapes, and for
    /// mini-batches of so many rows: `sgd`, `adam`, either followed by ` batch`, by ` with J` or both, and what a search of
    /// L-BFGS runs.
    ///
    /// # Errors
    /// Where the shape does not fit, or `variant` reads textures.
    pub fn planned(
        setup: &Setup,
        params: &Params<f32>,
        examples: &Matrix<f32>,
        batch: usize,
        variant: Variant,
    ) -> Result<Plan> {
        let gpu = Gpu::open(inert()?)?;
        gpu.force(variant)?;
        Self::planned_on(Arc::new(gpu), setup, params, examples, batch)
    }

    /// [`Self::planned`] for a device and its kernels.
    ///
    /// # Errors
    /// Where the shape does not fit, or the kernels read textures.
    pub fn planned_on(
        gpu: Arc<Gpu>,
        setup: &Setup,
        params: &Params<f32>,
        examples: &Matrix<f32>,
        batch: usize,
    ) -> Result<Plan> {
        let engine = Self::new(gpu, setup, params, ExampleSet::from(examples.clone()))?;
        let mut planner = Planner::default();
        engine.describe(&mut planner, batch)?;
        let partition = &engine.resident.partition;
        let blocks = partition.blocks.iter().map(|block| block.len()).collect();
        Ok(planner.finish(partition.variant, blocks, partition.chunk))
    }

    /// Adds its tensors and the recordings of its steps to a plan, with those over mini-batches of `batch` rows.
    fn describe(&self, planner: &mut Planner, batch: usize) -> Result<()> {
        let on = &self.resident;
        on.describe(planner, batch);
        FirstOrder::new(on)?.describe(on, planner, batch)?;
        LbfgsSearch::new(on, HISTORY)?.describe(on, planner)
    }

    /// Whether parameters and moments are finite.
    fn is_finite(&mut self) -> Result<bool> {
        let Resident { gpu, partition, params, .. } = &self.resident;
        let check = match &mut self.finiteness {
            Some(check) => check,
            none => none.insert(FinitenessCheck::new(gpu, partition, params)?),
        };
        let moments = self.first_order.as_mut().map(|state| state.is_finite(&self.resident));
        Ok(check.passes(gpu)? && moments.unwrap_or(Ok(true))?)
    }

    fn read_state(&self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        state::read(&self.resident, (self.first_order.as_ref(), self.search.as_ref()), pairs, spare)
    }

    fn searching(&self) -> &LbfgsSearch {
        self.search.as_ref().expect(SEARCH_HAS_BEGUN)
    }
}

const SEARCH_HAS_BEGUN: &str = "begin_search comes first";

impl Engine for GpuEngine {
    fn shape(&self) -> Shape {
        self.resident.partition.shape
    }

    fn objective(&self) -> &Objective {
        &self.resident.objective
    }

    fn examples(&self) -> usize {
        self.resident.count
    }

    fn adapter(&self) -> String {
        self.resident.gpu.adapter.description()
    }

    fn plan(&self) -> ChunkPlan {
        self.resident.partition.plan()
    }

    fn cost(&mut self) -> Result<Cost> {
        self.full.cost((&self.resident, self.fetcher.as_mut()), Rows::All)
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        let count = self.resident.count;
        if self.fetcher.is_none() || count <= most {
            return Ok((self.cost()?, count));
        }
        let list = evenly(count, most);
        let cost = self.full.cost((&self.resident, self.fetcher.as_mut()), Rows::Listed(&list))?;
        Ok((cost, list.len()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let (cost, gradient) = self.full.gradient((&self.resident, self.fetcher.as_mut()))?;
        Ok((cost, gradient.cast()))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        let first_order = match &mut self.first_order {
            Some(first_order) => first_order,
            none => none.insert(FirstOrder::new(&self.resident)?),
        };
        first_order.step((&self.resident, self.fetcher.as_mut()), step)
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        layers::of_range(&self.resident, self.fetcher.as_mut(), Layer::Hidden, &(first..first + count))
    }

    fn finish(&mut self) -> Result<()> {
        self.resident.gpu.finish()
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        check_list(rows, self.resident.count)?;
        layers::of_list(&self.resident, self.fetcher.as_mut(), layer, rows)
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        layers::of_range(&self.resident, self.fetcher.as_mut(), Layer::Output, &(first..first + count))
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        self.handed.encode(&self.resident, rows)
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        self.handed.decode(&self.resident, codes)
    }

    fn params(&mut self) -> Result<Params<f32>> {
        self.resident.read_params()
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        let Resident { gpu, partition, params: resident, .. } = &self.resident;
        assert_eq!(params.shape, partition.shape, "set_params: shape");
        write_vector(gpu, resident, params);
        self.first_order = None;
        self.search = None;
        gpu.check()
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        replace_units(&self.resident, self.first_order.as_ref(), units)
    }

    fn state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        self.read_state(pairs, spare)
    }

    fn first_not_finite(&mut self) -> Result<Option<String>> {
        // Only tensors that are known to be bad are read back, for their name.
        if self.is_finite()? {
            Ok(None)
        } else {
            Ok(self.read_state(None, &mut ReusedBuffers::default())?.first_not_finite())
        }
    }

    fn set_state(&mut self, state: &State) -> Result<()> {
        state::write(&self.resident, (&mut self.first_order, &mut self.search), state)
    }
}

impl SearchSpace for GpuEngine {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        let search = self.search.insert(LbfgsSearch::new(&self.resident, history)?);
        search.begin((&self.resident, self.fetcher.as_mut()))
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let search = self.search.as_mut().expect(SEARCH_HAS_BEGUN);
        search.evaluate((&self.resident, self.fetcher.as_mut()), step)
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        self.searching().accept(&self.resident, slot)
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        self.searching().dots(&self.resident, pairs)
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        self.searching().set_direction(&self.resident, terms)
    }
}
