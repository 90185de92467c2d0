//! A run in memory that goes on from where another one has ended: with its parameters and its preprocessing, and under the same
//! optimiser with all of its state. On the same data every later step has the bits of a run that was never broken off.

use std::sync::Arc;

use toml::Value;

use super::kept::Kept;
use crate::data::Preprocess;
use crate::engine::{Engine, State};
use crate::error::{Error, Result};
use crate::math::objective::RhoHatMode;
use crate::math::optim::Optimizer;
use crate::run::DataRecord;
use crate::run::checkpoint::{Checkpoint, Provenance};
use crate::run::config::{Config, Property};
use crate::run::metrics::Mark;
use crate::train::TrainProgress;

/// The state of a run in memory after its last step.
pub type KeptState = Arc<Checkpoint>;

impl Kept {
    /// What has been kept.
    pub fn of(state: &Checkpoint) -> Self {
        if state.position.search.is_some() { Self::Search } else { Self::Moments }
    }
}

/// A run that is gone on with, and for how long.
#[derive(Clone, Debug)]
pub struct Continued {
    from: KeptState,
    /// Steps beside those that it has made.
    more: usize,
}

/// The state after the last step of a run under these settings, on these data.
pub fn kept(
    (position, state): (TrainProgress, State),
    config: &Config,
    record: &DataRecord,
    preprocess: &Preprocess,
) -> KeptState {
    let (settings, inputs) = (config.to_table(), record.inputs.clone());
    let provenance = Some(Provenance { settings, inputs, preprocess: preprocess.clone() });
    Arc::new(Checkpoint { position, state, metrics: Mark::default(), patience: None, provenance })
}

impl Continued {
    /// Goes on from `from` for `more` steps.
    pub fn new(from: KeptState, more: usize) -> Self {
        Self { from, more }
    }

    /// The settings of the run: its shape is kept, and under the same optimiser the learning rate that was found for it.
    ///
    /// # Errors
    /// [`Error::Usage`] for another number of hidden units.
    pub fn settle(&self, config: Config) -> Result<Config> {
        let hidden = self.from.state.shape.hidden;
        if config.chosen.contains("hidden") && config.hidden != hidden {
            let fact = format!("`hidden` {}: the run that is gone on with has {hidden}", config.hidden);
            return Err(Error::usage(format!("{fact}; leave it out, or begin a new run")));
        }
        let known = if self.is_optimizer(config.optimizer) { self.setting("lr") } else { None };
        let known = known.and_then(Value::as_float).filter(|_| config.fits_rate);
        let (steps, fits_rate) =
            (self.done(config.optimizer) + self.more, config.fits_rate && known.is_none());
        Ok(Config { hidden, lr: known.or(config.lr), fits_rate, steps: Some(steps), epochs: None, ..config })
    }

    /// The preprocessing that the parameters have learned under.
    pub fn preprocess(&self) -> Option<Preprocess> {
        self.provenance().map(|provenance| provenance.preprocess.clone())
    }

    /// Rows that mini-batches have taken.
    pub fn taken(&self, config: &Config, record: &DataRecord) -> u64 {
        self.position(config, record).samples
    }

    /// Puts the engine where the run was; of another optimiser's state nothing but the parameters.
    ///
    /// # Errors
    /// [`Error::Usage`] for data of another width.
    pub fn restore(&self, engine: &mut dyn Engine, config: &Config) -> Result<()> {
        let (shape, found) = (engine.shape(), self.from.state.shape);
        if shape != found {
            let fact = format!(
                "rows of {} numbers, but the run has learned from rows of {}",
                shape.visible, found.visible
            );
            return Err(Error::usage(format!("{fact}; give rows of that width, or begin a new run")));
        }
        let mut state = self.from.state.clone();
        if !self.is_optimizer(config.optimizer) {
            state = state.only_params();
        }
        if config.rho_hat != RhoHatMode::Ema {
            state.average = None;
        }
        engine.set_state(&state)
    }

    /// How far the run has come. On other data the order of the rows begins anew, and the clock with it; the search of L-BFGS goes
    /// on where J is the same function of the same data.
    pub fn position(&self, config: &Config, record: &DataRecord) -> TrainProgress {
        if !self.is_optimizer(config.optimizer) {
            return TrainProgress::default();
        }
        let position = self.from.position.clone();
        if !self.is_same_data(record) {
            let TrainProgress { steps, revived, .. } = position;
            return TrainProgress { steps, revived, ..TrainProgress::default() };
        }
        let search = position.search.filter(|_| self.is_same_j(config));
        TrainProgress { ended: None, search, ..position }
    }

    /// Steps that this optimiser has made.
    fn done(&self, optimizer: Optimizer) -> usize {
        if self.is_optimizer(optimizer) { self.from.position.steps } else { 0 }
    }

    fn is_optimizer(&self, optimizer: Optimizer) -> bool {
        self.setting("optimizer").and_then(Value::as_str) == Some(optimizer.name())
    }

    fn is_same_j(&self, config: &Config) -> bool {
        let now = config.to_table();
        Property::OfObjective.settings().all(|name| now.get(name) == self.setting(name))
    }

    fn is_same_data(&self, record: &DataRecord) -> bool {
        self.provenance().is_some_and(|provenance| provenance.inputs.data == record.inputs.data)
    }

    fn setting(&self, name: &str) -> Option<&Value> {
        self.provenance()?.settings.get(name)
    }

    fn provenance(&self) -> Option<&Provenance> {
        self.from.provenance.as_ref()
    }
}
