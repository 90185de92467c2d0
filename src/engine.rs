//! The trait of an engine, at the level of a training step.
//!
//! An engine holds parameters, optimiser state and the examples. Only scalars, ρ̂ and what was asked for come back.

pub mod collective;
pub mod cpu;
#[cfg(feature = "files")]
pub mod crew;
pub mod device;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(not(feature = "gpu"))]
#[path = "engine/without_gpu.rs"]
pub mod gpu;
#[cfg(feature = "files")]
pub mod leader;
pub mod network;
pub(crate) mod panels;
pub mod reference;
mod search_vectors;
pub mod selector;
pub mod setup;
mod state;
pub mod step;
pub mod variant;
#[cfg(feature = "files")]
pub mod world;

use std::ops::Range;

use crate::engine::collective::Ranks;
use crate::engine::variant::Variant;
use crate::error::Result;
use crate::math::objective::{Cost, Objective};
pub use crate::math::optim::Role;
use crate::math::optim::{Optimizer, SearchSpace};
use crate::math::params::{Params, Shape};
pub use setup::{Chunking, RhoHat};
pub use state::{Arrangement, ReusedBuffers, State, StateShape, VectorData, are_finite};
pub(crate) use step::check_list;
pub use step::{Rows, Step, Update};

/// At most `most` of `count` rows, evenly spaced.
pub fn evenly(count: usize, most: usize) -> Vec<usize> {
    let taken = most.clamp(1, count.max(1));
    (0..taken).map(|i| (i as u128 * count as u128 / taken as u128) as usize).collect()
}

/// A layer of the autoencoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// X, `[rows, n]`.
    Input,
    /// A2, `[rows, h]`.
    Hidden,
    /// A3, `[rows, n]`.
    Output,
}

/// New weights of one hidden unit.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUnit {
    /// Which unit.
    pub unit: usize,
    /// Its row of W1, `[n]`.
    pub w1: Vec<f32>,
    /// Its bias.
    pub b1: f32,
    /// Its row of D, `[n]`.
    pub d: Vec<f32>,
}

/// The cut that an engine has settled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlan {
    /// Rows computed at a time.
    pub chunk: usize,
    /// Hidden units a block.
    pub block: usize,
}

/// The work of an engine, as far as its memory depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Visible and hidden units.
    pub shape: Shape,
    /// Examples m.
    pub examples: usize,
    /// Rows of an update; `None` for all.
    pub batch: Option<usize>,
    /// The update rule.
    pub optimizer: Optimizer,
    /// How the work is asked to be cut.
    pub cut: Chunking,
    /// For rows that are fetched as they are needed, bytes that wait to be taken; `None` where all are resident.
    pub fetched: Option<usize>,
    /// Bytes of a row where it is fetched from.
    pub row_bytes: usize,
    /// The kernels of a WebGPU device; `None` for those that it has.
    pub kernels: Option<Variant>,
    /// How hidden units are spread.
    pub sharding: Sharding,
}

/// How hidden units are spread: in V shards over P ranks, each with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharding {
    /// P.
    pub ranks: usize,
    /// V.
    pub shards: usize,
    /// Ranks of this process.
    pub here: usize,
}

impl Sharding {
    /// All units on one device, in one piece.
    pub const NONE: Self = Self { ranks: 1, shards: 1, here: 1 };

    /// Shards of a rank.
    pub fn share(self) -> usize {
        self.shards / self.ranks
    }
}

/// One engine: the f64 reference, the CPU or a WebGPU adapter.
pub trait Engine: SearchSpace + Send {
    /// Visible and hidden units.
    fn shape(&self) -> Shape;

    /// The hidden units of this rank: all, where they are not spread over several. A [`Cost`] has the ρ̂ of these.
    fn units(&self) -> Range<usize> {
        0..self.shape().hidden
    }

    /// The ranks that a sharded engine is one of. What it is asked by one of them it is asked by all, in the same order, but
    /// for [`Engine::first_not_finite`], which looks at this rank alone.
    fn ranks(&mut self) -> Option<&mut Ranks> {
        None
    }

