//! Named places at which a test can have the program killed, so that each has been the last thing that a run did, or held,
//! so that another program or a signal meets it there.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The environment variable that tests set: the name of a place, `NAME:3` for the third time that it is reached,
/// `NAME:hold` to stay there until the program is killed, or `NAME:pause` to make a file NAME in the working directory and stay
/// until it has been removed.
pub const VARIABLE: &str = "RHOHAT_FAIL_POINT";

/// Time between two looks at the file of a pause.
const LOOK: Duration = Duration::from_millis(2);

/// What a test wants at a place.
#[derive(Clone, Copy)]
enum Wanted {
    /// The program dies when it is reached for this time.
    Death(usize),
    /// It stays there.
    Hold,
    /// It stays there, the first time, as long as there is a file.
    Pause,
}

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

/// The places that a classifier's run reaches before those behind `resume-cut`: after a step of a softmax layer, and with the
/// classifier before fine-tuning kept.
pub const OF_CLASSIFIERS: [&str; 2] = ["softmax-step", "before-written"];

/// The place that a stack reaches besides those of the runs of its layers: a piece of the codes of a layer is written.
pub const OF_STACKS: &str = "codes-begun";

/// Ends the program as `kill -9` would, without any clearing up, if a test has asked for it here.
pub fn reach(name: &str) {
    static REACHED: AtomicUsize = AtomicUsize::new(0);
    debug_assert!(
        NAMES.iter().chain(&OF_CLASSIFIERS).chain([&OF_STACKS]).any(|known| *known == name),
        "{name} is not among the places"
    );
    let Some((_, wanted)) = wanted().filter(|(place, _)| place == name) else { return };
    let time = REACHED.fetch_add(1, Ordering::Relaxed) + 1;
    match wanted {
        Wanted::Death(at) if *at == time => std::process::abort(),
        Wanted::Hold => loop {
            thread::park();
        },
        Wanted::Pause if time == 1 => pause(Path::new(name)),
        Wanted::Death(_) | Wanted::Pause => {}
    }
}

/// Makes the file, and stays until a test has removed it. Where it cannot be made nobody waits for it.
fn pause(file: &Path) {
    if File::create(file).is_ok() {
        while file.exists() {
            thread::sleep(LOOK);
        }
    }
}

/// Whether a test has asked for any place. Each checkpoint is then waited for, so that a place comes after the same
/// steps on every disk.
pub fn is_wanted() -> bool {
    wanted().is_some()
}

fn wanted() -> Option<&'static (String, Wanted)> {
    static WANTED: OnceLock<Option<(String, Wanted)>> = OnceLock::new();
    let read = || {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, time) = text.split_once(':').unwrap_or((&text, "1"));
        let wanted = match time {
            "hold" => Wanted::Hold,
            "pause" => Wanted::Pause,
            time => Wanted::Death(time.parse().unwrap_or(1)),
        };
        Some((name.to_owned(), wanted))
    };
    WANTED.get_or_init(read).as_ref()
}
