//! Recognises what DATA is, by content first and by name for the words of an error, and opens it as the user wants it read.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::array::{Body, Held, Layout, check_room, promised};
use super::conversion::{START, looks_like};
use super::folder::picture_files;
use super::left_out::LeftOut;
use super::pictures::Pictures;
use super::reading::{Axes, Meaning, Reading};
use super::stream::{RawRows, Store};
use super::{Opened, Scale, Source, Taken, idx, images, npy, npz, shards, tensor};
use crate::error::{Error, Result};
use crate::io::safe_open::{self, Part};

/// Formats of single files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Image,
    Npy,
    Npz,
    Idx,
    Gzip,
    Safetensors,
}

impl Format {
    /// By the first bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            _ if images::recognised(bytes).is_some() => Some(Self::Image),
            _ if bytes.starts_with(npy::MAGIC) => Some(Self::Npy),
            _ if npz::recognised(bytes) => Some(Self::Npz),
            _ if tensor::recognised(bytes) => Some(Self::Safetensors),
            _ if idx::recognised(bytes) => Some(Self::Idx),
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            _ => None,
        }
    }

    /// Whether a file of `held` bytes is this in earnest, and not bare numbers that begin alike.
    fn is_sure(self, start: &[u8], held: u64) -> bool {
        match self {
            Self::Idx => idx::length(start) == Some(held),
            Self::Safetensors => tensor::header_fits(start, held),
            // The one method that there is, and no flag that has no meaning.
            Self::Gzip => matches!(start, [_, _, 8, flags, ..] if *flags < 0x20),
            Self::Image | Self::Npy | Self::Npz => true,
        }
    }

    /// By the end of the name.
    fn named(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let endings = [
            (".png", Self::Image),
            (".jpg", Self::Image),
            (".jpeg", Self::Image),
            (".npy", Self::Npy),
            (".npz", Self::Npz),
            (".idx", Self::Idx),
            ("-ubyte", Self::Idx),
            (".gz", Self::Gzip),
            (".safetensors", Self::Safetensors),
        ];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "a PNG or JPEG image",
            Self::Npy => "a NumPy array",
            Self::Npz => "an archive of NumPy arrays",
            Self::Idx => "an IDX file",
            Self::Gzip => "a gzip file",
            Self::Safetensors => "a safetensors file",
        })
    }
}

/// See [`Opened`]; rows that can be read one by one are left where they are if `stays`.
pub fn open(path: &Path, reading: &Reading, stays: bool) -> Result<Opened> {
    let (path, part) = split_part(path);
    if let Some(raw) = reading.raw {
        check_raw(path, reading)?;
        return open_raw(path, raw);
    }
    if path.is_dir() {
        return open_folder(path, reading, stays);
    }
    let (file, held) = safe_open::open(path)?;
    let start = start_of(path, &file)?;
    let format = Format::of(&start).ok_or_else(|| unknown(path, &start))?;
    if let Some(named) = Format::named(path).filter(|&named| named != format) {
        tracing::warn!("{}: named like {named}, but read as {format}, which it is", path.display());
    }
    match format {
        Format::Image => open_picture(path, &file, held, reading),
        Format::Npy => open_array(path, &file, held, reading, stays),
        Format::Npz => npz::open(path, file, held, part, reading),
        Format::Idx => idx::open(path, &file, held, reading),
        Format::Gzip => idx::open_gzip(path, &file, held, reading),
        Format::Safetensors => tensor::open(path, &file, held, part, reading),
    }
}

/// The first bytes of a file.
fn start_of(path: &Path, file: &File) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    let read = Part::new(file, 0, START).read_to_end(&mut start);
    read.map_err(|error| Error::io("read", path, error))?;
    Ok(start)
}

fn open_picture(path: &Path, file: &File, held: u64, reading: &Reading) -> Result<Opened> {
    check_pictures(path, reading)?;
    Ok(of_pictures(path, Pictures::of_file(path, file, held)?))
}

/// Refuses what is said of arrays where there are picture files.
fn check_pictures(path: &Path, reading: &Reading) -> Result<()> {
    if let Some(axes) = &reading.axes {
        let fact = format!("--axes {axes} is for arrays, but these are picture files");
        return Err(Error::input(path, format!("{fact}; leave it out")));
    }
    if reading.meaning == Some(Meaning::Rows) {
        let fact = "--as rows is for arrays, but these are picture files";
        return Err(Error::input(path, format!("{fact}; leave it out, or save them as one array of rows")));
    }
    Ok(())
}

fn open_array(path: &Path, file: &File, held: u64, reading: &Reading, stays: bool) -> Result<Opened> {
    if stays && let Some((store, taken)) = Store::open(path, reading)? {
        return Ok(Opened { source: Source::Stored(Arc::new(store)), taken });
    }
    let mut from = Part::new(file, 0, held);
    npy::open(Body { path, from: &mut from, held: Held::Bytes(held) }, reading)
}

