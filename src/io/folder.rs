//! A folder that the program writes and reads as its own, and that may have come from anybody: a run above all. Its
//! files are reached through [`Folder`] alone, which takes regular files only, follows no link that lies in the folder,
//! waits for no pipe, reads no more than it was told to, and replaces files whole.
//!
//! The folder itself is named by the user: links on the way to it are followed. This guards against what lies in a
//! folder, not against a program that exchanges it at the same time.

use std::ffi::OsString;
use std::fs::{self, File, FileType, Metadata, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::atomic_write;
use crate::io::safe_open::unfollowed;

/// A folder none of whose files is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// What comes of [`Folder::claim`].
#[derive(Debug)]
pub enum Claim {
    /// The file, locked for this program until it is closed. Where a file system knows no locks, there is none.
    Mine(File),
    /// Another program has it.
    Busy,
}

impl Folder {
    /// The folder at `path`, which need not be there yet.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where something in it is, for people and for messages: what is opened by this path is not guarded.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Refuses the folder where one of `files` is there and no regular file, or one of `folders` and no folder: a
    /// link, a pipe, a device. Called before there is work to lose.
    ///
    /// # Errors
    /// [`Error::Input`] names the first; [`Error::Io`] when it cannot be looked at.
    pub fn check(&self, files: &[&str], folders: &[&str]) -> Result<()> {
        for name in files {
            self.regular(name)?;
        }
        folders.iter().try_for_each(|name| self.inner(name).map(|_| ()))
    }

    /// Whether anything of that name is there, be it a link that points nowhere.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be looked at.
    pub fn has(&self, name: impl AsRef<Path>) -> Result<bool> {
        Ok(self.look(name.as_ref())?.is_some())
    }

    /// A folder in this one; `None` where there is nothing of that name.
    ///
    /// # Errors
    /// [`Error::Input`] where it is no folder, but a link to one, say; [`Error::Io`] when it cannot be looked at.
    pub fn inner(&self, name: impl AsRef<Path>) -> Result<Option<Self>> {
        let path = self.join(&name);
        match self.look(name.as_ref())? {
            None => Ok(None),
            Some(found) if found.is_dir() => Ok(Some(Self(path))),
            Some(found) => {
                let fact = format!("{}, but a folder is needed", kind(found.file_type()));
                Err(Error::input(
                    path,
                    format!("{fact}; move it away, or put the folder itself in its place"),
                ))
            }
        }
    }

    /// A folder in this one, which is made where it is not there yet.
    ///
    /// # Errors
    /// As [`Folder::inner`], and [`Error::Io`] when it cannot be made.
    pub fn make(&self, name: impl AsRef<Path>) -> Result<Self> {
        let path = self.join(&name);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Error::io("make", path, error)),
            Ok(()) => Ok(Self(path)),
            Err(error) => self.inner(name)?.ok_or_else(|| Error::io("make", path, error)),
        }
    }

    /// Names of all that it holds, in no order; none if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be listed.
    pub fn names(&self) -> Result<Vec<OsString>> {
        let list = || -> io::Result<Vec<OsString>> {
            fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect()
        };
        match list() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(|error| Error::io("open", &self.0, error)),
        }
    }

    /// A regular file with its length in bytes, to be read; `None` where there is nothing of that name.
    ///
    /// # Errors
    /// [`Error::Input`] where it is no regular file, [`Error::Io`] when the system does not open it: that may pass,
    /// and says nothing about the file.
    pub fn open(&self, name: impl AsRef<Path>) -> Result<Option<(File, u64)>> {
        let name = name.as_ref();
        if self.regular(name)?.is_none() {
            return Ok(None);
        }
        let path = self.join(name);
        let failed = |error| Error::io("open", &path, error);
        let file = match unfollowed().read(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        // What lies there now, whatever was looked at before.
        let metadata = file.metadata().map_err(failed)?;
        admit(&path, &metadata)?;
        Ok(Some((file, metadata.len())))
    }

    /// The whole of a file of at most `most` bytes, if it is what it should be: `what`. `None` where there is none.
    ///
    /// # Errors
    /// As [`Folder::open`], [`Error::Input`] also where it is longer.
    pub fn small(&self, name: impl AsRef<Path>, what: &str, most: u64) -> Result<Option<Vec<u8>>> {
        let Some((file, held)) = self.open(&name)? else { return Ok(None) };
        let path = self.join(name);
        let mut bytes = Vec::new();
        if held <= most {
            // One byte more, to see whether it has grown.
            file.take(most + 1).read_to_end(&mut bytes).map_err(|error| Error::io("open", &path, error))?;
        }
        let held = held.max(bytes.len() as u64);
        if held > most {
            return Err(Error::input(path, format!("{held} bytes, but {what} has at most {most}")));
        }
        Ok(Some(bytes))
    }

    /// A new file; nothing may be there.
    ///
    /// # Errors
    /// [`Error::Io`] when there is, or the file cannot be made.
    pub fn create_new(&self, name: impl AsRef<Path>) -> Result<File> {
        let path = self.join(name);
        let made = unfollowed().write(true).create_new(true).open(&path);
        made.map_err(|error| Error::io("write", path, error))
    }

    /// Writes a file through `fill`, synced and renamed into its place: an older one is replaced whole or stays as it
    /// is. A link or a pipe in its place gives way; nothing is ever written through it.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses any of the steps.
    pub fn write(
        &self,
        name: impl AsRef<Path>,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let path = self.join(name);
        atomic_write::replace(&path, fill).map_err(|error| Error::io("write", path, error))
    }

    /// A file to which lines are added at its end, made where it is not there yet. It is locked for one program at a
    /// time. A file with several names (a copy by hard links) is first made one of its own.
    ///
    /// # Errors
    /// [`Error::Input`] where it is no regular file, [`Error::Io`] when the system does not open it.
    pub fn claim(&self, name: impl AsRef<Path>) -> Result<Claim> {
        let (name, path) = (name.as_ref(), self.join(&name));
        let failed = |error| Error::io("write", &path, error);
        loop {
            self.regular(name)?;
            let opened = unfollowed().read(true).write(true).append(cfg!(unix)).create(true).open(&path);
            let file = opened.map_err(failed)?;
            admit(&path, &file.metadata().map_err(failed)?)?;
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                return Ok(Claim::Busy);
            }
            // Somebody may have replaced it since it was opened: the lock is on what has no name any more.
            if !atomic_write::is_at(&file, &path) {
                continue;
            }
            if atomic_write::names_of(&file.metadata().map_err(failed)?) > 1 {
                let mut whole = file.try_clone().map_err(failed)?;
                atomic_write::replace(&path, |out| io::copy(&mut whole, out).map(|_| ())).map_err(failed)?;
                continue;
            }
            return Ok(Claim::Mine(file));
        }
    }

    /// Renames something in it into `to`, under a new name.
    ///
    /// # Errors
    /// [`Error::Io`] with [`ErrorKind::NotFound`] as its source where it is not there, and others of the system.
    pub fn rename(&self, name: impl AsRef<Path>, to: &Self, new: impl AsRef<Path>) -> Result<()> {
        let path = to.join(new);
        fs::rename(self.join(name), &path).map_err(|source| Error::Io { action: "write", path, source })
    }

    /// Removes what is there of that name: a link itself, a folder with all that it holds. Whether anything was there.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be removed.
    pub fn remove(&self, name: impl AsRef<Path>) -> Result<bool> {
        let path = self.join(&name);
        let removed = match self.look(name.as_ref())? {
            None => return Ok(false),
            Some(found) if found.is_dir() => fs::remove_dir_all(&path),
            Some(_) => fs::remove_file(&path),
        };
        match removed {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            other => other.map(|()| true).map_err(|error| Error::io("remove", path, error)),
        }
    }

    /// Removes temporary files whose program is gone; those of a program that is still at work are left to it.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be listed or a file cannot be removed.
    pub fn remove_leftovers(&self) -> Result<()> {
        match atomic_write::remove_leftovers(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| Error::io("remove", &self.0, error)),
        }
    }

    /// Makes what was made, renamed and removed in it last.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not.
    pub fn sync(&self) -> Result<()> {
        atomic_write::sync_folder(&self.0).map_err(|error| Error::io("sync", &self.0, error))
    }

    /// What lies there itself, links not followed.
    fn look(&self, name: &Path) -> Result<Option<Metadata>> {
        debug_assert!(name.components().count() == 1, "{} is not the name of one thing", name.display());
        let path = self.join(name);
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some).map_err(|error| Error::io("open", path, error)),
        }
    }

    /// The same, which has to be a regular file if it is there.
    fn regular(&self, name: impl AsRef<Path>) -> Result<Option<Metadata>> {
        let found = self.look(name.as_ref())?;
        found.as_ref().map_or(Ok(()), |found| admit(&self.join(name), found))?;
        Ok(found)
    }
}

/// Refuses what is no regular file.
fn admit(path: &Path, found: &Metadata) -> Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let fact = format!("{}, but a file is needed", kind(found.file_type()));
    Err(Error::input(path, format!("{fact}; move it away, or put the file itself in its place")))
}

/// What it is, for people.
fn kind(found: FileType) -> &'static str {
    if found.is_symlink() {
        "a link"
    } else if found.is_dir() {
        "a folder"
    } else if found.is_file() {
        "a file"
    } else {
        "a pipe or a device"
    }
}
