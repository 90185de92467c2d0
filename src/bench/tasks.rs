//! What a benchmark does, in order, as a list that a progress bar can walk through.

use std::time::Instant;

use super::contender::{Contender, Problem, contenders};
use super::host::Host;
use super::ladder::{Size, check_memory};
use super::results::{Results, StepSettings};
use super::row::Row;
use super::stats::Pace;
use super::verdict::verdict;
use super::{ceilings, goal, kernels, products, steps};
use crate::engine::gpu::tune::Tune;
use crate::error::Result;
use crate::io::date;
use crate::math::objective::Objective;
use crate::verify::checks::{Group, checks};
use crate::verify::steps::{CUTS, Problem as SmallProblem, check_pass};

/// Seed of every number that is computed with.
const SEED: u64 = 0;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Selectors; empty for the CPU engine and the best adapter.
    pub devices: Vec<String>,
    /// Shapes of the steps, from the smallest up.
    pub sizes: Vec<Size>,
    /// Steps alone: no training until a cost.
    pub steps_alone: bool,
    /// Products and kernels by themselves, and what calls cost, too.
    pub kernels: bool,
    /// What is minimised.
    pub objective: Objective,
    /// Everything small and short.
    pub quick: bool,
    /// How kernels are chosen.
    pub tune: Tune,
}

/// A benchmark at work.
#[derive(Debug)]
pub struct Bench {
    /// Who takes part.
    pub contenders: Vec<Contender>,
    /// What was found so far.
    pub rows: Vec<Row>,
    /// What is asked for.
    pub options: Options,
    started: (String, Instant),
    host: Host,
}

impl Bench {
    /// Opens the devices.
    ///
    /// # Errors
    /// When a shape does not fit the memory or a device is not there.
    pub fn new(options: Options) -> Result<Self> {
        options.sizes.iter().try_for_each(|&size| check_memory(size))?;
        let mut contenders = contenders(&options.devices)?;
        contenders.iter_mut().for_each(|who| who.tune = options.tune);
        let started = (date::now(), Instant::now());
        Ok(Self { contenders, rows: Vec::new(), options, started, host: Host::here() })
    }

    /// What was found, once all is done.
    pub fn finish(self) -> Results {
        let Objective { activation, output, .. } = self.options.objective;
        let (started, since) = self.started;
        let mut results = Results {
            rhohat: env!("CARGO_PKG_VERSION").to_owned(),
            started,
            seconds: since.elapsed().as_secs_f64(),
            host: self.host,
            settings: StepSettings { activation, output },
            verdict: String::new(),
            devices: self.contenders.iter().map(Contender::record).collect(),
            rows: self.rows,
        };
        results.settle_shares();
        results.verdict = verdict(&results);
        results
    }

    fn pace(&self) -> Pace {
        if self.options.quick { Pace::QUICK } else { Pace::USUAL }
    }
}

type Run = Box<dyn FnOnce(&mut Bench) -> Result<()>>;

/// A part of a benchmark.
pub struct Task {
    /// What it does, for people.
    pub name: String,
    run: Run,
}

