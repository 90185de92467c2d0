//! A step through a layer so small that its gradients stay in a second-level cache: a task takes a group of blocks of
//! rows through all products that do not need ρ̂, then, once ρ̂ is settled, through the last one. Activations of a
//! block never leave the cache, apart from A2 and the error that comes back to it.

use rayon::prelude::*;

use super::buffer::{Panels, PanelsMut, lines, width};
use super::forward::{Block, RowBlock, Until};
use super::matmul::{Bare, Fill, finish, product, transposed_product};
use super::pass::BlockPass;
use super::rows::HiddenDelta;
use super::sums::add_parts;
use super::update::{GradientScale, UpdateTarget};

impl BlockPass {
    /// A2 of the rows X `[count, n]`, and as far as `until` asks for it their error, A2ᵀδ3 and δ3Dᵀ.
    pub fn forward_thin(&mut self, x: &[f32], count: usize, w: &[f32], until: Until) {
        let (units, visible, rows) = (self.units(0), self.layout.shape.visible, self.rows(count));
        let (n, h, part_len) = (width(visible), width(units.len()), self.part_len());
        if until.wants_delta() {
            self.transpose_decoder(w, 0);
        }
        let decoder = Panels::new(&self.decoder, visible);
        let block = Block::new(&self.objective, self.layout, w, units.clone(), until);
        let group = rows.group() * rows.rows;
        x[..count * n]
            .par_chunks(group * n)
            .zip(self.a2[..count * h].par_chunks_mut(group * h))
            .zip(self.delta2[..count * h].par_chunks_mut(group * h))
            .zip(self.a3[..count * n].par_chunks_mut(group * n))
            .zip(self.products[0].par_chunks_mut(units.len() * n))
            .zip(self.task_sums.par_chunks_mut(part_len))
            .for_each(|(((((x, a2), error), a3), product_sums), sums)| {
                sums.fill(0.0);
                let blocks = x.chunks(rows.rows * n).zip(a2.chunks_mut(rows.rows * h));
                let blocks = blocks.zip(error.chunks_mut(rows.rows * h));
                for (number, ((x, a2), error)) in blocks.enumerate() {
                    let (rows, fill) = (x.len() / n, fill_of(number));
                    let mut a3 = PanelsMut::new(&mut a3[..rows * n], rows);
                    let mut a2 = PanelsMut::new(a2, rows);
                    let x = Panels::new(x, rows);
                    block.forward(&mut [Some(RowBlock { x, a2: a2.reborrow(), a3: a3.reborrow(), sums })]);
                    if until.wants_delta() {
                        let product_sums = PanelsMut::new(product_sums, units.len());
                        transposed_product(product_sums, a2.view(), a3.view(), units.len(), visible, fill);
                        let error = PanelsMut::new(error, rows);
                        product(error, a3.view(), decoder, units.len(), Fill::Replace, Bare);
                    }
                }
            });
        self.add_forward_sums(units, rows.groups(), until, true);
    }

    /// δ2 and Xᵀδ2 of the rows that went forward last; hands both weight gradients to `target`.
    pub fn backward_thin(
        &mut self,
        x: &[f32],
        count: usize,
        penalty_grad: &[f32],
        target: &mut UpdateTarget<'_>,
        scale: GradientScale,
    ) {
        let (units, visible, rows) = (self.units(0), self.layout.shape.visible, self.rows(count));
        let (n, h, f) = (width(visible), width(units.len()), self.objective.activation);
        let penalty_grad = lines(&penalty_grad[..h]);
        let group = rows.group() * rows.rows;
        x[..count * n]
            .par_chunks(group * n)
            .zip(self.a2[..count * h].par_chunks(group * h))
            .zip(self.delta2[..count * h].par_chunks_mut(group * h))
            .zip(self.products[1].par_chunks_mut(visible * h))
            .zip(self.task_sums.par_chunks_mut(h))
            .for_each(|((((x, a2), delta2), product_sums), sums)| {
                sums.fill(0.0);
                let (sums, _) = sums.as_chunks_mut();
                let blocks = x.chunks(rows.rows * n).zip(a2.chunks(rows.rows * h));
                for (number, ((x, a2), delta2)) in blocks.zip(delta2.chunks_mut(rows.rows * h)).enumerate() {
                    let (rows, fill) = (x.len() / n, fill_of(number));
                    let (x, a2) = (Panels::new(x, rows), Panels::new(a2, rows));
                    let mut delta2 = PanelsMut::new(delta2, rows);
                    let delta = HiddenDelta { a2, units: units.len(), penalty_grad, activation: f, sums };
                    finish(delta2.reborrow(), units.len(), delta);
                    let product_sums = PanelsMut::new(product_sums, visible);
                    transposed_product(product_sums, x, delta2.view(), visible, units.len(), fill);
                }
            });
        add_parts(&mut self.sums.delta2[units], &self.task_sums[..rows.groups() * h], h, 0);
        let [mut encoder, mut decoder] = target.split_at(self.layout.d().start);
        let (w1, d) = (self.layout.w1(), 0..self.layout.d().len());
        let [d_sums, w1_sums] = &self.products;
        rayon::join(
            || encoder.apply(w1.clone(), &w1_sums[..rows.groups() * w1.len()], scale),
            || decoder.apply(d.clone(), &d_sums[..rows.groups() * d.len()], scale),
        );
    }
}

/// The first block of a group replaces the group's sums, the others are added to them.
fn fill_of(block: usize) -> Fill {
    if block == 0 { Fill::Replace } else { Fill::Add }
}
