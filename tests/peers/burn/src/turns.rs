//! Times: burn's warm-up, and its turns with rhohat.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::problem::Shape;
use crate::training::Training;

/// Warm is who has made so many steps in succession of which none took twice as long as another.
const ALIKE: usize = 5;
/// Who is not warm by then never gets warm.
const PATIENCE: Duration = Duration::from_secs(500);

/// Median and best of some steps, in ms.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Half of the steps took less.
    pub median: f64,
    /// The shortest.
    pub best: f64,
}

impl Times {
    fn of(mut times: Vec<f64>) -> Self {
        Self { median: median(&mut times), best: times[0] }
    }
}

/// The middle one of some numbers, which are sorted by it.
pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    (numbers[(numbers.len() - 1) / 2] + numbers[numbers.len() / 2]) / 2.0
}

/// Steps until their times are alike. Gives the seconds beyond those that as many warm steps would have taken: burn
/// compiles shaders and tries out kernels while it makes the first ones.
pub fn warm_up(training: &mut Training) -> Result<f64> {
    let begun = Instant::now();
    let mut times = Vec::new();
    loop {
        times.push(step(training)?);
        if let Some(last) = times.last_chunk::<ALIKE>() {
            let mut last = *last;
            let typical = median(&mut last);
            if last[ALIKE - 1] < 2.0 * last[0] {
                return Ok(times.iter().map(|time| (time - typical).max(0.0)).sum::<f64>() / 1e3);
            }
        }
        ensure!(
            begun.elapsed() < PATIENCE,
            "burn's steps do not become alike; the last took {:?} ms",
            times.last()
        );
    }
}

/// burn's steps over `seconds`, five at least.
pub fn burn(training: &mut Training, seconds: f64) -> Result<Times> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || begun.elapsed().as_secs_f64() < seconds {
        times.push(step(training)?);
    }
    Ok(Times::of(times))
}

/// ms of a step.
fn step(training: &mut Training) -> Result<f64> {
    let begun = Instant::now();
    training.step()?;
    Ok(1e3 * begun.elapsed().as_secs_f64())
}

/// rhohat's steps on the software adapter.
pub fn rhohat(binary: &Path, shape: Shape) -> Result<Times> {
    let step = shape.to_string();
    let done = Command::new(binary)
        .args([
            "bench",
            "--device",
            "software",
            "--step",
            &step,
            "--output",
            shape.output(),
            "--json",
            "--quiet",
        ])
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("--rhohat {}", binary.display()))?;
    let rows: Value = serde_json::from_slice(&done.stdout).context("rhohat bench printed no JSON")?;
    let is_step = |row: &&Value| row["what"] == json!("step");
    let row =
        rows.as_array().and_then(|rows| rows.iter().find(is_step)).context("rhohat bench timed no step")?;
    let time = |name| row[name].as_f64().with_context(|| format!("rhohat bench gave no {name}"));
    Ok(Times { median: time("median_ms")?, best: time("best_ms")? })
}
