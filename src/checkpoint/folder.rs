//! The checkpoints of a run: published whole, found newest first, two kept.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::fail_point::reach;
use super::read::Unread;
use super::{Checkpoint, read, write};
use crate::durable::{self, sync_folder};
use crate::error::{Error, Result};

/// Checkpoints that are kept.
const KEPT: usize = 2;
/// Where they are, in the run.
const FOLDER: &str = "checkpoints";
/// Where those go that cannot be used.
const REJECTED: &str = "rejected";
/// A checkpoint that is being written.
const NEW: &str = ".checkpoint-new";
/// A checkpoint that is being removed.
const OLD: &str = ".checkpoint-old";

/// The checkpoints of the run in a folder.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    run: PathBuf,
}

/// One that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The newest that can be used, and where it is.
    pub newest: Option<(PathBuf, Checkpoint)>,
    /// Those that are newer.
    pub rejected: Vec<Rejected>,
}

impl Checkpoints {
    /// Those of the run `run`; there may be none.
    pub fn of(run: &Path) -> Self {
        Self { run: run.to_owned() }
    }

    /// Where they are.
    pub fn path(&self) -> PathBuf {
        self.run.join(FOLDER)
    }

    /// Writes a checkpoint: when this returns, it will be found, whatever happens then; before, the others are.
    ///
    /// # Errors
    /// [`Error::Io`] with the path and how much was written; the others are as they were.
    pub fn publish(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let new = self.run.join(NEW);
        remove(&new)?;
        let published = self.publish_through(&new, checkpoint);
        if published.is_err() {
            // What is there takes room on a disk that may be full; the error tells more than that of clearing up.
            let _ = remove(&new);
        }
        published
    }

    /// The same by way of the new folder `new`.
    fn publish_through(&self, new: &Path, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let folder = self.path();
        write::write(new, checkpoint)?;
        fs::create_dir_all(&folder).map_err(|error| Error::io("make", &folder, error))?;
        let name = name(checkpoint.position.steps);
        let place = folder.join(&name);
        self.retire(&place)?;
        fs::rename(new, &place).map_err(|error| Error::io("write", &place, error))?;
        reach("renamed");
        for folder in [&folder, &self.run] {
            sync_folder(folder).map_err(|error| Error::io("sync", folder, error))?;
        }
        reach("published");
        if let Err(why) = self.tidy(&folder, &name) {
            tracing::warn!("{}: kept, but {why}", place.display());
        }
        Ok(place)
    }

    /// Names the newest for people, and takes older ones away. The checkpoint stands whether that succeeds or not.
    fn tidy(&self, folder: &Path, newest: &str) -> Result<()> {
        durable::write(&folder.join("latest"), |out| writeln!(out, "{newest}"))?;
        reach("latest-written");
        for (_, old) in self.newest_first()?.into_iter().skip(KEPT) {
            self.retire(&old)?;
        }
        Ok(())
    }

    /// Takes a checkpoint away, if it is there: renamed first, so that `checkpoints/` never holds a part of it.
    fn retire(&self, place: &Path) -> Result<()> {
        let old = self.run.join(OLD);
        remove(&old)?;
        match fs::rename(place, &old) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| Error::io("remove", place, error))?,
        }
        reach("old-renamed");
        remove(&old)?;
        reach("old-removed");
        Ok(())
    }

    /// The newest checkpoint that is whole, and those that are newer and not.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be listed or a file of it cannot be read, [`Error::Input`] when a later version
    /// has written one: neither tells that it is worth nothing, and nothing is to be done before somebody has looked.
    pub fn find(&self) -> Result<Found> {
        let mut rejected = Vec::new();
        for (steps, path) in self.newest_first()? {
            match read::read(&path) {
                Ok(found) if found.position.steps == steps => {
                    return Ok(Found { newest: Some((path, found)), rejected });
                }
                Ok(found) => {
                    let reason = format!("it holds step {}", found.position.steps);
                    rejected.push(Rejected { path, reason });
                }
                Err(Unread::Damaged(reason)) => rejected.push(Rejected { path, reason }),
                Err(Unread::Kept(error)) => return Err(error),
            }
        }
        Ok(Found { newest: None, rejected })
    }

    /// Those that were rejected in earlier sittings; their steps and places, the newest first.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be listed.
    pub fn put_aside_before(&self) -> Result<Vec<(usize, PathBuf)>> {
        steps_in(&self.run.join(REJECTED))
    }

    /// Moves rejected checkpoints out of the way of those to come, into `rejected/` of the run.
    ///
    /// # Errors
    /// [`Error::Io`] when that cannot be done.
    pub fn put_aside(&self, rejected: &[Rejected]) -> Result<()> {
        let aside = self.run.join(REJECTED);
        for Rejected { path, .. } in rejected {
            fs::create_dir_all(&aside).map_err(|error| Error::io("make", &aside, error))?;
            let name = path.file_name().unwrap_or_default();
            let numbered = (2..).map(|number| {
                let mut name = name.to_owned();
                name.push(format!(".{number}"));
                aside.join(name)
            });
            let mut places = std::iter::once(aside.join(name)).chain(numbered);
            let place =
                places.find(|place| place.symlink_metadata().is_err()).expect("the numbers do not end");
            fs::rename(path, &place).map_err(|error| Error::io("write", &place, error))?;
        }
        Ok(())
    }

    /// Removes what a run that was killed has left half done.
    ///
    /// # Errors
    /// [`Error::Io`] when that cannot be done.
    pub fn clear_up(&self) -> Result<()> {
        for name in [NEW, OLD] {
            remove(&self.run.join(name))?;
        }
        for folder in [&self.run, &self.path()] {
            for path in entries(folder)? {
                if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(durable::TEMPORARY))
                {
                    remove(&path)?;
                }
            }
        }
        Ok(())
    }

    /// All checkpoints by the names of their folders, with their steps.
    fn newest_first(&self) -> Result<Vec<(usize, PathBuf)>> {
        steps_in(&self.path())
    }
}

/// The checkpoints that a folder holds by their names, the newest first.
fn steps_in(folder: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let steps = |path: &Path| {
        let name = path.file_name()?.to_str()?.strip_prefix("step-")?;
        name.split('.').next()?.parse().ok()
    };
    let all = entries(folder)?;
    let mut all: Vec<(usize, PathBuf)> = all.into_iter().filter_map(|p| Some((steps(&p)?, p))).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    Ok(all)
}

/// The name of a checkpoint's folder.
fn name(steps: usize) -> String {
    format!("step-{steps:09}")
}

/// What a folder holds; nothing if there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    match list() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|error| Error::io("open", folder, error)),
    }
}

/// Removes a file or a folder with all that it holds, if it is there.
fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map_err(|error| Error::io("remove", path, error)),
    }
}
