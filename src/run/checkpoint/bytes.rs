//! A checkpoint as one piece of bytes, for whoever keeps it in memory or in a container of his own: the three files of its
//! folder one behind the other, behind a mark and the length of the manifest. Reading trusts no more than it does files.

use std::path::Path;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use super::read::{Hashed, Unread, parse_manifest, parse_progress, put_together};
use super::write::{parts, to_json};
use super::{Checkpoint, Digest, FORMAT, Manifest, OLDEST, ProgressFile, hex};

/// The first bytes.
const MARK: &[u8; 8] = b"rhohatcp";

/// All of a checkpoint.
pub fn to_bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    let parts = parts(checkpoint);
    let mut hasher = Xxh3Default::new();
    parts.iter().for_each(|part| hasher.update(part));
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let state = Digest { bytes: length as u64, xxh3: hex(hasher.digest128()) };
    let progress = to_json(&ProgressFile::of(checkpoint));
    let of_progress = Digest { bytes: progress.len() as u64, xxh3: hex(xxh3_128(&progress)) };
    let format = if checkpoint.provenance.is_some() { FORMAT } else { OLDEST };
    let rhohat = env!("CARGO_PKG_VERSION").to_owned();
    let manifest = to_json(&Manifest { format, rhohat, state, progress: of_progress });
    let mut out = Vec::with_capacity(MARK.len() + 8 + manifest.len() + progress.len() + length);
    out.extend_from_slice(MARK);
    out.extend_from_slice(&(manifest.len() as u64).to_le_bytes());
    out.extend_from_slice(&manifest);
    out.extend_from_slice(&progress);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// The checkpoint that [`to_bytes`] has written.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, String> {
    let cut = || "they end before a checkpoint does".to_owned();
    let rest = bytes.strip_prefix(MARK).ok_or("they are no checkpoint of rhohat")?;
    let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
    let (manifest, rest) = split(rest, u64::from_le_bytes(*length)).ok_or_else(cut)?;
    let in_words = |why| match why {
        Unread::Damaged(reason) => reason,
        Unread::Kept(error) => error.to_string(),
    };
    let manifest = parse_manifest(Path::new("a checkpoint"), manifest).map_err(in_words)?;
    let (progress, state) = split(rest, manifest.progress.bytes).ok_or_else(cut)?;
    let progress = parse_progress(&manifest, progress).map_err(in_words)?;
    put_together(&manifest, progress, Hashed::of(state)).map_err(in_words)
}

fn split(bytes: &[u8], length: u64) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::try_from(length).ok()?)
}
