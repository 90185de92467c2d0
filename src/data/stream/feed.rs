//! Rows on disk as a dataset that prefetches: the rows of the next batches are read while the engine computes.
//!
//! Mini-batches follow [`Windows`], so the windows are read in their order; passes over all rows go from the first to
//! the last, so that the next piece as long as the last one is read ahead. An order without runs is one window of all
//! rows, which need not fit: its rows are read one by one, several at a time. Rows that are looked at besides, which come in
//! their order, are read so, too, and never move the windows.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use super::finite::check_finite;
use super::reader::{LoadedRows, Reader, RowRanges, read};
use super::row_sum::{RowSum, Scattered, Sequential};
use super::store::Store;
use super::transform::Transform;
use crate::data::batches::{Codes, Dataset, RowSelection};
use crate::data::shuffle::{Shuffle, Windows};
use crate::error::Result;

/// Windows in memory: a mini-batch may lie in two.
const KEPT: usize = 2;
/// Rows of a mini-batch that come in the order of the file by chance, at most.
const BY_CHANCE: usize = 8;
/// Bytes of rows that are kept because the same ones are looked at again and again.
const LOOK: usize = 1 << 20;

/// The rows of a store, read ahead.
#[derive(Debug)]
pub struct Feed {
    store: Arc<Store>,
    transform: Transform,
    /// `None` where the order has no runs.
    batches: Option<Batches>,
    /// Which rows have come one by one, where that is asked for.
    scattered: Option<Scattered>,
    /// The rows that were looked at last, and their bytes.
    look: Option<(Vec<usize>, Vec<u8>)>,
    sequence: Sequence,
}

impl Feed {
    /// Feeds rows in the order of `shuffle`.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn new(store: Arc<Store>, transform: Transform, shuffle: Shuffle) -> Result<Self> {
        let batches = shuffle.run.map(|_| Batches::new(&store, shuffle)).transpose()?;
        let reader = Reader::start(Arc::clone(&store))?;
        let sequence = Sequence { reader, ahead: None, pass: Sequential::default() };
        Ok(Self { store, transform, batches, scattered: None, look: None, sequence })
    }

    /// Reads ahead from where the order stands after `rows` rows.
    pub fn after(mut self, rows: u64) -> Self {
        if let Some(batches) = &mut self.batches {
            batches.windows.skip(rows);
        }
        self
    }

    /// Mini-batches take every row once an epoch: where rows are read one by one, an epoch is compared with the pass
    /// before, for a bit a row.
    pub fn comparing_epochs(mut self) -> Self {
        self.scattered = self.batches.is_none().then(Scattered::default);
        self
    }

    /// Bytes that comparing epochs of `rows` rows takes.
    pub fn bytes_of_epochs(rows: usize) -> usize {
        Scattered::bytes(rows)
    }

    /// The bytes of the rows of a selection.
    fn bytes(&mut self, rows: &RowSelection<'_>) -> Result<Vec<u8>> {
        match rows {
            RowSelection::Range(range) => self.sequence.take(&self.store, range),
            RowSelection::Listed(list) => {
                if self.batches.is_some() && list.len() > BY_CHANCE && list.is_sorted() {
                    return self.looked_at(list);
                }
                let Some(batches) = &mut self.batches else { return self.one_by_one(list) };
                let mut bytes = Vec::with_capacity(list.len() * self.store.row_bytes());
                list.iter().try_for_each(|&row| batches.append(&self.store, row, &mut bytes))?;
                Ok(bytes)
            }
        }
    }

    /// Rows that are no mini-batch, wherever the windows stand.
    fn looked_at(&mut self, list: &[usize]) -> Result<Vec<u8>> {
        if let Some((_, bytes)) = self.look.as_ref().filter(|(rows, _)| rows == list) {
            return Ok(bytes.clone());
        }
        let bytes = self.one_by_one(list)?;
        self.look = (bytes.len() <= LOOK).then(|| (list.to_vec(), bytes.clone()));
        Ok(bytes)
    }

    fn one_by_one(&mut self, list: &[usize]) -> Result<Vec<u8>> {
        let (store, row_bytes) = (&*self.store, self.store.row_bytes());
        let mut bytes = vec![0; list.len() * row_bytes];
        store.read_listed(list, &mut bytes)?;
        check_finite(store, &bytes, |at| list[at])?;
        if let Some(scattered) = &mut self.scattered {
            for (row, bytes) in list.iter().zip(bytes.chunks_exact(row_bytes)) {
                if let Some(sum) = scattered.add(*row, store.sum_of(bytes, *row), store.rows) {
                    store.passed(sum)?;
                }
            }
        }
        Ok(bytes)
    }
}

impl Dataset for Feed {
    fn size(&self) -> (usize, usize) {
        (self.store.rows, self.transform.outputs())
    }

