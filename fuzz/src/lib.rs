//! What the fuzzers share: the input becomes a file, which is read as the tests of `tests/hostile` read theirs.

use std::borrow::Cow;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use tempfile::TempDir;

#[path = "../../tests/hostile/readers.rs"]
pub mod readers;

/// In memory where there is such a folder.
static FOLDER: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder"));

/// Makes a fuzzer of a reader and the name of the file that it reads.
#[macro_export]
macro_rules! fuzzer {
    ($file:literal, $read:ident) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::run($file, data, $crate::readers::$read));
    };
}

/// Reads a file of these bytes, packed first if they say so; an error has to be one line that can be printed.
pub fn run(name: &str, data: &[u8], read: fn(&Path) -> rhohat::Result<readers::Seen>) {
    let path = FOLDER.path().join(name);
    fs::write(&path, packed(data)).expect("the folder takes files");
    if let Err(error) = read(&path) {
        assert!(readers::is_plain(&error), "{error:?}");
    }
}

/// Packs what follows `gz:`, `npz:`, `csr:` or `mat:`, so that damage gets behind the checksums, and makes records of CIFAR of what
/// follows `bin:`; anything else is taken as it is.
fn packed(data: &[u8]) -> Cow<'_, [u8]> {
    type Pack = fn(&[u8]) -> Vec<u8>;
    let prefixes: [(&[u8], Pack); 5] =
        [(b"gz:", gz), (b"npz:", npz), (b"csr:", sparse), (b"mat:", mat), (b"bin:", records)];
    let found = prefixes.iter().find_map(|(prefix, pack)| Some(pack(data.strip_prefix(*prefix)?)));
    found.map_or(data.into(), Cow::Owned)
}

/// Records of as many labels as the first byte says, without as many bytes at the end as the second says.
fn records(data: &[u8]) -> Vec<u8> {
    let Some((&[labels, less], rest)) = data.split_first_chunk() else { return Vec::new() };
    let records = rest.chunks_exact(1 + usize::from(labels % 2));
    let mut bytes: Vec<u8> = records.flat_map(|labels| [labels, &[labels[0]; 3072]].concat()).collect();
    bytes.truncate(bytes.len().saturating_sub(less.into()));
    bytes
}

/// As gzip does.
fn gz(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A file of MATLAB with one packed variable.
fn mat(variable: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(variable).expect("memory takes it");
    let packed = encoder.finish().expect("memory takes it");
    let header = [b"MATLAB 5.0 MAT-file".as_slice(), &[b' '; 105], b"\0\x01IM\x0f\0\0\0"].concat();
    [&header, &(packed.len() as u32).to_le_bytes()[..], &packed].concat()
}

/// An archive of one array.
fn npz(array: &[u8]) -> Vec<u8> {
    let pack = || -> Result<Vec<u8>, rawzip::Error> {
        let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
        let options = archive.new_file("rows.npy").compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = options.start()?;
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
        writer.write_all(array)?;
        let (encoder, descriptor) = writer.finish()?;
        encoder.finish()?;
        entry.finish(descriptor)?;
        archive.finish()
    };
    pack().expect("memory takes it")
}

/// The arrays of a sparse matrix, one behind the other in the order in which SciPy saves them, as an archive.
fn sparse(arrays: &[u8]) -> Vec<u8> {
    const NAMES: [&str; 6] = ["indices.npy", "indptr.npy", "format.npy", "shape.npy", "data.npy", "more.npy"];
    let is_start = |&at: &usize| arrays[at..].starts_with(b"\x93NUMPY");
    let starts: Vec<usize> = (0..arrays.len()).filter(is_start).take(NAMES.len()).collect();
    let ends = starts.iter().skip(1).copied().chain([arrays.len()]);
    let pack = || -> Result<Vec<u8>, rawzip::Error> {
        let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
        for ((name, &start), end) in NAMES.iter().zip(&starts).zip(ends) {
            let options = archive.new_file(name).compression_method(rawzip::CompressionMethod::STORE);
            let (mut entry, config) = options.start()?;
            let mut writer = config.wrap(&mut entry);
            writer.write_all(&arrays[start..end])?;
            let (_, descriptor) = writer.finish()?;
            entry.finish(descriptor)?;
        }
        archive.finish()
    };
    pack().expect("memory takes it")
}
