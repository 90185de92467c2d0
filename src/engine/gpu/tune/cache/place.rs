//! The file of the cache, in the user's cache folder or one that a variable names, and the lock beside it.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

use super::{Entry, with_new};
use crate::error::Error;
use crate::io::folder::{Claim, Folder};

/// Where the cache lies instead of the user's cache folder.
pub const FOLDER_VARIABLE: &str = "RHOHAT_CACHE_DIR";
/// The longest file that is read, bytes: several times what so many entries take.
const LONGEST: u64 = 1 << 20;

/// The file, in its folder.
pub(super) const FILE: &str = "kernels.json";
/// The file that is locked while the cache is read, changed and written.
pub(super) const LOCK: &str = "kernels.lock";
/// How long another program is waited for, which takes milliseconds. It may have been stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The folder.
#[derive(Clone, Debug)]
pub struct Place(Folder);

impl Place {
    /// See [`super::Cache::of_user`].
    pub fn of_user() -> Option<Self> {
        if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
            return Some(Self::at(Path::new(&folder)));
        }
        match choose_native_strategy() {
            Ok(folders) => Some(Self::at(&folders.cache_dir().join("rhohat"))),
            Err(error) => {
                tracing::debug!("no cache of kernels: {error}; {FOLDER_VARIABLE} names a folder for one");
                None
            }
        }
    }

    /// See [`super::Cache::at`].
    pub fn at(folder: &Path) -> Self {
        Self(Folder::at(folder))
    }

    /// The file, for people.
    pub fn name(&self) -> String {
        self.0.join(FILE).display().to_string()
    }

    /// Keeps entries, see [`super::Cache`].
    pub fn keep(&self, entries: Vec<Entry>) {
        if let Err(error) = self.add(entries) {
            tracing::debug!(
                "the choice of kernels is not kept: {error}; {FOLDER_VARIABLE} names another folder"
            );
        }
    }

    fn add(&self, new: Vec<Entry>) -> crate::Result<()> {
        let Self(folder) = self;
        fs::create_dir_all(folder.path()).map_err(|error| Error::io("make", folder.path(), error))?;
        let _locked = lock(folder);
        write(folder, &with_new(self.entries(), new))
    }

    /// All that can be read.
    pub fn entries(&self) -> Vec<Entry> {
        let read = self.0.small(FILE, "a cache of kernels", LONGEST).map_err(|error| error.to_string());
        let parsed = read.and_then(|text| {
            let parse = |text: Vec<u8>| serde_json::from_slice(&text).map_err(|error| error.to_string());
            text.map_or(Ok(Vec::new()), parse)
        });
        parsed.unwrap_or_else(|why| {
            tracing::debug!(
                "{}: no cache of kernels that can be read ({why}); going on without",
                self.name()
            );
            Vec::new()
        })
    }
}

/// The lock, unless it cannot be had: then an entry of a program that writes at the same moment may be lost, which costs
/// a race or a check.
fn lock(folder: &Folder) -> Option<File> {
    let started = Instant::now();
    loop {
        match folder.claim(LOCK) {
            Ok(Claim::Mine(file)) => return Some(file),
            Ok(Claim::Busy) if started.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(2)),
            Ok(Claim::Busy) => {
                tracing::debug!("{}: held by another program for {PATIENCE:?}", folder.join(LOCK).display());
                return None;
            }
            Err(error) => {
                tracing::debug!("the cache of kernels cannot be locked: {error}");
                return None;
            }
        }
    }
}

fn write(folder: &Folder, entries: &[Entry]) -> crate::Result<()> {
    folder.write(FILE, |out| Ok(serde_json::to_writer_pretty(out, entries)?))
}
