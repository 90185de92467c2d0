//! Opening of DATA: a file by its content, whatever its name, a folder by what lies in it, bare numbers where that is said.

mod folder;
mod join;
mod labelled;

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::axes::Meaning;
use super::description::DataDescription;
use super::formats::unknown::{START, looks_like};
use super::formats::{Format, OpenFile, cifar, csv, gzip};
use super::listing::Listing;
use super::reading::{RawRows, Reading};
use super::skipped::SkippedFiles;
use super::source::{Opened, Source};
use super::stream::Store;
use crate::error::{Error, Result};
use crate::io::safe_open;

impl Opened {
    /// Opens DATA as [`Source::open_for_training`] does, read as the user has said.
    ///
    /// # Errors
    /// As [`Source::open`], and where `reading` does not fit the files: dimensions that an array has not, two meanings at
    /// once, a header where `raw` numbers should be. A folder that holds pictures and arrays is refused unless `reading`
    /// says which of them are meant.
    pub fn new(path: &Path, reading: &Reading) -> Result<Self> {
        Self::all(&[path], reading)
    }

    /// Opens several DATA as one: rows of one width go on from one to the next, and stay on disk where all of them can be read
    /// one by one and their numbers are of one type; pictures are taken together.
    ///
    /// # Errors
    /// As [`Opened::new`], of the file that is at fault; and for DATA that do not go together, of the first such.
    pub fn all<P: AsRef<Path>>(paths: &[P], reading: &Reading) -> Result<Self> {
        let open = |path: &P| {
            let mut opened = open(path.as_ref(), reading, true)?;
            if let Some(labels) = opened.source.labels() {
                opened.description.labels = Some(Arc::new(labels.clone()));
            }
            Ok(if paths.len() > 1 { join::as_part(opened) } else { opened })
        };
        let opened = join::join(paths.iter().map(open).collect::<Result<Vec<_>>>()?)?;
        let opened = opened.labelled(reading)?;
        if let Source::Stored(store) = &opened.source {
            store.keep_open()?;
        }
        Ok(opened)
    }
}

impl Source {
    /// Opens a folder of images, an image, `.npy`, `FILE.npz[:ARRAY]`, IDX (plain or .gz) or `FILE.safetensors[:TENSOR]`.
    /// Files are recognised by their content, whatever their name. IDX files are rows, even where they hold images; a `.npy`
    /// of three dimensions `[count, height, width]`, or four with channels last, is images.
    ///
    /// # Errors
    /// [`Error::Input`] names the file and says what is wrong with it: missing, of another kind, truncated, empty,
    /// or holding a number that is not finite in f32. Nothing is allocated on a header's word alone, and no more is decoded
    /// than fits into the memory that the machine has left. Pictures have at most 2²⁸ numbers each; damage of their
    /// pixels is found when these are decoded.
    pub fn open(path: &Path) -> Result<Self> {
        open(path, &Reading::default(), false).map(|opened| opened.source)
    }

    /// As [`Source::open`], but rows that can be read one by one stay on disk: a `.npy`, a tensor of a safetensors file, an IDX
    /// file, a folder of arrays, or with `raw` files of bare numbers.
    ///
    /// # Errors
    /// As [`Source::open`], and for files of a folder that do not go together.
    pub fn open_for_training(path: &Path, raw: Option<RawRows>) -> Result<Self> {
        Opened::new(path, &Reading { raw, ..Reading::default() }).map(|opened| opened.source)
    }

    /// The file or folder that a DATA names, without `:ARRAY` or `:TENSOR` behind it.
    pub fn file_of(path: &Path) -> &Path {
        split_part(path).0
    }
}

/// See [`Opened`]; rows that can be read one by one are left where they are if `stays`.
fn open(path: &Path, reading: &Reading, stays: bool) -> Result<Opened> {
    let (path, part) = split_part(path);
    if let Some(raw) = reading.raw {
        check_raw(path, reading)?;
        return open_raw(path, raw, reading);
    }
    if let Some(format) = reading.format {
        return cifar::open(path, format, reading);
    }
    if path.is_dir() {
        if let Some(said) = reading.of_tables() {
            let fact = format!("{said} is for tables of text, but this is a folder");
            return Err(Error::input(path, format!("{fact}; leave it out, or give one table")));
        }
        return folder::open(path, part, reading, stays);
    }
    check_folder(path, reading)?;
    let (file, length) = safe_open::open(path)?;
    let start = start_of(path, &file)?;
    let by_name = || csv::is_named_so(path, &start).then_some(&csv::FORMAT);
    let Some(format) = Format::of(&start).or_else(by_name) else {
        let format = cifar::guess(path).ok_or_else(|| unknown(path, &start))?;
        return cifar::open(path, format, reading);
    };
    check_for_tables(path, format, reading)?;
    if let Some(named) = Format::named(path).filter(|&named| named != format) {
        tracing::warn!("{}: named like {named}, but read as {format}, which it is", path.display());
    }
    format.open(OpenFile { path, file, length, part, reading, stays })
}

