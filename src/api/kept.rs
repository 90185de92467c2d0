//! A run in memory that is gone on with later: its state, and the whole of it as bytes.

use std::sync::Arc;

use super::{Model, Trained, Trainer};
use crate::engine::selector::Selector;
use crate::error::{Error, Result};
use crate::run::checkpoint;
use crate::run::session::{Continued, Kept};
use crate::run::summary::Summary;

/// The first bytes of a run.
const MARK: &[u8; 8] = b"rhohat01";
/// The name of the bytes in messages.
const NAME: &str = "the bytes of a run";

impl Trainer {
    /// [`Trained`] keeps the state after the last step, from which another run goes on: parameters and moments, and where the
    /// `search` of L-BFGS is to go on, too, its history, which is twenty times as large as the parameters.
    #[must_use]
    pub fn keep_state(mut self, search: bool) -> Self {
        self.keeps = Some(if search { Kept::Search } else { Kept::Moments });
        self
    }

    /// Goes on from where `before` has ended, for `steps` more, in memory: with its parameters and its preprocessing, and under the
    /// same optimiser with its state. On the same data every step has the bits of a run that was never broken off; on others the
    /// order of the rows begins anew, and so does a search of L-BFGS, there or where it was not kept. Early stopping knows nothing of before. What was kept is kept again.
    ///
    /// # Errors
    /// [`Error::Usage`] where `before` has kept no state ([`Trainer::keep_state`]).
    ///
    /// ```
    /// use rhohat::{Data, Optimizer, Schedule, Trainer};
    ///
    /// # fn main() -> rhohat::Result<()> {
    /// let data = Data::built_in().patches(8, 1_000);
    /// let trainer = Trainer::new(25).optimizer(Optimizer::Adam).schedule(Schedule::Constant).device("cpu");
    /// let trainer = trainer.lr(0.01); // Without it, the rate follows from the length of a run.
    /// let whole = trainer.clone().steps(30).fit(&data)?;
    /// let half = trainer.clone().steps(10).keep_state(false).fit(&data)?;
    /// let rest = trainer.go_on(&half, 20)?.fit(&data)?;
    /// assert!(whole.model.params() == rest.model.params());
    /// # Ok(())
    /// # }
    /// ```
    pub fn go_on(mut self, before: &Trained, steps: usize) -> Result<Self> {
        let Some(state) = &before.state else {
            return Err(Error::usage(
                "the run has kept no state to go on from; train it with its state kept",
            ));
        };
        self.continued = Some(Continued::new(Arc::clone(state), steps));
        self.keeps = Some(self.keeps.unwrap_or(Kept::of(state)));
        Ok(self)
    }
}

impl Trained {
    /// Whether another run can go on from here.
    pub fn has_state(&self) -> bool {
        self.state.is_some()
    }

    /// Model, summary and state, where it was kept, as bytes: the model's file, the summary as JSON, and a checkpoint.
    pub fn to_bytes(&self) -> Vec<u8> {
        let summary = serde_json::to_vec(&self.summary).expect("numbers and names have a JSON form");
        let state = self.state.as_deref().map(checkpoint::to_bytes).unwrap_or_default();
        let mut out = MARK.to_vec();
        for part in [self.model.to_bytes(), summary, state] {
            out.extend_from_slice(&(part.len() as u64).to_le_bytes());
            out.extend(part);
        }
        out
    }

    /// The same again.
    ///
    /// # Errors
    /// [`Error::Input`] for bytes that [`Trained::to_bytes`] has not written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let refused = |why: String| Error::input(NAME, why);
        let mut rest =
            bytes.strip_prefix(MARK).ok_or_else(|| refused("they are no run of rhohat".to_owned()))?;
        let mut part = || -> Option<&[u8]> {
            let (length, behind) = rest.split_first_chunk()?;
            let (part, behind) = behind.split_at_checked(u64::from_le_bytes(*length).try_into().ok()?)?;
            rest = behind;
            Some(part)
        };
        let (Some(model), Some(summary), Some(state)) = (part(), part(), part()) else {
            return Err(refused("they end before the run does".to_owned()));
        };
        let summary: Summary =
            serde_json::from_slice(summary).map_err(|error| refused(format!("its summary: {error}")))?;
        let model = Model::from_bytes(model)?.device(Selector::first_of(&summary.device));
        let mut state = match state {
            [] => None,
            state => {
                Some(checkpoint::from_bytes(state).map_err(|why| refused(format!("its checkpoint: {why}")))?)
            }
        };
        // Of fitted columns a checkpoint knows the hash alone; the model has their numbers.
        let of_state = state.as_mut().and_then(|state| state.provenance.as_mut());
        if let Some(provenance) = of_state {
            provenance.preprocess = model.meta.preprocess.clone();
        }
        if state.as_ref().is_some_and(|state| state.state.shape != model.params.shape) {
            return Err(refused("its model and its checkpoint have other shapes".to_owned()));
        }
        Ok(Self { model, summary, state: state.map(Arc::new) })
    }
}
