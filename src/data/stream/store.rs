//! Rows that stay on disk: one file of bare numbers or several of the same width, read at any position. Nothing is held
//! but open files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::reader::read;
use crate::data::Table;
use crate::data::array::{Layout, check_length, check_room};
use crate::data::npy;
use crate::data::numbers::{Endian, Number};
use crate::error::{Error, Result};
use crate::input::{self, Part};

/// What a file without a header holds: `u8:784`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RawRows {
    /// The kind of number, lowest byte first.
    pub number: Number,
    /// Numbers a row.
    pub cols: usize,
}

impl FromStr for RawRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(kind, cols)| {
            let number = match kind {
                "u8" => Number::U8,
                "f16" => Number::F16,
                "f32" => Number::F32,
                _ => return None,
            };
            Some(Self { number, cols: cols.parse().ok().filter(|&cols| cols > 0)? })
        });
        parsed
            .ok_or_else(|| format!("{text:?} names no rows; give u8, f16 or f32 and their width, as u8:784"))
    }
}

impl TryFrom<String> for RawRows {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RawRows> for String {
    fn from(rows: RawRows) -> Self {
        rows.to_string()
    }
}

impl std::fmt::Display for RawRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.number.name(), self.cols)
    }
}

/// One file.
#[derive(Debug)]
struct Shard {
    path: PathBuf,
    file: File,
    /// Where its numbers begin, bytes.
    offset: u64,
    /// Number of its first row in the whole.
    first: usize,
    rows: usize,
}

/// Rows in one file or several.
#[derive(Debug)]
pub struct Store {
    shards: Vec<Shard>,
    /// m.
    pub rows: usize,
    /// n.
    pub cols: usize,
    /// What the numbers are: U8, F16 or F32, lowest byte first.
    pub number: Number,
}

impl Store {
    /// Opens a `.npy` of rows or a folder of them; `None` for what is something else, or is not laid out so that rows can
    /// be read by themselves.
    ///
    /// # Errors
    /// [`Error::Input`] for a damaged file, or for files of a folder that do not go together.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        if !path.is_dir() {
            return Ok(open_npy(path)?.map(|(rows, shard)| Self::of(rows, vec![shard])));
        }
        let mut whole: Option<(RawRows, Vec<Shard>)> = None;
        for path in files_of(path)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "npy")) {
            let Some((rows, shard)) = open_npy(&path)? else {
                let fact =
                    "not rows of u8, f16 or f32, lowest byte first, as the other files of a folder must be";
                return Err(Error::input(path, format!("{fact}; save it anew with numpy.save")));
            };
            let (common, shards) = whole.get_or_insert((rows, Vec::new()));
            check_alike(&path, rows, *common, shards.first())?;
            shards.push(shard);
        }
        Ok(whole.map(|(rows, shards)| Self::of(rows, shards)))
    }

    /// Opens a file without a header, or a folder of such files in the order of their names.
    ///
    /// # Errors
    /// [`Error::Input`] when a file is not a whole number of rows, or there is none.
    pub fn open_raw(path: &Path, rows: RawRows) -> Result<Self> {
        let files = if path.is_dir() { files_of(path)? } else { vec![path.to_owned()] };
        let shards = files.into_iter().map(|file| open_raw(file, rows)).collect::<Result<Vec<_>>>()?;
        if shards.is_empty() {
            return Err(Error::input(path, "a folder without files; at least one row is needed"));
        }
        Ok(Self::of(rows, shards))
    }

    fn of(RawRows { number, cols }: RawRows, mut shards: Vec<Shard>) -> Self {
        let mut rows = 0;
        for shard in &mut shards {
            shard.first = rows;
            rows += shard.rows;
        }
        Self { shards, rows, cols, number }
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.cols * self.number.size()
    }

    /// Appends the bytes of `count` rows from row `first` on to `out`.
    ///
    /// # Errors
    /// [`Error::Io`] when they cannot be read, [`Error::Input`] when a file has become shorter.
    pub fn read(&self, first: usize, count: usize, out: &mut Vec<u8>) -> Result<()> {
        let end = first + count;
        let from = self.shards.partition_point(|shard| shard.first + shard.rows <= first);
        for shard in self.shards[from..].iter().take_while(|shard| shard.first < end) {
            let (start, stop) = (first.max(shard.first), end.min(shard.first + shard.rows));
            let at = out.len();
            out.resize(at + (stop - start) * self.row_bytes(), 0);
            let offset = shard.offset + (start - shard.first) as u64 * self.row_bytes() as u64;
            read_at(&shard.file, &mut out[at..], offset).map_err(|error| shard.failed(error))?;
        }
        Ok(())
    }

    /// All rows in memory.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn table(&self) -> Result<Table> {
        let bytes_each = (self.number.size() + size_of::<f64>()) as u64;
        let numbers = (self.rows as u64).saturating_mul(self.cols as u64);
        check_room(self.place(0).0, numbers.saturating_mul(bytes_each))?;
        let bytes = read(self, std::slice::from_ref(&(0..self.rows)))?;
        Ok(Table { rows: self.rows, cols: self.cols, values: self.number.decode(&bytes, Endian::Little) })
    }

    /// The file that holds a row, and the row's number in it.
    pub fn place(&self, row: usize) -> (&Path, usize) {
        let shard = &self.shards[self.shards.partition_point(|shard| shard.first + shard.rows <= row)];
        (&shard.path, row - shard.first)
    }
}

