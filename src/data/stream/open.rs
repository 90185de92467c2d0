//! Opening of rows that stay on disk: which files can be read row by row, alone or as a folder, and why others cannot.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::files::Shard;
use super::store::Store;
use crate::data::ambiguity;
use crate::data::axes::{Axes, Axis, Meaning};
use crate::data::description::{DataContents, DataDescription};
use crate::data::dtype::{DType, Endian};
use crate::data::formats::conversion::{in_rows, reordered_in_rows};
use crate::data::formats::npy::header;
use crate::data::formats::{ArrayLayout, check_length};
use crate::data::listing::Listing;
use crate::data::reading::{RawRows, Reading};
use crate::data::skipped::SkippedFiles;
use crate::error::{Error, Result};
use crate::io::safe_open::{self, FileRange};

impl Store {
    /// Opens a `.npy` of rows; `None` for what is something else, or is not laid out so that rows can be read by themselves.
    ///
    /// # Errors
    /// [`Error::Input`] for a damaged file.
    pub(in crate::data) fn open(path: &Path, reading: &Reading) -> Result<Option<(Self, DataDescription)>> {
        let opened = open_npy(path, reading)?;
        let NpyFile::Rows(rows, shard, description) = opened else { return Ok(None) };
        let store = Self::of(rows, vec![shard])?;
        let ambiguity = if reading.meaning().is_none() { store.ambiguity() } else { None };
        Ok(Some((store, DataDescription { ambiguity, ..*description })))
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
    ) -> Result<(Self, DataDescription)> {
        let mut whole: Option<(RawRows, Vec<Shard>, DataDescription)> = None;
        let mut is_alike = true;
        for path in files {
            let (rows, shard, description) = match open_npy(path, reading)? {
                NpyFile::Rows(rows, shard, description) => (rows, shard, *description),
                NpyFile::Other { why, remedy } => {
                    let fact = format!("{why}, but files of a folder are read row by row");
                    return Err(Error::input(path, format!("{fact}; {remedy}")));
                }
            };
            let (common, shards, first) = whole.get_or_insert((rows, Vec::new(), description.clone()));
            check_alike(path, rows, *common, shards.first())?;
            is_alike &= first.shape == description.shape;
            shards.push(shard);
        }
        let Some((rows, shards, first)) = whole else {
            return Err(Error::input(folder, "a folder without .npy files; at least one is needed"));
        };
        let store = Self::of(rows, shards)?;
        let of_files = || is_alike.then(|| store.ambiguity_of_folder(&first.shape)).flatten();
        let ambiguity = reading.meaning().is_none().then(|| of_files().or_else(|| store.ambiguity()));
        let description = DataDescription {
            path: Some(folder.to_owned()),
            files: store.shards().len(),
            contents: DataContents::Rows { rows: store.rows, cols: store.cols },
            shape: vec![store.rows, store.cols],
            axes: Some(Axes::rows()),
            ambiguity: ambiguity.flatten(),
            ..first
        };
        Ok((store, description))
    }

    /// Opens a file without a header, or a folder of such files in the order of their names.
    ///
    /// # Errors
    /// [`Error::Input`] when a file is not a whole number of rows, or there is none.
    pub fn open_raw(path: &Path, rows: RawRows) -> Result<Self> {
        let files = if path.is_dir() { Listing::of(path)?.bare_files()?.0 } else { vec![path.to_owned()] };
        Self::open_bare(path, &files, rows).map(|(store, _)| store)
    }

