//! Files that are read: regular ones alone, at any position, and never more of them than was asked for.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file, and tells its length in bytes. A pipe would be waited for, a device might never end.
pub fn open(path: &Path) -> Result<(File, u64)> {
    let failed = |error| Error::io("read", path, error);
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::input(path, "a folder, but a file is needed; name a file in it"));
    }
    if !metadata.is_file() {
        let fact = "a pipe or a device, but files are read at any position";
        return Err(Error::input(path, format!("{fact}; save its content as a file and give that")));
    }
    let file = File::open(path).map_err(failed)?;
    let held = file.metadata().map_err(failed)?.len();
    Ok((file, held))
}

/// The whole of a file that is small, if it is what it should be: `what`.
pub fn small(path: &Path, what: &str, most: u64) -> Result<Vec<u8>> {
    let (file, held) = open(path)?;
    if held > most {
        return Err(Error::input(
            path,
            format!("{held} bytes, but {what} has at most {most}; give another file"),
        ));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(|error| Error::io("read", path, error))?;
    Ok(bytes)
}

/// A part of a file, read through positions of its own, so that several can be read at once.
pub struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Part<'a> {
    /// The bytes from `start` to `end`, as far as the file has them.
    pub fn new(file: &'a File, start: u64, end: u64) -> Self {
        Self { file, at: start, end }
    }
}

impl Read for Part<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at).min(out.len() as u64) as usize;
        let read = read_at(self.file, &mut out[..left], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}
