//! Codes of rows that are no examples of the engine's, and outputs of codes: uploaded, computed and read back chunk by
//! chunk.

use crate::engine::Layer;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::Recording;
use crate::engine::gpu::step::examples::PassRows;
use crate::engine::gpu::step::pass::first_rows;
use crate::engine::gpu::step::resident::Resident;
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

impl HandedRows {
    /// A2 of `rows`.
    pub fn encode(&mut self, on: &Resident, rows: &[f32]) -> Result<Vec<f32>> {
        let shape = on.partition.shape;
        let mut out = Vec::with_capacity(whole_rows(rows, shape.visible, "rows")? * shape.hidden);
        for rows in rows.chunks(on.partition.chunk * shape.visible) {
            let count = rows.len() / shape.visible;
            first_rows(self.x(on)?, count).write(&on.gpu, rows);
            self.run(on, Layer::Hidden, count)?;
            on.read_rows(&codes(on, count), 0..count, &mut out)?;
        }
        Ok(out)
    }

    /// A3 of `codes`.
    pub fn decode(&mut self, on: &Resident, codes: &[f32]) -> Result<Vec<f32>> {
        let shape = on.partition.shape;
        let mut out = Vec::with_capacity(whole_rows(codes, shape.hidden, "codes")? * shape.visible);
        for codes in codes.chunks(on.partition.chunk * shape.hidden) {
            let count = codes.len() / shape.hidden;
            for (a2, units) in self::codes(on, count).iter().zip(&on.partition.blocks) {
                let of_block = codes.chunks_exact(shape.hidden).flat_map(|row| &row[units.clone()]);
                a2.write(&on.gpu, &of_block.copied().collect::<Vec<_>>());
            }
            self.run(on, Layer::Output, count)?;
            on.read_rows(&[first_rows(&on.workspace.a3, count)], 0..count, &mut out)?;
        }
        Ok(out)
    }

    fn x(&mut self, on: &Resident) -> Result<&Tensor> {
        Ok(match &mut self.x {
            Some(x) => x,
            none => {
                let (chunk, cols) = (on.partition.chunk, on.partition.shape.visible);
                none.insert(Tensor::zeros(&on.gpu, "handed rows", chunk, cols)?)
            }
        })
    }

    /// Computes a layer of `count` rows: A2 from X, or A3 from A2.
    fn run(&mut self, on: &Resident, layer: Layer, count: usize) -> Result<()> {
        let key = (layer, count);
        let known = self.recordings.iter().position(|(made, _)| *made == key);
        let recording = match known {
            Some(at) => self.recordings.remove(at).1,
            None => self.record(on, layer, count)?,
        };
        let done = recording.run(&on.gpu);
        if self.recordings.len() == KEPT {
            self.recordings.remove(0);
        }
        self.recordings.push((key, recording));
        done
    }

    fn record(&self, on: &Resident, layer: Layer, count: usize) -> Result<Recording> {
        // Codes are all that a pass reads of its rows on the way to the output.
        let batch = self.x.as_ref().unwrap_or(&on.workspace.a3);
        on.record(PassRows::Fetched { batch, rows: count }, |pass| {
            let x = first_rows(batch, count);
            match layer {
                Layer::Output => pass.output(&x).map(|_| ()),
                Layer::Input | Layer::Hidden => pass.all_hidden(&x),
            }
        })
    }
}

/// A2 of `count` rows, one tensor a block.
fn codes(on: &Resident, count: usize) -> Vec<Tensor> {
    on.workspace.a2.iter().map(|a2| first_rows(a2, count)).collect()
}
