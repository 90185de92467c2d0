//! J: its settings, and its three terms assembled from sums. What a unit costs is [`Penalty`]'s, what it does
//! [`Activation`]'s.

use serde::{Deserialize, Serialize};

pub use super::activation::Activation;
pub use super::penalty::{Penalty, PenaltyKind, RHO_HAT_MIN};

/// The objective J: its activations, its penalty and its weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// f, the hidden activation: one that suits hidden layers.
    pub activation: Activation,
    /// g, the output activation.
    pub output: Activation,
    /// The sparsity penalty.
    #[serde(flatten)]
    pub penalty: Penalty,
    /// β, the weight of the penalty.
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
            penalty: Penalty::default(),
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

    /// β times the penalty of one unit.
    pub fn penalty_of(&self, rho_hat: f64) -> f64 {
        self.beta * self.penalty.value(rho_hat)
    }

    /// s, the derivative of β times the penalty by the unit's mean activation.
    pub fn penalty_grad(&self, rho_hat: f64) -> f64 {
        self.beta * self.penalty.grad(rho_hat) * self.activation.active_fraction().factor
    }
}

/// Which ρ̂ the penalty is taken at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RhoHatMode {
    /// Over all rows of one update, whatever the chunks that it is computed in.
    #[default]
    Exact,
    /// Over the mini-batch; the same computation as `exact`, named for what it means there.
    Batch,
    /// Moving average over mini-batches.
    Ema,
}

/// J in its three terms, each as it enters J, and the ρ̂ that the penalty was taken at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cost {
    /// 1/(2m) Σ ‖A3 − X‖².
    pub reconstruction: f64,
    /// λ/2 (‖W1‖² + ‖D‖²).
    pub decay: f64,
    /// β times the sum of the penalty over the hidden units; `kl` in files, as 0.1.0 has it.
    #[serde(rename = "kl")]
    pub penalty: f64,
    /// ρ̂ of every hidden unit, before clamping, `[h]`; of those of this rank where units are spread over several.
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
        let penalty = rho_hat.iter().map(|&r| objective.penalty_of(r)).sum();
        Self::of_part(objective, examples, squared_error, (penalty, squared_weights), rho_hat)
    }

    /// The same from β times the penalty and the squared weights of all units, where `rho_hat` is that of some.
    pub fn of_part(
        objective: &Objective,
        examples: usize,
        squared_error: f64,
        (penalty, squared_weights): (f64, f64),
        rho_hat: Vec<f64>,
    ) -> Self {
        Self {
            reconstruction: squared_error / (2.0 * examples as f64),
            decay: objective.lambda / 2.0 * squared_weights,
            penalty,
            rho_hat,
        }
    }

    /// J.
    pub fn total(&self) -> f64 {
        self.reconstruction + self.decay + self.penalty
    }

    /// How many units stood outside the interval in which the penalty is taken.
    pub fn clamped(&self) -> usize {
        self.rho_hat.iter().filter(|&&r| !(RHO_HAT_MIN..=1.0 - RHO_HAT_MIN).contains(&r)).count()
    }
}
