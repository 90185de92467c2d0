//! The training loop, over any engine. It knows neither adapters nor flags.

use std::time::Instant;

use serde::Serialize;

use crate::engine::{Engine, Rows, Update};
use crate::error::{Error, Result};
use crate::objective::{Cost, Objective};
use crate::optim::lbfgs::{Iteration, Lbfgs};
use crate::optim::{LearningRate, Optimizer};
use crate::order::{Order, Shuffle};
use crate::random::Stream;
use crate::revive::revive;

/// Examples that J is taken over in the end at least, where there are as many.
pub const MEASURED: usize = 50_000;

/// What a training run does.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The update rule.
    pub optimizer: Optimizer,
    /// η over time; not used by L-BFGS.
    pub rate: LearningRate,
    /// μ of SGD.
    pub momentum: f64,
    /// Updates over which β rises linearly to its value; 0 for none. Not used by L-BFGS.
    pub beta_warmup: usize,
    /// Rows an update; `None` is all of them.
    pub batch: Option<usize>,
    /// Whether dead units are given new weights. Not used by L-BFGS.
    pub revival: Option<Revival>,
    /// Updates, or L-BFGS iterations.
    pub steps: usize,
    /// The order of the examples.
    pub shuffle: Shuffle,
    /// Updates between two reports.
    pub report_every: usize,
}

/// When units come back to life, see [`mod@crate::revive`].
#[derive(Clone, Copy, Debug)]
pub struct Revival {
    /// Updates between two revivals; the last update has none.
    pub every: usize,
    /// What is minimised.
    pub objective: Objective,
}

/// The state after an update, as an observer sees it.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Updates or iterations done.
    pub step: usize,
    /// J: of the new parameters for L-BFGS, of the batch before the update for SGD and Adam, with the β of that update.
    pub cost: Cost,
    /// The share of β that this update had, where β warms up.
    pub beta_share: Option<f64>,
    /// Units that were given new weights so far, where dead ones are.
    pub revived: Option<usize>,
    /// ‖∇J‖, where the optimiser has it at hand.
    pub gradient_norm: Option<f64>,
    /// η of this update; for L-BFGS the accepted step length.
    pub rate: f64,
    /// Examples that went through forward and backward so far (an L-BFGS evaluation counts them all).
    pub samples: u64,
    /// Seconds since training started.
    pub seconds: f64,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// All steps done.
    Steps,
    /// L-BFGS found no lower J in this precision.
    Converged,
    /// The observer asked for it after a step.
    Stopped,
}

/// What came of a run.
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

/// Who follows a run.
pub trait Observer {
    /// Takes a report.
    ///
    /// # Errors
    /// Whatever the observer cannot live with; it ends the run.
    fn report(&mut self, progress: &Progress) -> Result<()>;

    /// Whether the run shall end after the step at hand. Asked after every step.
    fn wants_stop(&self) -> bool {
        false
    }
}

/// An observer that looks away.
impl Observer for () {
    fn report(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }
}

/// Trains, and tells `observer` how it goes.
pub fn train(engine: &mut dyn Engine, recipe: &Recipe, observer: &mut dyn Observer) -> Result<Outcome> {
    let mut run = Run { started: Instant::now(), steps: 0, samples: 0, revived: 0, observer };
    let ended = match recipe.optimizer {
        Optimizer::Lbfgs => run.search(engine, recipe)?,
        Optimizer::Sgd | Optimizer::Adam => run.descend(engine, recipe)?,
    };
    let seconds = run.started.elapsed().as_secs_f64();
    let most = usize::try_from(run.samples).unwrap_or(usize::MAX).max(MEASURED);
    let (cost, measured) = engine.sampled_cost(most)?;
    check_finite(engine, run.steps, &cost)?;
    Ok(Outcome {
        steps: run.steps,
        cost,
        measured,
        samples: run.samples,
        revived: run.revived,
        seconds,
        ended,
    })
}

/// Counters of a run, and who is told of them.
struct Run<'a> {
    started: Instant,
    steps: usize,
    samples: u64,
    revived: usize,
    observer: &'a mut dyn Observer,
}

