//! The training loop, over any engine. It knows neither adapters nor flags.

use std::ops::ControlFlow;

use crate::engine::Engine;
use crate::error::Result;
use crate::objective::Cost;
use crate::optim::{LearningRate, Optimizer};

/// What a training run does.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The update rule.
    pub optimizer: Optimizer,
    /// η over time; not used by L-BFGS.
    pub rate: LearningRate,
    /// μ of SGD.
    pub momentum: f64,
    /// Rows an update; `None` is all of them.
    pub batch: Option<usize>,
    /// Updates, or L-BFGS iterations.
    pub steps: usize,
    /// Seed of the order of the examples.
    pub seed: u64,
    /// Updates between two reports.
    pub report_every: usize,
}

/// The state after an update, as handed to the observer.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Updates or iterations done.
    pub step: usize,
    /// J: of the new parameters for L-BFGS, of the batch before the update for SGD and Adam.
    pub cost: Cost,
    /// ‖∇J‖, where the optimiser has it at hand.
    pub gradient_norm: Option<f64>,
    /// η of this update; for L-BFGS the accepted step length.
    pub rate: f64,
    /// Examples that went through forward and backward so far (an L-BFGS evaluation counts them all).
    pub samples: u64,
    /// Seconds since training started.
    pub seconds: f64,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All steps done.
    Steps,
    /// L-BFGS found no lower J in this precision.
    Converged,
    /// The observer asked for it.
    Stopped,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Updates or iterations done.
    pub steps: usize,
    /// J of the final parameters over all examples.
    pub cost: Cost,
    /// See [`Progress::samples`].
    pub samples: u64,
    /// Seconds from the first step's start to the last one's end.
    pub seconds: f64,
    /// Why it ended.
    pub ended: Ended,
}

/// Trains; `observe` is called at every report and may stop the run.
pub fn train(
    _engine: &mut dyn Engine,
    _recipe: &Recipe,
    _observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Outcome> {
    todo!()
}
