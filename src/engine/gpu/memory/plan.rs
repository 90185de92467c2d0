//! What the WebGPU engine holds, in bytes: the sizes of `layout.rs`, `workspace.rs`, `descent.rs`, `search/vectors.rs` and,
//! where kernels read textures, of the copies in `storage.rs`.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::Memory;
use crate::engine::gpu::memory::buffer::padded;
use crate::engine::gpu::memory::layout::Layout;
use crate::engine::gpu::memory::workspace::room;
use crate::engine::{Job, Plan};
use crate::error::Result;
use crate::io::memory::Footprint;
use crate::math::optim::Optimizer;
use crate::math::optim::lbfgs::HISTORY;

/// The cut of a job on a device, and what it holds then.
///
/// # Errors
/// When the shape does not fit the bindings of the device.
pub fn footprint(gpu: &Gpu, job: &Job) -> Result<(Plan, Footprint)> {
    let layout = Layout::new(gpu, job.shape, job.examples, job.cut)?;
    let (n, widest) = (padded(job.shape.visible), padded(layout.widest_block()));
    let hidden: usize = layout.blocks.iter().map(|block| padded(block.len())).sum();
    let parameters = 2 * hidden * n + hidden + n;
    let layers = layout.chunk * (hidden + widest + n);
    let activations = layers + room(&layout);
    let vectors = match job.optimizer {
        // The gradient, then the velocity or two moments.
        Optimizer::Sgd => 2,
        Optimizer::Adam => 3,
        Optimizer::Lbfgs => 4 + 2 * HISTORY + 1,
    };
    let (batch, resident) = (layout.chunk * n, padded(job.examples) * n);
    let data = match job.fetched {
        Some(waiting) => 2 * batch + (waiting + 3 * layout.chunk * job.row_bytes).div_ceil(4),
        None => resident + if job.batch.is_some() { batch + job.examples } else { 0 },
    };
    let textures = match layout.variant.memory {
        Memory::Buffers => 0,
        Memory::Textures => {
            // Weights are copied as two matrices and as one vector; L-BFGS evaluates a trial point, and copies its
            // gradient, the direction and the stack besides.
            let copied = if job.optimizer == Optimizer::Lbfgs { vectors } else { 2 };
            let examples = if job.fetched.is_some() || job.batch.is_some() { batch } else { resident };
            copied * parameters + layers + examples
        }
    };
    let [parameters, optimizer_state, activations, data, textures] =
        [parameters, vectors * parameters, activations, data, textures].map(|numbers| 4 * numbers as u64);
    Ok((layout.plan(), Footprint { parameters, optimizer_state, activations, data, textures }))
}
