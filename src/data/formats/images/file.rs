//! A picture file, open: its beginning in memory, so that a small one is read by a single call, and the rest as it is asked for,
//! by any number of readers with positions of their own.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::safe_open::{self, FileRange};

/// Bytes that are read at once: small pictures whole.
const START: u64 = 16 << 10;

/// An open file.
pub struct PictureFile<'a> {
    /// Its name, for messages.
    pub path: &'a Path,
    file: File,
    /// Bytes.
    pub length: u64,
    /// The first of them.
    start: Vec<u8>,
}

impl<'a> PictureFile<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of [`safe_open::open`].
    pub fn open(path: &'a Path) -> Result<Self> {
        let (file, length) = safe_open::open(path)?;
        Self::of(path, file, length)
    }

    /// The same of a file of `length` bytes that is open already.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read.
    pub fn of(path: &'a Path, file: File, length: u64) -> Result<Self> {
        let start =
            safe_open::start(&file, length.min(START)).map_err(|error| Error::io("read", path, error))?;
        Ok(Self { path, file, length, start })
    }

    /// The first bytes, by which kinds are known.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// A reader from the beginning on.
    pub fn reader(&self) -> PictureReader<'_> {
        self.range(0, self.length)
    }

    /// A reader of the bytes from `start` to `end`, as far as they are there.
    pub fn range(&self, start: u64, end: u64) -> PictureReader<'_> {
        PictureReader { of: self, at: start, end: end.min(self.length), buffer: Vec::new(), first: 0 }
    }
}

/// Reads a file, or a range of it.
pub struct PictureReader<'a> {
    of: &'a PictureFile<'a>,
    at: u64,
    end: u64,
    /// Bytes of the file from `first` on.
    buffer: Vec<u8>,
    first: u64,
}

/// Bytes of a reader's buffer.
const BUFFER: u64 = 8 << 10;

impl BufRead for PictureReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.end.saturating_sub(self.at) as usize;
        if let Some(start) = self.of.start.get(self.at as usize..).filter(|start| !start.is_empty()) {
            return Ok(&start[..start.len().min(left)]);
        }
        let is_within = self.first <= self.at && self.at < self.first + self.buffer.len() as u64;
        if left > 0 && !is_within {
            let wanted = BUFFER.min(left as u64) as usize;
            self.buffer.resize(wanted, 0);
            let read = FileRange::new(&self.of.file, self.at, self.end).read(&mut self.buffer);
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            self.first = self.at;
            read?;
        }
        let from = self.at.saturating_sub(self.first) as usize;
        let rest = self.buffer.get(from..).filter(|_| left > 0).unwrap_or_default();
        Ok(&rest[..rest.len().min(left)])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
    }
}

impl Read for PictureReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let is_in_start = self.at < self.of.start.len() as u64;
        if out.len() as u64 >= BUFFER && !is_in_start {
            let read = FileRange::new(&self.of.file, self.at, self.end).read(out)?;
            self.at += read as u64;
            return Ok(read);
        }
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for PictureReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A cursor over the same bytes is the oracle.
        #[test]
        fn it_reads_and_seeks_as_bytes_in_memory_are(
            length in prop_oneof![0_usize..300, 16_000_usize..40_000],
            steps in proptest::collection::vec((0_u8..3, -20_000_i64..40_000, 0_usize..20_000), 1..20),
        ) {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 7919 % 251) as u8).collect();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            std::fs::write(&path, &bytes).unwrap();
            let file = PictureFile::open(&path).unwrap();
            let (mut is, mut should) = (file.reader(), Cursor::new(&bytes));
            for (kind, place, count) in steps {
                let to = match kind {
                    0 => SeekFrom::Start(place.unsigned_abs()),
                    1 => SeekFrom::Current(place),
                    _ => SeekFrom::End(-place),
                };
                prop_assert_eq!(is.seek(to).ok(), should.seek(to).ok());
                let (mut one, mut other) = (Vec::new(), Vec::new());
                is.by_ref().take(count as u64).read_to_end(&mut one).unwrap();
                should.by_ref().take(count as u64).read_to_end(&mut other).unwrap();
                prop_assert_eq!(one, other);
            }
        }
    }
}
