//! How an engine is set up, apart from its parameters and examples.

use crate::math::objective::{Objective, RhoHatMode};

/// The set-up of an engine. By default the lecture's objective, cut as the
/// engine likes, on all cores.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// The objective.
    pub objective: Objective,
    /// Rows and hidden units computed at a time.
    pub cut: Chunking,
    /// How ρ̂ is taken in mini-batch steps.
    pub rho_hat: RhoHat,
    /// Threads of the CPU engine; 0 is one a core.
    pub threads: usize,
}

/// How an engine is asked to cut its work; `None` leaves a size to it. The result does not depend on the cut beyond
/// rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunking {
    /// Rows computed at a time.
    pub chunk: Option<usize>,
    /// Hidden units a block; the CPU engine rounds it up to a multiple of 16.
    pub block: Option<usize>,
    /// Most bytes of a tensor that a WebGPU device binds, below its own limit; other engines refuse it.
    pub binding_limit: Option<u64>,
}

/// How ρ̂ is taken in `Engine::step`; everything else uses the exact ρ̂ of the rows at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RhoHat {
    /// Exact, batch or moving average.
    pub mode: RhoHatMode,
    /// μ of the moving average ρ̂ ← μρ̂ + (1−μ)·batch mean.
    pub decay: f64,
}

impl Default for RhoHat {
    fn default() -> Self {
        Self { mode: RhoHatMode::Exact, decay: 0.99 }
    }
}
