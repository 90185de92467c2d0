//! The directories of a TIFF file (revision 6.0, section 2, and BigTIFF): tags, each with numbers, of which no more are read
//! than the file has.

use std::io::Read;
use std::path::Path;

use crate::data::dtype::Endian;
use crate::data::formats::images::damage::{damage, damaged};
use crate::data::formats::images::file::PictureFile;
use crate::error::Result;

/// Most tags of a directory.
const MOST_ENTRIES: u64 = 4096;
/// Pages that are counted before it is left at that.
const MOST_PAGES: usize = 1000;

/// An open file, and how its numbers lie.
#[derive(Clone, Copy)]
pub struct TiffFile<'a> {
    pub path: &'a Path,
    pub file: &'a PictureFile<'a>,
    pub endian: Endian,
    /// Whether offsets have eight bytes.
    pub is_big: bool,
}

/// A directory: the description of one page.
pub struct Directory<'a> {
    file: TiffFile<'a>,
    entries: Vec<Entry>,
    /// The place of the next one, 0 for none.
    next: u64,
}

/// A tag.
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Its numbers where they fit, else their place.
    value: [u8; 8],
}

impl<'a> TiffFile<'a> {
    /// Looks at the first bytes; `None` for the place of the first directory where there is none.
    pub fn open(file: &'a PictureFile<'a>) -> Result<(Self, u64)> {
        let mut this = Self { path: file.path, file, endian: Endian::Little, is_big: false };
        let start = this.bytes(0, 8)?;
        this.endian = if start[0] == b'M' { Endian::Big } else { Endian::Little };
        this.is_big = this.short([start[2], start[3]]) == 43;
        let first = if this.is_big { this.place(8)? } else { this.place(4)? };
        Ok((this, first))
    }

    /// So many bytes from `at` on.
    pub fn bytes(&self, at: u64, count: u64) -> Result<Vec<u8>> {
        let end = at.checked_add(count).filter(|&end| end <= self.file.length);
        let end = end.ok_or_else(|| damage(self.path, std::io::ErrorKind::UnexpectedEof.into()))?;
        let mut bytes = vec![0; count as usize];
        self.file.range(at, end).read_exact(&mut bytes).map_err(|error| damage(self.path, error))?;
        Ok(bytes)
    }

    /// An offset that lies at `at`.
    fn place(&self, at: u64) -> Result<u64> {
        let size = if self.is_big { 8 } else { 4 };
        Ok(self.number(&self.bytes(at, size)?))
    }

    fn short(&self, bytes: [u8; 2]) -> u16 {
        self.number(&bytes) as u16
    }

    /// A number of one to eight bytes.
    fn number(&self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self.endian {
            Endian::Big => bytes.iter().fold(0, add),
            Endian::Little => bytes.iter().rev().fold(0, add),
        }
    }

    /// The number of entries of a directory, and the place of the first of them.
    fn entries(&self, at: u64) -> Result<(u64, u64)> {
        let size = if self.is_big { 8 } else { 2 };
        let count = self.number(&self.bytes(at, size)?);
        if count > MOST_ENTRIES {
            return Err(damaged(self.path, &format!("a directory of {count} tags")));
        }
        Ok((count, at + size))
    }

    fn entry_size(&self) -> u64 {
        if self.is_big { 20 } else { 12 }
    }
}

impl<'a> Directory<'a> {
    /// Reads the directory at `at`.
    pub fn read(file: TiffFile<'a>, at: u64) -> Result<Self> {
        let (count, first) = file.entries(at)?;
        let size = file.entry_size();
        let bytes = file.bytes(first, count * size)?;
        let entries = bytes.chunks_exact(size as usize).map(|bytes| {
            let (start, rest) = bytes.split_at(4);
            let (count, inline) = rest.split_at(if file.is_big { 8 } else { 4 });
            let mut value = [0; 8];
            value[..inline.len()].copy_from_slice(inline);
            Entry {
                tag: file.short([start[0], start[1]]),
                kind: file.short([start[2], start[3]]),
                count: file.number(count),
                value,
            }
        });
        let entries = entries.collect();
        // Some writers leave the end of the last one out.
        let next = file.place(first + count * size).unwrap_or(0);
        Ok(Self { file, entries, next })
    }

    /// The file.
    pub fn file(&self) -> TiffFile<'a> {
        self.file
    }

    /// Whether there is such a tag.
    pub fn has(&self, tag: u16) -> bool {
        self.entries.iter().any(|entry| entry.tag == tag)
    }

    /// The numbers of a tag, at most `most`; `None` where it is missing.
    pub fn numbers(&self, tag: u16, most: u64) -> Result<Option<Vec<u64>>> {
        let Some(entry) = self.entries.iter().find(|entry| entry.tag == tag) else { return Ok(None) };
        let size = match entry.kind {
            1 => 1,
            3 => 2,
            4 | 13 => 4,
            16 => 8,
            kind => return Err(damaged(self.file.path, &format!("tag {tag} holds values of type {kind}"))),
        };
        if entry.count == 0 || entry.count > most {
            let fact = format!("tag {tag} has {} values, 1 to {most} are expected", entry.count);
            return Err(damaged(self.file.path, &fact));
        }
        let (length, inline) = (entry.count * size, if self.file.is_big { 8 } else { 4 });
        let bytes = if length <= inline {
            entry.value[..length as usize].to_vec()
        } else {
            let place = self.file.number(&entry.value[..inline as usize]);
            self.file.bytes(place, length)?
        };
        Ok(Some(bytes.chunks_exact(size as usize).map(|bytes| self.file.number(bytes)).collect()))
    }

    /// The only number of a tag, or the first of several.
    pub fn number(&self, tag: u16) -> Result<Option<u64>> {
        Ok(self.numbers(tag, 1 << 16)?.map(|numbers| numbers[0]))
    }

    /// How many pages the file has, this one and all behind it, as far as they can be told apart.
    pub fn pages(&self) -> usize {
        let (mut pages, mut next) = (1, self.next);
        while next != 0 && pages < MOST_PAGES {
            let Ok((count, first)) = self.file.entries(next) else { break };
            pages += 1;
            next = self.file.place(first + count * self.file.entry_size()).unwrap_or(0);
        }
        pages
    }
}
