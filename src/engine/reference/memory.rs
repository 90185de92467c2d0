//! The memory of the reference, in bytes: every vector whole, in f64.

use crate::engine::{ChunkPlan, Job};
use crate::io::memory::Footprint;
use crate::math::optim::Optimizer;
use crate::math::optim::lbfgs::HISTORY;
use crate::math::params::Shape;

/// The cut of a job, which is none, and what it holds.
pub fn footprint(job: &Job) -> (ChunkPlan, Footprint) {
    let (visible, hidden) = (job.shape.visible, job.shape.hidden);
    let rows = job.batch.unwrap_or(job.examples);
    // Two moments are there from the start; a gradient and its parts while a step is at work.
    let vectors = match job.optimizer {
        Optimizer::Lbfgs => 2 + 4 + 2 * HISTORY,
        _ => 2 + 3,
    };
    let parameters = job.shape.parameters();
    let activations = 3 * job.examples.max(rows) * (visible + hidden);
    let data = job.examples * visible + job.batch.map_or(0, |batch| batch * visible);
    let [parameters, optimizer_state, activations, data] =
        [parameters, vectors * parameters, activations, data].map(|numbers| 8 * numbers as u64);
    let footprint = Footprint { parameters, optimizer_state, activations, data, textures: 0 };
    (ChunkPlan { chunk: job.examples, block: hidden }, footprint)
}

/// The same of one of several ranks, each shard as large as the largest.
pub fn footprint_of_rank(job: &Job) -> (ChunkPlan, Footprint) {
    let hidden = job.sharding.share() * job.shape.hidden.div_ceil(job.sharding.shards);
    let (plan, footprint) = footprint(&Job { shape: Shape { hidden, ..job.shape }, ..*job });
    // Parts of Z3 that wait to be added up.
    let waiting = 8 * (job.examples.max(job.batch.unwrap_or(0)) * job.shape.visible) as u64;
    let waiting = waiting * u64::from(job.sharding.share().next_power_of_two().ilog2() + 1);
    (
        ChunkPlan { block: job.shape.hidden, ..plan },
        Footprint { activations: footprint.activations + waiting, ..footprint },
    )
}
