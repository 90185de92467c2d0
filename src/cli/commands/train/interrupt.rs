//! Whether a signal has asked the run to finish its step and save.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::cli::signals;

/// From when on there is a run that signals ask to save.
pub struct Interrupt(());

impl Interrupt {
    /// Signals do not end the program at once from now on.
    pub fn listen() -> Self {
        signals::save();
        Self(())
    }

    /// Tells which run it is, for those who end it by force; `published` are the steps of its newest checkpoint.
    pub fn of_run(&self, path: &Path, published: Arc<AtomicUsize>) {
        signals::of_run(path, published);
    }

    /// The number of the signal, if one came.
    pub fn signal(&self) -> Option<u8> {
        signals::asked()
    }
}
