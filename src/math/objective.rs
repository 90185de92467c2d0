//! The formulas of the objective as functions of one number, in f64: activations, the KL penalty and its
//! slope, and the three terms of J. Every engine states its own loops; what a single unit or a single sum
//! means is said here once.

use serde::{Deserialize, Serialize};

/// ρ̂ is clamped to `[RHO_HAT_MIN, 1 - RHO_HAT_MIN]` in the KL term and its slope: a saturated unit has a mean
/// activation of exactly 0 or 1 in f32, where both are infinite.
pub const RHO_HAT_MIN: f64 = 1.0 / (1u32 << 24) as f64;

/// Nonlinearity of a layer. The hidden layer takes the first two, the output all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// 1 / (1 + e⁻ᶻ), in (0, 1).
    Sigmoid,
    /// tanh z, in (−1, 1); "inactive" is −1.
    Tanh,
    /// z itself; output layer only.
    Linear,
}

impl Activation {
    /// a = f(z).
    pub fn apply(self, z: f64) -> f64 {
        match self {
            Self::Sigmoid => 1.0 / (1.0 + (-z).exp()),
            Self::Tanh => z.tanh(),
            Self::Linear => z,
        }
    }

    /// f′(z), written in the activation a = f(z) as back-propagation has it.
    pub fn slope(self, a: f64) -> f64 {
        match self {
            Self::Sigmoid => a * (1.0 - a),
            Self::Tanh => 1.0 - a * a,
            Self::Linear => 1.0,
        }
    }

    /// The active fraction ρ̂ that belongs to a mean activation: for tanh (1 + mean)/2.
    pub fn active_fraction(self, mean: f64) -> f64 {
        match self {
            Self::Tanh => (1.0 + mean) / 2.0,
            Self::Sigmoid | Self::Linear => mean,
        }
    }

    /// ∂ρ̂/∂(mean activation): ½ for tanh, else 1. The chain factor of the KL slope.
    pub fn active_fraction_slope(self) -> f64 {
        match self {
            Self::Tanh => 0.5,
            Self::Sigmoid | Self::Linear => 1.0,
        }
    }

    /// The interval that an output unit can reach; `None` when there is no limit.
    pub fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::Sigmoid => Some((0.0, 1.0)),
            Self::Tanh => Some((-1.0, 1.0)),
            Self::Linear => None,
        }
    }

    /// Lower-case name, as in flags, files and shaders.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Linear => "linear",
        }
    }
}

/// What is minimised: J with its activations and weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// f, the hidden activation: sigmoid or tanh.
    pub activation: Activation,
    /// g, the output activation.
    pub output: Activation,
    /// ρ, the mean active fraction each hidden unit is held to, in (0, 1).
    pub rho: f64,
    /// β, the weight of the KL penalty.
    pub beta: f64,
    /// λ, the weight of the decay ½(‖W1‖² + ‖D‖²); biases are not decayed.
    pub lambda: f64,
}

impl Default for Objective {
    /// The settings of the lecture's experiment.
    fn default() -> Self {
        Self {
            activation: Activation::Sigmoid,
            output: Activation::Sigmoid,
            rho: 0.01,
            beta: 3.0,
            lambda: 1e-4,
        }
    }
}

impl Objective {
    /// The same with another β, as while β warms up.
    pub fn with_beta(self, beta: f64) -> Self {
        Self { beta, ..self }
    }

    /// β KL(ρ ‖ ρ̂) of one unit, ρ̂ clamped.
    pub fn kl(&self, rho_hat: f64) -> f64 {
        let (rho, rho_hat) = (self.rho, clamp_rho_hat(rho_hat));
        self.beta * (rho * (rho / rho_hat).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - rho_hat)).ln())
    }

    /// s, the derivative of β KL(ρ ‖ ρ̂) by the unit's mean activation, at the clamped ρ̂.
    pub fn kl_slope(&self, rho_hat: f64) -> f64 {
        let (rho, rho_hat) = (self.rho, clamp_rho_hat(rho_hat));
        let by_rho_hat = self.beta * (-rho / rho_hat + (1.0 - rho) / (1.0 - rho_hat));
        by_rho_hat * self.activation.active_fraction_slope()
    }
}

/// ρ̂ brought into the interval in which KL and its slope are finite. NaN stays NaN, to be seen.
pub fn clamp_rho_hat(rho_hat: f64) -> f64 {
    rho_hat.clamp(RHO_HAT_MIN, 1.0 - RHO_HAT_MIN)
}

/// Which ρ̂ the penalty is taken at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RhoHatMode {
    /// Over all rows of one update, whatever the chunks that it is computed in.
    Exact,
    /// Over the mini-batch; the same computation as `exact`, named for what it means there.
    Batch,
    /// Moving average over mini-batches.
    Ema,
}

/// J in its three terms, each as it enters J, and the ρ̂ that the KL term was taken at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// 1/(2m) Σ ‖A3 − X‖².
    pub reconstruction: f64,
    /// λ/2 (‖W1‖² + ‖D‖²).
    pub decay: f64,
    /// β Σ KL(ρ ‖ ρ̂).
    pub kl: f64,
    /// ρ̂ of every hidden unit, before clamping, `[h]`.
    pub rho_hat: Vec<f64>,
}

impl Cost {
    /// Assembles J from the sums that an engine has taken over `examples` rows.
    pub fn from_sums(
        objective: &Objective,
        examples: usize,
        squared_error: f64,
        squared_weights: f64,
        rho_hat: Vec<f64>,
    ) -> Self {
        Self {
            reconstruction: squared_error / (2.0 * examples as f64),
            decay: objective.lambda / 2.0 * squared_weights,
            kl: rho_hat.iter().map(|&r| objective.kl(r)).sum(),
            rho_hat,
        }
    }

    /// J.
    pub fn total(&self) -> f64 {
        self.reconstruction + self.decay + self.kl
    }

    /// How many units stood outside the interval in which KL is finite.
    pub fn clamped(&self) -> usize {
        self.rho_hat.iter().filter(|&&r| !(RHO_HAT_MIN..=1.0 - RHO_HAT_MIN).contains(&r)).count()
    }
}
