//! The device of a sitting, or the devices that its hidden units are spread over, and the choice of their kernels.

use crate::engine::Engine;
use crate::engine::collective::{Alone, Ranks};
#[cfg(feature = "files")]
use crate::engine::crew::Crew;
use crate::engine::device::{Choice, ParamsAndExamples, Setup};
use crate::engine::gpu::tune::{Kernels, Origin, Tune, TuneMode, Workload};
#[cfg(feature = "files")]
use crate::engine::leader::Followers;
use crate::engine::variant::Variant;
#[cfg(feature = "files")]
use crate::engine::world::World;
use crate::error::{Error, Result};
use crate::math::params::Shape;
use crate::run::config::Config;

/// A device, and how its kernels are to be chosen.
pub struct Device {
    /// The device; of several, which are alike, the first.
    pub choice: Choice,
    others: Vec<Choice>,
    forced: Option<Variant>,
    how: Tune,
}

impl Device {
    /// Opens it, with the kernels that the settings ask for. [`TuneMode::Always`] puts aside those that a configuration names,
    /// and a configuration of another device may name some that this one does not have: only those that are `asked_for` now
    /// are insisted on.
    pub fn open(config: &Config, how: Tune, asked_for: bool) -> Result<Self> {
        let mut choices = config.selectors()?.iter().map(Choice::resolve).collect::<Result<Vec<_>>>()?;
        let choice = choices.remove(0);
        if let Some(other) = choices.iter().find(|other| other.adapter() != choice.adapter()) {
            let fact = format!("`device` {}: {} and {}", config.device, choice.adapter(), other.adapter());
            let why = "differ in last bits, and would drift apart";
            return Err(Error::usage(format!("{fact} {why}; name devices of one kind")));
        }
        let mut forced = config.force_variant.filter(|_| how.mode != TuneMode::Always);
        match forced.map(|variant| choice.force(variant)).transpose() {
            Err(why) if !asked_for => {
                tracing::warn!("{why}; going on without");
                forced = None;
            }
            other => other.map(|_| ())?,
        }
        Ok(Self { choice, others: choices, forced, how })
    }

    /// Chooses the kernels, unless that has been done; all devices take those of the first.
    pub fn tune(&self, config: &Config, (examples, visible): (usize, usize)) -> Result<Option<Kernels>> {
        let kernels = match self.forced {
            Some(variant) => Some(Kernels { variant, chosen: Origin::Forced }),
            None => {
                let shape = Shape { visible, hidden: config.hidden };
                let work = Workload { shape, examples, batch: config.batch.rows(), cut: config.setup().cut };
                self.choice.tune(&work, self.how)?
            }
        };
        if let Some(Kernels { variant, .. }) = &kernels {
            self.others.iter().try_for_each(|other| other.force(*variant))?;
        }
        Ok(kernels)
    }

    /// What engines are opened on.
    ///
    /// # Errors
    /// [`Error::Usage`] for shards that the devices cannot share, [`Error::Device`] where there is no thread for each.
    pub fn opener(&self, config: &Config) -> Result<Opener> {
        let shards = config.sharding()?.shards;
        if self.others.is_empty() {
            return Ok(Opener::One(self.choice.clone(), shards));
        }
        #[cfg(feature = "files")]
        {
            let choices = [std::slice::from_ref(&self.choice), &self.others].concat();
            Ok(Opener::Crew(Crew::new(choices, shards)?))
        }
        #[cfg(not(feature = "files"))]
        Err(Error::without_files(format!("`device` {}: several devices take threads", config.device)))
    }
}

/// Opens the engines of a sitting, which have the same devices.
pub enum Opener {
    /// On one device, in so many shards.
    One(Choice, usize),
    /// On several devices of this process.
    #[cfg(feature = "files")]
    Crew(Crew),
    /// On the device of each process of a job.
    #[cfg(feature = "files")]
    World(World, Followers, Choice, usize),
}

impl Opener {
    /// Opens the next engine.
    ///
    /// # Errors
    /// Those of [`Choice::open_sharded`].
    pub fn open(&self, setup: &Setup, start: &dyn ParamsAndExamples) -> Result<Box<dyn Engine>> {
        match self {
            Self::One(choice, shards) => {
                choice.open_sharded(setup, Ranks::new(Box::new(Alone), *shards)?, start)
            }
            #[cfg(feature = "files")]
            Self::Crew(crew) => crew.open(setup, start),
            #[cfg(feature = "files")]
            Self::World(world, followers, choice, shards) => {
                let engine = followers.open(|| choice.open_sharded(setup, world.ranks(*shards)?, start))?;
                Ok(Box::new(engine))
            }
        }
    }
}
