//! Signals of Unix: a thread takes them one after the other.

use std::io::{IsTerminal, stderr, stdin};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::io::atomic_write;
use crate::io::threads::Apart;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use super::{ASKED, Answer, state};
use crate::cli::output;

/// The signals that ask the program to end, by name.
const NAMES: [(i32, &str); 5] = [
    (SIGHUP, "SIGHUP"),
    (SIGINT, "SIGINT"),
    (SIGTERM, "SIGTERM"),
    (SIGUSR1, "SIGUSR1"),
    (SIGUSR2, "SIGUSR2"),
];
/// Of those, the ones that a parent may want ignored.
const MAY_BE_IGNORED: [i32; 2] = [SIGHUP, SIGINT];
/// Longest time that the end may wait for a disk, or for a terminal that takes no text.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Without a thread: whether a signal ends the program in its handler.
static ENDS: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));
/// Without a thread: the last signal.
static CAME: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// See [`super::listen`].
pub fn listen(fate: &'static str) {
    // A file that grows beyond its limit is an error of the write, as long as anybody takes the signal.
    if let Err(error) = flag::register(SIGXFSZ, Arc::default()) {
        tracing::debug!("SIGXFSZ: {error}");
    }
    let ignored = ignored();
    let taken: Vec<i32> =
        NAMES.map(|(signal, _)| signal).into_iter().filter(|s| !ignored.contains(s)).collect();
    if by_thread(&taken, fate).is_err() {
        by_flags(&taken);
    }
}

/// See [`super::save`].
pub fn save() {
    state().saves = true;
    ENDS.store(false, Ordering::Relaxed);
}

/// The signal that came where no thread took it.
pub fn came() -> usize {
    CAME.load(Ordering::Relaxed)
}

fn by_thread(taken: &[i32], fate: &'static str) -> std::io::Result<()> {
    let mut signals = Signals::new(taken)?;
    let take = move || {
        for signal in signals.forever() {
            take(signal, fate);
        }
    };
    thread::Builder::new().name("taker of signals".to_owned()).spawn(take).map(|_| ())
}

/// Where the system has no thread left: signals end the program as long as there is nothing to save; then they are
/// looked at after each step, and nothing ends it before it has saved.
fn by_flags(taken: &[i32]) {
    for &signal in taken {
        let registered = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&ENDS))
            .and_then(|_| flag::register_usize(signal, Arc::clone(&CAME), signal.unsigned_abs() as usize));
        if let Err(error) = registered {
            tracing::debug!("{}: {error}", name(signal));
        }
    }
}

fn take(signal: i32, fate: &str) {
    let impatient = signal == SIGINT && (stdin().is_terminal() || stderr().is_terminal());
    let mut state = state();
    match state.answer(Instant::now(), impatient) {
        Answer::Save => {
            ASKED.store(signal.unsigned_abs() as usize, Ordering::Relaxed);
            drop(state);
            let again = if impatient { "; Ctrl-C again ends it at once" } else { "" };
            aside(move || tracing::info!("{}: finishing this step, then saving{again}", name(signal)));
        }
        Answer::Nothing => {}
        Answer::End => {
            let words = format!("ended by {}{}", name(signal), state.last_words(fate));
            let code = 128 + signal;
            // Nobody else ends the program meanwhile: whoever asks for the state waits.
            aside(move || output::failure(&words, code, "signal"));
            // Last, so that whoever misses them has no time to say so.
            aside(atomic_write::remove_temporaries);
            low_level::exit(code);
        }
    }
}

/// Does `work` without waiting for it for ever: a disk may hang, and a terminal may take no more text.
fn aside(work: impl FnOnce() + Send + 'static) {
    let (done, end) = channel();
    let work = move || {
        work();
        let _ = done.send(());
    };
    if let Apart::Thread(_) = Apart::from("last words", work) {
        let _ = end.recv_timeout(LAST_WORDS);
    }
}

fn name(signal: i32) -> &'static str {
    NAMES.iter().find(|(number, _)| *number == signal).map_or("a signal", |(_, name)| name)
}

/// Those of [`MAY_BE_IGNORED`] that are ignored now.
fn ignored() -> Vec<i32> {
    let mask = if cfg!(target_os = "linux") { mask() } else { None };
    let is_ignored = |signal: &i32| match mask {
        Some(mask) => mask >> (signal - 1) & 1 == 1,
        None => child_lives(*signal),
    };
    MAY_BE_IGNORED.into_iter().filter(is_ignored).collect()
}

/// The signals that are ignored, as Linux tells: bit 0 is signal 1.
fn mask() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Whether a signal is ignored, as a child finds out that sends it to itself: what is ignored stays so in children, and a
/// shell that is not interactive leaves it alone.
fn child_lives(signal: i32) -> bool {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("kill -{signal} $$; exit 0"));
    let quiet = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_finds_out_what_the_system_tells() {
        let Some(mask) = mask() else { return };
        for signal in MAY_BE_IGNORED {
            assert_eq!(child_lives(signal), mask >> (signal - 1) & 1 == 1, "{}", name(signal));
        }
    }
}
