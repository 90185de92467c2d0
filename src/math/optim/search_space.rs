//! The vectors that L-BFGS works on, on the side of whoever holds them.

use super::role::Role;
use crate::error::Result;
use crate::math::objective::Cost;

/// J and its slope along the direction at a trial point.
#[derive(Clone, Debug)]
pub struct Trial {
    /// J at the trial point.
    pub cost: Cost,
    /// ∇J · direction at the trial point.
    pub slope: f64,
}

/// The side of L-BFGS that holds vectors: trial points along a direction, and inner products and combinations of vectors
/// that never leave the device.
pub trait SearchSpace {
    /// Sets up the vectors for `history` pairs and takes J and the gradient at the current parameters.
    fn begin_search(&mut self, history: usize) -> Result<Cost>;

    /// Says before the trials of an iteration which slot will keep the accepted one, and which inner products will be asked for
    /// then: a device whose answers are long on their way takes them with each trial. The pair that is in the slot may be lost
    /// from now on. Without this call an accepted trial is kept all the same.
    fn prepare(&mut self, slot: usize, pairs: &[(Role, Role)]) {
        let _ = (slot, pairs);
    }

    /// J and slope at parameters + `step` · direction, over all examples.
    fn evaluate(&mut self, step: f64) -> Result<Trial>;

    /// Makes the last trial point the current one and keeps (s, y) in history slot `slot`.
    fn accept(&mut self, slot: usize) -> Result<()>;

    /// x · y of every pair of the gradient, the direction, and s and y of kept slots, the products summed up in f64 at the end.
    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>>;

    /// direction ← Σ coefficient · vector. `terms` does not name the direction itself.
    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()>;
}
