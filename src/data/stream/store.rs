//! Rows that stay on disk: arrays of numbers of one type and width in one file or several, read at any position. Nothing is in
//! memory but their headers, and a few open files.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::files::{Handles, OPEN, Shard};
use super::row_sum::{Differs, RowCheck, RowSum};
use crate::data::dtype::DType;
use crate::error::{Error, Result};
use crate::io::threads;

/// Bytes that are read at a time where all rows are.
pub const PIECE: usize = 1 << 20;

/// Rows in one file or several.
#[derive(Debug)]
pub struct Store {
    shards: Vec<Shard>,
    handles: Handles,
    check: RowCheck,
    /// m.
    pub rows: usize,
    /// n.
    pub cols: usize,
    /// The type of the numbers; rows are handed out with their lowest byte first.
    pub dtype: DType,
}

impl Store {
    /// The rows of these files, one behind the other.
    pub(super) fn of((dtype, cols): (DType, usize), mut shards: Vec<Shard>) -> Result<Self> {
        let mut rows = 0_usize;
        for shard in &mut shards {
            shard.first = rows;
            let more = rows.checked_add(shard.rows);
            rows = more.ok_or_else(|| Error::input(&shard.path, "more rows than can be counted"))?;
        }
        let (handles, check) = (Handles::default(), RowCheck::default());
        Ok(Self { shards, handles, check, rows, cols, dtype })
    }

    /// Files that are few are kept open from now on, whatever becomes of their names.
    ///
    /// # Errors
    /// [`Error::Input`] when one is no longer the file that it was, [`Error::Io`] when it cannot be opened.
    pub(in crate::data) fn keep_open(&self) -> Result<()> {
        let all = if self.shards.len() <= OPEN { self.shards.len() } else { 0 };
        (0..all).try_for_each(|number| self.file(number).map(drop))
    }

    /// The rows of several stores of one width and type, one behind the other.
    ///
    /// # Errors
    /// More rows than can be counted, and files that were changed since.
    pub fn joined(stores: impl IntoIterator<Item = Self>) -> Result<Option<Self>> {
        let mut stores = stores.into_iter();
        let Some(mut first) = stores.next() else { return Ok(None) };
        stores.for_each(|store| first.shards.extend(store.shards));
        Self::of((first.dtype, first.cols), first.shards).map(Some)
    }

    /// The files, in order.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// File `number`, open.
    pub(super) fn file(&self, number: usize) -> Result<Arc<File>> {
        self.handles.get(number, &self.shards[number])
    }

    /// The file, or the folder of the files; the first one where they lie in several.
    pub fn path(&self) -> &Path {
        let Some((first, others)) = self.shards.split_first() else { return Path::new(".") };
        match first.path.parent() {
            Some(folder)
                if !others.is_empty() && others.iter().all(|shard| shard.path.parent() == Some(folder)) =>
            {
                folder
            }
            _ => &first.path,
        }
    }

    /// The hash of all rows, once they have been read whole.
    pub fn check(&self) -> &RowCheck {
        &self.check
    }

    /// Takes note of a complete pass over all rows.
    ///
    /// # Errors
    /// [`Error::Input`] when an earlier pass has found other rows.
    pub(super) fn passed(&self, sum: RowSum) -> Result<()> {
        let changed = || self.shards.iter().find(|shard| shard.is_changed()).map(|shard| &*shard.path);
        match self.check.complete(sum) {
            Ok(false) => Ok(()),
            Ok(true) => {
                if let Some(path) = changed() {
                    let path = path.display();
                    tracing::warn!("{path}: written to while it was read; rows may be of before and after");
                }
                Ok(())
            }
            Err(Differs { was, is, pass, earlier }) => {
                let path = changed().unwrap_or(self.path());
                let (rows, sums) = (self.rows, format!("hashes of {is}, was {was}"));
                let reason = if earlier {
                    format!(
                        "its {rows} rows are not those that the run has learned from ({sums}); give the data as they \
                         were, or `data_changed`"
                    )
                } else {
                    format!(
                        "it has changed while it was read: pass {pass} over {rows} rows has found others than the pass \
                         before ({sums}); let nothing write to it, and start again"
                    )
                };
                Err(Error::input(path, reason))
            }
        }
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.cols * self.dtype.size()
    }

    /// Appends the bytes of `count` rows from row `first` on to `out`, one behind the other, whatever their order in the file.
    ///
    /// # Errors
    /// [`Error::Io`] when they cannot be read, [`Error::Input`] when a file has become shorter.
    pub fn read(&self, first: usize, count: usize, out: &mut Vec<u8>) -> Result<()> {
        let end = first + count;
        let from = self.shard_of(first);
        for number in from..self.shards.len() {
            let shard = &self.shards[number];
            if shard.first >= end {
                break;
            }
            let (start, stop) = (first.max(shard.first), end.min(shard.first + shard.rows));
            let at = out.len();
            out.resize(at + (stop - start) * self.row_bytes(), 0);
            self.read_from(number, start - shard.first, &mut out[at..])?;
        }
        Ok(())
    }

    /// Fills `out` with the bytes of rows in any order, each read by itself, several at a time.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_listed(&self, rows: &[usize], out: &mut [u8]) -> Result<()> {
        threads::try_for_each_chunk(out, self.row_bytes(), 8, |at, out| {
            let (number, row) = (self.shard_of(rows[at]), rows[at]);
            self.read_from(number, row - self.shards[number].first, out)
        })
    }

    /// Fills `out` from row `row` of file `number` on.
    fn read_from(&self, number: usize, row: usize, out: &mut [u8]) -> Result<()> {
        let shard = &self.shards[number];
        shard.layout.read(&*self.file(number)?, row, out).map_err(|error| shard.failed(error))
    }

    /// The number of the file that holds a row.
    fn shard_of(&self, row: usize) -> usize {
        self.shards.partition_point(|shard| shard.first + shard.rows <= row)
    }

    /// All rows, from the first to the last, about [`PIECE`] bytes at a time.
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, piece) = (self.rows, (PIECE / self.row_bytes()).max(1));
        (0..rows).step_by(piece).map(move |first| first..rows.min(first.saturating_add(piece)))
    }

    /// The file that holds a row, and the row's number in it.
    pub fn place(&self, row: usize) -> (&Path, usize) {
        let shard = &self.shards[self.shard_of(row)];
        (&shard.path, row - shard.first)
    }
}
