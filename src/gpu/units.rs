//! What is asked of listed examples, and single hidden units that are replaced.

use super::buffer::{Tensor, bytes, padded};
use super::device::Gpu;
use super::engine::GpuEngine;
use super::layout::Segment;
use super::pass::{Examples, Pass};
use super::storage::Storage;
use crate::engine::{Layer, NewUnit};
use crate::error::Result;

impl GpuEngine {
    /// The values of a layer for listed examples, chunk by chunk, each gathered first.
    pub(super) fn listed(&self, layer: Layer, rows: &[u32]) -> Result<Vec<f32>> {
        let shape = self.layout.shape;
        let list = Tensor::vector_at(&Storage::zeros(&self.gpu, "list", padded(rows.len()))?, 0, rows.len());
        self.gpu.queue.write_buffer(&list.buffer, 0, bytemuck::cast_slice(rows));
        let batch =
            Tensor::zeros(&self.gpu, "listed rows", rows.len().min(self.layout.chunk), shape.visible)?;
        let listed = Examples::Listed { parts: &self.examples, list: &list, batch: &batch, rows: rows.len() };
        let mut out = Vec::new();
        for chunk in self.layout.chunks(rows.len()) {
            let mut tensors = Vec::new();
            let recording = self.record_over(listed, |pass| {
                let x = pass.chunk_of_examples(&chunk)?;
                tensors = values_of(layer, pass, x)?;
                Ok(())
            })?;
            recording.run(&self.gpu)?;
            self.read_rows(&tensors, 0..chunk.len(), &mut out)?;
        }
        Ok(out)
    }

    /// [`crate::engine::Engine::replace_units`].
    pub(super) fn put_units(&mut self, units: &[NewUnit]) -> Result<()> {
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
