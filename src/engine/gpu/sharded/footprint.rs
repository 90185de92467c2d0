//! The memory plan of a rank: what its shards hold on the device, and what the exchange takes.

use std::ops::Range;

use super::outputs::Outputs;
use super::resident::{ShardedResident, numbers_read};
use super::search;
use crate::engine::collective::Shards;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::footprint::{of_rows, on_host};
use crate::engine::gpu::memory::allocation::{Allocation, footprint as sum};
use crate::engine::gpu::memory::buffer::{bytes, padded};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::step::first_order::FirstOrder;
use crate::engine::gpu::step::lbfgs::vectors::SearchVectors;
use crate::engine::gpu::step::rates::Rates;
use crate::engine::{ChunkPlan, Job};
use crate::error::Result;
use crate::io::memory::Footprint;
use crate::math::optim::Optimizer;
use crate::math::optim::lbfgs::HISTORY;
use crate::math::params::Shape;

/// The cut of the shards of a rank on a device, and the bytes that are held then: among the activations the parts of
/// Z3, and Z3 on its way out to other ranks and back, as what else is read back.
///
/// # Errors
/// [`crate::Error::Usage`] when the shape does not fit the bindings of the device.
pub fn footprint(gpu: &Gpu, job: &Job, cut: Shards, own: &Range<usize>) -> Result<(ChunkPlan, Footprint)> {
    let widest = Shape { hidden: cut.widest(), ..job.shape };
    let mut largest = Partition::new(gpu, widest, job.examples, job.cut)?.of_shard(widest.hidden);
    largest.variant = job.kernels.unwrap_or(largest.variant);
    let shards: Vec<Partition> = own.clone().map(|shard| largest.of_shard(cut.units(shard).len())).collect();
    let update = job.batch.unwrap_or(job.examples);
    let tensors = Outputs::allocations(&largest, shards.len())
        .into_iter()
        .chain(ShardedResident::allocations(&shards, update))
        .chain(of_optimizer(&shards, job, update))
        .chain(of_rows(&largest, job));
    let mut footprint = sum(tensors, largest.variant.memory);
    let mut out = numbers_read(&largest, shards.iter());
    if job.optimizer == Optimizer::Lbfgs {
        out += search::numbers_read(&largest, shards.iter(), HISTORY);
    }
    let back = if job.sharding.ranks > 1 { padded(largest.chunk) * padded(job.shape.visible) } else { 0 };
    footprint.activations += bytes(out + back);
    footprint.data += on_host(&largest, job);
    Ok((largest.plan(), footprint))
}

fn of_optimizer(shards: &[Partition], job: &Job, update: usize) -> Vec<Allocation> {
    if job.optimizer == Optimizer::Lbfgs {
        return shards.iter().flat_map(|shard| SearchVectors::allocations(shard, HISTORY)).collect();
    }
    let mut tensors: Vec<Allocation> = Rates::allocations().into();
    for shard in shards {
        tensors.extend((shard.chunks(update).len() > 1).then(|| FirstOrder::gradient(shard)));
        tensors.push(FirstOrder::average(shard));
        tensors.extend((0..job.optimizer.moments()).map(|_| FirstOrder::moment(shard)));
    }
    tensors
}
