//! The observer of the loop: held-out examples, metrics, checkpoints, whoever follows, and why a run ends.

use std::ops::ControlFlow;

use super::directory::{Directory, MetricsFile};
use super::kept::Kept;
use super::observer::{ProgressObserver, Stage};
use crate::engine::State;
use crate::engine::collective::Vote;
use crate::error::Result;
use crate::io::clock::Moment;
use crate::math::objective::Cost;
use crate::run::config::Config;
use crate::run::every::Span;
use crate::run::summary::Reported;
use crate::train::measures::Measures;
use crate::train::trend::Trend;
use crate::train::{EarlyStopping, Ended, HeldOutCost, Observer, Progress, StepContext, TrainProgress};

/// Follows the loop for a sitting.
pub struct RunObserver<'a> {
    /// The files of the run, where it has any.
    directory: Option<Directory>,
    early_stopping: Option<EarlyStopping>,
    observer: &'a mut dyn ProgressObserver,
    /// When this sitting has trained for as long as it may.
    deadline: Option<Moment>,
    /// J over held-out examples at the last look.
    held_out: Option<HeldOutCost>,
    /// Reports in which a ρ̂ was clamped.
    clamped: usize,
    /// J of the reports of this sitting.
    trend: Trend,
    /// Whether whoever follows has ended the run by a report.
    is_stopped: bool,
    /// What of the state after the last step is kept.
    pub keeps: Option<Kept>,
    state: Option<(TrainProgress, State)>,
}

/// What is left of a sitting.
pub struct Left {
    /// The metrics, with which the run stays locked.
    pub lock: Option<MetricsFile>,
    /// The judge of held-out examples.
    pub early_stopping: Option<EarlyStopping>,
    /// What the reports come to.
    pub reported: Reported,
    /// The state after the last step, where it was to be kept.
    pub state: Option<(TrainProgress, State)>,
}

impl<'a> RunObserver<'a> {
    /// Counts the time of the sitting from now on.
    pub fn new(
        config: &Config,
        directory: Option<Directory>,
        early_stopping: Option<EarlyStopping>,
        trend: Trend,
        observer: &'a mut dyn ProgressObserver,
    ) -> Self {
        let deadline = config.max_time.and_then(|Span(time)| Moment::now().after(time));
        let mark = directory.as_ref().map(|directory| directory.metrics.mark()).unwrap_or_default();
        let (held_out, measures) =
            (mark.validation.zip(mark.validation_reconstruction), mark.validation_measures);
        let held_out = held_out.map(|(j, reconstruction)| HeldOutCost { j, reconstruction, measures });
        let clamped = mark.clamped;
        let (is_stopped, keeps, state) = (false, None, None);
        Self {
            directory,
            early_stopping,
            observer,
            deadline,
            held_out,
            clamped,
            trend,
            is_stopped,
            keeps,
            state,
        }
    }

    /// Waits for the checkpoint that is being written.
    pub fn finish(self) -> Left {
        Left {
            lock: self.directory.map(|directory| directory.metrics),
            early_stopping: self.early_stopping,
            reported: Reported { clamped: self.clamped, fall: self.trend.fall() },
            state: self.state,
        }
    }

    /// Why training is to end now, if it is.
    fn stops(&mut self) -> Option<Ended> {
        let late = self.deadline.is_some_and(|deadline| Moment::now() >= deadline);
        let early = self.early_stopping.as_ref().is_some_and(EarlyStopping::is_out_of_patience);
        let asked = self.is_stopped || self.observer.stops();
        let asked = asked.then_some(Ended::Stopped);
        early.then_some(Ended::Early).or(asked).or(late.then_some(Ended::Time))
    }

    /// Takes note of J over held-out examples.
    fn validated(&mut self, step: usize, cost: &Cost, measures: Measures) {
        let (j, reconstruction) = (cost.total(), cost.reconstruction);
        self.held_out = Some(HeldOutCost { j, reconstruction, measures: Some(measures) });
        if let Some(directory) = &mut self.directory {
            directory.validated(step, cost, measures);
        }
    }
}

impl Observer for RunObserver<'_> {
    fn report(&mut self, progress: &Progress) -> Result<()> {
        let told = Progress { held_out: self.held_out, ..progress.clone() };
        self.is_stopped |= self.observer.report(&told) == ControlFlow::Break(());
        if progress.beta_share.is_none_or(|share| share >= 1.0) {
            self.trend.add(progress.step, progress.cost.total());
        }
        self.clamped += usize::from(progress.cost.clamped() > 0);
        self.directory.as_mut().map_or(Ok(()), |directory| directory.report(progress))
    }

    fn after_step(&mut self, context: &mut StepContext<'_>) -> Result<Option<Ended>> {
        let steps = context.position.steps;
        if let Some(early_stopping) = &mut self.early_stopping
            && let Some((cost, measures)) = early_stopping.look(context)?
        {
            self.validated(steps, &cost, measures);
        }
        self.observer.step(steps);
        let asked = context.engine.ranks().map(|ranks| ranks.tally());
        self.is_stopped |= asked.is_some_and(|asked| asked.of(Vote::Stop) > 0);
        let stops = self.stops();
        // What would end anyway ends like this after a break, too.
        context.position.ended = context.position.ended.or(stops.filter(|ended| *ended == Ended::Early));
        let ends = stops.is_some() || context.position.ended.is_some();
        if let Some(directory) = &mut self.directory {
            let due = directory.checkpoints.is_due(steps)?;
            if ends {
                self.observer.stage(Stage::SavingCheckpoint);
                directory.keep_last(context, self.early_stopping.as_ref())?;
            } else if due && !directory.checkpoints.has(steps) {
                directory.keep(context, self.early_stopping.as_ref())?;
            }
        }
        if ends && let Some(kept) = self.keeps {
            self.state = Some(kept.taken(context)?);
        }
        if ends {
            self.observer.stage(Stage::MeasuringCost);
        }
        Ok(stops)
    }
}
