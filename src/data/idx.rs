//! IDX, the format of MNIST: two zero bytes, the type of the numbers, the number of dimensions, their lengths
//! (u32, highest byte first) and the bare numbers. Only bytes are read, each picture as one row.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::Table;
use super::array::{Array, check_length};
use super::numbers::{Endian, Number};
use crate::error::{Error, Result};

/// The type byte of unsigned bytes.
const BYTES: u8 = 0x08;
/// No deflate stream grows by more than this factor.
const MOST_INFLATION: usize = 1032;
/// A header of the most dimensions that are read.
const LONGEST_HEADER: usize = 4 + 4 * 4;

/// Whether `bytes` begin like an IDX file, of whatever type.
pub fn recognised(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, 1..=8, ..])
}

/// Reads the bytes of the file `path`.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Table> {
    let shape = shape_of(path, bytes)?;
    let data = &bytes[4 + 4 * shape.len()..];
    check_length(path, &shape, 1, data.len())?;
    let array = Array { values: Number::U8.decode(data, Endian::Big), shape };
    let rows = array.shape[0];
    let cols = array.values.len() / rows.max(1);
    array.into_table(path, rows, cols)
}

/// Reads the bytes of the gzip file `path`, inflating no more than its IDX header promises.
pub fn read_gzip(path: &Path, bytes: &[u8]) -> Result<Table> {
    let damaged =
        |error| Error::input(path, format!("cannot be unpacked: {error}; it is truncated or damaged"));
    let mut unpacked = Vec::new();
    let mut unpacker = MultiGzDecoder::new(bytes);
    unpacker.by_ref().take(LONGEST_HEADER as u64).read_to_end(&mut unpacked).map_err(damaged)?;
    if !recognised(&unpacked) {
        return Err(Error::input(path, "the gzip file holds no IDX data; unpack it first"));
    }
    let shape = shape_of(path, &unpacked)?;
    let promised = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
    let whole = promised.and_then(|count| count.checked_add(4 + 4 * shape.len()));
    let whole = whole.filter(|&whole| whole / MOST_INFLATION <= bytes.len()).ok_or_else(|| {
        let fact = format!("shape {shape:?} cannot come out of {} packed bytes", bytes.len());
        Error::input(path, format!("{fact}; it is truncated or damaged"))
    })?;
    // One byte more than promised shows that there is more; reading to the end checks the checksum.
    let rest = (whole + 1).saturating_sub(unpacked.len());
    unpacker.take(rest as u64).read_to_end(&mut unpacked).map_err(damaged)?;
    read(path, &unpacked)
}

/// The lengths of the dimensions; fails on anything but bytes in two to four of them.
fn shape_of(path: &Path, bytes: &[u8]) -> Result<Vec<usize>> {
    let (kind, dimensions) = (bytes[2], usize::from(bytes[3]));
    if kind != BYTES {
        let fact =
            format!("IDX numbers of type {kind:#04x}, but only unsigned bytes ({BYTES:#04x}) are read");
        return Err(Error::input(path, format!("{fact}; save them as .npy")));
    }
    if dimensions == 1 {
        let remedy = "give the file of the images instead";
        return Err(Error::input(
            path,
            format!("an IDX file of one dimension, which holds labels; {remedy}"),
        ));
    }
    if dimensions > 4 {
        return Err(Error::input(
            path,
            format!("an IDX file of {dimensions} dimensions, but 2 to 4 are read"),
        ));
    }
    let lengths = bytes.get(4..4 + 4 * dimensions).ok_or_else(|| {
        let fact = format!("{} bytes are too few for a header of {dimensions} dimensions", bytes.len());
        Error::input(path, format!("{fact}; it is truncated"))
    })?;
    let length = |&bytes: &[u8; 4]| u32::from_be_bytes(bytes) as usize;
    Ok(lengths.as_chunks().0.iter().map(length).collect())
}
