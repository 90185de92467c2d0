//! Recognises what DATA is, by content first and by name for the words of an error.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::stream::Store;
use super::{Source, idx, images, npy, tensor};
use crate::error::{Error, Result};

/// How many bytes of a file are read to recognise it.
const START: u64 = 512;

/// Formats of single files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Image,
    Npy,
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
            Self::Idx => "an IDX file",
            Self::Gzip => "a gzip file",
            Self::Safetensors => "a safetensors file",
        })
    }
}

/// See [`Source::open`].
pub fn open(path: &Path) -> Result<Source> {
    let (path, tensor) = split_tensor(path);
    if path.is_dir() {
        return match Store::open(path)? {
            Some(store) => store.table().map(Source::Rows),
            None => images::read_folder(path).map(Source::Images),
        };
    }
    let failed = |error| Error::io("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.by_ref().take(START).read_to_end(&mut bytes).map_err(failed)?;
    let format = Format::of(&bytes).ok_or_else(|| unknown(path, &bytes))?;
    if let Some(named) = Format::named(path).filter(|&named| named != format) {
        tracing::warn!("{}: named like {named}, but read as {format}, which it is", path.display());
    }
    file.read_to_end(&mut bytes).map_err(failed)?;
    match format {
        Format::Image => Ok(Source::Images(vec![images::decode(path, &bytes)?])),
        Format::Npy => npy::read(path, &bytes),
        Format::Idx => idx::read(path, &bytes).map(Source::Rows),
        Format::Gzip => idx::read_gzip(path, &bytes).map(Source::Rows),
        Format::Safetensors => tensor::read(path, &bytes, tensor).map(Source::Rows),
    }
}

/// Splits `FILE.safetensors:TENSOR`, unless a file has that whole name.
fn split_tensor(path: &Path) -> (&Path, Option<&str>) {
    const ENDING: &str = ".safetensors";
    let split = path.to_str().filter(|_| !path.exists()).and_then(|text| {
        let end = text.rfind(&format!("{ENDING}:"))? + ENDING.len();
        Some((Path::new(&text[..end]), &text[end + 1..]))
    });
    split.map_or((path, None), |(file, tensor)| (file, Some(tensor)))
}

/// The error for a file that starts like no known format: what it is called, what it seems to be, what would do.
fn unknown(path: &Path, start: &[u8]) -> Error {
    let named = Format::named(path).map_or(String::new(), |format| format!("named like {format}, but "));
    let accepted = "DATA is a folder of images, PNG, JPEG, .npy, IDX (also .gz) or safetensors";
    Error::input(path, format!("{named}its content is {}; {accepted}", looks_like(start)))
}

/// A guess at foreign content, in words.
fn looks_like(start: &[u8]) -> &'static str {
    match start {
        [] => "empty",
        [b'P', b'K', 3, 4, ..] => "a zip archive (.npz is not read yet: save one array as .npy)",
        [0x89, b'H', b'D', b'F', ..] => "HDF5 (save one array as .npy)",
        _ if start.starts_with(b"MATLAB") => "a MATLAB file (save one array as .npy)",
        _ if image::guess_format(start).is_ok() => "an image of another kind (convert it to PNG)",
        _ if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            "text (save the numbers with numpy.save)"
        }
        _ => "of no known format",
    }
}
