//! Threads: how many are wanted, and pools that make do with what the system gives (`ulimit -u`, a container's limit of
//! processes). Nothing here panics where none is left.
//!
//! A pool's threads are started before the pool is made of them: what the system refuses is known by then, and a pool is
//! never asked for what it cannot have. That of rayon which everything but the CPU engine uses cannot be tried twice.
//!
//! A build without the feature `files` starts no thread: work is done by the thread that asks ([`joined`]).

use std::ffi::OsStr;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rayon::prelude::*;
use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};
use crate::io::text::counted;

/// The most threads of a pool: more than any machine has cores, and few enough to be started.
pub const MOST: usize = 1024;

/// The variable that says how many there are where nothing else does; rayon's own.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// What helps where the system refuses a thread.
const REMEDY: &str = "raise the limit of processes (ulimit -u, or that of the container)";

/// Starts the threads of all that is not the CPU engine: once, before any work. Says what it thinks of the variable.
///
/// # Errors
/// [`Error::Device`] when not even the thread that calls can be one of them.
pub fn start() -> Result<()> {
    let (wanted, warning) = usual(std::env::var_os(VARIABLE).as_deref(), cores());
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
    start_with(wanted)
}

/// The same for so many of them, at least one, whatever the variable says.
///
/// # Errors
/// As [`start`].
pub fn start_with(wanted: usize) -> Result<()> {
    let wanted = wanted.clamp(1, MOST);
    let given = Started::of(wanted);
    if given.0.is_empty() {
        tracing::warn!("the system gives no thread: going on in this one; {REMEDY}");
        let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
        return alone.build_global().map_err(|error| Error::device(format!("{error}; {REMEDY}")));
    }
    tell_of_few(wanted, given.0.len());
    let pool = ThreadPoolBuilder::new().num_threads(given.0.len()).spawn_handler(given.hand_out());
    pool.build_global().map_err(|error| Error::device(format!("cannot start threads: {error}; {REMEDY}")))
}

/// A pool of its own, or that which [`start`] has made, where the system has no thread left.
#[derive(Debug)]
pub struct Pool(Option<ThreadPool>);

impl Pool {
    /// `threads` of them, 0 for as many as usual; fewer where the system gives no more, which a warning tells.
    ///
    /// # Errors
    /// [`Error::Device`] when rayon makes no pool of them.
    #[cfg(feature = "files")]
    pub fn new(threads: usize) -> Result<Self> {
        let wanted = wanted(threads);
        let given = Started::of(wanted);
        if given.0.is_empty() {
            return Ok(Self(None));
        }
        if threads > 0 {
            tell_of_few(threads, given.0.len());
        }
        let failed = |error: rayon::ThreadPoolBuildError| {
            Error::device(format!("cannot start {}: {error}; {REMEDY}", counted(wanted, "thread")))
        };
        let pool = ThreadPoolBuilder::new().num_threads(given.0.len()).spawn_handler(given.hand_out());
        pool.build().map(Some).map(Self).map_err(failed)
    }

    /// None: the thread that calls works alone.
    #[cfg(not(feature = "files"))]
    pub fn new(_: usize) -> Result<Self> {
        Ok(Self(None))
    }

    /// Runs `work` on it.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => joined(work),
        }
    }

    /// Runs `work` on every one of its threads at once.
    pub fn broadcast<R: Send>(&self, work: impl Fn() -> R + Sync) -> Vec<R> {
        match &self.0 {
            Some(pool) => pool.broadcast(|_| work()),
            None => joined(|| rayon::broadcast(|_| work())),
        }
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        self.0.as_ref().map_or_else(|| joined(rayon::current_num_threads), ThreadPool::current_num_threads)
    }
}

/// Threads of a pool that is asked for `threads` of them, 0 for as many as usual.
#[cfg(feature = "files")]
pub fn wanted(threads: usize) -> usize {
    match threads {
        0 => usual(std::env::var_os(VARIABLE).as_deref(), cores()).0,
        threads => threads.min(MOST),
    }
}

