//! Files that are there whole or not at all, after a crash too: written beside their place, synced, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// How the names of temporary files begin.
pub(crate) const TEMPORARY: &str = ".rhohat-";

/// Writes `path` through `fill`; an older file of that name is replaced in one go, and stays as it is on failure.
/// What is no regular file (a pipe, `/dev/null`) is written in place, for renaming would destroy it.
///
/// # Errors
/// [`Error::Io`] when the folder does not exist, or the system refuses any of the steps.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    let written = if special { in_place(path, fill) } else { replaced(path, fill) };
    written.map_err(|error| Error::io("write", path, error))
}

fn in_place(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(File::options().write(true).open(path)?);
    fill(&mut out)?;
    out.flush()
}

fn replaced(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // A symbolic link keeps pointing at the file that is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = beside(folder)?;
    let mut out = BufWriter::new(Counted { file: file.as_file(), written: 0 });
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(&path)?;
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
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("{error}, after {} bytes", self.written)),
        })?;
        self.written += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A temporary file with the permissions of an ordinary one.
fn beside(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Makes renames in a folder last. Only Unix opens folders as files; elsewhere the rename is durable by itself or not at all.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