impl Shard {
    fn failed(&self, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return Error::input(&self.path, "it has become shorter since it was opened; start again");
        }
        Error::Io { action: "read", path: self.path.clone(), source: error }
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut out: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !out.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        (out, offset) = (&mut out[read..], offset + read as u64);
    }
    Ok(())
}

/// The files of a folder that are not hidden, in the order of their names.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io("read", folder, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_file() && !is_hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn open_npy(path: &Path) -> Result<Option<(RawRows, Shard)>> {
    let failed = |error| Error::io("read", path, error);
    let (file, held) = input::open(path)?;
    let mut magic = Vec::new();
    (&file).take(npy::MAGIC.len() as u64).read_to_end(&mut magic).map_err(failed)?;
    if magic != npy::MAGIC {
        return Ok(None);
    }
    let (Layout { number, endian, fortran, shape }, offset) =
        npy::start(path, &mut Part::new(&file, 0, held))?;
    let is_plain = matches!(number, Number::U8 | Number::F16 | Number::F32)
        && (endian == Endian::Little || number == Number::U8)
        && !fortran;
    let [rows, cols] = shape[..] else { return Ok(None) };
    if !is_plain || rows == 0 || cols == 0 {
        return Ok(None);
    }
    check_length(path, &shape, number.size(), held.saturating_sub(offset as u64))?;
    let shard = Shard { path: path.to_owned(), file, offset: offset as u64, first: 0, rows };
    Ok(Some((RawRows { number, cols }, shard)))
}

fn open_raw(path: PathBuf, rows: RawRows) -> Result<Shard> {
    let (file, held) = input::open(&path)?;
    let row = (rows.cols as u64).saturating_mul(rows.number.size() as u64);
    if held == 0 || !held.is_multiple_of(row) {
        let fact = format!("{held} bytes are no whole number of rows of {row}, as {rows} has them");
        return Err(Error::input(path, format!("{fact}; give the right --raw, or mend the file")));
    }
    let rows =
        usize::try_from(held / row).map_err(|_| Error::input(&path, "more rows than memory has bytes"))?;
    Ok(Shard { path, file, offset: 0, first: 0, rows })
}

fn check_alike(path: &Path, rows: RawRows, common: RawRows, first: Option<&Shard>) -> Result<()> {
    if rows == common {
        return Ok(());
    }
    let other = first.map(|shard| shard.path.display().to_string()).unwrap_or_default();
    let fact = format!("rows of {rows}, but those of {other} are {common}");
    Err(Error::input(path, format!("{fact}; a folder holds rows of one kind and width")))
}
