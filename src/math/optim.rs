//! Optimisers: which there are with which settings, their learning rate over time, rules of first order, and L-BFGS.

pub mod first_order;
pub mod lbfgs;
pub mod line_search;
pub mod role;
pub mod schedule;
mod search_space;

use serde::{Deserialize, Serialize};

use first_order::Update;
pub use role::Role;
pub use schedule::{LearningRate, Schedule};
pub use search_space::{SearchSpace, Trial};

/// The kinds of optimisers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Optimizer {
    /// Limited-memory BFGS with a strong-Wolfe line search, on all examples at once.
    #[default]
    Lbfgs,
    /// Gradient descent with momentum.
    Sgd,
    /// Adam.
    Adam,
}

impl Optimizer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lbfgs, Self::Sgd, Self::Adam];

    /// Lower-case name, as in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lbfgs => "lbfgs",
            Self::Sgd => "sgd",
            Self::Adam => "adam",
        }
    }

    /// Vectors of the parameters' shape that it carries from update to update: v of SGD, both moments of Adam.
    pub fn moments(self) -> usize {
        match self {
            Self::Lbfgs => 0,
            Self::Sgd => 1,
            Self::Adam => 2,
        }
    }
}

/// An optimiser with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimizerConfig {
    /// On all examples.
    Lbfgs,
    /// SGD.
    Sgd {
        /// μ.
        momentum: f64,
        /// The settings of every optimiser of first order.
        descent: DescentConfig,
    },
    /// Adam.
    Adam {
        /// The settings of every optimiser of first order.
        descent: DescentConfig,
    },
}

/// Settings of every optimiser of first order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DescentConfig {
    /// η over time.
    pub rate: LearningRate,
    /// Rows an update; `None` is all of them.
    pub batch: Option<usize>,
    /// Updates over which β rises linearly to its value; 0 for none.
    pub beta_warmup: usize,
}

impl OptimizerConfig {
    /// An optimiser of settings that lie flat, as in `config.toml`: it takes those that it has.
    pub fn of(optimizer: Optimizer, momentum: f64, descent: DescentConfig) -> Self {
        match optimizer {
            Optimizer::Lbfgs => Self::Lbfgs,
            Optimizer::Sgd => Self::Sgd { momentum, descent },
            Optimizer::Adam => Self::Adam { descent },
        }
    }

    /// Its kind.
    pub fn kind(&self) -> Optimizer {
        match self {
            Self::Lbfgs => Optimizer::Lbfgs,
            Self::Sgd { .. } => Optimizer::Sgd,
            Self::Adam { .. } => Optimizer::Adam,
        }
    }

    /// The settings of first order, if it is of first order.
    pub fn descent(&self) -> Option<&DescentConfig> {
        match self {
            Self::Lbfgs => None,
            Self::Sgd { descent, .. } | Self::Adam { descent } => Some(descent),
        }
    }

    /// The rule of update `step`, counted from 1, if it is of first order.
    pub fn update(&self, step: usize) -> Option<Update> {
        match *self {
            Self::Lbfgs => None,
            Self::Sgd { momentum, descent } => Some(Update::Sgd { lr: descent.rate.at(step), momentum }),
            Self::Adam { descent } => Some(Update::Adam { lr: descent.rate.at(step), step: step as u64 }),
        }
    }

    /// Settings that make divergence less likely, with their values.
    pub fn remedy(&self) -> String {
        match self {
            Self::Lbfgs => "`beta` or `lambda`, or check the data".to_owned(),
            Self::Sgd { momentum, descent } => {
                format!("`lr` {} or `momentum` {momentum}, or check the data", descent.rate.base)
            }
            Self::Adam { descent } => format!("`lr` {}, or check the data", descent.rate.base),
        }
    }
}

impl DescentConfig {
    /// Over all rows at a constant rate, with the whole β.
    pub fn constant(rate: f64) -> Self {
        Self { rate: LearningRate::constant(rate), batch: None, beta_warmup: 0 }
    }

    /// The share of β that update `step` has, from 1; `None` where β does not warm up.
    pub fn beta_share(&self, step: usize) -> Option<f64> {
        (self.beta_warmup > 0).then(|| (step as f64 / self.beta_warmup as f64).min(1.0))
    }
}
