//! The memory of a pass over the rows of a chunk, kept from step to step: [`super::forward`] fills it on the way
//! through the hidden blocks, [`super::backward`] reads it on the way back.
//!
//! Activations lie in blocks of rows ([`Blocks`]), each a matrix in panels of its own.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, Panels, gather, width};
use super::cut::{Blocks, THIN};
use crate::engine::panels::PanelLayout;
use crate::math::objective::Objective;

/// Sums over the rows of an update.
#[derive(Debug, Default)]
pub struct RowSums {
    /// Of A2, `[h]`.
    pub hidden: Vec<f64>,
    /// Of δ2, `[h]`.
    pub delta2: Vec<f64>,
    /// Of δ3, `[n]`.
    pub delta3: Vec<f64>,
    /// Σ (A3 − X)² of the chunks that are done.
    pub squared_error: f64,
    /// The same of the chunk at hand.
    pub chunk_error: f64,
}

impl RowSums {
    /// All zero.
    pub fn clear(&mut self) {
        [&mut self.hidden, &mut self.delta2, &mut self.delta3].into_iter().for_each(|sums| sums.fill(0.0));
        (self.squared_error, self.chunk_error) = (0.0, 0.0);
    }

    /// Adds what a chunk has left.
    pub fn end_chunk(&mut self) {
        self.squared_error += std::mem::take(&mut self.chunk_error);
    }
}

/// The memory of a pass, kept from step to step.
#[derive(Debug)]
pub struct BlockPass {
    pub objective: Objective,
    pub layout: PanelLayout,
    /// Hidden units a block.
    pub block: usize,
    /// The chunk that the rows at hand are a part of, if they are not the whole of it.
    pub whole: Option<Blocks>,
    /// Whether the layer is thin, see [`is_thin`].
    thin: bool,
    /// Whether Z3 is a part to which others are added, so that nothing follows it here.
    pub is_partial: bool,
    /// Dᵀ `[n, block]` of a block.
    pub decoder: Buffer,
    /// A2, one matrix `[rows, block]` a block.
    pub a2: Buffer,
    /// Z3, A3, then δ3, `[rows, n]`.
    pub a3: Buffer,
    /// δ2 of a block, `[rows, block]`.
    pub delta2: Buffer,
    /// Of a thin layer, sums over groups of rows of A2ᵀδ3 `[groups][h, n]` and Xᵀδ2 `[groups][n, h]`.
    pub products: [Buffer; 2],
    /// The sums of each block of rows.
    pub task_sums: Vec<f64>,
    /// The sums of all rows since they were cleared.
    pub sums: RowSums,
}

impl BlockPass {
    /// For parameters in `layout`, `block` hidden units at a time.
    pub fn new(objective: Objective, layout: PanelLayout, block: usize) -> Self {
        let (hidden, visible) = (layout.b1().len(), layout.shape.visible);
        Self {
            objective,
            layout,
            block,
            whole: None,
            thin: is_thin(layout, block),
            is_partial: false,
            decoder: Buffer::zeros(visible * width(block)),
            a2: Buffer::default(),
            a3: Buffer::default(),
            delta2: Buffer::default(),
            products: [Buffer::default(), Buffer::default()],
            task_sums: Vec::new(),
            sums: RowSums {
                hidden: vec![0.0; hidden],
                delta2: vec![0.0; hidden],
                delta3: vec![0.0; width(visible)],
                squared_error: 0.0,
                chunk_error: 0.0,
            },
        }
    }

    /// For a layer whose Z3 is a part of that of others, too. It is never thin: rows are cut alike in all of them, and nothing
    /// goes on to the way back before Z3 is whole.
    pub fn partial(objective: Objective, layout: PanelLayout, block: usize) -> Self {
        let block = block.min(layout.shape.hidden);
        let decoder = Buffer::default();
        Self { thin: false, is_partial: true, decoder, ..Self::new(objective, layout, block) }
    }

    /// Makes room for the activations of `count` rows.
    pub fn reserve(&mut self, count: usize) {
        let (n, h) = (width(self.layout.shape.visible), width(self.block));
        self.decoder.reserve(self.layout.shape.visible * h);
        self.a2.reserve(self.blocks() * count * h);
        self.a3.reserve(count * n);
        self.delta2.reserve(count * h);
        let rows = self.rows(count);
        if self.is_thin() {
            for (products, range) in self.products.iter_mut().zip([self.layout.d(), self.layout.w1()]) {
                products.reserve(rows.groups() * range.len());
            }
        }
        let parts = rows.number() * self.part_len();
        if parts > self.task_sums.len() {
            self.task_sums.resize(parts, 0.0);
        }
    }

    /// Numbers in the sums of a block of rows: A2 or δ2 `[block]`, δ3 `[n]`, and the squared error; padded.
    pub fn part_len(&self) -> usize {
        width(self.block) + width(self.layout.shape.visible) + 1
    }

    /// Whether the gradients of a layer fit in a second-level cache beside a block of rows.
    pub fn is_thin(&self) -> bool {
        self.thin
    }

    /// How `count` rows are cut.
    pub fn rows(&self, count: usize) -> Blocks {
        self.whole.map_or_else(|| Blocks::new(count, self.is_thin()), |whole| whole.part(count))
    }

    pub fn blocks(&self) -> usize {
        self.layout.shape.hidden.div_ceil(self.block)
    }

    pub fn units(&self, index: usize) -> Range<usize> {
        index * self.block..((index + 1) * self.block).min(self.layout.shape.hidden)
    }

    /// Where A2 of block `index` lies.
    pub fn a2_range(&self, count: usize, index: usize) -> Range<usize> {
        let len = count * width(self.block);
        index * len..index * len + count * width(self.units(index).len())
    }

    /// Writes A2 of the rows that went forward last, `[count, h]`, dense.
    pub fn hidden_rows(&self, count: usize, dense: &mut [f32]) {
        let (rows, hidden) = (self.rows(count), self.layout.shape.hidden);
        dense.par_chunks_mut(rows.rows * hidden).enumerate().for_each(|(block, out)| {
            for index in 0..self.blocks() {
                let units = self.units(index);
                let a2 = block_of(&self.a2[self.a2_range(count, index)], rows, block, units.len());
                gather(a2, units, out, hidden);
            }
        });
    }

    /// Writes A3 of the rows that went forward last, `[count, n]`, dense.
    pub fn output_rows(&self, count: usize, dense: &mut [f32]) {
        dense_rows(&self.a3, self.rows(count), self.layout.shape.visible, dense);
    }
}

/// Writes a matrix of `cols` columns dense.
pub fn dense_rows(values: &[f32], rows: Blocks, cols: usize, dense: &mut [f32]) {
    dense.par_chunks_mut(rows.rows * cols).enumerate().for_each(|(block, out)| {
        gather(block_of(values, rows, block, cols), 0..cols, out, cols);
    });
}

/// Whether the gradients of a layer in blocks of `block` units fit in a second-level cache beside a block of rows.
pub fn is_thin(layout: PanelLayout, block: usize) -> bool {
    block == layout.shape.hidden && layout.w1().len() <= THIN
}

/// The part of a block of rows in a matrix of `cols` columns.
pub fn block_of(values: &[f32], rows: Blocks, block: usize, cols: usize) -> Panels<'_> {
    let (range, width) = (rows.range(block), width(cols));
    Panels::new(&values[range.start * width..range.end * width], range.len())
}
