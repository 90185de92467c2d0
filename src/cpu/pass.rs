//! A pass over the rows of a chunk, in the order of the formulas: forward through the hidden blocks, then back. Tasks
//! take panels of rows through whole layers; a weight gradient is cut into panels of units.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, LINE, View, ViewMut, padded_rows, stride};
use super::cut::{row_groups, task_rows, task_units};
use super::layout::Layout;
use super::products::{Fill, Size, product, transpose, transposed_product};
use super::rows::{hidden, hidden_delta, output, output_delta};
use super::sums::add_parts;
use super::update::{Parts, Target};
use crate::objective::Objective;

/// How far [`Pass::forward`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A2 and its sums.
    Hidden,
    /// A3 as well.
    Output,
    /// δ3 in place of A3, with the squared error.
    Delta,
}

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
    objective: Objective,
    layout: Layout,
    /// Hidden units a block.
    block: usize,
    /// W1ᵀ or Dᵀ of a block, `[n, block]`.
    transposed: Buffer,
    /// A2, one matrix `[rows, block]` a block.
    a2: Buffer,
    /// Z3, A3, then δ3, `[rows, n]`.
    a3: Buffer,
    /// δ2 of a block, `[rows, block]`.
    delta2: Buffer,
    /// Sums over groups of rows of A2ᵀδ3 and δ2ᵀX of a block, `[groups][block, n]`.
    products: [Buffer; 2],
    /// The sums of each task.
    parts: Vec<f64>,
    /// The sums of all rows since they were cleared.
    pub sums: Sums,
}

impl Pass {
    /// For parameters in `layout`, `block` hidden units at a time.
    pub fn new(objective: Objective, layout: Layout, block: usize) -> Self {
        let hidden = layout.b1().len();
        Self {
            objective,
            layout,
            block,
            transposed: Buffer::zeros(layout.shape.visible.next_multiple_of(LINE) * stride(block)),
            a2: Buffer::default(),
            a3: Buffer::default(),
            delta2: Buffer::default(),
            products: [Buffer::default(), Buffer::default()],
            parts: Vec::new(),
            sums: Sums {
                hidden: vec![0.0; hidden],
                delta2: vec![0.0; hidden],
                delta3: vec![0.0; layout.stride],
                squared_error: 0.0,
            },
        }
    }

    /// Takes the rows X `[count, n]` (padded to whole tiles) forward under the parameters `w`.
    pub fn forward(&mut self, x: &[f32], count: usize, w: &[f32], until: Until) {
        self.reserve(count);
        for index in 0..self.blocks() {
            self.forward_block(x, count, w, until, index);
        }
    }

