//! The way forward through the hidden blocks, in the order of the formulas. A task takes a panel of rows through both
//! layers of a block; what is done to the rows of a product follows it at once, while they are in the cache.

use std::array::from_fn;
use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Line, Panels, PanelsMut, lines, spread_columns, width};
use super::cut::MOST_BLOCKS;
use super::matmul::{Bare, Fill, ProductRows, products};
use super::pass::BlockPass;
use super::rows::{HiddenLayer, OutputLayer};
use super::sums::add_parts;
use crate::engine::panels::PanelLayout;
use crate::math::objective::{Activation, Objective};
use crate::math::params::Shape;

/// How far [`BlockPass::forward`] goes.
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
    pub fn wants_error(self) -> bool {
        matches!(self, Self::Error | Self::Delta { error: true })
    }

    pub fn wants_delta(self) -> bool {
        matches!(self, Self::Delta { .. })
    }

    /// The end of the way forward for the rows X, with b2 of `visible` outputs; their sums end with those of δ3 and the squared error.
    pub fn output_layer<'r>(
        self,
        x: Panels<'r>,
        (visible, bias): (usize, &'r [Line]),
        activation: Activation,
        sums: &'r mut [f64],
    ) -> OutputLayer<'r> {
        let first = sums.len() - 1 - width(visible);
        let (delta_sums, error) = sums[first..].as_chunks_mut();
        OutputLayer {
            x,
            visible,
            bias,
            activation,
            error: self.wants_error().then(|| &mut error[0]),
            delta_sums: self.wants_delta().then_some(delta_sums),
        }
    }
}

/// The inputs that the tasks of a hidden block share.
pub struct Block<'a> {
    objective: &'a Objective,
    /// W1ᵀ `[n, units]`.
    w1: Panels<'a>,
    b1: &'a [Line],
    /// D `[units, n]`.
    d: Panels<'a>,
    b2: &'a [Line],
    units: usize,
    visible: usize,
    is_first: bool,
    is_last: bool,
    until: Until,
}

/// A block of rows on its way through a hidden block.
pub struct RowBlock<'a> {
    pub x: Panels<'a>,
    pub a2: PanelsMut<'a>,
    pub a3: PanelsMut<'a>,
    /// Of A2 `[block]`, of δ3 `[n]`, and the squared error; padded like the rows.
    pub sums: &'a mut [f64],
}

impl BlockPass {
    /// Takes the rows X `[count, n]` forward under the parameters `w`.
    pub fn forward(&mut self, x: &[f32], count: usize, w: &[f32], until: Until) {
        self.reserve(count);
        for index in 0..self.blocks() {
            if self.is_thin() && until != Until::Output {
                self.forward_thin(x, count, w, until);
            } else {
                self.forward_block(x, count, w, until, index);
            }
        }
    }

    fn forward_block(&mut self, x: &[f32], count: usize, w: &[f32], until: Until, index: usize) {
        let (units, rows) = (self.units(index), self.rows(count));
        let (n, h) = (width(self.layout.shape.visible), width(units.len()));
        let (part_len, a2) = (self.part_len(), self.a2_range(count, index));
        let mut block = Block::new(&self.objective, self.layout, w, units.clone(), until);
        block.is_last &= !self.is_partial;
        let task = rows.of_task();
        x[..count * n]
            .par_chunks(task * rows.rows * n)
            .zip(self.a2[a2].par_chunks_mut(task * rows.rows * h))
            .zip(self.a3[..count * n].par_chunks_mut(task * rows.rows * n))
            .zip(self.task_sums.par_chunks_mut(task * part_len))
            .for_each(|(((x, a2), a3), sums)| {
                sums.fill(0.0);
                let blocks = x.chunks(rows.rows * n).zip(a2.chunks_mut(rows.rows * h));
                let blocks = blocks.zip(a3.chunks_mut(rows.rows * n)).zip(sums.chunks_mut(part_len));
                let mut blocks = blocks.map(|(((x, a2), a3), sums)| {
                    let rows = x.len() / n;
                    let (a2, a3) = (PanelsMut::new(a2, rows), PanelsMut::new(a3, rows));
                    RowBlock { x: Panels::new(x, rows), a2, a3, sums }
                });
                block.forward::<MOST_BLOCKS>(&mut from_fn(|_| blocks.next()));
            });
        let is_last = block.is_last;
        self.add_forward_sums(units, rows.number(), until, is_last);
    }

