//! SGD and Adam on the device: their state, and the recordings of their steps.

use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::{Segment, vector};
use crate::engine::gpu::ops::penalty_uniform;
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::Recorder;
use crate::engine::gpu::step::evaluate::{Evaluation, PLANNED_ROWS};
use crate::engine::gpu::step::examples::DeviceRows;
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::finiteness::FinitenessCheck;
use crate::engine::gpu::step::list::BatchList;
use crate::engine::gpu::step::pass::{RhoHatTarget, Subject};
use crate::engine::gpu::step::rates::Rates;
use crate::engine::gpu::step::resident::Resident;
use crate::engine::{Rows, Step, Update};
use crate::error::Result;
use crate::math::objective::{Cost, RhoHatMode};

/// The state of SGD and Adam on the device.
#[derive(Debug)]
pub(crate) struct FirstOrder {
    gradient: Vec<Segment>,
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
        let [gradient, average] = allocate(gpu, Self::allocations(partition))?;
        Ok(Self {
            gradient: vector(gradient, partition.shape, &partition.blocks),
            moments: Vec::new(),
            average,
            averaging: false,
            list: None,
            rates: Rates::new(gpu, partition.blocks.len())?,
            finiteness: None,
            steps: Vec::new(),
        })
    }

    /// The gradient and the moving average of ρ̂.
    pub fn allocations(partition: &Partition) -> [Allocation; 2] {
        let units = partition.blocks.iter().map(|block| block.len());
        [
            Allocation::vectors("gradient", Category::OptimizerState, partition.segments()),
            Allocation::vectors("average rho_hat", Category::OptimizerState, units),
        ]
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

    /// Adds the recordings of all its steps to a plan, with those over mini-batches of `batch` rows.
    pub fn describe(mut self, on: &Resident, planner: &mut Planner, batch: usize) -> Result<()> {
        self.use_moments(on, 2)?;
        self.list_for(on, batch)?;
        self.rates.describe(planner);
        if let Some(list) = &self.list {
            planner.tensors("list", list.indices());
        }
        for (prefix, moment) in ["first moment ", "second moment "].into_iter().zip(&self.moments) {
            planner.vector(prefix, moment);
        }
        planner.vector("gradient ", &self.gradient);
        for (name, adam) in [("sgd", false), ("adam", true)] {
            for (rows, listed) in [("", None), (" batch", Some(batch))] {
                for (what, report) in [("", false), (" with J", true)] {
                    let step = self.record(on, StepKey { listed, adam, report })?;
                    let recording = step.resident().expect(PLANNED_ROWS);
                    planner.recording(&format!("{name}{rows}{what}"), recording)?;
                }
            }
        }
        Ok(())
    }

    /// One update. J before it comes back if the step asks for it.
    pub fn step(
        &mut self,
        (on, fetcher): (&Resident, Option<&mut Fetcher>),
        step: &Step<'_>,
    ) -> Result<Option<Cost>> {
        let key = self.prepare(on, step)?;
        let is_average = on.rho_hat.mode == RhoHatMode::Ema;
        let decay = if is_average && self.averaging { on.rho_hat.decay } else { 0.0 };
        self.averaging = true;
        let at = match self.steps.iter().position(|(made, _)| *made == key) {
            Some(at) => at,
            None => {
                self.steps.push((key, self.record(on, key)?));
                self.steps.len() - 1
            }
        };
        let Self { gradient, average, rates, steps, .. } = self;
        let subject = subject(on, gradient, average, rates, step.beta, step.report);
        let blocks = on.partition.blocks.iter();
        let penalties = blocks.map(|block| penalty_uniform(&subject.objective, decay, block.len()));
        rates.set_penalties(&on.gpu, penalties);
        rates.set_update(&on.gpu, &on.params, &step.update);
        let cost = steps[at].1.run((on, fetcher), subject, step.rows, step.report, &[])?;
        Ok(cost.map(|(cost, _)| cost))
    }

    /// Uploads the list of the rows, and makes the moments that the update takes.
    fn prepare(&mut self, on: &Resident, step: &Step<'_>) -> Result<StepKey> {
        let adam = matches!(step.update, Update::Adam { .. });
        let listed = match step.rows {
            Rows::All => None,
            Rows::Listed(list) => {
                BatchList::check(list, on.count)?;
                if on.rows.are_resident() {
                    self.list_for(on, list.len())?.write(&on.gpu, &on.partition, list);
                }
                Some(list.len())
            }
        };
        self.use_moments(on, if adam { 2 } else { 1 })?;
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
        // β is set before each run.
        let (beta, report) = (on.objective.beta, key.report);
        let subject = subject(on, &self.gradient, &self.average, &self.rates, beta, report);
        let update = |recorder: &mut Recorder<'_>| self.record_update(on, recorder, key.adam);
        Evaluation::record(on, subject, rows, |_| Ok(()), update)
    }

    fn record_update(&self, on: &Resident, recorder: &mut Recorder<'_>, adam: bool) -> Result<()> {
        for (k, w) in on.params.iter().enumerate() {
            let (gradient, w, first) = (&self.gradient[k].whole, &w.whole, &self.moments[0][k].whole);
            if adam {
                recorder.adam(gradient, w, [first, &self.moments[1][k].whole], self.rates.adam(k))?;
            } else {
                recorder.sgd(gradient, w, first, self.rates.sgd(k))?;
            }
        }
        Ok(())
    }
}

/// The parameters, evaluated for a step: with its β, and with the ρ̂ of the mode.
fn subject<'a>(
    on: &'a Resident,
    gradient: &'a [Segment],
    average: &'a [Tensor],
    rates: &'a Rates,
    beta: f64,
    report: bool,
) -> Subject<'a> {
    let rho_hat = match on.rho_hat.mode {
        RhoHatMode::Ema => average,
        RhoHatMode::Exact | RhoHatMode::Batch => &on.workspace.rho_hat,
    };
    let rho_hat = RhoHatTarget { rho_hat, penalty: Some(rates.penalties()) };
    let objective = on.objective.with_beta(beta);
    Subject { objective, weights: &on.params, gradient: Some(gradient), sums_weights: report, rho_hat }
}
