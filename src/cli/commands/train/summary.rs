//! What `train` says in the end.

use std::time::Duration;

use crate::Result;
use crate::data::identity::of_file;
use crate::engine::Engine;
use crate::error::{plain, shown};
use crate::io::paths::PathText;
use crate::io::text::counted;
use crate::run::RunDir;
use crate::run::checkpoint::Patience;
use crate::run::config::Config;
use crate::run::metrics::{RhoHatRange, Terms, rate};
use crate::run::model_file::ModelFile;
use crate::train::diagnostics::UnitDiagnostics;
use crate::train::{Ended, Judge, Outcome};
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

/// The result of a run; `j` and its terms are those of the saved parameters over `measured` examples.
#[derive(Serialize, Deserialize)]
pub struct Summary {
    #[serde(flatten)]
    terms: Terms,
    steps: usize,
    ended: Ended,
    seconds: f64,
    samples_per_second: f64,
    rho_hat: RhoHatRange,
    #[serde(flatten)]
    units: UnitDiagnostics,
    /// Units that were given new weights, where dead ones are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    revived: Option<usize>,
    hidden: usize,
    /// Reports in which a ρ̂ was clamped.
    clamped: usize,
    examples: usize,
    /// What DATA was taken for.
    #[serde(default)]
    data: serde_json::Value,
    /// What held-out examples say, where there are some.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    validation: Option<Validation>,
    /// Examples that J is taken over: all, or of a run over rows on disk no more than it has seen, or 50 000.
    measured: usize,
    seed: u64,
    device: String,
    adapter: String,
    startup_seconds: f64,
    run: PathText,
    model: PathText,
    /// `None` where examples are no pictures.
    features: Option<PathText>,
    /// What the result was reached under and stands in; `None` in a run that goes on, and in one of 0.1.0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    seal: Option<Seal>,
}

/// XXH3 (128 bits) of files that a result belongs to, 32 hexadecimal digits each.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seal {
    /// Of `config.toml`.
    config: String,
    /// Of `model.safetensors`.
    model: String,
}

/// The parameters that were saved, by held-out examples.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Validation {
    /// J over them.
    j: f64,
    /// Its reconstruction term, by which runs of other β, λ and ρ can be compared; not known of runs of 0.1.0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reconstruction: Option<f64>,
    /// After which update or iteration it was lowest.
    step: usize,
    examples: usize,
}

impl Summary {
    /// Collects what came of a run.
    pub fn new(
        config: &Config,
        engine: &dyn Engine,
        outcome: &Outcome,
        units: UnitDiagnostics,
        run: &RunDir,
        (clamped, startup): (usize, Duration),
        judge: Option<&Judge>,
    ) -> Self {
        let validation = judge.and_then(|judge| {
            let Patience { best: j, reconstruction, step, .. } = judge.known()?;
            Some(Validation { j, reconstruction, step, examples: judge.examples() })
        });
        Self {
            terms: Terms::of(&outcome.cost),
            steps: outcome.steps,
            ended: outcome.ended,
            seconds: outcome.seconds,
            samples_per_second: rate(outcome.samples, outcome.seconds),
            rho_hat: RhoHatRange::of(&outcome.cost.rho_hat),
            units,
            revived: config.revive.map(|_| outcome.revived),
            hidden: config.hidden,
            clamped,
            examples: engine.examples(),
            data: serde_json::Value::Null,
            validation,
            measured: outcome.measured,
            seed: config.seed,
            device: config.device.clone(),
            adapter: engine.adapter(),
            startup_seconds: startup.as_secs_f64(),
            run: run.path().into(),
            model: run.model().into(),
            features: features_of(run),
            seal: None,
        }
    }

