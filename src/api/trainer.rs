//! The trainer: settings and a place, and the run that comes of them.

use std::ops::ControlFlow;

use toml::Table;

use super::{Data, Model};
use crate::engine::gpu::tune::{Tune, TuneMode};
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::run::config::settings::Settings;
use crate::run::config::{MemoryPlan, parse_text};
use crate::run::session::{Continued, Kept, KeptState, Outset, Place, ProgressObserver, Request};
use crate::run::summary::Summary;
use crate::train::Progress;

/// The settings of a training run.
///
/// Every method sets one of them, under the name that it has in `config.toml`; what is not set follows from the data, the
/// machine and the other settings. Values are checked against one another and against the data when training begins.
///
/// ```
/// use rhohat::{Activation, Data, Optimizer, Trainer};
///
/// # fn main() -> rhohat::Result<()> {
/// let data = Data::built_in().patches(8, 1_000).hold_out(0.1);
/// let trainer = Trainer::new(25).rho(0.05).beta(1.0).optimizer(Optimizer::Adam).lr(0.01).batch(100).epochs(5);
/// let trained = trainer.device("cpu").fit(&data)?;
/// println!("J {:.3} after {} updates", trained.summary.terms.j, trained.summary.steps);
/// # Ok(())
/// # }
/// ```
///
/// # In memory or in a directory
///
/// A run is in memory unless [`Trainer::run_dir`] names a directory. There it keeps its settings, metrics, checkpoints, the
/// model and a picture of its features, like the program `rhohat train`; [`Trainer::resume`] goes on with it, bit for bit.
#[derive(Clone, Debug, Default)]
pub struct Trainer {
    pub(super) settings: Settings,
    /// Settings that were given as text.
    pub(super) text: Table,
    pub(super) place: Place,
    pub(super) data_changed: bool,
    pub(super) continued: Option<Continued>,
    pub(super) keeps: Option<Kept>,
}

/// A trained model and how it was reached.
#[derive(Debug)]
#[non_exhaustive]
pub struct Trained {
    /// The model: that of the lowest J over held-out examples, where there are some.
    pub model: Model,
    /// The result of the run.
    pub summary: Summary,
    /// The state that another run goes on from, where it was kept.
    pub(super) state: Option<KeptState>,
}

impl Trainer {
    /// A run with `hidden` hidden units. [`Trainer::default`] has 25, or as many as the model of [`Trainer::init`].
    pub fn new(hidden: usize) -> Self {
        Self { settings: Settings { hidden: Some(hidden), ..Settings::default() }, ..Self::default() }
    }

    /// Settings as a text of TOML or JSON, under the names that they have in `config.toml`, those of [`Data`] among them. They win
    /// over what methods have set; names and values are checked when training begins.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for a text that is neither.
    ///
    /// ```
    /// # fn main() -> rhohat::Result<()> {
    /// let trainer = rhohat::Trainer::default().settings("rho = 0.05\nsteps = 10")?.settings(r#"{"hidden": 16}"#)?;
    /// let trained = trainer.device("cpu").fit(&rhohat::Data::built_in().patches(8, 500))?;
    /// assert_eq!((trained.model.shape().hidden, trained.summary.steps), (16, 10));
    /// # Ok(())
    /// # }
    /// ```
    pub fn settings(mut self, text: &str) -> Result<Self> {
        let settings = parse_text(text).map_err(|why| Error::usage(format!("settings: {why}")))?;
        self.text.extend(settings);
        Ok(self)
    }

    /// Trains on `data`.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) for settings that contradict each other or do not fit the data, the device or
    /// the memory; [`Error::Input`](crate::Error::Input) for data that cannot be read;
    /// [`Error::Diverged`](crate::Error::Diverged); [`Error::Device`](crate::Error::Device);
    /// [`Error::Io`](crate::Error::Io) for a run directory that cannot be written.
    pub fn fit(&self, data: &Data) -> Result<Trained> {
        self.fit_with(data, |_: &Progress| ControlFlow::Continue(()))
    }

    /// The same, followed by an observer that can stop it: a closure `FnMut(&Progress) -> ControlFlow<()>`, or anything else
    /// that implements [`ProgressObserver`].
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    pub fn fit_with(&self, data: &Data, mut observer: impl ProgressObserver) -> Result<Trained> {
        joined(|| self.run(data, &mut observer))
    }

    fn run(&self, data: &Data, observer: &mut dyn ProgressObserver) -> Result<Trained> {
        match self.request(data)?.prepare(observer)? {
            Outset::Prepared(prepared) => {
                let finished = prepared.open(observer)?.train(observer)?;
                Ok(Trained {
                    summary: finished.summary,
                    model: Model::trained(finished.params, finished.meta, finished.choice),
                    state: finished.state,
                })
            }
            // Nothing is left to do.
            Outset::Finished(summary) => Trained::finished(*summary),
        }
    }

    /// The memory that training on `data` would take, without training; `None` where nothing is left to do.
    ///
    /// # Errors
    /// As [`Trainer::fit`], as far as settings and memory are concerned.
    pub fn memory_plan(&self, data: &Data) -> Result<Option<MemoryPlan>> {
        let prepare = |request: Request| request.prepare(&mut |_: &Progress| ControlFlow::Continue(()));
        match joined(|| self.request(data).and_then(prepare))? {
            Outset::Prepared(prepared) => Ok(Some(*prepared.plan())),
            Outset::Finished(_) => Ok(None),
        }
    }

    pub(super) fn request(&self, data: &Data) -> Result<Request> {
        let mut settings = data.settings.table()?;
        settings.extend(self.settings.table()?);
        settings.extend(self.text.clone());
        let tune = tune();
        let (open, place) = (Some(data.open.clone()), self.place.clone());
        let seed = settings.get("seed").and_then(toml::Value::as_integer);
        let seed = seed.and_then(|seed| u64::try_from(seed).ok()).unwrap_or_default();
        let held_out = data.held_out.as_ref().map(|data| data.open.clone().taking(data.taken(seed)));
        let held_out = held_out.transpose()?;
        Ok(Request {
            data: open,
            held_out,
            place,
            data_changed: self.data_changed,
            continued: self.continued.clone(),
            keeps: self.keeps,
            ..Request::new(settings, tune)
        })
    }
}

/// The usual choice of kernels: those that an earlier race has found, else those that suit the device and the shape, checked.
#[cfg(feature = "gpu")]
fn tune() -> Tune {
    Tune { mode: TuneMode::Auto, check: crate::verify::kernels::check_candidate }
}

/// There are no kernels to choose from.
#[cfg(not(feature = "gpu"))]
fn tune() -> Tune {
    Tune { mode: TuneMode::Auto }
}
