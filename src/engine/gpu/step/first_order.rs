//! SGD and Adam on the device: their state, and the recordings of their steps.

use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate};
use crate::engine::gpu::memory::buffer::{Tensor, bytes};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::{Segment, vector};
use crate::engine::gpu::ops::{AppliedEnd, PENALTY_RATES, RATES};
use crate::engine::gpu::plan::{PlannedSteps, Planner};
use crate::engine::gpu::recording::{Commands, Recorder, Uploads};
use crate::engine::gpu::step::evaluate::{Evaluated, Evaluation, PLANNED_ROWS};
use crate::engine::gpu::step::examples::DeviceRows;
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::finiteness::FinitenessCheck;
use crate::engine::gpu::step::list::BatchList;
use crate::engine::gpu::step::pass::{GradientTarget, RhoHatTarget, Subject};
use crate::engine::gpu::step::rates::Rates;
use crate::engine::gpu::step::resident::Resident;
use crate::engine::{Rows, Step, Update};
use crate::error::Result;
use crate::math::objective::RhoHatMode;

/// The state of SGD and Adam on the device.
#[derive(Debug)]
pub(crate) struct FirstOrder {
    /// For updates over several chunks, whose gradients are added up before the optimiser takes them.
    gradient: Option<Vec<Segment>>,
    /// Velocity of SGD; first and second moment of Adam: as many as have been used.
    pub moments: Vec<Vec<Segment>>,
    /// ρ̂ of the moving average, one tensor a block.
    pub average: Vec<Tensor>,
    /// Whether a batch has started it.
    pub averaging: bool,
    /// Indices and gathered rows of mini-batches of resident examples.
    list: Option<BatchList>,
    /// Values that are set before each step.
    rates: Rates,
    uploads: Uploads,
    /// Of the moments.
    finiteness: Option<FinitenessCheck>,
    /// Recordings made so far; a run needs up to four, for whole batches and for the rest of an epoch, with J and without.
    steps: Vec<(StepKey, Evaluation)>,
}

/// The key of a step's recording.
#[derive(Clone, Copy, Debug, PartialEq)]
struct StepKey {
    /// Length of the list, `None` for all examples in place.
    listed: Option<usize>,
    adam: bool,
    /// Whether J is asked for.
    report: bool,
}

impl FirstOrder {
    /// Zeroed state, without moments.
    pub fn new(on: &Resident) -> Result<Self> {
        let (gpu, partition) = (&on.gpu, &on.partition);
        let [average] = allocate(gpu, [Self::average(partition)])?;
        Ok(Self {
            gradient: None,
            moments: Vec::new(),
            average,
            averaging: false,
            list: None,
            rates: Rates::new(gpu)?,
            uploads: Uploads::new(gpu, gpu.steps_at_once(), upload_size(0))?,
            finiteness: None,
            steps: Vec::new(),
        })
    }

    /// The tensors of updates over `rows` rows, moments apart.
    pub fn allocations(partition: &Partition, rows: usize) -> Vec<Allocation> {
        let gradient = (partition.chunks(rows).len() > 1).then(|| Self::gradient(partition));
        gradient.into_iter().chain([Self::average(partition)]).chain(Rates::allocations()).collect()
    }

    /// The gradient of updates over several chunks.
    pub fn gradient(partition: &Partition) -> Allocation {
        Allocation::vectors("gradient", Category::OptimizerState, partition.segments())
    }

    /// The moving average of ρ̂.
    pub fn average(partition: &Partition) -> Allocation {
        let units = partition.blocks.iter().map(|block| block.len());
        Allocation::vectors("average rho_hat", Category::OptimizerState, units)
    }

    /// A moment.
    pub fn moment(partition: &Partition) -> Allocation {
        Allocation::vectors("moment", Category::OptimizerState, partition.segments())
    }

    /// Makes sure that there are so many moments; new ones are 0.
    pub fn use_moments(&mut self, on: &Resident, count: usize) -> Result<()> {
        while self.moments.len() < count {
            let [moment] = allocate(&on.gpu, [Self::moment(&on.partition)])?;
            self.moments.push(vector(moment, on.partition.shape, &on.partition.blocks));
            self.finiteness = None;
        }
        Ok(())
    }

