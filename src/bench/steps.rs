//! Whole training steps, as [`crate::engine::Engine::step`] makes them: forward, cost, backward and an update by SGD
//! with momentum over all examples, J read back each time.

use super::contender::{Contender, Problem};
use super::row::{Row, What};
use super::stats::{Pace, in_turns};
use super::{profile, sampled};
use crate::engine::{Engine, Rows, Step, Update};
use crate::error::{Error, Result};
use crate::verify::rig::Failure;

/// The update that is timed. Its rate is so small that the parameters stay where no unit saturates.
pub const UPDATE: Update = Update::Sgd { lr: 1e-4, momentum: 0.9 };

/// Validates the engines on a problem and times them in turns; a row each, then the profiles if asked for.
///
/// # Errors
/// [`Error::Device`] naming what a contender computes wrongly, and whatever its device reports.
pub fn measure(contenders: &[Contender], problem: &Problem, pace: Pace, profiles: bool) -> Result<Vec<Row>> {
    let mut engines = contenders.iter().map(|who| validated(who, problem)).collect::<Result<Vec<_>>>()?;
    let mut steps: Vec<_> = engines.iter_mut().map(|engine| || step(&mut **engine)).collect();
    let mut contestants: Vec<&mut dyn FnMut() -> Result<()>> = Vec::new();
    for step in &mut steps {
        contestants.push(step);
    }
    let times = in_turns(&mut contestants, pace)?;
    drop(contestants);
    drop(steps);
    let row = |(who, times): (&Contender, _)| {
        let row = Row { shape: Some(problem.size), ..who.row(What::Step) }.timed(times);
        let samples_per_second = Some(problem.size.m as f64 / times.median);
        Row { samples_per_second, ..row }.of_variant(who.kernels()).operations(problem.size.flops(), who.peak)
    };
    let mut rows: Vec<Row> = contenders.iter().zip(times).map(row).collect();
    if profiles {
        for (who, engine) in contenders.iter().zip(&mut engines) {
            rows.extend(profile::of_step(who, problem, &mut **engine)?);
        }
    }
    Ok(rows)
}

/// One step.
///
/// # Errors
/// Those of the engine.
pub fn step(engine: &mut dyn Engine) -> Result<()> {
    let beta = engine.objective().beta;
    engine.step(&Step { rows: Rows::All, update: UPDATE, beta, report: true }).map(|_| ())
}

/// The engine of a contender on a problem, once a sample of what it computes has been checked.
fn validated(who: &Contender, problem: &Problem) -> Result<Box<dyn Engine>> {
    let mut engine = who.open(problem)?;
    match sampled::check(&mut *engine, problem, 0) {
        Ok(_) => Ok(engine),
        Err(failure) => Err(wrong(who, &format!("a step of {}", problem.size), failure)),
    }
}

/// The error for a result that is not what it has to be: nothing is timed that is wrong.
pub fn wrong(who: &Contender, what: &str, failure: Failure) -> Error {
    match failure {
        Failure::Device(error) => error,
        Failure::Wrong(why) => Error::device(format!(
            "{}: {what} is computed wrongly ({why}), so it is not timed; `rhohat verify --device {}` tells more",
            who.adapter, who.device
        )),
    }
}
