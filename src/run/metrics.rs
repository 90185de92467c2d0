//! Metrics: the terms of a cost, ρ̂ over the hidden units, and the lines of `metrics.jsonl`.

#[cfg(feature = "files")]
mod file;
#[cfg(feature = "files")]
mod lines;
#[cfg(feature = "files")]
mod table;

use serde::{Deserialize, Serialize};

use crate::math::objective::Cost;
use crate::train::measures::Measures;
#[cfg(feature = "files")]
pub use file::MetricsFile;
#[cfg(feature = "files")]
pub use lines::LinesFile;

/// J and its terms, each as it enters J.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Terms {
    /// Their sum.
    pub j: f64,
    /// 1/(2m) Σ ‖A3 − X‖².
    pub reconstruction: f64,
    /// λ/2 (‖W1‖² + ‖D‖²).
    pub decay: f64,
    /// β Σ KL(ρ ‖ ρ̂).
    pub kl: f64,
}

impl Terms {
    /// The terms of a cost.
    pub fn of(cost: &Cost) -> Self {
        Self { j: cost.total(), reconstruction: cost.reconstruction, decay: cost.decay, kl: cost.penalty }
    }
}

/// ρ̂ over the hidden units.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RhoHatRange {
    /// Of the least active unit.
    pub min: f64,
    /// Mean over the units.
    pub mean: f64,
    /// Of the most active unit.
    pub max: f64,
}

impl RhoHatRange {
    /// The range of `rho_hat` `[h]`.
    pub fn of(rho_hat: &[f64]) -> Self {
        Self {
            min: rho_hat.iter().copied().fold(f64::INFINITY, f64::min),
            mean: rho_hat.iter().sum::<f64>() / rho_hat.len() as f64,
            max: rho_hat.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// How far `metrics.jsonl` has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Bytes of its lines.
    pub bytes: u64,
    /// Samples at the last line.
    pub samples: u64,
    /// Seconds at the last line.
    pub seconds: f64,
    /// Lines with a ρ̂ that was clamped.
    pub clamped: usize,
    /// J over held-out examples at the last look, where there are some.
    pub validation: Option<f64>,
    /// The reconstruction term of that J; not known of checkpoints of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_reconstruction: Option<f64>,
    /// Measures at that look; not known of checkpoints of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_measures: Option<Measures>,
    /// The update or iteration after which that look was; not known of earlier checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_step: Option<usize>,
}

/// Samples per second; 0 where no time has passed.
pub fn rate(samples: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { samples as f64 / seconds } else { 0.0 }
}
