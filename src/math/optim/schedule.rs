//! The learning rate over the updates of a run.

use serde::{Deserialize, Serialize};

/// The course of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Schedule {
    /// The same rate throughout.
    Constant,
    /// Half a cosine from the rate down to 0 at the last update.
    Cosine,
}

/// Learning rate over the updates of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRate {
    /// η.
    pub base: f64,
    /// Its course after the warm-up.
    pub schedule: Schedule,
    /// Updates over which the rate rises linearly to η.
    pub warmup: usize,
    /// Updates in the whole run.
    pub steps: usize,
}

impl LearningRate {
    /// The same rate from the first update to the last.
    pub fn constant(base: f64) -> Self {
        Self { base, schedule: Schedule::Constant, warmup: 0, steps: 0 }
    }

    /// The rate of update `step`, counted from 1.
    pub fn at(&self, step: usize) -> f64 {
        if step <= self.warmup {
            return self.base * step as f64 / self.warmup as f64;
        }
        match self.schedule {
            Schedule::Constant => self.base,
            Schedule::Cosine => {
                let rest = (self.steps.saturating_sub(self.warmup)).max(1) as f64;
                let done = (step - self.warmup - 1) as f64 / rest;
                self.base * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
            }
        }
    }
}
