//! Rows that stay on disk: arrays of numbers of one type and width in one file or several, read at any position. Nothing is in
//! memory but their headers, a few open files, and where a subset of the rows is taken the list of it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::files::{Handles, OPEN, Shard};
use super::medium::Medium;
use super::row_sum::{Differs, RowCheck, RowSum};
use crate::data::dtype::DType;
use crate::data::subset::Subset;
use crate::error::{Error, Result};
use crate::io::threads;

/// Bytes that are read at a time where all rows are.
pub const PIECE: usize = 1 << 20;

/// Rows in one file or several, all of them or some.
#[derive(Debug)]
pub struct Store {
    files: Arc<Files>,
    /// Which of the rows of the files these are, where they are not all.
    subset: Option<Subset>,
    check: Arc<RowCheck>,
    /// The rest of the rows of a store that was parted, where this is a part of one.
    parted: Option<Parted>,
    /// m.
    pub rows: usize,
    /// n.
    pub cols: usize,
    /// The type of the numbers; rows are handed out with their lowest byte first.
    pub dtype: DType,
}

/// Files whose rows stand one behind the other.
#[derive(Debug)]
struct Files {
    shards: Vec<Shard>,
    handles: Handles,
    rows: usize,
}

/// A part of a store: once both parts have been read whole, all of its rows have.
#[derive(Debug)]
struct Parted {
    whole: Arc<RowCheck>,
    /// Rows of the whole.
    rows: usize,
    other: Arc<RowCheck>,
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
        let files = Arc::new(Files { shards, handles: Handles::default(), rows });
        Ok(Self { files, subset: None, check: Arc::default(), parted: None, rows, cols, dtype })
    }

    /// Some of these rows, as a store of their own.
    #[must_use]
    pub fn subset(&self, subset: &Subset) -> Self {
        let rows = subset.len();
        let subset = match &self.subset {
            Some(outer) => outer.then(subset, self.files.rows),
            None => subset.clone(),
        };
        let files = Arc::clone(&self.files);
        let (cols, dtype) = (self.cols, self.dtype);
        Self { files, subset: Some(subset), check: Arc::default(), parted: None, rows, cols, dtype }
    }

    /// Two stores of these rows, each of which has those that the other has not. Once both have been read whole, their rows
    /// are compared with what is known of all.
    #[must_use]
    pub fn parted(&self, parts: &[Subset; 2]) -> [Self; 2] {
        let [mut one, mut other] = [&parts[0], &parts[1]].map(|part| self.subset(part));
        let rest = |other: &Self| Parted {
            whole: Arc::clone(&self.check),
            rows: self.rows,
            other: Arc::clone(&other.check),
        };
        (one.parted, other.parted) = (Some(rest(&other)), Some(rest(&one)));
        [one, other]
    }

    /// Files that are few are kept open from now on, whatever becomes of their names.
    ///
    /// # Errors
    /// [`Error::Input`] when one is no longer the file that it was, [`Error::Io`] when it cannot be opened.
    pub(in crate::data) fn keep_open(&self) -> Result<()> {
        let all = if self.shards().len() <= OPEN { self.shards().len() } else { 0 };
        (0..all).try_for_each(|number| self.medium(number).map(drop))
    }

    /// The rows of several stores of one width and type, one behind the other.
    ///
    /// # Errors
    /// More rows than can be counted, and files that were changed since.
    pub fn joined(stores: impl IntoIterator<Item = Self>) -> Result<Option<Self>> {
        let mut stores = stores.into_iter();
        let Some(first) = stores.next() else { return Ok(None) };
        let kind = (first.dtype, first.cols);
        let shards = std::iter::once(first).chain(stores).flat_map(|store| {
            let files = Arc::try_unwrap(store.files);
            files.map_or_else(|shared| shared.shards.clone(), |files| files.shards)
        });
        Self::of(kind, shards.collect()).map(Some)
    }

    /// The files, in order.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.files.shards
    }

    /// Rows of the files, from the first on, that decide which rows these are and what stands in them: all, unless these
    /// are the first ones.
    pub fn reach(&self) -> usize {
        match &self.subset {
            Some(subset) if subset.end() == self.rows => self.rows,
            _ => self.files.rows,
        }
    }

    /// Bytes of the list of the rows that these are.
    pub fn list_bytes(&self) -> u64 {
        self.subset.as_ref().map_or(0, Subset::list_bytes)
    }

    /// Neighbouring rows as runs of rows of the files.
    fn runs(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let of_all = self.subset.is_none().then(|| rows.clone()).filter(|rows| !rows.is_empty());
        let of_subset = self.subset.as_ref().map(|subset| subset.runs(rows));
        of_all.into_iter().chain(of_subset.into_iter().flatten())
    }

    /// The number of a row among those of the files.
    fn number(&self, row: usize) -> usize {
        self.subset.as_ref().map_or(row, |subset| subset.number(row))
    }

    /// The sum over neighbouring rows from `first` on, whose bytes were read; rows have the numbers of those of the files.
    pub(super) fn sum_of(&self, bytes: &[u8], first: usize) -> RowSum {
        let row_bytes = self.row_bytes();
        let mut rest = bytes;
        self.runs(first..first + bytes.len() / row_bytes).fold(RowSum::default(), |sum, run| {
            let (rows, others) = rest.split_at(run.len() * row_bytes);
            rest = others;
            sum.and(RowSum::of(rows, row_bytes, run.start))
        })
    }

    /// File `number`, open, or the memory that stands for it.
    pub(super) fn medium(&self, number: usize) -> Result<Medium> {
        let shard = &self.shards()[number];
        match &shard.memory {
            Some(memory) => Ok(Medium::Memory(memory.clone())),
            None => self.files.handles.get(number, shard).map(Medium::File),
        }
    }

    /// The file, or the folder of the files; the first one where they lie in several.
    pub fn path(&self) -> &Path {
        let Some((first, others)) = self.shards().split_first() else { return Path::new(".") };
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
        self.compare(&self.check, sum, self.rows)?;
        match &self.parted {
            Some(Parted { whole, rows, other }) => match other.known() {
                Some(others) => self.compare(whole, sum.and(others), *rows),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Compares the sum over `rows` rows with what is known of them.
    fn compare(&self, check: &RowCheck, sum: RowSum, rows: usize) -> Result<()> {
        let changed = || self.shards().iter().find(|shard| shard.is_changed()).map(|shard| &*shard.path);
        match check.complete(sum) {
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
                let sums = format!("hashes of {is}, was {was}");
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
    /// Rows that are near each other in a file are read together, with those between them.
    ///
    /// # Errors
    /// [`Error::Io`] when they cannot be read, [`Error::Input`] when a file has become shorter.
    pub fn read(&self, first: usize, count: usize, out: &mut Vec<u8>) -> Result<()> {
        let row_bytes = self.row_bytes();
        out.reserve(count * row_bytes);
        let (mut runs, mut span) = (self.runs(first..first + count).peekable(), Vec::new());
        while let Some(run) = runs.next() {
            let (begin, mut end) = (run.start, run.end);
            let most = (PIECE / row_bytes).max(1);
            let near = self.gap(begin);
            let mut group = vec![run];
            while let Some(next) = runs.next_if(|next| next.start - end <= near && next.end - begin <= most) {
                end = next.end;
                group.push(next);
            }
            if let [run] = &group[..] {
                self.read_run(run.clone(), out)?;
                continue;
            }
            span.clear();
            self.read_run(begin..end, &mut span)?;
            for run in group {
                out.extend_from_slice(&span[(run.start - begin) * row_bytes..(run.end - begin) * row_bytes]);
            }
        }
        Ok(())
    }

    /// Rows between two that are read rather than passed over: a page of memory of them, or where a row's numbers lie apart
    /// as many as are read at a time.
    fn gap(&self, row: usize) -> usize {
        const PAGE: usize = 4096;
        let is_plain = self.shards()[self.shard_of(row)].layout.is_plain();
        if is_plain { PAGE / self.row_bytes() } else { PIECE / self.row_bytes() }
    }

    /// Appends neighbouring rows of the files.
    fn read_run(&self, run: Range<usize>, out: &mut Vec<u8>) -> Result<()> {
        for number in self.shard_of(run.start)..self.shards().len() {
            let shard = &self.shards()[number];
            if shard.first >= run.end {
                break;
            }
            let (start, stop) = (run.start.max(shard.first), run.end.min(shard.first + shard.rows));
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
            let row = self.number(rows[at]);
            let number = self.shard_of(row);
            self.read_from(number, row - self.shards()[number].first, out)
        })
    }

    /// Fills `out` from row `row` of file `number` on.
    fn read_from(&self, number: usize, row: usize, out: &mut [u8]) -> Result<()> {
        let shard = &self.shards()[number];
        shard.layout.read(&self.medium(number)?, row, out).map_err(|error| shard.failed(error))
    }

    /// The number of the file that holds a row of the files.
    fn shard_of(&self, row: usize) -> usize {
        self.shards().partition_point(|shard| shard.first + shard.rows <= row)
    }

    /// All rows, from the first to the last, about [`PIECE`] bytes at a time.
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, piece) = (self.rows, (PIECE / self.row_bytes()).max(1));
        (0..rows).step_by(piece).map(move |first| first..rows.min(first.saturating_add(piece)))
    }

    /// The file that holds a row, and the row's number in it.
    pub fn place(&self, row: usize) -> (&Path, usize) {
        let row = self.number(row);
        let shard = &self.shards()[self.shard_of(row)];
        (&shard.path, row - shard.first)
    }
}
