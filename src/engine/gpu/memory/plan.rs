//! What the WebGPU engine holds, in bytes: the sizes of `layout.rs`, `workspace.rs`, `descent.rs`, `search/vectors.rs` and,
//! where kernels read textures, of the copies in `storage.rs`.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::Memory;
use crate::engine::gpu::memory::buffer::padded;
use crate::engine::gpu::memory::layout::Layout;
use crate::engine::gpu::memory::workspace::room;
use crate::engine::{ChunkPlan, Job};
use crate::error::Result;
use crate::io::memory::Footprint;
use crate::math::optim::Optimizer;
use crate::math::optim::lbfgs::HISTORY;

/// The cut of a job on a device, and what it holds then.
///
/// # Errors
/// When the shape does not fit the bindings of the device.
pub fn footprint(gpu: &Gpu, job: &Job) -> Result<(ChunkPlan, Footprint)> {
    let layout = Layout::new(gpu, job.shape, job.examples, job.cut)?;
    let (n, widest) = (padded(job.shape.visible), padded(layout.widest_block()));
    let hidden: usize = layout.blocks.iter().map(|block| padded(block.len())).sum();
    let parameters = 2 * hidden * n + hidden + n;
    let activations = layout.chunk * (hidden + widest + n) + room(&layout);
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
        // Weights are copied as two matrices, as one vector without biases and as one with them.
        Memory::Textures => {
            let examples =
                if job.fetched.is_some() { batch } else { resident + job.batch.map_or(0, |_| batch) };
            3 * parameters + vectors * parameters + activations + examples
        }
    };
    let [parameters, optimizer_state, activations, data, textures] =
        [parameters, vectors * parameters, activations, data, textures].map(|numbers| 4 * numbers as u64);
    Ok((layout.plan(), Footprint { parameters, optimizer_state, activations, data, textures }))
}
