//! SGD and Adam: the rule of one update, and its formulas for one parameter over any kind of number.

use crate::math::number::Number;

/// Decay of Adam's first moment.
pub const ADAM_BETA1: f64 = 0.9;
/// Decay of Adam's second moment.
pub const ADAM_BETA2: f64 = 0.999;
/// Added to the root of Adam's second moment.
pub const ADAM_EPSILON: f64 = 1e-8;

/// The rule of one first-order update. Rates are those of this very update: schedules are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update {
    /// v ← μv + g, W ← W − ηv.
    Sgd {
        /// η.
        lr: f64,
        /// μ.
        momentum: f64,
    },
    /// Adam with 0.9, 0.999 and ε = 1e-8 outside the root.
    Adam {
        /// η.
        lr: f64,
        /// The number of this update, counted from 1, for the bias correction.
        step: u64,
    },
}

impl Update {
    /// How many vectors it carries from update to update.
    pub fn moments(&self) -> usize {
        match self {
            Self::Sgd { .. } => 1,
            Self::Adam { .. } => 2,
        }
    }
}

/// 1 − βᵗ of both moments at update `step`, counted from 1: Adam divides by them what began at 0.
pub fn adam_corrections(step: u64) -> [f64; 2] {
    [ADAM_BETA1, ADAM_BETA2].map(|beta| 1.0 - beta.powf(step as f64))
}

/// SGD with momentum: v ← μv + g, w ← w − ηv. New w and v.
pub fn sgd<N: Number>([w, v]: [N; 2], g: N, lr: f64, momentum: f64) -> [N; 2] {
    let v = N::constant(momentum) * v + g;
    [w - N::constant(lr) * v, v]
}

/// Adam (Kingma & Ba, Algorithm 1) with the corrections of [`adam_corrections`]: `m` and `v` are the moving averages of
/// g and g². New w, m and v.
pub fn adam<N: Number>([w, m, v]: [N; 3], g: N, lr: f64, corrections: [f64; 2]) -> [N; 3] {
    let m = N::constant(ADAM_BETA1) * m + N::constant(1.0 - ADAM_BETA1) * g;
    let v = N::constant(ADAM_BETA2) * v + N::constant(1.0 - ADAM_BETA2) * g * g;
    let [m_hat, v_hat] = [m.per(corrections[0]), v.per(corrections[1])];
    [w - (N::constant(lr) * m_hat).over(v_hat.sqrt() + N::constant(ADAM_EPSILON)), m, v]
}
