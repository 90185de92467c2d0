//! Whole training steps, as [`crate::engine::Engine::step`] makes them: forward, cost, backward and an update by SGD
//! with momentum over all examples. Training reads J back in reports alone, so that most steps wait for nothing: several in a row
//! are timed until the last has ended, and steps with J apart.

use std::cell::RefCell;
use std::time::Instant;

use super::contender::{Contender, Problem};
use super::row::{Row, What};
use super::stats::{Pace, Summary, in_turns};
use super::{profile, sampled};
use crate::engine::{Engine, Rows, Step, Update};
use crate::error::{Error, Result};
use crate::verify::rig::Failure;

/// The update that is timed. Its rate is so small that the parameters stay where no unit saturates.
pub const UPDATE: Update = Update::Sgd { lr: 1e-4, momentum: 0.9 };

/// Seconds of steps in a row, and most of them.
const BURST: f64 = 0.02;
const MOST: f64 = 50.0;

/// Validates the engines on a problem and times them in turns; a row without J and one with it each, then the
/// profiles if asked for.
///
/// # Errors
/// [`Error::Device`] naming what a contender computes wrongly, and whatever its device reports.
pub fn measure(contenders: &[Contender], problem: &Problem, pace: Pace, profiles: bool) -> Result<Vec<Row>> {
    let mut engines = contenders.iter().map(|who| validated(who, problem)).collect::<Result<Vec<_>>>()?;
    let bursts = engines.iter_mut().map(|engine| burst(&mut **engine)).collect::<Result<Vec<_>>>()?;
    let engines: Vec<_> = engines.into_iter().map(RefCell::new).collect();
    let mut runs: Vec<Box<dyn FnMut() -> Result<()>>> = Vec::new();
    for (engine, &burst) in engines.iter().zip(&bursts) {
        runs.push(Box::new(move || {
            (0..burst).try_for_each(|_| step(&mut **engine.borrow_mut(), false))?;
            engine.borrow_mut().finish()
        }));
        runs.push(Box::new(|| step(&mut **engine.borrow_mut(), true)));
    }
    let mut contestants: Vec<&mut dyn FnMut() -> Result<()>> = Vec::new();
    for run in &mut runs {
        contestants.push(run);
    }
    let times = in_turns(&mut contestants, pace)?;
    drop(contestants);
    drop(runs);
    let row = |what, who: &Contender, times: Summary| {
        let row = Row { shape: Some(problem.size), ..who.row(what) }.timed(times);
        let samples_per_second = Some(problem.size.m as f64 / times.median);
        Row { samples_per_second, ..row }.of_variant(who.kernels()).operations(problem.size.flops())
    };
    let mut rows = Vec::new();
    for ((who, times), &burst) in contenders.iter().zip(times.chunks_exact(2)).zip(&bursts) {
        rows.push(row(What::Step, who, times[0].times(1.0 / burst as f64)));
        rows.push(row(What::StepWithJ, who, times[1]));
    }
    let mut engines: Vec<_> = engines.into_iter().map(RefCell::into_inner).collect();
    if profiles {
        for (who, engine) in contenders.iter().zip(&mut engines) {
            rows.extend(profile::of_step(who, problem, &mut **engine)?);
        }
    }
    Ok(rows)
}

/// One step, with J or without.
///
/// # Errors
/// Those of the engine.
pub fn step(engine: &mut dyn Engine, report: bool) -> Result<()> {
    let beta = engine.objective().beta;
    engine.step(&Step { rows: Rows::All, update: UPDATE, beta, report }).map(|_| ())
}

/// Steps without J that are timed in a row before their end is waited for: as many as take [`BURST`] seconds.
fn burst(engine: &mut dyn Engine) -> Result<usize> {
    // The first makes the recording and compiles.
    let mut once = || step(engine, false).and_then(|()| engine.finish());
    once()?;
    let started = Instant::now();
    once()?;
    Ok((BURST / started.elapsed().as_secs_f64()).ceil().clamp(1.0, MOST) as usize)
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
