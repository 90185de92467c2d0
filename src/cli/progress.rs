//! What a person at a terminal sees meanwhile: a bar where something is counted, else a line that says what is being done.

mod line;

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::plain;
use console::{Term, measure_text_width};
use indicatif::{ProgressBar, ProgressStyle};
pub use line::Line;

/// Columns that spinner, time and gaps take beside the words of a stage.
const BESIDE: usize = 10;
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

/// Clears the line that a bar may stand in, for a text that ends the program.
pub fn clear() {
    if is_shown() {
        let _ = write!(std::io::stderr(), "\r\x1b[2K");
    }
}

/// Columns of the terminal that may be written without a line of its own for the rest: the last one is left free.
pub fn columns() -> usize {
    usize::from(Term::stderr().size().1).saturating_sub(1)
}

/// A line that the caller fills, and fits into [`columns`].
pub fn line() -> ProgressBar {
    ProgressBar::new_spinner().with_style(style("{msg}"))
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
        return Stage { line: ProgressBar::hidden(), clock: None };
    }
    let what = fitting(&plain(&what.into()), columns()).to_owned();
    let line = ProgressBar::new_spinner().with_style(style("{spinner} {msg}  {elapsed}")).with_message(what);
    let clock = Clock::of(line.clone());
    Stage { line, clock }
}

/// A line that says what is being done.
pub struct Stage {
    line: ProgressBar,
    /// `None` where the system has no thread for it: the line stands still then.
    clock: Option<Clock>,
}

/// Draws a line anew in each tick.
struct Clock {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Clock {
    fn of(line: ProgressBar) -> Option<Self> {
        let (stop, stopped) = channel();
        let tick = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                line.tick();
            }
        };
        let thread = thread::Builder::new().spawn(tick).ok()?;
        Some(Self { stop, thread })
    }

    fn stop(self) {
        drop(self.stop);
        // It draws, and nothing that it could leave undone matters.
        let _ = self.thread.join();
    }
}

impl Stage {
    /// Says it in other words.
    pub fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.line.set_message(fitting(&plain(&what.into()), columns()).to_owned());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(clock) = self.clock.take() {
            clock.stop();
        }
        self.line.finish_and_clear();
    }
}

/// The whole words of a text that fit beside spinner and time into so many columns.
fn fitting(text: &str, columns: usize) -> &str {
    let room = columns.saturating_sub(BESIDE);
    let fits = |end: &usize| measure_text_width(&text[..*end]) <= room;
    let mut ends = text.match_indices(' ').map(|(at, _)| at).chain([text.len()]);
    ends.rfind(fits).map_or("", |end| text[..end].trim_end_matches(','))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is fixed and right")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_stage_are_whole_on_any_terminal() {
        let text = "looking at rows for their scale, 1,000 so far";
        let seen = [80, 55, 54, 45, 42, 41, 17, 16, 0].map(|columns| fitting(text, columns));
        let scale = "looking at rows for their scale";
        let wanted = [
            text,
            text,
            "looking at rows for their scale, 1,000 so",
            "looking at rows for their scale",
            scale,
            "looking at rows for their",
            "looking",
            "",
            "",
        ];
        assert_eq!(seen, wanted);
    }
}