/// Runs `work` where its parallel loops find the common pool.
#[cfg(feature = "files")]
pub fn joined<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Runs `work` in a pool that the calling thread alone is, so that no loop starts the threads of rayon's own. A caller who is
/// one of a pool already keeps it.
#[cfg(not(feature = "files"))]
pub fn joined<R>(work: impl FnOnce() -> R) -> R {
    thread_local! {
        static ALONE: Option<ThreadPool> = {
            let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            alone.build().ok()
        };
    }
    ALONE.with(|_| ());
    work()
}

/// Work that is done apart.
#[derive(Debug)]
pub enum Apart<T> {
    /// By a thread of its own.
    Thread(JoinHandle<T>),
    /// It has been done by the thread that asked, since the system had no other.
    Done(T),
}

impl<T: Send + 'static> Apart<T> {
    /// Does `work` on a thread named `name`.
    pub fn from(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Self {
        // A thread that cannot be started would take the work with it.
        let work = Arc::new(Mutex::new(Some(work)));
        let take = |work: &Mutex<Option<_>>| {
            work.lock().unwrap_or_else(PoisonError::into_inner).take().expect("it is done once")
        };
        let its = Arc::clone(&work);
        match thread::Builder::new().name(name.to_owned()).spawn(move || take(&its)()) {
            Ok(thread) => Self::Thread(thread),
            Err(_) => Self::Done(take(&work)()),
        }
    }

    /// Whether it is done.
    pub fn is_finished(&self) -> bool {
        match self {
            Self::Thread(thread) => thread.is_finished(),
            Self::Done(_) => true,
        }
    }

    /// What has come of it.
    ///
    /// # Errors
    /// The panic of the thread.
    pub fn join(self) -> thread::Result<T> {
        match self {
            Self::Thread(thread) => thread.join(),
            Self::Done(result) => Ok(result),
        }
    }
}

/// How many threads of the common pool work at once.
pub fn count() -> usize {
    rayon::current_num_threads().max(1)
}

/// `f` of every item on the common pool, in the order of the items.
pub fn map<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    items.par_iter().map(f).collect()
}

/// Does two things at once, where there are two threads.
pub fn both<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    joined(|| rayon::join(one, other))
}

/// Hands out chunks of `size` with their numbers, on the common pool and at least `least` of them to a thread.
pub fn for_each_chunk<T: Send>(
    values: &mut [T],
    size: usize,
    least: usize,
    f: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    let chunks = values.par_chunks_exact_mut(size).enumerate().with_min_len(least);
    chunks.for_each(|(number, chunk)| f(number, chunk));
}

/// The same where one may fail.
///
/// # Errors
/// One of those of `f`.
pub fn try_for_each_chunk<T: Send, E: Send>(
    values: &mut [T],
    size: usize,
    least: usize,
    f: impl Fn(usize, &mut [T]) -> Result<(), E> + Sync + Send,
) -> Result<(), E> {
    let chunks = values.par_chunks_exact_mut(size).enumerate().with_min_len(least);
    chunks.try_for_each(|(number, chunk)| f(number, chunk))
}

/// The first chunk of `size` in which `f` finds something: its number, and what was found. Searched on the common pool, at
/// least `least` chunks to a thread.
pub fn find_first_chunk<T: Sync, R: Send>(
    values: &[T],
    size: usize,
    least: usize,
    f: impl Fn(&[T]) -> Option<R> + Sync + Send,
) -> Option<(usize, R)> {
    // A pool of one may be the thread that waits for this one.
    let least = if count() > 1 { least } else { usize::MAX };
    let chunks = values.par_chunks_exact(size).with_min_len(least).enumerate();
    chunks.find_map_first(|(number, chunk)| Some((number, f(chunk)?)))
}

/// Starts a thread `name` that ends by itself.
///
/// # Errors
/// [`Error::Device`] where the system has none left; `what` it would have done is told.
pub fn spawn(name: &str, what: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| refused(what, &error))
}

/// That a thread which `what` needs could not be started.
pub fn refused(what: &str, error: &io::Error) -> Error {
    Error::device(format!("cannot start a thread that {what}: {error}; {REMEDY}"))
}

/// Threads that wait for a pool to be made of them; those that none was made of end.
struct Started(Vec<Sender<ThreadBuilder>>);

