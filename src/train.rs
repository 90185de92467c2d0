//! The training loop, over any engine of autoencoders or classifiers. It knows neither adapters nor flags.

pub mod confusion;
pub mod diagnostics;
mod early_stopping;
mod learner;
pub mod measures;
mod observer;
pub mod resample;
pub mod trend;
pub mod units;

use serde::{Deserialize, Serialize};

use crate::data::shuffle::{BatchSampler, Shuffle};
use crate::engine::Rows;
use crate::error::{Error, Result};
use crate::io::clock::Moment;
use crate::math::objective::{Cost, Objective};
use crate::math::optim::lbfgs::{Iteration, Lbfgs};
use crate::math::optim::{DescentConfig, OptimizerConfig};
use crate::math::random::Stream;
use crate::train::measures::{Measures, Yardstick};
pub use early_stopping::{EarlyStopping, EarlyStoppingState};
pub use learner::Learner;
pub use observer::{HeldOutCost, Observer, Progress, StepContext, TrainProgress};

/// Examples that J is taken over in the end at least, where there are as many.
pub const MEASURED: usize = 50_000;
/// Iterations of L-BFGS between two looks at the bits of all parameters; J and ‖∇J‖ are looked at in every one.
const PARAMETERS_CHECKED: usize = 10;
/// Share of a run that looks at parameters may take, which matters where steps are short. A number that is not finite is in
/// J by the next report besides.
const LOOKING: f64 = 0.02;

/// The plan of a training run.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// Whether dead units are given new weights. Not used by L-BFGS.
    pub resampling: Option<Resampling>,
    /// Updates, or L-BFGS iterations.
    pub steps: usize,
    /// The order of the examples.
    pub shuffle: Shuffle,
    /// Updates between two reports.
    pub report_every: usize,
    /// What reports measure by, where they do.
    pub yardstick: Option<Yardstick>,
}

/// When dead units are given new weights, see [`mod@crate::train::resample`].
#[derive(Clone, Copy, Debug)]
pub struct Resampling {
    /// Updates between two times; none follows the last update.
    pub every: usize,
    /// The objective by which units are dead and new ones made.
    pub objective: Objective,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Ended {
    /// All steps done.
    Steps,
    /// L-BFGS found no lower J in this precision.
    Converged,
    /// The observer asked for it after a step.
    Stopped,
    /// The time that it was given was over.
    Time,
    /// J over held-out examples had not fallen for as long as it was asked to wait.
    Early,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Updates or iterations done.
    pub steps: usize,
    /// J of the final parameters over [`Outcome::measured`] examples.
    pub cost: Cost,
    /// All of them; where they are fetched from disk no more than the run has seen, or [`MEASURED`] if that is more.
    pub measured: usize,
    /// See [`Progress::samples`].
    pub samples: u64,
    /// Units that were given new weights, each as often as it was.
    pub revived: usize,
    /// Seconds from the first step's start to the last one's end.
    pub seconds: f64,
    /// Why it ended.
    pub ended: Ended,
}

/// Trains from the engine's parameters on, and tells `observer` how it goes.
///
/// # Errors
/// [`Error::Diverged`] when a number is no longer finite; those of the engine and of the observer.
pub fn train<L: Learner + ?Sized>(
    engine: &mut L,
    recipe: &Recipe,
    observer: &mut dyn Observer<L>,
) -> Result<Outcome> {
    resume(engine, recipe, TrainProgress::default(), observer)
}

/// Goes on from `position`, whose state the engine has been given: every later step has the bits that it would have had
/// without the break.
///
/// # Errors
/// As [`train`].
pub fn resume<L: Learner + ?Sized>(
    engine: &mut L,
    recipe: &Recipe,
    position: TrainProgress,
    observer: &mut dyn Observer<L>,
) -> Result<Outcome> {
    let (TrainProgress { steps, samples, revived, seconds, .. }, ended) =
        take_steps(engine, recipe, position, observer)?;
    let most = usize::try_from(samples).unwrap_or(usize::MAX).max(MEASURED);
    let (cost, measured) = engine.cost_of_some(most)?;
    check_finite(engine, recipe, steps, &cost)?;
    Ok(Outcome { steps, cost, measured, samples, revived, seconds, ended })
}

/// The steps of [`resume`] alone, behind which nothing is measured: how far the run has come, the search left out, and why it has
/// ended.
///
/// # Errors
/// As [`train`].
pub fn take_steps<L: Learner + ?Sized>(
    engine: &mut L,
    recipe: &Recipe,
    position: TrainProgress,
    observer: &mut dyn Observer<L>,
) -> Result<(TrainProgress, Ended)> {
    let started = Moment::now();
    let mut run = TrainingRun { started, position, observer, next_look: started };
    let ended = match (run.position.ended, recipe.optimizer.descent()) {
        (Some(ended), _) => ended,
        (None, None) => run.search(engine, recipe)?,
        (None, Some(descent)) => run.descend(engine, recipe, descent)?,
    };
    let seconds = run.seconds();
    Ok((TrainProgress { seconds, ..run.position }, ended))
}

/// How far a run has come, and who is told of it.
struct TrainingRun<'a, L: ?Sized> {
    started: Moment,
    /// Without the seconds since `started` and without the search.
    position: TrainProgress,
    observer: &'a mut dyn Observer<L>,
    /// When parameters may be looked at again.
    next_look: Moment,
}

