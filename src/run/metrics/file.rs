//! `metrics.jsonl` of an autoencoder while it grows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Serialize;

use super::lines::{LinesFile, whole_lines};
use super::{Mark, RhoHatRange, Terms, rate};
use crate::error::{Error, Result};
use crate::math::objective::{Cost, Objective};
use crate::run::{METRICS, RunDir};
use crate::train::Progress;
use crate::train::diagnostics::{dead, saturated};
use crate::train::measures::Measures;

/// One line of `metrics.jsonl`.
#[derive(Debug, Serialize)]
struct Line {
    step: usize,
    #[serde(flatten)]
    terms: Terms,
    #[serde(flatten)]
    measures: Option<Measures>,
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
    /// Measures at that look.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_measures: Option<Measures>,
    /// The update or iteration after which that look was: lines that follow until the next one repeat it.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_step: Option<usize>,
    samples_per_second: f64,
    seconds: f64,
}

/// `metrics.jsonl` while it grows, a line a report.
#[derive(Debug)]
pub struct MetricsFile {
    lines: LinesFile,
    objective: Objective,
}

impl MetricsFile {
    /// The file at `path`, which [`LinesFile::claim`] has opened.
    pub fn new(path: &Path, file: File, objective: Objective) -> Self {
        Self { lines: LinesFile::new(path, file), objective }
    }

    /// How far it has come.
    pub fn mark(&self) -> Mark {
        self.lines.mark()
    }

    /// As [`LinesFile::handle`].
    ///
    /// # Errors
    /// Its own.
    pub fn handle(&mut self) -> Result<File> {
        self.lines.handle()
    }

    /// As [`LinesFile::cut`].
    ///
    /// # Errors
    /// Its own.
    pub fn cut(&mut self, mark: Mark) -> Result<bool> {
        self.lines.cut(mark)
    }

    /// Takes the cost over held-out examples after `step`, for the lines to come.
    pub fn validated(&mut self, step: usize, cost: &Cost, measures: Measures) {
        let mark = &mut self.lines.mark;
        mark.validation = Some(cost.total());
        mark.validation_reconstruction = Some(cost.reconstruction);
        mark.validation_measures = Some(measures);
        mark.validation_step = Some(step);
    }

    /// The line that [`MetricsFile::add`] is about to add, as JSON.
    pub fn value(&self, progress: &Progress) -> serde_json::Value {
        serde_json::to_value(self.line(progress)).expect("numbers have a JSON form")
    }

    /// Adds a line.
    ///
    /// # Errors
    /// As [`LinesFile::add`].
    pub fn add(&mut self, progress: &Progress) -> Result<()> {
        self.lines.mark.clamped += usize::from(progress.cost.clamped() > 0);
        self.lines.add(&self.line(progress), (progress.samples, progress.seconds))
    }

    fn line(&self, progress: &Progress) -> Line {
        let range = RhoHatRange::of(&progress.cost.rho_hat);
        let Mark { samples, seconds, .. } = self.lines.mark;
        Line {
            step: progress.step,
            terms: Terms::of(&progress.cost),
            measures: progress.measures,
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
            validation: self.lines.mark.validation,
            validation_reconstruction: self.lines.mark.validation_reconstruction,
            validation_measures: self.lines.mark.validation_measures,
            validation_step: self.lines.mark.validation_step,
            samples_per_second: rate(progress.samples - samples, progress.seconds - seconds),
            seconds: progress.seconds,
        }
    }
}

/// Longest last line that is looked for, bytes.
const LAST_LINE: u64 = 1 << 16;

impl RunDir {
    /// The last whole line of its metrics; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Io`] when they cannot be read.
    pub fn last_metrics(&self) -> Result<Option<serde_json::Value>> {
        let folder = self.folder();
        let Some((mut file, length)) = folder.open(METRICS)? else { return Ok(None) };
        let mut read = || -> io::Result<Vec<u8>> {
            let end = whole_lines(&mut file, length)?;
            let start = end.saturating_sub(LAST_LINE);
            let mut bytes = vec![0; (end - start) as usize];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| Error::io("open", folder.join(METRICS), error))?;
        let last = bytes.trim_ascii_end().rsplit(|&byte| byte == b'\n').next();
        Ok(last.and_then(|line| serde_json::from_slice(line).ok()))
    }
}