    fn forward_block(&mut self, x: &[f32], count: usize, w: &[f32], until: Until, index: usize) {
        let (layout, units) = (self.layout, self.units(index));
        let (n, block_stride) = (layout.stride, stride(self.block));
        let is_last = index + 1 == self.blocks();
        let panel = task_rows(count);
        turn(&mut self.transposed, block_stride, &w[layout.rows(layout.w1(), &units)], n, units.len());

        let w1 = View { values: &self.transposed, stride: block_stride };
        let d = View { values: &w[layout.rows(layout.d(), &units)], stride: n };
        let b1 = &w[layout.b1().start + units.start..][..units.len().next_multiple_of(LINE)];
        let b2 = &w[layout.b2()];
        let objective = &self.objective;
        let visible = layout.shape.visible;

        let rows = padded_rows(count);
        let a2 = &mut self.a2[index * rows * block_stride..][..rows * block_stride];
        let part = block_stride + n + 1;
        let tasks = x[..rows * n]
            .par_chunks(panel * n)
            .zip(a2.par_chunks_mut(panel * block_stride))
            .zip(self.a3[..rows * n].par_chunks_mut(panel * n))
            .zip(self.parts.par_chunks_mut(part))
            .enumerate();
        tasks.for_each(|(task, (((x, a2), a3), sums))| {
            sums.fill(0.0);
            let rows = x.len() / n;
            let real = rows.min(count - task * panel);
            let (hidden_sums, sums) = sums.split_at_mut(block_stride);
            let size = Size { rows, depth: visible, cols: units.len() };
            let x_view = View { values: x, stride: n };
            product(ViewMut { values: a2, stride: block_stride }, x_view, w1, size, Fill::Replace);
            hidden(a2, block_stride, real, b1, objective.activation, hidden_sums);
            if until == Until::Hidden {
                return;
            }
            let size = Size { rows, depth: units.len(), cols: visible };
            let fill = if index == 0 { Fill::Replace } else { Fill::Add };
            let a2 = View { values: a2, stride: block_stride };
            product(ViewMut { values: a3, stride: n }, a2, d, size, fill);
            if is_last {
                output(a3, n, real, b2, objective.output);
            }
            if is_last && until == Until::Delta {
                let (delta_sums, error) = sums.split_at_mut(n);
                error[0] = output_delta(a3, x, n, real, visible, objective.output, delta_sums);
            }
        });

        let parts = &self.parts[..count.div_ceil(panel) * part];
        add_parts(&mut self.sums.hidden[units.clone()], parts, part, 0);
        if is_last && until == Until::Delta {
            add_parts(&mut self.sums.delta3, parts, part, block_stride);
            self.sums.squared_error += parts.iter().skip(part - 1).step_by(part).sum::<f64>();
        }
    }

    /// Back-propagates δ3 of the rows that went forward last, at the KL slope `kl_slope` `[h]` (a line longer), and hands the sums over
    /// rows of both weight gradients to `target`, scaled by `scale` and with λ = `lambda`.
    pub fn backward(
        &mut self,
        x: &[f32],
        count: usize,
        kl_slope: &[f32],
        target: &mut Target<'_>,
        scale: f32,
        lambda: f32,
    ) {
        let layout = self.layout;
        for index in 0..self.blocks() {
            let units = self.units(index);
            let d = layout.rows(layout.d(), &units);
            turn(
                &mut self.transposed,
                stride(self.block),
                &target.w()[d.clone()],
                layout.stride,
                units.len(),
            );
            self.hidden_delta(count, kl_slope, index);
            let stride = self.weight_products(x, count, index);
            let w1 = layout.rows(layout.w1(), &units);
            for (range, values) in [d, w1].into_iter().zip(&self.products) {
                let groups = row_groups(count, units.len());
                let values = &values[..groups * stride];
                target.apply(range, Parts { values, stride, scale, lambda });
            }
        }
    }

    /// δ2 of block `index`.
    fn hidden_delta(&mut self, count: usize, kl_slope: &[f32], index: usize) {
        let (n, block_stride, units) = (self.layout.stride, stride(self.block), self.units(index));
        let (rows, panel) = (padded_rows(count), task_rows(count));
        let (visible, activation) = (self.layout.shape.visible, self.objective.activation);
        let d = View { values: &self.transposed, stride: block_stride };
        let kl_slope = &kl_slope[units.start..][..units.len().next_multiple_of(LINE)];
        let tasks = self.delta2[..rows * block_stride]
            .par_chunks_mut(panel * block_stride)
            .zip(self.a3[..rows * n].par_chunks(panel * n))
            .zip(
                self.a2[index * rows * block_stride..][..rows * block_stride]
                    .par_chunks(panel * block_stride),
            )
            .zip(self.parts.par_chunks_mut(block_stride))
            .enumerate();
        tasks.for_each(|(task, (((delta2, delta3), a2), sums))| {
            sums.fill(0.0);
            let rows = delta3.len() / n;
            let size = Size { rows, depth: visible, cols: units.len() };
            let delta3 = View { values: delta3, stride: n };
            product(ViewMut { values: delta2, stride: block_stride }, delta3, d, size, Fill::Replace);
            let real = rows.min(count - task * panel);
            hidden_delta(delta2, a2, block_stride, real, kl_slope, activation, sums);
        });
        let parts = &self.parts[..count.div_ceil(panel) * block_stride];
        add_parts(&mut self.sums.delta2[units.clone()], parts, block_stride, 0);
    }

