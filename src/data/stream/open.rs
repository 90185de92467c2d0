//! Opening of rows that stay on disk: an array in a file whose header was read, arrays of several files as one, and files of bare
//! numbers.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::Shard;
use super::layout::RowLayout;
use super::medium::SharedMemory;
use super::store::Store;
use crate::data::ambiguity;
use crate::data::axes::Meaning;
use crate::data::description::{DataContents, DataDescription};
use crate::data::dtype::{DType, Endian};
use crate::data::formats::{ArrayBytes, ArrayLayout, KnownLength, check_length};
use crate::data::listing::Listing;
use crate::data::reading::{RawRows, Reading};
use crate::data::source::{Opened, Source};
use crate::error::{Error, Result};
use crate::io::safe_open::{self, FileRange};

/// The name of rows that a program holds, in messages.
const IN_MEMORY: &str = "rows in memory";

/// An array in a file whose header was read.
pub struct ArrayInFile<'a> {
    /// The file, for messages.
    pub path: &'a Path,
    /// The same, open.
    pub file: &'a File,
    /// What the header says.
    pub layout: ArrayLayout,
    /// Where the numbers begin, bytes.
    pub offset: u64,
    /// Bytes that are there from then on.
    pub length: u64,
}

/// Rows of a file that can be read one by one.
pub struct StoredRows {
    dtype: DType,
    cols: usize,
    shard: Shard,
    description: DataDescription,
}

impl ArrayInFile<'_> {
    /// Rows or pictures, as `reading` says or as arrays of so many dimensions usually are. Rows that can be read one by one
    /// are left where they are if they may.
    ///
    /// # Errors
    /// [`Error::Input`] for an array that is not whole, and what `reading` does not fit.
    pub fn open(self, reading: &Reading, stays: bool) -> Result<Opened> {
        if stays && let Some(StoredRows { dtype, cols, shard, description }) = self.rows(reading)? {
            let store = Store::of((dtype, cols), vec![shard])?;
            let ambiguity = if reading.meaning().is_none() { store.ambiguity() } else { None };
            let description = DataDescription { ambiguity, ..description };
            return Ok(Opened { source: Source::Stored(Arc::new(store)), description });
        }
        let part = FileRange::new(self.file, self.offset, self.offset.saturating_add(self.length));
        let length = KnownLength::Exact(self.length);
        self.layout.open(ArrayBytes { path: self.path, from: &mut BufReader::new(part), length }, reading)
    }

    /// Rows that can be read one by one; `None` for pictures, for arrays without numbers, and for those whose numbers would
    /// have to be read one by one.
    ///
    /// # Errors
    /// As [`ArrayInFile::open`].
    pub fn rows(&self, reading: &Reading) -> Result<Option<StoredRows>> {
        let Self { path, file, layout, offset, length } = self;
        let axes = reading.axes(&layout.shape).map_err(|why| Error::input(path, why))?;
        if axes.meaning() != Meaning::Rows || layout.shape.contains(&0) {
            return Ok(None);
        }
        check_length(path, &layout.shape, layout.dtype.size(), *length)?;
        let Some(places) = RowLayout::of(layout, &axes, *offset) else { return Ok(None) };
        let description = DataDescription::array(path, (&layout.shape, layout.dtype), axes);
        let DataContents::Rows { rows, cols } = description.contents else { return Ok(None) };
        let shard = Shard::new((*path).to_owned(), file, places, rows)?;
        Ok(Some(StoredRows { dtype: layout.dtype, cols, shard, description }))
    }
}

impl Store {
    /// The rows of several files of a folder as one array, in their order; `None` where they hold numbers of several types.
    ///
    /// # Errors
    /// [`Error::Input`] for rows of several widths.
    pub(in crate::data) fn of_files(
        folder: &Path,
        files: Vec<StoredRows>,
        reading: &Reading,
    ) -> Result<Option<(Self, DataDescription)>> {
        let Some(StoredRows { dtype, cols, shard, description: first }) = files.first() else {
            return Err(Error::input(folder, "a folder without arrays; at least one is needed"));
        };
        let (dtype, cols, first) = (*dtype, *cols, first.clone());
        for other in &files {
            check_width(&other.shard, other.cols, (shard, cols))?;
        }
        if files.iter().any(|other| other.dtype != dtype) {
            return Ok(None);
        }
        let is_alike = files.iter().all(|other| other.description.shape == first.shape);
        let store = Self::of((dtype, cols), files.into_iter().map(|rows| rows.shard).collect())?;
        let of_files = || is_alike.then(|| store.ambiguity_of_folder(&first.shape)).flatten();
        let ambiguity = reading.meaning().is_none().then(|| of_files().or_else(|| store.ambiguity()));
        let description = DataDescription {
            path: Some(folder.to_owned()),
            files: store.shards().len(),
            ambiguity: ambiguity.flatten(),
            ..DataDescription::rows(store.rows, store.cols, dtype)
        };
        Ok(Some((store, description)))
    }

