//! What races came to, kept in a file of the user's cache folder. A cache that cannot be read or written is no error:
//! the race is run again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};
use serde::{Deserialize, Serialize};

use super::course::Piece;
use crate::durable;
use crate::error::Error;
use crate::gpu::adapter::Adapter;
use crate::gpu::kernel::tile::Unrolled;
use crate::gpu::kernel::{ALL, Memory};
use crate::gpu::variant::Variant;
use crate::input;

/// Where the cache lies instead of the user's cache folder.
pub const FOLDER_VARIABLE: &str = "RHOHAT_CACHE_DIR";
/// Most entries; the oldest go first.
const MOST: usize = 256;
/// The longest file that is read, bytes: several times what so many entries take.
const LONGEST: u64 = 1 << 20;

/// What a race depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// The adapter's name.
    pub adapter: String,
    /// Vulkan, Metal or DX12.
    pub backend: String,
    /// Its driver, with the version.
    pub driver: String,
    /// Version of this crate.
    pub rhohat: String,
    /// Hash of the text of all kernels.
    pub kernels: String,
    /// Visible units.
    pub visible: usize,
    /// Units of a hidden block.
    pub hidden: usize,
    /// Rows of a chunk.
    pub rows: usize,
}

impl Key {
    /// That of a shape on an adapter with the kernels of this program.
    pub fn of(adapter: &Adapter, piece: Piece) -> Self {
        let info = &adapter.info;
        Self {
            adapter: info.name.clone(),
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            rhohat: env!("CARGO_PKG_VERSION").to_owned(),
            kernels: format!("{:016x}", hash_of_kernels()),
            visible: piece.visible,
            hidden: piece.hidden,
            rows: piece.rows,
        }
    }

    /// Whether `other` is of the same adapter, but of other kernels or another driver, and so will not be asked for again.
    fn outdates(&self, other: &Self) -> bool {
        let of = |key: &Self| (key.adapter.clone(), key.backend.clone());
        let by = |key: &Self| (key.driver.clone(), key.rhohat.clone(), key.kernels.clone());
        of(self) == of(other) && by(self) != by(other)
    }
}

/// What a race came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What it was for.
    #[serde(flatten)]
    pub key: Key,
    /// The winners.
    pub variant: Variant,
    /// Milliseconds of each kernel in the last heat that it ran, by product and kernel.
    pub milliseconds: BTreeMap<String, f64>,
}

/// The file.
#[derive(Clone, Debug)]
pub struct Cache {
    path: Option<PathBuf>,
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
                Self { path: None }
            }
        }
    }

    /// In a folder, which is made when there is something to keep.
    pub fn at(folder: &Path) -> Self {
        Self { path: Some(folder.join("kernels.json")) }
    }

    /// The file, for people.
    pub fn name(&self) -> String {
        self.path.as_ref().map_or("no cache".to_owned(), |path| path.display().to_string())
    }

    /// What is known of `key`.
    pub fn find(&self, key: &Key) -> Option<Entry> {
        self.entries().into_iter().find(|entry| entry.key == *key)
    }

    /// Keeps an entry in place of older ones that it outdates.
    pub fn keep(&self, entry: Entry) {
        let Some(path) = &self.path else { return };
        let mut entries = self.entries();
        entries.retain(|old| old.key != entry.key && !entry.key.outdates(&old.key));
        entries.push(entry);
        let surplus = entries.len().saturating_sub(MOST);
        if let Err(error) = write(path, &entries[surplus..]) {
            tracing::debug!(
                "the choice of kernels is not kept: {error}; {FOLDER_VARIABLE} names another folder"
            );
        }
    }

    /// All that can be read.
    fn entries(&self) -> Vec<Entry> {
        let Some(path) = self.path.as_ref().filter(|path| path.exists()) else { return Vec::new() };
        let read = input::small(path, "a cache of kernels", LONGEST).map_err(|error| error.to_string());
        let entries = read.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()));
        entries.unwrap_or_else(|why| {
            tracing::debug!(
                "{}: no cache of kernels that can be read ({why}); going on without",
                path.display()
            );
            Vec::new()
        })
    }
}

fn write(path: &Path, entries: &[Entry]) -> crate::Result<()> {
    let folder = path.parent().expect("the file lies in a folder");
    fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, error))?;
    durable::write(path, |out| Ok(serde_json::to_writer_pretty(out, entries)?))
}

