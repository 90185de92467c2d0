//! What is told about a cost: its terms, ρ̂ over the hidden units, and the lines of `metrics.jsonl`.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::objective::{Cost, Objective};
use crate::train::Progress;
use crate::units::{dead, saturated};

/// J and its terms, each as it enters J.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
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
    /// J over held-out examples at the last look, where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<f64>,
    /// The reconstruction term of that J.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_reconstruction: Option<f64>,
    samples_per_second: f64,
    seconds: f64,
}

/// How far `metrics.jsonl` has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Bytes of its lines.
    pub bytes: u64,
    /// Samples at the last line.
    pub samples: u64,
    /// Seconds at the last line.
    pub seconds: f64,
    /// Lines with a ρ̂ that was clamped.
    pub clamped: usize,
    /// J over held-out examples at the last look, where there are some.
    pub validation: Option<f64>,
    /// The reconstruction term of that J; not known of checkpoints of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_reconstruction: Option<f64>,
}

/// `metrics.jsonl` while it grows: one JSON object a report, whole lines only.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
    objective: Objective,
    /// Its length, and the last line from which the rate is taken.
    mark: Mark,
}

impl MetricsFile {
    /// Opens the file, or makes it, for one program at a time.
    ///
    /// # Errors
    /// [`Error::Usage`] when another program is writing it, [`Error::Io`] when it cannot be opened.
    pub fn claim(path: &Path) -> Result<File> {
        let file = File::options().create(true).write(true).truncate(false).open(path);
        let file = file.map_err(|error| Error::io("write", path, error))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Error::usage(format!(
                "{}: another rhohat is training this run; wait for it, or end it",
                path.display()
            ))),
            // Where a file system knows no locks, there are none.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    /// The file at `path`, which was claimed.
    pub fn new(path: &Path, file: File, objective: Objective) -> Self {
        Self { path: path.to_owned(), file, objective, mark: Mark::default() }
    }

    /// How far it has come.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The file, to be synced.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no other handle of it.
    pub fn handle(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| Error::io("open", &self.path, error))
    }

    /// Goes back to where it was; lines that came later will be written again. Whether all lines were still there.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be cut.
    pub fn cut(&mut self, mark: Mark) -> Result<bool> {
        let io = |error| Error::io("write", &self.path, error);
        let there = self.file.metadata().map_err(io)?.len();
        let bytes = mark.bytes.min(there);
        self.file.set_len(bytes).map_err(io)?;
        self.file.seek(SeekFrom::Start(bytes)).map_err(io)?;
        self.mark = Mark { bytes, ..mark };
        Ok(there >= mark.bytes)
    }

    /// Takes the cost over held-out examples, for the lines to come.
    pub fn validated(&mut self, cost: &Cost) {
        self.mark.validation = Some(cost.total());
        self.mark.validation_reconstruction = Some(cost.reconstruction);
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`Error::Io`], for example when the disk is full.
    pub fn add(&mut self, progress: &Progress) -> Result<()> {
        let mut line = serde_json::to_string(&self.line(progress)).expect("numbers have a JSON form");
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|error| {
            let text = format!("{error}, after {} bytes", self.mark.bytes);
            Error::io("write", &self.path, io::Error::new(error.kind(), text))
        })?;
        let bytes = self.mark.bytes + line.len() as u64;
        let clamped = self.mark.clamped + usize::from(progress.cost.clamped() > 0);
        let Progress { samples, seconds, .. } = *progress;
        self.mark = Mark { bytes, samples, seconds, clamped, ..self.mark };
        Ok(())
    }

    fn line(&self, progress: &Progress) -> Line {
        let range = RhoHatRange::of(&progress.cost.rho_hat);
        let Mark { samples, seconds, .. } = self.mark;
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
            validation: self.mark.validation,
            validation_reconstruction: self.mark.validation_reconstruction,
            samples_per_second: rate(progress.samples - samples, progress.seconds - seconds),
            seconds: progress.seconds,
        }
    }
}

/// Samples per second; 0 where no time has passed.
pub fn rate(samples: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { samples as f64 / seconds } else { 0.0 }
}
