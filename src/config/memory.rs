//! The memory plan of a run: what will be held, before anything is allocated.

use serde::Serialize;

use super::{Config, Kind};
use crate::device::Selector;
use crate::error::Result;
use crate::model::Shape;
use crate::optim::Optimizer;
use crate::optim::lbfgs::HISTORY;

/// Bytes of everything that grows with the shape; a few per cent of padding and buffers apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MemoryPlan {
    /// Examples m.
    pub examples: usize,
    /// Visible units n.
    pub visible: usize,
    /// Hidden units h.
    pub hidden: usize,
    /// The four tensors.
    pub parameters: u64,
    /// What the optimiser keeps beside them.
    pub optimizer_state: u64,
    /// Hidden activations, outputs and their deltas of the rows computed at a time.
    pub activations: u64,
    /// The examples.
    pub data: u64,
    /// The sum.
    pub total: u64,
}

impl Config {
    /// What a run on data of this kind holds in the memory of its engine.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] when the shape overflows or the device is none.
    pub fn memory_plan(&self, kind: Kind) -> Result<MemoryPlan> {
        let (examples, visible) = self.size(kind)?;
        let shape = Shape { visible, hidden: self.hidden };
        let number = if self.selector()? == Selector::Reference { 8 } else { 4 };
        // The gradient counts as state: where updates are fused it is never whole, where not it is.
        let vectors = match self.optimizer {
            Optimizer::Sgd => 2,
            Optimizer::Adam => 3,
            // Gradient, direction, trial point and its gradient, and the pairs (s, y).
            Optimizer::Lbfgs => 4 + 2 * HISTORY as u64,
        };
        let rows = self.batch.rows().unwrap_or(examples);
        let rows = self.chunk.unwrap_or(rows).min(rows);
        let parameters = number * shape.parameters() as u64;
        let activations = number * 2 * rows as u64 * (visible as u64 + self.hidden as u64);
        let data = number * examples as u64 * visible as u64;
        let optimizer_state = vectors * parameters;
        let total = parameters + optimizer_state + activations + data;
        let hidden = self.hidden;
        Ok(MemoryPlan { examples, visible, hidden, parameters, optimizer_state, activations, data, total })
    }
}
