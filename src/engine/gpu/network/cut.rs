//! How a network and its examples are cut on the device: chunks of rows, and parts of the examples that one binding
//! holds.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{TILE, bytes, numbers, padded};
use crate::engine::gpu::memory::partition::{MAX_CHUNK, Partition, ROWS_WITHOUT_EXAMPLES};
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::memory::workspace::slices_of;
use crate::engine::gpu::ops::Gemm;
use crate::engine::network::NetworkCut;
use crate::error::{Error, Result};
use crate::math::network::NetworkShape;
use crate::math::params::Shape;

/// The cut of one network.
#[derive(Debug)]
pub(super) struct Cut {
    pub shape: NetworkShape,
    /// That of its examples, whose only block is the lowest layer.
    pub rows: Partition,
}

impl Cut {
    /// Cuts `examples` examples as wanted, or as large as bindings may be.
    ///
    /// # Errors
    /// [`Error::Usage`] for a binding limit that is not below the adapter's, or too small for a layer;
    /// [`Error::Device`] where the adapter's own is too small.
    pub fn new(gpu: &Gpu, shape: &NetworkShape, examples: usize, wanted: NetworkCut) -> Result<Self> {
        let limit = binding_limit(gpu, shape, wanted.binding_limit)?;
        let most = if examples == 0 { ROWS_WITHOUT_EXAMPLES } else { examples };
        let longest = (limit / widest(shape) / TILE * TILE).min(MAX_CHUNK);
        let (_, lowest) = shape.layers().next().expect("a network has a softmax layer");
        let rows = Partition {
            shape: Shape { visible: shape.inputs, hidden: lowest },
            chunk: padded(wanted.chunk.unwrap_or(most).clamp(1, most)).min(longest),
            blocks: std::iter::once(0..lowest).collect(),
            widest: lowest,
            is_shard: false,
            limit,
            variant: gpu.variant(),
            workgroups: gpu.adapter.wanted_workgroups(),
        };
        Ok(Self { shape: shape.clone(), rows })
    }

    /// Numbers that hold the slices of the products of any chunk: short ones are cut where long ones need not be.
    pub fn room(&self) -> usize {
        let mut rows = self.rows.chunk;
        let mut room = 1;
        loop {
            room = self.shape.layers().map(|layer| self.slices(layer, rows)).fold(room, usize::max);
            if rows <= TILE {
                return room;
            }
            rows /= 2;
        }
    }

    /// Numbers of the slices of the products of a layer and so many rows: its own, that of the delta below, its
    /// gradient.
    fn slices(&self, (inputs, outputs): (usize, usize), rows: usize) -> usize {
        let Partition { variant, workgroups, limit, .. } = self.rows;
        let gemm =
            |product, cols, k| Gemm { product, workgroups, rows, cols, k, room: limit }.slice_numbers();
        let layout = SegmentLayout::of_layer(inputs, outputs);
        let gradient = match slices_of(variant.tn, workgroups, limit, layout, rows).count {
            1 => 0,
            count => count * layout.len,
        };
        gemm(variant.nt, outputs, inputs).max(gemm(variant.nn, inputs, outputs)).max(gradient)
    }
}

/// The longest row of all matrices, padding included.
fn widest(shape: &NetworkShape) -> usize {
    shape.layers().map(|(inputs, outputs)| padded(inputs.max(outputs))).max().unwrap_or(TILE)
}

/// Most numbers of one binding: what is wanted, or what the adapter can.
fn binding_limit(gpu: &Gpu, shape: &NetworkShape, wanted: Option<u64>) -> Result<usize> {
    let (most, name) = (gpu.binding_limit(), &gpu.adapter.info.name);
    let of_layer = |layer: &(usize, usize)| SegmentLayout::of_layer(layer.0, layer.1).len;
    let largest = shape.layers().max_by_key(of_layer).expect("a network has a softmax layer");
    let smallest = bytes(of_layer(&largest).max(TILE * widest(shape)));
    let (inputs, outputs) = largest;
    match wanted {
        Some(limit) if limit > most => Err(Error::usage(format!(
            "`binding_limit` {limit}: {name} binds at most {most} bytes; give less, or leave it out"
        ))),
        Some(limit) if limit < smallest => Err(Error::usage(format!(
            "`binding_limit` {limit}: a layer of {outputs} units on {inputs} inputs needs bindings of {smallest} bytes; \
             give {smallest} or more"
        ))),
        None if most < smallest => Err(Error::device(format!(
            "{name} binds at most {most} bytes, but a layer of {outputs} units on {inputs} inputs needs {smallest}; \
             use `device` cpu"
        ))),
        _ => Ok(numbers(wanted.unwrap_or(most))),
    }
}
