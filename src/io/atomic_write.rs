//! Files that are there whole or not at all, after a crash too: written beside their place, synced, then renamed.
//! A temporary file is locked while it is written, so that whoever clears up knows those whose program is gone.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::io::safe_open::unfollowed;

/// How the names of temporary files begin.
pub(crate) const TEMPORARY: &str = ".rhohat-";

/// Writes `path`, which a user has named, through `fill`; an older file of that name is replaced in one go, and stays
/// as it is on failure. What is no regular file (a pipe, `/dev/null`) is written in place, for renaming would destroy
/// it. Files of a run are written by [`crate::io::folder::Folder::write`], which never does that.
///
/// # Errors
/// [`Error::Io`] when the folder does not exist, or the system refuses any of the steps.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    let written = if special { in_place(path, fill) } else { behind_links(path, fill) };
    written.map_err(|error| Error::io("write", path, error))
}

fn in_place(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(File::options().write(true).open(path)?);
    fill(&mut out)?;
    out.flush()
}

/// A symbolic link keeps pointing at the file that is replaced.
fn behind_links(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    replace(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), fill)
}

/// Writes a file beside `path`, which then replaces what is there, unless that is a folder.
pub(crate) fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = Temporary::beside(folder)?;
    let mut out = BufWriter::new(Counted { file: &temporary.file, written: 0 });
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    temporary.file.sync_all()?;
    temporary.rename(path)?;
    drop(temporary);
    sync_folder(folder)
}

/// A file that says how far it has come where it fails: a disk that is full looks different from one that is broken.
struct Counted<'a> {
    file: &'a File,
    written: usize,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("{error}, after {} bytes", self.written)),
        })?;
        self.written += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The temporary files of this program.
static TEMPORARIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn temporaries() -> MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the temporary files of this program, for a program that is about to end without unwinding: after a signal,
/// say, but never from within a signal's handler. What was being written is not there, what was there stays.
pub fn remove_temporaries() {
    for path in temporaries().drain(..) {
        // It may just have been renamed into its place; nobody is left to tell of anything else.
        let _ = fs::remove_file(path);
    }
}

/// A temporary file with the permissions of an ordinary one, locked; it is removed unless it is renamed.
struct Temporary {
    path: PathBuf,
    file: File,
    is_renamed: bool,
}

impl Temporary {
    /// A new one in `folder`.
    fn beside(folder: &Path) -> io::Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{TEMPORARY}{}-{number}", std::process::id()));
            // Known before it is there: a signal may come in between.
            temporaries().push(path.clone());
            match unfollowed().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let made = Self { path, file, is_renamed: false };
                    // Whoever clears up may have had it in his hands before it was locked, and removed it.
                    if made.file.try_lock().is_ok() && !is_at(&made.file, &made.path) {
                        continue;
                    }
                    return Ok(made);
                }
                Err(error) => {
                    forget(&path);
                    // Left by a program of the same number.
                    if error.kind() != ErrorKind::AlreadyExists {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Gives it its name, by which it may replace another file.
    fn rename(&mut self, place: &Path) -> io::Result<()> {
        fs::rename(&self.path, place)?;
        // From here on it is no temporary file, whatever happens to this program.
        self.is_renamed = true;
        forget(&self.path);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Once it is renamed, what has its name is somebody else's: programs in containers have the same numbers.
        if !self.is_renamed {
            let _ = fs::remove_file(&self.path);
            forget(&self.path);
        }
    }
}

/// A file beside `path` that holds what is on its way there; it is gone when this is. Where a pipe or a device stands there it lies
/// with the temporary files of the system.
///
/// # Errors
/// [`Error::Io`] where there can be none.
pub fn scratch(path: &Path) -> Result<Scratch> {
    let special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = if special { std::env::temp_dir() } else { beside.to_owned() };
    Temporary::beside(&folder).map(Scratch).map_err(|error| Error::io("write", &folder, error))
}

/// A temporary file that never gets a name.
pub struct Scratch(Temporary);

impl Write for Scratch {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.file.flush()
    }
}

impl Read for Scratch {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.file.read(bytes)
    }
}

impl Seek for Scratch {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.file.seek(to)
    }
}

fn forget(path: &Path) {
    temporaries().retain(|known| known != path);
}

/// Removes temporary files of programs that are gone.
pub(crate) fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if is_temporary && entry.file_type()?.is_file() {
            remove_abandoned(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a temporary file that nobody holds. Where that cannot be known it stays, for it may be somebody's work.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let Ok(file) = unfollowed().read(true).write(true).open(path) else { return Ok(()) };
    if file.try_lock().is_err() {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether the file of this handle is still the one at `path`.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(held), Ok(there)) => id(held) == id(there),
        _ => false,
    }
}

/// Elsewhere than on Unix, whether anything is there.
#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// How many names (hard links) a file has, where that is known.
pub(crate) fn names_of(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::nlink(metadata);
    #[cfg(not(unix))]
    return u64::from(metadata.is_file());
}

/// Makes renames in a folder last. Only Unix opens folders as files; elsewhere the rename is durable by itself or not at all.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_name_of_a_renamed_temporary_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut temporary = Temporary::beside(folder.path()).unwrap();
        let name = temporary.path.clone();
        temporary.rename(&folder.path().join("file")).unwrap();
        fs::write(&name, "of another container").unwrap();
        drop(temporary);
        assert!(name.exists());
        assert!(!temporaries().contains(&name));
        // Unrenamed it is removed.
        let temporary = Temporary::beside(folder.path()).unwrap();
        let name = temporary.path.clone();
        drop(temporary);
        assert!(!name.exists());
    }
}