impl Started {
    /// As many of `wanted` as the system gives. Where it gives fewer, half of them: others need some, too.
    fn of(wanted: usize) -> Self {
        let mut started = Vec::new();
        while started.len() < wanted {
            let (make, made) = channel::<ThreadBuilder>();
            let wait = move || {
                if let Ok(thread) = made.recv() {
                    thread.run();
                }
            };
            if thread::Builder::new().spawn(wait).is_err() {
                started.truncate(started.len().div_ceil(2));
                break;
            }
            started.push(make);
        }
        Self(started)
    }

    /// Gives one of them to each thread that a pool asks for.
    fn hand_out(self) -> impl FnMut(ThreadBuilder) -> io::Result<()> {
        let mut waiting = self.0.into_iter();
        move |thread| {
            let next = waiting.next().ok_or(io::ErrorKind::WouldBlock)?;
            next.send(thread).map_err(|_| io::ErrorKind::BrokenPipe.into())
        }
    }
}

/// One a core that this program may use.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// What the variable asks for, else one a core; a warning where it asks for what cannot be.
fn usual(variable: Option<&OsStr>, cores: usize) -> (usize, Option<String>) {
    let Some(text) = variable else { return (cores, None) };
    let text = text.to_string_lossy();
    let fact = |now| format!("{VARIABLE}={text}: {now}");
    match text.trim().parse::<usize>() {
        Ok(0) => (cores, None),
        Ok(count) if count <= MOST => (count, None),
        Err(_) if text.trim().is_empty() => (cores, None),
        Err(_) if !is_huge(&text) => {
            let now = format!("no number of threads; going on with {cores}, one a core");
            (cores, Some(fact(now)))
        }
        Ok(_) | Err(_) => {
            (MOST, Some(fact(format!("there are {MOST} threads at most; going on with those"))))
        }
    }
}

/// Whether a text is a number that is only too large.
fn is_huge(text: &str) -> bool {
    text.trim().trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit())
}

fn tell_of_few(wanted: usize, given: usize) {
    if given < wanted {
        let fact =
            format!("{} wanted, {given} of them used: the system gives no more", counted(wanted, "thread"));
        tracing::warn!("{fact}; {REMEDY}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_counts_up_to_the_most_and_nonsense_is_told() {
        let seen = |text: &str| {
            let (threads, warning) = usual(Some(OsStr::new(text)), 6);
            (threads, warning.is_some())
        };
        assert_eq!(usual(None, 6), (6, None));
        assert_eq!(
            ["3", " 3 ", "1024", "0", ""].map(seen),
            [3, 3, 1024, 6, 6].map(|threads| (threads, false))
        );
        assert_eq!(["20000", "99999999999999999999999"].map(seen), [(MOST, true); 2]);
        assert_eq!(["abc", "-1", "2.5", "1e3"].map(seen), [(6, true); 4]);
        let (_, warning) = usual(Some(OsStr::new("20000")), 6);
        assert_eq!(
            warning.as_deref(),
            Some("RAYON_NUM_THREADS=20000: there are 1024 threads at most; going on with those")
        );
    }

    #[test]
    fn a_pool_of_threads_that_wait_computes_on_all_of_them() {
        let pool = Pool::new(3).unwrap();
        assert_eq!((pool.threads(), pool.install(rayon::current_num_threads)), (3, 3));
        assert_eq!(pool.broadcast(|| 1).len(), 3);
        assert!(Pool::new(20_000).unwrap().threads() <= MOST);
    }

    #[test]
    fn without_a_pool_of_its_own_work_is_done_by_the_common_one() {
        let none = Pool(None);
        assert_eq!(none.install(|| 7), 7);
        assert_eq!(none.broadcast(|| 1).len(), none.threads());
    }

    #[test]
    fn work_is_done_apart_and_its_result_comes_back() {
        let apart = Apart::from("worker", || thread::current().name().map(str::to_owned));
        assert_eq!(apart.join().unwrap().as_deref(), Some("worker"));
        let done = Apart::Done(3);
        assert!(done.is_finished() && done.join().unwrap() == 3);
    }

    #[test]
    fn threads_that_no_pool_was_made_of_end() {
        drop(Started::of(4));
        assert_eq!(Started::of(4).0.len(), 4);
    }
}
