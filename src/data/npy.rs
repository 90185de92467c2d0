//! NumPy's `.npy`: a reader for versions 1 to 3, either order of bytes and of dimensions, and a writer for rows
//! of f32. The format is a magic number, a version, the length of a header, the header (a Python dictionary) and the bare
//! numbers.

mod header;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::array::{Body, Held, Layout, cannot_unpack};
use super::numbers::{Endian, Number};
use super::reading::Reading;
use super::{Opened, conversion};
use crate::error::{Error, Result};
use crate::io::safe_open::{self, Part};
use header::{Entry, Value};

/// The first bytes of every `.npy` file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read, bytes; NumPy's own are about a hundred.
const LONGEST_HEADER: usize = 1 << 16;

/// Reads the header at the beginning of a file; also tells where the numbers begin, in bytes.
pub(super) fn start(path: &Path, from: &mut dyn Read) -> Result<(Layout, usize)> {
    let mut bytes = Vec::new();
    // Version 1 has a header length of two bytes, versions 2 and 3 of four.
    let length = match read_more(path, from, &mut bytes, MAGIC.len() + 2)?[MAGIC.len()] {
        1 => {
            let start = read_more(path, from, &mut bytes, 2)?.last_chunk();
            start.map(|&length| u16::from_le_bytes(length).into())
        }
        2 | 3 => {
            let start = read_more(path, from, &mut bytes, 4)?.last_chunk();
            start.map(|&length| u32::from_le_bytes(length) as usize)
        }
        other => {
            let fact = format!("version {other} of the format, but 1 to 3 are read");
            return Err(Error::input(
                path,
                format!("{fact}; save it anew with numpy.save, or mend the file"),
            ));
        }
    };
    let length = length.unwrap_or_default();
    if length > LONGEST_HEADER {
        let fact = format!("a header of {length} bytes, but {LONGEST_HEADER} at most are read");
        return Err(Error::input(path, format!("{fact}; the file is damaged")));
    }
    let before = bytes.len();
    let header = &read_more(path, from, &mut bytes, length)?[before..];
    let layout = parse(path, header).map_err(|reason| Error::input(path, reason))?;
    Ok((layout, bytes.len()))
}

/// Appends `count` bytes to those of the header so far, and hands all of them out.
fn read_more<'a>(path: &Path, from: &mut dyn Read, bytes: &'a mut Vec<u8>, count: usize) -> Result<&'a [u8]> {
    let wanted = bytes.len() + count;
    from.take(count as u64).read_to_end(bytes).map_err(|error| cannot_unpack(path, &error))?;
    if bytes.len() < wanted {
        let fact = format!("{} bytes are too few for the header", bytes.len());
        return Err(Error::input(path, format!("{fact}; it is truncated")));
    }
    Ok(bytes)
}

/// How the array of a file lies there.
pub(super) fn layout(path: &Path) -> Result<Layout> {
    let (file, held) = safe_open::open(path)?;
    let mut magic = Vec::new();
    let read = Part::new(&file, 0, MAGIC.len() as u64).read_to_end(&mut magic);
    read.map_err(|error| Error::io("read", path, error))?;
    if magic != MAGIC {
        let fact = "named like a NumPy array, but its content is none";
        return Err(Error::input(path, format!("{fact}; save it anew with numpy.save, or remove it")));
    }
    start(path, &mut Part::new(&file, 0, held)).map(|(layout, _)| layout)
}

/// Opens a file from its beginning.
pub(super) fn open(mut body: Body<'_>, reading: &Reading) -> Result<Opened> {
    let (layout, offset) = start(body.path, body.from)?;
    if let Held::Bytes(held) = &mut body.held {
        *held = held.saturating_sub(offset as u64);
    }
    layout.open(body, reading)
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(path: &Path, header: &[u8]) -> Result<Layout, String> {
    // Versions 1 and 2 are Latin-1, of which nothing but ASCII stands in the fields that count.
    let is_text = std::str::from_utf8(header).is_ok();
    let text: String = if is_text {
        String::from_utf8_lossy(header).into_owned()
    } else {
        header.iter().map(|&byte| char::from(byte)).collect()
    };
    let entries = match header::entries(&text) {
        Some(entries) => entries,
        None if text.trim().is_empty() => Vec::new(),
        None if !is_text => return Err("the header is not text; the file is damaged".to_owned()),
        None => return Err(format!("the header {:.200} cannot be read; the file is damaged", text.trim())),
    };
    // As in Python, the last of several counts.
    let field = |key: &str| {
        let entry = entries.iter().rev().find(|entry| entry.key == key);
        entry.ok_or_else(|| format!("the header has no {key}; the file is damaged"))
    };
    let (number, endian) = number_of(path, &field("descr")?.value)?;
    let fortran = field("fortran_order")?;
    let Value::Bool(fortran) = fortran.value else {
        let found = written(&text, fortran);
        return Err(format!(
            "the header's fortran_order {found:.20} is neither True nor False; the file is damaged"
        ));
    };
    let shape = field("shape")?;
    let lengths = shape_of(&shape.value);
    let shape = lengths.ok_or_else(|| {
        format!("the header's shape {:.60} cannot be read; the file is damaged", written(&text, shape))
    })?;
    Ok(Layout { number, endian, fortran, shape })
}

/// A value as the file has it.
fn written<'a>(header: &'a str, entry: &Entry) -> &'a str {
    header.get(entry.place.clone()).unwrap_or_default()
}

/// The kind of number behind a `descr`.
fn number_of(path: &Path, descr: &Value) -> Result<(Number, Endian), String> {
    let Value::Text(name) = descr else {
        let remedy = conversion::structured(path);
        return Err(format!("a structured array, but plain ones of numbers are read; {remedy}"));
    };
    let endian = if name.starts_with('>') { Endian::Big } else { Endian::Little };
    let number = match name.trim_start_matches(['<', '>', '|', '=']) {
        "u1" | "B" => Number::U8,
        "f2" => Number::F16,
        "f4" => Number::F32,
        "f8" => Number::F64,
        other => {
            let remedy = conversion::numbers(path, other);
            return Err(format!(
                "numbers of type '{name:.20}', but only u1, f2, f4 and f8 are read; {remedy}"
            ));
        }
    };
    Ok((number, endian))
}

/// The lengths in `(3, 4)`; none in `()`.
fn shape_of(value: &Value) -> Option<Vec<usize>> {
    let Value::Tuple(lengths) = value else { return None };
    let length = |value: &Value| match value {
        Value::Whole(digits) => digits.parse().ok(),
        _ => None,
    };
    lengths.iter().map(length).collect()
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
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
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