    /// Opens files without a header as one array, in their order; `path` is DATA.
    pub(in crate::data) fn open_bare(
        path: &Path,
        files: &[PathBuf],
        rows: RawRows,
    ) -> Result<(Self, DataDescription)> {
        let shards = files.iter().map(|file| open_raw(file.clone(), rows)).collect::<Result<Vec<_>>>()?;
        let store = Self::of(rows, shards)?;
        let description = DataDescription {
            path: Some(path.to_owned()),
            files: files.len(),
            contents: DataContents::Rows { rows: store.rows, cols: store.cols },
            shape: vec![store.rows, store.cols],
            dtype: Some(rows.dtype),
            axes: Some(Axes::rows()),
            pixels: false,
            skipped: SkippedFiles::default(),
            ambiguity: None,
            labels: None,
        };
        Ok((store, description))
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

/// A `.npy` file.
enum NpyFile {
    /// Rows that can be read one by one.
    Rows(RawRows, Shard, Box<DataDescription>),
    /// Anything else: why they cannot, and what to do where they have to.
    Other { why: String, remedy: String },
}

fn open_npy(path: &Path, reading: &Reading) -> Result<NpyFile> {
    let failed = |error| Error::io("read", path, error);
    let (file, length) = safe_open::open(path)?;
    let mut magic = Vec::new();
    (&file).take(header::MAGIC.len() as u64).read_to_end(&mut magic).map_err(failed)?;
    if magic != header::MAGIC {
        let why = "named like a NumPy array, but its content is none".to_owned();
        let remedy = "save it anew with numpy.save, or remove it".to_owned();
        return Ok(NpyFile::Other { why, remedy });
    }
    let (layout, offset) = header::start(path, &mut FileRange::new(&file, 0, length))?;
    let axes = match reading.axes(&layout.shape) {
        Ok(axes) if axes.meaning() == Meaning::Rows => axes,
        Ok(axes) => return Ok(of_pictures(&layout, &axes)),
        Err(why) => return Err(Error::input(path, why)),
    };
    if let Some((why, remedy)) = not_plain(path, &layout, &axes) {
        return Ok(NpyFile::Other { why, remedy });
    }
    check_length(path, &layout.shape, layout.dtype.size(), length.saturating_sub(offset as u64))?;
    let description = DataDescription::array(path, (&layout.shape, layout.dtype), axes.clone());
    let DataContents::Rows { rows, cols } = description.contents else {
        return Ok(of_pictures(&layout, &axes));
    };
    let shard = Shard::new(path.to_owned(), &file, offset as u64, rows)?;
    Ok(NpyFile::Rows(RawRows { dtype: layout.dtype, cols }, shard, Box::new(description)))
}

fn of_pictures(layout: &ArrayLayout, axes: &Axes) -> NpyFile {
    let why = format!("pictures, as {axes} of shape {:?}", layout.shape);
    NpyFile::Other { why, remedy: "where each picture is a row, say `as` rows".to_owned() }
}

/// Why rows of an array cannot be read one by one, and what makes some of it that can; `None` where they can.
fn not_plain(path: &Path, layout: &ArrayLayout, axes: &Axes) -> Option<(String, String)> {
    let ArrayLayout { dtype, endian, fortran, shape } = layout;
    if shape.contains(&0) {
        let why = format!("an array of shape {shape:?}, which holds no numbers");
        return Some((why, "remove it, or save it anew with its numbers".to_owned()));
    }
    if !axes.are_in_order() {
        let why = format!("`axes` {axes}, by which rows do not lie together");
        let line = reordered_in_rows(path, &axes.order(), axes.extent(shape, Axis::Count));
        let remedy = format!("{line} makes one of those, for a folder of its own without `axes`");
        return Some((why, remedy));
    }
    let why = if !matches!(dtype, DType::U8 | DType::F16 | DType::F32) {
        format!("numbers of kind {}, not u8, f16 or f32", dtype.name())
    } else if *endian == Endian::Big && *dtype != DType::U8 {
        "numbers with their highest byte first".to_owned()
    } else if *fortran {
        "numbers column by column (Fortran order)".to_owned()
    } else {
        return None;
    };
    Some((why, format!("{} makes one of those, for a folder of its own", in_rows(path))))
}

fn open_raw(path: PathBuf, rows: RawRows) -> Result<Shard> {
    let (file, length) = safe_open::open(&path)?;
    let row = (rows.cols as u64).saturating_mul(rows.dtype.size() as u64);
    if length == 0 || !length.is_multiple_of(row) {
        let fact = format!("{length} bytes are no whole number of rows of {row}, as {rows} has them");
        return Err(Error::input(path, format!("{fact}; give the right `raw`, or mend the file")));
    }
    let rows =
        usize::try_from(length / row).map_err(|_| Error::input(&path, "more rows than memory has bytes"))?;
    Shard::new(path, &file, 0, rows)
}

fn check_alike(path: &Path, rows: RawRows, common: RawRows, first: Option<&Shard>) -> Result<()> {
    if rows == common {
        return Ok(());
    }
    let other = first.map(|shard| shard.path.display().to_string()).unwrap_or_default();
    let fact = format!("rows of {rows}, but those of {other} are {common}");
    let remedy =
        "a folder holds rows of one kind and width; where each file is one picture, say `as` pictures";
    Err(Error::input(path, format!("{fact}; {remedy}")))
}
