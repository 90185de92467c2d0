//! The result of a run: `summary.json`, and the report of a run in memory.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::io::memory::peak;
use crate::io::paths::PathText;
use crate::run::config::Config;
use crate::run::metrics::{RhoHatRange, Terms, rate};
use crate::train::diagnostics::UnitDiagnostics;
use crate::train::measures::Measures;
use crate::train::trend::Fall;
use crate::train::{EarlyStopping, EarlyStoppingState, Ended, Outcome};

/// The result of a run; `j` and its terms are those of the saved parameters over `measured` examples.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// J and its terms.
    #[serde(flatten)]
    pub terms: Terms,
    /// Updates or iterations done.
    pub steps: usize,
    /// Why it ended.
    pub ended: Ended,
    /// Seconds that were trained, in all sittings.
    pub seconds: f64,
    /// Examples that went forward and backward in a second.
    pub samples_per_second: f64,
    /// ρ̂ over the hidden units.
    pub rho_hat: RhoHatRange,
    /// Measures beside J; `None` in results of 0.1.0.
    #[serde(flatten)]
    pub measures: Option<Measures>,
    /// Dead, saturated, collapsed and duplicate hidden units.
    #[serde(flatten)]
    pub units: UnitDiagnostics,
    /// Units that were given new weights, where dead ones are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revived: Option<usize>,
    /// h, the hidden units.
    pub hidden: usize,
    /// Reports in which a ρ̂ was clamped.
    pub clamped: usize,
    /// The fall of J over the last epoch, or the last tenth of a run over all examples: with more `epochs` or `steps` it would
    /// have gone on. `None` where J had settled, and where the run did not end by its length.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fall: Option<Fall>,
    /// Passes over the data that were asked for, where they set the length of the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epochs: Option<usize>,
    /// m, the examples learned from.
    pub examples: usize,
    /// The description of the data, as JSON.
    #[serde(default)]
    pub data: serde_json::Value,
    /// The result over held-out examples, where there are some.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Validation>,
    /// Examples that J is taken over: all, or of a run over rows on disk no more than it has seen, or 50 000.
    pub measured: usize,
    /// Seed of the run.
    pub seed: u64,
    /// The device that was asked for.
    pub device: String,
    /// The hardware that computed.
    pub adapter: String,
    /// Seconds before the first step.
    pub startup_seconds: f64,
    /// The most memory that the process has held, bytes, where the system tells it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak_memory: Option<u64>,
    /// The files of the run; `None` of a run in memory.
    #[serde(flatten)]
    pub files: Option<RunFiles>,
    /// Hashes of the settings and the model of the result; `None` in a run that goes on, and in one of 0.1.0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(in crate::run) seal: Option<Seal>,
}

/// What the reports of a sitting come to.
pub struct Reported {
    /// In how many a ρ̂ was clamped.
    pub clamped: usize,
    /// The fall of J that the run ended with, where it ended with one.
    pub fall: Option<Fall>,
}

/// The directory of a run, and its files for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunFiles {
    /// The directory.
    pub run: PathText,
    /// The model.
    pub model: PathText,
    /// The picture of the features; `None` where examples are no pictures.
    pub features: Option<PathText>,
    /// The page that reports on the run; `None` where none was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<PathText>,
}

/// XXH3 (128 bits) of files that a result belongs to, 32 hexadecimal digits each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::run) struct Seal {
    /// Of `config.toml`.
    pub(in crate::run) config: String,
    /// Of `model.safetensors`.
    pub(in crate::run) model: String,
}

/// The parameters that were saved, by held-out examples.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Validation {
    /// J over them.
    pub j: f64,
    /// Its reconstruction term, by which runs of other β, λ and ρ can be compared; not known of runs of 0.1.0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reconstruction: Option<f64>,
    /// Measures beside J; not known of runs of 0.1.0.
    #[serde(flatten)]
    pub measures: Option<Measures>,
    /// After which update or iteration it was lowest.
    pub step: usize,
    /// Whether that was the last look: J had not stopped falling.
    #[serde(default)]
    pub falling: bool,
    /// How many examples are held out.
    pub examples: usize,
}

impl Summary {
    /// Collects what came of a run: the outcome of the loop, the state of the units, the reports in which a ρ̂ was clamped,
    /// and the time before the first step.
    pub(in crate::run) fn new(
        config: &Config,
        engine: &dyn Engine,
        (outcome, (measures, units), reported, startup): (
            &Outcome,
            (Measures, UnitDiagnostics),
            Reported,
            Duration,
        ),
        early_stopping: Option<&EarlyStopping>,
    ) -> Self {
        let validation = early_stopping.and_then(|early_stopping| {
            let EarlyStoppingState { best: j, reconstruction, measures, step, .. } =
                early_stopping.known()?;
            let falling = early_stopping.is_falling();
            Some(Validation {
                j,
                reconstruction,
                measures,
                step,
                falling,
                examples: early_stopping.examples(),
            })
        });
        Self {
            terms: Terms::of(&outcome.cost),
            steps: outcome.steps,
            ended: outcome.ended,
            seconds: outcome.seconds,
            samples_per_second: rate(outcome.samples, outcome.seconds),
            rho_hat: RhoHatRange::of(&outcome.cost.rho_hat),
            measures: Some(measures),
            units,
            revived: config.revive.map(|_| outcome.revived),
            hidden: config.hidden,
            clamped: reported.clamped,
            fall: reported.fall.filter(|_| outcome.ended == Ended::Steps),
            epochs: config.epochs,
            examples: engine.examples(),
            data: serde_json::Value::Null,
            validation,
            measured: outcome.measured,
            seed: config.seed,
            device: config.device.clone(),
            adapter: engine.adapter(),
            startup_seconds: startup.as_secs_f64(),
            peak_memory: peak(),
            files: None,
            seal: None,
        }
    }

    /// Whether something is left to do: the run was stopped, or was out of time.
    pub fn goes_on(&self) -> bool {
        matches!(self.ended, Ended::Stopped | Ended::Time)
    }
}
