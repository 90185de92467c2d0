//! What is told about a cost: its terms, ρ̂ over the hidden units, and the lines of `metrics.jsonl`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::objective::{Cost, Objective};
use crate::train::Progress;
use crate::units::{dead, saturated};

/// J and its terms, each as it enters J.
#[derive(Clone, Copy, Debug, Serialize)]
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
        Self { j: cost.total(), reconstruction: cost.reconstruction, decay: cost.decay, kl: cost.kl }
    }
}

/// ρ̂ over the hidden units.
#[derive(Clone, Copy, Debug, Serialize)]
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

/// One line of `metrics.jsonl`.
#[derive(Debug, Serialize)]
struct Line {
    step: usize,
    #[serde(flatten)]
    terms: Terms,
    rho_hat_min: f64,
    rho_hat_mean: f64,
    rho_hat_max: f64,
    dead: usize,
    saturated: usize,
    clamped: usize,
    gradient_norm: Option<f64>,
    lr: f64,
    /// β of the update, where it warms up.
    #[serde(skip_serializing_if = "Option::is_none")]
    beta: Option<f64>,
    /// Units that were given new weights so far, where dead ones are.
    #[serde(skip_serializing_if = "Option::is_none")]
    revived: Option<usize>,
    samples_per_second: f64,
    seconds: f64,
}

/// `metrics.jsonl` while it grows: one JSON object a report, whole lines only.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
    objective: Objective,
    /// Samples and seconds at the last line, from which the rate is taken.
    last: (u64, f64),
}

impl MetricsFile {
    /// Starts the file.
    ///
    /// # Errors
    /// [`Error::Io`] when it exists or cannot be made.
    pub fn create(path: &Path, objective: Objective) -> Result<Self> {
        let file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
        Ok(Self { path: path.to_owned(), file, objective, last: (0, 0.0) })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`Error::Io`], for example when the disk is full.
    pub fn add(&mut self, progress: &Progress) -> Result<()> {
        let mut line = serde_json::to_string(&self.line(progress)).expect("numbers have a JSON form");
        line.push('\n');
        self.last = (progress.samples, progress.seconds);
        self.file.write_all(line.as_bytes()).map_err(|error| Error::io("write", &self.path, error))
    }

    fn line(&self, progress: &Progress) -> Line {
        let range = RhoHatRange::of(&progress.cost.rho_hat);
        let (samples, seconds) = self.last;
        Line {
            step: progress.step,
            terms: Terms::of(&progress.cost),
            rho_hat_min: range.min,
            rho_hat_mean: range.mean,
            rho_hat_max: range.max,
            dead: dead(&progress.cost.rho_hat, &self.objective),
            saturated: saturated(&progress.cost.rho_hat),
            clamped: progress.cost.clamped(),
            gradient_norm: progress.gradient_norm,
            lr: progress.rate,
            revived: progress.revived,
            beta: progress.beta_share.map(|share| share * self.objective.beta),
            samples_per_second: rate(progress.samples - samples, progress.seconds - seconds),
            seconds: progress.seconds,
        }
    }
}

/// Samples per second; 0 where no time has passed.
pub fn rate(samples: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { samples as f64 / seconds } else { 0.0 }
}
