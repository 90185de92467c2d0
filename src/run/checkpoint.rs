//! Checkpoints: everything that a run needs to go on with the bits that it would have had without a break.
//!
//! ```text
//! RUN/checkpoints/step-000000500/state.bin      the engine's vectors, little-endian, one behind the other
//! RUN/checkpoints/step-000000500/progress.json  how far the run has come, under which settings and on which data, and what
//!                                               lies in state.bin
//! RUN/checkpoints/step-000000500/manifest.json  lengths and XXH3 hashes (128 bits) of the two
//! RUN/checkpoints/latest                        the name of the newest, for people and programs
//! ```
//!
//! A checkpoint is written into a folder of the run beside `checkpoints/`, each file and the folder are synced, and the
//! whole is renamed into its place: `checkpoints/` never holds a part of one. The two newest are kept; an old one is
//! renamed out before its files are removed. What is read is trusted as far as its hashes go.

mod bytes;
pub mod fail_point;
mod folder;
mod read;
mod write;
mod writer;

use serde::{Deserialize, Serialize};
use toml::Table;

pub use bytes::{from_bytes, to_bytes};
pub use folder::{Checkpoints, Found, Rejected};
pub use writer::CheckpointWriter;

use crate::data::Preprocess;
use crate::data::identity::Inputs;
use crate::engine::{Arrangement, Role, State};
use crate::math::params::Shape;
use crate::run::metrics::Mark;
use crate::train::{EarlyStoppingState, TrainProgress};

/// The vectors of a checkpoint.
const STATE: &str = "state.bin";
/// How far the run has come.
const PROGRESS: &str = "progress.json";
/// Lengths and hashes of the two.
const MANIFEST: &str = "manifest.json";
/// Version of the files; raised when an older reader would misunderstand them. Format 1 (0.1.0) had no provenance.
const FORMAT: u64 = 2;
/// The oldest that is read.
const OLDEST: u64 = 1;

/// A run between two steps: that of an autoencoder, or of what has other widths.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<S = Shape> {
    /// How far it has come.
    pub position: TrainProgress,
    /// The engine's state.
    pub state: State<S>,
    /// How far its `metrics.jsonl` had come.
    pub metrics: Mark,
    /// Early stopping, where examples are held out.
    pub patience: Option<EarlyStoppingState>,
    /// Settings and data that it was taken under; `None` in a checkpoint of 0.1.0.
    pub provenance: Option<Provenance>,
}

/// Settings and data of a checkpoint: everything beside itself that decides the steps to come. A run that goes on is
/// compared with this, never with what another file of the run says, since that may have been written later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Every setting, chosen or derived, by its name in `config.toml`.
    pub settings: Table,
    /// The data, and the model that the run started from.
    pub inputs: Inputs,
    /// The preprocessing of the data, limits of the normalisation included.
    pub preprocess: Preprocess,
}

/// `progress.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgressFile<S> {
    position: TrainProgress,
    metrics: Mark,
    patience: Option<EarlyStoppingState>,
    shape: S,
    order: Arrangement,
    /// The vectors in `state.bin`, in order.
    vectors: Vec<Vector>,
    /// Whether the moving average of ρ̂ follows, in f64.
    average: bool,
    /// Settings and data of the checkpoint; missing in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
}

/// A vector of `state.bin`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    role: Role,
    /// Whether it is in f64, else in f32.
    double: bool,
}

/// `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u64,
    /// Version of the program, for people.
    rhohat: String,
    state: Digest,
    progress: Digest,
}

/// Length and hash of a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digest {
    bytes: u64,
    xxh3: String,
}

/// A hash as the manifest has it.
fn hex(hash: u128) -> String {
    format!("{hash:032x}")
}
