//! A run that is gone on with: what its files say, whether anything is left to do, and the record of its sittings.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{CONFIG, DATA, DIVERGENCE, DataRecord, FILES, FOLDERS, RunDir, SITTINGS, SUMMARY};
use crate::error::{Error, Result};
use crate::io::date;
use crate::run::checkpoint::Rejected;
use crate::run::config::{Written, parse_settings};

/// Most bytes of `config.toml`, which has about a thousand.
const SETTINGS_MOST: u64 = 1 << 16;
/// Most bytes of `summary.json` and of a line of `resumed.jsonl`.
const SUMMARY_MOST: u64 = 1 << 20;
/// Most bytes of `data.json`, which names every file.
const DATA_MOST: u64 = 1 << 26;
/// Most bytes of `resumed.jsonl`.
const SITTINGS_MOST: u64 = 1 << 26;

/// Settings with what they were and are, as TOML writes them.
pub type Changes = Vec<(String, (String, String))>;

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
    rejected: Vec<(String, &'a str)>,
    /// Whether other data were accepted than the checkpoint was taken on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    data_changed: bool,
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
        changed: &Changes,
        data_changed: bool,
    ) -> Self {
        let pair = |(was, is): &(String, String)| Value::from(vec![was.clone(), is.clone()]);
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            started: date::now(),
            from,
            step,
            adapter,
            changed: changed.iter().map(|(name, values)| (name.clone(), pair(values))).collect(),
            rejected: rejected.iter().map(|r| (name(&r.path), r.reason.as_str())).collect(),
            data_changed,
            argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
        }
    }
}

/// How a run came to an end that it cannot go beyond by itself; `diverged.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Divergence {
    /// The update or iteration after which it was seen.
    pub step: usize,
    /// The first bad tensor or number.
    pub what: String,
}

impl RunDir {
    /// The run in a folder.
    ///
    /// # Errors
    /// [`Error::Input`] when there is none, or one of its files is a link or a pipe.
    pub fn open(path: &Path) -> Result<Self> {
        // The folder of its checkpoints, or one of these.
        let is_run = |folder: &&Path| folder.join(CONFIG).is_file();
        if let Some(run) = path.ancestors().take(3).find(is_run).filter(|run| path.is_dir() && *run != path) {
            let run = if run.as_os_str().is_empty() { Path::new(".") } else { run };
            return Err(Error::input(path, format!("a part of the run {}; give that", run.display())));
        }
        let run = Self(path.to_owned());
        let folder = run.folder();
        let reason = if !path.is_dir() {
            "no such run; give the folder of one, or auto"
        } else if folder.has("classify.toml")? {
            "the run of a classifier: `rhohat classify --resume` goes on with it, report.html in it tells of it"
        } else if folder.has("stack.toml")? {
            "a stack, whose layers are runs: give one of them, or go on with all by `rhohat stack --resume`"
        } else if !folder.has(CONFIG)? {
            "no config.toml, so that no run has begun here; start one with `out`"
        } else if !(folder.has(super::METRICS)?
            || folder.has(super::ENVIRONMENT)?
            || folder.has(FOLDERS[0])?)
        {
            "a config.toml and nothing else of a run: `config` FILE begins one with such settings"
        } else {
            folder.check(&FILES, &FOLDERS)?;
            return Ok(run);
        };
        Err(Error::input(path, reason))
    }

    /// The settings of `config.toml`, chosen and derived, and who wrote them.
    ///
    /// # Errors
    /// [`Error::Input`] when it is no TOML or of a later version.
    pub fn settings(&self) -> Result<(Table, Written)> {
        let bytes = self.folder().small(CONFIG, "a configuration", SETTINGS_MOST)?;
        parse_settings(&self.config(), bytes.unwrap_or_default())
    }

    /// The data of the run; `None` in a run of 0.1.0.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Input`] when it is no such record.
    pub fn data_record(&self) -> Result<Option<DataRecord>> {
        let remedy = "remove it to go by the checkpoints";
        self.json(DATA, "a record of data", DATA_MOST, remedy)
    }

