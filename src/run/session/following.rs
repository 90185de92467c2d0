//! The other processes of a job: what the first one tells them to make ready, and how they follow it. They have no files of the
//! run: the first one settles every setting, and keeps what comes of it.

use serde::{Deserialize, Serialize};
use toml::Table;

use super::examples::{HeldOutStart, TrainingSet, TrainingStart};
use super::observer::ProgressObserver;
use super::prepare::{Outset, Prepared};
use super::request::{JudgedRun, Request};
use crate::data::{Preprocess, Source};
use crate::engine::Engine;
use crate::engine::collective::Vote;
use crate::engine::gpu::tune::{Kernels, Tune};
use crate::engine::leader::{Channel, follow};
use crate::engine::world::World;
use crate::error::{Error, Result};
use crate::io::memory::Bytes;
use crate::run::DataRecord;
use crate::run::config::Config;

/// What the first rank tells the others: all of its settings, and of its examples what others could find otherwise.
#[derive(Debug, Serialize, Deserialize)]
pub struct Briefing {
    settings: Table,
    preprocess: Preprocess,
    record: DataRecord,
    /// Rows that mini-batches have taken before.
    taken: u64,
    /// Whether the parameters come from the first rank before the first step.
    are_replaced: bool,
}

impl Briefing {
    /// That of a run under these settings, with the kernels that were chosen.
    pub fn new(
        config: &Config,
        kernels: Option<&Kernels>,
        (preprocess, record): (&Preprocess, &DataRecord),
        (taken, are_replaced): (u64, bool),
    ) -> Self {
        let variant = kernels.map(|kernels| kernels.variant).or(config.force_variant);
        let mut settings = Config { force_variant: variant, ..config.clone() }.to_table();
        settings.retain(|name, _| !name.ends_with("_as_given"));
        if are_replaced {
            // The model that it began with may be gone by now.
            settings.remove("init");
        }
        Self { settings, preprocess: preprocess.clone(), record: record.clone(), taken, are_replaced }
    }

    /// As text.
    ///
    /// # Errors
    /// None, in truth: settings and records have a text.
    pub fn to_text(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::device(error.to_string()))
    }
}

/// Another rank than the first: makes ready what it is told to, and follows until there is nothing more to do. `asks` tells what
/// this process has been asked for by its user or its system.
///
/// # Errors
/// Those of the data and the device of this process, and of the exchange.
pub fn follow_first(
    world: &World,
    tune: Tune,
    observer: &mut dyn ProgressObserver,
    asks: &mut dyn FnMut() -> Option<Vote>,
) -> Result<()> {
    let Some((briefing, mut channel)) = world.briefed()? else { return Ok(()) };
    let briefing: Briefing = serde_json::from_slice(&briefing).map_err(|error| {
        Error::device(format!(
            "what the first rank says is not understood ({error}); run one version of rhohat on all ranks"
        ))
    })?;
    let Briefing { settings, preprocess, record, taken, are_replaced } = briefing;
    let judged = JudgedRun { preprocess: Some(preprocess), record: Some(record) };
    let request =
        Request { judged: Some(judged), world: Some(world.clone()), ..Request::new(settings, tune) };
    let Outset::Prepared(prepared) = request.prepare(observer)? else {
        return Err(Error::device("a run in memory is never finished"));
    };
    prepared.follow(&mut channel, (taken, are_replaced), asks)
}

impl Prepared {
    /// Makes the same examples as the first rank, and follows it.
    fn follow(
        self,
        channel: &mut Channel,
        (taken, are_replaced): (u64, bool),
        asks: &mut dyn FnMut() -> Option<Vote>,
    ) -> Result<()> {
        let Self { request, config, plan, device, source, held_out, init, .. } = self;
        let (Some(judged), Some(world)) = (&request.judged, &request.world) else {
            return Err(Error::device("nobody has said whom to follow"));
        };
        let source = source.unwrap_or_else(|| Source::built_in(config.seed).into());
        let mut check = |record: &DataRecord| judged.check(&source, record, &config);
        let of = (init.as_ref(), judged.preprocess.as_ref(), Bytes(plan.for_pictures));
        let (examples, _) = TrainingSet::new((&source, held_out.as_ref()), &config, of, &mut check, &|_| {})?;
        let shards = config.sharding()?.shards;
        let mut opened = 0;
        let mut open = || -> Result<Box<dyn Engine>> {
            let ranks = world.ranks(shards)?;
            opened += 1;
            let setup = config.setup();
            match (opened, &examples.held_out) {
                (1, _) => {
                    let init = init.as_ref();
                    let start =
                        TrainingStart { config: &config, init, examples: &examples, taken, are_replaced };
                    device.choice.open_sharded(&setup, ranks, &start)
                }
                (_, Some(held_out)) => {
                    let streams = config.stream == Some(true);
                    let start = HeldOutStart { hidden: config.hidden, examples: held_out, streams };
                    device.choice.open_sharded(&setup, ranks, &start)
                }
                (_, None) => Err(Error::device("there are no held-out examples on this rank")),
            }
        };
        follow(channel, &mut open, asks)
    }
}
