//! The files of a store: each is known by what its header said and by what the system said of it then, and few of them
//! are open at a time, so that no number of files meets the limit of a process.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use super::layout::RowLayout;
use super::medium::SharedMemory;
use crate::error::{Error, Result};
use crate::io::safe_open;

/// Files that a store keeps open.
pub const OPEN: usize = 64;
/// "Too many open files", of the process and of the system, wherever the system is a Unix.
const TOO_MANY: [i32; 2] = [24, 23];

/// The system's data on a file, by which it is seen that it was replaced or written to.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Bytes.
    pub bytes: u64,
    /// Nanoseconds since 1970, where the file system knows.
    pub modified: Option<i64>,
    /// Device and number of the file, on Unix.
    file: Option<(u64, u64)>,
}

impl Stamp {
    /// That of an open file, or of a path.
    pub fn of(metadata: &Metadata) -> Self {
        let since = metadata.modified().ok().map(|time| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
        });
        Self { bytes: metadata.len(), modified: since, file: number_of(metadata) }
    }

    /// Whether this is the file that it was. Its number tells only where no time does: mounts over a network may give the
    /// same file another number each time that it is opened.
    fn is_same(&self, was: &Self) -> bool {
        let is_alike = (self.bytes, self.modified) == (was.bytes, was.modified);
        is_alike && (self.modified.is_some() || self.file == was.file)
    }
}

#[cfg(unix)]
fn number_of(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn number_of(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}

/// One file of rows, or rows in memory.
#[derive(Clone, Debug)]
pub struct Shard {
    /// As it was given, or found in its folder.
    pub path: PathBuf,
    /// Its stamp when its header was read.
    pub stamp: Stamp,
    /// Where its numbers lie.
    pub layout: RowLayout,
    /// Number of its first row in the whole.
    pub first: usize,
    /// Rows.
    pub rows: usize,
    /// The memory that they lie in, where that is no file.
    pub memory: Option<SharedMemory>,
}

impl Shard {
    /// The file `path`, open as `file`, whose `rows` rows lie as `layout` says. It is not kept open.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not say what it is.
    pub fn new(path: PathBuf, file: &File, layout: RowLayout, rows: usize) -> Result<Self> {
        let metadata = file.metadata().map_err(|error| Error::io("read", &path, error))?;
        Ok(Self { path, stamp: Stamp::of(&metadata), layout, first: 0, rows, memory: None })
    }

    /// Rows in memory, called `path` in messages.
    pub fn in_memory(path: PathBuf, memory: SharedMemory, layout: RowLayout, rows: usize) -> Self {
        let stamp = Stamp { bytes: memory.size() as u64, modified: None, file: None };
        Self { path, stamp, layout, first: 0, rows, memory: Some(memory) }
    }

    /// Whether the file under its name is not what it was when it was opened, or is gone.
    pub fn is_changed(&self) -> bool {
        let is_other = || self.path.metadata().map_or(true, |now| !Stamp::of(&now).is_same(&self.stamp));
        self.memory.is_none() && is_other()
    }

    /// Opens it again.
    fn open(&self) -> Result<File> {
        let (file, _) = safe_open::open(&self.path)?;
        let found = file.metadata().map_err(|error| Error::io("read", &self.path, error))?;
        let (found, was) = (Stamp::of(&found), self.stamp);
        if found.is_same(&was) {
            return Ok(file);
        }
        let how = if found.bytes != was.bytes {
            format!("it has {} bytes, and had {} when it was opened", found.bytes, was.bytes)
        } else {
            format!("it is another file of {} bytes than was opened, or was written to since", was.bytes)
        };
        Err(Error::input(&self.path, format!("{how}; let nothing write to it, and start again")))
    }

    /// The error of reading it.
    pub fn failed(&self, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return Error::input(&self.path, "it has become shorter since it was opened; start again");
        }
        Error::Io { action: "read", path: self.path.clone(), source: error }
    }
}

/// Files that are open, by the number of their shard, the one that was used last at the end. Readers share the
/// file, so that it stays open until the last of them is done.
#[derive(Debug, Default)]
pub struct Handles(Mutex<VecDeque<(usize, Arc<File>)>>);

impl Handles {
    /// The file of shard `number`, opened again where it is not open.
    ///
    /// # Errors
    /// [`Error::Input`] when it is no longer the file that it was; [`Error::Io`] when it cannot be opened.
    pub fn get(&self, number: usize, shard: &Shard) -> Result<Arc<File>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.iter().position(|(other, _)| *other == number).and_then(|at| open.remove(at));
        if let Some((_, file)) = known {
            open.push_back((number, Arc::clone(&file)));
            return Ok(file);
        }
        while open.len() >= OPEN {
            open.pop_front();
        }
        let file = match shard.open() {
            Err(Error::Io { source, .. })
                if source.raw_os_error().is_some_and(|code| TOO_MANY.contains(&code)) && !open.is_empty() =>
            {
                // Others of this program need files too: these go first.
                open.clear();
                shard.open()
            }
            other => other,
        };
        let file = Arc::new(file?);
        open.push_back((number, Arc::clone(&file)));
        Ok(file)
    }
}

/// Fills `out` from a position of a file.
#[cfg(unix)]
pub fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

/// Fills `out` from a position of a file.
#[cfg(windows)]
pub fn read_at(file: &File, mut out: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !out.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        (out, offset) = (&mut out[read..], offset + read as u64);
    }
    Ok(())
}

/// The name of a file, for people and for what is kept of it.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_length_and_time_and_by_its_number_where_there_is_no_time() {
        let was = Stamp { bytes: 8, modified: Some(1), file: Some((1, 2)) };
        assert!(Stamp { file: Some((1, 3)), ..was }.is_same(&was));
        assert!(
            !Stamp { bytes: 9, ..was }.is_same(&was) && !Stamp { modified: Some(2), ..was }.is_same(&was)
        );
        let timeless = Stamp { modified: None, ..was };
        assert!(timeless.is_same(&timeless) && !timeless.is_same(&was));
        assert!(!Stamp { file: Some((1, 3)), ..timeless }.is_same(&timeless));
    }
}
