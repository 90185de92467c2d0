//! NumPy's `.npy`: a reader for versions 1 to 3, either order of bytes and of dimensions, and a writer for rows
//! of f32. The format is a magic number, a version, the length of a header, the header (a Python dictionary in
//! ASCII) and the bare numbers.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Source;
use super::array::{Array, check_length};
use super::numbers::{Endian, Number};
use crate::error::{Error, Result};

/// The first bytes of every `.npy` file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// What stands at the beginning of a file.
pub(super) struct Start {
    pub number: Number,
    pub endian: Endian,
    /// The first index is the fastest.
    pub fortran: bool,
    pub shape: Vec<usize>,
    /// Where the numbers begin, bytes.
    pub offset: usize,
}

/// Reads the header of a file of which `bytes` are the beginning.
pub(super) fn start(path: &Path, bytes: &[u8]) -> Result<Start> {
    let (header, data) = split(bytes).ok_or_else(|| truncated(path, bytes.len()))?;
    let Header { number, endian, fortran, shape } =
        Header::parse(header).map_err(|reason| Error::input(path, reason))?;
    Ok(Start { number, endian, fortran, shape, offset: bytes.len() - data.len() })
}

fn truncated(path: &Path, held: usize) -> Error {
    Error::input(path, format!("{held} bytes are too few for the header; it is truncated"))
}

/// Reads the bytes of the file `path`.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Source> {
    let Start { number, endian, fortran, shape, offset } = start(path, bytes)?;
    let data = &bytes[offset..];
    check_length(path, &shape, number.size(), data.len())?;
    let values = number.decode(data, endian);
    let values = if fortran { from_fortran(&values, &shape) } else { values };
    Array { shape, values }.into_source(path)
}

/// Header and numbers of a file that begins with [`MAGIC`].
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.get(MAGIC.len()..)?;
    // Version 1 has a header length of two bytes, versions 2 and 3 of four.
    let (length, rest) = match rest.split_at_checked(2)? {
        ([1, _], rest) => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        (_, rest) => {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_le_bytes(*length)).ok()?, rest)
        }
    };
    rest.split_at_checked(length)
}

/// What the header says of the numbers.
struct Header {
    number: Number,
    endian: Endian,
    /// The first index is the fastest.
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(header: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(header).map_err(|_| "the header is not text; the file is damaged")?;
        let field =
            |key: &str| value_of(text, key).ok_or(format!("the header has no {key}; the file is damaged"));
        let (number, endian) = number_of(field("descr")?)?;
        let fortran = field("fortran_order")?.starts_with("True");
        let shape = field("shape")?;
        let shape = shape_of(shape).ok_or_else(|| {
            let end = shape.find(')').map_or(shape.len(), |end| end + 1);
            format!("the header's shape {:.60} cannot be read; the file is damaged", &shape[..end])
        })?;
        Ok(Self { number, endian, fortran, shape })
    }
}

/// The text that follows `'key':`.
fn value_of<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let after = header.split_once(&format!("'{key}'"))?.1;
    after.trim_start().strip_prefix(':').map(str::trim_start)
}

/// The kind of number behind a `descr`, which goes on behind the closing quote.
fn number_of(descr: &str) -> Result<(Number, Endian), String> {
    let name = descr.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    let name = name.ok_or("a structured array; save one plain array of numbers with numpy.save")?;
    let endian = if name.starts_with('>') { Endian::Big } else { Endian::Little };
    let number = match name.trim_start_matches(['<', '>', '|', '=']) {
        "u1" => Number::U8,
        "f2" => Number::F16,
        "f4" => Number::F32,
        "f8" => Number::F64,
        _ => {
            let accepted = "u1, f2, f4 and f8 are read; convert it with .astype('float32')";
            return Err(format!("numbers of type '{name}', but only {accepted}"));
        }
    };
    Ok((number, endian))
}

/// The lengths in `(3, 4)`; none in `()`.
fn shape_of(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    inside
        .split(',')
        .map(str::trim)
        .filter(|length| !length.is_empty())
        .map(|length| length.parse().ok())
        .collect()
}

/// Puts values whose first index is the fastest into the order whose last index is.
fn from_fortran(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let mut index = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in values {
        let place = shape.iter().zip(&index).rev().fold(0, |place, (length, i)| place * length + i);
        ordered.push(values[place]);
        for (i, length) in index.iter_mut().zip(shape).rev() {
            *i = (*i + 1) % length;
            if *i != 0 {
                break;
            }
        }
    }
    ordered
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
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    // The numbers start at a multiple of 64 bytes, behind ten bytes, the header and a line feed.
    let unpadded = MAGIC.len() + 4 + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    header.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}
