//! The memory of a rank, in bytes: the sizes of `shard.rs` and `layers.rs`, every shard as large as the largest.

use crate::engine::collective::VOTES;
use crate::engine::cpu::buffer::width;
use crate::engine::cpu::cut::settle;
use crate::engine::cpu::memory::{examples, vectors};
use crate::engine::panels::PanelLayout;
use crate::engine::{ChunkPlan, Job};
use crate::io::memory::Footprint;
use crate::math::params::Shape;

/// The cut of a job, and what one of its ranks holds then.
pub fn footprint(job: &Job) -> (ChunkPlan, Footprint) {
    let widest = job.shape.hidden.div_ceil(job.sharding.shards);
    let shape = Shape { hidden: widest, ..job.shape };
    let (layout, plan) = (PanelLayout::new(shape), settle(job.cut, shape, job.examples));
    let shards = job.sharding.share();
    let (n, visible) = (width(shape.visible), shape.visible);
    let (blocks, block) = (widest.div_ceil(plan.block), width(plan.block));
    let rows = plan.chunk.min(job.examples);
    // A2 of every shard; δ2 and Dᵀ of the one at work; parts of Z3 that wait to be added up, and the one at work.
    let waiting = shards.next_power_of_two().ilog2() as usize + 1;
    let activations =
        shards * rows * blocks * block + rows * block + visible * block + waiting * (rows * n + VOTES);
    let tensors = shards * layout.len();
    let [parameters, optimizer_state, activations, data] =
        [tensors, vectors(job, plan) * tensors, activations, examples(job, rows)]
            .map(|numbers| 4 * numbers as u64);
    (plan, Footprint { parameters, optimizer_state, activations, data, textures: 0 })
}
