//! ρ̂ of every hidden unit and the gradient of the penalty at it, with the moving average over mini-batches.

use crate::engine::RhoHat;
use crate::math::objective::{Objective, RhoHatMode};

use super::buffer::LINE;

/// ρ̂ and s of the update at hand.
#[derive(Debug)]
pub struct PenaltyState {
    /// ρ̂, `[h]`.
    pub rho_hat: Vec<f64>,
    /// s, `[h]` and a line of padding.
    pub grad: Vec<f32>,
    average: Vec<f64>,
    /// Whether a batch has started the moving average.
    has_average: bool,
}

impl PenaltyState {
    /// For `hidden` units.
    pub fn new(hidden: usize) -> Self {
        let zeros = vec![0.0; hidden];
        Self { rho_hat: zeros.clone(), grad: vec![0.0; hidden + LINE], average: zeros, has_average: false }
    }

    /// The exact ρ̂ from the sums of A2 over `rows` rows, and s.
    pub fn settle(&mut self, objective: &Objective, sums: &[f64], rows: usize) {
        let fraction = objective.activation.active_fraction();
        for (rho_hat, sum) in self.rho_hat.iter_mut().zip(sums) {
            *rho_hat = fraction.at(sum / rows as f64);
        }
        self.take_grad(objective);
    }

    /// As [`PenaltyState::settle`] for an update that takes ρ̂ as `mode` says: the moving average goes on by one batch.
    pub fn settle_step(&mut self, objective: &Objective, sums: &[f64], rows: usize, mode: RhoHat) {
        self.settle(objective, sums, rows);
        if mode.mode != RhoHatMode::Ema {
            return;
        }
        if self.has_average {
            for (rho_hat, before) in self.rho_hat.iter_mut().zip(&self.average) {
                *rho_hat = mode.decay * before + (1.0 - mode.decay) * *rho_hat;
            }
            self.take_grad(objective);
        }
        self.average.copy_from_slice(&self.rho_hat);
        self.has_average = true;
    }

    /// Forgets the moving average.
    pub fn forget(&mut self) {
        self.has_average = false;
    }

    /// The moving average `[h]`, once a batch has started it.
    pub fn average(&self) -> Option<&[f64]> {
        self.has_average.then_some(&self.average)
    }

    /// Goes on from a moving average, or without one.
    pub fn set_average(&mut self, average: Option<&[f64]>) {
        self.has_average = average.is_some();
        self.average.copy_from_slice(average.unwrap_or(&self.rho_hat));
    }

    /// Puts the moving average of a unit at `target`.
    pub fn forget_unit(&mut self, unit: usize, target: f64) {
        self.average[unit] = target;
    }

    fn take_grad(&mut self, objective: &Objective) {
        for (grad, &rho_hat) in self.grad.iter_mut().zip(&self.rho_hat) {
            *grad = objective.penalty_grad(rho_hat) as f32;
        }
    }
}