    /// Makes sure that there is a place for the gradient where updates over `rows` rows need one.
    fn use_gradient(&mut self, on: &Resident, rows: usize) -> Result<()> {
        if self.gradient.is_none() && on.partition.chunks(rows).len() > 1 {
            let [gradient] = allocate(&on.gpu, [Self::gradient(&on.partition)])?;
            self.gradient = Some(vector(gradient, on.partition.shape, &on.partition.blocks));
        }
        Ok(())
    }

    /// Whether the moments are finite.
    pub fn is_finite(&mut self, on: &Resident) -> Result<bool> {
        if self.moments.is_empty() {
            return Ok(true);
        }
        let check = match &mut self.finiteness {
            Some(check) => check,
            none => none.insert(FinitenessCheck::new(&on.gpu, &on.partition, self.moments.iter().flatten())?),
        };
        check.passes(&on.gpu)
    }

    /// Adds the recordings of its steps to a plan.
    pub fn describe(mut self, on: &Resident, planner: &mut Planner, steps: &PlannedSteps<'_>) -> Result<()> {
        self.use_moments(on, if steps.adam { 2 } else { 1 })?;
        if let Some(rows) = steps.longest_list() {
            self.list_for(on, rows)?;
        }
        for (_, listed) in steps.rows() {
            self.use_gradient(on, listed.unwrap_or(on.count))?;
        }
        self.rates.describe(planner);
        planner.tensors("average rho_hat", &self.average);
        if let Some(list) = &self.list {
            planner.tensors("list", list.indices());
        }
        for (prefix, moment) in ["first moment ", "second moment "].into_iter().zip(&self.moments) {
            planner.vector(prefix, moment);
        }
        FinitenessCheck::new(&on.gpu, &on.partition, self.moments.iter().flatten())?
            .describe(planner, "moments")?;
        let rules = [("sgd", false, steps.sgd), ("adam", true, steps.adam)];
        for (name, adam, _) in rules.into_iter().filter(|&(.., is_planned)| is_planned) {
            for (rows, listed) in steps.rows() {
                for (what, report) in [("", false), (" with J", true)] {
                    let step = self.record(on, StepKey { listed, adam, report })?;
                    let recording = step.resident().expect(PLANNED_ROWS);
                    planner.recording(&format!("{name}{rows}{what}"), recording)?;
                }
            }
        }
        Ok(())
    }

    /// Makes and records what an update takes. Whatever can be refused is refused here, before any command of it.
    pub fn prepare(&mut self, on: &Resident, step: &Step<'_>) -> Result<PreparedStep> {
        let key = self.make_room(on, step)?;
        let at = match self.steps.iter().position(|(made, _)| *made == key) {
            Some(at) => at,
            None => {
                self.steps.push((key, self.record(on, key)?));
                self.steps.len() - 1
            }
        };
        Ok(PreparedStep(at))
    }

