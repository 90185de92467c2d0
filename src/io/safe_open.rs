//! Files that are read: regular ones alone, at any position, and never more of them than was asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file, and tells its length in bytes. A pipe would be waited for, a device might never end.
pub fn open(path: &Path) -> Result<(File, u64)> {
    let failed = |error| Error::io("read", path, error);
    // Opening alone may set a device off.
    admit(path, &fs::metadata(path).map_err(failed)?)?;
    let file = unwaited().read(true).open(path).map_err(failed)?;
    // What lies there now, whatever was looked at before.
    let metadata = file.metadata().map_err(failed)?;
    admit(path, &metadata)?;
    Ok((file, metadata.len()))
}

/// Refuses what is no regular file.
fn admit(path: &Path, found: &fs::Metadata) -> Result<()> {
    if found.is_dir() {
        return Err(Error::input(path, "a folder, but a file is needed; name a file in it"));
    }
    if !found.is_file() {
        let fact = "a pipe or a device, but files are read at any position";
        return Err(Error::input(path, format!("{fact}; save its content as a file and give that")));
    }
    Ok(())
}

/// How a file is opened that might have become a pipe: without waiting for who writes into it.
fn unwaited() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "elsewhere no pipe lies in a folder"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options
}

/// The same for a file that has to lie where its name is, and not behind a link.
pub(crate) fn unfollowed() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "elsewhere links are looked for before"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOFOLLOW);
    options
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
pub struct FileRange<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> FileRange<'a> {
    /// The bytes from `start` to `end`, as far as the file has them.
    pub fn new(file: &'a File, start: u64, end: u64) -> Self {
        // No file goes on behind the last position that systems know; what asks for one there is refused as an argument.
        Self { file, at: start, end: end.min(i64::MAX as u64) }
    }
}

impl Read for FileRange<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at).min(out.len() as u64) as usize;
        if left == 0 {
            return Ok(0);
        }
        let read = read_at(self.file, &mut out[..left], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The first bytes of a file, at most `most`: one call of the system where it gives them at once.
pub fn start(file: &File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; most as usize];
    let mut read = 0;
    while read < bytes.len() {
        match read_at(file, &mut bytes[read..], read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}
