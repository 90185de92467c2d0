//! The elements that a file of level 5 consists of: a tag, which tells type and length, and data, padded to eight bytes. Data
//! of four bytes at most stand in the tag itself.

use std::io::{self, ErrorKind, Read};

use crate::data::dtype::{DType, Endian};

/// Types of data that have a meaning here.
pub const MATRIX: u32 = 14;
/// Another element, as zlib packs it.
pub const COMPRESSED: u32 = 15;

/// The tag of an element.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    pub kind: u32,
    /// Bytes of data.
    pub length: u64,
    /// The data, where they stand in the tag.
    pub small: Option<[u8; 4]>,
}

impl Tag {
    /// Bytes from the end of the tag to the next one.
    fn padded(&self) -> u64 {
        if self.small.is_some() { 0 } else { self.length.next_multiple_of(8) }
    }

    /// The type of its numbers.
    pub fn dtype(&self) -> Option<DType> {
        Some(match self.kind {
            1 => DType::I8,
            2 => DType::U8,
            3 => DType::I16,
            4 => DType::U16,
            5 => DType::I32,
            6 => DType::U32,
            7 => DType::F32,
            9 => DType::F64,
            12 => DType::I64,
            13 => DType::U64,
            _ => return None,
        })
    }
}

/// What is wrong with a file.
pub fn damaged(why: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why.into())
}

/// Elements, one behind the other.
pub struct Elements<R> {
    from: R,
    endian: Endian,
    /// Bytes that have been read.
    pub at: u64,
}

impl<R: Read> Elements<R> {
    pub fn new(from: R, endian: Endian) -> Self {
        Self { from, endian, at: 0 }
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => damaged("it ends within a variable"),
            _ => error,
        })?;
        self.at += N as u64;
        Ok(bytes)
    }

    pub fn number(&self, bytes: [u8; 4]) -> u32 {
        match self.endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The next tag.
    pub fn tag(&mut self) -> io::Result<Tag> {
        let first = self.bytes()?;
        let first = self.number(first);
        let second: [u8; 4] = self.bytes()?;
        match first >> 16 {
            0 => Ok(Tag { kind: first, length: self.number(second).into(), small: None }),
            length @ 1..=4 => Ok(Tag { kind: first & 0xffff, length: length.into(), small: Some(second) }),
            other => Err(damaged(format!("a small element of {other} bytes, which has 1 to 4"))),
        }
    }

    /// The next element, whose data are `most` bytes at most; `what` it should be.
    pub fn element(&mut self, what: &str, most: u64) -> io::Result<(Tag, Vec<u8>)> {
        let tag = self.tag()?;
        if tag.length > most {
            let found = tag.length;
            return Err(damaged(format!("{what} of {found} bytes, but {most} at most are read")));
        }
        let length = tag.length as usize;
        if let Some(small) = tag.small {
            return Ok((tag, small[..length].to_vec()));
        }
        let mut data = Vec::new();
        self.from.by_ref().take(tag.padded()).read_to_end(&mut data)?;
        self.at += data.len() as u64;
        if data.len() < length {
            return Err(damaged("it ends within a variable"));
        }
        data.truncate(length);
        Ok((tag, data))
    }
}
