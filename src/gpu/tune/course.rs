//! The three products of a step on a device, as [`super::race`] runs them: on a small piece of the work first, then on
//! whole rows, more and more of them.

use std::time::Instant;

use super::race::{Course, Lane};
use crate::error::Result;
use crate::gpu::buffer::{TILE, Tensor, bytes, padded};
use crate::gpu::device::Gpu;
use crate::gpu::layout::Layout;
use crate::gpu::ops::Slices;
use crate::gpu::recording::{Recorder, Recording};
use crate::gpu::storage::Storage;
use crate::gpu::workspace::slices_of;
use crate::verify::kernels::check_form;
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::kernels::Form;

/// Rows and columns of the first piece at most: a slow kernel takes milliseconds for it everywhere.
const FIRST: Piece = Piece { visible: 256, hidden: 256, rows: 64 };

/// Visible units, hidden units and rows of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// n.
    pub visible: usize,
    /// Units of a block.
    pub hidden: usize,
    /// Rows of a chunk.
    pub rows: usize,
}

impl Piece {
    /// Work of one product.
    fn flops(self) -> f64 {
        2.0 * self.visible as f64 * self.hidden as f64 * self.rows as f64
    }
}

/// The operands of the products, of which smaller pieces use the beginning.
#[derive(Debug)]
pub struct Products<'g> {
    gpu: &'g Gpu,
    layout: &'g Layout,
    whole: Piece,
    piece: Piece,
    examples: Storage,
    codes: Storage,
    weights: Storage,
    /// Results of the shape of a chunk of examples, of its codes, and of slices of a weight gradient.
    results: [Storage; 3],
    /// Numbers of the last of them.
    sliced: usize,
    started: Instant,
}

impl<'g> Products<'g> {
    /// Allocates for the whole.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(gpu: &'g Gpu, layout: &'g Layout, whole: Piece) -> Result<Self> {
        let started = Instant::now();
        let Piece { visible, hidden, rows } = whole;
        let [of_x, of_a2, of_w] = [(rows, visible), (rows, hidden), (hidden, visible)].map(room);
        let piece = Piece {
            visible: visible.min(FIRST.visible),
            hidden: hidden.min(FIRST.hidden),
            rows: rows.min(FIRST.rows),
        };
        // Small results are summed in more slices than large ones.
        let sliced = [whole, piece].map(|piece| sliced_room(layout, piece)).into_iter().fold(0, usize::max);
        let zeros = |len| Storage::zeros(gpu, "result of a race", len);
        Ok(Self {
            gpu,
            layout,
            whole,
            piece,
            examples: filled(gpu, of_x)?,
            codes: filled(gpu, of_a2)?,
            weights: filled(gpu, of_w)?,
            results: [zeros(of_x)?, zeros(of_a2)?, zeros(sliced)?],
            sliced,
            started,
        })
    }

    /// As the engine cuts them, as far as there is room.
    fn slices(&self) -> Slices {
        let Piece { visible, hidden, rows } = self.piece;
        slices_of(self.layout, hidden, visible, rows).at_most(rows, self.sliced / room((hidden, visible)))
    }

    fn record(&self, lane: Lane, count: usize) -> Result<Recording> {
        let Piece { visible, hidden, rows } = self.piece;
        let matrix = |storage, rows, cols| Tensor::matrix_at(storage, 0, rows, cols);
        let x = matrix(&self.examples, rows, visible);
        let a2 = matrix(&self.codes, rows, hidden);
        let w = matrix(&self.weights, hidden, visible);
        let mut recorder = Recorder::new(self.gpu);
        recorder.variant = lane.variant();
        for _ in 0..count {
            match lane.form {
                Form::Nt => recorder.matmul_nt(&x, &w, &matrix(&self.results[1], rows, hidden), false)?,
                Form::Nn => recorder.matmul_nn(&a2, &w, &matrix(&self.results[0], rows, visible), false)?,
                Form::Tn => {
                    let slices = self.slices();
                    let products = matrix(&self.results[2], slices.count * padded(hidden), visible);
                    recorder.matmul_tn(&a2, &x, &products, slices)?;
                }
            }
            // In a step the operands of nearly every product are new, and have to be copied.
            recorder.outdate_all();
        }
        recorder.finish()
    }
}

impl Course for Products<'_> {
    fn check(&mut self, lane: Lane) -> Result<(), Failure> {
        check_form(Rig { gpu: self.gpu, memory: lane.memory }, lane.form, lane.product)
    }

    fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn time(&mut self, lane: Lane, count: usize) -> Result<f64> {
        let recording = self.record(lane, count)?;
        self.gpu.finish()?;
        let started = Instant::now();
        recording.run(self.gpu)?;
        self.gpu.finish()?;
        Ok(started.elapsed().as_secs_f64())
    }

    fn enlarge(&mut self, growth: f64) -> Result<Option<f64>> {
        if self.piece == self.whole {
            return Ok(None);
        }
        let before = self.piece.flops();
        let a_row = Piece { rows: 1, ..self.whole }.flops();
        let rows = (growth * before / a_row) as usize / TILE * TILE;
        self.piece = Piece { rows: rows.max(TILE).min(self.whole.rows), ..self.whole };
        Ok(Some(self.piece.flops() / before))
    }
}

/// Numbers of a matrix with its padding.
fn room((rows, cols): (usize, usize)) -> usize {
    padded(rows) * padded(cols)
}

/// Numbers of the slices of a weight gradient.
fn sliced_room(layout: &Layout, piece: Piece) -> usize {
    let slices = slices_of(layout, piece.hidden, piece.visible, piece.rows);
    slices.count * room((piece.hidden, piece.visible))
}

/// Numbers as activations have them: zeros may be computed faster.
fn filled(gpu: &Gpu, len: usize) -> Result<Storage> {
    const SLICE: usize = 1 << 16;
    let storage = Storage::zeros(gpu, "operand of a race", len)?;
    let values: Vec<f32> = (0..SLICE.min(len)).map(|i| 0.1 + 0.8 * (i % 97) as f32 / 97.0).collect();
    for first in (0..len).step_by(SLICE) {
        let count = SLICE.min(len - first);
        gpu.queue.write_buffer(&storage, bytes(first), bytemuck::cast_slice(&values[..count]));
    }
    Ok(storage)
}
