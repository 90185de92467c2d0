//! `--resume`: the run that is meant, what is left of it, what flags change, and the record of it.

use std::fs::File;
use std::path::{Path, PathBuf};

use rhohat::checkpoint::fail_point::reach;
use rhohat::checkpoint::{Checkpoint, Checkpoints, Patience, Rejected};
use rhohat::config::Config;
use rhohat::engine::{Engine, Spare, State};
use rhohat::metrics::{Mark, MetricsFile};
use rhohat::run::{RunDir, Sitting};
use rhohat::train::Position;
use rhohat::{Error, Result};
use toml::Table;

use super::summary::Summary;
use crate::cli::Settings;
use crate::progress;

/// Settings that a run keeps: its shape, what it learns from, its optimiser.
const KEPT: [&str; 14] = [
    "raw",
    "hidden",
    "activation",
    "output",
    "optimizer",
    "shuffle_block",
    "patch",
    "samples",
    "color",
    "whiten",
    "normalize",
    "init",
    "seed",
    "validation",
];
/// Settings that change J, so that a search of L-BFGS begins anew.
const OF_J: [&str; 4] = ["rho", "beta", "lambda", "data"];

/// What `--resume` has found.
pub enum Asked {
    /// A run with nothing left to do, and what came of it.
    Finished(Box<Summary>),
    /// A run to be gone on with.
    Unfinished(Box<Resumed>),
}

/// A run that is gone on with.
pub struct Resumed {
    run: RunDir,
    /// `config.toml` as it was.
    settings: Table,
    /// `metrics.jsonl`, claimed for this program.
    metrics: File,
    /// Where the run goes on, and the checkpoint's name.
    from: Option<(String, Checkpoint)>,
    rejected: Vec<Rejected>,
    /// The best parameters so far by held-out examples, as the engine has them.
    best: Option<State>,
}

/// Finds the run; `settings` are the flags beside `--resume`.
pub fn open(asked: &Path, settings: &Settings) -> anyhow::Result<Asked> {
    let run = if asked == Path::new("auto") { RunDir::newest_unfinished()? } else { RunDir::open(asked)? };
    let before = run.settings()?;
    let changes = refuse_kept(&before, &settings.table())?;
    if !changes && let Some(summary) = run.summary()? {
        return Ok(Asked::Finished(Box::new(serde_json::from_str(&summary).map_err(|error| {
            Error::input(run.path(), format!("summary.json: {error}; remove it to have the run looked at"))
        })?)));
    }
    let metrics = MetricsFile::claim(&run.metrics())?;
    reach("resume-locked");
    let stage = progress::stage("reading the checkpoint");
    let found = Checkpoints::of(run.path()).find()?;
    drop(stage);
    for Rejected { path, reason } in &found.rejected {
        tracing::warn!("{}: rejected, {reason}", path.display());
    }
    let name = |path: PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let from = found.newest.map(|(path, checkpoint)| (name(path), checkpoint));
    match &from {
        Some((name, _)) => tracing::info!("{}: going on from {name}", run.path().display()),
        None => tracing::warn!(
            "{}: no checkpoint can be used; starting again from its config.toml",
            run.path().display()
        ),
    }
    let rejected = found.rejected;
    Ok(Asked::Unfinished(Box::new(Resumed { run, settings: before, metrics, from, rejected, best: None })))
}

/// Refuses flags that would make another run of it; whether the others change anything.
fn refuse_kept(before: &Table, flags: &Table) -> Result<bool> {
    let changed = |name: &str| flags.get(name).is_some_and(|value| before.get(name) != Some(value));
    match KEPT.into_iter().find(|name| changed(name)) {
        Some(name) => {
            let flag = format!("--{}", name.replace('_', "-"));
            let value = &flags[name];
            let was = before.get(name).map_or_else(|| "no such setting".to_owned(), toml::Value::to_string);
            Err(Error::usage(format!(
                "{flag} {value}: the run has {was}, and keeps its shape, its data and its optimiser; leave it out, or \
                 begin a new run with --config RUN/config.toml"
            )))
        }
        None => Ok(flags.keys().any(|name| changed(name))),
    }
}