    /// One update, behind `commands`. J before it is read back if the step asks for it.
    pub fn step<'r>(
        &mut self,
        (on, fetcher): (&'r Resident, Option<&mut Fetcher>),
        mut commands: Commands<'r>,
        PreparedStep(at): PreparedStep,
        step: &Step<'_>,
    ) -> Result<Evaluated<'r>> {
        let key = self.steps[at].0;
        let is_average = on.rho_hat.mode == RhoHatMode::Ema;
        let decay = if is_average && self.averaging { on.rho_hat.decay } else { 0.0 };
        self.averaging = true;
        self.uploads.begin_step();
        self.rates.set_penalty((&mut self.uploads, &mut commands), step.beta, decay);
        self.rates.set_update((&mut self.uploads, &mut commands), &step.update);
        if let (Rows::Listed(list), Some(room), true) = (step.rows, &self.list, on.rows.are_resident()) {
            room.upload((&mut self.uploads, &mut commands), &on.partition, list);
        }
        let Self { gradient, moments, average, rates, steps, .. } = self;
        let ends = ends(&on.params, moments, rates, key.adam);
        let subject = subject(on, target(gradient, &ends, on, key), average, rates, step.beta, step.report);
        let report = step.report.then(|| on.report());
        steps[at].1.run((on, fetcher), commands, subject, step.rows, report)
    }

    /// Room for the list of the rows, for the moments that the update takes, and for what it uploads.
    fn make_room(&mut self, on: &Resident, step: &Step<'_>) -> Result<StepKey> {
        let adam = matches!(step.update, Update::Adam { .. });
        let listed = match step.rows {
            Rows::All => None,
            Rows::Listed(list) => {
                BatchList::check(list, on.count)?;
                if on.rows.are_resident() {
                    self.list_for(on, list.len())?;
                }
                Some(list.len())
            }
        };
        self.use_moments(on, if adam { 2 } else { 1 })?;
        self.use_gradient(on, listed.unwrap_or(on.count))?;
        let size = upload_size(self.list.as_ref().map_or(0, BatchList::most));
        let steps = on.gpu.steps_at_once();
        if !self.uploads.hold(steps, size) {
            self.uploads = Uploads::new(&on.gpu, steps, size)?;
        }
        Ok(StepKey { listed, adam, report: step.report })
    }

    /// Room for a list of so many rows. Recordings of shorter lists bind the room before, and are made again.
    fn list_for(&mut self, on: &Resident, rows: usize) -> Result<&BatchList> {
        if self.list.as_ref().is_none_or(|list| !list.holds(rows)) {
            self.steps.retain(|(key, _)| key.listed.is_none());
            self.list = None;
            self.list = Some(BatchList::new(&on.gpu, &on.partition, rows)?);
        }
        Ok(self.list.as_ref().expect("just made"))
    }

    fn record(&self, on: &Resident, key: StepKey) -> Result<Evaluation> {
        let rows = match (&on.rows, key.listed, &self.list) {
            (DeviceRows::Resident(parts), Some(rows), Some(batch)) => batch.rows(parts, rows),
            _ => on.all_rows(),
        };
        let ends = ends(&on.params, &self.moments, &self.rates, key.adam);
        let target = target(&self.gradient, &ends, on, key);
        // β is set before each run.
        let subject = subject(on, target, &self.average, &self.rates, on.objective.beta, key.report);
        let apply = |recorder: &mut Recorder<'_>| match target {
            GradientTarget::Applied(_) => Ok(()),
            GradientTarget::Kept(gradient) => gradient.iter().zip(&ends).try_for_each(|(gradient, &end)| {
                recorder.apply_gradient(&gradient.whole, gradient.layout, end)
            }),
        };
        Evaluation::record(on, subject, rows, |_| Ok(()), apply)
    }
}

/// The recording of an update that can be run.
pub(crate) struct PreparedStep(usize);

/// Bytes that a step uploads at most: rates, and a list of so many rows.
pub(crate) fn upload_size(rows: usize) -> u64 {
    bytes(PENALTY_RATES + RATES + rows)
}

/// What takes the gradient of each block.
pub(crate) fn ends<'a>(
    params: &'a [Segment],
    moments: &'a [Vec<Segment>],
    rates: &'a Rates,
    adam: bool,
) -> Vec<AppliedEnd<'a>> {
    let end = |(k, w): (usize, &'a Segment)| {
        let (w, first, rates) = (&w.whole, &moments[0][k].whole, rates.update());
        if adam {
            AppliedEnd::Adam { w, moments: [first, &moments[1][k].whole], rates }
        } else {
            AppliedEnd::Sgd { w, velocity: first, rates }
        }
    };
    params.iter().enumerate().map(end).collect()
}

/// What becomes of the gradient of a step: one chunk is applied at once, several are added up first.
fn target<'a>(
    gradient: &'a Option<Vec<Segment>>,
    ends: &'a [AppliedEnd<'a>],
    on: &Resident,
    key: StepKey,
) -> GradientTarget<'a> {
    let chunks = on.partition.chunks(key.listed.unwrap_or(on.count)).len();
    match gradient {
        Some(gradient) if chunks > 1 => GradientTarget::Kept(gradient),
        _ => GradientTarget::Applied(ends),
    }
}

/// The parameters, evaluated for a step: with its β, and with the ρ̂ of the mode.
fn subject<'a>(
    on: &'a Resident,
    gradient: GradientTarget<'a>,
    average: &'a [Tensor],
    rates: &'a Rates,
    beta: f64,
    report: bool,
) -> Subject<'a> {
    let rho_hat = match on.rho_hat.mode {
        RhoHatMode::Ema => average,
        RhoHatMode::Exact | RhoHatMode::Batch => &on.workspace.rho_hat,
    };
    let rho_hat = RhoHatTarget { rho_hat, rates: rates.penalty() };
    let objective = on.objective.with_beta(beta);
    Subject { objective, weights: &on.params, gradient: Some(gradient), sums_weights: report, rho_hat }
}
