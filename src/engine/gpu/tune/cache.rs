//! Results of races, kept in a file of the user's cache folder. A cache that cannot be read or written is no error:
//! the race is run again. A program that adds to it holds a lock beside it, so that programs that race at once all keep theirs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};
use serde::{Deserialize, Serialize};

use super::products::ProductSize;
use crate::engine::gpu::device::adapter::Adapter;
use crate::engine::gpu::kernel::variant::Variant;
use crate::engine::gpu::kernel::{ALL, Host};
use crate::error::Error;
use crate::io::folder::{Claim, Folder};

/// Where the cache lies instead of the user's cache folder.
pub const FOLDER_VARIABLE: &str = "RHOHAT_CACHE_DIR";
/// Most entries; the oldest go first.
const MOST: usize = 256;
/// The longest file that is read, bytes: several times what so many entries take.
const LONGEST: u64 = 1 << 20;

/// The file, in its folder.
const FILE: &str = "kernels.json";
/// The file that is locked while the cache is read, changed and written.
const LOCK: &str = "kernels.lock";
/// How long another program is waited for, which takes milliseconds. It may have been stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The adapter, the kernels and the products that a race is run for.
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
    pub fn of(adapter: &Adapter, size: ProductSize) -> Self {
        let info = &adapter.info;
        Self {
            adapter: info.name.clone(),
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            rhohat: env!("CARGO_PKG_VERSION").to_owned(),
            kernels: format!("{:016x}", hash_of_kernels()),
            visible: size.visible,
            hidden: size.hidden,
            rows: size.rows,
        }
    }

    /// Whether `other` is of the same adapter, but of other kernels or another driver, and so will not be asked for again.
    fn outdates(&self, other: &Self) -> bool {
        let of = |key: &Self| (key.adapter.clone(), key.backend.clone());
        let by = |key: &Self| (key.driver.clone(), key.rhohat.clone(), key.kernels.clone());
        of(self) == of(other) && by(self) != by(other)
    }
}

/// The result of a race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CachedRace {
    /// Adapter, kernels and products.
    #[serde(flatten)]
    pub key: Key,
    /// The winners.
    pub variant: Variant,
    /// Milliseconds of each kernel in the last round that it ran, by product and kernel.
    pub milliseconds: BTreeMap<String, f64>,
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

    /// The entry of `key`.
    pub fn find(&self, key: &Key) -> Option<CachedRace> {
        self.entries().into_iter().find(|entry| entry.key == *key)
    }

    /// Keeps an entry in place of older ones that it outdates, and beside those of programs that race at the same time.
    pub fn keep(&self, entry: CachedRace) {
        let Some(folder) = &self.folder else { return };
        if let Err(error) = self.add(folder, entry) {
            tracing::debug!(
                "the choice of kernels is not kept: {error}; {FOLDER_VARIABLE} names another folder"
            );
        }
    }

    fn add(&self, folder: &Folder, entry: CachedRace) -> crate::Result<()> {
        fs::create_dir_all(folder.path()).map_err(|error| Error::io("make", folder.path(), error))?;
        let _locked = lock(folder);
        let mut entries = self.entries();
        entries.retain(|old| old.key != entry.key && !entry.key.outdates(&old.key));
        entries.push(entry);
        let surplus = entries.len().saturating_sub(MOST);
        write(folder, &entries[surplus..])
    }

    /// All that can be read.
    fn entries(&self) -> Vec<CachedRace> {
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
/// a race.
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

fn write(folder: &Folder, entries: &[CachedRace]) -> crate::Result<()> {
    folder.write(FILE, |out| Ok(serde_json::to_writer_pretty(out, entries)?))
}

/// FNV-1a, which stays the same from build to build.
fn hash_of_kernels() -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let texts = ALL.iter().map(|kernel| kernel.text(Host::NAGA));
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    texts.fold(BASIS, |hash, text| text.bytes().fold(hash, add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    fn entry(change: impl FnOnce(&mut Key)) -> CachedRace {
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
        CachedRace { key, variant: Variant::PLAIN, milliseconds }
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
        let kept: Vec<CachedRace> = others.into_iter().map(entry).collect();
        // The last two outdate what came before them of the same card.
        kept.iter().rev().for_each(|entry| cache.keep(entry.clone()));
        let variant = "tiled+direct+tiled/buffers".parse().unwrap();
        let newest = CachedRace { variant, ..entry(|_| ()) };
        cache.keep(entry(|_| ()));
        cache.keep(newest.clone());
        assert_eq!(cache.entries(), [kept[1].clone(), kept[0].clone(), newest]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let folder = tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let many: Vec<CachedRace> = (0..MOST).map(|rows| entry(|key| key.rows = rows)).collect();
        write(cache.folder.as_ref().unwrap(), &many).unwrap();
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
    fn programs_that_keep_at_once_lose_nothing() {
        let folder = tempdir().unwrap();
        let cache = Cache::at(folder.path());
        thread::scope(|scope| {
            for rows in 0..20 {
                let cache = &cache;
                scope.spawn(move || cache.keep(entry(|key| key.rows = rows)));
            }
        });
        assert_eq!(cache.entries().len(), 20);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_a_link_in_the_place_of_the_cache_is_never_waited_for_nor_written_through() {
        for file in [FILE, LOCK] {
            let folder = tempdir().unwrap();
            let cache = Cache::at(&folder.path().join("cache"));
            fs::create_dir(folder.path().join("cache")).unwrap();
            let mine = folder.path().join("mine");
            fs::write(&mine, "precious").unwrap();
            std::os::unix::fs::symlink(&mine, folder.path().join("cache").join(file)).unwrap();
            assert_eq!(cache.find(&entry(|_| ()).key), None);
            cache.keep(entry(|_| ()));
            assert!(cache.find(&entry(|_| ()).key).is_some(), "{file}");
            assert_eq!(fs::read_to_string(&mine).unwrap(), "precious");
        }
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
