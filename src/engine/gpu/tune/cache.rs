//! Results of races and checks that kernels have passed, kept in a file of the user's cache folder. A cache that cannot be
//! read or written is no error: kernels are checked or raced again. A program that adds to it holds a lock beside it, so that
//! programs that add at once all keep theirs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};
use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::products::ProductSize;
use crate::engine::gpu::device::adapter::Adapter;
use crate::engine::gpu::kernel::{ALL, Host};
use crate::engine::variant::Variant;
use crate::error::Error;
use crate::io::folder::{Claim, Folder};

/// Where the cache lies instead of the user's cache folder.
pub const FOLDER_VARIABLE: &str = "RHOHAT_CACHE_DIR";
/// Most entries; the oldest go first.
const MOST: usize = 256;
/// The longest file that is read, bytes: several times what so many entries take.
const LONGEST: u64 = 1 << 20;

/// How much a check asks for: raised where it asks for more, so that what has passed less is checked again.
const ASKED: u64 = 2;

/// The file, in its folder.
const FILE: &str = "kernels.json";
/// The file that is locked while the cache is read, changed and written.
const LOCK: &str = "kernels.lock";
/// How long another program is waited for, which takes milliseconds. It may have been stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The adapter and the kernels: all that decides whether a kernel is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platform {
    /// The adapter's name.
    pub adapter: String,
    /// Vulkan, Metal or DX12.
    pub backend: String,
    /// Its driver, with the version.
    pub driver: String,
    /// Version of this crate.
    pub rhohat: String,
    /// Hash of the text of all kernels, and of what their checks ask for.
    pub kernels: String,
}

impl Platform {
    /// An adapter with the kernels of this program.
    pub fn of(adapter: &Adapter) -> Self {
        let info = &adapter.info;
        Self {
            adapter: info.name.clone(),
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            rhohat: env!("CARGO_PKG_VERSION").to_owned(),
            kernels: format!("{:016x}", hash_of_kernels()),
        }
    }

    /// Whether `other` is of the same adapter, but of other kernels or another driver, and so will not be asked for again.
    fn outdates(&self, other: &Self) -> bool {
        let adapter = |platform: &Self| (platform.adapter.clone(), platform.backend.clone());
        adapter(self) == adapter(other) && self != other
    }
}

/// The platform and the products that a race is run for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The adapter and the kernels.
    #[serde(flatten)]
    pub platform: Platform,
    /// Visible units.
    pub visible: usize,
    /// Units of a hidden block.
    pub hidden: usize,
    /// Rows of a chunk.
    pub rows: usize,
}

impl Key {
    /// That of a shape on an adapter with the kernels of this program.
    pub fn of(adapter: &Adapter, size: ProductSize) -> Self {
        let ProductSize { visible, hidden, rows } = size;
        Self { platform: Platform::of(adapter), visible, hidden, rows }
    }
}

/// The result of a race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CachedRace {
    /// Platform and products.
    #[serde(flatten)]
    pub key: Key,
    /// The winners.
    pub variant: Variant,
    /// Milliseconds of each kernel in the last round that it ran, by product and kernel.
    pub milliseconds: BTreeMap<String, f64>,
}

/// A check that a kernel has passed, whatever the shape it was wanted for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassedCheck {
    /// The adapter and the kernels.
    #[serde(flatten)]
    pub platform: Platform,
    /// The product and its kernel, as the times of a race name them.
    pub passed: String,
    /// Whether the work was cut into several hidden blocks, for which more is checked.
    pub in_blocks: bool,
}

impl PassedCheck {
    /// That of a candidate, for work in so many hidden blocks.
    pub fn of(platform: &Platform, candidate: Candidate, blocks: usize) -> Self {
        Self { platform: platform.clone(), passed: candidate.to_string(), in_blocks: blocks > 1 }
    }

    /// Whether what passed this would pass `other`.
    fn covers(&self, other: &Self) -> bool {
        let checked = |check: &Self| (check.platform.clone(), check.passed.clone());
        checked(self) == checked(other) && (self.in_blocks || !other.in_blocks)
    }
}

