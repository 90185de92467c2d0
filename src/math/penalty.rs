//! The sparsity penalty: a function of a unit's active fraction ρ̂, in f64. J has β times its sum over the hidden units.
//!
//! Engines keep the ρ̂ that it is taken at, and its moving average over mini-batches where one is asked for; shaders have
//! its gradient in `shaders/_penalty.wgsl`.

use serde::{Deserialize, Serialize};

/// ρ̂ is clamped to `[RHO_HAT_MIN, 1 - RHO_HAT_MIN]` in the penalty and its gradient: a saturated unit has a mean
/// activation of exactly 0 or 1 in f32, where those of KL are infinite.
pub const RHO_HAT_MIN: f64 = 1.0 / (1u32 << 24) as f64;

/// The sparsity penalty: it keeps hidden units inactive most of the time. In files its settings stand beside those of
/// the objective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Penalty {
    /// KL(ρ ‖ ρ̂) of two Bernoulli variables.
    Kl {
        /// ρ, the mean active fraction each hidden unit is held to, in (0, 1).
        rho: f64,
    },
}

impl Default for Penalty {
    /// That of the lecture's experiment.
    fn default() -> Self {
        Self::Kl { rho: 0.01 }
    }
}

impl Penalty {
    /// The penalty of one unit, ρ̂ clamped.
    pub fn value(self, rho_hat: f64) -> f64 {
        let rho_hat = clamp_rho_hat(rho_hat);
        match self {
            Self::Kl { rho } => {
                rho * (rho / rho_hat).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - rho_hat)).ln()
            }
        }
    }

    /// Its derivative by ρ̂, at the clamped ρ̂. It never falls as ρ̂ rises: penalties are convex.
    pub fn grad(self, rho_hat: f64) -> f64 {
        let rho_hat = clamp_rho_hat(rho_hat);
        match self {
            Self::Kl { rho } => -rho / rho_hat + (1.0 - rho) / (1.0 - rho_hat),
        }
    }

    /// The active fraction of a unit that does well: dead units are measured against it, and new ones begin with it.
    pub fn target(self) -> f64 {
        match self {
            Self::Kl { rho } => rho,
        }
    }

    /// Its number in `shaders/_penalty.wgsl`.
    pub fn number(self) -> u32 {
        match self {
            Self::Kl { .. } => 0,
        }
    }
}

/// ρ̂ brought into the interval in which the penalty and its gradient are finite. NaN stays NaN, to be seen.
pub fn clamp_rho_hat(rho_hat: f64) -> f64 {
    rho_hat.clamp(RHO_HAT_MIN, 1.0 - RHO_HAT_MIN)
}
