//! What a benchmark does, in order, as a list that a progress bar can walk through.

use super::contender::{Contender, Problem, contenders};
use super::ladder::{Size, check_memory};
use super::row::{Row, What};
use super::stats::Pace;
use super::{ceilings, goal, kernels, products, steps};
use crate::engine::gpu::tune::Tune;
use crate::error::Result;
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
    /// Steps alone: no products, kernels or training.
    pub steps_alone: bool,
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
        Ok(Self { contenders, rows: Vec::new(), options })
    }

    fn pace(&self) -> Pace {
        if self.options.quick { Pace::QUICK } else { Pace::CAREFUL }
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

/// What `bench` has to do.
pub fn tasks(bench: &Bench) -> Vec<Task> {
    let Options { steps_alone, quick, ref sizes, .. } = bench.options;
    let mut tasks = Vec::new();
    for who in 0..bench.contenders.len() {
        let device = &bench.contenders[who].device;
        let checks = move |bench: &mut Bench| check_small(&bench.contenders[who], &bench.options);
        tasks.push(Task::new(format!("checking {device}"), checks));
        tasks.push(Task::new(format!("ceilings of {device}"), move |bench| measure_ceilings(bench, who)));
    }
    for &size in sizes {
        if !steps_alone {
            tasks.push(Task::new(format!("products of {size}"), move |bench| measure_products(bench, size)));
        }
        tasks.push(Task::new(format!("steps of {size}"), move |bench| measure_steps(bench, size)));
    }
    if !steps_alone {
        tasks.push(Task::new("kernels", measure_kernels));
        tasks.push(Task::new("the lecture's experiment", move |bench| {
            let (runs, patches) = if quick { (1, Some(1000)) } else { (3, None) };
            let rows = goal::measure(&bench.contenders, runs, patches)?;
            bench.rows.extend(rows);
            Ok(())
        }));
    }
    tasks
}

/// The case lists of `verify`: every kernel and whole steps, or for a short look whole steps alone.
fn check_small(who: &Contender, options: &Options) -> Result<()> {
    let wrong = |what: &str, failure| steps::wrong(who, what, failure);
    if options.quick || options.steps_alone {
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
    let pace = bench.pace();
    let contender = &mut bench.contenders[who];
    let rows = if bench.options.steps_alone {
        ceilings::roofs(contender, Pace::QUICK)?
    } else {
        ceilings::measure(contender, pace)?
    };
    if !bench.options.steps_alone {
        bench.rows.extend(rows);
    }
    Ok(())
}

fn measure_products(bench: &mut Bench, size: Size) -> Result<()> {
    for who in &bench.contenders {
        bench.rows.extend(products::measure(who, size, bench.pace())?);
    }
    Ok(())
}

fn measure_steps(bench: &mut Bench, size: Size) -> Result<()> {
    let problem = Problem::new(size, bench.options.objective, SEED);
    let profiles = !bench.options.steps_alone;
    bench.rows.extend(steps::measure(&bench.contenders, &problem, bench.pace(), profiles)?);
    Ok(())
}

fn measure_kernels(bench: &mut Bench) -> Result<()> {
    for who in &bench.contenders {
        bench.rows.extend(kernels::measure(who, bench.pace())?);
    }
    Ok(())
}

impl Bench {
    /// The rows of a kind.
    pub fn rows_of(&self, what: What) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.what == what)
    }
}
