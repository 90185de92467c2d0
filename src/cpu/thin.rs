//! A step through a layer so small that its gradients stay in a second-level cache: a task takes a group of rows, panel
//! by panel, through all products that do not need ρ̂, then, once ρ̂ is settled, through the last one. Activations of a
//! panel never leave the cache, apart from A2 and the error that comes back to it.

use rayon::prelude::*;

use super::backward::Scale;
use super::buffer::{LINE, View, ViewMut, stride};
use super::cut::{THIN_ROWS, thin_groups};
use super::forward::{Block, Panel, Until};
use super::matmul::{Columns, Fill, Size, product, transposed_product};
use super::pack::{Right, pack_transposed};
use super::pass::Pass;
use super::rows::hidden_delta;
use super::sums::add_parts;
use super::update::{GroupSums, Target};

impl Pass {
    /// A2 of the rows X `[count, n]`, and as far as `until` asks for it their error, A2ᵀδ3 and δ3Dᵀ.
    pub fn forward_thin(&mut self, x: &[f32], count: usize, w: &[f32], until: Until) {
        let (n, h, units) = (self.layout.stride, stride(self.block), self.units(0));
        let visible = self.layout.shape.visible;
        let decoder = View { values: &w[self.layout.d()], stride: n };
        if until.wants_delta() {
            pack_transposed(&mut self.packed_weights[2], decoder, visible, units.len());
        }
        let block = Block::new(&self.objective, self.layout, &self.packed_weights, w, units.clone(), until);
        let d = Right::packed(&self.packed_weights[2], visible);
        let group_rows = count.div_ceil(thin_groups(count));
        x[..count * n]
            .par_chunks(group_rows * n)
            .zip(self.a2[..count * h].par_chunks_mut(group_rows * h))
            .zip(self.delta2[..count * h].par_chunks_mut(group_rows * h))
            .zip(self.a3.par_chunks_mut(THIN_ROWS.min(group_rows) * n))
            .zip(self.products[0].par_chunks_mut(units.len() * n))
            .zip(self.task_sums.par_chunks_mut(h + n + 1))
            .for_each(|(((((x, a2), error), a3), product_sums), sums)| {
                sums.fill(0.0);
                product_sums.fill(0.0);
                let panels = x.chunks(THIN_ROWS * n).zip(a2.chunks_mut(THIN_ROWS * h));
                for ((x, a2), error) in panels.zip(error.chunks_mut(THIN_ROWS * h)) {
                    let rows = x.len() / n;
                    block.forward(Panel {
                        rows,
                        x: View { values: x, stride: n },
                        a2: ViewMut { values: a2, stride: h },
                        a3: ViewMut { values: a3, stride: n },
                        sums,
                    });
                    if !until.wants_delta() {
                        continue;
                    }
                    let (a2, delta3) = (View { values: a2, stride: h }, View { values: a3, stride: n });
                    let size = Size { rows: units.len(), depth: rows, cols: visible };
                    let product_sums = ViewMut { values: product_sums, stride: n };
                    let a2 = Columns { a: a2, first: 0 };
                    transposed_product(product_sums, a2, Right::in_place(delta3), size, Fill::Add);
                    let size = Size { rows, depth: visible, cols: units.len() };
                    product(ViewMut { values: error, stride: h }, delta3, d, size, Fill::Replace);
                }
            });
        self.add_forward_sums(units, count.div_ceil(group_rows), until, true);
    }

    /// δ2 and δ2ᵀX of the rows that went forward last; hands both weight gradients to `target`.
    pub fn backward_thin(
        &mut self,
        x: &[f32],
        count: usize,
        kl_slope: &[f32],
        target: &mut Target<'_>,
        scale: Scale,
    ) {
        let (n, h, units) = (self.layout.stride, stride(self.block), self.units(0));
        let (visible, activation) = (self.layout.shape.visible, self.objective.activation);
        let kl_slope = &kl_slope[..units.len().next_multiple_of(LINE)];
        let group_rows = count.div_ceil(thin_groups(count));
        x[..count * n]
            .par_chunks(group_rows * n)
            .zip(self.a2[..count * h].par_chunks(group_rows * h))
            .zip(self.delta2[..count * h].par_chunks_mut(group_rows * h))
            .zip(self.products[1].par_chunks_mut(units.len() * n))
            .zip(self.task_sums.par_chunks_mut(h))
            .for_each(|((((x, a2), delta2), product_sums), sums)| {
                sums.fill(0.0);
                product_sums.fill(0.0);
                let panels = x.chunks(THIN_ROWS * n).zip(a2.chunks(THIN_ROWS * h));
                for ((x, a2), delta2) in panels.zip(delta2.chunks_mut(THIN_ROWS * h)) {
                    let rows = x.len() / n;
                    let (x, a2) = (View { values: x, stride: n }, View { values: a2, stride: h });
                    let mut delta2 = ViewMut { values: delta2, stride: h };
                    hidden_delta(delta2.reborrow(), a2, rows, kl_slope, activation, sums);
                    let delta2 = Columns { a: delta2.view(), first: 0 };
                    let size = Size { rows: units.len(), depth: rows, cols: visible };
                    let product_sums = ViewMut { values: product_sums, stride: n };
                    transposed_product(product_sums, delta2, Right::in_place(x), size, Fill::Add);
                }
            });
        let groups = count.div_ceil(group_rows);
        add_parts(&mut self.sums.delta2[units.clone()], &self.task_sums[..groups * h], h, 0);
        let stride = units.len() * n;
        for (range, sums) in [self.layout.d(), self.layout.w1()].into_iter().zip(&self.products) {
            target.apply(range, GroupSums { values: &sums[..groups * stride], stride, scale });
        }
    }
}