/// The first bytes of a file.
fn start_of(path: &Path, file: &File) -> Result<Vec<u8>> {
    safe_open::start(file, START).map_err(|error| Error::io("read", path, error))
}

/// Refuses settings for tables of text where there is something else; a gzip file may hold one.
fn check_for_tables(path: &Path, format: &Format, reading: &Reading) -> Result<()> {
    match reading.of_tables().filter(|_| *format != csv::FORMAT && *format != gzip::FORMAT) {
        Some(said) => {
            let fact = format!("{said} is for tables of text, but this is {format}");
            Err(Error::input(path, format!("{fact}; leave it out")))
        }
        None => Ok(()),
    }
}

/// Refuses settings for arrays where there are bare numbers.
fn check_raw(path: &Path, reading: &Reading) -> Result<()> {
    let said = [
        reading.axes.as_ref().map(|axes| format!("`axes` {axes}")),
        reading.meaning.map(|m| format!("`as` {m}")),
        reading.format.map(|format| format!("`format` {format}")),
        reading.of_tables(),
    ];
    match said.into_iter().flatten().next().filter(|_| {
        reading.meaning() != Some(Meaning::Rows)
            || reading.axes.is_some()
            || reading.format.is_some()
            || reading.of_tables().is_some()
    }) {
        Some(said) => Err(Error::input(
            path,
            format!("`raw` gives rows, but {said} says what else the files are; leave it out"),
        )),
        None => Ok(()),
    }
}

/// Refuses a search of folders where there is a file.
fn check_folder(path: &Path, reading: &Reading) -> Result<()> {
    match reading.recursive {
        true => Err(Error::input(path, "`recursive` is for folders, but this is a file; leave it out")),
        false => Ok(()),
    }
}

fn open_raw(path: &Path, raw: RawRows, reading: &Reading) -> Result<Opened> {
    let (files, skipped) = if path.is_dir() {
        Listing::under(path, reading)?.bare_files()?
    } else {
        check_folder(path, reading)?;
        (vec![path.to_owned()], SkippedFiles::default())
    };
    for file in &files {
        check_bare(file)?;
    }
    let (store, description) = Store::open_bare(path, &files, raw)?;
    let description = DataDescription { skipped, ..description };
    Ok(Opened { source: Source::Stored(Arc::new(store)), description })
}

/// Refuses a file that says itself what it holds: its header would be taken for numbers.
fn check_bare(path: &Path) -> Result<()> {
    let (file, length) = safe_open::open(path)?;
    let start = start_of(path, &file)?;
    let Some(format) = Format::of(&start).filter(|format| format.is_certain(&start, length)) else {
        return Ok(());
    };
    let fact =
        format!("`raw` is for bare numbers, but this is {format}, whose header would be taken for numbers");
    Err(Error::input(path, format!("{fact}; leave `raw` out")))
}

/// Splits `FILE.safetensors:TENSOR`, `FOLDER:TENSOR` and the like, unless a file has that whole name.
fn split_part(path: &Path) -> (&Path, Option<&str>) {
    let name = path.as_os_str();
    let bytes = name.as_encoded_bytes();
    if path.exists() {
        return (path, None);
    }
    let end_of = |ending: &str| {
        let ending = format!("{ending}:");
        let at = bytes.windows(ending.len()).rposition(|bytes| bytes == ending.as_bytes())?;
        Some(at + ending.len())
    };
    let endings = Format::ALL.iter().filter(|format| format.has_parts).flat_map(|format| format.endings);
    let folder = || {
        let colons = (1..bytes.len()).rev().filter(|&at| bytes[at] == b':');
        let mut of_folders =
            colons.filter(|&at| before(name, at).is_some_and(|name| Path::new(name).is_dir()));
        of_folders.next().map(|at| at + 1)
    };
    let end = endings.filter_map(|ending| end_of(ending)).max().or_else(folder);
    let split = end.and_then(|end| Some((before(name, end - 1)?, std::str::from_utf8(&bytes[end..]).ok()?)));
    split.map_or((path, None), |(file, part)| (Path::new(file), Some(part)))
}

/// The first bytes of a name, whatever they are.
#[cfg(unix)]
fn before(name: &OsStr, end: usize) -> Option<&OsStr> {
    use std::os::unix::ffi::OsStrExt;
    name.as_bytes().get(..end).map(OsStr::from_bytes)
}

/// The first bytes of a name, where it is text.
#[cfg(not(unix))]
fn before(name: &OsStr, end: usize) -> Option<&OsStr> {
    name.to_str().and_then(|name| name.get(..end)).map(OsStr::new)
}

/// The error for a file that starts like no known format: its name, its likely kind, and the formats that are read.
fn unknown(path: &Path, start: &[u8]) -> Error {
    let named = Format::named(path).map_or(String::new(), |format| format!("named like {format}, but "));
    let accepted = format!("DATA is a folder of images, {}", Format::known());
    Error::input(path, format!("{named}its content is {}; {accepted}", looks_like(path, start)))
}
