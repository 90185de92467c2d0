//! The header of a `.npy` file: a magic number, a version, the length of a Python dictionary, and the dictionary.

use std::io::Read;
use std::path::Path;

use super::literals::{self, DictEntry, Literal};
use crate::data::dtype::{DType, Endian};
use crate::data::formats::array::{ArrayLayout, cannot_unpack};
use crate::data::formats::conversion;
use crate::error::{Error, Result};
use crate::io::safe_open::{self, FileRange};

/// The first bytes of every `.npy` file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header that is read, bytes; NumPy's own are about a hundred.
const LONGEST_HEADER: usize = 1 << 16;

/// Reads the header at the beginning of a file; also tells where the numbers begin, in bytes.
pub fn start(path: &Path, from: &mut dyn Read) -> Result<(ArrayLayout, usize)> {
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

/// The layout of the array in a file.
pub fn layout(path: &Path) -> Result<ArrayLayout> {
    let (file, length) = safe_open::open(path)?;
    let mut magic = Vec::new();
    let read = FileRange::new(&file, 0, MAGIC.len() as u64).read_to_end(&mut magic);
    read.map_err(|error| Error::io("read", path, error))?;
    if magic != MAGIC {
        let fact = "named like a NumPy array, but its content is none";
        return Err(Error::input(path, format!("{fact}; save it anew with numpy.save, or remove it")));
    }
    start(path, &mut FileRange::new(&file, 0, length)).map(|(layout, _)| layout)
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse(path: &Path, header: &[u8]) -> Result<ArrayLayout, String> {
    // Versions 1 and 2 are Latin-1, of which nothing but ASCII stands in the fields that count.
    let is_text = std::str::from_utf8(header).is_ok();
    let text: String = if is_text {
        String::from_utf8_lossy(header).into_owned()
    } else {
        header.iter().map(|&byte| char::from(byte)).collect()
    };
    let entries = match literals::entries(&text) {
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
    let (dtype, endian, inner) = dtype_of(path, &field("descr")?.value)?;
    let fortran = field("fortran_order")?;
    let Literal::Bool(fortran) = fortran.value else {
        let found = written(&text, fortran);
        return Err(format!(
            "the header's fortran_order {found:.20} is neither True nor False; the file is damaged"
        ));
    };
    let shape = field("shape")?;
    let lengths = shape_of(&shape.value);
    let mut shape = lengths.ok_or_else(|| {
        format!("the header's shape {:.60} cannot be read; the file is damaged", written(&text, shape))
    })?;
    // Within a record the last index is the fastest, whatever the order of the records.
    if fortran && shape.len() > 1 && !inner.is_empty() {
        let remedy = conversion::structured(path);
        return Err(format!("records of arrays in Fortran order, but plain arrays are read; {remedy}"));
    }
    let fortran = fortran && inner.is_empty();
    shape.extend(inner);
    Ok(ArrayLayout { dtype, endian, fortran, shape })
}

/// A value as the file has it.
fn written<'a>(header: &'a str, entry: &DictEntry) -> &'a str {
    header.get(entry.place.clone()).unwrap_or_default()
}

/// The type of the numbers behind a `descr`, and the lengths of an array that each element is: `'<f4'`, or a record of one
/// field, `[('x', '<f4')]` or `[('x', '<f4', (36,))]`, which lies in the file as its field does.
fn dtype_of(path: &Path, descr: &Literal) -> Result<(DType, Endian, Vec<usize>), String> {
    let structured = || {
        let remedy = conversion::structured(path);
        format!("a structured array, but plain ones of numbers are read; {remedy}")
    };
    let (name, inner) = match descr {
        Literal::Text(name) => (name, Vec::new()),
        Literal::List(fields) => match &fields[..] {
            [Literal::Tuple(field)] => match &field[..] {
                [_, Literal::Text(name)] => (name, Vec::new()),
                [_, Literal::Text(name), inner] => (name, lengths_of(inner).ok_or_else(structured)?),
                _ => return Err(structured()),
            },
            _ => return Err(structured()),
        },
        _ => return Err(structured()),
    };
    let plain = name.trim_start_matches(['<', '>', '|', '=']);
    let endian = if name.starts_with('>') { Endian::Big } else { Endian::Little };
    let dtype = number(plain).ok_or_else(|| {
        let remedy = conversion::numbers(path, plain);
        let known = "only bool, i1 to i8, u1 to u8, f2, f4 and f8 are read";
        format!("numbers of type '{name:.20}', but {known}; {remedy}")
    })?;
    Ok((dtype, endian, inner))
}

/// The type that NumPy calls so: by kind and bytes, by a letter, or by its name. Of the letters whose length depends on the
/// machine those are read that nearly all machines have had; the length of the file shows another one.
fn number(name: &str) -> Option<DType> {
    Some(match name {
        "b1" | "?" | "bool" => DType::Bool,
        "i1" | "b" | "int8" | "byte" => DType::I8,
        "u1" | "B" | "uint8" | "ubyte" => DType::U8,
        "i2" | "h" | "int16" | "short" => DType::I16,
        "u2" | "H" | "uint16" | "ushort" => DType::U16,
        "i4" | "i" | "int32" | "intc" => DType::I32,
        "u4" | "I" | "uint32" | "uintc" => DType::U32,
        "i8" | "l" | "q" | "p" | "int64" | "int" | "longlong" => DType::I64,
        "u8" | "L" | "Q" | "P" | "uint64" | "uint" | "ulonglong" => DType::U64,
        "f2" | "e" | "float16" | "half" => DType::F16,
        "f4" | "f" | "float32" | "single" => DType::F32,
        "f8" | "d" | "float64" | "float" | "double" => DType::F64,
        _ => return None,
    })
}

/// The lengths of an array within a field: `(3, 4)`, or `5` for `(5,)`.
fn lengths_of(value: &Literal) -> Option<Vec<usize>> {
    match value {
        Literal::Whole(digits) => Some(vec![digits.parse().ok()?]),
        other => shape_of(other),
    }
}

/// The lengths in `(3, 4)`; none in `()`.
fn shape_of(value: &Literal) -> Option<Vec<usize>> {
    let Literal::Tuple(lengths) = value else { return None };
    let length = |value: &Literal| match value {
        Literal::Whole(digits) => digits.parse().ok(),
        _ => None,
    };
    lengths.iter().map(length).collect()
}
