//! The way forward through the hidden blocks, in the order of the formulas. A task takes a panel of rows through both
//! layers of a block; what is done to the rows of a product follows it at once, while they are in the cache.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, LINE, View, ViewMut, stride};
use super::cut::task_rows;
use super::layout::Layout;
use super::matmul::{Fill, Size, product};
use super::pack::{Right, pack, pack_transposed};
use super::pass::Pass;
use super::rows::{hidden, output, output_delta, squared_error};
use super::sums::add_parts;
use crate::model::Shape;
use crate::objective::Objective;

/// How far [`Pass::forward`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A2 and its sums.
    Hidden,
    /// A3 as well.
    Output,
    /// The squared error of A3 as well.
    Error,
    /// δ3 in place of A3, and its sums; the squared error only if `error`.
    Delta {
        /// Whether the cost is wanted.
        error: bool,
    },
}

impl Until {
    fn wants_error(self) -> bool {
        matches!(self, Self::Error | Self::Delta { error: true })
    }

    pub fn wants_delta(self) -> bool {
        matches!(self, Self::Delta { .. })
    }
}

/// What the tasks of a block share.
pub struct Block<'a> {
    pub objective: &'a Objective,
    /// W1ᵀ `[n, units]`.
    pub w1: Right<'a>,
    /// b1 `[units]`, and what is left of its last line.
    pub b1: &'a [f32],
    /// D `[units, n]`.
    pub d: Right<'a>,
    /// b2 `[n]`, and what is left of its last line.
    pub b2: &'a [f32],
    pub units: usize,
    pub visible: usize,
    pub is_first: bool,
    pub is_last: bool,
    pub until: Until,
}

/// The panel of rows of a task.
pub struct Panel<'a> {
    pub rows: usize,
    pub x: View<'a>,
    pub a2: ViewMut<'a>,
    pub a3: ViewMut<'a>,
    /// Of A2 `[block]`, of δ3 `[n]`, and the squared error; padded like the rows.
    pub sums: &'a mut [f64],
}

impl Pass {
    /// Takes the rows X `[count, n]` forward under the parameters `w`.
    pub fn forward(&mut self, x: &[f32], count: usize, w: &[f32], until: Until) {
        self.reserve(count);
        for index in 0..self.blocks() {
            self.pack_weights(w, self.units(index), until);
            if self.is_thin() && until != Until::Output {
                self.forward_thin(x, count, w, until);
            } else {
                self.forward_block(x, count, w, until, index);
            }
        }
    }

    fn pack_weights(&mut self, w: &[f32], units: Range<usize>, until: Until) {
        let (layout, visible) = (self.layout, self.layout.shape.visible);
        let rows_of = |tensor| View { values: &w[layout.rows(tensor, &units)], stride: layout.stride };
        let (w1, d) = (rows_of(layout.w1()), rows_of(layout.d()));
        let [w1_turned, d_packed, _] = &mut self.packed_weights;
        rayon::join(
            || pack_transposed(w1_turned, w1, visible, units.len()),
            || {
                if until != Until::Hidden {
                    pack(d_packed, d, units.len(), visible);
                }
            },
        );
    }

    fn forward_block(&mut self, x: &[f32], count: usize, w: &[f32], until: Until, index: usize) {
        let (n, block_stride, units) = (self.layout.stride, stride(self.block), self.units(index));
        let block = Block::new(&self.objective, self.layout, &self.packed_weights, w, units.clone(), until);
        let panel = task_rows(count);
        let part_len = block_stride + n + 1;
        x[..count * n]
            .par_chunks(panel * n)
            .zip(
                self.a2[index * count * block_stride..][..count * block_stride]
                    .par_chunks_mut(panel * block_stride),
            )
            .zip(self.a3[..count * n].par_chunks_mut(panel * n))
            .zip(self.task_sums.par_chunks_mut(part_len))
            .enumerate()
            .for_each(|(task, (((x, a2), a3), sums))| {
                sums.fill(0.0);
                block.forward(Panel {
                    rows: panel.min(count - task * panel),
                    x: View { values: x, stride: n },
                    a2: ViewMut { values: a2, stride: block_stride },
                    a3: ViewMut { values: a3, stride: n },
                    sums,
                });
            });

        let is_last = block.is_last;
        self.add_forward_sums(units, count.div_ceil(panel), until, is_last);
    }

    /// Adds up what `tasks` tasks have summed over their rows, task by task.
    pub fn add_forward_sums(&mut self, units: Range<usize>, tasks: usize, until: Until, is_last: bool) {
        let (n, block_stride) = (self.layout.stride, stride(self.block));
        let part_len = block_stride + n + 1;
        let parts = &self.task_sums[..tasks * part_len];
        add_parts(&mut self.sums.hidden[units], parts, part_len, 0);
        if is_last && until.wants_delta() {
            add_parts(&mut self.sums.delta3, parts, part_len, block_stride);
        }
        if is_last && until.wants_error() {
            self.sums.squared_error += parts.iter().skip(part_len - 1).step_by(part_len).sum::<f64>();
        }
    }
}

impl<'a> Block<'a> {
    /// The block `units` under the parameters `w`, whose weights lie packed in `packed`.
    pub fn new(
        objective: &'a Objective,
        layout: Layout,
        packed: &'a [Buffer; 3],
        w: &'a [f32],
        units: Range<usize>,
        until: Until,
    ) -> Self {
        let Shape { visible, hidden } = layout.shape;
        Self {
            objective,
            w1: Right::packed(&packed[0], visible),
            b1: &w[layout.b1().start + units.start..][..units.len().next_multiple_of(LINE)],
            d: Right::packed(&packed[1], units.len()),
            b2: &w[layout.b2()][..visible.next_multiple_of(LINE)],
            units: units.len(),
            visible,
            is_first: units.start == 0,
            is_last: units.end == hidden,
            until,
        }
    }
}

impl Block<'_> {
    /// Z2, A2, and what this block adds to Z3; after the last block A3 and what is wanted of it.
    pub fn forward(&self, panel: Panel<'_>) {
        let Panel { rows, x, mut a2, mut a3, sums } = panel;
        let (hidden_sums, sums) = sums.split_at_mut(a2.stride);
        let (delta_sums, error) = sums.split_at_mut(a3.stride);

        let size = Size { rows, depth: self.visible, cols: self.units };
        product(a2.reborrow(), x, self.w1, size, Fill::Replace);
        hidden(a2.reborrow(), rows, self.b1, self.objective.activation, hidden_sums);
        if self.until == Until::Hidden {
            return;
        }

        let size = Size { rows, depth: self.units, cols: self.visible };
        let fill = if self.is_first { Fill::Replace } else { Fill::Add };
        product(a3.reborrow(), a2.view(), self.d, size, fill);
        if !self.is_last {
            return;
        }
        output(a3.reborrow(), rows, self.b2, self.objective.output);
        if self.until.wants_error() {
            error[0] += squared_error(a3.view(), x, rows, self.visible);
        }
        if self.until.wants_delta() {
            output_delta(a3, x, rows, self.visible, self.objective.output, delta_sums);
        }
    }
}
