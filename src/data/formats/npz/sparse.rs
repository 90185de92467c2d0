//! Sparse matrices of SciPy, compressed by rows (CSR), as `scipy.sparse.save_npz` writes them: where the numbers of each row lie
//! (`indptr`), their columns (`indices`) and they themselves (`data`). They stay sparse in memory; rows are made dense a few at a time.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use rawzip::RECOMMENDED_BUFFER_SIZE;

use super::{Archive, ArchivedArray, ENDING, MAGICS, archive, entries, is_sparse, path_of, unpacked};
use crate::data::formats::array::{ArrayBytes, ArrayLayout, cannot_unpack, reserved};
use crate::data::formats::npy;
use crate::data::scale::Scale;
use crate::error::{Error, Result};
use crate::io::safe_open::{self, FileRange};
use crate::math::params::Real;

/// Bytes of the array that names the format, at most.
const LONGEST_NAME: u64 = 1024;

/// A sparse matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRows {
    /// m.
    pub rows: usize,
    /// n.
    pub cols: usize,
    /// The place of the first number of each row in `columns` and `values`, and behind the last one their number, `[m + 1]`.
    starts: Vec<usize>,
    /// The column of each number.
    columns: Vec<usize>,
    /// The numbers, all of them finite.
    values: Vec<f32>,
}

impl SparseRows {
    /// Reads a file that SciPy has written; `None` for one that holds no sparse matrix.
    ///
    /// # Errors
    /// [`Error::Input`] for a matrix that is not compressed by rows, or damaged; [`Error::Io`].
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let (file, length) = safe_open::open(path)?;
        let mut start = Vec::new();
        let read = FileRange::new(&file, 0, length.min(4)).read_to_end(&mut start);
        read.map_err(|error| Error::io("read", path, error))?;
        if !MAGICS.contains(&&start[..]) {
            return Ok(None);
        }
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = archive(path, file, length, &mut buffer)?;
        let (found, _) = entries(path, &archive, &mut buffer)?;
        let names: Vec<String> = found.iter().map(|it| it.name.trim_end_matches(ENDING).to_owned()).collect();
        if !is_sparse(&names) {
            return Ok(None);
        }
        Parts { path, archive, length, found }.read().map(Some)
    }

    /// Bytes of it in memory.
    pub fn bytes(&self) -> u64 {
        let Self { starts, columns, values, .. } = self;
        (size_of_val(&starts[..]) + size_of_val(&columns[..]) + size_of_val(&values[..])) as u64
    }

    /// Numbers that are held.
    pub fn stored(&self) -> usize {
        self.values.len()
    }

    /// The least number that is held, 0 where none is below.
    pub fn least(&self) -> f32 {
        self.values.iter().copied().fold(0.0, f32::min)
    }

    /// Rows `[rows, n]` with zeros where nothing is held; several numbers in one place are added up, as SciPy does.
    ///
    /// # Errors
    /// [`Error::Input`] where memory does not hold them.
    pub fn dense(&self, path: &Path, rows: Range<usize>) -> Result<Vec<f32>> {
        let count = rows.len().saturating_mul(self.cols);
        let mut dense = reserved(path, count)?;
        dense.resize(count, 0.0);
        for (row, number) in dense.chunks_exact_mut(self.cols.max(1)).zip(rows) {
            let held = self.starts[number]..self.starts[number + 1];
            for (&column, &value) in self.columns[held.clone()].iter().zip(&self.values[held]) {
                row[column] += value;
            }
        }
        Ok(dense)
    }
}

/// The arrays of an archive.
struct Parts<'a> {
    path: &'a Path,
    archive: Archive,
    length: u64,
    found: Vec<ArchivedArray>,
}

