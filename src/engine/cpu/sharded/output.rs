//! The end of the way forward behind the exchange: bias and activation, deltas, and the sums over rows, from Z3 of all
//! ranks. Every rank computes it, on the same numbers and in the same pieces: what comes of it has the same bits on all.

use rayon::prelude::*;

use crate::engine::cpu::buffer::{Panels, PanelsMut, lines, width};
use crate::engine::cpu::cut::Blocks;
use crate::engine::cpu::forward::Until;
use crate::engine::cpu::matmul::finish;
use crate::engine::cpu::sums::add_parts;
use crate::math::objective::Activation;

/// The output layer of a rank.
#[derive(Debug)]
pub struct Outputs {
    activation: Activation,
    visible: usize,
    /// Of each block of rows: δ3 `[n]`, padded, and the squared error.
    parts: Vec<f64>,
    /// Σ δ3 over rows, `[n]`, padded.
    pub delta3: Vec<f64>,
    /// Σ (A3 − X)².
    pub squared_error: f64,
}

impl Outputs {
    /// For `visible` outputs.
    pub fn new(activation: Activation, visible: usize) -> Self {
        Self { activation, visible, parts: Vec::new(), delta3: vec![0.0; width(visible)], squared_error: 0.0 }
    }

    /// Begins with new rows.
    pub fn clear(&mut self) {
        self.delta3.fill(0.0);
        self.squared_error = 0.0;
    }

    /// A3 in place of Z3 of the rows X, and what `until` asks for.
    pub fn finish(&mut self, z3: &mut [f32], x: &[f32], b2: &[f32], until: Until) {
        let (n, visible) = (width(self.visible), self.visible);
        let (rows, part_len) = (Blocks::new(z3.len() / n, false), n + 1);
        self.parts.clear();
        self.parts.resize(rows.number() * part_len, 0.0);
        let bias = (visible, lines(b2));
        z3.par_chunks_mut(rows.rows * n).enumerate().zip(self.parts.par_chunks_mut(part_len)).for_each(
            |((block, z3), sums)| {
                let count = z3.len() / n;
                // X is read for errors and deltas alone.
                let is_read = until.wants_error() || until.wants_delta();
                let x = if is_read { &x[block * rows.rows * n..][..count * n] } else { &[] };
                let layer = until.output_layer(Panels::new(x, x.len() / n), bias, self.activation, sums);
                finish(PanelsMut::new(z3, count), visible, layer);
            },
        );
        if until.wants_delta() {
            add_parts(&mut self.delta3, &self.parts, part_len, 0);
        }
        if until.wants_error() {
            let errors = self.parts.iter().skip(part_len - 1).step_by(part_len);
            self.squared_error += errors.sum::<f64>();
        }
    }
}
