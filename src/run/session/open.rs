//! A session, made ready in its order: the examples and whether they are those of the run, the kernels, the engine with
//! its state, and the engine that judges held-out examples.

use std::cell::RefCell;
use std::sync::Arc;

use super::continued::Continued;
use super::device::Opener;
use super::examples::{HeldOutStart, TrainingSet, TrainingStart};
#[cfg(feature = "files")]
use super::following::Briefing;
use super::observer::{ProgressObserver, Stage};
use super::prepare::Prepared;
use super::request::Request;
use super::resume::Resumed;
use crate::data::stream::Store;
use crate::data::{Preprocess, Source};
use crate::engine::Engine;
use crate::engine::device::Choice;
use crate::engine::gpu::tune::Kernels;
use crate::error::Result;
use crate::io::memory::{Bytes, grant};
use crate::io::paths::Paths;
use crate::run::DataRecord;
use crate::run::config::{Config, reach_warning, scale_warning};
use crate::train::EarlyStopping;
use crate::train::measures::Yardstick;

/// A run that can be trained: the engine holds its parameters and examples.
pub struct Session {
    pub(super) request: Request,
    /// All settings, with the cut and the kernels that the engine has settled on.
    pub(super) config: Config,
    pub(super) choice: Choice,
    pub(super) engine: Box<dyn Engine>,
    /// The preprocessing of the examples.
    pub(super) preprocess: Preprocess,
    /// The data that they were made of.
    pub(super) record: DataRecord,
    /// Where they lie, if that is on disk.
    pub(super) store: Option<Arc<Store>>,
    /// The same of held-out data of their own.
    pub(super) held_out: Option<Arc<Store>>,
    pub(super) kernels: Option<Kernels>,
    pub(super) early_stopping: Option<EarlyStopping>,
    /// What the run is measured by.
    pub(super) yardstick: Yardstick,
    /// The run that goes on, whose state the engine has.
    pub(super) resumed: Option<Resumed>,
    /// The description of the data, as JSON.
    pub(super) data: serde_json::Value,
}

impl Prepared {
    /// Makes the examples and the engine.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for data that cannot be read or are others than those of a run that goes on, those of the
    /// device.
    pub fn open(self, observer: &mut dyn ProgressObserver) -> Result<Session> {
        let Self { request, config, plan, device, source, held_out, init, mut resumed, data } = self;
        let init = init.as_ref();
        if !device.choice.has_own_memory() {
            grant(plan.total)?;
        }
        let source = source.unwrap_or_else(|| Arc::new(Source::built_in(config.seed)));
        observer.stage(Stage::MakingExamples);
        let known = match &resumed {
            Some(resumed) => resumed.preprocess()?,
            None => match &request.judged {
                Some(judged) => judged.preprocess.clone(),
                None => request.continued.as_ref().and_then(Continued::preprocess),
            },
        };
        let mut check = |record: &DataRecord| match &mut resumed {
            Some(resumed) => {
                resumed.check_data(&source, record, &config, request.data_changed)?;
                resumed.check_held_out(held_out.as_ref(), record, &config, request.data_changed)
            }
            None => request.judged.as_ref().map_or(Ok(()), |judged| judged.check(&source, record, &config)),
        };
        let of = (init, known.as_ref(), Bytes(plan.for_pictures));
        let told = RefCell::new(&mut *observer);
        let (examples, record) =
            TrainingSet::new((&source, held_out.as_ref()), &config, of, &mut check, &|rows| {
                told.borrow_mut().stage(Stage::FittingScale(rows));
            })
            .map_err(|error| error.of_data(config.data.as_ref().map(Paths::name).as_deref()))?;
        if let Some(resumed) = &resumed {
            resumed.check_columns(&examples.preprocess)?;
        }
        let record = match &resumed {
            Some(resumed) => resumed.completed(record),
            None => record,
        };
        let config = match config.fits_rate {
            true => config.with_rate_for(&examples.sample()?, examples.size().0),
            false => config,
        };
        let (store, number) = (source.stored(), source.dtype());
        drop(source);
        let held_out = held_out.and_then(|held_out| held_out.stored());
        observer.stage(Stage::Idle);
        if request.judged.is_none() {
            let looked_at = examples.looked_at()?;
            let beyond = reach_warning(&looked_at, config.output, config.fit_rows);
            let divided = scale_warning(&looked_at, &examples.preprocess, number);
            for warning in beyond.into_iter().chain(divided) {
                tracing::warn!("{warning}");
            }
        }
        if let Some(path) = &request.save_patches {
            observer.stage(Stage::SavingExamples);
            examples.save(path)?;
        }
        observer.stage(Stage::ChoosingKernels);
        let kernels = device.tune(&config, examples.size())?;
        observer.stage(Stage::Idle);
        let taken_before =
            request.continued.as_ref().map_or(0, |continued| continued.taken(&config, &record));
        let taken = resumed.as_ref().map_or(taken_before, Resumed::taken);
        let are_replaced = request.continued.is_some() || request.judged.is_some();
        #[cfg(feature = "files")]
        let goes_on = resumed.as_ref().is_some_and(Resumed::has_state);
        let start = TrainingStart { config: &config, init, examples: &examples, taken, are_replaced };
        observer.plans(&plan);
        observer.stage(Stage::PreparingDevice);
        #[cfg(feature = "files")]
        let opener = match &request.world {
            Some(world) => {
                let told = (&examples.preprocess, &record);
                let briefing =
                    Briefing::new(&config, kernels.as_ref(), told, (taken, are_replaced || goes_on));
                let followers = world.brief(&briefing.to_text()?)?;
                Opener::World(world.clone(), followers, device.choice.clone(), config.sharding()?.shards)
            }
            None => device.opener(&config)?,
        };
        #[cfg(not(feature = "files"))]
        let opener = device.opener(&config)?;
        let mut engine = opener.open(&config.setup(), &start)?;
        if let Some(resumed) = &mut resumed {
            resumed.restore(&mut *engine, &config)?;
        }
        if let Some(continued) = &request.continued {
            continued.restore(&mut *engine, &config)?;
        }
        let (early_stopping, yardstick) = match &request.judged {
            Some(_) => (None, Yardstick::default()),
            None => (
                early_stopping(&config, &opener, &examples, resumed.as_mut())?,
                Yardstick { variance: examples.variance()? },
            ),
        };
        observer.stage(Stage::Idle);
        let (preprocess, choice) = (examples.preprocess, device.choice);
        let config = config.with_plan(engine.plan(), choice.variant());
        Ok(Session {
            request,
            config,
            choice,
            engine,
            preprocess,
            record,
            store,
            held_out,
            kernels,
            early_stopping,
            yardstick,
            resumed,
            data,
        })
    }
}

/// The judge of held-out examples, where some are.
fn early_stopping(
    config: &Config,
    opener: &Opener,
    examples: &TrainingSet,
    resumed: Option<&mut Resumed>,
) -> Result<Option<EarlyStopping>> {
    let Some(held_out) = &examples.held_out else { return Ok(None) };
    let streams = config.stream == Some(true);
    let start = HeldOutStart { hidden: config.hidden, examples: held_out, streams };
    let engine = opener.open(&config.setup(), &start)?;
    let every = config.look_every(examples.size().0);
    let yardstick = Yardstick { variance: held_out.variance_of_all()? };
    let mut early_stopping =
        EarlyStopping::new(engine, yardstick, every, config.patience.unwrap_or(usize::MAX));
    if let Some((known, best)) = resumed.map(|resumed| resumed.judged(config)) {
        early_stopping.resume(known, best);
    }
    Ok(Some(early_stopping))
}
