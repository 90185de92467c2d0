//! A checkpoint from its files: nothing is believed before its hash was compared, and nothing allocated that the file
//! does not hold.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytemuck::{Pod, Zeroable, cast_slice_mut};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use super::{Checkpoint, Digest, FORMAT, MANIFEST, Manifest, PROGRESS, Progress, STATE, hex};
use crate::engine::{Numbers, State};
use crate::optim::lbfgs::Lbfgs;

/// Most bytes of `manifest.json`.
const MANIFEST_MOST: u64 = 1 << 16;
/// Most bytes of `progress.json`, which holds a number for every hidden unit of a search.
const PROGRESS_MOST: u64 = 1 << 30;

/// Reads the checkpoint in `folder`.
///
/// # Errors
/// Says which file is wrong, and how.
pub fn read(folder: &Path) -> Result<Checkpoint, String> {
    let manifest =
        whole(&folder.join(MANIFEST), MANIFEST_MOST).map_err(|why| format!("{MANIFEST}: {why}"))?;
    let manifest = parse_manifest(&manifest).map_err(|why| format!("{MANIFEST}: {why}"))?;
    let progress = read_progress(folder, &manifest.progress).map_err(|why| format!("{PROGRESS}: {why}"))?;
    let state = read_state(folder, &manifest.state, &progress).map_err(|why| format!("{STATE}: {why}"))?;
    let Progress { position, metrics, patience, .. } = progress;
    position.search.as_ref().map_or(Ok(()), |search| check_search(search, &state))?;
    Ok(Checkpoint { position, state, metrics, patience })
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest, String> {
    let json: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match json["format"].as_u64() {
        Some(FORMAT) => serde_json::from_value(json).map_err(|error| error.to_string()),
        Some(other) => Err(format!("format {other}, but this version reads format {FORMAT}")),
        None => Err("no format is named".to_owned()),
    }
}

fn read_progress(folder: &Path, digest: &Digest) -> Result<Progress, String> {
    let bytes = whole(&folder.join(PROGRESS), digest.bytes.min(PROGRESS_MOST))?;
    compare(digest, bytes.len() as u64, xxh3_128(&bytes))?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn read_state(folder: &Path, digest: &Digest, progress: &Progress) -> Result<State, String> {
    let &Progress { shape, order, average, .. } = progress;
    let len = State::vector_len(shape, order).ok_or("no memory holds such a shape")?;
    let mut from = Hashed::open(&folder.join(STATE))?;
    let width = |double: bool| if double { 8 } else { 4 };
    let wanted = progress
        .vectors
        .iter()
        .try_fold(0u64, |sum, vector| sum.checked_add((len as u64).checked_mul(width(vector.double))?));
    let wanted = wanted.and_then(|sum| sum.checked_add(if average { 8 * shape.hidden as u64 } else { 0 }));
    if wanted != Some(from.bytes) {
        return Err(format!("{} bytes, but {PROGRESS} lists others", from.bytes));
    }
    let mut vectors = Vec::with_capacity(progress.vectors.len());
    for vector in &progress.vectors {
        let numbers =
            if vector.double { Numbers::Double(from.take(len)?) } else { Numbers::Single(from.take(len)?) };
        vectors.push((vector.role, numbers));
    }
    let average = average.then(|| from.take(shape.hidden)).transpose()?;
    compare(digest, from.bytes, from.hasher.digest128())?;
    let state = State { shape, order, vectors, average };
    state.check()?;
    Ok(state)
}

/// L-BFGS may ask for every vector that it counts on.
fn check_search(search: &Lbfgs, state: &State) -> Result<(), String> {
    use crate::engine::Role;
    search.check(state.shape.hidden)?;
    let pairs = search.pairs().iter().flat_map(|&slot| [Role::Step(slot), Role::Change(slot)]);
    let there = |wanted: Role| state.vectors.iter().any(|(role, _)| *role == wanted);
    match pairs.chain([Role::Gradient]).find(|&role| !there(role)) {
        Some(role) => Err(format!("{STATE}: {role:?} is missing")),
        None => Ok(()),
    }
}

fn compare(digest: &Digest, bytes: u64, hash: u128) -> Result<(), String> {
    if bytes != digest.bytes {
        return Err(format!("{bytes} bytes, but the manifest says {}", digest.bytes));
    }
    if hex(hash) != digest.xxh3 {
        return Err("the content has changed since it was written (its hash is another)".to_owned());
    }
    Ok(())
}

/// A file of at most `most` bytes, as far as that: who compares lengths sees it if there are more.
fn whole(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = open(path)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most { Err(format!("more than {most} bytes")) } else { Ok(bytes) }
}

/// A regular file: a pipe would be waited for without end.
fn open(path: &Path) -> Result<File, String> {
    let is_file = path.metadata().map_err(|error| error.to_string())?.is_file();
    if !is_file {
        return Err("no regular file".to_owned());
    }
    File::open(path).map_err(|error| error.to_string())
}

/// A file that is hashed while it is read.
struct Hashed {
    file: File,
    bytes: u64,
    hasher: Xxh3Default,
}

impl Hashed {
    fn open(path: &Path) -> Result<Self, String> {
        let file = open(path)?;
        let bytes = file.metadata().map_err(|error| error.to_string())?.len();
        Ok(Self { file, bytes, hasher: Xxh3Default::new() })
    }

    /// The next `len` numbers, of which the file is known to hold as many.
    fn take<T: Pod + Zeroable>(&mut self, len: usize) -> Result<Vec<T>, String> {
        let mut numbers = vec![T::zeroed(); len];
        let bytes: &mut [u8] = cast_slice_mut(&mut numbers);
        self.file.read_exact(bytes).map_err(|error| error.to_string())?;
        self.hasher.update(bytes);
        Ok(numbers)
    }
}
