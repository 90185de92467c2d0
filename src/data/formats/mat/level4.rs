//! Level 4: a header of five numbers, a name and the numbers, one variable behind the other and nothing before them.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

use super::MOST_VARIABLES;
use super::element::damaged;
use super::variable::{Class, Place, Variable};
use crate::data::dtype::{DType, Endian};
use crate::data::formats::array::promised;
use crate::io::safe_open::FileRange;

/// Bytes of a header.
const HEADER: usize = 20;
/// Longest name of a variable and the zero behind it, bytes.
const LONGEST_NAME: u32 = 64;

/// A header: the type of numbers, rows, columns, whether they are complex, and the length of the name.
struct Header {
    endian: Endian,
    dtype: DType,
    class: Class,
    shape: [u32; 2],
    is_complex: bool,
    name: u32,
}

impl Header {
    /// Of the only order of bytes in which it has a meaning.
    fn of(bytes: &[u8; HEADER]) -> Option<Self> {
        [Endian::Little, Endian::Big].into_iter().find_map(|endian| Self::in_order(bytes, endian))
    }

    fn in_order(bytes: &[u8; HEADER], endian: Endian) -> Option<Self> {
        let number = |&bytes: &[u8; 4]| match endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        };
        let numbers: Vec<u32> = bytes.as_chunks().0.iter().map(number).collect();
        let &[kind, rows, cols, complex, name] = &numbers[..] else { return None };
        let machine = if endian == Endian::Little { 0 } else { 1 };
        if kind / 100 != 10 * machine || complex > 1 || !(1..=LONGEST_NAME).contains(&name) {
            return None;
        }
        let dtype = match kind / 10 % 10 {
            0 => DType::F64,
            1 => DType::F32,
            2 => DType::I32,
            3 => DType::I16,
            4 => DType::U16,
            5 => DType::U8,
            _ => return None,
        };
        let class = match kind % 10 {
            0 => Class::Numbers(dtype),
            1 => Class::Other("char"),
            2 => Class::Other("sparse"),
            _ => return None,
        };
        let is_complex = complex == 1;
        Some(Self { endian, dtype, class, shape: [rows, cols], is_complex, name })
    }
}

/// Whether a file that begins so is of this level: it has no first bytes of its own, but a header and a name that nothing else has.
pub fn recognised(start: &[u8]) -> bool {
    let Some(header) = start.first_chunk().and_then(Header::of) else { return false };
    let name = start[HEADER..].get(..header.name as usize);
    name.is_some_and(|name| matches!(name, [first, middle @ .., 0]
        if first.is_ascii_alphabetic() && middle.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')))
}

/// All variables.
pub fn variables(file: &File, length: u64) -> io::Result<Vec<Variable>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < length {
        if found.len() >= MOST_VARIABLES {
            return Err(damaged(format!("more than {MOST_VARIABLES} variables")));
        }
        let mut from = FileRange::new(file, at, length);
        let mut bytes = [0; HEADER];
        let ended = |error: io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => damaged("it ends within a variable"),
            _ => error,
        };
        from.read_exact(&mut bytes).map_err(ended)?;
        let header = Header::of(&bytes).ok_or_else(|| damaged("a variable whose header makes no sense"))?;
        let mut name = vec![0; header.name as usize];
        from.read_exact(&mut name).map_err(ended)?;
        let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
        let shape: Vec<usize> = header.shape.map(|length| length as usize).into();
        let start = at + HEADER as u64 + u64::from(header.name);
        let bytes = promised(&shape, header.dtype.size()).map(|bytes| bytes as u64);
        let all = bytes.and_then(|bytes| bytes.checked_mul(1 + u64::from(header.is_complex)));
        let end = all.and_then(|all| start.checked_add(all)).filter(|&end| end <= length);
        let (Some(bytes), Some(end)) = (bytes, end) else {
            return Err(damaged(format!(
                "{name} of shape {shape:?} does not fit into {} bytes",
                length - start
            )));
        };
        let Header { endian, dtype, class, is_complex, .. } = header;
        let place = Place::Plain(start..start + bytes);
        found.push(Variable { name, shape, class, is_complex, endian, stored: dtype, place });
        at = end;
    }
    Ok(found)
}
