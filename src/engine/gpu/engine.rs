//! The engine trait on a WebGPU device: which step machine does what, on what is resident.

use std::sync::Arc;

use super::device::Gpu;
use super::device::adapter::inert;
use super::memory::partition::Partition;
use super::memory::segment::write_vector;
use super::plan::{Plan, PlannedSteps, Planner};
use super::remote::Remote;
use super::step::evaluate::Evaluated;
use super::step::fetch::rows_of;
use super::step::finiteness::FinitenessCheck;
use super::step::first_order::FirstOrder;
use super::step::full::FullEvaluation;
use super::step::held::{Held, Settled};
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
    held: Held,
    full: FullEvaluation,
    first_order: Option<FirstOrder>,
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
        let (rows, fetcher) = rows_of(&gpu, &partition, examples)?;
        let objective = (setup.objective, setup.rho_hat);
        let resident = Resident::new(gpu, partition, objective, params, rows, count)?;
        Ok(Self {
            held: Held::new(resident, fetcher),
            full: FullEvaluation::default(),
            first_order: None,
            finiteness: None,
            handed: HandedRows::default(),
        })
    }

    /// The plan of all steps by `variant` within WebGPU's default limits, for parameters and examples of these shapes, and for
    /// mini-batches of so many rows.
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
        let steps =
            PlannedSteps { sgd: true, adam: true, whole: true, lists: &[("batch", batch)], search: true };
        Self::new(gpu, setup, params, ExampleSet::from(examples.clone()))?.described(&steps)
    }

    /// Its steps as data.
    ///
    /// # Errors
    /// When the device has no room for them, or the kernels read textures.
    pub fn described(&self, steps: &PlannedSteps<'_>) -> Result<Plan> {
        let (on, planner) = (self.held.constants(), &mut Planner::default());
        let Resident { gpu, partition, params, .. } = on;
        on.describe(planner, steps);
        FullEvaluation::describe(on, planner)?;
        FinitenessCheck::new(gpu, partition, params)?.describe(planner, "parameters")?;
        if steps.updates() {
            FirstOrder::new(on)?.describe(on, planner, steps)?;
        }
        if steps.search {
            LbfgsSearch::new(on, HISTORY)?.describe(on, planner)?;
        }
        let blocks = partition.blocks.iter().map(|block| block.len()).collect();
        Ok(std::mem::take(planner).finish(partition.variant, blocks, partition.chunk))
    }

    /// The same engine for a host that has its plan.
    pub fn remote(&self) -> Remote {
        let Resident { partition, objective, rho_hat, count, .. } = self.held.constants();
        Remote::new(partition, (*objective, *rho_hat), *count)
    }

    /// Whether parameters and moments are finite.
    fn is_finite(&mut self) -> Result<bool> {
        let on = self.held.settled()?.on;
        let Resident { gpu, partition, params, .. } = on;
        let check = match &mut self.finiteness {
            Some(check) => check,
            none => none.insert(FinitenessCheck::new(gpu, partition, params)?),
        };
        let moments = self.first_order.as_mut().map(|state| state.is_finite(on));
        Ok(check.passes(gpu)? && moments.unwrap_or(Ok(true))?)
    }

    fn read_state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State> {
        let Settled { on, search, .. } = self.held.settled()?;
        state::read(on, (self.first_order.as_ref(), search.as_ref()), pairs, spare)
    }
}

impl Engine for GpuEngine {
    fn shape(&self) -> Shape {
        self.held.constants().partition.shape
    }

    fn objective(&self) -> &Objective {
        &self.held.constants().objective
    }

    fn examples(&self) -> usize {
        self.held.constants().count
    }

    fn adapter(&self) -> String {
        self.held.constants().gpu.adapter.description()
    }

    fn plan(&self) -> ChunkPlan {
        self.held.constants().partition.plan()
    }

    fn cost(&mut self) -> Result<Cost> {
        let Settled { on, fetcher, .. } = self.held.settled()?;
        self.full.cost((on, fetcher), Rows::All)
    }

    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)> {
        let count = self.examples();
        if !self.held.fetches() || count <= most {
            return Ok((self.cost()?, count));
        }
        let list = evenly(count, most);
        let Settled { on, fetcher, .. } = self.held.settled()?;
        let cost = self.full.cost((on, fetcher), Rows::Listed(&list))?;
        Ok((cost, list.len()))
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        let Settled { on, fetcher, .. } = self.held.settled()?;
        let (cost, gradient) = self.full.gradient((on, fetcher))?;
        Ok((cost, gradient.cast()))
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        let first_order = match &mut self.first_order {
            Some(first_order) => first_order,
            none => none.insert(FirstOrder::new(self.held.constants())?),
        };
        let prepared = first_order.prepare(self.held.constants(), step)?;
        let (commands, on, fetcher) = self.held.stepping()?;
        match first_order.step((on, fetcher), commands, prepared, step)? {
            Evaluated::Read(cost, _) => Ok(Some(cost)),
            Evaluated::Open(commands) => {
                let open = commands.suspend();
                self.held.keep(open)?;
                Ok(None)
            }
        }
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let Settled { on, fetcher, .. } = self.held.settled()?;
        layers::of_range(on, fetcher, Layer::Hidden, &(first..first + count))
    }

    fn finish(&mut self) -> Result<()> {
        self.held.settled()?.on.gpu.finish()
    }

    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        check_list(rows, self.examples())?;
        let Settled { on, fetcher, .. } = self.held.settled()?;
        layers::of_list(on, fetcher, layer, rows)
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        let Settled { on, fetcher, .. } = self.held.settled()?;
        layers::of_range(on, fetcher, Layer::Output, &(first..first + count))
    }

    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        self.handed.encode(self.held.settled()?.on, rows)
    }

    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        self.handed.decode(self.held.settled()?.on, codes)
    }

    fn params(&mut self) -> Result<Params<f32>> {
        self.held.settled()?.on.read_params()
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        let Settled { on, search, .. } = self.held.settled()?;
        let Resident { gpu, partition, params: resident, .. } = on;
        assert_eq!(params.shape, partition.shape, "set_params: shape");
        write_vector(gpu, resident, params);
        self.first_order = None;
        *search = None;
        gpu.check()
    }

    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()> {
        replace_units(self.held.settled()?.on, self.first_order.as_ref(), units)
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
        let Settled { on, search, .. } = self.held.settled()?;
        state::write(on, (&mut self.first_order, search), state)
    }
}

impl SearchSpace for GpuEngine {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        let Settled { on, fetcher, search } = self.held.settled()?;
        search.insert(LbfgsSearch::new(on, history)?).begin((on, fetcher))
    }

    fn prepare(&mut self, slot: usize, pairs: &[(Role, Role)]) {
        self.held.searching().0.prepare(slot, pairs);
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let (search, on, fetcher) = self.held.searching();
        search.evaluate((on, fetcher), step)
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let (search, on, _) = self.held.searching();
        search.accept(on, slot)
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        let (search, on, _) = self.held.searching();
        search.dots(on, pairs)
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
        let (search, on, _) = self.held.searching();
        search.set_direction(on, terms)
    }
}