impl Parts<'_> {
    fn read(&self) -> Result<SparseRows> {
        let format = self.format()?;
        if format != "csr" {
            let fact = format!("a sparse matrix in SciPy's format {format:?}, but csr is read");
            let remedy = "save matrix.tocsr() with scipy.sparse.save_npz";
            return Err(self.refused(format!("{fact}; {remedy}")));
        }
        let shape = self.whole("shape")?;
        let [rows, cols] = shape[..] else {
            return Err(self.damaged(format!("its shape has {} lengths for 2", shape.len())));
        };
        let starts = self.whole("indptr")?;
        if starts.len().checked_sub(1) != Some(rows) {
            return Err(self.damaged(format!("indptr has {} numbers for {rows} rows", starts.len())));
        }
        let columns = self.whole("indices")?;
        let values: Vec<f32> = self.numbers("data", true)?;
        if values.len() != columns.len() {
            let fact = format!("{} numbers in data, but {} in indices", values.len(), columns.len());
            return Err(self.damaged(fact));
        }
        let ends = (starts.first().copied(), starts.last().copied());
        if ends != (Some(0), Some(values.len())) || starts.windows(2).any(|two| two[0] > two[1]) {
            return Err(self.damaged(format!("indptr does not rise from 0 to {}", values.len())));
        }
        if let Some(column) = columns.iter().find(|&&column| column >= cols) {
            return Err(self.damaged(format!("indices hold column {column} of {cols}")));
        }
        if let Some(bad) = values.iter().position(|x| !x.is_finite()) {
            let row = starts.partition_point(|&start| start <= bad) - 1;
            let place = format!("row {row}, column {} (counted from 0)", columns[bad]);
            return Err(
                self.refused(format!("{place} holds {}, which is no finite 32-bit number", values[bad]))
            );
        }
        Ok(SparseRows { rows, cols, starts, columns, values })
    }

    /// The name of the format, bytes or characters of four bytes.
    fn format(&self) -> Result<String> {
        self.array("format", |ArrayBytes { path, from, .. }| {
            let mut bytes = Vec::new();
            let read = from.take(LONGEST_NAME).read_to_end(&mut bytes);
            read.map_err(|error| cannot_unpack(path, &error))?;
            // Behind the header, whose last character ends a line.
            let from = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
            let name = bytes[from..].iter().filter(|byte| byte.is_ascii_alphanumeric());
            Ok(name.map(|&byte| char::from(byte)).collect())
        })
    }

    /// Whole numbers of 0 or more.
    fn whole(&self, name: &str) -> Result<Vec<usize>> {
        /// Beyond it an f64 has no whole numbers of its own.
        const MOST: f64 = (1_u64 << 53) as f64;
        let numbers: Vec<f64> = self.numbers(name, false)?;
        let mut whole = reserved(self.path, numbers.len())?;
        for number in numbers {
            if !(0.0..MOST).contains(&number) || number.fract() != 0.0 {
                return Err(self.damaged(format!("{name} holds {number}")));
            }
            whole.push(number as usize);
        }
        Ok(whole)
    }

    fn numbers<T: Real>(&self, name: &str, of_any_kind: bool) -> Result<Vec<T>> {
        self.array(name, |body| {
            let (layout, _) = npy::header::start(body.path, body.from)?;
            let ArrayLayout { shape, dtype, .. } = &layout;
            if shape.len() != 1 || (dtype.is_float() && !of_any_kind) {
                return Err(
                    self.damaged(format!("{name} is an array of {} of shape {shape:?}", dtype.name()))
                );
            }
            layout.values(body, (Scale::AsIs, &[0]), |_, _| Ok(()))
        })
    }

    /// Hands the bytes of an array to `read`; of two of one name the later one counts.
    fn array<T>(&self, name: &str, read: impl FnOnce(ArrayBytes<'_>) -> Result<T>) -> Result<T> {
        let is_it = |entry: &&ArchivedArray| entry.name.trim_end_matches(ENDING) == name;
        let entry = self.found.iter().rev().find(is_it);
        let entry = entry.ok_or_else(|| self.damaged(format!("it has no {name}")))?;
        unpacked(&path_of(self.path, &entry.name), &self.archive, self.length, entry, read)
    }

    fn damaged(&self, why: String) -> Error {
        self.refused(format!("a sparse matrix of SciPy, but {why}; the file is damaged"))
    }

    fn refused(&self, why: String) -> Error {
        Error::input(self.path, crate::error::plain(&why).into_owned())
    }
}