    /// A number of each unit of this rank, such as its ρ̂, as those of all units.
    ///
    /// # Errors
    /// Those of the exchange.
    fn of_all_units(&mut self, own: &[f64]) -> Result<Vec<f64>> {
        Ok(own.to_vec())
    }

    /// The objective.
    fn objective(&self) -> &Objective;

    /// How many examples it holds. One without examples encodes and decodes rows that it is handed.
    fn examples(&self) -> usize;

    /// The hardware that computes, for people.
    fn adapter(&self) -> String;

    /// The chunks and blocks of its work.
    fn plan(&self) -> ChunkPlan;

    /// From now on no more than about `rows` rows that are fetched are computed at once where no gradient is taken, so
    /// that they take less memory. No bit of a result depends on it; an engine whose bits would takes no notice, and
    /// goes on in the chunks of [`Engine::plan`].
    fn compute_at_once(&mut self, _rows: usize) {}

    /// J of the current parameters over all examples, with the exact ρ̂.
    fn cost(&mut self) -> Result<Cost>;

    /// J over all examples, or where they are fetched over at most `most` of them, evenly spaced; and over how many.
    fn sampled_cost(&mut self, most: usize) -> Result<(Cost, usize)>;

    /// J and its gradient at the current parameters over all examples, with the exact ρ̂.
    fn gradient(&mut self) -> Result<(Cost, Params<f64>)>;

    /// One update of the parameters from the gradient over the rows of `step`. The cost *before* the update comes back
    /// when the step asks for a report; otherwise nothing is waited for.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for an example that there is not; those of the device.
    fn step(&mut self, step: &Step<'_>) -> Result<Option<Cost>>;

    /// Waits until all steps so far have been made.
    ///
    /// # Errors
    /// Those of the device.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    /// Hidden activations A2 of examples `first..first + count`, `[count, h]`.
    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>>;

    /// A layer's values for the examples `rows`, by index and in any order, `[rows, n]` or `[rows, h]`.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for an example that there is not; those of the device.
    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>>;

    /// Outputs A3 of examples `first..first + count`, `[count, n]`.
    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>>;

    /// Hidden activations `[rows, h]` of any number of rows `[rows, n]` that need not be examples. Those of all of the
    /// examples, as numbers in f32, have the bits of [`Engine::encode`].
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a length that is no multiple of n; those of the device.
    fn encode_rows(&mut self, rows: &[f32]) -> Result<Vec<f32>>;

    /// The same, in place of what `out` holds and where it can in its memory: fresh memory for every piece of many
    /// costs more than the product.
    ///
    /// # Errors
    /// As there.
    fn encode_rows_into(&mut self, rows: &[f32], out: &mut Vec<f32>) -> Result<()> {
        *out = self.encode_rows(rows)?;
        Ok(())
    }

    /// Outputs A3 `[rows, n]` for any number of hidden activations `[rows, h]`.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a length that is no multiple of h; those of the device.
    fn decode_rows(&mut self, codes: &[f32]) -> Result<Vec<f32>>;

    /// A copy of the current parameters.
    fn params(&mut self) -> Result<Params<f32>>;

    /// Replaces the parameters and forgets optimiser state and the moving average of ρ̂.
    fn set_params(&mut self, params: &Params<f32>) -> Result<()>;

    /// Replaces the weights of some hidden units, zeroes their optimiser state and sets their moving average of ρ̂, if
    /// there is one, to ρ. A search of L-BFGS has to begin anew.
    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()>;

    /// A copy of all that decides the steps to come; `pairs` are the history slots in use where L-BFGS searches, whose
    /// gradient is then copied too. Takes memory from `spare` where it can.
    fn state(&mut self, pairs: Option<&[usize]>, spare: &mut ReusedBuffers) -> Result<State>;

    /// The first tensor among parameters and moments that holds NaN or infinity, judged on bits.
    fn first_not_finite(&mut self) -> Result<Option<String>> {
        Ok(self.state(None, &mut ReusedBuffers::default())?.first_not_finite())
    }

    /// Goes on from a state of this shape, whichever engine has made it and however that was cut. A search that is part
    /// of it needs no [`SearchSpace::begin_search`].
    ///
    /// # Panics
    /// For a state that does not pass [`State::check`] or has another shape.
    fn set_state(&mut self, state: &State) -> Result<()>;
}
