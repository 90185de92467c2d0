//! `metrics.jsonl` while it grows.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Mark, RhoHatRange, Terms, rate};
use crate::error::{Error, Result, shown};
use crate::io::atomic_write::is_at;
use crate::io::folder::{Claim, Folder};
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

/// Most bytes of lines that wait for a disk to have room again; more are not kept.
const WAITING_MOST: usize = 1 << 20;
/// Bytes that are read at a time to find where the last whole line ends.
const PIECE: u64 = 1 << 12;

/// `metrics.jsonl` while it grows: one JSON object a report, whole lines only.
///
/// Lines are added at its end, whatever becomes of it meanwhile. What cannot be written waits and is tried again with
/// the next line, since a disk that is full for a moment is no reason to end a run. No checkpoint is taken before all
/// lines are written: those that wait in a program which ends are written again from the checkpoint before.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    file: File,
    objective: Objective,
    /// Its length, what waits included, and the last line from which the rate is taken.
    mark: Mark,
    /// Lines, or the rest of one, that could not be written yet.
    waiting: Vec<u8>,
    /// Whether it was told that something waits, and that somebody else has changed the file.
    told: (bool, bool),
}

impl MetricsFile {
    /// Opens the file, or makes it, for one program at a time.
    ///
    /// # Errors
    /// [`Error::Usage`] when another program is writing it, [`Error::Input`] when it is no regular file, [`Error::Io`]
    /// when it cannot be opened.
    pub fn claim(path: &Path) -> Result<File> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        match Folder::at(path.parent().unwrap_or(Path::new(""))).claim(name)? {
            Claim::Mine(file) => Ok(file),
            Claim::Busy => Err(Error::usage(format!(
                "{}: another rhohat is training this run; wait for it, or end it",
                path.display()
            ))),
        }
    }

    /// The file at `path`, which was claimed.
    pub fn new(path: &Path, file: File, objective: Objective) -> Self {
        let (path, mark) = (path.to_owned(), Mark::default());
        Self { path, file, objective, mark, waiting: Vec::new(), told: (false, false) }
    }

    /// How far it has come.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The file with all of its lines, to be synced before a checkpoint that counts on them.
    ///
    /// # Errors
    /// Those of [`MetricsFile::flush`], and [`Error::Io`] when the system gives no other handle of it.
    pub fn handle(&mut self) -> Result<File> {
        self.flush()?;
        self.file.try_clone().map_err(|error| Error::io("open", &self.path, error))
    }

    /// Goes back to where it was; lines that came later will be written again. Whether all lines were still there: if not,
    /// those that are whole stay.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be cut.
    pub fn cut(&mut self, mark: Mark) -> Result<bool> {
        let io = |error| Error::io("write", &self.path, error);
        let there = self.file.metadata().map_err(io)?.len();
        let bytes =
            if there >= mark.bytes { mark.bytes } else { whole_lines(&mut self.file, there).map_err(io)? };
        self.file.set_len(bytes).map_err(io)?;
        self.mark = Mark { bytes, ..mark };
        Ok(there >= mark.bytes)
    }

    /// Takes the cost over held-out examples after `step`, for the lines to come.
    pub fn validated(&mut self, step: usize, cost: &Cost, measures: Measures) {
        self.mark.validation = Some(cost.total());
        self.mark.validation_reconstruction = Some(cost.reconstruction);
        self.mark.validation_measures = Some(measures);
        self.mark.validation_step = Some(step);
    }

    /// The line that [`MetricsFile::add`] is about to add, as JSON.
    pub fn value(&self, progress: &Progress) -> serde_json::Value {
        serde_json::to_value(self.line(progress)).expect("numbers have a JSON form")
    }

    /// Adds a line. Where the disk is full, or fails otherwise, it waits: the first time that is told.
    ///
    /// # Errors
    /// [`Error::Io`] when more waits than is kept.
    pub fn add(&mut self, progress: &Progress) -> Result<()> {
        self.follow()?;
        let mut line = serde_json::to_string(&self.line(progress)).expect("numbers have a JSON form");
        line.push('\n');
        let bytes = self.mark.bytes + line.len() as u64;
        let clamped = self.mark.clamped + usize::from(progress.cost.clamped() > 0);
        let Progress { samples, seconds, .. } = *progress;
        self.mark = Mark { bytes, samples, seconds, clamped, ..self.mark };
        self.waiting.extend_from_slice(line.as_bytes());
        let Err(error) = self.flush() else { return Ok(()) };
        if self.waiting.len() > WAITING_MOST {
            return Err(error);
        }
        if !std::mem::replace(&mut self.told.0, true) {
            tracing::warn!(
                "{error}; training goes on, and what it says is tried again with every line to come"
            );
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`Error::Io`], for example when the disk is full; it goes on waiting.
    pub fn flush(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            // Windows lets a file that is opened for adding alone not be cut, so that its end is looked for here.
            if cfg!(not(unix))
                && let Err(error) = self.file.seek(SeekFrom::End(0))
            {
                return Err(self.failed(&error));
            }
            match self.file.write(&self.waiting) {
                Ok(0) => return Err(self.failed(&ErrorKind::WriteZero.into())),
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> Error {
        let text = format!("{error}, after {} bytes", self.written());
        Error::io("write", &self.path, io::Error::new(error.kind(), text))
    }

    /// Goes on behind what somebody else has made of the file meanwhile: cut it, added to it, moved it away. What was in
    /// it is theirs to have changed, but it is told, and nothing is written where nobody finds it.
    fn follow(&mut self) -> Result<()> {
        let path = self.path.clone();
        let io = |error| Error::io("open", &path, error);
        let changed = if is_at(&self.file, &self.path) {
            let (there, known) = (self.file.metadata().map_err(io)?.len(), self.written());
            if there == known {
                return Ok(());
            }
            format!("{there} bytes, but {known} were written")
        } else {
            match Self::claim(&self.path) {
                Ok(file) => self.file = file,
                Err(error) => {
                    // The file that was opened still takes lines, which is better than none.
                    self.tell(&error.to_string());
                    return Ok(());
                }
            }
            "it was moved away or removed".to_owned()
        };
        let there = self.file.metadata().map_err(io)?.len();
        self.tell(&changed);
        // Half a line stays what it is, and the next begins on its own.
        if self.waiting.is_empty() && there > 0 && whole_lines(&mut self.file, there).map_err(io)? < there {
            self.waiting.push(b'\n');
        }
        self.mark.bytes = there + self.waiting.len() as u64;
        Ok(())
    }

    /// Bytes of its lines that are in the file.
    fn written(&self) -> u64 {
        self.mark.bytes - self.waiting.len() as u64
    }

    fn tell(&mut self, what: &str) {
        if !std::mem::replace(&mut self.told.1, true) {
            let path = shown(&self.path);
            tracing::warn!(
                "{path}: {what}; somebody else has changed it while it was written, lines go on at its end"
            );
        }
    }

    fn line(&self, progress: &Progress) -> Line {
        let range = RhoHatRange::of(&progress.cost.rho_hat);
        let Mark { samples, seconds, .. } = self.mark;
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
            validation: self.mark.validation,
            validation_reconstruction: self.mark.validation_reconstruction,
            validation_measures: self.mark.validation_measures,
            validation_step: self.mark.validation_step,
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

/// Where the last whole line of a file of so many bytes ends; 0 where there is none.
fn whole_lines(file: &mut File, bytes: u64) -> io::Result<u64> {
    let mut end = bytes;
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        let mut piece = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut piece)?;
        if let Some(last) = piece.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
