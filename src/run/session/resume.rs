//! A run that goes on: which one is meant, what is left of it, what differs from what its checkpoint was taken under, and the
//! record of it. Every decision compares with the checkpoint: what the other files of the run say may have been written
//! by a sitting that died before it came to one.

mod data;
mod find;
mod settings;

use std::fs::File;
use std::path::PathBuf;

use crate::data::Preprocess;
use crate::data::identity::Inputs;
use crate::engine::{Engine, ReusedBuffers, State};
use crate::error::{Error, Result};
use crate::math::objective::RhoHatMode;
use crate::run::checkpoint::fail_point::reach;
use crate::run::checkpoint::{Checkpoint, Checkpoints, Provenance, Rejected};
use crate::run::config::Config;
use crate::run::metrics::{Mark, MetricsFile};
use crate::run::{DataRecord, RunDir, Sitting};
use crate::train::{EarlyStoppingState, TrainProgress};
use toml::Table;

use crate::run::summary::Summary;
pub use find::open;
use settings::decides;

/// Share by which J of a checkpoint of 0.1.0 may differ when it is computed again, in another order of sums.
const STALE: f64 = 1e-4;

/// The run that a request is about.
pub enum Target {
    /// A run with nothing left to do, and what came of it.
    Finished(Box<Summary>),
    /// A run to be gone on with.
    Unfinished(Box<Resumed>),
}

/// A run that is gone on with.
pub struct Resumed {
    run: RunDir,
    /// The settings that the state was taken under; those of `config.toml` where there is no checkpoint.
    settings: Table,
    /// The data that the run is meant to learn from, as its files say.
    record: Option<DataRecord>,
    /// `metrics.jsonl`, claimed for this program.
    metrics: File,
    /// Where the run goes on, and the checkpoint's name.
    from: Option<(String, Checkpoint)>,
    rejected: Vec<Rejected>,
    /// The best parameters so far by held-out examples, as the engine has them.
    best: Option<State>,
    /// Whether other data than those of the checkpoint are learned from, on request.
    data_changed: bool,
    /// Whether it is judged by other held-out data than those of the checkpoint, on request.
    held_out_changed: bool,
    /// Whether 0.1.0 has written the settings, which knew no scale, and drew whole pictures with replacement.
    of_010: bool,
    /// Whether the search of a checkpoint of 0.1.0 is of another J than the settings say.
    stale: bool,
}

impl Resumed {
    /// Its settings.
    pub fn config(&self) -> PathBuf {
        self.run.config()
    }

    /// The preprocessing that the state has learned under, its limits included. Columns whose numbers the run has lost are
    /// left out, to be fitted anew and compared.
    ///
    /// # Errors
    /// [`Error::Io`] where the numbers cannot be read.
    pub fn preprocess(&self) -> Result<Option<Preprocess>> {
        let Some(mut preprocess) = self.provenance().map(|provenance| provenance.preprocess.clone()) else {
            return Ok(None);
        };
        match self.run.read_columns(&mut preprocess) {
            Err(why @ Error::Input { .. }) => {
                tracing::warn!("{why}; fitted anew");
                preprocess.columns = None;
            }
            other => other?,
        }
        Ok(Some(preprocess))
    }

