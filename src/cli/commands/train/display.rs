//! A person who follows a run: a bar or lines of the log, stages, and the signals that ask it to stop.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar};

use super::plan;
use crate::cli::args::TrainArgs;
use crate::cli::commands::outputs::{Kind, Wanted};
use crate::cli::{progress, signals};
use crate::error::Result;
use crate::math::objective::Objective;
use crate::run::config::MemoryPlan;
use crate::run::metrics::{RhoHatRange, Terms, rate};
use crate::run::session::{ProgressObserver, Stage};
use crate::train::diagnostics::{dead, saturated};
use crate::train::{HeldOutCost, Progress};

/// Time between two lines of the log.
const PAUSE: Duration = Duration::from_secs(1);

/// Follows a run for the command line.
pub struct Display<'a> {
    args: &'a TrainArgs,
    line: Line,
    objective: Objective,
    steps: usize,
    /// When the last line of the log was written.
    logged: Option<Instant>,
}

/// The last line of the terminal.
enum Line {
    Empty,
    Stage(progress::Stage),
    Bar(ProgressBar),
}

impl<'a> Display<'a> {
    /// Follows a run that was asked for like this.
    pub fn new(args: &'a TrainArgs) -> Self {
        Self { args, line: Line::Empty, objective: Objective::default(), steps: 0, logged: None }
    }

    fn clear(&mut self) {
        if let Line::Bar(bar) = std::mem::replace(&mut self.line, Line::Empty) {
            bar.finish_and_clear();
        }
    }
}

impl ProgressObserver for Display<'_> {
    fn report(&mut self, progress: &Progress) -> ControlFlow<()> {
        let Self { objective, steps, .. } = self;
        if let Line::Bar(bar) = &self.line {
            bar.set_message(line(progress, objective));
            bar.set_position(progress.step as u64);
        } else if self.logged.is_none_or(|last| last.elapsed() >= PAUSE) || progress.step == *steps {
            self.logged = Some(Instant::now());
            tracing::debug!("{}/{steps}  {}", progress.step, line(progress, objective));
        }
        ControlFlow::Continue(())
    }

    fn stage(&mut self, stage: Stage) {
        match (stage, &self.line) {
            (Stage::SavingCheckpoint | Stage::MeasuringCost, Line::Bar(bar)) => {
                bar.set_message(stage.to_string());
                // Drawn whatever has been drawn just before: nothing may come for long.
                bar.force_draw();
            }
            (Stage::FittingScale(rows), Line::Stage(stage)) => {
                stage.say(format!("looking at rows for their scale, {} so far", HumanCount(rows as u64)));
            }
            (Stage::Training { steps }, _) => {
                self.clear();
                self.steps = steps;
                if progress::is_shown() {
                    self.line = Line::Bar(progress::bar(steps, 8));
                }
            }
            (Stage::Idle, _) => self.clear(),
            // Without a bar the log is all there is.
            (Stage::SavingCheckpoint | Stage::MeasuringCost, _) => {}
            (stage, _) => {
                self.clear();
                self.line = Line::Stage(progress::stage(stage.to_string()));
            }
        }
    }

    fn stops(&mut self) -> bool {
        signals::asked().is_some()
    }

    fn reads(&mut self, files: &[&Path]) -> Result<()> {
        let Some(path) = &self.args.save_patches else { return Ok(()) };
        let (flag, kinds) = ("--save-patches", &Kind::ROWS);
        Wanted { flag, path, kinds, inputs: files, force: None }.check().map(|_| ())
    }

    fn plans(&mut self, plan: &MemoryPlan) {
        tracing::info!("{}", plan::line(plan));
    }

    fn begins(&mut self, objective: &Objective) {
        self.objective = *objective;
        signals::save();
    }

    fn keeps(&mut self, directory: &Path, checkpoint: Arc<AtomicUsize>) {
        signals::of_run(directory, checkpoint);
    }
}

/// Fits 80 columns behind the bar, but for J over held-out examples.
fn line(progress: &Progress, objective: &Objective) -> String {
    let Terms { j, reconstruction, decay, kl } = Terms::of(&progress.cost);
    let rho_hat = &progress.cost.rho_hat;
    let (mean, dead, saturated) =
        (RhoHatRange::of(rho_hat).mean, dead(rho_hat, objective), saturated(rho_hat));
    let speed = HumanCount(rate(progress.samples, progress.seconds) as u64);
    let held_out = progress.held_out.map_or_else(String::new, |HeldOutCost { j, reconstruction, .. }| {
        format!("  held out J {j:.4}, reconstruction {reconstruction:.4}")
    });
    format!(
        "J {j:.4} = {reconstruction:.3}+{decay:.3}+{kl:.3}  ρ̂ {mean:.4}  dead {dead}  sat {saturated}  {speed}/s{held_out}"
    )
}
