//! Codes of rows that are no examples of the engine's, and outputs of codes: uploaded, computed and read back chunk by
//! chunk.

use crate::engine::Layer;
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::Recording;
use crate::engine::gpu::step::pass::{Examples, first_rows};
use crate::engine::step::whole_rows;
use crate::error::Result;

/// Recordings that are kept: those of a whole chunk and of a rest, and some for callers whose rows vary in number.
const KEPT: usize = 16;

/// Where handed rows go, and what has been recorded for them.
#[derive(Debug, Default)]
pub(crate) struct HandedRows {
    /// `[chunk, n]`.
    x: Option<Tensor>,
    /// By the layer that they compute and their rows, the latest last.
    recordings: Vec<((Layer, usize), Recording)>,
}

impl GpuEngine {
    /// [`crate::engine::Engine::encode_rows`].
    pub(crate) fn encode_handed(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let shape = self.layout.shape;
        let mut out = Vec::with_capacity(whole_rows(rows, shape.visible, "rows")? * shape.hidden);
        for rows in rows.chunks(self.layout.chunk * shape.visible) {
            let count = rows.len() / shape.visible;
            first_rows(self.x_of_handed()?, count).write(&self.gpu, rows);
            self.run_handed(Layer::Hidden, count)?;
            self.read_rows(&self.codes_of_handed(count), 0..count, &mut out)?;
        }
        Ok(out)
    }

    /// [`crate::engine::Engine::decode_rows`].
    pub(crate) fn decode_handed(&mut self, codes: &[f32]) -> Result<Vec<f32>> {
        let shape = self.layout.shape;
        let mut out = Vec::with_capacity(whole_rows(codes, shape.hidden, "codes")? * shape.visible);
        for codes in codes.chunks(self.layout.chunk * shape.hidden) {
            let count = codes.len() / shape.hidden;
            for (a2, units) in self.codes_of_handed(count).iter().zip(&self.layout.blocks) {
                let of_block = codes.chunks_exact(shape.hidden).flat_map(|row| &row[units.clone()]);
                a2.write(&self.gpu, &of_block.copied().collect::<Vec<_>>());
            }
            self.run_handed(Layer::Output, count)?;
            self.read_rows(&[first_rows(&self.work.a3, count)], 0..count, &mut out)?;
        }
        Ok(out)
    }

    /// A2 of `count` rows, one tensor a block.
    fn codes_of_handed(&self, count: usize) -> Vec<Tensor> {
        self.work.a2.iter().map(|a2| first_rows(a2, count)).collect()
    }

    fn x_of_handed(&mut self) -> Result<&Tensor> {
        Ok(match &mut self.handed.x {
            Some(x) => x,
            none => none.insert(Tensor::zeros(
                &self.gpu,
                "handed rows",
                self.layout.chunk,
                self.layout.shape.visible,
            )?),
        })
    }

    /// Computes a layer of `count` rows: A2 from X, or A3 from A2.
    fn run_handed(&mut self, layer: Layer, count: usize) -> Result<()> {
        let key = (layer, count);
        let known = self.handed.recordings.iter().position(|(made, _)| *made == key);
        let recording = match known {
            Some(at) => self.handed.recordings.remove(at).1,
            None => self.record_handed(layer, count)?,
        };
        let done = recording.run(&self.gpu);
        if self.handed.recordings.len() == KEPT {
            self.handed.recordings.remove(0);
        }
        self.handed.recordings.push((key, recording));
        done
    }

    fn record_handed(&self, layer: Layer, count: usize) -> Result<Recording> {
        // Codes are all that a pass reads of its rows on the way to the output.
        let batch = self.handed.x.as_ref().unwrap_or(&self.work.a3);
        self.record_over(Examples::Fetched { batch, rows: count }, |pass| {
            let x = first_rows(batch, count);
            match layer {
                Layer::Output => pass.output(&x).map(|_| ()),
                Layer::Input | Layer::Hidden => pass.all_hidden(&x),
            }
        })
    }
}
