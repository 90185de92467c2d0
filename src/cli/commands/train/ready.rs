//! What training works with, made ready in its order: the device, the examples and whether they are those of the run, the
//! kernels, the engine with its state, and who judges held-out examples.

use std::sync::Arc;

use crate::data::stream::Store;
use crate::data::{Preprocess, Source};
use crate::engine::Engine;
use crate::engine::device::Choice;
use crate::engine::gpu::kernel::variant::Variant;
use crate::engine::gpu::tune::{Kernels, Origin, Tune, TuneMode, Workload};
use crate::io::memory::{Bytes, grant};
use crate::math::params::Shape;
use crate::run::DataRecord;
use crate::run::config::{Config, MemoryPlan, reach_warning, scale_warning};
use crate::run::model_file::ModelFile;
use crate::train::Judge;
use indicatif::HumanCount;

use super::resume::Resumed;
use super::{plan, start};
use crate::cli::args::TrainArgs;
use crate::cli::progress;

/// What is computed on, and how its kernels are to be chosen.
pub struct Device {
    pub choice: Choice,
    forced: Option<Variant>,
    how: Tune,
}

impl Device {
    /// Opens it, with the kernels that the settings ask for. `--retune` puts aside those that a configuration names, and
    /// a configuration of another device may name some that this one does not have.
    pub fn open(args: &TrainArgs, config: &Config, how: Tune) -> crate::Result<Self> {
        let choice = Choice::resolve(&config.selector()?)?;
        let mut forced = config.force_variant.filter(|_| how.mode != TuneMode::Always);
        match forced.map(|variant| choice.force(variant)).transpose() {
            Err(why) if !args.settings.forces_variant() => {
                tracing::warn!("{why}; going on without");
                forced = None;
            }
            other => other.map(|_| ())?,
        }
        Ok(Self { choice, forced, how })
    }

    /// Chooses the kernels, unless that has been done.
    fn tune(&self, config: &Config, (examples, visible): (usize, usize)) -> crate::Result<Option<Kernels>> {
        if let Some(variant) = self.forced {
            return Ok(Some(Kernels { variant, chosen: Origin::Forced }));
        }
        let shape = Shape { visible, hidden: config.hidden };
        let work = Workload { shape, examples, batch: config.batch.rows(), cut: config.setup().cut };
        self.choice.tune(&work, self.how)
    }
}

/// What training works with.
pub struct Ready {
    pub engine: Box<dyn Engine>,
    /// What made the examples.
    pub preprocess: Preprocess,
    /// What they were made of.
    pub record: DataRecord,
    /// Where they lie, if that is on disk.
    pub store: Option<Arc<Store>>,
    pub kernels: Option<Kernels>,
    pub judge: Option<Judge>,
    /// The run that is gone on with, whose state the engine has.
    pub resumed: Option<Resumed>,
}

/// The engine with start parameters and examples.
pub fn open_engine(
    args: &TrainArgs,
    config: &Config,
    device: &Device,
    source: Option<Source>,
    init: Option<&ModelFile>,
    plan: &MemoryPlan,
    mut resumed: Option<Resumed>,
) -> anyhow::Result<Ready> {
    if !device.choice.has_own_memory() {
        grant(plan.total)?;
    }
    let source = source.unwrap_or_else(|| Source::built_in(config.seed));
    let reading = progress::stage("making examples");
    let known = resumed.as_ref().and_then(Resumed::preprocess).cloned();
    let mut check = |record: &DataRecord| match &mut resumed {
        Some(resumed) => resumed.check_data(&source, record, config, args.data_changed),
        None => Ok(()),
    };
    let pictures = Bytes(plan.for_pictures);
    let of = (init, known.as_ref(), pictures);
    let (data, record) = start::Data::new(&source, config, of, &mut check, &|rows| {
        reading.say(format!("looking at rows for their scale, {} so far", HumanCount(rows as u64)));
    })
    .map_err(|error| error.of_data(config.data.as_deref()))?;
    let record = match &resumed {
        Some(resumed) => resumed.completed(record),
        None => record,
    };
    let (store, number) = (source.stored(), source.dtype());
    drop((source, reading));
    let looked_at = data.looked_at()?;
    let beyond = reach_warning(&looked_at, config.output, config.fit_rows);
    let divided = scale_warning(&looked_at, &data.preprocess, number);
    for warning in beyond.into_iter().chain(divided) {
        tracing::warn!("{warning}");
    }
    drop(looked_at);
    if let Some(path) = &args.save_patches {
        let _stage = progress::stage("saving the examples");
        data.save(path)?;
    }
    let kernels = {
        let _stage = progress::stage("choosing kernels");
        device.tune(config, data.size())?
    };
    let taken = resumed.as_ref().map_or(0, Resumed::taken);
    let start = start::FromSettings { config, init, data: &data, taken };
    tracing::info!("{}", plan::line(plan));
    let _stage = progress::stage("preparing the device");
    let mut engine = device.choice.open(&config.setup(), &start)?;
    if let Some(resumed) = &mut resumed {
        resumed.restore(&mut *engine, config)?;
    }
    let judge = open_judge(config, device, &data, resumed.as_mut())?;
    Ok(Ready { engine, preprocess: data.preprocess, record, store, kernels, judge, resumed })
}

/// Who judges held-out examples, where some are.
fn open_judge(
    config: &Config,
    device: &Device,
    data: &start::Data,
    resumed: Option<&mut Resumed>,
) -> crate::Result<Option<Judge>> {
    let Some(rows) = &data.held_out else { return Ok(None) };
    let engine = device.choice.open(&config.setup(), &start::HeldOut { hidden: config.hidden, rows })?;
    let every = config.look_every(data.size().0);
    let mut judge = Judge::new(engine, every, config.patience.unwrap_or(usize::MAX));
    if let Some((known, best)) = resumed.map(|resumed| resumed.judged(config)) {
        judge.resume(known, best);
    }
    Ok(Some(judge))
}
