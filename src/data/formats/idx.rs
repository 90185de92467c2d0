//! IDX, the format of MNIST: two zero bytes, the type of the numbers, the number of dimensions, their lengths
//! (u32, highest byte first) and the bare numbers, highest byte first. Each picture is one row; bytes without a sign are pixels,
//! whatever the number of their dimensions, and divided by 255.

use std::io::{self, BufReader, Read};
use std::path::Path;

use super::array::{ArrayBytes, ArrayLayout};
use super::format::{Format, OpenFile};
use crate::data::axes::Meaning;
use crate::data::description::DataDescription;
use crate::data::dtype::{DType, Endian};
use crate::data::reading::Reading;
use crate::data::source::Opened;
use crate::data::stream::ArrayInFile;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;

/// The type of the numbers by the byte that stands for it.
pub(super) fn dtype_of(kind: u8) -> Option<DType> {
    Some(match kind {
        0x08 => DType::U8,
        0x09 => DType::I8,
        0x0b => DType::I16,
        0x0c => DType::I32,
        0x0d => DType::F32,
        0x0e => DType::F64,
        _ => return None,
    })
}

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
    matches!(*bytes, [0, 0, kind, 1..=8, ..] if dtype_of(kind).is_some())
}

/// How long a file is that begins so, bytes; `None` where it is cut.
fn promised_length(start: &[u8]) -> Option<u64> {
    let &[0, 0, kind, dimensions, ref lengths @ ..] = start else { return None };
    let size = dtype_of(kind)?.size() as u64;
    let lengths = lengths.as_chunks().0.get(..usize::from(dimensions))?;
    let bytes = lengths
        .iter()
        .try_fold(size, |product, &length| product.checked_mul(u32::from_be_bytes(length).into()));
    bytes?.checked_add(4 + 4 * u64::from(dimensions))
}

/// Opens a file.
fn open(OpenFile { path, file, length, reading, stays, .. }: OpenFile<'_>) -> Result<Opened> {
    let mut from = BufReader::new(FileRange::new(&file, 0, length));
    let failed = |error| Error::io("read", path, error);
    let mut start = Vec::new();
    from.by_ref().take(4).read_to_end(&mut start).map_err(failed)?;
    let layout = read_layout(path, &start, &mut from, failed)?;
    let offset = 4 + 4 * layout.shape.len() as u64;
    let array = ArrayInFile { path, file: &file, layout, offset, length: length.saturating_sub(offset) };
    array.open(&meant(reading), stays).map(of_pixels)
}

/// Opens what is unpacked.
pub fn unpacked(layout: &ArrayLayout, bytes: ArrayBytes<'_>, reading: &Reading) -> Result<Opened> {
    layout.open(bytes, &meant(reading)).map(of_pixels)
}

/// The first dimension counts rows, the others are one row, unless the user says otherwise.
fn meant(reading: &Reading) -> Reading {
    Reading { meaning: reading.meaning().or(Some(Meaning::Rows)), ..reading.clone() }
}

/// Bytes are those of pictures.
fn of_pixels(Opened { source, description }: Opened) -> Opened {
    Opened { source, description: DataDescription { pixels: true, ..description } }
}

/// The type of the numbers and the lengths of the dimensions, which follow the first four bytes; fails on anything but two
/// to four of them.
pub fn read_layout(
    path: &Path,
    start: &[u8],
    from: &mut impl Read,
    failed: impl Fn(io::Error) -> Error,
) -> Result<ArrayLayout> {
    let &[_, _, kind, dimensions] = start else {
        let fact = format!("{} bytes are too few for a header", start.len());
        return Err(Error::input(path, format!("{fact}; it is truncated")));
    };
    let dtype = dtype_of(kind).ok_or_else(|| {
        let fact =
            format!("IDX numbers of type {kind:#04x}, but 0x08, 0x09 and 0x0b to 0x0e are all there are");
        Error::input(path, format!("{fact}; it is damaged"))
    })?;
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
    let shape = lengths.as_chunks().0.iter().map(length).collect();
    Ok(ArrayLayout { dtype, endian: Endian::Big, fortran: false, shape })
}
