//! Probabilities of the classes of rows that are no examples of the engine's: uploaded, computed and read back chunk
//! by chunk.

use super::pass::NetworkPass;
use super::resident::{Resident, with_texture};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::Recording;
use crate::engine::gpu::step::examples::PassRows;
use crate::engine::gpu::step::pass::first_rows;
use crate::engine::step::whole_rows;
use crate::error::Result;

/// Recordings that are kept: those of a whole chunk and of a rest, and some for callers whose rows vary in number.
const KEPT: usize = 16;

/// Where handed rows go, and what has been recorded for them.
#[derive(Debug, Default)]
pub(super) struct HandedRows {
    /// `[chunk, n]`.
    x: Option<Tensor>,
    /// By their rows, the latest last.
    recordings: Vec<(usize, Recording)>,
}

impl HandedRows {
    /// P of `rows`.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::error::Error::Usage) for half a row; those of the device.
    pub fn probabilities(&mut self, on: &Resident, rows: &[f32]) -> Result<Vec<f32>> {
        let (inputs, classes) = (on.cut.shape.inputs, on.cut.shape.classes);
        let mut out = Vec::with_capacity(whole_rows(rows, inputs, "rows")? * classes);
        for rows in rows.chunks(on.cut.rows.chunk * inputs) {
            let count = rows.len() / inputs;
            let x = self.x(on)?;
            first_rows(&x, count).write(&on.gpu, rows);
            self.run(on, &x, count)?;
            let last = on.work.activations.last().expect("a network has a softmax layer");
            out.extend(first_rows(last, count).read(&on.gpu)?);
        }
        Ok(out)
    }

    fn x(&mut self, on: &Resident) -> Result<Tensor> {
        if self.x.is_none() {
            let (chunk, cols) = (on.cut.rows.chunk, on.cut.shape.inputs);
            self.x = Some(with_texture(&Tensor::zeros(&on.gpu, "handed rows", chunk, cols)?));
        }
        Ok(self.x.clone().expect("just made"))
    }

    fn run(&mut self, on: &Resident, x: &Tensor, count: usize) -> Result<()> {
        let recording = match self.recordings.iter().position(|(made, _)| *made == count) {
            Some(at) => self.recordings.remove(at).1,
            None => record(on, x, count)?,
        };
        let done = recording.run(&on.gpu);
        if self.recordings.len() == KEPT {
            self.recordings.remove(0);
        }
        self.recordings.push((count, recording));
        done
    }
}

fn record(on: &Resident, x: &Tensor, count: usize) -> Result<Recording> {
    let mut recorder = on.recorder();
    let rows = PassRows::Fetched { batch: x, rows: count };
    let mut pass = NetworkPass { on, recorder: &mut recorder, weights: &on.params, rows, labels: &on.labels };
    let z = pass.forward(&first_rows(x, count))?;
    recorder.softmax(&z)?;
    recorder.finish()
}
