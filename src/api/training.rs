//! A run that its caller drives step by step.

use std::fmt;
use std::ops::ControlFlow;

use super::{Data, Model, Trainer};
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::math::objective::Cost;
use crate::math::params::Shape;
use crate::run::session::{Outset, Place, Stepwise};
use crate::train::{Ended, Progress};

/// A training run in memory between two of its steps: [`Trainer::begin`] makes it, and whoever has it takes the steps. Each has the
/// bits that it has in [`Trainer::fit`], however they are parted.
///
/// ```
/// use rhohat::{Data, Ended, Trainer};
///
/// # fn main() -> rhohat::Result<()> {
/// let data = Data::built_in().patches(8, 500);
/// let mut training = Trainer::new(16).steps(60).device("cpu").begin(&data)?;
/// while training.advance(20)?.is_none() {
///     println!("step {}: J {:.3}", training.steps(), training.cost()?.total());
/// }
/// assert_eq!((training.steps(), training.advance(1)?), (60, Some(Ended::Steps)));
/// training.model()?.encode(&data)?;
/// # Ok(())
/// # }
/// ```
pub struct Training(Stepwise);

impl Trainer {
    /// Makes everything ready for training on `data` and takes no step.
    ///
    /// # Errors
    /// As [`Trainer::fit`], and [`Error::Usage`] for a run directory, held-out examples or a limit of time: whoever takes the steps
    /// decides when they end.
    pub fn begin(&self, data: &Data) -> Result<Training> {
        if self.place != Place::Memory || self.continued.is_some() {
            let fact = "steps are taken one by one in memory, by a run that begins";
            return Err(Error::usage(format!("{fact}; leave the run directory out, or train in one go")));
        }
        let mut look_away = |_: &Progress| ControlFlow::Continue(());
        joined(|| match self.request(data)?.prepare(&mut look_away)? {
            Outset::Prepared(prepared) => prepared.open(&mut look_away)?.stepwise().map(Training),
            Outset::Finished(_) => Err(Error::usage("nothing is left of this run; begin another")),
        })
    }
}

impl Training {
    /// Takes `steps` steps, or those that are left, and tells why the run has ended, once it has.
    ///
    /// # Errors
    /// [`Error::Diverged`], [`Error::Device`].
    pub fn advance(&mut self, steps: usize) -> Result<Option<Ended>> {
        self.advance_with(steps, |_| {})
    }

    /// The same; `told` hears the reports on the way.
    ///
    /// # Errors
    /// As [`Training::advance`].
    pub fn advance_with(&mut self, steps: usize, mut told: impl FnMut(&Progress)) -> Result<Option<Ended>> {
        joined(|| self.0.advance(steps, &mut told))
    }

    /// Updates, or iterations of L-BFGS, that have been made.
    pub fn steps(&self) -> usize {
        self.0.steps()
    }

    /// Those that the run has in all.
    pub fn planned(&self) -> usize {
        self.0.planned()
    }

    /// n and h, the visible and hidden units.
    pub fn shape(&mut self) -> Shape {
        self.0.engine().shape()
    }

    /// m, the examples that are learned from.
    pub fn examples(&mut self) -> usize {
        self.0.engine().examples()
    }

    /// J over all examples at the current parameters, its terms, and ρ̂ `[h]`.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn cost(&mut self) -> Result<Cost> {
        joined(|| self.0.cost())
    }

    /// A copy of the model as it is now.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn model(&mut self) -> Result<Model> {
        let (params, meta) = self.0.model()?;
        Ok(Model::trained(params, meta, self.0.choice().clone()))
    }

    /// The run itself, for what the library has no name for.
    #[doc(hidden)]
    pub fn stepwise(&mut self) -> &mut Stepwise {
        &mut self.0
    }
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (steps, planned) = (self.steps(), self.planned());
        f.debug_struct("Training").field("steps", &steps).field("planned", &planned).finish_non_exhaustive()
    }
}
