//! The files of a checkpoint on their way to the disk: hashed as they are written, and synced.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use xxhash_rust::xxh3::Xxh3Default;

use super::fail_point::reach;
use super::{
    Checkpoint, Digest, FORMAT, MANIFEST, Manifest, OLDEST, PROGRESS, ProgressFile, STATE, Vector, hex,
};
use crate::engine::{StateShape, VectorData};
use crate::error::{Error, Result};
use crate::io::folder::Folder;

/// Bytes that are hashed and written at a time, while they are in the cache.
const PIECE: usize = 1 << 18;

/// Writes the three files into the new, empty folder `folder`, all of it synced.
///
/// # Errors
/// [`Error::Io`] names the file, how much of it was written, and of how much.
pub fn write(folder: &Folder, checkpoint: &Checkpoint<impl StateShape>) -> Result<()> {
    reach("folder-made");
    let state = write_state(folder, checkpoint)?;
    reach("state-written");
    let progress = to_json(&ProgressFile::of(checkpoint));
    let progress = write_bytes(folder, PROGRESS, &progress)?;
    reach("progress-written");
    // Without what it was taken under it says no more than one of 0.1.0.
    let format = if checkpoint.provenance.is_some() { FORMAT } else { OLDEST };
    let manifest = Manifest { format, rhohat: env!("CARGO_PKG_VERSION").to_owned(), state, progress };
    write_bytes(folder, MANIFEST, &to_json(&manifest))?;
    reach("manifest-written");
    folder.sync()?;
    reach("folder-synced");
    Ok(())
}

pub(super) fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("numbers and names have a JSON form")
}

impl<S: StateShape> ProgressFile<S> {
    pub(super) fn of(checkpoint: &Checkpoint<S>) -> Self {
        let Checkpoint { position, state, metrics, patience, provenance } = checkpoint;
        let vector = |(role, numbers): &(_, VectorData)| Vector {
            role: *role,
            double: matches!(numbers, VectorData::Double(_)),
        };
        Self {
            position: position.clone(),
            metrics: *metrics,
            patience: *patience,
            shape: state.shape.clone(),
            order: state.order,
            vectors: state.vectors.iter().map(vector).collect(),
            average: state.average.is_some(),
            provenance: provenance.clone(),
        }
    }
}

fn write_state<S>(folder: &Folder, checkpoint: &Checkpoint<S>) -> Result<Digest> {
    let parts = parts(checkpoint);
    let total = parts.iter().map(|part| part.len() as u64).sum();
    let mut out = Hashed::create(folder, STATE, total)?;
    for part in parts {
        out.put(part)?;
    }
    out.finish()
}

/// The pieces of `state.bin`, one behind the other.
pub(super) fn parts<S>(checkpoint: &Checkpoint<S>) -> Vec<&[u8]> {
    let state = &checkpoint.state;
    let vectors = state.vectors.iter().map(|(_, numbers)| bytes(numbers));
    vectors.chain(state.average.as_deref().map(bytemuck::cast_slice)).collect()
}

fn bytes(numbers: &VectorData) -> &[u8] {
    match numbers {
        VectorData::Single(values) => bytemuck::cast_slice(values),
        VectorData::Double(values) => bytemuck::cast_slice(values),
    }
}

fn write_bytes(folder: &Folder, name: &str, bytes: &[u8]) -> Result<Digest> {
    let mut out = Hashed::create(folder, name, bytes.len() as u64)?;
    out.put(bytes)?;
    out.finish()
}

/// A file that is hashed while it is written.
struct Hashed {
    path: PathBuf,
    file: File,
    hasher: Xxh3Default,
    written: u64,
    total: u64,
}

impl Hashed {
    fn create(folder: &Folder, name: &str, total: u64) -> Result<Self> {
        let (path, file) = (folder.join(name), folder.create_new(name)?);
        Ok(Self { path, file, hasher: Xxh3Default::new(), written: 0, total })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        for mut piece in bytes.chunks(PIECE) {
            self.hasher.update(piece);
            while !piece.is_empty() {
                let count = self.write_some(piece).map_err(|error| self.failed(error))?;
                piece = &piece[count..];
                self.written += count as u64;
            }
            reach("state-begun");
        }
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn finish(self) -> Result<Digest> {
        self.file.sync_all().map_err(|error| self.failed(error))?;
        Ok(Digest { bytes: self.written, xxh3: hex(self.hasher.digest128()) })
    }

    /// Says how far it has come: a disk that is full looks different from one that is broken.
    fn failed(&self, error: io::Error) -> Error {
        let text = format!("{error}, after {} of {} bytes", self.written, self.total);
        Error::io("write", &self.path, io::Error::new(error.kind(), text))
    }
}