/// FNV-1a, which stays the same from build to build.
fn hash_of_kernels() -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let texts = ALL
        .iter()
        .flat_map(|kernel| [Memory::Buffers, Memory::Textures].map(|m| kernel.text(m, Unrolled::All)));
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    texts.fold(BASIS, |hash, text| text.bytes().fold(hash, add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    fn entry(change: impl FnOnce(&mut Key)) -> Entry {
        let mut key = Key {
            adapter: "a card".to_owned(),
            backend: "vulkan".to_owned(),
            driver: "driver 1.0".to_owned(),
            rhohat: "0.1.0".to_owned(),
            kernels: "00ff".to_owned(),
            visible: 64,
            hidden: 25,
            rows: 1000,
        };
        change(&mut key);
        let milliseconds = BTreeMap::from([("NT direct/buffers".to_owned(), 0.5)]);
        Entry { key, variant: Variant::PLAIN, milliseconds }
    }

    #[test]
    fn what_was_kept_is_found_under_its_key_alone() {
        let folder = tempdir().unwrap();
        let cache = Cache::at(&folder.path().join("made/when/needed"));
        let kept = entry(|_| ());
        assert_eq!(cache.find(&kept.key), None);
        cache.keep(kept.clone());
        assert_eq!(cache.find(&kept.key), Some(kept));
        let changes: [fn(&mut Key); 8] = [
            |key| key.adapter += "!",
            |key| key.backend += "!",
            |key| key.driver += "!",
            |key| key.rhohat += "!",
            |key| key.kernels += "!",
            |key| key.visible += 1,
            |key| key.hidden += 1,
            |key| key.rows += 1,
        ];
        for change in changes {
            assert_eq!(cache.find(&entry(change).key), None);
        }
    }

    #[test]
    fn an_entry_replaces_its_like_and_what_another_driver_or_program_has_left() {
        let folder = tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let others: [fn(&mut Key); 4] = [
            |key| key.rows += 1,
            |key| key.adapter += "!",
            |key| key.driver += "!",
            |key| key.kernels += "!",
        ];
        let kept: Vec<Entry> = others.into_iter().map(entry).collect();
        // The last two outdate what came before them of the same card.
        kept.iter().rev().for_each(|entry| cache.keep(entry.clone()));
        let variant = "tiled+direct+tiled/buffers".parse().unwrap();
        let newest = Entry { variant, ..entry(|_| ()) };
        cache.keep(entry(|_| ()));
        cache.keep(newest.clone());
        assert_eq!(cache.entries(), [kept[1].clone(), kept[0].clone(), newest]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let folder = tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let many: Vec<Entry> = (0..MOST).map(|rows| entry(|key| key.rows = rows)).collect();
        write(cache.path.as_ref().unwrap(), &many).unwrap();
        cache.keep(entry(|key| key.rows = MOST));
        assert_eq!(cache.entries().len(), MOST);
        assert_eq!((cache.find(&many[0].key), cache.find(&many[1].key).is_some()), (None, true));
    }

    #[test]
    fn a_broken_file_holds_nothing_and_is_replaced() {
        let folder = tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let kept = entry(|_| ());
        for text in ["", "{", "[{}]", "[1]", "\u{0}\u{1}"] {
            fs::write(folder.path().join("kernels.json"), text).unwrap();
            assert_eq!(cache.find(&kept.key), None, "{text:?}");
            cache.keep(kept.clone());
            assert_eq!(cache.find(&kept.key), Some(kept.clone()), "{text:?}");
        }
        let unknown =
            serde_json::to_string(&[&kept]).unwrap().replace("direct/buffers\"}", "fast/buffers\"}");
        let unknown = unknown.replace("\"variant\":\"direct", "\"variant\":\"fast");
        fs::write(folder.path().join("kernels.json"), unknown).unwrap();
        assert_eq!(cache.find(&kept.key), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_loses_the_entry_and_nothing_else() {
        let folder = tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "mine").unwrap();
        let cache = Cache::at(&file);
        cache.keep(entry(|_| ()));
        assert_eq!(cache.find(&entry(|_| ()).key), None);
        assert_eq!(fs::read_to_string(file).unwrap(), "mine");
    }
}
