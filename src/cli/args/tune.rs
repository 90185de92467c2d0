//! The flags that say how the kernels of a WebGPU device are chosen.

use crate::engine::gpu::tune::{Tune, TuneMode};
use crate::verify::kernels::check_candidate;
use crate::{Error, Result};
use clap::Args;

/// `--no-tune` and `--retune`. They are no settings of a run: what was chosen is.
#[derive(Clone, Debug, Args)]
pub struct TuneFlags {
    /// Take the kernels that suit this kind of WebGPU device and the shape, without a check and without the cache
    #[arg(long, help_heading = "Device", hide_short_help = true)]
    no_tune: bool,
    /// Time the kernels of a WebGPU device, and take the fastest that are right for this shape from now on
    #[arg(long, help_heading = "Device", hide_short_help = true)]
    retune: bool,
}

impl TuneFlags {
    /// What they ask for beside `--force-variant`, if that was given.
    ///
    /// # Errors
    /// [`Error::Usage`] when flags contradict each other.
    pub fn mode(&self, is_forced: bool) -> Result<Tune> {
        let mode = match (self.no_tune, self.retune) {
            (true, true) => {
                return Err(Error::usage(
                    "--no-tune and --retune contradict each other: one takes kernels unchecked, the other times them; \
                     give one of them",
                ));
            }
            (_, true) if is_forced => {
                return Err(Error::usage(
                    "--retune times kernels to choose among them, but --force-variant has chosen; give one of them",
                ));
            }
            (_, true) => TuneMode::Always,
            (true, _) => TuneMode::Never,
            _ => TuneMode::Auto,
        };
        Ok(Tune { mode, check: check_candidate })
    }
}
