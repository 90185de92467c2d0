//! Single hidden units that are replaced: their weights, moments and moving averages.

use crate::engine::NewUnit;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, bytes};
use crate::engine::gpu::memory::segment::Segment;
use crate::engine::gpu::step::first_order::FirstOrder;
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;

/// Puts new weights in the place of old ones, zeroes their moments, and sets their moving averages of ρ̂ to ρ.
pub(crate) fn replace_units(
    on: &Resident,
    first_order: Option<&FirstOrder>,
    units: &[NewUnit],
) -> Result<()> {
    let zeros = vec![0.0; on.partition.shape.visible];
    for NewUnit { unit, w1, b1, d } in units {
        let k = on.partition.blocks.iter().position(|block| block.contains(unit));
        let k = k.expect("every unit has a block");
        put_unit(&on.gpu, &on.params[k], *unit, (w1, *b1, d));
        if let Some(state) = first_order {
            state
                .moments
                .iter()
                .for_each(|moment| put_unit(&on.gpu, &moment[k], *unit, (&zeros, 0.0, &zeros)));
            let at = unit - on.partition.blocks[k].start;
            put(&on.gpu, &state.average[k], at, &[on.objective.penalty.rho as f32]);
        }
    }
    on.gpu.check()
}

/// Uploads W1 `[n]`, b1 and D `[n]` of one of a block's units.
pub(crate) fn put_unit(gpu: &Gpu, segment: &Segment, unit: usize, (w1, b1, d): (&[f32], f32, &[f32])) {
    let at = unit - segment.units.start;
    put(gpu, &segment.w1, at * segment.w1.stride(), w1);
    put(gpu, &segment.b1, at, &[b1]);
    put(gpu, &segment.d, at * segment.d.stride(), d);
}

/// Uploads `values` to where `tensor` has its number `at`, padding counted.
pub(crate) fn put(gpu: &Gpu, tensor: &Tensor, at: usize, values: &[f32]) {
    gpu.queue.write_buffer(&tensor.buffer, bytes(tensor.offset + at), bytemuck::cast_slice(values));
}
