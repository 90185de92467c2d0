//! The part of a run's state that is kept after its last step, for another run in memory to go on from.

use crate::engine::{ReusedBuffers, State};
use crate::error::Result;
use crate::train::{StepContext, TrainProgress};

/// Such a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Parameters and moments.
    Moments,
    /// These, and the history of L-BFGS.
    Search,
}

impl Kept {
    /// A copy of it.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn taken(self, context: &mut StepContext<'_>) -> Result<(TrainProgress, State)> {
        let spare = &mut ReusedBuffers::default();
        match self {
            Self::Search => context.snapshot(spare),
            Self::Moments => Ok((context.position.clone(), context.engine.state(None, spare)?)),
        }
    }
}
