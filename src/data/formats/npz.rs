//! NumPy's `.npz`: a zip archive of `.npy` files, of which one is read, as it is unpacked.

mod sparse;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::DeflateDecoder;
use rawzip::{
    CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator,
};

use super::array::{ArrayBytes, ArrayLayout, KnownLength, check_promise};
use super::format::{Format, OpenFile};
use super::{npy, unknown};
use crate::data::reading::Reading;
use crate::data::source::Opened;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;
pub use sparse::SparseRows;

/// The first bytes of an archive: of its first file, or of its end where it holds none.
const MAGICS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// Most files of an archive that are looked at.
const MOST_FILES: usize = 10_000;
/// Longest name of a file that counts as an array's, bytes.
const LONGEST_NAME: usize = 1024;
/// Most names of other files that are kept.
const MOST_OTHERS: usize = 100;
/// How the names of arrays end.
const ENDING: &str = ".npy";

type Archive = ZipArchive<WholeFile>;

/// A file of so many bytes, behind which nothing lies, wherever an archive says that something does.
#[derive(Debug)]
struct WholeFile {
    file: File,
    length: u64,
}

impl ReaderAt for WholeFile {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        FileRange::new(&self.file, offset, self.length).read(out)
    }
}

/// Finds the directory of an archive.
fn archive(path: &Path, file: File, length: u64, buffer: &mut [u8]) -> Result<Archive> {
    let found = ZipLocator::new().locate_in_reader(WholeFile { file, length }, buffer, length);
    found.map_err(|(_, error)| damaged(path, &error))
}

/// An array in an archive.
#[derive(Debug)]
struct ArchivedArray {
    name: String,
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    is_encrypted: bool,
}

/// Archives of NumPy arrays.
pub const FORMAT: Format = Format {
    name: "an archive of NumPy arrays",
    kinds: Some(".npz"),
    usage: Some("FILE.npz[:ARRAY]"),
    endings: &[".npz"],
    has_parts: true,
    begins: |start| MAGICS.iter().any(|magic| start.starts_with(magic)),
    is_certain: |_, _| true,
    open,
};

/// Opens the array that is named, or the only one.
fn open(OpenFile { path, file, length, part, reading, .. }: OpenFile<'_>) -> Result<Opened> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = archive(path, file, length, &mut buffer)?;
    let (entries, others) = entries(path, &archive, &mut buffer)?;
    let entry = chosen(path, entries, &others, part).map_err(|reason| Error::input(path, reason))?;
    open_entry(&path_of(path, &entry.name), &archive, length, &entry, reading)
}

/// The arrays of an archive, and the names of the first files that are none.
fn entries(path: &Path, archive: &Archive, buffer: &mut [u8]) -> Result<(Vec<ArchivedArray>, Vec<String>)> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut entries = archive.entries(buffer);
    let mut files = 0;
    while let Some(entry) = entries.next_entry().map_err(|error| damaged(path, &error))? {
        files += 1;
        if files > MOST_FILES {
            let fact = format!("an archive of more than {MOST_FILES} files");
            return Err(Error::input(path, format!("{fact}; save the array alone as .npy")));
        }
        let name = entry.file_path();
        let name = name.as_bytes();
        if !name.ends_with(ENDING.as_bytes()) && name.len() <= LONGEST_NAME && others.len() < MOST_OTHERS {
            others.push(String::from_utf8_lossy(name).into_owned());
        }
        if name.len() <= LONGEST_NAME && name.ends_with(ENDING.as_bytes()) {
            let name = String::from_utf8_lossy(name).into_owned();
            let (method, flags) = (entry.compression_method(), entry.flags());
            let is_encrypted = flags.is_encrypted() || flags.has_strong_encryption();
            found.push(ArchivedArray { name, place: entry.wayfinder(), method, is_encrypted });
        }
    }
    Ok((found, others))
}

/// The array called `wanted`, or the only one; the error lists what there is, or says what the archive is instead.
fn chosen(
    path: &Path,
    entries: Vec<ArchivedArray>,
    others: &[String],
    wanted: Option<&str>,
) -> Result<ArchivedArray, String> {
    let short = |entry: &ArchivedArray| entry.name.trim_end_matches(ENDING).to_owned();
    let listed = entries.iter().map(short).collect::<Vec<_>>().join(", ");
    let names: Vec<String> = entries.iter().map(short).collect();
    if wanted.is_none() && is_sparse(&names) {
        return Err(unknown::sparse(path));
    }
    let is_it = |entry: &ArchivedArray| wanted.is_none_or(|name| entry.name == name || short(entry) == name);
    let mut fitting = entries.into_iter().filter(is_it);
    match (fitting.next(), fitting.next(), wanted) {
        (Some(entry), None, _) => Ok(entry),
        (None, _, Some(wanted)) => Err(format!("no array is called {wanted}; there are: {listed}")),
        (None, ..) => Err(unknown::archive(path, others)),
        (Some(_), ..) => Err(format!("several arrays; name one as FILE.npz:NAME of: {listed}")),
    }
}

