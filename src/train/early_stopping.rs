//! Early stopping: an engine of its own takes J over held-out examples, and the parameters of the lowest J are kept.

use serde::{Deserialize, Serialize};

use super::StepContext;
use crate::engine::{Engine, ReusedBuffers, State};
use crate::error::Result;
use crate::math::objective::Cost;
use crate::train::measures::{Measures, Yardstick};

/// How long training has gone on without a lower J over held-out examples; part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStoppingState {
    /// The lowest J over held-out examples.
    pub best: f64,
    /// The reconstruction term of that J; not known of checkpoints of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction: Option<f64>,
    /// Measures of the parameters of that J; not known of checkpoints of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measures>,
    /// After which update or iteration it was.
    pub step: usize,
    /// Looks since then that were not better.
    pub waited: usize,
}

/// Looks at held-out examples every so many steps.
pub struct EarlyStopping {
    /// Holds the examples that are held out.
    engine: Box<dyn Engine>,
    yardstick: Yardstick,
    every: usize,
    patience: usize,
    known: Option<EarlyStoppingState>,
    /// The parameters with the lowest J, nothing else.
    best: Option<State>,
    looked: Option<usize>,
}

impl EarlyStopping {
    /// Looks after every `every` steps and in the end, and waits for `patience` looks without a lower J; what is found is
    /// measured by `yardstick`.
    pub fn new(engine: Box<dyn Engine>, yardstick: Yardstick, every: usize, patience: usize) -> Self {
        Self { engine, yardstick, every: every.max(1), patience, known: None, best: None, looked: None }
    }

    /// Goes on from what a checkpoint knows.
    pub fn resume(&mut self, known: Option<EarlyStoppingState>, best: Option<State>) {
        (self.known, self.best) = (known, best);
    }

    /// Takes a look, if one is due; the cost over the held-out examples, with their exact ρ̂, and its measures.
    ///
    /// # Errors
    /// Those of the engines.
    pub fn look(&mut self, context: &mut StepContext<'_>) -> Result<Option<(Cost, Measures)>> {
        let step = context.position.steps;
        let due = step.is_multiple_of(self.every) || context.position.ended.is_some();
        if !due || self.looked == Some(step) {
            return Ok(None);
        }
        self.looked = Some(step);
        let state = context.engine.state(None, &mut ReusedBuffers::default())?.only_params();
        self.engine.set_state(&state)?;
        let cost = self.engine.cost()?;
        let measures = self.yardstick.measure(&mut *self.engine, &cost)?;
        let j = cost.total();
        if j.is_finite() && self.known.is_none_or(|known| j < known.best) {
            self.known = Some(EarlyStoppingState {
                best: j,
                reconstruction: Some(cost.reconstruction),
                measures: Some(measures),
                step,
                waited: 0,
            });
            self.best = Some(state);
        } else if let Some(known) = &mut self.known {
            known.waited += 1;
        }
        Ok(Some((cost, measures)))
    }

    /// Whether J has not fallen for as long as it waits.
    pub fn is_out_of_patience(&self) -> bool {
        self.known.is_some_and(|known| known.waited >= self.patience)
    }

    /// Whether J was lowest at the last look: it has not stopped falling.
    pub fn is_falling(&self) -> bool {
        self.known.is_some_and(|known| known.waited == 0 && self.looked == Some(known.step))
    }

    /// The lowest J so far.
    pub fn known(&self) -> Option<EarlyStoppingState> {
        self.known
    }

    /// The parameters that it belongs to.
    pub fn best(&self) -> Option<&State> {
        self.best.as_ref()
    }

    /// Examples that are held out.
    pub fn examples(&self) -> usize {
        self.engine.examples()
    }
}
