//! A block of rows on its way through a classifier: forward, softmax, and its deltas back.

use super::weights::LayerPanels;
use crate::engine::cpu::buffer::{LINE, Panels, PanelsMut, lines, panels, width};
use crate::engine::cpu::matmul::{Fill, product};
use crate::engine::cpu::rows::{HiddenDelta, HiddenLayer, LineSums};
use crate::math::activation::Activation;

/// The rows of a block, on their way.
pub struct RowBlock<'a> {
    /// Their number.
    pub rows: usize,
    /// X.
    pub x: &'a mut [f32],
    /// Activations from below, then Z, and δ of the softmax layer in its place.
    pub values: Vec<&'a mut [f32]>,
    /// δ of the hidden layers.
    pub deltas: Vec<&'a mut [f32]>,
    /// Sums over the rows: of the δ of each layer, padded, and the loss.
    pub sums: &'a mut [f64],
}

impl RowBlock<'_> {
    /// Activations of the hidden layers, and the inputs Z of the softmax.
    pub fn forward(&mut self, weights: &[LayerPanels], activations: &[Activation]) {
        for (l, layer) in weights.iter().enumerate() {
            let (below, above) = self.values.split_at_mut(l);
            let a = below.last().map_or(&*self.x, |below| &**below);
            let mut unused = vec![[0.0; LINE]; panels(layer.outputs)];
            let activation = activations.get(l).copied().unwrap_or(Activation::Linear);
            let epilogue = HiddenLayer { bias: layer.bias(), activation, sums: &mut unused };
            let c = PanelsMut::new(above[0], self.rows);
            product(c, Panels::new(a, self.rows), layer.forward(), layer.outputs, Fill::Replace, epilogue);
        }
    }

    /// Hands the numbers of each row of Z out, and puts back what becomes of them.
    pub fn each_row_of_softmax(&mut self, classes: usize, mut each: impl FnMut(usize, &mut [f32])) {
        let z = self.values.last_mut().expect("a network has a softmax layer");
        let mut z = PanelsMut::new(z, self.rows);
        let mut row = vec![0.0; classes];
        for at in 0..self.rows {
            for (panel, values) in row.chunks_mut(LINE).enumerate() {
                values.copy_from_slice(&z.panel(panel)[at][..values.len()]);
            }
            each(at, &mut row);
            for (panel, values) in row.chunks(LINE).enumerate() {
                // Padding is read by the product of the way back as columns that there are not.
                let line = &mut z.panel(panel)[at];
                line[..values.len()].copy_from_slice(values);
                line[values.len()..].fill(0.0);
            }
        }
    }

    /// Puts down the sums of the softmax layer.
    pub fn put_sums(&mut self, deltas: &[f64], losses: f64) {
        let end = self.sums.len() - 1;
        self.sums[end - deltas.len()..end].copy_from_slice(deltas);
        self.sums[end] = losses;
    }

    /// δ of the hidden layers from above, and their sums.
    pub fn backward(&mut self, weights: &[LayerPanels], activations: &[Activation]) {
        let rows = self.rows;
        let mut end = self.sums.len() - 1 - width(weights[weights.len() - 1].outputs);
        for l in (0..activations.len()).rev() {
            let (units, above) = (weights[l].outputs, &weights[l + 1]);
            let (below, higher) = self.deltas.split_at_mut(l + 1);
            let delta = higher.first().map_or(&*self.values[l + 1], |delta| &**delta);
            let zeros = vec![0.0; width(units)];
            let sums = &mut self.sums[end - width(units)..end];
            end -= width(units);
            let (sums, _): (&mut [LineSums], _) = sums.as_chunks_mut();
            let a2 = Panels::new(&*self.values[l], rows);
            let epilogue =
                HiddenDelta { a2, units, penalty_grad: lines(&zeros), activation: activations[l], sums };
            let c = PanelsMut::new(below[l], rows);
            product(c, Panels::new(delta, rows), above.back(), units, Fill::Replace, epilogue);
        }
    }
}

/// Z of a row becomes P, in f64; log Σ exp(Z).
pub fn softmax(row: &mut [f32]) -> f64 {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let power = |z: f32| (f64::from(z) - f64::from(most)).exp();
    let sum: f64 = row.iter().copied().map(power).sum();
    row.iter_mut().for_each(|z| *z = (power(*z) / sum) as f32);
    f64::from(most) + sum.ln()
}