    fn numbers(&mut self, rows: &RowSelection<'_>, out: &mut [f32]) -> Result<()> {
        let bytes = self.bytes(rows)?;
        self.transform.apply(&bytes, out);
        Ok(())
    }

    fn codes(&self) -> Option<&Codes> {
        self.transform.codes()
    }

    fn codes_of(&mut self, rows: &RowSelection<'_>, stride: usize, out: &mut [u8]) -> Result<()> {
        let (bytes, row_bytes) = (self.bytes(rows)?, self.store.row_bytes());
        for (out, row) in out.chunks_exact_mut(stride).zip(bytes.chunks_exact(row_bytes)) {
            out[..row_bytes].copy_from_slice(row);
        }
        Ok(())
    }
}

/// Rows in the order of windows.
#[derive(Debug)]
struct Batches {
    reader: Reader,
    windows: Windows,
    /// Windows that are being read.
    asked: VecDeque<PendingWindow>,
    windows_read: VecDeque<Window>,
    /// Of the windows of this epoch, as long as none of them is missing.
    pass: Option<RowSum>,
}

/// A window that is being read.
#[derive(Debug)]
struct PendingWindow {
    job: RowRanges,
    /// Whether it is the first and the last of its epoch.
    first: bool,
    last: bool,
}

/// Rows at hand.
#[derive(Debug)]
struct Window {
    /// Where the first row of each run lies in `bytes`, by the number of the run.
    runs: HashMap<usize, usize>,
    bytes: Vec<u8>,
}

impl Batches {
    fn new(store: &Arc<Store>, shuffle: Shuffle) -> Result<Self> {
        let windows = Windows::new(store.rows, shuffle);
        let reader = Reader::start(Arc::clone(store))?;
        Ok(Self { reader, windows, asked: VecDeque::new(), windows_read: VecDeque::new(), pass: None })
    }

    fn append(&mut self, store: &Store, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.ask_ahead();
        while self.find(row, store.row_bytes()).is_none() && self.is_asked_for(row) {
            self.advance(store)?;
        }
        match self.find(row, store.row_bytes()) {
            Some(bytes) => out.extend_from_slice(bytes),
            None => out.extend(read(store, slice::from_ref(&(row..row + 1)))?.bytes),
        }
        Ok(())
    }

    fn is_asked_for(&self, row: usize) -> bool {
        self.asked.iter().flat_map(|asked| &asked.job).any(|range| range.contains(&row))
    }

    /// Has the next two windows read.
    fn ask_ahead(&mut self) {
        while self.asked.len() < 2 {
            let first = self.windows.begins_epoch();
            let (job, last) = self.windows.next_window();
            self.reader.ask(job.clone());
            self.asked.push_back(PendingWindow { job, first, last });
        }
    }

    fn find(&self, row: usize, row_bytes: usize) -> Option<&[u8]> {
        let run = self.windows.run();
        let at = |window: &Window| window.runs.get(&(row / run)).map(|first| first + row % run * row_bytes);
        self.windows_read
            .iter()
            .rev()
            .find_map(|window| at(window).map(|at| &window.bytes[at..at + row_bytes]))
    }

    /// Takes the next window, and has another one read.
    fn advance(&mut self, store: &Store) -> Result<()> {
        if self.windows_read.len() == KEPT {
            self.windows_read.pop_front();
        }
        let Some(PendingWindow { job, first, last }) = self.asked.pop_front() else { return Ok(()) };
        let LoadedRows { bytes, sum } = self.reader.take()?;
        self.pass = if first { Some(sum) } else { self.pass.map(|before| before.and(sum)) };
        if let Some(sum) = self.pass.filter(|_| last) {
            store.passed(sum)?;
        }
        let mut at = 0;
        let place = |range: &Range<usize>| {
            let place = (range.start / self.windows.run(), at);
            at += range.len() * store.row_bytes();
            place
        };
        self.windows_read.push_back(Window { runs: job.iter().map(place).collect(), bytes });
        self.ask_ahead();
        Ok(())
    }
}

/// Rows from the first to the last.
#[derive(Debug)]
struct Sequence {
    reader: Reader,
    /// The rows that are being read.
    ahead: Option<Range<usize>>,
    pass: Sequential,
}

impl Sequence {
    fn take(&mut self, store: &Store, range: &Range<usize>) -> Result<Vec<u8>> {
        let LoadedRows { bytes, sum } = match self.ahead.take() {
            Some(ahead) if ahead == *range => self.reader.take()?,
            other => {
                // What was read for nothing makes room.
                other.map(|_| self.reader.take());
                read(store, slice::from_ref(range))?
            }
        };
        if let Some(sum) = self.pass.add(range.start, range.len(), sum, store.rows) {
            store.passed(sum)?;
        }
        let next = range.end..range.end.saturating_add(range.len()).min(store.rows);
        if !next.is_empty() {
            self.reader.ask(vec![next.clone()]);
            self.ahead = Some(next);
        }
        Ok(bytes)
    }
}
