//! IDX, the format of MNIST: two zero bytes, the type of the numbers, the number of dimensions, their lengths
//! (u32, highest byte first) and the bare numbers. Only bytes are read, each picture as one row; whatever the number of their
//! dimensions, they are pixels, and divided by 255.

use std::io::{self, BufReader, Read};
use std::path::Path;

use super::array::{ArrayBytes, ArrayLayout, KnownLength};
use super::conversion;
use super::format::{Format, OpenFile};
use crate::data::axes::Meaning;
use crate::data::description::DataDescription;
use crate::data::dtype::{DType, Endian};
use crate::data::reading::Reading;
use crate::data::source::Opened;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;

/// The type byte of unsigned bytes.
const BYTES: u8 = 0x08;

/// IDX files.
pub const FORMAT: Format = Format {
    name: "an IDX file",
    kinds: Some("IDX (also .gz)"),
    usage: Some("IDX (also .gz)"),
    endings: &[".idx", "-ubyte"],
    has_parts: false,
    begins: recognised,
    is_certain: |start, length| promised_length(start) == Some(length),
    open,
};

/// Whether `bytes` begin like an IDX file, of whatever type.
pub fn recognised(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, 1..=8, ..])
}

/// How long a file is that begins so, bytes; `None` where its numbers are no bytes, or it is cut.
fn promised_length(start: &[u8]) -> Option<u64> {
    let &[0, 0, BYTES, dimensions, ref lengths @ ..] = start else { return None };
    let lengths = lengths.as_chunks().0.get(..usize::from(dimensions))?;
    let numbers = lengths
        .iter()
        .try_fold(1_u64, |product, &length| product.checked_mul(u32::from_be_bytes(length).into()));
    numbers?.checked_add(4 + 4 * u64::from(dimensions))
}

/// Opens a file.
fn open(OpenFile { path, file, length, reading, .. }: OpenFile<'_>) -> Result<Opened> {
    let mut from = BufReader::new(FileRange::new(&file, 0, length));
    let failed = |error| Error::io("read", path, error);
    let mut start = Vec::new();
    from.by_ref().take(4).read_to_end(&mut start).map_err(failed)?;
    let shape = read_shape(path, &start, &mut from, failed)?;
    let length = KnownLength::Exact(length.saturating_sub(4 + 4 * shape.len() as u64));
    array(shape, ArrayBytes { path, from: &mut from, length }, reading)
}

/// The first dimension counts rows, the others are one row, unless `reading` says otherwise. Bytes are those of pictures.
pub fn array(shape: Vec<usize>, bytes: ArrayBytes<'_>, reading: &Reading) -> Result<Opened> {
    let layout = ArrayLayout { dtype: DType::U8, endian: Endian::Big, fortran: false, shape };
    let rows = Reading { meaning: reading.meaning().or(Some(Meaning::Rows)), ..reading.clone() };
    let Opened { source, description } = layout.open(bytes, &rows)?;
    Ok(Opened { source, description: DataDescription { pixels: true, ..description } })
}

/// The lengths of the dimensions, which follow the first four bytes; fails on anything but bytes in two to four of them.
pub fn read_shape(
    path: &Path,
    start: &[u8],
    from: &mut impl Read,
    failed: impl Fn(io::Error) -> Error,
) -> Result<Vec<usize>> {
    let &[_, _, kind, dimensions] = start else {
        let fact = format!("{} bytes are too few for a header", start.len());
        return Err(Error::input(path, format!("{fact}; it is truncated")));
    };
    if kind != BYTES {
        let fact =
            format!("IDX numbers of type {kind:#04x}, but only unsigned bytes ({BYTES:#04x}) are read");
        let remedy = conversion::idx(path, kind, dimensions);
        return Err(Error::input(path, format!("{fact}; {remedy}")));
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
    let wanted = 4 * usize::from(dimensions);
    let mut lengths = Vec::new();
    from.take(wanted as u64).read_to_end(&mut lengths).map_err(failed)?;
    if lengths.len() < wanted {
        let there = 4 + lengths.len();
        let fact = format!("{there} bytes are too few for a header of {dimensions} dimensions");
        return Err(Error::input(path, format!("{fact}; it is truncated")));
    }
    let length = |&bytes: &[u8; 4]| u32::from_be_bytes(bytes) as usize;
    Ok(lengths.as_chunks().0.iter().map(length).collect())
}
