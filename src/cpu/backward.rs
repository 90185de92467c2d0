//! The way back through the hidden blocks: δ2 by panels of rows, weight gradients by panels of units.

use rayon::prelude::*;

use super::buffer::{Buffer, LINE, View, ViewMut, padded_rows, stride};
use super::cut::{row_groups, task_rows, task_units};
use super::matmul::{Fill, Size, product, transposed_product};
use super::pass::{Pass, turn};
use super::rows::hidden_delta;
use super::sums::add_parts;
use super::update::{GroupSums, Target};

/// How sums over rows become a gradient: times `scale`, plus λ times the parameters.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// 1/m, or 1 while the sums of several chunks are added up.
    pub scale: f32,
    /// λ, or 0.
    pub lambda: f32,
}

impl Pass {
    /// Back-propagates δ3 of the rows X that went forward last, at the KL slope `kl_slope` (`[h]`, and a line more), and
    /// hands both weight gradients to `target`.
    pub fn backward(
        &mut self,
        x: &[f32],
        count: usize,
        kl_slope: &[f32],
        target: &mut Target<'_>,
        scale: Scale,
    ) {
        let layout = self.layout;
        for index in 0..self.blocks() {
            let units = self.units(index);
            let (d, w1) = (layout.rows(layout.d(), &units), layout.rows(layout.w1(), &units));
            turn(
                &mut self.transposed,
                stride(self.block),
                &target.w()[d.clone()],
                layout.stride,
                units.len(),
            );
            self.hidden_delta(count, kl_slope, index);
            self.weight_products(x, count, index);

            let stride = padded_rows(units.len()) * layout.stride;
            let len = row_groups(count, units.len()) * stride;
            for (range, sums) in [d, w1].into_iter().zip(&self.products) {
                target.apply(range, GroupSums { values: &sums[..len], stride, scale });
            }
        }
    }

    /// δ2 of block `index`, and its sums.
    fn hidden_delta(&mut self, count: usize, kl_slope: &[f32], index: usize) {
        let (n, block_stride, units) = (self.layout.stride, stride(self.block), self.units(index));
        let (rows, panel) = (padded_rows(count), task_rows(count));
        let (visible, activation) = (self.layout.shape.visible, self.objective.activation);
        let d = View { values: &self.transposed, stride: block_stride };
        let kl_slope = &kl_slope[units.start..][..units.len().next_multiple_of(LINE)];
        self.delta2[..rows * block_stride]
            .par_chunks_mut(panel * block_stride)
            .zip(self.a3[..rows * n].par_chunks(panel * n))
            .zip(
                self.a2[index * rows * block_stride..][..rows * block_stride]
                    .par_chunks(panel * block_stride),
            )
            .zip(self.task_sums.par_chunks_mut(block_stride))
            .enumerate()
            .for_each(|(task, (((delta2, delta3), a2), sums))| {
                sums.fill(0.0);
                let real = panel.min(count - task * panel);
                let size = Size { rows: padded_rows(real), depth: visible, cols: units.len() };
                let mut delta2 = ViewMut { values: delta2, stride: block_stride };
                product(delta2.reborrow(), View { values: delta3, stride: n }, d, size, Fill::Replace);
                hidden_delta(
                    delta2,
                    View { values: a2, stride: block_stride },
                    real,
                    kl_slope,
                    activation,
                    sums,
                );
            });
        let parts = &self.task_sums[..count.div_ceil(panel) * block_stride];
        add_parts(&mut self.sums.delta2[units], parts, block_stride, 0);
    }

    /// A2ᵀδ3 and δ2ᵀX of block `index`, a sum for every group of rows.
    fn weight_products(&mut self, x: &[f32], count: usize, index: usize) {
        let (n, block_stride, units) = (self.layout.stride, stride(self.block), self.units(index));
        let a2 = View { values: &self.a2[index * padded_rows(count) * block_stride..], stride: block_stride };
        let delta2 = View { values: &self.delta2, stride: block_stride };
        let (x, delta3) = (View { values: x, stride: n }, View { values: &self.a3, stride: n });
        let size = Size { rows: units.len(), depth: count, cols: self.layout.shape.visible };
        let [d, w1] = &mut self.products;
        rayon::join(|| weight_product(d, a2, delta3, size), || weight_product(w1, delta2, x, size));
    }
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
            let (a, b) = (a.from(first, task * panel), b.from(first, 0));
            transposed_product(ViewMut { values: out, stride }, a, b, size, Fill::Replace);
        });
    });
}
