//! What an engine can do, at the level of a training step, and the space in which L-BFGS searches.
//!
//! An engine holds parameters, optimiser state and the examples. Only scalars, ρ̂ and what was asked for come back.

pub mod cpu;
pub mod device;
pub mod gpu;
pub(crate) mod panels;
pub mod reference;
mod state;

use crate::error::{Error, Result};
use crate::math::objective::{Cost, RhoHatMode};
use crate::math::optim::Optimizer;
use crate::math::params::{Params, Shape};
pub use state::{Numbers, Order, Role, Spare, State, are_finite};

/// The rows that one update is taken over.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Every example, in order.
    All,
    /// These examples, by index.
    Listed(&'a [usize]),
}

/// The rule of one first-order update. Rates are those of this very update: schedules are the caller's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Update {
    /// v ← μv + g, W ← W − ηv.
    Sgd {
        /// η.
        lr: f64,
        /// μ.
        momentum: f64,
    },
    /// Adam with 0.9, 0.999 and ε = 1e-8 outside the root.
    Adam {
        /// η.
        lr: f64,
        /// The number of this update, counted from 1, for the bias correction.
        step: u64,
    },
}

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

/// How an engine is asked to cut its work; `None` leaves a size to it. The result does not depend on the cut beyond
/// rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Rows computed at a time.
    pub chunk: Option<usize>,
    /// Hidden units a block; the CPU engine rounds it up to a multiple of 16.
    pub block: Option<usize>,
    /// Most bytes of a tensor that a WebGPU device binds, below its own limit; other engines refuse it.
    pub binding_limit: Option<u64>,
}

/// The cut that an engine has settled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Rows computed at a time.
    pub chunk: usize,
    /// Hidden units a block.
    pub block: usize,
}

/// What an engine is to be given to do, as far as its memory depends on it.
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
    pub cut: Cut,
    /// For rows that are fetched as they are needed, bytes that wait to be taken; `None` where all are resident.
    pub fetched: Option<usize>,
    /// Bytes of a row where it is fetched from.
    pub row_bytes: usize,
}

/// How ρ̂ is taken in [`Engine::step`]; everything else uses the exact ρ̂ of the rows at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RhoHat {
    /// Exact, batch or moving average.
    pub mode: RhoHatMode,
    /// μ of the moving average ρ̂ ← μρ̂ + (1−μ)·batch mean.
    pub decay: f64,
}

impl Default for RhoHat {
    fn default() -> Self {
        Self { mode: RhoHatMode::Exact, decay: 0.99 }
    }
}

/// One engine: the f64 reference, the CPU or a WebGPU adapter.
pub trait Engine: SearchSpace + Send {
    /// Visible and hidden units.
    fn shape(&self) -> Shape;

    /// How many examples it holds.
    fn examples(&self) -> usize;

    /// The hardware that computes, for people.
    fn adapter(&self) -> String;

    /// How it cuts its work.
    fn plan(&self) -> Plan;

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

    /// One update of the parameters from the gradient over `rows`. The cost *before* the update comes back when
    /// `report` asks for it; otherwise nothing is waited for.
    fn step(&mut self, rows: Rows<'_>, update: &Update, report: bool) -> Result<Option<Cost>>;

    /// From the next step on, β is `share` of the objective's in steps and in the J that they report. Everything else
    /// keeps the whole β. The share is 1 at first.
    fn set_beta_share(&mut self, share: f64);

    /// Hidden activations A2 of examples `first..first + count`, `[count, h]`.
    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>>;

    /// A layer's values for the examples `rows`, by index and in any order, `[rows, n]` or `[rows, h]`.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for an example that there is not; those of the device.
    fn activations(&mut self, layer: Layer, rows: &[usize]) -> Result<Vec<f32>>;

    /// Outputs A3 of examples `first..first + count`, `[count, n]`.
    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>>;

    /// A copy of the current parameters.
    fn params(&mut self) -> Result<Params<f32>>;

    /// Replaces the parameters and forgets optimiser state and the moving average of ρ̂.
    fn set_params(&mut self, params: &Params<f32>) -> Result<()>;

    /// Replaces the weights of some hidden units, zeroes their optimiser state and sets their moving average of ρ̂, if
    /// there is one, to ρ. A search of L-BFGS has to begin anew.
    fn replace_units(&mut self, units: &[NewUnit]) -> Result<()>;

    /// A copy of all that decides the steps to come; `pairs` are the history slots in use where L-BFGS searches, whose
    /// gradient is then copied too. Takes memory from `spare` where it can.
    fn state(&mut self, pairs: Option<&[usize]>, spare: &mut Spare) -> Result<State>;

    /// The first tensor among parameters and moments that holds NaN or infinity, judged on bits.
    fn first_not_finite(&mut self) -> Result<Option<String>> {
        Ok(self.state(None, &mut Spare::default())?.first_not_finite())
    }

    /// Goes on from a state of this shape, whichever engine has made it and however that was cut. A search that is part
    /// of it needs no [`SearchSpace::begin_search`].
    ///
    /// # Panics
    /// For a state that does not pass [`State::check`] or has another shape.
    fn set_state(&mut self, state: &State) -> Result<()>;
}

/// Refuses a list that names an example which an engine of `examples` does not hold.
pub(crate) fn check_list(rows: &[usize], examples: usize) -> Result<()> {
    match rows.iter().find(|&&row| row >= examples) {
        Some(row) => Err(Error::usage(format!("example {row} of {examples}"))),
        None => Ok(()),
    }
}

/// The vectors of L-BFGS, all of the parameters' shape, on the engine's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The gradient at the current parameters.
    Gradient,
    /// The search direction.
    Direction,
    /// s_i, the i-th kept difference of parameters.
    Step(usize),
    /// y_i, the i-th kept difference of gradients.
    Change(usize),
}

/// J and its slope along the direction at a trial point.
#[derive(Clone, Debug)]
pub struct Trial {
    /// J at the trial point.
    pub cost: Cost,
    /// ∇J · direction at the trial point.
    pub slope: f64,
}

/// What L-BFGS needs of an engine: trial points along a direction, and inner products and combinations of vectors
/// that never leave the device.
pub trait SearchSpace {
    /// Sets up the vectors for `history` pairs and takes J and the gradient at the current parameters.
    fn begin_search(&mut self, history: usize) -> Result<Cost>;

    /// J and slope at parameters + `step` · direction, over all examples.
    fn evaluate(&mut self, step: f64) -> Result<Trial>;

    /// Makes the last trial point the current one and keeps (s, y) in history slot `slot`.
    fn accept(&mut self, slot: usize) -> Result<()>;

    /// x · y of every pair, the products summed up in f64 at the end.
    fn dots(&mut self, pairs: &[(Slot, Slot)]) -> Result<Vec<f64>>;

    /// direction ← Σ coefficient · vector. `terms` does not name the direction itself.
    fn set_direction(&mut self, terms: &[(f64, Slot)]) -> Result<()>;
}