    /// Binds the result to the settings and to the model, as they lie on the disk.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn seal(&mut self, run: &RunDir) -> Result<()> {
        self.seal = Some(Seal { config: of_file(&run.config())?, model: of_file(&run.model())? });
        Ok(())
    }

    /// Whether settings and model are what the result was sealed with, or why it cannot be told any more.
    ///
    /// # Errors
    /// When the system refuses to read one of them.
    pub fn still_holds(&self, run: &RunDir) -> Result<Result<(), &'static str>> {
        if !run.model().exists() {
            return Ok(Err("the run is finished, but its model is gone"));
        }
        let Some(Seal { config, model }) = &self.seal else {
            return Ok(ModelFile::open(&run.model())
                .map(|_| ())
                .map_err(|_| "the run is finished, but its model is damaged"));
        };
        if of_file(&run.config())? != *config {
            return Ok(Err("config.toml has been changed since the run was finished"));
        }
        let same = of_file(&run.model())? == *model;
        Ok(if same { Ok(()) } else { Err("the run is finished, but its model has been changed since") })
    }

    /// The same result with the paths of today: a run may have been moved.
    pub fn in_place(self, run: &RunDir) -> Self {
        Self { run: run.path().into(), model: run.model().into(), features: features_of(run), ..self }
    }
}

fn features_of(run: &RunDir) -> Option<PathText> {
    Some(run.features()).filter(|path| path.exists()).map(PathText::from)
}

impl Summary {
    /// The same with what DATA was taken for.
    pub fn of_data(self, data: serde_json::Value) -> Self {
        Self { data, ..self }
    }
}

/// The summary for people.
pub fn text(summary: &Summary) -> String {
    let Summary { terms, rho_hat, units, .. } = summary;
    let mut text = format!(
        "J          {:.4} = reconstruction {:.4} + decay {:.4} + kl {:.4}{}\n\
         rho-hat    {:.5} to {:.5}, mean {:.5}; {} of {} units dead, {} saturated{}\n\
         units      {}\n\
         training   {}{} in {:.2} s, {} samples/s, seed {}; {:.2} s to start\n\
         device     {} ({})",
        terms.j,
        terms.reconstruction,
        terms.decay,
        terms.kl,
        measured(summary),
        rho_hat.min,
        rho_hat.max,
        rho_hat.mean,
        units.dead,
        summary.hidden,
        units.saturated,
        clamped(summary.clamped),
        units.likeness(summary.hidden) + &revived(summary.revived),
        counted(summary.steps, "step"),
        early(summary.ended),
        summary.seconds,
        HumanCount(summary.samples_per_second as u64),
        summary.seed,
        summary.startup_seconds,
        plain(&summary.adapter),
        plain(&summary.device),
    );
    if let Some(Validation { j, reconstruction, step, examples }) = summary.validation {
        let term = reconstruction.map_or_else(String::new, |term| format!(", reconstruction {term:.4}"));
        let examples = counted(examples, "example");
        text += &format!(
            "\nheld out   J {j:.4}{term} over {examples}, lowest after step {step}: that model is kept"
        );
    }
    text += &format!("\nmodel      {}", shown(&summary.model));
    if let Some(features) = &summary.features {
        text += &format!("\nfeatures   {}", shown(features));
    }
    text
}

/// Where J is not over all examples, over how many it is.
fn measured(summary: &Summary) -> String {
    let Summary { measured, examples, .. } = *summary;
    if measured == examples {
        return String::new();
    }
    format!(" over {} of {} examples", HumanCount(measured as u64), HumanCount(examples as u64))
}

/// A run that was shorter than asked for says why.
fn early(ended: Ended) -> &'static str {
    match ended {
        Ended::Steps => "",
        Ended::Converged => " (converged)",
        Ended::Stopped => " (interrupted)",
        Ended::Time => " (out of time)",
        Ended::Early => " (no better on held-out examples)",
    }
}

/// Clamping changes J silently where it happens, so it is told.
fn clamped(reports: usize) -> String {
    if reports == 0 { String::new() } else { format!("; clamped in {}", counted(reports, "report")) }
}

fn revived(units: Option<usize>) -> String {
    units.map_or(String::new(), |units| format!(", {units} revived on the way"))
}
