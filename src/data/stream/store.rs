//! Rows that stay on disk: one file of bare numbers or several of the same width, read at any position. Nothing is in
//! memory but their headers, and a few open files.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::files::{Handles, OPEN, Shard, read_at};
use super::row_sum::{Differs, RowCheck, RowSum};
use crate::data::dtype::DType;
use crate::data::reading::RawRows;
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
    /// The type of the numbers: U8, F16 or F32, lowest byte first.
    pub dtype: DType,
}

impl Store {
    /// Files that are few are kept open from now on, whatever becomes of their names.
    pub(super) fn of(RawRows { dtype, cols }: RawRows, mut shards: Vec<Shard>) -> Result<Self> {
        let mut rows = 0_usize;
        for shard in &mut shards {
            shard.first = rows;
            let more = rows.checked_add(shard.rows);
            rows = more.ok_or_else(|| Error::input(&shard.path, "more rows than can be counted"))?;
        }
        let (handles, check) = (Handles::default(), RowCheck::default());
        if shards.len() <= OPEN {
            (0..shards.len()).try_for_each(|number| handles.get(number, &shards[number]).map(drop))?;
        }
        Ok(Self { shards, handles, check, rows, cols, dtype })
    }

    /// The files, in order.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// File `number`, open.
    pub(super) fn file(&self, number: usize) -> Result<Arc<File>> {
        self.handles.get(number, &self.shards[number])
    }

    /// The file, or the folder of the files.
    pub fn path(&self) -> &Path {
        match &self.shards[..] {
            [shard] => &shard.path,
            shards => shards.first().and_then(|shard| shard.path.parent()).unwrap_or(Path::new(".")),
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

    /// Appends the bytes of `count` rows from row `first` on to `out`.
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
        let offset = shard.offset + row as u64 * self.row_bytes() as u64;
        read_at(&*self.file(number)?, out, offset).map_err(|error| shard.failed(error))
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