/// Refuses what is said of arrays where there are bare numbers.
fn check_raw(path: &Path, reading: &Reading) -> Result<()> {
    let said = [
        reading.axes.as_ref().map(|axes| format!("--axes {axes}")),
        reading.meaning.map(|m| format!("--as {m}")),
    ];
    match said
        .into_iter()
        .flatten()
        .next()
        .filter(|_| reading.meaning() != Some(Meaning::Rows) || reading.axes.is_some())
    {
        Some(said) => Err(Error::input(
            path,
            format!("--raw gives rows, but {said} says what an array is; leave it out"),
        )),
        None => Ok(()),
    }
}

fn open_raw(path: &Path, raw: RawRows) -> Result<Opened> {
    let (files, left_out) =
        if path.is_dir() { shards::bare(path)? } else { (vec![path.to_owned()], LeftOut::default()) };
    for file in &files {
        check_bare(file)?;
    }
    let (store, taken) = Store::open_bare(path, &files, raw)?;
    Ok(Opened { source: Source::Stored(Arc::new(store)), taken: Taken { left_out, ..taken } })
}

/// Refuses a file that says itself what it holds: its header would be taken for numbers.
fn check_bare(path: &Path) -> Result<()> {
    let (file, held) = safe_open::open(path)?;
    let start = start_of(path, &file)?;
    let Some(format) = Format::of(&start).filter(|format| format.is_sure(&start, held)) else {
        return Ok(());
    };
    let fact =
        format!("--raw is for bare numbers, but this is {format}, whose header would be taken for numbers");
    Err(Error::input(path, format!("{fact}; leave --raw out")))
}

/// A folder of pictures or of arrays; one that holds both needs a word of the user.
fn open_folder(folder: &Path, reading: &Reading, stays: bool) -> Result<Opened> {
    let (arrays, others) = shards::arrays(folder)?;
    if arrays.is_empty() {
        return open_pictures(folder, reading).map_err(|why| without_archives(folder, why));
    }
    let (mut pictures, _) = picture_files(folder)?;
    pictures.retain(|path| !arrays.contains(path));
    match (reading.meaning(), pictures.len()) {
        (Some(Meaning::Pictures), 1..) => open_pictures(folder, reading),
        (None, 1..) => Err(Error::input(folder, both(&pictures, &arrays))),
        (Some(Meaning::Rows), _) | (_, 0) => {
            let opened = open_arrays(folder, &arrays, reading, stays)?;
            Ok(Opened { taken: Taken { left_out: others, ..opened.taken }, ..opened })
        }
    }
}

/// Why a folder is refused that has no pictures, but archives of arrays.
fn without_archives(folder: &Path, why: Error) -> Error {
    let is_archive =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"));
    let archives =
        shards::files(folder).map(|(files, _)| files.iter().filter(|path| is_archive(path)).count());
    match (why, archives) {
        (Error::Input { path, .. }, Ok(count @ 1..)) if path == folder => {
            let fact = format!("no picture and no .npy in this folder, but .npz archives, {count}");
            Error::input(folder, format!("{fact}; give one of them, or save their arrays with numpy.save"))
        }
        (why, _) => why,
    }
}

/// Why a folder of pictures and arrays is refused.
fn both(pictures: &[PathBuf], arrays: &[PathBuf]) -> String {
    let some = |files: &[PathBuf]| {
        let name = files[0].file_name().unwrap_or_default().to_string_lossy().into_owned();
        let more = if files.len() > 1 { ", …" } else { "" };
        format!("{} ({name}{more})", files.len())
    };
    format!(
        "this folder holds picture files, {}, and arrays, {}; --as pictures takes the pictures, --as rows the arrays, or put them into \
         folders of their own",
        some(pictures),
        some(arrays)
    )
}

fn open_pictures(folder: &Path, reading: &Reading) -> Result<Opened> {
    let pictures = Pictures::of_folder(folder)?;
    check_pictures(folder, reading)?;
    Ok(of_pictures(folder, pictures))
}

fn of_pictures(path: &Path, pictures: Pictures) -> Opened {
    let taken = Taken::pictures(Some(path), pictures.list(), pictures.left_out().clone());
    Opened { source: Source::Images(Arc::new(pictures)), taken }
}

/// Arrays of a folder: rows that go on from file to file, or pictures where each has three dimensions or it is said.
fn open_arrays(folder: &Path, arrays: &[PathBuf], reading: &Reading, stays: bool) -> Result<Opened> {
    let layouts = arrays.iter().map(|path| npy::layout(path)).collect::<Result<Vec<_>>>()?;
    let are_pictures = match reading.meaning() {
        Some(meaning) => meaning == Meaning::Pictures,
        None => are_all_pictures(arrays, &layouts)?,
    };
    if are_pictures {
        check_stacks(folder, arrays, &layouts)?;
        return open_stacks(folder, arrays, &layouts, reading);
    }
    let (store, taken) = Store::open_folder(folder, arrays, reading)?;
    let source = if stays { Source::Stored(Arc::new(store)) } else { Source::Rows(store.table()?) };
    Ok(Opened { source, taken })
}

