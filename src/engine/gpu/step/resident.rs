//! All that stays on the device from step to step, whatever is computed: parameters, examples and the tensors that
//! passes share. The step machines borrow it and keep what is theirs.

use std::ops::Range;
use std::sync::Arc;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{Tensor, read_rows, staging};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::{Segment, read_flat, read_vector, vector, write_vector};
use crate::engine::gpu::memory::workspace::{Workspace, block_weights, cost_sums, weight_sums};
use crate::engine::gpu::ops::{PENALTY_RATES, penalty_rates};
use crate::engine::gpu::plan::{PlannedSteps, Planner};
use crate::engine::gpu::recording::{Commands, Recorder, Recording};
use crate::engine::gpu::step::examples::{DeviceRows, PassRows};
use crate::engine::gpu::step::pass::{PassRecorder, RhoHatTarget, Subject};
use crate::engine::{RhoHat, Rows};
use crate::error::Result;
use crate::math::objective::{Cost, Objective};
use crate::math::params::Params;

/// The part of a training problem that a device holds.
#[derive(Debug)]
pub(crate) struct Resident {
    pub gpu: Arc<Gpu>,
    pub partition: Partition,
    pub objective: Objective,
    pub rho_hat: RhoHat,
    pub params: Vec<Segment>,
    pub workspace: Workspace,
    pub rows: DeviceRows,
    /// β of the objective, and no moving average of ρ̂.
    penalty: Tensor,
    /// Examples m, on the device or fetched.
    pub count: usize,
    /// J's sums and ρ̂ are read back through it.
    staging: wgpu::Buffer,
}

impl Resident {
    /// Uploads parameters, for `count` examples that lie at `rows`.
    pub fn new(
        gpu: Arc<Gpu>,
        partition: Partition,
        (objective, rho_hat): (Objective, RhoHat),
        params: &Params<f32>,
        rows: DeviceRows,
        count: usize,
    ) -> Result<Self> {
        let at_once = rows_at_once(&partition, count, rows.are_resident());
        let workspace = Workspace::new(&gpu, &partition, at_once)?;
        let [wholes, penalty] = allocate(&gpu, [Self::parameters(&partition), Self::penalty()])?;
        let penalty = single(penalty);
        penalty.write(&gpu, &penalty_rates(objective.beta, 0.0));
        let resident = vector(wholes, partition.shape, &partition.blocks);
        write_vector(&gpu, &resident, params);
        let staging = staging(&gpu, cost_numbers(&partition, at_once))?;
        Ok(Self {
            gpu,
            partition,
            objective,
            rho_hat,
            params: resident,
            workspace,
            rows,
            penalty,
            count,
            staging,
        })
    }

    /// The parameters: textures hold W1 and D of a block.
    pub fn parameters(partition: &Partition) -> Allocation {
        let textures = 2 * block_weights(partition);
        Allocation::vectors("parameters", Category::Parameters, partition.segments()).copied_in_turn(textures)
    }

    /// The rates of [`Resident::subject`].
    pub fn penalty() -> Allocation {
        Allocation::vectors("penalty", Category::Parameters, [PENALTY_RATES])
    }

    /// The tensors for `count` examples and updates over at most `update` rows; those of the examples themselves apart.
    pub fn allocations(
        partition: &Partition,
        (count, are_resident): (usize, bool),
        update: usize,
    ) -> Vec<Allocation> {
        let rows = rows_at_once(partition, count, are_resident);
        let workspace = Workspace::allocations(partition, rows, update);
        workspace.into_iter().chain([Self::parameters(partition), Self::penalty()]).collect()
    }

    /// Adds parameters, examples and the sums of J over all rows of `steps` to a plan.
    pub fn describe(&self, planner: &mut Planner, steps: &PlannedSteps<'_>) {
        let work = &self.workspace;
        planner.vector("", &self.params);
        planner.tensors("objective penalty", [&self.penalty]);
        if let DeviceRows::Resident(parts) = &self.rows {
            planner.tensors("examples", parts.iter().map(|part| &part.x));
        }
        planner.tensors("rho_hat", &work.rho_hat);
        planner.tensors("squared weights", &work.squared_weights);
        let lists = steps.lists.iter().map(|&(name, rows)| (format!("squared errors {name}"), rows));
        for (name, rows) in lists.chain([("squared errors".to_owned(), self.count)]) {
            let parts = work.error_parts(&self.partition, rows);
            let sums: Vec<_> =
                parts.into_iter().map(|(sums, count)| Tensor { cols: count, ..sums.clone() }).collect();
            planner.tensors(&name, &sums);
        }
    }

    /// How many rows `rows` names.
    pub fn rows_of(&self, rows: Rows<'_>) -> usize {
        match rows {
            Rows::All => self.count,
            Rows::Listed(list) => list.len(),
        }
    }

