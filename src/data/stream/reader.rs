//! Rows that are read from a store: at once, all of them, or ahead on a thread of its own.

use std::ops::Range;
use std::slice;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use super::finite::check_finite;
use super::row_sum::RowSum;
use super::store::Store;
use crate::data::dtype::Endian;
use crate::data::formats::{check_memory, reserved};
use crate::data::table::{NumberHash, Table};
use crate::error::Result;
use crate::io::threads;

/// Ranges of rows that are read one after the other.
pub type RowRanges = Vec<Range<usize>>;

/// Rows that were read.
#[derive(Debug)]
pub struct LoadedRows {
    /// One row after the other.
    pub bytes: Vec<u8>,
    /// Of these rows.
    pub sum: RowSum,
}

/// Reads jobs in the order in which they were asked for. Ends with whoever holds it.
#[derive(Debug)]
pub struct Reader {
    jobs: SyncSender<RowRanges>,
    done: Mutex<Receiver<Result<LoadedRows>>>,
}

impl Reader {
    /// Starts the thread; of what it has read, at most one job waits to be taken.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(store: Arc<Store>) -> Result<Self> {
        let (jobs, asked) = sync_channel::<RowRanges>(2);
        let (deliver, done) = sync_channel(0);
        let read = move || {
            for job in asked {
                if deliver.send(read(&store, &job)).is_err() {
                    return;
                }
            }
        };
        threads::spawn("reader of examples", "reads rows", read)?;
        Ok(Self { jobs, done: Mutex::new(done) })
    }

    /// Asks for rows; waits only when two jobs are waiting already.
    pub fn ask(&self, job: RowRanges) {
        self.jobs.send(job).expect("the thread ends with its reader");
    }

    /// The rows of the oldest job that has not been taken.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn take(&self) -> Result<LoadedRows> {
        let done = self.done.lock().expect("nobody panics while he takes");
        done.recv().expect("the thread ends with its reader")
    }
}

/// The rows of a job, all of them finite.
pub fn read(store: &Store, job: &[Range<usize>]) -> Result<LoadedRows> {
    let rows = job.iter().map(Range::len).sum::<usize>();
    let mut bytes = Vec::with_capacity(rows * store.row_bytes());
    let mut sum = RowSum::default();
    for range in job {
        let at = bytes.len();
        store.read(range.start, range.len(), &mut bytes)?;
        sum = sum.and(store.sum_of(&bytes[at..], range.start));
    }
    check_finite(store, &bytes, |at| job.iter().flat_map(Range::clone).nth(at).unwrap_or_default())?;
    Ok(LoadedRows { bytes, sum })
}

impl Store {
    /// The hash that [`Table::fingerprint`] gives of the first `rows` rows.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn table_fingerprint(&self, rows: usize) -> Result<String> {
        let mut hash = NumberHash::default();
        for piece in self.pieces().take_while(|piece| piece.start < rows) {
            let bytes = read(self, slice::from_ref(&(piece.start..piece.end.min(rows))))?.bytes;
            hash.add(&self.dtype.decode(&bytes, Endian::Little));
        }
        Ok(hash.finish())
    }

    /// All rows in memory.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn table(&self) -> Result<Table> {
        let numbers = (self.rows as u64).saturating_mul(self.cols as u64);
        check_memory(self.path(), numbers.saturating_mul(size_of::<f64>() as u64))?;
        let mut values = reserved(self.path(), self.rows.saturating_mul(self.cols))?;
        for rows in self.pieces() {
            let bytes = read(self, slice::from_ref(&rows))?.bytes;
            values.extend(self.dtype.decode(&bytes, Endian::Little));
        }
        Ok(Table { rows: self.rows, cols: self.cols, dtype: self.dtype, values })
    }
}
