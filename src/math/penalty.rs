//! The sparsity penalty: a function of a unit's active fraction ρ̂, in f64. J has β times its sum over the hidden units.
//!
//! Engines keep the ρ̂ that it is taken at, and its moving average over mini-batches where one is asked for; shaders have
//! its gradient in `shaders/_penalty.wgsl`.

use serde::{Deserialize, Serialize};

use super::number::Number;

/// ρ̂ is clamped to `[RHO_HAT_MIN, 1 - RHO_HAT_MIN]` in the penalty and its gradient: a saturated unit has a mean
/// activation of exactly 0 or 1 in f32, where those of KL are infinite.
pub const RHO_HAT_MIN: f64 = 1.0 / (1u32 << 24) as f64;

/// The function of ρ̂.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PenaltyKind {
    /// KL(ρ ‖ ρ̂) of two Bernoulli variables.
    #[default]
    Kl,
}

impl PenaltyKind {
    /// All of them, in the order of their numbers in `shaders/_penalty.wgsl`.
    pub const ALL: [Self; 1] = [Self::Kl];

    /// Lower-case name, as in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kl => "kl",
        }
    }
}

/// The sparsity penalty: it keeps hidden units inactive most of the time. In files its settings stand beside those of
/// the objective, and KL goes without saying.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Penalty {
    /// The function.
    #[serde(rename = "penalty", default, skip_serializing_if = "goes_without_saying")]
    pub kind: PenaltyKind,
    /// ρ, the active fraction of a unit that does well, in (0, 1): KL holds units to it, dead units are measured against it,
    /// and new ones begin with it.
    pub rho: f64,
}

fn goes_without_saying(kind: &PenaltyKind) -> bool {
    *kind == PenaltyKind::default()
}

impl Default for Penalty {
    /// That of the lecture's experiment.
    fn default() -> Self {
        Self::kl(0.01)
    }
}

impl Penalty {
    /// KL(ρ ‖ ρ̂).
    pub fn kl(rho: f64) -> Self {
        Self { kind: PenaltyKind::Kl, rho }
    }

    /// The penalty of one unit, ρ̂ clamped.
    pub fn value(self, rho_hat: f64) -> f64 {
        let (rho, rho_hat) = (self.rho, clamp_rho_hat(rho_hat));
        match self.kind {
            PenaltyKind::Kl => {
                rho * (rho / rho_hat).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - rho_hat)).ln()
            }
        }
    }

    /// Its derivative by ρ̂, at the clamped ρ̂. It never falls as ρ̂ rises: penalties are convex.
    pub fn grad(self, rho_hat: f64) -> f64 {
        self.grad_at(clamp_rho_hat(rho_hat))
    }

    /// The derivative over any kind of number, at a ρ̂ that is clamped already.
    pub fn grad_at<N: Number>(self, rho_hat: N) -> N {
        let (one, rho) = (N::one(), N::constant(self.rho));
        match self.kind {
            PenaltyKind::Kl => (one - rho).over(one - rho_hat) - rho.over(rho_hat),
        }
    }
}

/// ρ̂ brought into the interval in which the penalty and its gradient are finite. NaN stays NaN, to be seen.
pub fn clamp_rho_hat(rho_hat: f64) -> f64 {
    rho_hat.clamp(RHO_HAT_MIN, 1.0 - RHO_HAT_MIN)
}