impl<L: Learner + ?Sized> TrainingRun<'_, L> {
    /// L-BFGS on all examples.
    fn search(&mut self, engine: &mut L, recipe: &Recipe) -> Result<Ended> {
        let examples = engine.count() as u64;
        let (mut lbfgs, known) = match self.position.search.take() {
            Some(lbfgs) => (lbfgs.clone(), lbfgs.evaluations()),
            None => (Lbfgs::new(engine.space())?, 0),
        };
        // A damaged checkpoint may know of more than were ever seen.
        let seen = |evaluations: usize| (evaluations as u64).saturating_mul(examples);
        let before = self.position.samples.saturating_sub(seen(known));
        while self.position.steps < recipe.steps {
            let step = self.position.steps + 1;
            let iteration = lbfgs.iterate(engine.space()).map_err(|error| recipe.diverged_at(step, error))?;
            self.position.samples = before.saturating_add(seen(lbfgs.evaluations()));
            let Iteration::Accepted(rate) = iteration else {
                return self.end(engine, Some(&lbfgs), Ended::Converged);
            };
            self.position.steps = step;
            if step.is_multiple_of(PARAMETERS_CHECKED) {
                self.check_parameters(engine, recipe)?;
            }
            if self.is_due(recipe) {
                let cost = lbfgs.cost().clone();
                let measures = engine.measured(recipe.yardstick.as_ref(), &cost)?;
                self.report(recipe, (cost, measures), Some(lbfgs.gradient_norm()), rate)?;
            }
            if let Some(ended) = self.pause(engine, Some(&lbfgs), None)? {
                return Ok(ended);
            }
        }
        self.end(engine, Some(&lbfgs), Ended::Steps)
    }

    /// SGD or Adam, on mini-batches in a seeded order or on all examples.
    fn descend(&mut self, engine: &mut L, recipe: &Recipe, descent: &DescentConfig) -> Result<Ended> {
        let examples = engine.count();
        let batch = descent.batch.unwrap_or(examples);
        let mut order = BatchSampler::after(examples, recipe.shuffle, self.position.samples);
        while self.position.steps < recipe.steps {
            let rows = match descent.batch {
                None => Rows::All,
                Some(batch) => Rows::Listed(order.next(batch)),
            };
            let count = if let Rows::Listed(rows) = rows { rows.len() } else { batch };
            self.position.steps += 1;
            self.position.samples = self.position.samples.saturating_add(count as u64);
            self.update(engine, recipe, descent, rows)?;
            if let Some(ended) = self.pause(engine, None, None)? {
                return Ok(ended);
            }
        }
        self.end(engine, None, Ended::Steps)
    }

    /// One update, and the report and the new units that follow it.
    fn update(
        &mut self,
        engine: &mut L,
        recipe: &Recipe,
        descent: &DescentConfig,
        rows: Rows<'_>,
    ) -> Result<()> {
        let step = self.position.steps;
        let (due, resampling) = (self.is_due(recipe), recipe.resampling_after(step));
        let update = recipe.optimizer.update(step).expect("a descent is of first order");
        let beta_share = descent.beta_share(step).unwrap_or(1.0);
        let report = due || resampling.is_some();
        let Some(cost) = engine.update(rows, update, beta_share, report)? else { return Ok(()) };
        check_finite(engine, recipe, step, &cost)?;
        if due {
            self.check_parameters(engine, recipe)?;
        }
        if let Some(Resampling { objective, .. }) = resampling {
            let mut stream = Stream::numbered(recipe.shuffle.seed, "revival", step as u64);
            self.position.revived += engine.revive(&objective, &cost.rho_hat, &mut stream)?;
        }
        if !due {
            return Ok(());
        }
        let measures = engine.measured(recipe.yardstick.as_ref(), &cost)?;
        self.report(recipe, (cost, measures), None, descent.rate.at(step))
    }

    fn is_due(&self, recipe: &Recipe) -> bool {
        let step = self.position.steps;
        step == recipe.steps || step.is_multiple_of(recipe.report_every.max(1))
    }

    fn report(
        &mut self,
        recipe: &Recipe,
        (cost, measures): (Cost, Option<Measures>),
        gradient_norm: Option<f64>,
        rate: f64,
    ) -> Result<()> {
        let TrainProgress { steps: step, samples, revived, .. } = self.position;
        let descent = recipe.optimizer.descent();
        let beta_share = descent.and_then(|descent| descent.beta_share(step));
        let revived = recipe.resampling.filter(|_| descent.is_some()).map(|_| revived);
        let seconds = self.seconds();
        self.observer.report(&Progress {
            step,
            cost,
            beta_share,
            revived,
            gradient_norm,
            rate,
            samples,
            seconds,
            measures,
            held_out: None,
        })
    }

    /// Judges the parameters and the optimiser's state, on the bits of each number: what a device makes of them may
    /// hide it. Not before the time since the last look outweighs it.
    fn check_parameters(&mut self, engine: &mut L, recipe: &Recipe) -> Result<()> {
        let begun = Moment::now();
        if begun < self.next_look {
            return Ok(());
        }
        let found = engine.not_finite()?;
        let ended = Moment::now();
        let pause = ended.since(begun).div_f64(LOOKING);
        self.next_look = ended.after(pause).unwrap_or(ended);
        found.map_or(Ok(()), |what| Err(recipe.diverged(self.position.steps, what)))
    }

    /// Lets the observer have a look.
    fn pause(
        &mut self,
        engine: &mut L,
        search: Option<&Lbfgs>,
        ended: Option<Ended>,
    ) -> Result<Option<Ended>> {
        let position = TrainProgress { seconds: self.seconds(), ended, ..self.position.clone() };
        self.observer.after_step(&mut StepContext { engine, position, search })
    }

    /// The look at a run that has ended by itself.
    fn end(&mut self, engine: &mut L, search: Option<&Lbfgs>, ended: Ended) -> Result<Ended> {
        self.pause(engine, search, Some(ended))?;
        Ok(ended)
    }

    /// Seconds that have been trained, in all sittings.
    fn seconds(&self) -> f64 {
        self.position.seconds + self.started.elapsed().as_secs_f64()
    }
}

impl Recipe {
    /// How dead units are given new weights after update `step`, if they are.
    fn resampling_after(&self, step: usize) -> Option<Resampling> {
        self.resampling.filter(|resampling| step < self.steps && step.is_multiple_of(resampling.every))
    }

    /// That `what` was not finite after update `step`.
    fn diverged(&self, step: usize, what: String) -> Error {
        Error::Diverged { step, what, remedy: self.optimizer.remedy() }
    }

    /// A divergence that L-BFGS has seen, at the step of the run.
    fn diverged_at(&self, step: usize, error: Error) -> Error {
        match error {
            Error::Diverged { what, .. } => self.diverged(step, what),
            other => other,
        }
    }
}

/// Stops at the first number that is not finite, judged on the host: a shader may assume that there is none.
fn check_finite<L: Learner + ?Sized>(
    engine: &mut L,
    recipe: &Recipe,
    step: usize,
    cost: &Cost,
) -> Result<()> {
    if cost.total().is_finite() {
        return Ok(());
    }
    let what = engine.not_finite()?;
    Err(recipe.diverged(step, what.unwrap_or_else(|| "the cost".to_owned())))
}
