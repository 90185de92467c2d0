//! A person who follows a run: a line at a terminal, lines of the log elsewhere, stages, and the signals that ask it to stop.

mod line;
mod pace;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar};

use super::plan;
use crate::cli::commands::outputs::{Kind, Wanted};
use crate::cli::log::PROGRESS;
use crate::cli::{progress, signals};
use crate::error::Result;
use crate::math::objective::Objective;
use crate::run::config::MemoryPlan;
use crate::run::session::{Course, ProgressObserver, Stage};
use crate::train::Progress;
use line::{Told, line};
use pace::Pace;

/// Time between two lines of the log.
const PAUSE: Duration = Duration::from_secs(30);
/// The same where more is asked for.
const SHORT_PAUSE: Duration = Duration::from_secs(1);
/// Time between two drawings of the line at a terminal.
const TICK: Duration = Duration::from_millis(50);

/// Follows a run for the command line.
pub struct Display<'a> {
    /// The command that goes on with the run.
    command: &'static str,
    /// What it goes on with, where that is more than the run.
    whole: Option<PathBuf>,
    /// Where the examples are to be written.
    save_patches: Option<&'a Path>,
    line: Line,
    objective: Objective,
    course: Course,
    /// When the loop began.
    begun: Instant,
    pace: Pace,
    /// The last report.
    told: Option<Told>,
    /// The step of the last line of the log.
    logged: usize,
}

/// The last line of the terminal.
enum Line {
    Empty,
    Stage(progress::Stage),
    Training(ProgressBar),
}

impl<'a> Display<'a> {
    /// Follows a run of a command.
    pub fn new(command: &'static str, save_patches: Option<&'a Path>) -> Self {
        Self {
            command,
            whole: None,
            save_patches,
            line: Line::Empty,
            objective: Objective::default(),
            course: Course::default(),
            begun: Instant::now(),
            pace: Pace::of(PAUSE),
            told: None,
            logged: 0,
        }
    }

    /// Follows a run that is a part of what is gone on with, as a layer is of a stack.
    pub fn of_part(self, whole: &Path) -> Self {
        Self { whole: Some(whole.to_owned()), ..self }
    }

    fn clear(&mut self) {
        if let Line::Training(bar) = std::mem::replace(&mut self.line, Line::Empty) {
            bar.finish_and_clear();
        }
    }

    /// Tells how far the run has come after so many steps.
    fn tell(&mut self, steps: usize) {
        let at = (steps, self.begun.elapsed());
        if let Line::Training(bar) = &self.line {
            let text = line(&self.course, at, self.told.as_ref(), Some(progress::columns()));
            bar.set_message(text);
            bar.force_draw();
        } else {
            self.logged = steps;
            let text = line(&self.course, at, self.told.as_ref(), None);
            tracing::debug!(target: PROGRESS, "step {text}");
        }
    }

    /// Tells the last report where the log has not yet.
    fn tell_last(&mut self) {
        let last = self.told.map(|told| told.step).filter(|step| *step > self.logged);
        if let (false, Some(step)) = (matches!(self.line, Line::Training(_)), last) {
            self.tell(step);
        }
    }
}

impl ProgressObserver for Display<'_> {
    fn report(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.told = Some(Told::by(progress, &self.objective));
        if self.pace.is_due(self.begun.elapsed()) || progress.step == self.course.steps {
            self.tell(progress.step);
        }
        ControlFlow::Continue(())
    }

    fn trains(&mut self, course: &Course) {
        self.course = *course;
        self.begun = Instant::now();
        let pause = if tracing::enabled!(tracing::Level::DEBUG) { SHORT_PAUSE } else { PAUSE };
        self.pace = Pace::of(if progress::is_shown() { TICK } else { pause });
    }

    fn step(&mut self, steps: usize) {
        // Reports of a long run are far apart; before the first there is little to tell but that it goes on.
        let now = self.begun.elapsed();
        let is_first = !self.pace.has_begun();
        if (!is_first || now >= TICK && progress::is_shown() || now >= PAUSE) && self.pace.is_due(now) {
            self.tell(steps);
        }
    }

    fn stage(&mut self, stage: Stage) {
        match (stage, &self.line) {
            (Stage::SavingCheckpoint | Stage::MeasuringCost, Line::Training(bar)) => {
                bar.set_message(stage.to_string());
                // Drawn whatever has been drawn just before: nothing may come for long.
                bar.force_draw();
            }
            (Stage::FittingScale(rows), Line::Stage(stage)) => {
                stage.say(format!("looking at rows for their scale, {} so far", HumanCount(rows as u64)));
            }
            (Stage::Training { .. }, _) => {
                self.clear();
                if progress::is_shown() {
                    self.line = Line::Training(progress::line());
                }
            }
            (Stage::Idle, _) => self.clear(),
            // Without a line at a terminal the log is all there is.
            (Stage::SavingCheckpoint | Stage::MeasuringCost, _) => self.tell_last(),
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
        let Some(path) = self.save_patches else { return Ok(()) };
        let (flag, kinds) = ("--save-patches", &Kind::ROWS);
        Wanted { flag, path, kinds, inputs: files, force: None }.check().map(|_| ())
    }

    fn plans(&mut self, plan: &MemoryPlan) {
        // Where all fits at once and in half of what there is, nobody needs to know.
        match plan::is_close(plan) {
            true => tracing::info!("{}", plan::line(plan)),
            false => tracing::debug!("{}", plan::line(plan)),
        }
    }

    fn begins(&mut self, objective: &Objective) {
        self.objective = *objective;
        signals::save();
    }

    fn keeps(&mut self, directory: &Path, checkpoint: Arc<AtomicUsize>) {
        signals::of_run(self.command, self.whole.as_deref().unwrap_or(directory), checkpoint);
    }
}
