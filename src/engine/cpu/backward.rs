//! The way back through the hidden blocks: δ2 by blocks of rows, weight gradients by panels of their columns. A gradient
//! is handed on while it is in the cache, and stored nowhere.

use std::array::from_fn;

use rayon::prelude::*;

use super::buffer::{LINE, Line, Panels, PanelsMut, lines, lines_mut, panels, width};
use super::cut::{Blocks, GRADIENT_ROWS, MOST_BLOCKS, MOST_PANELS, task_panels};
use super::matmul::{Fill, ProductRows, products, transposed_product};
use super::pass::{BlockPass, block_of};
use super::rows::HiddenDelta;
use super::sums::add_parts;
use super::update::{GradientScale, TargetPiece, UpdateTarget};

impl BlockPass {
    /// Back-propagates δ3 of the rows X that went forward last, at the gradient of the penalty `penalty_grad` (`[h]`, and a line more), and
    /// hands both weight gradients to `target`.
    pub fn backward(
        &mut self,
        x: &[f32],
        count: usize,
        penalty_grad: &[f32],
        target: &mut UpdateTarget<'_>,
        scale: GradientScale,
    ) {
        if self.is_thin() {
            return self.backward_thin(x, count, penalty_grad, target, scale);
        }
        // From the last on: of that the way forward has left most in the caches, and of the first block the update.
        for index in (0..self.blocks()).rev() {
            self.transpose_decoder(target.w(), index);
            self.hidden_delta(count, penalty_grad, index);
            self.weight_gradients(x, count, index, target, scale);
        }
    }

    /// Dᵀ of block `index`, from D in `w`.
    pub fn transpose_decoder(&mut self, w: &[f32], index: usize) {
        let (visible, units) = (self.layout.shape.visible, self.units(index));
        let d = Panels::new(&w[self.layout.d()], self.layout.shape.hidden).row_range(units.clone());
        let (out, panel_len) = (&mut self.decoder[..visible * width(units.len())], visible * LINE);
        out.par_chunks_mut(TRANSPOSED_PANELS * panel_len).enumerate().for_each(|(task, out)| {
            for d_panel in 0..panels(visible) {
                let rows = d.panel(d_panel)[task * TRANSPOSED_PANELS * LINE..].chunks(LINE);
                for (out, rows) in out.chunks_mut(panel_len).zip(rows) {
                    transpose(rows, &mut lines_mut(out)[d_panel * LINE..]);
                }
            }
        });
    }

    /// δ2 of block `index`, and its sums.
    fn hidden_delta(&mut self, count: usize, penalty_grad: &[f32], index: usize) {
        let (units, rows, f) = (self.units(index), self.rows(count), self.objective.activation);
        let (visible, part_len) = (self.layout.shape.visible, self.part_len());
        let (n, h) = (width(visible), width(units.len()));
        let decoder = Panels::new(&self.decoder[..visible * h], visible);
        let penalty_grad = lines(&penalty_grad[units.start..][..h]);
        let a2 = &self.a2[self.a2_range(count, index)];
        let task = rows.of_task();
        self.delta2[..count * h]
            .par_chunks_mut(task * rows.rows * h)
            .zip(self.a3[..count * n].par_chunks(task * rows.rows * n))
            .zip(a2.par_chunks(task * rows.rows * h))
            .zip(self.task_sums.par_chunks_mut(task * part_len))
            .for_each(|(((delta2, delta3), a2), sums)| {
                sums.fill(0.0);
                let blocks = delta2.chunks_mut(rows.rows * h).zip(delta3.chunks(rows.rows * n));
                let blocks = blocks.zip(a2.chunks(rows.rows * h)).zip(sums.chunks_mut(part_len));
                let mut blocks = blocks.map(|(((delta2, delta3), a2), sums)| {
                    let rows = delta3.len() / n;
                    let ((sums, _), a2) = (sums.as_chunks_mut(), Panels::new(a2, rows));
                    let epilogue = HiddenDelta { a2, units: units.len(), penalty_grad, activation: f, sums };
                    ProductRows { c: PanelsMut::new(delta2, rows), a: Panels::new(delta3, rows), epilogue }
                });
                let mut rows: [_; MOST_BLOCKS] = from_fn(|_| blocks.next());
                products(&mut rows, decoder, units.len(), Fill::Replace);
            });
        let parts = &self.task_sums[..rows.number() * part_len];
        add_parts(&mut self.sums.delta2[units], parts, part_len, 0);
    }

