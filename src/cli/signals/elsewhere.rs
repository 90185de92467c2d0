//! Signals where there is no Unix: Ctrl-C, and what is like SIGTERM. Before there is a run the system's own way ends the
//! program; the first one then asks the run to save, the second ends it.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::state;

static CAME: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// See [`super::listen`].
pub fn listen(_: &'static str) {}

/// See [`super::save`].
pub fn save() {
    state().saves = true;
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order, so that the shutdown sees the flag of an earlier signal alone.
        let registered = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)))
            .and_then(|_| flag::register_usize(signal, Arc::clone(&CAME), signal.unsigned_abs() as usize));
        if let Err(error) = registered {
            tracing::debug!("signal {signal}: {error}");
        }
    }
}

/// The signal that came.
pub fn came() -> usize {
    CAME.load(Ordering::Relaxed)
}
