//! The vectors of L-BFGS, flat and padded like the parameters.

use super::buffer::Buffer;
use super::sums::{combine, dot, subtract};
use crate::math::optim::Role;

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

    /// A vector of the search.
    pub fn vector(&self, role: Role) -> &Buffer {
        match role {
            Role::Gradient => &self.gradient,
            Role::Direction => &self.direction,
            Role::Step(i) => &self.steps[i],
            Role::Change(i) => &self.changes[i],
            Role::Params | Role::Moment(_) | Role::Best => unreachable!("{role:?} is no vector of a search"),
        }
    }

    /// The same, to be put where it was.
    pub fn vector_mut(&mut self, role: Role) -> &mut Buffer {
        match role {
            Role::Gradient => &mut self.gradient,
            Role::Direction => &mut self.direction,
            Role::Step(i) => &mut self.steps[i],
            Role::Change(i) => &mut self.changes[i],
            Role::Params | Role::Moment(_) | Role::Best => unreachable!("{role:?} is no vector of a search"),
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
    pub fn dots(&self, pairs: &[(Role, Role)]) -> Vec<f64> {
        pairs.iter().map(|&(x, y)| dot(self.vector(x), self.vector(y))).collect()
    }

    /// direction ← Σ coefficient · vector.
    pub fn set_direction(&mut self, terms: &[(f64, Role)]) {
        let mut direction = std::mem::take(&mut self.direction);
        let terms: Vec<(f64, &[f32])> = terms.iter().map(|&(c, role)| (c, &self.vector(role)[..])).collect();
        combine(&mut direction, &terms);
        self.direction = direction;
    }
}
