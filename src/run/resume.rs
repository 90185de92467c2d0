//! A run that is gone on with: which one, whether anything is left to do, and the record of its sittings.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use toml::Table;

use super::{RUNS, RunDir, timestamp};
use crate::checkpoint::Rejected;
use crate::durable;
use crate::error::{Error, Result};

/// A sitting after the first; a line of `resumed.jsonl`.
#[derive(Debug, Serialize)]
pub struct Sitting<'a> {
    /// UTC, `YYYY-MM-DDThh:mm:ssZ`.
    started: String,
    /// The checkpoint that it went on from, if there was one.
    from: Option<String>,
    /// Updates or iterations that had been done.
    step: usize,
    /// The hardware that computed.
    adapter: String,
    /// Settings that are others from here on: what they were and are.
    changed: Table,
    /// Newer checkpoints that could not be used, and why; they are in `rejected/`.
    rejected: Vec<(&'a Path, &'a str)>,
    /// The command line.
    argv: Vec<String>,
}

impl<'a> Sitting<'a> {
    /// One that begins now.
    pub fn now(
        from: Option<String>,
        step: usize,
        adapter: String,
        rejected: &'a [Rejected],
        changed: &[(String, (String, String))],
    ) -> Self {
        let pair = |(was, is): &(String, String)| toml::Value::from(vec![was.clone(), is.clone()]);
        Self {
            started: timestamp(SystemTime::now()),
            from,
            step,
            adapter,
            changed: changed.iter().map(|(name, values)| (name.clone(), pair(values))).collect(),
            rejected: rejected.iter().map(|r| (r.path.as_path(), r.reason.as_str())).collect(),
            argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        }
    }
}

impl RunDir {
    /// The run in a folder.
    ///
    /// # Errors
    /// [`Error::Input`] when there is none.
    pub fn open(path: &Path) -> Result<Self> {
        if path.join("config.toml").is_file() {
            return Ok(Self(path.to_owned()));
        }
        // The folder of its checkpoints, or one of these.
        let above = path.ancestors().skip(1).take(2).find(|above| above.join("config.toml").is_file());
        if let Some(run) = above.filter(|_| path.is_dir()) {
            let run = if run.as_os_str().is_empty() { Path::new(".") } else { run };
            return Err(Error::input(path, format!("a part of the run {}; give that", run.display())));
        }
        let reason = if path.is_dir() {
            "no config.toml, so that no run has begun here; start one with --out"
        } else {
            "no such run; give the folder of one, or auto"
        };
        Err(Error::input(path, reason))
    }

    /// The unfinished run in `runs/` whose settings were written last.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is none.
    pub fn newest_unfinished() -> Result<Self> {
        let age = |path: &Path| path.join("config.toml").metadata().and_then(|file| file.modified()).ok();
        let entries = match fs::read_dir(RUNS) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("open", RUNS, error)),
        };
        let unfinished = entries.into_iter().filter(|path| !summary_of(path).exists());
        let newest = unfinished.filter_map(|path| Some((age(&path)?, path))).max();
        newest.map(|(_, path)| Self(path)).ok_or_else(|| {
            Error::usage(format!("--resume auto: no unfinished run in {RUNS}/; give the folder of one"))
        })
    }

    /// The settings of `config.toml`.
    ///
    /// # Errors
    /// [`Error::Input`] when it is no TOML.
    pub fn settings(&self) -> Result<Table> {
        let path = self.config();
        let text = fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
        toml::from_str(&text).map_err(|error| Error::input(path, error.message().to_owned()))
    }

    /// The result of a run with nothing left to do, as JSON; `None` while something is.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn summary(&self) -> Result<Option<String>> {
        let path = summary_of(&self.0);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(|error| Error::io("read", path, error)),
        }
    }

    /// Keeps the result of a run with nothing left to do.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn finish(&self, summary: &impl Serialize) -> Result<()> {
        durable::write(&summary_of(&self.0), |out| Ok(serde_json::to_writer_pretty(out, summary)?))
    }

    /// Makes it a run with something left to do.
    ///
    /// # Errors
    /// [`Error::Io`] when the result cannot be removed.
    pub fn unfinish(&self) -> Result<()> {
        let path = summary_of(&self.0);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, error)),
            _ => Ok(()),
        }
    }

    /// Adds a line to `resumed.jsonl`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn record(&self, sitting: &Sitting<'_>) -> Result<()> {
        let path = self.0.join("resumed.jsonl");
        let before = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|error| Error::io("read", &path, error))?,
        };
        durable::write(&path, |out| {
            out.write_all(&before)?;
            serde_json::to_writer(&mut *out, sitting)?;
            out.write_all(b"\n")
        })
    }
}

fn summary_of(run: &Path) -> PathBuf {
    run.join("summary.json")
}