/// Whether arrays are pictures by their dimensions, of which nothing was said; some of rows and some of pictures, as images
/// and their labels are, are refused.
fn are_all_pictures(arrays: &[PathBuf], layouts: &[Layout]) -> Result<bool> {
    let is_picture = |layout: &Layout| layout.shape.len() > 2;
    let first = is_picture(&layouts[0]);
    let Some(other) = layouts.iter().position(|layout| is_picture(layout) != first) else { return Ok(first) };
    let fact = format!(
        "an array of shape {:?}, but that of {} is {:?}: two dimensions are rows, more are pictures",
        layouts[other].shape,
        arrays[0].display(),
        layouts[0].shape
    );
    let remedy = "put what is to be learned from into a folder of its own, or say what all of them are, --as pictures or --as rows";
    Err(Error::input(&arrays[other], format!("{fact}; {remedy}")))
}

/// Refuses pictures that the kinds of their numbers put on different scales, and more of them than there is memory for.
fn check_stacks(folder: &Path, arrays: &[PathBuf], layouts: &[Layout]) -> Result<()> {
    let divisor = |layout: &Layout| Scale::Pixels.divisor(layout.number);
    let common = divisor(&layouts[0]);
    if let Some(other) = layouts.iter().position(|layout| divisor(layout) != common) {
        let [is, was] = [other, 0].map(|at: usize| layouts[at].number.name());
        let fact = format!(
            "pictures of {is}, but those of {} are {was}, and bytes are divided by 255, floats taken as they are",
            arrays[0].display()
        );
        let remedy = "save all of them as one kind of number, or put them into folders of their own";
        return Err(Error::input(&arrays[other], format!("{fact}; {remedy}")));
    }
    let bytes = |layout: &Layout| promised(&layout.shape, size_of::<f32>()).unwrap_or(usize::MAX) as u64;
    check_room(folder, layouts.iter().map(bytes).fold(0, u64::saturating_add))
}

/// Pictures in several arrays, one or more in each.
fn open_stacks(folder: &Path, arrays: &[PathBuf], layouts: &[Layout], reading: &Reading) -> Result<Opened> {
    let mut all = Vec::new();
    let mut first: Option<Taken> = None;
    let mut doubt = None;
    for (path, layout) in arrays.iter().zip(layouts) {
        let reading = match layout.shape[..] {
            // A file each is how single pictures in colour come.
            [_, _, 1 | 3] if reading.axes.is_none() => {
                Reading { axes: Some(Axes::one_picture()), ..reading.clone() }
            }
            // Where nothing was said, what else it may be is looked at.
            _ => reading.clone(),
        };
        let (file, held) = safe_open::open(path)?;
        let Opened { source, taken } = open_array(path, &file, held, &reading, false)?;
        match source {
            Source::Images(pictures) => all.push(pictures),
            Source::Rows(_) | Source::Stored(_) => {
                return Err(Error::input(path, "it has changed since it was looked at; start again"));
            }
        }
        let of_file = |doubt: &String| format!("{}: {doubt}", path.display());
        doubt = doubt.or_else(|| taken.doubt.as_ref().map(of_file));
        first.get_or_insert(taken);
    }
    let all = Pictures::joined(all);
    let sizes = Taken::pictures(Some(folder), all.list(), LeftOut::default());
    let taken = first.map_or(sizes.clone(), |first| Taken {
        number: first.number,
        axes: first.axes,
        shape: first.shape,
        files: arrays.len(),
        doubt,
        ..sizes
    });
    Ok(Opened { source: Source::Images(Arc::new(all)), taken })
}

/// Splits `FILE.safetensors:TENSOR` and `FILE.npz:ARRAY`, unless a file has that whole name.
pub fn split_part(path: &Path) -> (&Path, Option<&str>) {
    const ENDINGS: [&[u8]; 2] = [b".safetensors:", b".npz:"];
    let name = path.as_os_str();
    let bytes = name.as_encoded_bytes();
    let end_of = |ending: &&[u8]| {
        let at = bytes.windows(ending.len()).rposition(|bytes| bytes == *ending)?;
        Some(at + ending.len())
    };
    let end = ENDINGS.iter().filter_map(end_of).max().filter(|_| !path.exists());
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

/// The error for a file that starts like no known format: what it is called, what it seems to be, what would do.
fn unknown(path: &Path, start: &[u8]) -> Error {
    let named = Format::named(path).map_or(String::new(), |format| format!("named like {format}, but "));
    let accepted = "DATA is a folder of images, PNG, JPEG, .npy, .npz, IDX (also .gz) or safetensors";
    Error::input(path, format!("{named}its content is {}; {accepted}", looks_like(path, start)))
}
