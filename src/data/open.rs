//! Recognises what DATA is, by content first and by name for the words of an error.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::array::{Body, Held};
use super::pictures::Pictures;
use super::stream::Store;
use super::{Source, idx, images, npy, npz, tensor};
use crate::error::{Error, Result};
use crate::input::{self, Part};

/// How many bytes of a file are read to recognise it.
const START: u64 = 512;

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

/// See [`Source::open`].
pub fn open(path: &Path) -> Result<Source> {
    let (path, part) = split_part(path);
    if path.is_dir() {
        return match Store::open(path)? {
            Some(store) => store.table().map(Source::Rows),
            None => Pictures::of_folder(path).map(|pictures| Source::Images(Arc::new(pictures))),
        };
    }
    let (file, held) = input::open(path)?;
    let mut start = Vec::new();
    let read = Part::new(&file, 0, START).read_to_end(&mut start);
    read.map_err(|error| Error::io("read", path, error))?;
    let format = Format::of(&start).ok_or_else(|| unknown(path, &start))?;
    if let Some(named) = Format::named(path).filter(|&named| named != format) {
        tracing::warn!("{}: named like {named}, but read as {format}, which it is", path.display());
    }
    match format {
        Format::Image => Ok(Source::Images(Arc::new(Pictures::of_file(path, &file, held)?))),
        Format::Npy => {
            let mut from = Part::new(&file, 0, held);
            npy::read(Body { path, from: &mut from, held: Held::Bytes(held) })
        }
        Format::Npz => npz::read(path, file, held, part),
        Format::Idx => idx::read(path, &file, held).map(Source::Rows),
        Format::Gzip => idx::read_gzip(path, &file, held).map(Source::Rows),
        Format::Safetensors => tensor::read(path, &file, held, part).map(Source::Rows),
    }
}

/// Splits `FILE.safetensors:TENSOR` and `FILE.npz:ARRAY`, unless a file has that whole name.
pub fn split_part(path: &Path) -> (&Path, Option<&str>) {
    const ENDINGS: [&str; 2] = [".safetensors:", ".npz:"];
    let split = path.to_str().filter(|_| !path.exists()).and_then(|text| {
        let ends = ENDINGS.iter().filter_map(|ending| Some(text.rfind(ending)? + ending.len()));
        let end = ends.max()?;
        Some((Path::new(&text[..end - 1]), &text[end..]))
    });
    split.map_or((path, None), |(file, part)| (file, Some(part)))
}

/// The error for a file that starts like no known format: what it is called, what it seems to be, what would do.
fn unknown(path: &Path, start: &[u8]) -> Error {
    let named = Format::named(path).map_or(String::new(), |format| format!("named like {format}, but "));
    let accepted = "DATA is a folder of images, PNG, JPEG, .npy, .npz, IDX (also .gz) or safetensors";
    Error::input(path, format!("{named}its content is {}; {accepted}", looks_like(start)))
}

/// A guess at foreign content, in words.
fn looks_like(start: &[u8]) -> &'static str {
    match start {
        [] => "empty",
        [0x89, b'H', b'D', b'F', ..] => "HDF5 (save one array as .npy)",
        _ if start.starts_with(b"MATLAB") => "a MATLAB file (save one array as .npy)",
        _ if image::guess_format(start).is_ok() => "an image of another kind (convert it to PNG)",
        _ if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            "text (save the numbers with numpy.save)"
        }
        _ => "of no known format",
    }
}