    /// Refuses columns that were fitted anew and are others than those that the state has learned under.
    ///
    /// # Errors
    /// [`Error::Input`] with the way out.
    pub fn check_columns(&self, preprocess: &Preprocess) -> Result<()> {
        match self.provenance().map(|provenance| &provenance.preprocess) {
            Some(known) if known.columns != preprocess.columns && !self.data_changed => {
                let fact = "its preprocessing, fitted anew, has other numbers than the run has learned under";
                let remedy = "give the data that it was learning from, or begin a new run with `config` RUN/config.toml";
                Err(Error::input(self.run.path(), format!("{fact}; {remedy}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether there is a state that the engine is put into.
    pub fn has_state(&self) -> bool {
        self.from.is_some()
    }

    /// Whether version 0.1.0 has written what is gone on with.
    pub fn is_of_010(&self) -> bool {
        self.of_010
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.from.as_ref().and_then(|(_, checkpoint)| checkpoint.provenance.as_ref())
    }

    /// The inputs of the state; those of the beginning where there is no state yet.
    fn inputs(&self) -> Option<&Inputs> {
        let of_record = || self.record.as_ref().map(|record| &record.inputs);
        let of_checkpoint = self.provenance().map(|provenance| &provenance.inputs);
        of_checkpoint.or_else(|| of_record().filter(|_| self.from.is_none()))
    }

    /// The lowest J over held-out examples, and the parameters that it belongs to. Nothing under another J or
    /// on other data.
    pub fn judged(&mut self, config: &Config) -> (Option<EarlyStoppingState>, Option<State>) {
        let known = self.from.as_ref().and_then(|(_, checkpoint)| checkpoint.patience);
        if known.is_some() && (self.held_out_changed || self.has_another_j(config)) {
            tracing::info!("early stopping begins anew: its lowest J was of other data or another objective");
            self.best = None;
            return (None, None);
        }
        (known, self.best.take())
    }

    /// Rows that mini-batches have taken.
    pub fn taken(&self) -> u64 {
        self.from.as_ref().map_or(0, |(_, checkpoint)| checkpoint.position.samples)
    }

    /// Whether the model that the run started from is not needed any more: parameters and preprocessing are known.
    pub fn has_outgrown_init(&self) -> bool {
        self.provenance().is_some()
    }

    /// Puts the engine where the run was.
    ///
    /// # Errors
    /// [`Error::Input`] when the data are of another width than they were.
    pub fn restore(&mut self, engine: &mut dyn Engine, config: &Config) -> Result<()> {
        let Some((name, checkpoint)) = &mut self.from else { return Ok(()) };
        if config.rho_hat != RhoHatMode::Ema {
            // Of a mode that was left: nothing would bring it up to date.
            checkpoint.state.average = None;
        }
        let (shape, found) = (engine.shape(), checkpoint.state.shape);
        if shape != found {
            let fact = format!("{name} has {} visible and {} hidden units", found.visible, found.hidden);
            let reason = format!("{fact}, but the data ask for {} and {}", shape.visible, shape.hidden);
            return Err(Error::input(self.run.path(), reason + "; give the data that it was learning from"));
        }
        if let Some(best) = checkpoint.state.take_best() {
            // In the order of this engine, whichever it was written by.
            engine.set_state(&best)?;
            self.best = Some(engine.state(None, &mut ReusedBuffers::default())?.only_params());
        }
        engine.set_state(&checkpoint.state)?;
        if let (None, Some(search)) = (&checkpoint.provenance, &checkpoint.position.search) {
            // What it was taken under can only be told by what it knows.
            let (found, known) = (engine.cost()?.total(), search.cost().total());
            let is_alike = (found - known).abs() <= STALE * known.abs();
            self.stale = !is_alike;
            if self.stale {
                tracing::info!(
                    "J is {found} under the settings of today, but the search of the checkpoint knows {known}: it begins anew"
                );
            }
            engine.set_state(&checkpoint.state)?;
        }
        // The engine has it now.
        checkpoint.state = State { vectors: Vec::new(), average: None, ..checkpoint.state };
        Ok(())
    }

    /// Brings the run back to where its checkpoint was, publishes what is meant from now on, and records the sitting. A
    /// death between any two of these leaves a run that the next sitting reads the same way.
    ///
    /// # Errors
    /// [`Error::Io`] when the run cannot be written.
    pub fn begin(
        self,
        config: &Config,
        adapter: String,
        record: &DataRecord,
    ) -> Result<(RunDir, MetricsFile, TrainProgress)> {
        let changed = self.changes(config);
        let another_j = self.has_another_j(config);
        let Self { run, metrics, from, rejected, data_changed, held_out_changed, .. } = self;
        let checkpoints = <Checkpoints>::of(run.path());
        checkpoints.clear_up()?;
        checkpoints.put_aside(&rejected)?;
        reach("resume-cleaned");
        for (name, (was, is)) in &changed {
            tracing::info!("{name}: {is}, was {was}");
        }
        let (name, position, mut mark) = match from {
            Some((name, checkpoint)) => (Some(name), checkpoint.position, checkpoint.metrics),
            None => (None, TrainProgress::default(), Mark::default()),
        };
        // First of all: of a checkpoint of 0.1.0 nothing else tells what it was taken under.
        let accepted = data_changed || held_out_changed;
        run.record(&Sitting::now(name, position.steps, adapter, &rejected, &changed, accepted))?;
        reach("resume-recorded");
        run.unfinish()?;
        reach("resume-unfinished");
        run.write_config(config)?;
        run.write_data(record)?;
        reach("resume-configured");
        if another_j || held_out_changed {
            (mark.validation, mark.validation_reconstruction) = (None, None);
            (mark.validation_measures, mark.validation_step) = (None, None);
        }
        let mut metrics = MetricsFile::new(&run.metrics(), metrics, config.objective());
        if !metrics.cut(mark)? {
            tracing::warn!("{}: lines before the checkpoint are missing", run.metrics().display());
        }
        reach("resume-cut");
        let is_decided = changed.iter().any(decides);
        let position = TrainProgress {
            ended: position.ended.filter(|_| !accepted && !is_decided),
            search: position.search.filter(|_| !another_j),
            ..position
        };
        Ok((run, metrics, position))
    }
}