impl Task {
    fn new(name: impl Into<String>, run: impl FnOnce(&mut Bench) -> Result<()> + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// What was found to be wrong, or what a device reported.
    pub fn run(self, bench: &mut Bench) -> Result<()> {
        (self.run)(bench)
    }
}

/// What `bench` has to do. Roofs are measured again after the steps of every shape: what other programs leave of the machine
/// changes, and the best that was seen is the ceiling.
pub fn tasks(bench: &Bench) -> Vec<Task> {
    let Options { steps_alone, kernels, quick, ref sizes, .. } = bench.options;
    let mut tasks = Vec::new();
    for who in 0..bench.contenders.len() {
        let device = &bench.contenders[who].device;
        let checks = move |bench: &mut Bench| check_small(&bench.contenders[who], &bench.options);
        tasks.push(Task::new(format!("checking {device}"), checks));
        tasks.push(Task::new(format!("ceilings of {device}"), move |bench| measure_ceilings(bench, who)));
    }
    for &size in sizes {
        if kernels {
            tasks.push(Task::new(format!("products of {size}"), move |bench| measure_products(bench, size)));
        }
        tasks.push(Task::new(format!("steps of {size}"), move |bench| measure_steps(bench, size)));
    }
    if kernels {
        tasks.push(Task::new("kernels", measure_kernels));
    }
    if !steps_alone {
        tasks.push(Task::new("the lecture's experiment", move |bench| {
            let (runs, patches) = if quick { (1, Some(1000)) } else { (3, None) };
            let rows = goal::measure(&bench.contenders, runs, patches)?;
            bench.rows.extend(rows);
            Ok(())
        }));
    }
    tasks
}

/// Whole steps out of the case lists of `verify`, and where kernels are timed every kernel.
fn check_small(who: &Contender, options: &Options) -> Result<()> {
    let wrong = |what: &str, failure| steps::wrong(who, what, failure);
    if !options.kernels {
        let pair = (options.objective.activation, options.objective.output);
        let problem = SmallProblem::new(pair, SEED);
        for cut in CUTS {
            check_pass(&who.choice, &problem, cut).map_err(|failure| wrong("a small step", failure))?;
        }
        return Ok(());
    }
    for check in checks(&who.choice, SEED) {
        if matches!(check.group, Group::Kernels | Group::Steps) {
            check.run(&who.choice).map_err(|failure| wrong(&check.name, failure))?;
        }
    }
    Ok(())
}

fn measure_ceilings(bench: &mut Bench, who: usize) -> Result<()> {
    let (contender, pace) = (&bench.contenders[who], bench.pace());
    let rows = if bench.options.kernels {
        ceilings::measure(contender, pace)?
    } else {
        ceilings::roofs(contender, Pace::QUICK)?
    };
    bench.rows.extend(rows);
    Ok(())
}

/// Measures the roofs of all again, and keeps the better of each.
fn raise_roofs(bench: &mut Bench) -> Result<()> {
    for who in &bench.contenders {
        for again in ceilings::roofs(who, Pace::QUICK)? {
            keep_better(&mut bench.rows, again);
        }
    }
    Ok(())
}

/// Puts a roof in the place of the one that is known, where its rate is higher. Its time says nothing: how much a device is
/// given to do depends on how fast it was found to be.
fn keep_better(rows: &mut [Row], again: Row) {
    let rate = |row: &Row| row.gbytes_per_second.or(row.gflops);
    let is_same =
        |row: &&mut Row| row.what == again.what && row.device == again.device && row.variant == again.variant;
    if let Some(row) = rows.iter_mut().find(is_same)
        && rate(&again) > rate(row)
    {
        *row = again;
    }
}

fn measure_products(bench: &mut Bench, size: Size) -> Result<()> {
    for who in &bench.contenders {
        bench.rows.extend(products::measure(who, size, bench.pace())?);
    }
    Ok(())
}

fn measure_steps(bench: &mut Bench, size: Size) -> Result<()> {
    let problem = Problem::new(size, bench.options.objective, SEED);
    let profiles = bench.options.kernels;
    bench.rows.extend(steps::measure(&bench.contenders, &problem, bench.pace(), profiles)?);
    raise_roofs(bench)
}

fn measure_kernels(bench: &mut Bench) -> Result<()> {
    for who in &bench.contenders {
        bench.rows.extend(kernels::measure(who, bench.pace())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::{COPY, MULTIPLY_ADD, What};

    fn roof(device: &str, variant: &str, rate: f64, best_ms: f64) -> Row {
        let mut row = Row::of(What::Ceiling, device);
        row.variant = Some(variant.to_owned());
        row.best_ms = Some(best_ms);
        if variant == COPY {
            row.gbytes_per_second = Some(rate)
        } else {
            row.gflops = Some(rate)
        }
        row
    }

    #[test]
    fn of_two_measurements_of_a_ceiling_the_one_with_the_higher_rate_is_kept() {
        let known = [
            roof("gpu:0", MULTIPLY_ADD, 90.0, 4.0),
            roof("gpu:0", COPY, 9.0, 4.0),
            roof("cpu", COPY, 8.0, 4.0),
        ];
        let mut rows = known.to_vec();
        // A shorter time of less work, and a longer one of more.
        keep_better(&mut rows, roof("gpu:0", MULTIPLY_ADD, 80.0, 1.0));
        keep_better(&mut rows, roof("gpu:0", COPY, 8.5, 1.0));
        assert_eq!(rows, known);
        keep_better(&mut rows, roof("gpu:0", MULTIPLY_ADD, 95.0, 9.0));
        keep_better(&mut rows, roof("cpu", COPY, 8.1, 9.0));
        assert_eq!(rows[0].gflops, Some(95.0));
        assert_eq!(rows[1], known[1]);
        assert_eq!(rows[2].gbytes_per_second, Some(8.1));
    }
}
