//! Vectors of the shape of a network's parameters on the device: one buffer a layer, weights first, then biases.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::error::Result;
use crate::math::network::{NetworkShape, ranges};

/// The part of a vector that belongs to one layer.
#[derive(Clone, Debug)]
pub(super) struct LayerVector {
    /// `[outputs, inputs]`.
    pub weight: Tensor,
    /// `[outputs]`.
    pub bias: Tensor,
    /// The weights as one flat vector: what λ decays.
    pub weights: Tensor,
    /// Where both lie.
    pub layout: SegmentLayout,
    /// Both as one flat vector.
    pub whole: Tensor,
}

impl LayerVector {
    fn of(whole: Tensor, (inputs, outputs): (usize, usize)) -> Self {
        let layout = SegmentLayout::of_layer(inputs, outputs);
        let buffer = &whole.buffer;
        Self {
            weight: Tensor::matrix_at(buffer, 0, outputs, inputs),
            bias: Tensor::vector_at(buffer, layout.b1, outputs),
            weights: Tensor::vector_at(buffer, 0, layout.b1),
            layout,
            whole,
        }
    }
}

/// Makes a vector of zeros.
pub(super) fn zeros(
    gpu: &Gpu,
    name: &'static str,
    category: Category,
    shape: &NetworkShape,
) -> Result<Vec<LayerVector>> {
    let lens = shape.layers().map(|(inputs, outputs)| SegmentLayout::of_layer(inputs, outputs).len);
    let [wholes] = allocate(gpu, [Allocation::vectors(name, category, lens)])?;
    Ok(wholes.into_iter().zip(shape.layers()).map(|(whole, layer)| LayerVector::of(whole, layer)).collect())
}

/// Uploads numbers in the order of [`Network::to_flat`].
///
/// [`Network::to_flat`]: crate::math::network::Network::to_flat
pub(super) fn write(gpu: &Gpu, vector: &[LayerVector], shape: &NetworkShape, flat: &[f32]) {
    assert_eq!(flat.len(), shape.parameters(), "a network of {} has as many numbers", shape.words());
    for (layer, (weight, bias)) in vector.iter().zip(ranges(shape)) {
        layer.weight.write(gpu, &flat[weight]);
        layer.bias.write(gpu, &flat[bias]);
    }
}

/// Reads them back in that order.
pub(super) fn read(gpu: &Gpu, vector: &[LayerVector], shape: &NetworkShape) -> Result<Vec<f32>> {
    let mut flat = vec![0.0; shape.parameters()];
    for (layer, (weight, bias)) in vector.iter().zip(ranges(shape)) {
        layer.weight.read_into(gpu, &mut flat[weight])?;
        layer.bias.read_into(gpu, &mut flat[bias])?;
    }
    Ok(flat)
}
