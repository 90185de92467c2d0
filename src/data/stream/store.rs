//! Rows that stay on disk: one file of bare numbers or several of the same width, read at any position. Nothing is held
//! but what their headers said, and a few open files.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::files::{Handles, OPEN, Shard, read_at};
use super::reader::read;
use super::rows::{Differs, RowCheck, RowSum};
use crate::data::array::{Layout, check_length, check_room, reserved};
use crate::data::conversion::{in_rows, reordered_in_rows};
use crate::data::left_out::LeftOut;
use crate::data::numbers::{Endian, Number};
use crate::data::reading::{Axes, Axis, Meaning, Reading};
use crate::data::taken::{Found, Taken};
use crate::data::{Table, doubt, npy, shards};
use crate::error::{Error, Result};
use crate::io::safe_open::{self, Part};

/// Bytes that are read at a time where all rows are.
pub const PIECE: usize = 1 << 20;

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
    /// What the numbers are: U8, F16 or F32, lowest byte first.
    pub number: Number,
}

impl Store {
    /// Opens a `.npy` of rows; `None` for what is something else, or is not laid out so that rows can be read by themselves.
    ///
    /// # Errors
    /// [`Error::Input`] for a damaged file.
    pub(in crate::data) fn open(path: &Path, reading: &Reading) -> Result<Option<(Self, Taken)>> {
        let opened = open_npy(path, reading)?;
        let Npy::Rows(rows, shard, taken) = opened else { return Ok(None) };
        let mut taken = *taken;
        let store = Self::of(rows, vec![shard])?;
        if reading.meaning().is_none() {
            taken.doubt = store.doubt();
        }
        Ok(Some((store, taken)))
    }

    /// Opens the `.npy` files of a folder as one array, in their order.
    ///
    /// # Errors
    /// [`Error::Input`] for a damaged file, for one whose rows cannot be read one by one, and for files that do not go
    /// together.
    pub(in crate::data) fn open_folder(
        folder: &Path,
        files: &[PathBuf],
        reading: &Reading,
    ) -> Result<(Self, Taken)> {
        let mut whole: Option<(RawRows, Vec<Shard>, Taken)> = None;
        let mut is_alike = true;
        for path in files {
            let (rows, shard, taken) = match open_npy(path, reading)? {
                Npy::Rows(rows, shard, taken) => (rows, shard, *taken),
                Npy::Other { why, remedy } => {
                    let fact = format!("{why}, but files of a folder are read row by row");
                    return Err(Error::input(path, format!("{fact}; {remedy}")));
                }
            };
            let (common, shards, first) = whole.get_or_insert((rows, Vec::new(), taken.clone()));
            check_alike(path, rows, *common, shards.first())?;
            is_alike &= first.shape == taken.shape;
            shards.push(shard);
        }
        let Some((rows, shards, first)) = whole else {
            return Err(Error::input(folder, "a folder without .npy files; at least one is needed"));
        };
        let store = Self::of(rows, shards)?;
        let of_files = || is_alike.then(|| store.doubt_of_folder(&first.shape)).flatten();
        let doubt = reading.meaning().is_none().then(|| of_files().or_else(|| store.doubt()));
        let taken = Taken {
            path: Some(folder.to_owned()),
            files: store.shards.len(),
            found: Found::Rows { rows: store.rows, cols: store.cols },
            shape: vec![store.rows, store.cols],
            axes: Some(Axes::rows()),
            doubt: doubt.flatten(),
            ..first
        };
        Ok((store, taken))
    }

    /// Opens a file without a header, or a folder of such files in the order of their names.
    ///
    /// # Errors
    /// [`Error::Input`] when a file is not a whole number of rows, or there is none.
    pub fn open_raw(path: &Path, rows: RawRows) -> Result<Self> {
        let files = if path.is_dir() { shards::bare(path)?.0 } else { vec![path.to_owned()] };
        Self::open_bare(path, &files, rows).map(|(store, _)| store)
    }

    /// Opens files without a header as one array, in their order; `path` is DATA.
    pub(in crate::data) fn open_bare(path: &Path, files: &[PathBuf], rows: RawRows) -> Result<(Self, Taken)> {
        let shards = files.iter().map(|file| open_raw(file.clone(), rows)).collect::<Result<Vec<_>>>()?;
        let store = Self::of(rows, shards)?;
        let taken = Taken {
            path: Some(path.to_owned()),
            files: files.len(),
            found: Found::Rows { rows: store.rows, cols: store.cols },
            shape: vec![store.rows, store.cols],
            number: Some(rows.number),
            axes: Some(Axes::rows()),
            pixels: false,
            left_out: LeftOut::default(),
            doubt: None,
        };
        Ok((store, taken))
    }

    /// What else the rows may be, by the first of them.
    fn doubt(&self) -> Option<String> {
        let (shape, values) = self.first_rows(self.rows)?;
        doubt::of(&[self.rows, self.cols], &shape, |i| values[i])
    }

    /// What else the files of a folder may be, all of which have this shape: a picture each.
    fn doubt_of_folder(&self, shape: &[usize]) -> Option<String> {
        let &[height, width] = shape else { return None };
        let (shape, values) = self.first_rows(height)?;
        doubt::of_files(self.shards.len(), (height, width), &shape, |i| values[i])
    }

    /// The first of `rows` rows, as far as they are few bytes; a file that cannot be read is told of later.
    fn first_rows(&self, rows: usize) -> Option<([usize; 2], Vec<f64>)> {
        const BYTES: usize = 1 << 20;
        let count = rows.min(BYTES / self.row_bytes().max(1));
        let mut bytes = Vec::new();
        self.read(0, count, &mut bytes).ok()?;
        Some(([count, self.cols], self.number.decode(&bytes, Endian::Little)))
    }

