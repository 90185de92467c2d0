//! Where the time of a step goes, by the clock of the device.

use super::contender::{Contender, Problem};
use super::row::{Row, What};
use super::stats::Summary;
use super::steps;
use crate::engine::Engine;
use crate::error::Result;

/// Steps of which the median is taken, kernel by kernel.
const STEPS: usize = 5;

/// A row a kernel, the longest first; none where there is no device with a clock.
///
/// # Errors
/// Those of the engine.
pub fn of_step(who: &Contender, problem: &Problem, engine: &mut dyn Engine) -> Result<Vec<Row>> {
    let Some(gpu) = who.gpu().filter(|gpu| gpu.has_clock()) else { return Ok(Vec::new()) };
    let mut kernels: Vec<(&'static str, Vec<f64>)> = Vec::new();
    for _ in 0..STEPS {
        for (name, seconds) in gpu.profiled(|| steps::step(engine, false))? {
            match kernels.iter_mut().find(|(known, _)| *known == name) {
                Some((_, times)) => times.push(seconds),
                None => kernels.push((name, vec![seconds])),
            }
        }
    }
    let mut kernels: Vec<_> =
        kernels.into_iter().filter_map(|(name, times)| Some((name, Summary::of(&times)?))).collect();
    kernels.sort_by(|a, b| b.1.median.total_cmp(&a.1.median));
    let total: f64 = kernels.iter().map(|(_, times)| times.median).sum();
    let row = |(name, times): &(&str, Summary)| Row {
        shape: Some(problem.size),
        share_of_step: Some(times.median / total),
        ..who.row(What::Profile).of_variant(*name).timed(*times)
    };
    Ok(kernels.iter().map(row).collect())
}
