//! Results of races and checks that kernels have passed, kept in a file of the user's cache folder. A cache that cannot be
//! read or written is no error: kernels are checked or raced again. A program that adds to it holds a lock beside it, so that
//! programs that add at once all keep theirs.

#[cfg(not(feature = "files"))]
mod nowhere;
#[cfg(feature = "files")]
mod place;

use std::collections::BTreeMap;
#[cfg(feature = "files")]
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::products::ProductSize;
use crate::engine::gpu::device::adapter::Adapter;
use crate::engine::gpu::kernel::{ALL, Host};
use crate::engine::variant::Variant;
#[cfg(not(feature = "files"))]
use nowhere::Place;
#[cfg(feature = "files")]
use place::Place;

#[cfg(feature = "files")]
pub use place::FOLDER_VARIABLE;

/// Most entries; the oldest go first.
const MOST: usize = 256;

/// How much a check asks for: raised where it asks for more, so that what has passed less is checked again.
const ASKED: u64 = 2;

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

/// What is kept.
#[derive(Clone, Debug)]
pub struct Cache {
    place: Option<Place>,
}

impl Cache {
    /// That of the user, or of the folder that `RHOHAT_CACHE_DIR` names.
    pub fn of_user() -> Self {
        Self { place: Place::of_user() }
    }

    /// In a folder, which is made when there is something to keep.
    #[cfg(feature = "files")]
    pub fn at(folder: &Path) -> Self {
        Self { place: Some(Place::at(folder)) }
    }

    /// The file, for people.
    pub fn name(&self) -> String {
        self.place.as_ref().map_or("no cache".to_owned(), Place::name)
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
        if let Some(place) = self.place.as_ref().filter(|_| !entries.is_empty()) {
            place.keep(entries);
        }
    }

    /// All that can be read.
    fn entries(&self) -> Vec<Entry> {
        self.place.as_ref().map(Place::entries).unwrap_or_default()
    }
}

/// Entries with new ones among them, in place of those that these replace; of too many the oldest are left out.
fn with_new(mut entries: Vec<Entry>, new: Vec<Entry>) -> Vec<Entry> {
    entries.retain(|old| !new.iter().any(|entry| entry.replaces(old)));
    entries.extend(new);
    let surplus = entries.len().saturating_sub(MOST);
    entries.split_off(surplus)
}

/// FNV-1a of their texts and of what is asked of them, which stays the same from build to build.
fn hash_of_kernels() -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let texts = ALL.iter().map(|kernel| kernel.text(Host::NAGA));
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    texts.fold(BASIS ^ ASKED, |hash, text| text.bytes().fold(hash, add))
}

#[cfg(all(test, feature = "files"))]
mod tests;
