//! What a person at a terminal sees meanwhile: a bar where something is counted, else a line that says what is being done.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two drawings of a line; what takes less is not told of.
const TICK: Duration = Duration::from_millis(200);

static SHOWN: AtomicBool = AtomicBool::new(false);

/// Shows bars and lines from now on where stderr is a terminal and nobody asked for quiet.
pub fn init(quiet: bool) {
    SHOWN.store(!quiet && std::io::stderr().is_terminal(), Ordering::Relaxed);
}

/// Whether there is anybody to show anything to.
pub fn is_shown() -> bool {
    SHOWN.load(Ordering::Relaxed)
}

/// A bar over `count`, `width` columns wide, with room for words behind it.
pub fn bar(count: usize, width: usize) -> ProgressBar {
    if !is_shown() {
        return ProgressBar::hidden();
    }
    ProgressBar::new(count as u64)
        .with_style(style(&format!("{{bar:{width}}} {{pos}}/{{len}}  {{wide_msg}}")))
}

/// Says what is being done, and since when, until it is dropped.
pub fn stage(what: impl Into<Cow<'static, str>>) -> Stage {
    if !is_shown() {
        return Stage(ProgressBar::hidden());
    }
    let line = ProgressBar::new_spinner().with_style(style("{spinner} {msg}  {elapsed}")).with_message(what);
    line.enable_steady_tick(TICK);
    Stage(line)
}

/// A line that says what is being done.
pub struct Stage(ProgressBar);

impl Stage {
    /// Says it in other words.
    pub fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is fixed and right")
}
