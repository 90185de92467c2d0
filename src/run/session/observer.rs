//! Observers of a sitting: stages that take a while, reports of the loop, and whether it shall stop.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crate::error::Result;
use crate::math::objective::Objective;
use crate::run::config::MemoryPlan;
use crate::train::Progress;

/// A part of a sitting that may take a while; prints as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// A checkpoint is read.
    ReadingCheckpoint,
    /// Examples are read, cut and normalised.
    MakingExamples,
    /// Limits of the normalisation are fitted; so many rows have been looked at.
    FittingScale(usize),
    /// The examples are written into a file.
    SavingExamples,
    /// Kernels of a WebGPU device are checked or timed.
    ChoosingKernels,
    /// The engine is set up.
    PreparingDevice,
    /// The loop runs; reports follow.
    Training {
        /// Updates, or iterations of L-BFGS, in all.
        steps: usize,
    },
    /// The checkpoint of the last step is written.
    SavingCheckpoint,
    /// J is taken over the examples.
    MeasuringCost,
    /// Examples are gone through, to be evaluated.
    PassingExamples {
        /// Those that are done.
        done: usize,
        /// All of them.
        of: usize,
    },
    /// The model is written.
    WritingModel,
    /// Hidden units are looked at.
    JudgingUnits,
    /// A λ of a softmax layer is tried.
    ChoosingDecay {
        /// Which, counted from 1.
        number: usize,
        /// Of how many.
        of: usize,
    },
    /// A softmax layer is trained.
    TrainingSoftmax,
    /// Nothing that takes a while.
    Idle,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadingCheckpoint => "reading the checkpoint",
            Self::MakingExamples => "making examples",
            Self::FittingScale(rows) => {
                return write!(f, "looking at rows for their scale, {rows} so far");
            }
            Self::SavingExamples => "saving the examples",
            Self::ChoosingKernels => "choosing kernels",
            Self::PreparingDevice => "preparing the device",
            Self::Training { .. } => "training",
            Self::SavingCheckpoint => "saving a checkpoint",
            Self::PassingExamples { done, of } => {
                return write!(f, "going through the examples, {done} of {of}");
            }
            Self::MeasuringCost => "taking J over the examples",
            Self::WritingModel => "writing the model",
            Self::JudgingUnits => "judging hidden units",
            Self::ChoosingDecay { number, of } => {
                return write!(f, "choosing λ of the softmax layer, {number} of {of}");
            }
            Self::TrainingSoftmax => "training the softmax layer",
            Self::Idle => "",
        })
    }
}

/// The way that a sitting has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Course {
    /// Updates, or iterations of L-BFGS, in all.
    pub steps: usize,
    /// Those that earlier sittings have done.
    pub done: usize,
    /// Updates that make a pass over the examples, where they come in mini-batches.
    pub epoch: Option<usize>,
    /// The longest that this sitting trains, where it has a limit.
    pub time: Option<Duration>,
}

/// Follows a training run, and can stop it. Every method does nothing by default; a closure
/// `FnMut(&Progress) -> ControlFlow<()>` hears the reports.
///
/// ```
/// use std::ops::ControlFlow;
/// use rhohat::{Data, Progress, Trainer};
///
/// # fn main() -> rhohat::Result<()> {
/// // Stops as soon as J is below 10.
/// let stop_early = |progress: &Progress| match progress.cost.total() < 10.0 {
///     true => ControlFlow::Break(()),
///     false => ControlFlow::Continue(()),
/// };
/// let data = Data::built_in().patches(8, 500);
/// let trained = Trainer::new(25).device("cpu").fit_with(&data, stop_early)?;
/// assert!(trained.summary.steps < 400);
/// # Ok(())
/// # }
/// ```
pub trait ProgressObserver {
    /// A report on the update or iteration that was done last: every L-BFGS iteration, a hundredth of a long run of SGD
    /// or Adam. `Break` ends the run after this step, as [`ProgressObserver::stops`] does.
    fn report(&mut self, _progress: &Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The loop is about to begin: how long it will be.
    fn trains(&mut self, _course: &Course) {}

    /// After every update or iteration: so many have been done.
    fn step(&mut self, _steps: usize) {}

    /// Another stage begins.
    fn stage(&mut self, _stage: Stage) {}

    /// Asked after every step whether the run shall end here. A run with a directory keeps a checkpoint then, from which
    /// it goes on.
    fn stops(&mut self) -> bool {
        false
    }

    /// The files that the run reads are known: whoever means to write over one of them refuses here.
    ///
    /// # Errors
    /// Ends the sitting before anything is opened.
    fn reads(&mut self, _files: &[&Path]) -> Result<()> {
        Ok(())
    }

    /// The memory plan, before the engine is made.
    fn plans(&mut self, _plan: &MemoryPlan) {}

    /// Everything has been accepted: from now on there is a run to be saved.
    fn begins(&mut self, _objective: &Objective) {}

    /// The run's directory, and the steps of its newest checkpoint as they change, 0 while there is none.
    fn keeps(&mut self, _directory: &Path, _checkpoint: Arc<AtomicUsize>) {}
}

impl<F: FnMut(&Progress) -> ControlFlow<()>> ProgressObserver for F {
    fn report(&mut self, progress: &Progress) -> ControlFlow<()> {
        self(progress)
    }
}
