//! Who is told of a run's progress: metrics.jsonl, the bar or the log, its checkpoints, and the run itself when it shall
//! stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::stream::Store;
use crate::math::objective::Objective;
use crate::run::checkpoint::fail_point::reach;
use crate::run::checkpoint::{Checkpoint, Keeper, Provenance, Span};
use crate::run::config::Config;
use crate::run::metrics::{Mark, MetricsFile, RhoHatRange, Terms, rate};
use crate::train::diagnostics::{dead, saturated};
use crate::train::{Ended, Judge, Observer, Pause, Progress};
use crate::{Error, Result};
use indicatif::{HumanCount, ProgressBar};

use super::interrupt::Interrupt;
use crate::cli::progress;

/// Time between two lines of the log.
const PAUSE: Duration = Duration::from_secs(1);

/// The observer of a training run.
pub struct Watch<'a> {
    metrics: MetricsFile,
    keeper: Keeper,
    judge: Option<Judge>,
    interrupt: &'a Interrupt,
    /// When this sitting has trained for as long as it may.
    deadline: Option<Instant>,
    display: Display,
    objective: Objective,
    /// What checkpoints are taken under.
    provenance: Provenance,
    /// Rows on disk, whose sum is known once they have been read whole.
    store: Option<Arc<Store>>,
    steps: usize,
}

/// How progress is shown.
enum Display {
    Bar(ProgressBar),
    /// Lines in the log, and when the last one was written.
    Log(Option<Instant>),
}

impl<'a> Watch<'a> {
    /// A bar where there is somebody to see it, else lines in the log.
    pub fn new(
        (metrics, keeper, judge): (MetricsFile, Keeper, Option<Judge>),
        config: &Config,
        (provenance, store): (Provenance, Option<Arc<Store>>),
        interrupt: &'a Interrupt,
        steps: usize,
    ) -> Self {
        let display =
            if progress::is_shown() { Display::Bar(progress::bar(steps, 8)) } else { Display::Log(None) };
        let deadline = config.max_time.and_then(|Span(time)| Instant::now().checked_add(time));
        let objective = config.objective();
        Self { metrics, keeper, judge, interrupt, deadline, display, objective, provenance, store, steps }
    }

    /// Takes the bar away; the metrics, with which the run stays locked, and who has judged held-out examples.
    pub fn finish(self) -> (MetricsFile, Option<Judge>) {
        if let Display::Bar(bar) = self.display {
            bar.finish_and_clear();
        }
        (self.metrics, self.judge)
    }

    /// Why training is to end now, if it is.
    fn stops(&self) -> Option<Ended> {
        let late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let early = self.judge.as_ref().is_some_and(Judge::is_out_of_patience);
        let asked = self.interrupt.signal().map(|_| Ended::Stopped);
        early.then_some(Ended::Early).or(asked).or(late.then_some(Ended::Time))
    }

    /// Takes a checkpoint, which a thread writes, after all lines of the metrics.
    fn keep(&mut self, pause: &mut Pause<'_>) -> Result<()> {
        let lines = self.metrics.handle();
        let mut spare = self.keeper.spare()?;
        let (position, mut state) = pause.snapshot(&mut spare)?;
        if let Some(best) = self.judge.as_ref().and_then(Judge::best) {
            state.add_best(best, &mut spare);
        }
        let patience = self.judge.as_ref().and_then(Judge::known);
        let metrics = self.metrics.mark();
        self.provenance.inputs.data.sum = self.store.as_ref().and_then(|store| store.check().known());
        let provenance = Some(self.provenance.clone());
        self.keeper.keep(Checkpoint { position, state, metrics, patience, provenance }, lines)
    }

    /// Sees to it that there is one of the last step.
    fn keep_last(&mut self, pause: &mut Pause<'_>) -> Result<()> {
        self.keeper.wait()?;
        if !self.keeper.has(pause.position.steps) {
            self.keep(pause)?;
        }
        self.keeper.wait()
    }
}

impl Observer for Watch<'_> {
    fn report(&mut self, progress: &Progress) -> Result<()> {
        self.display.show(progress, self.metrics.mark(), &self.objective, self.steps);
        self.metrics.add(progress)
    }

    fn after_step(&mut self, pause: &mut Pause<'_>) -> Result<Option<Ended>> {
        if let Some(judge) = &mut self.judge
            && let Some(cost) = judge.look(pause)?
        {
            self.metrics.validated(&cost);
        }
        let (steps, stops) = (pause.position.steps, self.stops());
        // What would end anyway ends like this after a break, too.
        pause.position.ended = pause.position.ended.or(stops.filter(|ended| *ended == Ended::Early));
        let ends = stops.is_some() || pause.position.ended.is_some();
        let due = self.keeper.is_due(steps)?;
        if ends {
            self.display.say("saving a checkpoint");
        }
        if due && !ends && !self.keeper.has(steps) {
            self.keep(pause)?;
        }
        if ends {
            match self.keep_last(pause) {
                Err(why @ (Error::Io { .. } | Error::Input { .. })) => {
                    tracing::warn!("{why}; tried once more");
                    self.keep_last(pause)?;
                }
                other => other?,
            }
            reach("end-kept");
            self.display.say("taking J over the examples");
        }
        Ok(stops)
    }
}

impl Display {
    /// Says what comes after the last step.
    fn say(&self, what: &'static str) {
        if let Self::Bar(bar) = self {
            bar.set_message(what);
            // Drawn whatever has been drawn just before: nothing may come for long.
            bar.force_draw();
        }
    }

    fn show(&mut self, progress: &Progress, mark: Mark, objective: &Objective, steps: usize) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(line(progress, mark, objective));
                bar.set_position(progress.step as u64);
            }
            Self::Log(last) => {
                let due = last.is_none_or(|last| last.elapsed() >= PAUSE) || progress.step == steps;
                if due {
                    *last = Some(Instant::now());
                    tracing::debug!("{}/{steps}  {}", progress.step, line(progress, mark, objective));
                }
            }
        }
    }
}

/// Fits 80 columns behind the bar, but for what held-out examples say.
fn line(progress: &Progress, mark: Mark, objective: &Objective) -> String {
    let Terms { j, reconstruction, decay, kl } = Terms::of(&progress.cost);
    let rho_hat = &progress.cost.rho_hat;
    let (mean, dead, saturated) =
        (RhoHatRange::of(rho_hat).mean, dead(rho_hat, objective), saturated(rho_hat));
    let speed = HumanCount(rate(progress.samples, progress.seconds) as u64);
    let held_out = mark.validation.zip(mark.validation_reconstruction);
    let held_out = held_out
        .map_or_else(String::new, |(j, term)| format!("  held out J {j:.4}, reconstruction {term:.4}"));
    format!(
        "J {j:.4} = {reconstruction:.3}+{decay:.3}+{kl:.3}  ρ̂ {mean:.4}  dead {dead}  sat {saturated}  {speed}/s{held_out}"
    )
}
