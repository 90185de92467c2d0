//! The device of a sitting, and the choice of its kernels.

use crate::engine::device::Choice;
use crate::engine::gpu::tune::{Kernels, Origin, Tune, TuneMode, Workload};
use crate::engine::variant::Variant;
use crate::error::Result;
use crate::math::params::Shape;
use crate::run::config::Config;

/// A device, and how its kernels are to be chosen.
pub struct Device {
    pub choice: Choice,
    forced: Option<Variant>,
    how: Tune,
}

impl Device {
    /// Opens it, with the kernels that the settings ask for. [`TuneMode::Always`] puts aside those that a configuration names,
    /// and a configuration of another device may name some that this one does not have: only those that are `asked_for` now
    /// are insisted on.
    pub fn open(config: &Config, how: Tune, asked_for: bool) -> Result<Self> {
        let choice = Choice::resolve(&config.selector()?)?;
        let mut forced = config.force_variant.filter(|_| how.mode != TuneMode::Always);
        match forced.map(|variant| choice.force(variant)).transpose() {
            Err(why) if !asked_for => {
                tracing::warn!("{why}; going on without");
                forced = None;
            }
            other => other.map(|_| ())?,
        }
        Ok(Self { choice, forced, how })
    }

    /// Chooses the kernels, unless that has been done.
    pub fn tune(&self, config: &Config, (examples, visible): (usize, usize)) -> Result<Option<Kernels>> {
        if let Some(variant) = self.forced {
            return Ok(Some(Kernels { variant, chosen: Origin::Forced }));
        }
        let shape = Shape { visible, hidden: config.hidden };
        let work = Workload { shape, examples, batch: config.batch.rows(), cut: config.setup().cut };
        self.choice.tune(&work, self.how)
    }
}