    /// The result of a run with nothing left to do, as JSON; `None` while something is.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn summary(&self) -> Result<Option<String>> {
        let folder = self.folder();
        let Some(bytes) = folder.small(SUMMARY, "a summary", SUMMARY_MOST)? else { return Ok(None) };
        let no_text =
            |_| Error::input(folder.join(SUMMARY), "not text in UTF-8; remove it to have the run looked at");
        String::from_utf8(bytes).map(Some).map_err(no_text)
    }

    /// Whether the run has come to a model or a result before, or at least to a checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be looked at.
    pub fn has_result(&self) -> Result<bool> {
        let folder = self.folder();
        let named = folder.inner(FOLDERS[0])?.map_or(Ok(false), |checkpoints| checkpoints.has("latest"))?;
        Ok(named || folder.has(SUMMARY)? || folder.has(super::MODEL)?)
    }

    /// Keeps the result of a run with nothing left to do.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn finish(&self, summary: &impl Serialize) -> Result<()> {
        self.folder().write(SUMMARY, |out| Ok(serde_json::to_writer_pretty(out, summary)?))
    }

    /// Makes it a run with something left to do, for good: what follows may be lost, but never stands beside a result that
    /// it was not.
    ///
    /// # Errors
    /// [`Error::Io`] when the result cannot be removed.
    pub fn unfinish(&self) -> Result<()> {
        let folder = self.folder();
        // Both are looked at: `|` does not stop at the first.
        if folder.remove(SUMMARY)? | folder.remove(DIVERGENCE)? { folder.sync() } else { Ok(()) }
    }

    /// Keeps that the run has diverged, so that nobody goes on with it unasked.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn diverged(&self, divergence: &Divergence) -> Result<()> {
        self.folder().write(DIVERGENCE, |out| Ok(serde_json::to_writer(out, divergence)?))
    }

    /// How the last sitting diverged, if it did.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn divergence(&self) -> Result<Option<Divergence>> {
        self.json(DIVERGENCE, "a record of a divergence", SUMMARY_MOST, "remove it")
    }

    /// Adds a line to `resumed.jsonl`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn record(&self, sitting: &Sitting<'_>) -> Result<()> {
        let folder = self.folder();
        let before = folder.small(SITTINGS, "a record of sittings", SITTINGS_MOST)?.unwrap_or_default();
        folder.write(SITTINGS, |out| {
            out.write_all(&before)?;
            serde_json::to_writer(&mut *out, sitting)?;
            out.write_all(b"\n")
        })
    }

    /// The settings under which 0.1.0 took a checkpoint of so many steps: those of today, less what sittings have changed
    /// that began there or later and came to no other checkpoint that is left.
    ///
    /// # Errors
    /// [`Error::Io`] when the record of sittings cannot be read.
    pub fn settings_of_010(&self, today: &Table, steps: usize) -> Result<Table> {
        #[derive(Deserialize)]
        struct Line {
            step: usize,
            changed: Table,
        }
        let bytes = self.folder().small(SITTINGS, "a record of sittings", SITTINGS_MOST)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let mut settings = today.clone();
        for line in lines.iter().rev().take_while(|line| line.step >= steps) {
            for (name, pair) in &line.changed {
                let Some(was) = pair.get(0).and_then(Value::as_str) else { continue };
                match format!("was = {was}").parse::<Table>().ok().and_then(|mut table| table.remove("was")) {
                    Some(was) => settings.insert(name.clone(), was),
                    // "none".
                    None => settings.remove(name),
                };
            }
        }
        Ok(settings)
    }

    /// A file of the run that holds JSON, if it is there.
    fn json<T: DeserializeOwned>(
        &self,
        name: &str,
        what: &str,
        most: u64,
        remedy: &str,
    ) -> Result<Option<T>> {
        let folder = self.folder();
        let Some(bytes) = folder.small(name, what, most)? else { return Ok(None) };
        let bad = |error: serde_json::Error| Error::input(folder.join(name), format!("{error}; {remedy}"));
        serde_json::from_slice(&bytes).map(Some).map_err(bad)
    }
}
