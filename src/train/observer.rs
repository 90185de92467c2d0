//! Observers of the loop: reports, and a look at the engine after every step.

use serde::{Deserialize, Serialize};

use super::{Ended, Learner};
use crate::engine::{Engine, ReusedBuffers, State};
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::lbfgs::Lbfgs;
use crate::train::measures::Measures;

/// The state after an update, as an observer sees it. The default, with fields set, is one to try an observer with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Updates or iterations done.
    pub step: usize,
    /// J: of the new parameters for L-BFGS, of the batch before the update for SGD and Adam, with the β of that update.
    pub cost: Cost,
    /// The share of β that this update had, where β warms up.
    pub beta_share: Option<f64>,
    /// Units that were given new weights so far, where dead ones are.
    pub revived: Option<usize>,
    /// ‖∇J‖, where the optimiser has it at hand.
    pub gradient_norm: Option<f64>,
    /// η of this update; for L-BFGS the accepted step length.
    pub rate: f64,
    /// Examples that went through forward and backward so far (an L-BFGS evaluation counts them all).
    pub samples: u64,
    /// Seconds that have been trained.
    pub seconds: f64,
    /// Measures of J's parameters, over the rows of J and some of all examples, where the recipe has a yardstick.
    pub measures: Option<Measures>,
    /// J over held-out examples at the last look at them, where there are some.
    pub held_out: Option<HeldOutCost>,
}

/// J over held-out examples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeldOutCost {
    /// J.
    pub j: f64,
    /// Its reconstruction term.
    pub reconstruction: f64,
    /// Measures beside J; not known of a look before a checkpoint of 0.1.0.
    pub measures: Option<Measures>,
}

/// How far a run has come: with the engine's state all that decides what follows. Streams of random numbers are made
/// anew for every window of examples and every revival, by number, and have no state between two steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainProgress {
    /// Updates or iterations done: where learning rate and β stand in their courses.
    pub steps: usize,
    /// See [`Progress::samples`]: where mini-batches stand in the order of the examples.
    pub samples: u64,
    /// Units that were given new weights so far.
    pub revived: usize,
    /// Seconds that have been trained.
    pub seconds: f64,
    /// Why training ended, if it has by itself.
    pub ended: Option<Ended>,
    /// L-BFGS, where it searches.
    pub search: Option<Lbfgs>,
}

/// A run between two steps.
pub struct StepContext<'a, L: ?Sized = dyn Engine> {
    /// The engine; whoever changes its parameters changes the run.
    pub engine: &'a mut L,
    /// How far the run has come, the search left out.
    pub position: TrainProgress,
    pub(super) search: Option<&'a Lbfgs>,
}

impl<L: Learner + ?Sized> StepContext<'_, L> {
    /// A copy of everything that the run needs to go on from here, in memory from `spare` where there is some.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn snapshot(&mut self, spare: &mut ReusedBuffers) -> Result<(TrainProgress, State<L::Widths>)> {
        let state = self.engine.copied_state(self.search.map(Lbfgs::pairs), spare)?;
        Ok((self.whole_position(), state))
    }

    /// How far the run has come, with its search.
    pub fn whole_position(&self) -> TrainProgress {
        TrainProgress { search: self.search.cloned(), ..self.position.clone() }
    }
}

/// Follows the loop.
pub trait Observer<L: ?Sized = dyn Engine> {
    /// Takes a report.
    ///
    /// # Errors
    /// Whatever the observer cannot live with; it ends the run.
    fn report(&mut self, progress: &Progress) -> Result<()>;

    /// Takes a look after every step, and once more when training has ended by itself, which `position.ended` tells.
    /// Whether the run shall end here, and why.
    ///
    /// # Errors
    /// Whatever the observer cannot live with; it ends the run.
    fn after_step(&mut self, _context: &mut StepContext<'_, L>) -> Result<Option<Ended>> {
        Ok(None)
    }
}

/// An observer that looks away.
impl<L: ?Sized> Observer<L> for () {
    fn report(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }
}