    /// The parameters as the subject of an evaluation, with the exact ρ̂ and without a gradient.
    pub fn subject(&self) -> Subject<'_> {
        let rho_hat = RhoHatTarget { rho_hat: &self.workspace.rho_hat, rates: &self.penalty };
        Subject {
            objective: self.objective,
            weights: &self.params,
            gradient: None,
            sums_weights: true,
            rho_hat,
        }
    }

    /// All examples as the rows of a pass.
    pub fn all_rows(&self) -> PassRows<'_> {
        match &self.rows {
            DeviceRows::Resident(parts) => PassRows::Resident(parts),
            DeviceRows::Fetched(batch) => PassRows::Fetched { batch, rows: self.count },
        }
    }

    /// An empty recording whose products have room for their slices.
    pub fn recorder(&self) -> Recorder<'_> {
        self.workspace.recorder(&self.gpu, &self.partition)
    }

    /// Passes over `rows`.
    pub fn pass<'p, 'g>(
        &'p self,
        recorder: &'p mut Recorder<'g>,
        subject: Subject<'p>,
        rows: PassRows<'p>,
    ) -> PassRecorder<'p, 'g> {
        PassRecorder { recorder, partition: &self.partition, work: &self.workspace, subject, rows }
    }

    /// A recording over `rows` at the parameters.
    pub fn record(
        &self,
        rows: PassRows<'_>,
        build: impl FnOnce(&mut PassRecorder<'_, '_>) -> Result<()>,
    ) -> Result<Recording> {
        let mut recorder = self.recorder();
        build(&mut self.pass(&mut recorder, self.subject(), rows))?;
        recorder.finish()
    }

    /// The parameters.
    pub fn read_params(&self) -> Result<Params<f32>> {
        self.read_vector(&self.params)
    }

    /// A vector of the parameters' shape.
    pub fn read_vector(&self, vector: &[Segment]) -> Result<Params<f32>> {
        read_vector(&self.gpu, vector, self.partition.shape)
    }

    /// The same into `flat`, in the order of [`Params::to_flat`].
    pub fn read_flat(&self, vector: &[Segment], flat: &mut [f32]) -> Result<()> {
        read_flat(&self.gpu, vector, self.partition.shape, flat)
    }

    /// Joins the columns of `tensors` into rows.
    pub fn read_rows(&self, tensors: &[Tensor], rows: Range<usize>, out: &mut Vec<f32>) -> Result<()> {
        read_rows(&self.gpu, tensors, rows, out)
    }

    /// A report of J alone.
    pub fn report(&self) -> Report<'_> {
        Report { staging: &self.staging, more: &[] }
    }

    /// J over `rows` rows from the sums that the last pass has left behind, and ρ̂ of `subject`, in the submission of `commands`,
    /// with what the report names behind them. `errors` is the sum of squared errors, where the host has added it up already.
    pub fn read_cost(
        &self,
        commands: Commands<'_>,
        subject: Subject<'_>,
        rows: usize,
        errors: Option<f64>,
        Report { staging, more }: Report<'_>,
    ) -> Result<(Cost, Vec<f32>)> {
        let whole = |tensor| -> (&Tensor, usize) { (tensor, tensor.cols) };
        let mut parts: Vec<_> = self.workspace.squared_weights.iter().map(whole).collect();
        if errors.is_none() {
            parts.extend(self.workspace.error_parts(&self.partition, rows));
        }
        parts.extend(subject.rho_hat.rho_hat.iter().map(whole));
        parts.extend(more);
        let read = commands.read(staging, &parts)?;
        let (weights, rest) = read.split_at(weight_sums(&self.partition));
        let error_sums = if errors.is_none() { cost_sums(&self.partition, rows) - weights.len() } else { 0 };
        let (error_sums, rest) = rest.split_at(error_sums);
        let (rho_hat, more) = rest.split_at(self.partition.shape.hidden);
        let sum = |part: &[f32]| part.iter().map(|&x| f64::from(x)).sum::<f64>();
        let errors = errors.unwrap_or_else(|| sum(error_sums));
        let rho_hat = rho_hat.iter().map(|&r| f64::from(r)).collect();
        let cost = Cost::from_sums(&subject.objective, rows, errors, sum(weights), rho_hat);
        Ok((cost, more.to_vec()))
    }

    /// The first numbers of several tensors, one behind the other; no more than J takes.
    pub fn read_parts(&self, parts: &[(&Tensor, usize)]) -> Result<Vec<f32>> {
        Commands::new(&self.gpu).read(&self.staging, parts)
    }

    /// Most numbers that J is read back as.
    pub fn cost_numbers(&self) -> usize {
        let rows = rows_at_once(&self.partition, self.count, self.rows.are_resident());
        cost_numbers(&self.partition, rows)
    }
}

/// What is read back with J, and through which buffer.
#[derive(Clone, Copy)]
pub(crate) struct Report<'a> {
    /// Room for J and all of `more`.
    pub staging: &'a wgpu::Buffer,
    /// The first numbers of these.
    pub more: &'a [(&'a Tensor, usize)],
}

/// Numbers of J over `rows` rows, ρ̂ among them.
fn cost_numbers(partition: &Partition, rows: usize) -> usize {
    cost_sums(partition, rows) + partition.shape.hidden
}

/// Rows whose squared errors are read at once: of fetched rows they are read chunk by chunk.
fn rows_at_once(partition: &Partition, count: usize, are_resident: bool) -> usize {
    if are_resident { count } else { partition.chunk.min(count) }
}
