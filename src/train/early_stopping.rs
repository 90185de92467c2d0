//! Early stopping: an engine of its own judges the parameters by examples that are held out, and the best are kept.

use super::Pause;
use crate::engine::{Engine, ReusedBuffers, State};
use crate::error::Result;
use crate::math::objective::Cost;
use crate::run::checkpoint::Patience;

/// Looks at held-out examples every so many steps.
pub struct Judge {
    /// Holds the examples that are held out.
    engine: Box<dyn Engine>,
    every: usize,
    patience: usize,
    known: Option<Patience>,
    /// The parameters with the lowest J, nothing else.
    best: Option<State>,
    looked: Option<usize>,
}

impl Judge {
    /// Looks after every `every` steps and in the end, and waits for `patience` looks without a lower J.
    pub fn new(engine: Box<dyn Engine>, every: usize, patience: usize) -> Self {
        Self { engine, every: every.max(1), patience, known: None, best: None, looked: None }
    }

    /// Goes on from what a checkpoint knows.
    pub fn resume(&mut self, known: Option<Patience>, best: Option<State>) {
        (self.known, self.best) = (known, best);
    }

    /// Takes a look, if one is due; the cost over the held-out examples, with their exact ρ̂.
    ///
    /// # Errors
    /// Those of the engines.
    pub fn look(&mut self, pause: &mut Pause<'_>) -> Result<Option<Cost>> {
        let step = pause.position.steps;
        let due = step.is_multiple_of(self.every) || pause.position.ended.is_some();
        if !due || self.looked == Some(step) {
            return Ok(None);
        }
        self.looked = Some(step);
        let state = pause.engine.state(None, &mut ReusedBuffers::default())?.only_params();
        self.engine.set_state(&state)?;
        let cost = self.engine.cost()?;
        let j = cost.total();
        if j.is_finite() && self.known.is_none_or(|known| j < known.best) {
            self.known =
                Some(Patience { best: j, reconstruction: Some(cost.reconstruction), step, waited: 0 });
            self.best = Some(state);
        } else if let Some(known) = &mut self.known {
            known.waited += 1;
        }
        Ok(Some(cost))
    }

    /// Whether J has not fallen for as long as it waits.
    pub fn is_out_of_patience(&self) -> bool {
        self.known.is_some_and(|known| known.waited >= self.patience)
    }

    /// The lowest J so far.
    pub fn known(&self) -> Option<Patience> {
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