    /// A3 of `codes` `[rows, h]`, dense, under the parameters `w`.
    pub fn decode(&mut self, codes: &[f32], w: &[f32]) {
        let Shape { visible, hidden } = self.layout.shape;
        let count = codes.len() / hidden;
        self.reserve(count);
        let (rows, n, part_len) = (self.rows(count), width(visible), self.part_len());
        for index in 0..self.blocks() {
            let (units, a2) = (self.units(index), self.a2_range(count, index));
            let mut block = Block::new(&self.objective, self.layout, w, units.clone(), Until::Output);
            block.is_last &= !self.is_partial;
            codes
                .par_chunks(rows.rows * hidden)
                .zip(self.a2[a2].par_chunks_mut(rows.rows * width(units.len())))
                .zip(self.a3[..count * n].par_chunks_mut(rows.rows * n))
                .zip(self.task_sums.par_chunks_mut(part_len))
                .for_each(|(((codes, a2), a3), sums)| {
                    let rows = codes.len() / hidden;
                    let mut a2 = PanelsMut::new(a2, rows);
                    spread_columns(codes, hidden, units.clone(), a2.reborrow());
                    // X is read for errors and deltas alone.
                    let (x, a3) = (Panels::new(&[], 0), PanelsMut::new(a3, rows));
                    block.forward_output(&mut [Some(RowBlock { x, a2, a3, sums })]);
                });
        }
    }

    /// Adds up what `tasks` tasks have summed over their rows, task by task.
    pub fn add_forward_sums(&mut self, units: Range<usize>, tasks: usize, until: Until, is_last: bool) {
        let part_len = self.part_len();
        let parts = &self.task_sums[..tasks * part_len];
        add_parts(&mut self.sums.hidden[units], parts, part_len, 0);
        if is_last && until.wants_delta() {
            add_parts(&mut self.sums.delta3, parts, part_len, width(self.block));
        }
        if is_last && until.wants_error() {
            let errors = parts.iter().skip(part_len - 1).step_by(part_len);
            self.sums.chunk_error = errors.fold(self.sums.chunk_error, |sum, error| sum + error);
        }
    }
}

impl<'a> Block<'a> {
    /// The block `units` under the parameters `w`.
    pub fn new(
        objective: &'a Objective,
        layout: PanelLayout,
        w: &'a [f32],
        units: Range<usize>,
        until: Until,
    ) -> Self {
        let (visible, hidden) = (layout.shape.visible, layout.shape.hidden);
        Self {
            objective,
            w1: Panels::new(&w[layout.w1_of(&units)], visible),
            b1: lines(&w[layout.b1_of(&units)]),
            d: Panels::new(&w[layout.d()], hidden).row_range(units.clone()),
            b2: lines(&w[layout.b2()]),
            units: units.len(),
            visible,
            is_first: units.start == 0,
            is_last: units.end == hidden,
            until,
        }
    }

    /// Z2, A2, and what this block adds to Z3; after the last block A3 and what is wanted of it.
    pub fn forward<const N: usize>(&self, blocks: &mut [Option<RowBlock<'_>>; N]) {
        let (bias, activation, h) = (self.b1, self.objective.activation, width(self.units));
        let mut rows = each_block(blocks, |RowBlock { x, a2, sums, .. }| {
            let (sums, _) = sums[..h].as_chunks_mut();
            ProductRows { c: a2.reborrow(), a: *x, epilogue: HiddenLayer { bias, activation, sums } }
        });
        products(&mut rows, self.w1, self.units, Fill::Replace);
        if self.until != Until::Hidden {
            self.forward_output(blocks);
        }
    }

    /// The product that this block adds to Z3; after the last block A3 and its epilogue.
    fn forward_output<const N: usize>(&self, blocks: &mut [Option<RowBlock<'_>>; N]) {
        let fill = if self.is_first { Fill::Replace } else { Fill::Add };
        if self.is_last {
            let mut rows = each_block(blocks, |RowBlock { x, a2, a3, sums }| {
                let epilogue = self.output_layer(*x, sums);
                ProductRows { c: a3.reborrow(), a: a2.view(), epilogue }
            });
            products(&mut rows, self.d, self.visible, fill);
        } else {
            let mut rows = each_block(blocks, |RowBlock { a2, a3, .. }| ProductRows {
                c: a3.reborrow(),
                a: a2.view(),
                epilogue: Bare,
            });
            products(&mut rows, self.d, self.visible, fill);
        }
    }

    /// The end of the way forward for the rows X, whose sums are `sums`.
    fn output_layer<'r>(&'r self, x: Panels<'r>, sums: &'r mut [f64]) -> OutputLayer<'r> {
        self.until.output_layer(x, (self.visible, self.b2), self.objective.output, sums)
    }
}

/// `f` of every block of rows that there is.
fn each_block<'r, 'a, T, const N: usize>(
    blocks: &'r mut [Option<RowBlock<'a>>; N],
    f: impl Fn(&'r mut RowBlock<'a>) -> T,
) -> [Option<T>; N] {
    blocks.each_mut().map(|block| block.as_mut().map(&f))
}
