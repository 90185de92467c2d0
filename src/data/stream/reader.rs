//! A thread that reads rows ahead of whoever needs them.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::rows::RowSum;
use super::store::Store;
use super::transform::check_finite;
use crate::error::Result;
use crate::io::threads;

/// Ranges of rows that are read one after the other.
pub type Job = Vec<Range<usize>>;

/// Rows that were read.
#[derive(Debug)]
pub struct Loaded {
    /// One row after the other.
    pub bytes: Vec<u8>,
    /// Of these rows.
    pub sum: RowSum,
}

/// Reads jobs in the order in which they were asked for. Ends with whoever holds it.
#[derive(Debug)]
pub struct Reader {
    jobs: SyncSender<Job>,
    done: Mutex<Receiver<Result<Loaded>>>,
}

impl Reader {
    /// Starts the thread; of what it has read, at most one job waits to be taken.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(store: Arc<Store>) -> Result<Self> {
        let (jobs, asked) = sync_channel::<Job>(2);
        let (deliver, done) = sync_channel(0);
        let read = move || {
            for job in asked {
                if deliver.send(read(&store, &job)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .name("reader of examples".to_owned())
            .spawn(read)
            .map_err(|error| threads::refused("reads rows", &error))?;
        Ok(Self { jobs, done: Mutex::new(done) })
    }

    /// Asks for rows; waits only when two jobs are waiting already.
    pub fn ask(&self, job: Job) {
        self.jobs.send(job).expect("the thread ends with its reader");
    }

    /// The rows of the oldest job that has not been taken.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn take(&self) -> Result<Loaded> {
        let done = self.done.lock().expect("nobody panics while he takes");
        done.recv().expect("the thread ends with its reader")
    }
}

/// The rows of a job, all of them finite.
pub fn read(store: &Store, job: &[Range<usize>]) -> Result<Loaded> {
    let rows = job.iter().map(Range::len).sum::<usize>();
    let mut bytes = Vec::with_capacity(rows * store.row_bytes());
    let mut sum = RowSum::default();
    for range in job {
        let at = bytes.len();
        store.read(range.start, range.len(), &mut bytes)?;
        sum = sum.and(RowSum::of(&bytes[at..], store.row_bytes(), range.start));
    }
    check_finite(store, &bytes, |at| job.iter().flat_map(Range::clone).nth(at).unwrap_or_default())?;
    Ok(Loaded { bytes, sum })
}