    /// Files that are few are kept open from now on, whatever becomes of their names.
    fn of(RawRows { number, cols }: RawRows, mut shards: Vec<Shard>) -> Result<Self> {
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
        Ok(Self { shards, handles, check, rows, cols, number })
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

    /// What is known of the rows by reading them whole.
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
                         were, or --data-changed"
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
        self.cols * self.number.size()
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
        let each = out.par_chunks_exact_mut(self.row_bytes()).zip(rows.par_iter()).with_min_len(8);
        each.try_for_each(|(out, &row)| {
            let number = self.shard_of(row);
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

    /// All rows in memory.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn table(&self) -> Result<Table> {
        let numbers = (self.rows as u64).saturating_mul(self.cols as u64);
        check_room(self.path(), numbers.saturating_mul(size_of::<f64>() as u64))?;
        let mut values = reserved(self.path(), self.rows.saturating_mul(self.cols))?;
        for rows in self.pieces() {
            let bytes = read(self, std::slice::from_ref(&rows))?.bytes;
            values.extend(self.number.decode(&bytes, Endian::Little));
        }
        Ok(Table { rows: self.rows, cols: self.cols, number: self.number, values })
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

/// A `.npy` file.
enum Npy {
    /// Rows that can be read one by one.
    Rows(RawRows, Shard, Box<Taken>),
    /// Anything else: why they cannot, and what to do where they have to.
    Other { why: String, remedy: String },
}

fn open_npy(path: &Path, reading: &Reading) -> Result<Npy> {
    let failed = |error| Error::io("read", path, error);
    let (file, held) = safe_open::open(path)?;
    let mut magic = Vec::new();
    (&file).take(npy::MAGIC.len() as u64).read_to_end(&mut magic).map_err(failed)?;
    if magic != npy::MAGIC {
        let why = "named like a NumPy array, but its content is none".to_owned();
        let remedy = "save it anew with numpy.save, or remove it".to_owned();
        return Ok(Npy::Other { why, remedy });
    }
    let (layout, offset) = npy::start(path, &mut Part::new(&file, 0, held))?;
    let axes = match reading.axes(&layout.shape) {
        Ok(axes) if axes.meaning() == Meaning::Rows => axes,
        Ok(axes) => return Ok(of_pictures(&layout, &axes)),
        Err(why) => return Err(Error::input(path, why)),
    };
    if let Some((why, remedy)) = not_plain(path, &layout, &axes) {
        return Ok(Npy::Other { why, remedy });
    }
    check_length(path, &layout.shape, layout.number.size(), held.saturating_sub(offset as u64))?;
    let taken = Taken::array(path, &layout, axes.clone());
    let Found::Rows { rows, cols } = taken.found else { return Ok(of_pictures(&layout, &axes)) };
    let shard = Shard::new(path.to_owned(), &file, offset as u64, rows)?;
    Ok(Npy::Rows(RawRows { number: layout.number, cols }, shard, Box::new(taken)))
}

fn of_pictures(layout: &Layout, axes: &Axes) -> Npy {
    let why = format!("pictures, as {axes} of shape {:?}", layout.shape);
    Npy::Other { why, remedy: "where each picture is a row, say --as rows".to_owned() }
}

/// Why rows of an array cannot be read one by one, and what makes some of it that can; `None` where they can.
fn not_plain(path: &Path, layout: &Layout, axes: &Axes) -> Option<(String, String)> {
    let Layout { number, endian, fortran, shape } = layout;
    if shape.contains(&0) {
        let why = format!("an array of shape {shape:?}, which holds no numbers");
        return Some((why, "remove it, or save it anew with its numbers".to_owned()));
    }
    if !axes.are_in_order() {
        let why = format!("--axes {axes}, by which rows do not lie together");
        let line = reordered_in_rows(path, &axes.order(), axes.extent(shape, Axis::Count));
        let remedy = format!("{line} makes one of those, for a folder of its own without --axes");
        return Some((why, remedy));
    }
    let why = if !matches!(number, Number::U8 | Number::F16 | Number::F32) {
        format!("numbers of kind {}, not u8, f16 or f32", number.name())
    } else if *endian == Endian::Big && *number != Number::U8 {
        "numbers with their highest byte first".to_owned()
    } else if *fortran {
        "numbers column by column (Fortran order)".to_owned()
    } else {
        return None;
    };
    Some((why, format!("{} makes one of those, for a folder of its own", in_rows(path))))
}

fn open_raw(path: PathBuf, rows: RawRows) -> Result<Shard> {
    let (file, held) = safe_open::open(&path)?;
    let row = (rows.cols as u64).saturating_mul(rows.number.size() as u64);
    if held == 0 || !held.is_multiple_of(row) {
        let fact = format!("{held} bytes are no whole number of rows of {row}, as {rows} has them");
        return Err(Error::input(path, format!("{fact}; give the right --raw, or mend the file")));
    }
    let rows =
        usize::try_from(held / row).map_err(|_| Error::input(&path, "more rows than memory has bytes"))?;
    Shard::new(path, &file, 0, rows)
}

fn check_alike(path: &Path, rows: RawRows, common: RawRows, first: Option<&Shard>) -> Result<()> {
    if rows == common {
        return Ok(());
    }
    let other = first.map(|shard| shard.path.display().to_string()).unwrap_or_default();
    let fact = format!("rows of {rows}, but those of {other} are {common}");
    let remedy =
        "a folder holds rows of one kind and width; where each file is one picture, say --as pictures";
    Err(Error::input(path, format!("{fact}; {remedy}")))
}
