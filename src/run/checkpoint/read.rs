//! A checkpoint from its files: nothing is believed before its hash was compared, and nothing allocated that the file
//! does not hold. A file that cannot be read just now is told from one that is damaged: the first is nobody's fault, and
//! may be read tomorrow.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use bytemuck::{Pod, Zeroable, cast_slice_mut};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use super::{Checkpoint, Digest, FORMAT, MANIFEST, Manifest, OLDEST, PROGRESS, ProgressFile, STATE, hex};
use crate::engine::{State, StateShape, VectorData};
use crate::error::Error;
use crate::io::folder::Folder;
use crate::io::memory::Bytes;
use crate::math::optim::lbfgs::Lbfgs;

/// Most bytes of `manifest.json`.
const MANIFEST_MOST: u64 = 1 << 16;
/// Most bytes of `progress.json`, which holds a number for every hidden unit of a search.
const PROGRESS_MOST: u64 = 1 << 30;

/// Why a checkpoint cannot be had.
#[derive(Debug)]
pub enum Unread {
    /// It was read, and is not what was written.
    Damaged(String),
    /// It was not read: the system refused, or a later version wrote it. Nothing is known of its worth.
    Kept(Error),
}

/// A reason against what was read.
impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Self::Damaged(reason)
    }
}

impl From<&str> for Unread {
    fn from(reason: &str) -> Self {
        Self::Damaged(reason.to_owned())
    }
}

impl Unread {
    /// Why a file could not be opened: what lies there is no file, or the system refuses.
    fn of(error: Error) -> Self {
        match error {
            Error::Input { reason, .. } => Self::Damaged(reason),
            other => Self::Kept(other),
        }
    }

    /// The same, with the file that a reason is about.
    fn in_file(self, name: &str) -> Self {
        match self {
            Self::Damaged(reason) => Self::Damaged(format!("{name}: {reason}")),
            kept => kept,
        }
    }
}

/// Reads the checkpoint in `folder`.
///
/// # Errors
/// Says which file is wrong, and how.
pub fn read<S: StateShape>(folder: &Folder) -> Result<Checkpoint<S>, Unread> {
    let (manifest, progress) = read_head(folder)?;
    let from = Hashed::open(folder, STATE).map_err(|why| why.in_file(STATE))?;
    put_together(&manifest, progress, from)
}

/// The checkpoint of a manifest, its progress and the numbers that `from` hands out.
pub(super) fn put_together<S: StateShape>(
    manifest: &Manifest,
    progress: ProgressFile<S>,
    from: Hashed<impl Read>,
) -> Result<Checkpoint<S>, Unread> {
    let state = read_state(from, &manifest.state, &progress).map_err(|why| why.in_file(STATE))?;
    let ProgressFile { position, metrics, patience, provenance, .. } = progress;
    position.search.as_ref().map_or(Ok(()), |search| check_search(search, &state))?;
    Ok(Checkpoint { position, state, metrics, patience, provenance })
}

/// The two small files, which tell all but the numbers.
fn read_head<S: StateShape>(folder: &Folder) -> Result<(Manifest, ProgressFile<S>), Unread> {
    let path = folder.join(MANIFEST);
    let manifest = whole(folder, MANIFEST, MANIFEST_MOST).and_then(|bytes| parse_manifest(&path, &bytes));
    let manifest = manifest.map_err(|why| why.in_file(MANIFEST))?;
    let progress = read_progress(folder, &manifest).map_err(|why| why.in_file(PROGRESS))?;
    Ok((manifest, progress))
}

pub(super) fn parse_manifest(path: &Path, bytes: &[u8]) -> Result<Manifest, Unread> {
    let json: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match json["format"].as_u64() {
        Some(OLDEST..=FORMAT) => serde_json::from_value(json).map_err(|error| error.to_string().into()),
        Some(later) if later > FORMAT => Err(Unread::Kept(Error::input(
            path,
            format!(
                "format {later} of a later version of rhohat, but this one reads {OLDEST} to {FORMAT}; go on with the \
                 version that wrote it, nothing has been touched"
            ),
        ))),
        Some(other) => Err(format!("there is no format {other}").into()),
        None => Err("no format is named".into()),
    }
}

fn read_progress<S: StateShape>(folder: &Folder, manifest: &Manifest) -> Result<ProgressFile<S>, Unread> {
    let digest = &manifest.progress;
    parse_progress(manifest, &whole(folder, PROGRESS, digest.bytes.min(PROGRESS_MOST))?)
}