impl Resumed {
    /// Its settings.
    pub fn config(&self) -> PathBuf {
        self.run.config()
    }

    /// What is known of held-out examples: the lowest J, and the parameters that it belongs to.
    pub fn judged(&mut self) -> (Option<Patience>, Option<State>) {
        let known = self.from.as_ref().and_then(|(_, checkpoint)| checkpoint.patience);
        (known, self.best.take())
    }

    /// Rows that mini-batches have taken.
    pub fn taken(&self) -> u64 {
        self.from.as_ref().map_or(0, |(_, checkpoint)| checkpoint.position.samples)
    }

    /// Puts the engine where the run was.
    ///
    /// # Errors
    /// [`Error::Input`] when the data are of another width than they were.
    pub fn restore(&mut self, engine: &mut dyn Engine) -> Result<()> {
        let Some((name, checkpoint)) = &mut self.from else { return Ok(()) };
        let (shape, found) = (engine.shape(), checkpoint.state.shape);
        if shape != found {
            let fact = format!("{name} has {} visible and {} hidden units", found.visible, found.hidden);
            let reason = format!("{fact}, but the data ask for {} and {}", shape.visible, shape.hidden);
            return Err(Error::input(self.run.path(), reason + "; give the data that it was learning from"));
        }
        if let Some(best) = checkpoint.state.take_best() {
            // In the order of this engine, whichever it was written by.
            engine.set_state(&best)?;
            self.best = Some(engine.state(None, &mut Spare::default())?.only_params());
        }
        engine.set_state(&checkpoint.state)?;
        // The engine has it now.
        checkpoint.state = State { vectors: Vec::new(), average: None, ..checkpoint.state };
        Ok(())
    }

    /// Records the sitting and what it changes, and brings the run back to where its checkpoint was.
    ///
    /// # Errors
    /// [`Error::Io`] when the run cannot be written.
    pub fn begin(self, config: &Config, adapter: String) -> Result<(RunDir, MetricsFile, Position)> {
        let Self { run, settings, metrics, from, rejected, best: _ } = self;
        let checkpoints = Checkpoints::of(run.path());
        checkpoints.clear_up()?;
        checkpoints.put_aside(&rejected)?;
        reach("resume-cleaned");
        let changed = changes(&settings, config);
        for (name, (was, is)) in &changed {
            tracing::info!("{name}: {is}, was {was}");
        }
        let (name, position, mark) = match from {
            Some((name, checkpoint)) => (Some(name), checkpoint.position, checkpoint.metrics),
            None => (None, Position::default(), Mark::default()),
        };
        run.record(&Sitting::now(name, position.steps, adapter, &rejected, &changed))?;
        run.unfinish()?;
        if !changed.is_empty() {
            run.write_config(config)?;
        }
        reach("resume-recorded");
        let mut metrics = MetricsFile::new(&run.metrics(), metrics, config.objective());
        if !metrics.cut(mark)? {
            tracing::warn!("{}: lines before the checkpoint are missing", run.metrics().display());
        }
        reach("resume-cut");
        Ok((run, metrics, under(position, &changed)))
    }
}

/// The position under changed settings: what ended need not have, and L-BFGS knows another J.
fn under(position: Position, changed: &[(String, (String, String))]) -> Position {
    let is_of_j = changed.iter().any(|(name, _)| OF_J.contains(&name.as_str()));
    Position {
        ended: position.ended.filter(|_| changed.is_empty()),
        search: position.search.filter(|_| !is_of_j),
        ..position
    }
}

/// Settings that are others now, with what they were and are.
fn changes(before: &Table, config: &Config) -> Vec<(String, (String, String))> {
    let after = config.to_table();
    let text = |table: &Table, name: &str| table.get(name).map_or("none".to_owned(), toml::Value::to_string);
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let pairs = names.map(|name| (name.clone(), (text(before, name), text(&after, name))));
    pairs.filter(|(_, (was, is))| was != is).collect()
}
