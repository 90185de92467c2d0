//! Conditions that a result is asked to meet, for scripts and continuous integration: exit code 7 where it does not.

use std::fmt;

use serde::Serialize;

use crate::Error;
use crate::cli::args::Asserted;
use crate::run::condition::{Condition, flattened, text};

/// Members of the results of `train` and `eval` that conditions are on.
const OF_BOTH: [&str; 15] = [
    "j",
    "reconstruction",
    "decay",
    "kl",
    "explained_variance",
    "mse",
    "l0",
    "active",
    "rho_hat.min",
    "rho_hat.mean",
    "rho_hat.max",
    "dead",
    "saturated",
    "collapsed",
    "duplicates",
];
/// Of `train` alone.
const OF_TRAIN: [&str; 11] = [
    "steps",
    "seconds",
    "samples_per_second",
    "startup_seconds",
    "clamped",
    "peak_memory",
    "validation.j",
    "validation.reconstruction",
    "validation.explained_variance",
    "validation.mse",
    "validation.step",
];

/// The exit code of a result that is not as it was asked to be.
pub const UNMET: u8 = 7;

/// Conditions that a result does not meet.
#[derive(Debug)]
pub struct Unmet(Vec<String>);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.join("; "))
    }
}

impl std::error::Error for Unmet {}

/// Members of the results of `classify`.
const OF_CLASSIFIER: [&str; 13] = [
    "before.test",
    "before.training",
    "fine_tuned.test",
    "fine_tuned.training",
    "baseline.test",
    "baseline.training",
    "softmax_lambda",
    "j",
    "cross_entropy",
    "steps",
    "softmax_seconds",
    "fine_tune_seconds",
    "examples",
];
/// Of `predict`.
const OF_PREDICTIONS: [&str; 2] = ["accuracy", "examples"];

/// The commands whose results conditions may be on.
#[derive(Clone, Copy, Debug)]
pub enum ResultOf {
    Train,
    Eval,
    Classify,
    Predict,
}

impl ResultOf {
    /// The members that conditions may be on.
    fn members(self) -> Vec<&'static str> {
        match self {
            Self::Train => [&OF_BOTH[..], &OF_TRAIN].concat(),
            Self::Eval => OF_BOTH.to_vec(),
            Self::Classify => OF_CLASSIFIER.to_vec(),
            Self::Predict => OF_PREDICTIONS.to_vec(),
        }
    }
}

impl Asserted {
    /// Refuses names that no result of a command has, before there is one.
    ///
    /// # Errors
    /// [`Error::Usage`] with those that it has.
    pub fn check(&self, command: ResultOf) -> crate::Result<()> {
        let known = command.members();
        let strange = self.conditions.iter().map(Condition::name).find(|name| !known.contains(name));
        strange.map_or(Ok(()), |name| {
            let fact = format!("--assert {name}: no result has a number of that name");
            Err(Error::usage(format!("{fact}; give one of {}", known.join(", "))))
        })
    }

    /// Whether a result meets all conditions.
    ///
    /// # Errors
    /// [`Unmet`] with those that it does not meet, and what it has.
    pub fn of(&self, result: &impl Serialize) -> anyhow::Result<()> {
        let values = flattened(serde_json::to_value(result)?);
        let unmet = self.conditions.iter().filter_map(|condition| {
            let found = values.get(condition.name()).filter(|found| !found.is_null());
            let has =
                found.map_or_else(|| "there is none".to_owned(), |found| format!("it is {}", text(found)));
            (!condition.holds(found)).then(|| format!("--assert {condition}: {has}"))
        });
        let unmet: Vec<String> = unmet.collect();
        if unmet.is_empty() { Ok(()) } else { Err(Unmet(unmet).into()) }
    }
}
