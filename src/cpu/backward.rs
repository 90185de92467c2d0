//! The way back through the hidden blocks: δ2 by panels of rows, weight gradients by panels of units.

use rayon::prelude::*;

use super::buffer::{Buffer, LINE, View, ViewMut, stride};
use super::cut::{row_groups, task_rows, task_units};
use super::matmul::{Columns, Fill, Size, product, transposed_product};
use super::pack::{Right, pack, pack_transposed};
use super::pass::Pass;
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
        if self.is_thin() {
            return self.backward_thin(x, count, kl_slope, target, scale);
        }
        let layout = self.layout;
        let (visible, stride) = (layout.shape.visible, layout.stride);
        let [packed_delta3, packed_x] = &mut self.packed_rows;
        rayon::join(
            || pack(packed_delta3, View { values: &self.a3, stride }, count, visible),
            || pack(packed_x, View { values: x, stride }, count, visible),
        );
        for index in 0..self.blocks() {
            let units = self.units(index);
            let (d, w1) = (layout.rows(layout.d(), &units), layout.rows(layout.w1(), &units));
            let decoder = View { values: &target.w()[d.clone()], stride: layout.stride };
            pack_transposed(&mut self.packed_weights[2], decoder, layout.shape.visible, units.len());
            self.hidden_delta(count, kl_slope, index);
            self.weight_products(count, index);

            let stride = units.len() * layout.stride;
            let len = row_groups(count, units.len()) * stride;
            for (range, sums) in [d, w1].into_iter().zip(&self.products) {
                target.apply(range, GroupSums { values: &sums[..len], stride, scale });
            }
        }
    }

    /// δ2 of block `index`, and its sums.
    fn hidden_delta(&mut self, count: usize, kl_slope: &[f32], index: usize) {
        let (n, block_stride, units) = (self.layout.stride, stride(self.block), self.units(index));
        let panel = task_rows(count);
        let (visible, activation) = (self.layout.shape.visible, self.objective.activation);
        let d = Right::packed(&self.packed_weights[2], visible);
        let kl_slope = &kl_slope[units.start..][..units.len().next_multiple_of(LINE)];
        self.delta2[..count * block_stride]
            .par_chunks_mut(panel * block_stride)
            .zip(self.a3[..count * n].par_chunks(panel * n))
            .zip(
                self.a2[index * count * block_stride..][..count * block_stride]
                    .par_chunks(panel * block_stride),
            )
            .zip(self.task_sums.par_chunks_mut(block_stride))
            .enumerate()
            .for_each(|(task, (((delta2, delta3), a2), sums))| {
                sums.fill(0.0);
                let rows = panel.min(count - task * panel);
                let size = Size { rows, depth: visible, cols: units.len() };
                let mut delta2 = ViewMut { values: delta2, stride: block_stride };
                product(delta2.reborrow(), View { values: delta3, stride: n }, d, size, Fill::Replace);
                hidden_delta(
                    delta2,
                    View { values: a2, stride: block_stride },
                    rows,
                    kl_slope,
                    activation,
                    sums,
                );
            });
        let parts = &self.task_sums[..count.div_ceil(panel) * block_stride];
        add_parts(&mut self.sums.delta2[units], parts, block_stride, 0);
    }

    /// A2ᵀδ3 and δ2ᵀX of block `index`, a sum for every group of rows.
    fn weight_products(&mut self, count: usize, index: usize) {
        let (block_stride, units) = (stride(self.block), self.units(index));
        let a2 = View { values: &self.a2[index * count * block_stride..], stride: block_stride };
        let delta2 = View { values: &self.delta2, stride: block_stride };
        let [delta3, x] = self.packed_rows.each_ref().map(|rows| Right::packed(rows, count));
        let size = Size { rows: units.len(), depth: count, cols: self.layout.shape.visible };
        let [d, w1] = &mut self.products;
        let stride = self.layout.stride;
        rayon::join(
            || weight_product(d, stride, a2, delta3, size),
            || weight_product(w1, stride, delta2, x, size),
        );
    }
}

/// AᵀB for every group of rows.
fn weight_product(out: &mut Buffer, stride: usize, a: View<'_>, b: Right<'_>, size: Size) {
    let (groups, panel) = (row_groups(size.depth, size.rows), task_units(size.rows));
    let group_len = size.rows * stride;
    out[..groups * group_len].par_chunks_mut(group_len).enumerate().for_each(|(group, out)| {
        let (first, end) = (group * size.depth / groups, (group + 1) * size.depth / groups);
        out.par_chunks_mut(panel * stride).enumerate().for_each(|(task, out)| {
            let size = Size { rows: out.len() / stride, depth: end - first, cols: size.cols };
            let (a, b) = (Columns { a, first: 0 }.from(first, task * panel), b.from(first));
            transposed_product(ViewMut { values: out, stride }, a, b, size, Fill::Replace);
        });
    });
}
