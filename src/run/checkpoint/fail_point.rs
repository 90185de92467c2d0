//! Named places at which a test can have the program killed, so that each has been the last thing that a run did, or held,
//! so that another program meets it there.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The environment variable that tests set: the name of a place, `NAME:3` for the third time that it is reached, or
/// `NAME:hold` to stay there until the program is killed.
pub const VARIABLE: &str = "RHOHAT_FAIL_POINT";

/// A time that never comes.
const HOLD: usize = usize::MAX;

/// All places, in the order in which a run reaches them.
pub const NAMES: [&str; 20] = [
    "resume-locked",
    "resume-cleaned",
    "resume-recorded",
    "resume-unfinished",
    "resume-configured",
    "resume-cut",
    "folder-made",
    "state-begun",
    "state-written",
    "progress-written",
    "manifest-written",
    "folder-synced",
    "renamed",
    "published",
    "latest-written",
    "old-renamed",
    "old-removed",
    "end-kept",
    "model-written",
    "summary-written",
];

/// The place that a classifier's run reaches besides those behind `resume-cut`.
pub const OF_CLASSIFIERS: &str = "before-written";

/// Ends the program as `kill -9` would, without any clearing up, if a test has asked for it here.
pub fn reach(name: &str) {
    static REACHED: AtomicUsize = AtomicUsize::new(0);
    debug_assert!(NAMES.contains(&name) || name == OF_CLASSIFIERS, "{name} is not among the places");
    let Some((wanted, time)) = wanted() else { return };
    if wanted != name {
        return;
    }
    if *time == HOLD {
        loop {
            std::thread::park();
        }
    }
    if REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *time {
        std::process::abort();
    }
}

/// Whether a test has asked for any place. Each checkpoint is then waited for, so that a place comes after the same
/// steps on every disk.
pub fn is_wanted() -> bool {
    wanted().is_some()
}

fn wanted() -> Option<&'static (String, usize)> {
    static WANTED: OnceLock<Option<(String, usize)>> = OnceLock::new();
    let read = || {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, time) = text.split_once(':').unwrap_or((&text, "1"));
        let time = if time == "hold" { HOLD } else { time.parse().unwrap_or(1) };
        Some((name.to_owned(), time))
    };
    WANTED.get_or_init(read).as_ref()
}
