//! All that the shards of a rank have on the device from step to step: each its cut, its parameters and the tensors of
//! its passes; and together the examples and the outputs.

use std::sync::Arc;

use super::outputs::Outputs;
use crate::engine::collective::{Shards, VOTES, of_units};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, allocate, single};
use crate::engine::gpu::memory::buffer::{Tensor, padded, staging};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::{Segment, vector, write_vector};
use crate::engine::gpu::memory::workspace::{Workspace, weight_sums};
use crate::engine::gpu::ops::{invocations_of_sum, penalty_rates};
use crate::engine::gpu::recording::Recorder;
use crate::engine::gpu::step::examples::{DeviceRows, PassRows};
use crate::engine::gpu::step::pass::{RhoHatTarget, Subject};
use crate::engine::gpu::step::resident::{Report, Resident};
use crate::engine::{RhoHat, Rows};
use crate::error::Result;
use crate::math::objective::Objective;
use crate::math::params::{Params, Shape};

/// A shard.
#[derive(Debug)]
pub(super) struct GpuShard {
    pub partition: Partition,
    pub params: Vec<Segment>,
    pub workspace: Workspace,
}

/// The shards of a rank, and what they share.
#[derive(Debug)]
pub(super) struct ShardedResident {
    pub gpu: Arc<Gpu>,
    pub objective: Objective,
    pub rho_hat: RhoHat,
    /// n, and h of all ranks.
    pub shape: Shape,
    /// The cut of the largest shard of all.
    pub largest: Partition,
    pub shards: Vec<GpuShard>,
    pub rows: DeviceRows,
    /// Examples m, on the device or fetched.
    pub count: usize,
    pub outputs: Outputs,
    /// β of the objective, and no moving average of ρ̂.
    penalty: Tensor,
    /// Z3, and J's sums and ρ̂, are read back through it.
    pub staging: wgpu::Buffer,
}

impl GpuShard {
    /// With the parameters of its units; `first` is the shard of this rank that it shares tensors with.
    fn new(gpu: &Gpu, partition: Partition, params: &Params<f32>, first: Option<&Self>) -> Result<Self> {
        let workspace = match first {
            Some(first) => first.workspace.beside(gpu, &partition)?,
            None => Workspace::new(gpu, &partition, 0)?,
        };
        let resident = shard_vector(gpu, &partition, Resident::parameters(&partition))?;
        write_vector(gpu, &resident, params);
        Ok(Self { partition, params: resident, workspace })
    }
}

/// A vector of the parameters' shape of a shard.
pub(super) fn shard_vector(gpu: &Gpu, partition: &Partition, list: Allocation) -> Result<Vec<Segment>> {
    let [wholes] = allocate(gpu, [list])?;
    Ok(vector(wholes, partition.shape, &partition.blocks))
}

impl ShardedResident {
    /// Uploads the parameters of the shards `own`, for `count` examples that lie at `rows`.
    pub fn new(
        gpu: Arc<Gpu>,
        largest: Partition,
        (objective, rho_hat): (Objective, RhoHat),
        (params, cut, own): (&Params<f32>, Shards, std::ops::Range<usize>),
        (rows, count): (DeviceRows, usize),
    ) -> Result<Self> {
        let outputs = Outputs::new(&gpu, &largest, own.len())?;
        let mut shards: Vec<GpuShard> = Vec::new();
        for units in own.map(|shard| cut.units(shard)) {
            let partition = largest.of_shard(units.len());
            shards.push(GpuShard::new(&gpu, partition, &of_units(params, &units), shards.first())?);
        }
        let [penalty] = allocate(&gpu, [Resident::penalty()])?.map(single);
        penalty.write(&gpu, &penalty_rates(objective.beta, 0.0));
        let partitions = shards.iter().map(|shard| &shard.partition);
        let staging = staging(&gpu, numbers_read(&largest, partitions))?;
        let shape = params.shape;
        Ok(Self { gpu, objective, rho_hat, shape, largest, shards, rows, count, outputs, penalty, staging })
    }

    /// The tensors of shards that are cut like this, for updates over at most `update` rows; those of the examples and
    /// the outputs apart.
    pub fn allocations(shards: &[Partition], update: usize) -> Vec<Allocation> {
        let mut tensors = Vec::new();
        for (v, partition) in shards.iter().enumerate() {
            if v == 0 {
                tensors.extend(Workspace::allocations(partition, 0, update));
                tensors.push(Resident::parameters(partition));
            } else {
                tensors.extend(Workspace::allocations_beside(partition));
                tensors.push(Resident::parameters(partition).copied_in_turn(0));
            }
        }
        tensors.push(Resident::penalty());
        tensors
    }

    /// How many rows `rows` names.
    pub fn rows_of(&self, rows: Rows<'_>) -> usize {
        match rows {
            Rows::All => self.count,
            Rows::Listed(list) => list.len(),
        }
    }

    /// The parameters of each shard as the subject of an evaluation, with the exact ρ̂ and without a gradient.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        let objective = self.objective;
        let mut subjects = Vec::new();
        for GpuShard { params, workspace, .. } in &self.shards {
            let rho_hat = RhoHatTarget { rho_hat: &workspace.rho_hat, rates: &self.penalty };
            subjects.push(Subject {
                objective,
                weights: params,
                gradient: None,
                sums_weights: true,
                rho_hat,
            });
        }
        subjects
    }

    /// Where examples lie in a pass over `rows`: resident ones in their places.
    pub fn place_of(&self, rows: Rows<'_>) -> PassRows<'_> {
        match &self.rows {
            DeviceRows::Resident(parts) => PassRows::Resident(parts),
            DeviceRows::Fetched(batch) => PassRows::Fetched { batch, rows: self.rows_of(rows) },
        }
    }

    /// An empty recording.
    pub fn recorder(&self) -> Recorder<'_> {
        self.shards[0].workspace.recorder(&self.gpu, &self.largest)
    }

    /// A report of J alone.
    pub fn report(&self) -> Report<'_> {
        Report { staging: &self.staging, more: &[] }
    }
}

/// Numbers of J, ρ̂ among them: of squared errors those of a chunk.
pub(super) fn cost_numbers<'a>(largest: &Partition, shards: impl Iterator<Item = &'a Partition>) -> usize {
    let errors = invocations_of_sum(largest.chunk, largest.shape.visible);
    errors + shards.map(|shard| weight_sums(shard) + shard.shape.hidden).sum::<usize>()
}

/// Most numbers that are read back at once: Z3 of a chunk with its votes, or J.
pub(super) fn numbers_read<'a>(largest: &Partition, shards: impl Iterator<Item = &'a Partition>) -> usize {
    let outputs = padded(largest.chunk) * padded(largest.shape.visible) + VOTES;
    outputs.max(cost_numbers(largest, shards))
}
