//! The checkpoints of a run: published whole, found newest first, two kept.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::fail_point::reach;
use super::read::Unread;
use super::{Checkpoint, read, write};
use crate::engine::StateShape;
use crate::error::{Error, Result};
use crate::io::folder::Folder;
use crate::math::params::Shape;

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

/// The checkpoints of the run in a folder, of what has such widths.
#[derive(Clone, Debug)]
pub struct Checkpoints<S = Shape> {
    run: Folder,
    widths: PhantomData<S>,
}

/// One that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it is.
    pub path: PathBuf,
    /// The fault.
    pub reason: String,
}

/// Checkpoints of a run.
#[derive(Debug)]
pub struct Found<S = Shape> {
    /// The newest that can be used, and where it is.
    pub newest: Option<(PathBuf, Checkpoint<S>)>,
    /// Those that are newer.
    pub rejected: Vec<Rejected>,
}

impl<S: StateShape> Checkpoints<S> {
    /// Those of the run `run`; there may be none.
    pub fn of(run: &Path) -> Self {
        Self { run: Folder::at(run), widths: PhantomData }
    }

    /// Where they are.
    pub fn path(&self) -> PathBuf {
        self.run.join(FOLDER)
    }

    /// Writes a checkpoint: when this returns, it will be found, whatever happens then; before, the others are.
    ///
    /// # Errors
    /// [`Error::Io`] with the path and how much was written; the others are as they were.
    pub fn publish(&self, checkpoint: &Checkpoint<S>) -> Result<PathBuf> {
        self.run.remove(NEW)?;
        let published = self.publish_through(checkpoint);
        if published.is_err() {
            // What is there takes room on a disk that may be full; the error tells more than that of clearing up.
            let _ = self.run.remove(NEW);
        }
        published
    }

    /// The same by way of a new folder of the run.
    fn publish_through(&self, checkpoint: &Checkpoint<S>) -> Result<PathBuf> {
        write::write(&self.run.make(NEW)?, checkpoint)?;
        let folder = self.run.make(FOLDER)?;
        let name = name(checkpoint.position.steps);
        self.retire(&folder, OsStr::new(&name))?;
        self.run.rename(NEW, &folder, &name)?;
        reach("renamed");
        folder.sync()?;
        self.run.sync()?;
        reach("published");
        let place = folder.join(&name);
        if let Err(why) = self.tidy(&folder, &name) {
            tracing::warn!("{}: kept, but {why}", place.display());
        }
        Ok(place)
    }

    /// Names the newest for people, and takes older ones away. The checkpoint stands whether that succeeds or not.
    fn tidy(&self, folder: &Folder, newest: &str) -> Result<()> {
        folder.write("latest", |out| writeln!(out, "{newest}"))?;
        reach("latest-written");
        for (_, old) in newest_first(folder)?.into_iter().skip(KEPT) {
            self.retire(folder, &old)?;
        }
        Ok(())
    }

    /// Takes a checkpoint away, if it is there: renamed first, so that `checkpoints/` never holds a part of it.
    fn retire(&self, folder: &Folder, name: &OsStr) -> Result<()> {
        self.run.remove(OLD)?;
        match folder.rename(name, &self.run, OLD) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        }
        reach("old-renamed");
        self.run.remove(OLD)?;
        reach("old-removed");
        Ok(())
    }

    /// The newest checkpoint that is whole, and those that are newer and not.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be listed or a file of it cannot be read, [`Error::Input`] when it is no folder, or
    /// a later version has written a checkpoint: neither tells that one is worth nothing, and nothing is to be done before
    /// somebody has looked.
    pub fn find(&self) -> Result<Found<S>> {
        let mut rejected = Vec::new();
        let Some(folder) = self.run.inner(FOLDER)? else { return Ok(Found { newest: None, rejected }) };
        for (steps, name) in newest_first(&folder)? {
            let path = folder.join(&name);
            let found = match folder.inner(&name) {
                Ok(Some(checkpoint)) => read::read::<S>(&checkpoint),
                Ok(None) => Err("it is gone".into()),
                Err(Error::Input { reason, .. }) => Err(Unread::Damaged(reason)),
                Err(error) => Err(Unread::Kept(error)),
            };
            let reason = match found {
                Ok(found) if found.position.steps == steps => {
                    return Ok(Found { newest: Some((path, found)), rejected });
                }
                Ok(found) => format!("it holds step {}", found.position.steps),
                Err(Unread::Damaged(reason)) => reason,
                Err(Unread::Kept(error)) => return Err(error),
            };
            rejected.push(Rejected { path, reason });
        }
        Ok(Found { newest: None, rejected })
    }

    /// Steps of those that were rejected in earlier sittings, the newest first.
    ///
    /// # Errors
    /// As [`Checkpoints::find`], for `rejected/`.
    pub fn put_aside_before(&self) -> Result<Vec<usize>> {
        let Some(aside) = self.run.inner(REJECTED)? else { return Ok(Vec::new()) };
        Ok(newest_first(&aside)?.into_iter().map(|(steps, _)| steps).collect())
    }

    /// Moves rejected checkpoints out of the way of those to come, into `rejected/` of the run.
    ///
    /// # Errors
    /// [`Error::Io`] when that cannot be done.
    pub fn put_aside(&self, rejected: &[Rejected]) -> Result<()> {
        if rejected.is_empty() {
            return Ok(());
        }
        let (aside, folder) = (self.run.make(REJECTED)?, self.run.make(FOLDER)?);
        for name in rejected.iter().filter_map(|rejected| rejected.path.file_name()) {
            let mut place = name.to_owned();
            // One of that name may have been rejected before.
            for number in 2.. {
                if !aside.has(&place)? {
                    break;
                }
                place = name.to_owned();
                place.push(format!(".{number}"));
            }
            folder.rename(name, &aside, &place)?;
        }
        Ok(())
    }

    /// Removes what a run that was killed has left half done.
    ///
    /// # Errors
    /// [`Error::Io`] when that cannot be done.
    pub fn clear_up(&self) -> Result<()> {
        self.run.remove(NEW)?;
        self.run.remove(OLD)?;
        self.run.remove_leftovers()?;
        self.run.inner(FOLDER)?.map_or(Ok(()), |folder| folder.remove_leftovers())
    }
}

/// The checkpoints of a folder by their names, with their steps, the newest first.
fn newest_first(folder: &Folder) -> Result<Vec<(usize, OsString)>> {
    let steps = |name: &OsStr| name.to_str()?.strip_prefix("step-")?.split('.').next()?.parse().ok();
    let mut all: Vec<(usize, OsString)> =
        folder.names()?.into_iter().filter_map(|name| Some((steps(&name)?, name))).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    Ok(all)
}

/// The name of a checkpoint's folder.
fn name(steps: usize) -> String {
    format!("step-{steps:09}")
}