/// `progress.json` from its bytes, whose hash is compared.
pub(super) fn parse_progress<S: StateShape>(
    manifest: &Manifest,
    bytes: &[u8],
) -> Result<ProgressFile<S>, Unread> {
    let digest = &manifest.progress;
    compare(digest, bytes.len() as u64, xxh3_128(bytes))?;
    let progress: ProgressFile<S> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    match (manifest.format, &progress.provenance) {
        (OLDEST, Some(_)) => Err("format 1 knows no provenance".into()),
        (FORMAT, None) => Err("what it was taken under is missing".into()),
        _ => Ok(progress),
    }
}

fn read_state<S: StateShape>(
    mut from: Hashed<impl Read>,
    digest: &Digest,
    progress: &ProgressFile<S>,
) -> Result<State<S>, Unread> {
    let &ProgressFile { ref shape, order, average, .. } = progress;
    let len = shape.vector_len(order).ok_or("no memory holds such a shape")?;
    let width = |double: bool| if double { 8 } else { 4 };
    let wanted = progress
        .vectors
        .iter()
        .try_fold(0u64, |sum, vector| sum.checked_add((len as u64).checked_mul(width(vector.double))?));
    let wanted = wanted.and_then(|sum| sum.checked_add(if average { 8 * shape.units() as u64 } else { 0 }));
    if wanted != Some(from.bytes) {
        return Err(format!("{} bytes, but {PROGRESS} lists others", from.bytes).into());
    }
    let mut vectors = Vec::with_capacity(progress.vectors.len());
    for vector in &progress.vectors {
        let numbers = if vector.double {
            VectorData::Double(from.take(len)?)
        } else {
            VectorData::Single(from.take(len)?)
        };
        vectors.push((vector.role, numbers));
    }
    let average = average.then(|| from.take(shape.units())).transpose()?;
    compare(digest, from.bytes, from.hasher.digest128())?;
    let state = State { shape: shape.clone(), order, vectors, average };
    state.check()?;
    Ok(state)
}

/// L-BFGS may ask for every vector that it counts on.
fn check_search(search: &Lbfgs, state: &State<impl StateShape>) -> Result<(), String> {
    use crate::engine::Role;
    search.check(state.shape.units())?;
    match Role::of_search(search.pairs().iter().copied()).find(|&role| !state.holds(role)) {
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

/// A file of at most `most` bytes.
fn whole(folder: &Folder, name: &str, most: u64) -> Result<Vec<u8>, Unread> {
    folder.small(name, name, most).map_err(Unread::of)?.ok_or_else(|| "it is missing".into())
}

/// A file that is hashed while it is read.
pub(super) struct Hashed<R> {
    path: PathBuf,
    file: R,
    bytes: u64,
    hasher: Xxh3Default,
}

impl Hashed<File> {
    fn open(folder: &Folder, name: &str) -> Result<Self, Unread> {
        let (file, bytes) = folder.open(name).map_err(Unread::of)?.ok_or("it is missing")?;
        Ok(Self { path: folder.join(name), file, bytes, hasher: Xxh3Default::new() })
    }
}

impl<'a> Hashed<&'a [u8]> {
    /// The bytes of a file that are in memory.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let path = PathBuf::from(STATE);
        Self { path, file: bytes, bytes: bytes.len() as u64, hasher: Xxh3Default::new() }
    }
}

impl<R: Read> Hashed<R> {
    /// The next `len` numbers, of which the file is known to hold as many.
    fn take<T: Pod + Zeroable>(&mut self, len: usize) -> Result<Vec<T>, Unread> {
        let mut numbers = Vec::new();
        let bytes = len.saturating_mul(size_of::<T>()) as u64;
        numbers.try_reserve_exact(len).map_err(|_| Unread::Kept(no_memory(&self.path, bytes)))?;
        numbers.resize(len, T::zeroed());
        let bytes: &mut [u8] = cast_slice_mut(&mut numbers);
        self.file.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Unread::Damaged("it has become shorter".to_owned()),
            _ => Unread::Kept(Error::Io { action: "read", path: self.path.clone(), source: error }),
        })?;
        self.hasher.update(bytes);
        Ok(numbers)
    }
}

/// A checkpoint for which the machine has no room now is not a bad one.
fn no_memory(path: &Path, bytes: u64) -> Error {
    let fact = format!("{}: out of memory: {} are needed", path.display(), Bytes(bytes));
    Error::device(format!(
        "{fact}; close other programs or raise the limit (ulimit -v), nothing has been touched"
    ))
}
