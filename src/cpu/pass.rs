//! The memory of a pass over the rows of a chunk, kept from step to step: [`super::forward`] fills it on the way
//! through the hidden blocks, [`super::backward`] reads it on the way back.

use std::ops::Range;

use super::buffer::{Buffer, View, dense_rows, stride};
use super::cut::{THIN, row_groups, task_rows, thin_groups};
use super::layout::Layout;
use super::pack::packed_len;
use crate::objective::Objective;

/// Sums over the rows of an update.
#[derive(Debug, Default)]
pub struct Sums {
    /// Of A2, `[h]`.
    pub hidden: Vec<f64>,
    /// Of δ2, `[h]`.
    pub delta2: Vec<f64>,
    /// Of δ3, `[n]`.
    pub delta3: Vec<f64>,
    /// Σ (A3 − X)².
    pub squared_error: f64,
}

impl Sums {
    /// All zero.
    pub fn clear(&mut self) {
        [&mut self.hidden, &mut self.delta2, &mut self.delta3].into_iter().for_each(|sums| sums.fill(0.0));
        self.squared_error = 0.0;
    }
}

/// The memory of a pass, kept from step to step.
#[derive(Debug)]
pub struct Pass {
    pub objective: Objective,
    pub layout: Layout,
    /// Hidden units a block.
    pub block: usize,
    /// W1ᵀ `[n, block]`, D `[block, n]` and Dᵀ `[n, block]` of a block.
    pub packed_weights: [Buffer; 3],
    /// δ3 and X, `[rows, n]`.
    pub packed_rows: [Buffer; 2],
    /// A2, one matrix `[rows, block]` a block.
    pub a2: Buffer,
    /// Z3, A3, then δ3, `[rows, n]`.
    pub a3: Buffer,
    /// δ2 of a block, `[rows, block]`.
    pub delta2: Buffer,
    /// Sums over groups of rows of A2ᵀδ3 and δ2ᵀX of a block, `[groups][block, n]`.
    pub products: [Buffer; 2],
    /// The sums of each task.
    pub task_sums: Vec<f64>,
    /// The sums of all rows since they were cleared.
    pub sums: Sums,
}

impl Pass {
    /// For parameters in `layout`, `block` hidden units at a time.
    pub fn new(objective: Objective, layout: Layout, block: usize) -> Self {
        let (hidden, visible) = (layout.b1().len(), layout.shape.visible);
        Self {
            objective,
            layout,
            block,
            packed_weights: [(visible, block), (block, visible), (visible, block)]
                .map(|(depth, cols)| Buffer::zeros(packed_len(depth, cols))),
            packed_rows: [Buffer::default(), Buffer::default()],
            a2: Buffer::default(),
            a3: Buffer::default(),
            delta2: Buffer::default(),
            products: [Buffer::default(), Buffer::default()],
            task_sums: Vec::new(),
            sums: Sums {
                hidden: vec![0.0; hidden],
                delta2: vec![0.0; hidden],
                delta3: vec![0.0; layout.stride],
                squared_error: 0.0,
            },
        }
    }

    /// Makes room for the activations of `count` rows.
    pub fn reserve(&mut self, count: usize) {
        let (n, block_stride, rows) = (self.layout.stride, stride(self.block), count);
        self.a2.reserve(self.blocks() * rows * block_stride);
        self.a3.reserve(rows * n);
        let packed = packed_len(rows, self.layout.shape.visible);
        self.packed_rows.iter_mut().for_each(|buffer| buffer.reserve(packed));
        self.delta2.reserve(rows * block_stride);
        for index in [0, self.blocks() - 1] {
            let units = self.units(index).len();
            let len = self.groups(count, units) * units * n;
            self.products.iter_mut().for_each(|products| products.reserve(len));
        }
        let tasks = count.div_ceil(task_rows(count)).max(thin_groups(count));
        let parts = tasks * (block_stride + n + 1);
        if parts > self.task_sums.len() {
            self.task_sums.resize(parts, 0.0);
        }
    }

    /// Whether the gradients of a layer fit in a second-level cache beside a panel of rows.
    pub fn is_thin(&self) -> bool {
        self.blocks() == 1 && self.layout.w1().len() <= THIN
    }

    /// Groups of rows that have sums of `units` units of their own.
    pub fn groups(&self, count: usize, units: usize) -> usize {
        if self.is_thin() { thin_groups(count) } else { row_groups(count, units) }
    }

    pub fn blocks(&self) -> usize {
        self.layout.shape.hidden.div_ceil(self.block)
    }

    pub fn units(&self, index: usize) -> Range<usize> {
        index * self.block..((index + 1) * self.block).min(self.layout.shape.hidden)
    }

    /// A2 of the rows that went forward last, `[count, h]`, dense.
    pub fn hidden_rows(&self, count: usize) -> Vec<f32> {
        let (block_stride, rows) = (stride(self.block), count);
        let row = |row: usize| {
            (0..self.blocks()).flat_map(move |index| {
                let start = (index * rows + row) * block_stride;
                &self.a2[start..start + self.units(index).len()]
            })
        };
        (0..count).flat_map(row).copied().collect()
    }

    /// A3 of the rows that went forward last, `[count, n]`, dense.
    pub fn output_rows(&self, count: usize) -> Vec<f32> {
        let view = View { values: &self.a3, stride: self.layout.stride };
        dense_rows(view, count, self.layout.shape.visible).flatten().copied().collect()
    }
}
