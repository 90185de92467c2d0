//! NumPy's `.npy`: a reader for versions 1 to 3, either order of bytes and of dimensions, and a writer for rows
//! of f32. The format is a magic number, a version, the length of a header, the header (a Python dictionary) and the bare
//! numbers.

pub(in crate::data) mod header;
mod literals;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::array::{ArrayBytes, KnownLength};
use super::format::{Format, OpenFile};
use crate::data::reading::Reading;
use crate::data::source::Opened;
use crate::data::stream::ArrayInFile;
use crate::error::{Error, Result};
use crate::io::safe_open::FileRange;
use header::MAGIC;

/// NumPy arrays.
pub const FORMAT: Format = Format {
    name: "a NumPy array",
    kinds: Some(".npy"),
    usage: Some(".npy"),
    endings: &[".npy"],
    has_parts: false,
    begins: |start| start.starts_with(MAGIC),
    is_certain: |_, _| true,
    open,
};

/// Opens a file; rows that can be read one by one stay in it, if they may.
fn open(OpenFile { path, file, length, reading, stays, .. }: OpenFile<'_>) -> Result<Opened> {
    array(path, &file, length)?.open(reading, stays)
}

/// The array in a file of `length` bytes.
pub(in crate::data) fn array<'a>(path: &'a Path, file: &'a File, length: u64) -> Result<ArrayInFile<'a>> {
    let (layout, offset) = header::start(path, &mut FileRange::new(file, 0, length))?;
    let offset = offset as u64;
    Ok(ArrayInFile { path, file, layout, offset, length: length.saturating_sub(offset) })
}

/// Opens the bytes of a whole `.npy` file.
pub(super) fn open_bytes(mut bytes: ArrayBytes<'_>, reading: &Reading) -> Result<Opened> {
    let (layout, offset) = header::start(bytes.path, bytes.from)?;
    if let KnownLength::Exact(length) = &mut bytes.length {
        *length = length.saturating_sub(offset as u64);
    }
    layout.open(bytes, reading)
}

/// Writes rows `[rows, cols]` of f32 to a new file `path`, as `numpy.save` would.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn write(path: &Path, rows: usize, cols: usize, values: &[f32]) -> Result<()> {
    let to_file = || {
        let mut file = BufWriter::new(File::create(path)?);
        write_to(&mut file, rows, cols, values)?;
        file.flush()
    };
    to_file().map_err(|error| Error::io("write", path, error))
}

/// Writes rows `[rows, cols]` of f32 in version 1 of the format.
///
/// # Panics
/// If `values` does not hold `rows` × `cols` numbers.
pub fn write_to(out: &mut impl Write, rows: usize, cols: usize, values: &[f32]) -> io::Result<()> {
    assert_eq!(values.len(), rows * cols, "an array of {rows}×{cols} needs as many values");
    write_header(out, rows, cols)?;
    write_values(out, values)
}

/// Writes what stands before the numbers of rows `[rows, cols]` of f32, in version 1 of the format.
///
/// # Errors
/// Those of `out`.
pub fn write_header(out: &mut impl Write, rows: usize, cols: usize) -> io::Result<()> {
    write_header_of(out, "<f4", &format!("({rows}, {cols})"))
}

/// The same for an array of any kind and shape, both as NumPy spells them.
///
/// # Errors
/// Those of `out`.
pub(in crate::data) fn write_header_of(out: &mut impl Write, descr: &str, shape: &str) -> io::Result<()> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // The numbers start at a multiple of 64 bytes, behind ten bytes, the header and a line feed.
    let unpadded = MAGIC.len() + 4 + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    header.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())
}

/// Writes numbers behind a header or behind others.
///
/// # Errors
/// Those of `out`.
pub fn write_values(out: &mut impl Write, values: &[f32]) -> io::Result<()> {
    values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}