/// Whether these are the arrays in which SciPy saves a sparse matrix.
fn is_sparse(names: &[String]) -> bool {
    ["format", "shape", "data"].iter().all(|part| names.iter().any(|name| name == part))
}

fn open_entry(
    path: &Path,
    archive: &Archive,
    length: u64,
    entry: &ArchivedArray,
    reading: &Reading,
) -> Result<Opened> {
    unpacked(path, archive, length, entry, |body| npy::open_bytes(body, reading))
}

/// Hands the bytes of a file in an archive to `read`, as they are unpacked.
fn unpacked<T>(
    path: &Path,
    archive: &Archive,
    length: u64,
    entry: &ArchivedArray,
    read: impl FnOnce(ArrayBytes<'_>) -> Result<T>,
) -> Result<T> {
    if entry.is_encrypted {
        return Err(Error::input(path, "encrypted; save it anew with numpy.savez"));
    }
    let place = archive.get_entry(entry.place).map_err(|error| damaged(path, &error))?;
    let (start, end) = place.compressed_data_range();
    let packed = BufReader::new(place.reader());
    let unpacked: Box<dyn Read> = match entry.method {
        CompressionMethod::STORE => Box::new(packed),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed)),
        other => {
            let fact =
                format!("packed by method {}, but 0 (stored) and 8 (deflated) are read", other.as_u16());
            return Err(Error::input(path, format!("{fact}; save it anew with numpy.savez_compressed")));
        }
    };
    let mut from = place.verifying_reader(unpacked);
    let length = KnownLength::Packed((end - start).min(length));
    read(ArrayBytes { path, from: &mut from, length })
}

/// Whether a file that begins so is an archive whose first file is an array.
pub fn begins_with_array(start: &[u8]) -> bool {
    start.starts_with(MAGICS[0]) && start.windows(ENDING.len()).any(|window| window == ENDING.as_bytes())
}

/// All arrays of an archive under their names.
#[derive(Debug)]
pub struct Arrays {
    archive: Archive,
    /// Bytes of the file.
    length: u64,
    found: Vec<(String, ArchivedArray, Vec<usize>)>,
}

impl Arrays {
    /// Reads the headers of all arrays in a file of `length` bytes. Arrays of other things than numbers are passed over.
    pub fn open(path: &Path, file: File, length: u64) -> Result<Self> {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = archive(path, file, length, &mut buffer)?;
        let (entries, _) = entries(path, &archive, &mut buffer)?;
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.name.trim_end_matches(ENDING).to_owned();
            let header = |ArrayBytes { path, from, length }: ArrayBytes<'_>| {
                let (layout, _) = npy::header::start(path, from)?;
                check_promise(path, &layout, length)?;
                Ok(layout.shape)
            };
            match unpacked(&path_of(path, &entry.name), &archive, length, &entry, header) {
                Ok(shape) => found.push((name, entry, shape)),
                Err(Error::Input { reason, .. }) => tracing::debug!("{}:{name}: {reason}", path.display()),
                Err(error) => return Err(error),
            }
        }
        Ok(Self { archive, length, found })
    }

    /// Names and shapes.
    pub fn shapes(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        self.found.iter().map(|(name, _, shape)| (name.clone(), shape.clone()))
    }

    /// Hands layout and bytes of the numbers of an array to `read`.
    pub fn read<T>(
        &self,
        path: &Path,
        name: &str,
        read: impl FnOnce(&ArrayLayout, ArrayBytes<'_>) -> Result<T>,
    ) -> Result<T> {
        // Of two arrays of one name the later one counts, as for the shapes.
        let entry = self.found.iter().rev().find(|(found, ..)| found == name);
        let (_, entry, _) = entry.ok_or_else(|| Error::input(path, format!("no array {name}")))?;
        let path = path_of(path, &entry.name);
        unpacked(&path, &self.archive, self.length, entry, |body| {
            let (layout, _) = npy::header::start(body.path, body.from)?;
            read(&layout, body)
        })
    }
}

/// The archive and the array in it, as the user would name them.
fn path_of(archive: &Path, name: &str) -> PathBuf {
    PathBuf::from(format!("{}:{name}", archive.display()))
}

fn damaged(path: &Path, error: &rawzip::Error) -> Error {
    match error.kind() {
        rawzip::ErrorKind::IO(system) if system.raw_os_error().is_some() => {
            let code = system.raw_os_error().unwrap_or_default();
            Error::io("read", path, std::io::Error::from_raw_os_error(code))
        }
        _ => Error::input(path, format!("no whole zip archive ({error}); truncated or damaged")),
    }
}