    /// Xᵀδ2 and A2ᵀδ3 of block `index`.
    fn weight_gradients(
        &self,
        x: &[f32],
        count: usize,
        index: usize,
        target: &mut UpdateTarget<'_>,
        scale: GradientScale,
    ) {
        let (layout, units, rows) = (self.layout, self.units(index), self.rows(count));
        let (visible, hidden) = (layout.shape.visible, layout.shape.hidden);
        let [mut encoder, mut decoder] = target.split_at(layout.d().start);
        let x = Factor { values: &x[..count * width(visible)], cols: visible };
        let a2 = Factor { values: &self.a2[self.a2_range(count, index)], cols: units.len() };
        let delta2 = Factor { values: &self.delta2[..count * width(units.len())], cols: units.len() };
        let delta3 = Factor { values: &self.a3[..count * width(visible)], cols: visible };
        let w1 = WeightGradientTask { a: x, b: delta2, rows, stride: visible, first: 0 };
        let d = WeightGradientTask { a: a2, b: delta3, rows, stride: hidden, first: units.start };
        rayon::join(
            || {
                let len = task_panels(panels(units.len())) * visible * LINE;
                encoder.for_pieces(layout.w1_of(&units), len, scale, |i, piece| w1.task(i * len, len, piece));
            },
            || {
                let len = task_panels(panels(visible)) * hidden * LINE;
                decoder.for_pieces(0..layout.d().len(), len, scale, |i, piece| d.task(i * len, len, piece));
            },
        );
    }
}

/// Panels of Dᵀ that one task writes: their rows are a page of every panel of D.
const TRANSPOSED_PANELS: usize = 4;

/// Writes up to sixteen rows as columns, as far as there are lines of `out`.
fn transpose(rows: &[Line], out: &mut [Line]) {
    for (col, row) in rows.iter().enumerate() {
        out.iter_mut().zip(row).for_each(|(out, x)| out[col] = *x);
    }
}

/// A matrix in blocks of rows.
#[derive(Clone, Copy)]
struct Factor<'a> {
    values: &'a [f32],
    cols: usize,
}

impl<'a> Factor<'a> {
    fn block(self, rows: Blocks, block: usize) -> Panels<'a> {
        block_of(self.values, rows, block, self.cols)
    }
}

/// AᵀB, for a part of the rows of a weight tensor.
struct WeightGradientTask<'a> {
    a: Factor<'a>,
    b: Factor<'a>,
    /// How the rows of both are cut.
    rows: Blocks,
    /// Rows of the weight tensor.
    stride: usize,
    /// The row of the weight tensor that the first column of A belongs to.
    first: usize,
}

impl WeightGradientTask<'_> {
    /// Hands to `piece` its part of the gradient: at most `len` numbers, whole panels, from number `start` on.
    fn task(&self, start: usize, len: usize, mut piece: TargetPiece<'_>) {
        let panel_len = self.stride * LINE;
        let first_panel = start / panel_len;
        let count = (len / panel_len).min(panels(self.b.cols) - first_panel);
        let mut sums = [[0.0; LINE]; MOST_PANELS * GRADIENT_ROWS];
        for row in (0..self.a.cols).step_by(GRADIENT_ROWS) {
            let rows = GRADIENT_ROWS.min(self.a.cols - row);
            let sums = sums[..count * rows].as_flattened_mut();
            self.sum(PanelsMut::new(sums, rows), row / LINE, first_panel, count);
            for (panel, sums) in sums.chunks_exact(rows * LINE).enumerate() {
                piece.take(panel * panel_len + (self.first + row) * LINE, sums);
            }
        }
    }

    /// The sums over all rows for the columns of A from panel `a_panel` on, and `count` panels of B from `b_panel` on.
    fn sum(&self, mut out: PanelsMut<'_>, a_panel: usize, b_panel: usize, count: usize) {
        let units = out.rows;
        for block in 0..self.rows.number() {
            let a = self.a.block(self.rows, block).skip_panels(a_panel);
            let b = self.b.block(self.rows, block).skip_panels(b_panel);
            let fill = if block == 0 { Fill::Replace } else { Fill::Add };
            transposed_product(out.reborrow(), a, b, units, count * LINE, fill);
        }
    }
}
