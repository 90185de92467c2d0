//! Signals: SIGHUP, SIGINT, SIGTERM, SIGUSR1 and SIGUSR2 ask the program to end, whoever sends them: a person at a terminal, a
//! queue before it kills, a wrapper that forwards what it was sent itself.
//!
//! A program that has nothing to save ends at once and takes its temporary files with it. Once a run is being trained, the
//! first signal asks it to finish its step and save. Queues tell every process of a job, and wrappers forward: more signals
//! within [`GRACE`] of the first mean the same one. Only Ctrl-C at a terminal is a person who has lost patience. Whatever
//! comes later than that ends the program by force, and says what was not saved.
//!
//! SIGHUP and SIGINT stay ignored where they were ignored when the program began: `nohup`, or `&` in a script.

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[cfg(not(unix))]
use elsewhere as system;
#[cfg(unix)]
use unix as system;

use crate::error::shown;

/// How long after the first Ctrl-C another one is the same press of the keys.
const ONE_PRESS: Duration = Duration::from_millis(250);
/// How long after the first signal others mean the same.
const GRACE: Duration = Duration::from_secs(5);

/// The signal that asked the run to end; 0 while there was none.
static ASKED: AtomicUsize = AtomicUsize::new(0);

static STATE: Mutex<State> = Mutex::new(State { saves: false, first: None, run: None });

/// What a signal does to the program.
struct State {
    /// Whether there is a run to be saved.
    saves: bool,
    /// When the first signal came since there is one.
    first: Option<Instant>,
    run: Option<Run>,
}

/// The run that is being trained.
struct Run {
    /// The command that goes on with it.
    command: &'static str,
    path: PathBuf,
    /// The steps of its newest checkpoint, 0 where there is none.
    published: Arc<AtomicUsize>,
}

/// What is to be done about a signal.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The run ends after its step.
    Save,
    /// It is known already.
    Nothing,
    /// The program ends at once.
    End,
}

/// Listens from now on. What a program that ends has to say about it is `fate`.
pub fn listen(fate: &'static str) {
    system::listen(fate);
}

/// Signals ask the run to save from now on.
pub fn save() {
    system::save();
}

/// The run that a command trains, and the steps of its newest checkpoint as they change.
pub fn of_run(command: &'static str, path: &Path, published: Arc<AtomicUsize>) {
    state().run = Some(Run { command, path: path.to_owned(), published });
}

/// The number of the signal that asked the run to end, if one did.
pub fn asked() -> Option<u8> {
    let signal = [ASKED.load(Ordering::Relaxed), system::came()].into_iter().find(|signal| *signal > 0);
    signal.and_then(|signal| u8::try_from(signal).ok())
}

fn state() -> std::sync::MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl State {
    /// What a signal at the time `now` means; `impatient` is Ctrl-C at a terminal.
    fn answer(&mut self, now: Instant, impatient: bool) -> Answer {
        match self.first {
            _ if !self.saves => Answer::End,
            None => {
                self.first = Some(now);
                Answer::Save
            }
            // Nobody presses a key twice so fast: a wrapper has handed on what the terminal has sent to both.
            Some(first) if impatient && now.saturating_duration_since(first) >= ONE_PRESS => Answer::End,
            Some(first) if now.saturating_duration_since(first) >= GRACE => Answer::End,
            Some(_) => Answer::Nothing,
        }
    }

    /// What is said when the program is ended by force; `fate` while there is nothing to save.
    fn last_words(&self, fate: &str) -> String {
        let Some(Run { command, path, published }) = &self.run else {
            return if self.saves { ": nothing was saved" } else { fate }.to_owned();
        };
        let again = format!("rhohat {command} --resume {}", shown(path));
        match published.load(Ordering::Acquire) {
            0 if !self.saves => format!("{fate}; {again} goes on with it"),
            0 => format!(" at once: no checkpoint was saved; {again} begins it again"),
            steps => {
                format!(
                    " at once: nothing was saved after step {steps}, whose checkpoint stands; {again} goes on from it"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saving() -> State {
        State { saves: true, first: None, run: None }
    }

    #[test]
    fn nothing_to_save_ends_at_once() {
        let mut state = State { saves: false, ..saving() };
        assert_eq!(state.answer(Instant::now(), false), Answer::End);
        assert_eq!(state.last_words(" before training began"), " before training began");
    }

    #[test]
    fn signals_within_five_seconds_of_the_first_are_the_same_and_later_ones_end() {
        let (start, mut state) = (Instant::now(), saving());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(state.answer(start, true), Answer::Save);
        for milliseconds in [0, 2, 50, 1000, 4999] {
            assert_eq!(state.answer(after(milliseconds), false), Answer::Nothing, "{milliseconds}");
        }
        assert_eq!(state.answer(after(5000), false), Answer::End);
        // One press of the keys, handed on by a wrapper, and another one.
        assert_eq!(state.answer(after(3), true), Answer::Nothing);
        assert_eq!(state.answer(after(250), true), Answer::End);
    }

    #[test]
    fn the_last_words_name_a_run_that_is_not_trained_yet() {
        let run = Run { command: "classify", path: "runs/a".into(), published: Arc::default() };
        let state = State { saves: false, run: Some(run), ..saving() };
        assert_eq!(state.last_words(": why"), ": why; rhohat classify --resume runs/a goes on with it");
    }

    #[test]
    fn the_last_words_say_which_checkpoint_stands() {
        let mut state = saving();
        assert_eq!(state.last_words("x"), ": nothing was saved");
        let published = Arc::new(AtomicUsize::new(0));
        state.run = Some(Run { command: "train", path: "runs/a".into(), published: Arc::clone(&published) });
        assert!(state.last_words("x").contains("no checkpoint was saved; rhohat train --resume runs/a"));
        published.store(40, Ordering::Release);
        let words = state.last_words("x");
        assert!(
            words.contains("nothing was saved after step 40") && words.contains("--resume runs/a"),
            "{words}"
        );
    }
}