    /// Opens a file without a header, or a folder of such files in the order of their names.
    ///
    /// # Errors
    /// [`Error::Input`] when a file is not a whole number of rows, or there is none.
    pub fn open_raw(path: &Path, rows: RawRows) -> Result<Self> {
        let files = if path.is_dir() { Listing::of(path)?.bare_files()?.0 } else { vec![path.to_owned()] };
        let (store, _) = Self::open_bare(path, &files, rows)?;
        store.keep_open()?;
        Ok(store)
    }

    /// Opens files without a header as one array, in their order; `path` is DATA.
    pub(in crate::data) fn open_bare(
        path: &Path,
        files: &[PathBuf],
        rows: RawRows,
    ) -> Result<(Self, DataDescription)> {
        let shards = files.iter().map(|file| open_raw(file.clone(), rows)).collect::<Result<Vec<_>>>()?;
        let store = Self::of((rows.dtype, rows.cols), shards)?;
        let description = DataDescription {
            path: Some(path.to_owned()),
            files: files.len(),
            ..DataDescription::rows(store.rows, store.cols, rows.dtype)
        };
        Ok((store, description))
    }

    /// Rows of `cols` numbers that a program holds in memory, one behind the other.
    ///
    /// # Errors
    /// [`Error::Input`] for a width of 0, for no row at all, and for a last row that is not whole.
    pub fn of_memory(memory: SharedMemory, dtype: DType, cols: usize) -> Result<Opened> {
        let refused = |why: String| Err(Error::input(IN_MEMORY, why));
        let numbers = memory.size() / dtype.size();
        if cols == 0 {
            return refused("rows of 0 numbers; give at least one column".to_owned());
        }
        if numbers == 0 {
            return refused("no numbers; at least one row is needed".to_owned());
        }
        if !numbers.is_multiple_of(cols) {
            let fact = format!("{numbers} numbers are no whole number of rows of {cols}");
            return refused(format!("{fact}; give the right width, or whole rows"));
        }
        let rows = numbers / cols;
        let endian = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
        let layout = RowLayout::plain(0, (dtype, endian), (rows, cols));
        let store = Self::of((dtype, cols), vec![Shard::in_memory(IN_MEMORY.into(), memory, layout, rows)])?;
        let description = DataDescription::rows(rows, cols, dtype);
        Ok(Opened { source: Source::Stored(Arc::new(store)), description })
    }

    /// What else the rows may be, by the first of them.
    fn ambiguity(&self) -> Option<String> {
        let (shape, values) = self.first_rows(self.rows)?;
        ambiguity::of(&[self.rows, self.cols], &shape, |i| values[i])
    }

    /// What else the files of a folder may be, all of which have this shape: a picture each.
    fn ambiguity_of_folder(&self, shape: &[usize]) -> Option<String> {
        let &[height, width] = shape else { return None };
        let (shape, values) = self.first_rows(height)?;
        ambiguity::of_files(self.shards().len(), (height, width), &shape, |i| values[i])
    }

    /// The first of `rows` rows, as far as they are few bytes; a file that cannot be read is told of later.
    fn first_rows(&self, rows: usize) -> Option<([usize; 2], Vec<f64>)> {
        const BYTES: usize = 1 << 20;
        let count = rows.min(BYTES / self.row_bytes().max(1));
        let mut bytes = Vec::new();
        self.read(0, count, &mut bytes).ok()?;
        Some(([count, self.cols], self.dtype.decode(&bytes, Endian::Little)))
    }
}

fn open_raw(path: PathBuf, rows: RawRows) -> Result<Shard> {
    let (file, length) = safe_open::open(&path)?;
    let row = (rows.cols as u64).saturating_mul(rows.dtype.size() as u64);
    if length == 0 || !length.is_multiple_of(row) {
        let fact = format!("{length} bytes are no whole number of rows of {row}, as {rows} has them");
        return Err(Error::input(path, format!("{fact}; give the right `raw`, or mend the file")));
    }
    let count =
        usize::try_from(length / row).map_err(|_| Error::input(&path, "more rows than memory has bytes"))?;
    let layout = RowLayout::plain(0, (rows.dtype, rows.endian), (count, rows.cols));
    Shard::new(path, &file, layout, count)
}

fn check_width(shard: &Shard, cols: usize, (first, common): (&Shard, usize)) -> Result<()> {
    if cols == common {
        return Ok(());
    }
    let fact = format!("rows of {cols} numbers, but those of {} have {common}", first.path.display());
    let remedy = "a folder holds rows of one width; where each file is one picture, say `as` pictures";
    Err(Error::input(&shard.path, format!("{fact}; {remedy}")))
}