impl Run<'_> {
    /// L-BFGS on all examples.
    fn search(&mut self, engine: &mut dyn Engine, recipe: &Recipe) -> Result<Ended> {
        let examples = engine.examples() as u64;
        let mut lbfgs = Lbfgs::new(engine)?;
        while self.steps < recipe.steps {
            let Iteration::Accepted(rate) = lbfgs.iterate(engine)? else {
                return Ok(Ended::Converged);
            };
            self.steps += 1;
            self.samples = lbfgs.evaluations() as u64 * examples;
            if self.is_due(recipe) {
                self.report(recipe, lbfgs.cost().clone(), Some(lbfgs.gradient_norm()), rate)?;
            }
            if self.observer.wants_stop() {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::Steps)
    }

    /// SGD or Adam, on mini-batches in a seeded order or on all examples.
    fn descend(&mut self, engine: &mut dyn Engine, recipe: &Recipe) -> Result<Ended> {
        let examples = engine.examples();
        let batch = recipe.batch.unwrap_or(examples);
        let mut order = Order::new(examples, recipe.shuffle);
        while self.steps < recipe.steps {
            let rate = recipe.rate.at(self.steps + 1);
            let rows = match recipe.batch {
                None => Rows::All,
                Some(batch) => Rows::Listed(order.next(batch)),
            };
            let count = if let Rows::Listed(rows) = rows { rows.len() } else { batch };
            self.steps += 1;
            self.samples += count as u64;
            self.update(engine, recipe, rows, rate)?;
            if self.observer.wants_stop() {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::Steps)
    }

    /// One update, and the report and the revival that follow it.
    fn update(&mut self, engine: &mut dyn Engine, recipe: &Recipe, rows: Rows<'_>, rate: f64) -> Result<()> {
        let (due, revival) = (self.is_due(recipe), recipe.revival_after(self.steps));
        let share = recipe.beta_share(self.steps);
        engine.set_beta_share(share.unwrap_or(1.0));
        let update = recipe.update(rate, self.steps);
        let Some(cost) = engine.step(rows, &update, due || revival.is_some())? else { return Ok(()) };
        check_finite(engine, self.steps, &cost)?;
        if let Some(Revival { objective, .. }) = revival {
            let mut stream = Stream::numbered(recipe.shuffle.seed, "revival", self.steps as u64);
            self.revived += revive(engine, &objective, &cost.rho_hat, &mut stream)?;
        }
        if due { self.report(recipe, cost, None, rate) } else { Ok(()) }
    }

    fn is_due(&self, recipe: &Recipe) -> bool {
        self.steps == recipe.steps || self.steps.is_multiple_of(recipe.report_every.max(1))
    }

    fn report(&mut self, recipe: &Recipe, cost: Cost, gradient_norm: Option<f64>, rate: f64) -> Result<()> {
        let Self { steps: step, samples, .. } = *self;
        let descends = recipe.optimizer != Optimizer::Lbfgs;
        let beta_share = recipe.beta_share(step).filter(|_| descends);
        let revived = recipe.revival.filter(|_| descends).map(|_| self.revived);
        let seconds = self.started.elapsed().as_secs_f64();
        self.observer.report(&Progress {
            step,
            cost,
            beta_share,
            revived,
            gradient_norm,
            rate,
            samples,
            seconds,
        })
    }
}

impl Recipe {
    /// The revival that follows update `step`, if one does.
    fn revival_after(&self, step: usize) -> Option<Revival> {
        self.revival.filter(|revival| step < self.steps && step.is_multiple_of(revival.every))
    }

    /// The share of β that update `step` has, from 1; `None` where β does not warm up.
    fn beta_share(&self, step: usize) -> Option<f64> {
        (self.beta_warmup > 0).then(|| (step as f64 / self.beta_warmup as f64).min(1.0))
    }

    fn update(&self, lr: f64, step: usize) -> Update {
        match self.optimizer {
            Optimizer::Adam => Update::Adam { lr, step: step as u64 },
            Optimizer::Sgd | Optimizer::Lbfgs => Update::Sgd { lr, momentum: self.momentum },
        }
    }
}

/// Stops at the first number that is not finite, judged on the host: a shader may assume that there is none.
fn check_finite(engine: &mut dyn Engine, step: usize, cost: &Cost) -> Result<()> {
    if cost.total().is_finite() {
        return Ok(());
    }
    let what = engine.params()?.first_not_finite().unwrap_or("the cost").to_owned();
    Err(Error::Diverged { step, what, remedy: "--lr, or check the data".to_owned() })
}
