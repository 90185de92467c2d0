//! The vectors of L-BFGS, flat and padded like the parameters.

use super::buffer::Buffer;
use super::sums::{combine, dot, subtract};
use crate::math::optim::Slot;

/// Gradient, direction, trial point and the kept pairs.
#[derive(Debug, Default)]
pub struct CpuSearch {
    pub gradient: Buffer,
    pub direction: Buffer,
    pub trial: Buffer,
    pub trial_gradient: Buffer,
    steps: Vec<Buffer>,
    changes: Vec<Buffer>,
}

impl CpuSearch {
    /// Room for `history` pairs of vectors like `params`, which become the first trial point.
    pub fn new(params: &Buffer, history: usize) -> Self {
        let zeros = Buffer::zeros(params.len());
        Self {
            gradient: zeros.clone(),
            direction: zeros.clone(),
            trial: params.clone(),
            trial_gradient: zeros.clone(),
            steps: vec![zeros.clone(); history],
            changes: vec![zeros; history],
        }
    }

    /// Puts a kept vector where it was.
    pub fn set_vector(&mut self, slot: Slot, vector: Buffer) {
        *match slot {
            Slot::Gradient => &mut self.gradient,
            Slot::Direction => &mut self.direction,
            Slot::Step(i) => &mut self.steps[i],
            Slot::Change(i) => &mut self.changes[i],
        } = vector;
    }

    /// A vector.
    pub fn vector(&self, slot: Slot) -> &[f32] {
        match slot {
            Slot::Gradient => &self.gradient,
            Slot::Direction => &self.direction,
            Slot::Step(i) => &self.steps[i],
            Slot::Change(i) => &self.changes[i],
        }
    }

    /// trial ← params + step · direction.
    pub fn set_trial(&mut self, params: &[f32], step: f64) {
        combine(&mut self.trial, &[(1.0, params), (step, &self.direction)]);
    }

    /// ∇J at the trial point along the direction.
    pub fn slope(&self) -> f64 {
        dot(&self.trial_gradient, &self.direction)
    }

    /// Keeps the trial point's differences in `slot` and makes it the current one.
    pub fn accept(&mut self, params: &mut Buffer, slot: usize) {
        subtract(&mut self.steps[slot], &self.trial, params);
        subtract(&mut self.changes[slot], &self.trial_gradient, &self.gradient);
        params.copy_from_slice(&self.trial);
        self.gradient.copy_from_slice(&self.trial_gradient);
    }

    /// x · y of every pair.
    pub fn dots(&self, pairs: &[(Slot, Slot)]) -> Vec<f64> {
        pairs.iter().map(|&(x, y)| dot(self.vector(x), self.vector(y))).collect()
    }

    /// direction ← Σ coefficient · vector.
    pub fn set_direction(&mut self, terms: &[(f64, Slot)]) {
        let mut direction = std::mem::take(&mut self.direction);
        let terms: Vec<(f64, &[f32])> = terms.iter().map(|&(c, slot)| (c, self.vector(slot))).collect();
        combine(&mut direction, &terms);
        self.direction = direction;
    }
}
