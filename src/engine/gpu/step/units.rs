//! What is asked of listed examples, and single hidden units that are replaced.

use std::cell::RefCell;
use std::ops::Range;

use crate::data::batches::RowSelection;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::memory::buffer::{Tensor, bytes, packed};
use crate::engine::gpu::memory::layout::Segment;
use crate::engine::gpu::step::examples::{Held, write_list};
use crate::engine::gpu::step::pass::{Examples, Part, Pass, first_rows};
use crate::engine::gpu::step::stream::Stream;
use crate::engine::{Layer, NewUnit};
use crate::error::Result;

impl GpuEngine {
    /// The values of a layer for listed examples, chunk by chunk, each gathered first.
    pub(crate) fn listed(&self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        match &self.examples {
            Held::Resident(parts) => self.listed_of(parts, layer, rows),
            Held::Streamed(stream) if layer == Layer::Input => {
                stream.borrow_mut().numbers(rows, self.layout.shape.visible)
            }
            Held::Streamed(stream) => self.fetched(stream, layer, rows),
        }
    }

    fn listed_of(&self, parts: &[Part], layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        let (gpu, layout) = (&self.gpu, &self.layout);
        let chunks = layout.chunks(rows.len());
        let list = packed(gpu, "list", chunks.iter().map(Range::len), layout.limit)?;
        for (chunk, tensor) in rows.chunks(layout.chunk).zip(&list) {
            write_list(gpu, tensor, chunk);
        }
        let batch = Tensor::zeros(gpu, "listed rows", rows.len().min(layout.chunk), layout.shape.visible)?;
        let listed = Examples::Listed { parts, list: &list, batch: &batch, rows: rows.len() };
        let mut out = Vec::new();
        for chunk in chunks {
            self.read_layer(listed, layer, |pass| pass.chunk_of_examples(&chunk), &mut out)?;
        }
        Ok(out)
    }

    fn fetched(&self, stream: &RefCell<Stream>, layer: Layer, rows: &[usize]) -> Result<Vec<f32>> {
        let mut out = Vec::new();
        for chunk in rows.chunks(self.layout.chunk) {
            stream.borrow_mut().fetch(&self.gpu, &self.layout, &RowSelection::Listed(chunk))?;
            let batch = &stream.borrow().batch;
            let fetched = Examples::Fetched { batch, rows: rows.len() };
            self.read_layer(fetched, layer, |_| Ok(first_rows(batch, chunk.len())), &mut out)?;
        }
        Ok(out)
    }

    /// Computes a layer for the X that `x` brings, and reads it.
    fn read_layer(
        &self,
        examples: Examples<'_>,
        layer: Layer,
        x: impl FnOnce(&mut Pass<'_, '_>) -> Result<Tensor>,
        out: &mut Vec<f32>,
    ) -> Result<()> {
        let (mut tensors, mut count) = (Vec::new(), 0);
        let recording = self.record_over(examples, |pass| {
            let x = x(pass)?;
            count = x.rows;
            tensors = values_of(layer, pass, x)?;
            Ok(())
        })?;
        recording.run(&self.gpu)?;
        self.read_rows(&tensors, 0..count, out)
    }

    /// [`crate::engine::Engine::replace_units`].
    pub(crate) fn put_units(&mut self, units: &[NewUnit]) -> Result<()> {
        let zeros = vec![0.0; self.layout.shape.visible];
        for NewUnit { unit, w1, b1, d } in units {
            let holds = |segment: &Segment| segment.units.contains(unit);
            let k = self.params.iter().position(holds).expect("every unit has a block");
            self.params[k].put_unit(&self.gpu, *unit, (w1, *b1, d));
            if let Some(descent) = &self.descent {
                descent
                    .vectors(k)
                    .for_each(|moment| moment.put_unit(&self.gpu, *unit, (&zeros, 0.0, &zeros)));
                let at = unit - self.params[k].units.start;
                put(&self.gpu, descent.average(k), at, &[self.objective.rho as f32]);
            }
        }
        self.gpu.check()
    }
}

impl Segment {
    /// Uploads W1 `[n]`, b1 and D `[n]` of one of this block's units.
    fn put_unit(&self, gpu: &Gpu, unit: usize, (w1, b1, d): (&[f32], f32, &[f32])) {
        let at = unit - self.units.start;
        put(gpu, &self.w1, at * self.w1.stride(), w1);
        put(gpu, &self.b1, at, &[b1]);
        put(gpu, &self.d, at * self.d.stride(), d);
    }
}

/// Uploads `values` to where `tensor` has its number `at`, padding counted.
fn put(gpu: &Gpu, tensor: &Tensor, at: usize, values: &[f32]) {
    gpu.queue.write_buffer(&tensor.buffer, bytes(tensor.offset + at), bytemuck::cast_slice(values));
}

/// Where a layer's values for X lie once they are computed: side by side, if they are several.
fn values_of(layer: Layer, pass: &mut Pass<'_, '_>, x: Tensor) -> Result<Vec<Tensor>> {
    if layer == Layer::Input {
        return Ok(vec![x]);
    }
    let hidden = (0..pass.weights.len()).map(|k| pass.hidden(k, &x)).collect::<Result<_>>()?;
    if layer == Layer::Hidden { Ok(hidden) } else { Ok(vec![pass.output(&x)?]) }
}
