//! Level 5: a header of 128 bytes, and a variable an element, packed or not. Of a variable its flags, dimensions and name are
//! read; cells, structures and objects are never gone into.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::ZlibDecoder;

use super::MOST_VARIABLES;
use super::element::{COMPRESSED, Elements, MATRIX, Tag, damaged};
use super::variable::{Class, Place, Variable};
use crate::data::dtype::{DType, Endian};
use crate::data::formats::array::promised;
use crate::io::safe_open::FileRange;

/// Bytes before the first element.
const HEADER: u64 = 128;
/// Most dimensions of an array.
const MOST_DIMENSIONS: u64 = 32;
/// Longest name of a variable, bytes.
const LONGEST_NAME: u64 = 1024;
/// Bytes that are read ahead where an element is looked into.
const AHEAD: usize = 512;

/// The order of bytes in a file that begins so, where it is of this level.
pub fn endian(start: &[u8]) -> Option<Endian> {
    match start.get(124..128)? {
        [0, 1, b'I', b'M'] => Some(Endian::Little),
        [1, 0, b'M', b'I'] => Some(Endian::Big),
        _ => None,
    }
}

/// All variables that have a name.
pub fn variables(file: &File, length: u64, endian: Endian) -> io::Result<Vec<Variable>> {
    let mut found = Vec::new();
    let mut at = HEADER;
    for _ in 0..MOST_VARIABLES {
        // Less than a tag is padding.
        if at.saturating_add(8) > length {
            return Ok(found);
        }
        let tag = Elements::new(FileRange::new(file, at, length), endian).tag()?;
        let start = at + 8;
        let end = if tag.small.is_some() { start } else { start.saturating_add(tag.length) };
        if end > length {
            let (says, are) = (tag.length, length - start);
            return Err(damaged(format!("a variable of {says} bytes, but {are} follow")));
        }
        let variable = match tag.kind {
            MATRIX => plain(file, at..end, endian)?,
            COMPRESSED => packed(file, start..end, endian)?,
            _ => None,
        };
        found.extend(variable.filter(|variable| !variable.name.is_empty()));
        // Packed elements are not padded.
        at = if tag.kind == COMPRESSED { end } else { end.next_multiple_of(8) };
    }
    Err(damaged(format!("more than {MOST_VARIABLES} variables")))
}

type Bytes = std::ops::Range<u64>;

/// A variable that is not packed; its element, tag and all, is these bytes of the file.
fn plain(file: &File, element: Bytes, endian: Endian) -> io::Result<Option<Variable>> {
    let from = FileRange::new(file, element.start, element.end);
    let mut elements = Elements::new(BufReader::with_capacity(AHEAD, from), endian);
    variable(&mut elements, endian, |first, bytes| {
        let start = element.start + first;
        let numbers = start..start.saturating_add(bytes);
        if numbers.end > element.end {
            return Err(damaged("its numbers go on behind its end"));
        }
        Ok(Place::Plain(numbers))
    })
}

/// A variable that comes out of these bytes of the file.
fn packed(file: &File, packed: Bytes, endian: Endian) -> io::Result<Option<Variable>> {
    let from = BufReader::with_capacity(AHEAD, FileRange::new(file, packed.start, packed.end));
    let mut elements = Elements::new(ZlibDecoder::new(from), endian);
    variable(&mut elements, endian, |before, bytes| {
        Ok(Place::Packed { packed: packed.clone(), before, bytes })
    })
}

/// Reads what stands before the numbers; `place` makes their place of how many bytes stand before them and how many they are.
fn variable<R: Read>(
    elements: &mut Elements<R>,
    endian: Endian,
    place: impl FnOnce(u64, u64) -> io::Result<Place>,
) -> io::Result<Option<Variable>> {
    let outer = elements.tag()?;
    if outer.kind != MATRIX || outer.small.is_some() {
        // Whatever it is, it is no variable.
        return Ok(None);
    }
    if outer.length == 0 {
        return Ok(None);
    }
    let (_, flags) = elements.element("flags", 8)?;
    let Some(&flags) = flags.first_chunk() else { return Err(damaged("a variable without flags")) };
    let flags = elements.number(flags);
    let class = class(flags);
    let mut variable = Variable {
        name: String::new(),
        shape: Vec::new(),
        class,
        is_complex: flags & 0x800 != 0,
        endian,
        stored: DType::F64,
        place: Place::Plain(0..0),
    };
    // Objects of newer kinds have no dimensions.
    if class != Class::Other("opaque") {
        let (_, dimensions) = elements.element("dimensions", 4 * MOST_DIMENSIONS)?;
        let length = |&bytes: &[u8; 4]| {
            let length = elements.number(bytes).cast_signed();
            usize::try_from(length).map_err(|_| damaged(format!("a dimension of {length}")))
        };
        variable.shape = dimensions.as_chunks().0.iter().map(length).collect::<io::Result<_>>()?;
    }
    let (_, name) = elements.element("a name", LONGEST_NAME)?;
    variable.name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
    let Class::Numbers(dtype) = class else { return Ok(Some(variable)) };
    if variable.shape.len() < 2 {
        return Err(damaged(format!(
            "{} has {} dimensions, but 2 at least are needed",
            variable.name,
            variable.shape.len()
        )));
    }
    variable.stored = dtype;
    if promised(&variable.shape, 1) != Some(0) {
        let tag = elements.tag()?;
        let stored = tag.dtype();
        variable.stored = stored.ok_or_else(|| damaged(format!("numbers of type {}", tag.kind)))?;
        let wanted = promised(&variable.shape, variable.stored.size()).map(|bytes| bytes as u64);
        if wanted != Some(tag.length) {
            let (found, listed) = (tag.length, &variable);
            return Err(damaged(format!("{listed} has {found} bytes of numbers")));
        }
        variable.place = place(numbers_at(elements.at, tag), tag.length)?;
    }
    Ok(Some(variable))
}

/// Where the numbers behind a tag begin, which may be in it.
fn numbers_at(end_of_tag: u64, tag: Tag) -> u64 {
    if tag.small.is_some() { end_of_tag - 4 } else { end_of_tag }
}

/// The class that flags name.
fn class(flags: u32) -> Class {
    let is_logical = flags & 0x200 != 0;
    let dtype = match flags & 0xff {
        1 => return Class::Other("cell"),
        2 => return Class::Other("struct"),
        3 => return Class::Other("object"),
        4 => return Class::Other("char"),
        5 => return Class::Other("sparse"),
        6 => DType::F64,
        7 => DType::F32,
        8 => DType::I8,
        9 => DType::U8,
        10 => DType::I16,
        11 => DType::U16,
        12 => DType::I32,
        13 => DType::U32,
        14 => DType::I64,
        15 => DType::U64,
        16 => return Class::Other("function"),
        17 => return Class::Other("opaque"),
        _ => return Class::Other("of an unknown class"),
    };
    Class::Numbers(if is_logical { DType::Bool } else { dtype })
}
