//! Fine-tuning: all layers of a classifier trained together, from a start or from a checkpoint on.

use std::ops::ControlFlow;

use super::settings::ClassifySettings;
use crate::data::shuffle::Shuffle;
use crate::engine::network::NetworkEngine;
use crate::error::Result;
use crate::run::session::{Course, ProgressObserver, Stage};
use crate::train::{Ended, Observer, Outcome, Progress, Recipe, StepContext, TrainProgress, resume};

/// Reports of fine-tuning by SGD and Adam, at most.
const REPORTS: usize = 100;

/// Keeps the course and the state of a fine-tuning that can be gone on with.
pub trait Keeper {
    /// Takes a report.
    ///
    /// # Errors
    /// Whatever the keeper cannot live with; it ends the run.
    fn report(&mut self, progress: &Progress) -> Result<()>;

    /// Keeps a checkpoint if one is due after this step, or in any case if it is the `last`.
    ///
    /// # Errors
    /// As [`Keeper::report`].
    fn step(&mut self, context: &mut StepContext<'_, dyn NetworkEngine>, last: bool) -> Result<()>;
}

/// Trains until the steps of the settings are done, nothing lower is found, or whoever follows asks for a stop.
///
/// # Errors
/// [`crate::Error::Diverged`], those of the keeper and of the device.
pub fn fine_tune(
    engine: &mut (dyn NetworkEngine + 'static),
    settings: &ClassifySettings,
    position: TrainProgress,
    keeper: Option<&mut dyn Keeper>,
    observer: &mut dyn ProgressObserver,
) -> Result<Outcome> {
    let examples = engine.examples();
    let (optimizer, steps) = settings.fine_tuning(examples);
    let descent = optimizer.descent();
    let recipe = Recipe {
        optimizer,
        resampling: None,
        steps,
        shuffle: Shuffle::rows(settings.seed),
        report_every: if descent.is_some() { steps.div_ceil(REPORTS) } else { 1 },
        yardstick: None,
    };
    let epoch = descent.and_then(|descent| descent.batch).map(|batch| examples.div_ceil(batch));
    observer.trains(&Course { steps, done: position.steps, epoch, ..Course::default() });
    observer.stage(Stage::Training { steps });
    let mut followed = Followed { keeper, observer, is_stopped: false };
    resume(engine, &recipe, position, &mut followed)
}

/// Hands what the loop tells to the keeper and to whoever follows.
struct Followed<'a, 'k> {
    keeper: Option<&'a mut (dyn Keeper + 'k)>,
    observer: &'a mut dyn ProgressObserver,
    is_stopped: bool,
}

impl Observer<dyn NetworkEngine> for Followed<'_, '_> {
    fn report(&mut self, progress: &Progress) -> Result<()> {
        self.is_stopped |= self.observer.report(progress) == ControlFlow::Break(());
        self.keeper.as_mut().map_or(Ok(()), |keeper| keeper.report(progress))
    }

    fn after_step(&mut self, context: &mut StepContext<'_, dyn NetworkEngine>) -> Result<Option<Ended>> {
        self.observer.step(context.position.steps);
        let stops = (self.is_stopped || self.observer.stops()).then_some(Ended::Stopped);
        let ends = stops.is_some() || context.position.ended.is_some();
        if let Some(keeper) = &mut self.keeper {
            if ends {
                self.observer.stage(Stage::SavingCheckpoint);
            }
            keeper.step(context, ends)?;
        }
        Ok(stops)
    }
}