    /// A2ᵀδ3 and δ2ᵀX of block `index`, a sum for every group of rows; returns the distance between groups.
    fn weight_products(&mut self, x: &[f32], count: usize, index: usize) -> usize {
        let (n, block_stride, units) = (self.layout.stride, stride(self.block), self.units(index));
        let rows = padded_rows(count);
        let a2 = View { values: &self.a2[index * rows * block_stride..], stride: block_stride };
        let delta2 = View { values: &self.delta2, stride: block_stride };
        let (x, delta3) = (View { values: x, stride: n }, View { values: &self.a3, stride: n });
        let visible = self.layout.shape.visible;
        let size = Size { rows: units.len(), depth: count, cols: visible };
        let [d, w1] = &mut self.products;
        rayon::join(|| weight_product(d, a2, delta3, size), || weight_product(w1, delta2, x, size));
        padded_rows(units.len()) * n
    }

    /// Makes room for the activations of `count` rows.
    fn reserve(&mut self, count: usize) {
        let (n, block_stride, rows) = (self.layout.stride, stride(self.block), padded_rows(count));
        self.a2.reserve(self.blocks() * rows * block_stride);
        self.a3.reserve(rows * n);
        self.delta2.reserve(rows * block_stride);
        for index in [0, self.blocks() - 1] {
            let units = self.units(index).len();
            let len = row_groups(count, units) * padded_rows(units) * n;
            self.products.iter_mut().for_each(|products| products.reserve(len));
        }
        let parts = count.div_ceil(task_rows(count)) * (block_stride + n + 1);
        if parts > self.parts.len() {
            self.parts.resize(parts, 0.0);
        }
    }

    fn blocks(&self) -> usize {
        self.layout.shape.hidden.div_ceil(self.block)
    }

    fn units(&self, index: usize) -> Range<usize> {
        index * self.block..((index + 1) * self.block).min(self.layout.shape.hidden)
    }

    /// A2 of the rows that went forward last, `[count, h]`, dense.
    pub fn hidden_rows(&self, count: usize) -> Vec<f32> {
        let (block_stride, rows) = (stride(self.block), padded_rows(count));
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
        super::buffer::dense_rows(view, count, self.layout.shape.visible).flatten().copied().collect()
    }
}

/// Wᵀ into `out`, for `units` rows of W at stride `n`.
fn turn(out: &mut Buffer, out_stride: usize, w: &[f32], n: usize, units: usize) {
    out.par_chunks_mut(LINE * out_stride).enumerate().for_each(|(band, out)| {
        let w = View { values: w, stride: n };
        transpose(ViewMut { values: out, stride: out_stride }, w, units, band * LINE);
    });
}

/// AᵀB for every group of rows.
fn weight_product(out: &mut Buffer, a: View<'_>, b: View<'_>, size: Size) {
    let stride = b.stride;
    let (groups, panel) = (row_groups(size.depth, size.rows), task_units(size.rows));
    let group_len = padded_rows(size.rows) * stride;
    out[..groups * group_len].par_chunks_mut(group_len).enumerate().for_each(|(group, out)| {
        let (first, end) = (group * size.depth / groups, (group + 1) * size.depth / groups);
        out.par_chunks_mut(panel * stride).enumerate().for_each(|(task, out)| {
            let size = Size { rows: out.len() / stride, depth: end - first, cols: size.cols };
            let a = a.from(first, task * panel);
            transposed_product(ViewMut { values: out, stride }, a, b.from(first, 0), size, Fill::Replace);
        });
    });
}
