//! The memory of the CPU engine, in bytes: the sizes of `examples.rs`, `pass.rs`, `evaluate.rs` and `search.rs`.

use super::buffer::width;
use super::cut::{Blocks, settle};
use super::pass::is_thin;
use crate::engine::panels::PanelLayout;
use crate::engine::{ChunkPlan, Job};
use crate::io::memory::Footprint;
use crate::math::optim::Optimizer;
use crate::math::optim::lbfgs::HISTORY;

/// The cut of a job, and what it holds then.
pub fn footprint(job: &Job) -> (ChunkPlan, Footprint) {
    let (layout, plan) = (PanelLayout::new(job.shape), settle(job.cut, job.shape, job.examples));
    let (n, visible) = (width(job.shape.visible), job.shape.visible);
    let blocks = job.shape.hidden.div_ceil(plan.block);
    let block = width(plan.block);
    let rows = plan.chunk.min(job.examples);
    let parts = Blocks::new(rows, is_thin(layout, plan.block));
    let products = if is_thin(layout, plan.block) { 2 * parts.groups() * layout.w1().len() } else { 0 };
    let activations = rows * (blocks * block + block + n) + visible * block + products;

    let [parameters, optimizer_state, activations, data] =
        [layout.len(), vectors(job, plan) * layout.len(), activations, examples(job, rows)]
            .map(|numbers| 4 * numbers as u64);
    (plan, Footprint { parameters, optimizer_state, activations, data, textures: 0 })
}

/// Vectors beside the parameters.
pub fn vectors(job: &Job, plan: ChunkPlan) -> usize {
    let update = job.batch.unwrap_or(job.examples);
    let of_optimizer = match job.optimizer {
        // Gradient, direction, trial point and its gradient, and the pairs (s, y).
        Optimizer::Lbfgs => 4 + 2 * HISTORY,
        of_first_order => of_first_order.moments(),
    };
    of_optimizer + usize::from(update > plan.chunk)
}

/// Numbers of the examples, where `rows` of them are computed at a time.
pub fn examples(job: &Job, rows: usize) -> usize {
    let (n, visible) = (width(job.shape.visible), job.shape.visible);
    match job.fetched {
        // Rows as they come and in panels, as many as a pass takes at a time, besides what waits to be taken.
        Some(waiting) => rows * (visible + n) + (waiting + 3 * rows * job.row_bytes).div_ceil(4),
        None => job.examples * n + n * job.batch.map_or(0, |batch| batch.min(rows)),
    }
}