/// What the file lists. A file of 0.1.0 lists races alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Entry {
    Race(CachedRace),
    Check(PassedCheck),
}

impl Entry {
    fn platform(&self) -> &Platform {
        match self {
            Self::Race(race) => &race.key.platform,
            Self::Check(check) => &check.platform,
        }
    }

    /// Whether `old` says nothing any more beside this one.
    fn replaces(&self, old: &Self) -> bool {
        self.platform().outdates(old.platform())
            || match (self, old) {
                (Self::Race(race), Self::Race(old)) => race.key == old.key,
                (Self::Check(check), Self::Check(old)) => check.covers(old),
                _ => false,
            }
    }
}

/// The file.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<Folder>,
}

impl Cache {
    /// That of the user, or of the folder that `RHOHAT_CACHE_DIR` names.
    pub fn of_user() -> Self {
        if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
            return Self::at(Path::new(&folder));
        }
        match choose_native_strategy() {
            Ok(folders) => Self::at(&folders.cache_dir().join("rhohat")),
            Err(error) => {
                tracing::debug!("no cache of kernels: {error}; {FOLDER_VARIABLE} names a folder for one");
                Self { folder: None }
            }
        }
    }

    /// In a folder, which is made when there is something to keep.
    pub fn at(folder: &Path) -> Self {
        Self { folder: Some(Folder::at(folder)) }
    }

    /// The file, for people.
    pub fn name(&self) -> String {
        let path = self.folder.as_ref().map(|folder| folder.join(FILE));
        path.map_or("no cache".to_owned(), |path| path.display().to_string())
    }

    /// The race of `key`.
    pub fn find(&self, key: &Key) -> Option<CachedRace> {
        let race = |entry| if let Entry::Race(race) = entry { Some(race) } else { None };
        self.entries().into_iter().filter_map(race).find(|race| race.key == *key)
    }

    /// Whether a check was passed earlier, or one that asks for more.
    pub fn has_passed(&self, wanted: &PassedCheck) -> bool {
        self.entries().iter().any(|entry| matches!(entry, Entry::Check(check) if check.covers(wanted)))
    }

    /// Keeps a race.
    pub fn keep(&self, race: CachedRace) {
        self.keep_all(vec![Entry::Race(race)]);
    }

    /// Keeps checks that were passed.
    pub fn keep_passed(&self, checks: impl IntoIterator<Item = PassedCheck>) {
        self.keep_all(checks.into_iter().map(Entry::Check).collect());
    }

    /// Keeps entries in place of older ones that say nothing any more, and beside those of programs that add at the same time.
    fn keep_all(&self, entries: Vec<Entry>) {
        let Some(folder) = self.folder.as_ref().filter(|_| !entries.is_empty()) else { return };
        if let Err(error) = self.add(folder, entries) {
            tracing::debug!(
                "the choice of kernels is not kept: {error}; {FOLDER_VARIABLE} names another folder"
            );
        }
    }

    fn add(&self, folder: &Folder, new: Vec<Entry>) -> crate::Result<()> {
        fs::create_dir_all(folder.path()).map_err(|error| Error::io("make", folder.path(), error))?;
        let _locked = lock(folder);
        let mut entries = self.entries();
        entries.retain(|old| !new.iter().any(|entry| entry.replaces(old)));
        entries.extend(new);
        let surplus = entries.len().saturating_sub(MOST);
        write(folder, &entries[surplus..])
    }

    /// All that can be read.
    fn entries(&self) -> Vec<Entry> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let read = folder.small(FILE, "a cache of kernels", LONGEST).map_err(|error| error.to_string());
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

/// FNV-1a of their texts and of what is asked of them, which stays the same from build to build.
fn hash_of_kernels() -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let texts = ALL.iter().map(|kernel| kernel.text(Host::NAGA));
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    texts.fold(BASIS ^ ASKED, |hash, text| text.bytes().fold(hash, add))
}

#[cfg(test)]
mod tests;
