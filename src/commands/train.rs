//! `rhohat train`: from arguments to a run directory. Everything that can be refused is refused before the directory
//! is made.

mod interrupt;
mod start;
mod summary;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use indicatif::{HumanBytes, HumanCount};
use rhohat::Error;
use rhohat::config::{Config, Facts, Given, Kind, MemoryPlan, reach_warning};
use rhohat::data::stream::RawRows;
use rhohat::data::{Preprocess, Source};
use rhohat::device::{Choice, Selector};
use rhohat::engine::Engine;
use rhohat::gpu::tune::{Job, Kernels, Origin, Tune};
use rhohat::gpu::variant::Variant;
use rhohat::memory::grant;
use rhohat::model::file::{Meta, ModelFile, save};
use rhohat::model::{Params, Shape};
use rhohat::picture::{Tile, features};
use rhohat::run::{Environment, RunDir};
use rhohat::train::{Ended, train};
use rhohat::units::{Health, JUDGED, spaced};

use super::on_data::FOREIGN;
use super::print;
use crate::cli::TrainArgs;
use interrupt::Interrupt;
use summary::Summary;
use watch::Watch;

/// Trains and prints; `started` is when the program did.
pub fn run(args: &TrainArgs, quiet: bool, started: Instant) -> anyhow::Result<ExitCode> {
    let how = args.tune.mode(args.settings.forces_variant())?;
    let given = Given::new(args.config.as_deref(), args.settings.table())?;
    args.out.as_deref().map(RunDir::check).transpose()?;
    let init = given.get::<PathBuf>("init")?.as_deref().map(open_init).transpose()?;
    let raw = given.get::<RawRows>("raw")?;
    let open = |path: &Path| Source::open_for_training(path, raw);
    let source = given.get::<PathBuf>("data")?.as_deref().map(open).transpose()?;
    let facts = Facts { kind: Kind::of(source.as_ref()), init: init.as_ref() };
    let config = Config::resolve(&given, &facts)?;
    let device = Device::open(args, &config, how)?;
    let (config, plan) = config.plan_memory(facts.kind, &device.choice)?;
    if args.dry_run {
        print(args.json, &plan, plan_text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let opened = open_engine(args, &config, &device, source, init.as_ref(), &plan)?;
    let config = config.with_plan(opened.engine.plan(), device.choice.variant());
    learn(args, &config, opened, quiet, started)
}

fn open_init(path: &Path) -> rhohat::Result<ModelFile> {
    let file = ModelFile::open(path)?;
    if file.meta().is_none() {
        tracing::info!("{}: no rhohat metadata; {FOREIGN}", path.display());
    }
    Ok(file)
}

/// What is computed on, and how its kernels are to be chosen.
struct Device {
    choice: Choice,
    forced: Option<Variant>,
    how: Tune,
}

impl Device {
    /// Opens it, with the kernels that the settings ask for. `--retune` puts aside those that a configuration names, and
    /// a configuration of another device may name some that this one does not have.
    fn open(args: &TrainArgs, config: &Config, how: Tune) -> rhohat::Result<Self> {
        let choice = Choice::resolve(&config.selector()?)?;
        let mut forced = config.force_variant.filter(|_| how != Tune::Always);
        match forced.map(|variant| choice.force(variant)).transpose() {
            Err(why) if !args.settings.forces_variant() => {
                tracing::warn!("{why}; going on without");
                forced = None;
            }
            other => other.map(|_| ())?,
        }
        Ok(Self { choice, forced, how })
    }

    /// Chooses the kernels, unless that has been done.
    fn tune(&self, config: &Config, (examples, visible): (usize, usize)) -> rhohat::Result<Option<Kernels>> {
        if let Some(variant) = self.forced {
            return Ok(Some(Kernels { variant, chosen: Origin::Forced }));
        }
        let shape = Shape { visible, hidden: config.hidden };
        let job = Job { shape, examples, batch: config.batch.rows(), cut: config.setup().cut };
        self.choice.tune(&job, self.how)
    }
}

/// What training works with.
struct Opened {
    engine: Box<dyn Engine>,
    /// What made the examples.
    preprocess: Preprocess,
    kernels: Option<Kernels>,
}

/// The engine with start parameters and examples.
fn open_engine(
    args: &TrainArgs,
    config: &Config,
    device: &Device,
    source: Option<Source>,
    init: Option<&ModelFile>,
    plan: &MemoryPlan,
) -> anyhow::Result<Opened> {
    if !device.choice.has_own_memory() {
        grant(plan.total)?;
    }
    let source = source.unwrap_or_else(|| Source::built_in(config.seed));
    let data = start::Data::new(&source, config, init, &|_| {})?;
    drop(source);
    if let Some(warning) = reach_warning(&data.looked_at()?, config.output, config.fit_rows) {
        tracing::warn!("{warning}");
    }
    if let Some(path) = &args.save_patches {
        data.save(path)?;
    }
    let kernels = device.tune(config, data.size())?;
    let start = start::FromSettings { config, init, data: &data };
    tracing::info!("{}", plan_line(plan));
    let engine = device.choice.open(&config.setup(), &start)?;
    Ok(Opened { engine, preprocess: data.preprocess, kernels })
}

/// Trains in a new run directory, which holds the result in the end.
fn learn(
    args: &TrainArgs,
    config: &Config,
    opened: Opened,
    quiet: bool,
    started: Instant,
) -> anyhow::Result<ExitCode> {
    let Opened { mut engine, preprocess, kernels } = opened;
    let engine = &mut *engine;
    let recipe = config.train_recipe(engine.examples());
    let run = RunDir::create(args.out.as_deref(), &run_name(config))?;
    let metrics = run.begin(config, &Environment::here(config.device.clone(), engine.adapter(), kernels))?;
    let interrupt = Interrupt::listen()?;
    let mut watch = Watch::new(metrics, config.objective(), &interrupt, recipe.steps, quiet);
    let startup = started.elapsed();
    let outcome = train(engine, &recipe, &mut watch);
    let clamped = watch.finish();
    if let Err(Error::Diverged { .. }) = outcome {
        tracing::info!("{}: the metrics of the steps before are kept", run.path().display());
    }
    let mut outcome = outcome?;
    let params = engine.params()?;
    keep(&params, config, preprocess, &run)?;
    if config.selector()? == Selector::Reference {
        // It has learned in more digits than the file holds: J is told of what was saved.
        engine.set_params(&params)?;
        outcome.cost = engine.cost()?;
    }
    let rows = spaced(engine.examples(), JUDGED);
    let units = Health::measure(engine, &config.objective(), &outcome.cost, &params, &rows)?;
    let summary = Summary::new(config, engine, &outcome, units, &run, clamped, startup);
    print(args.json, &summary, summary::text)?;
    let stopped = interrupt.signal().filter(|_| outcome.ended == Ended::Stopped);
    Ok(stopped.map_or(ExitCode::SUCCESS, |signal| ExitCode::from(128 + signal)))
}

/// Writes the model, and the picture of its features where the examples are pictures.
fn keep(params: &Params<f32>, config: &Config, preprocess: Preprocess, run: &RunDir) -> rhohat::Result<()> {
    let meta = Meta { objective: config.objective(), preprocess, seed: config.seed };
    save(&run.model(), params, &meta)?;
    match Tile::of(Some(&meta.preprocess), params.shape.visible) {
        Some(tile) => features(params, tile, None)?.save(&run.features()),
        None => Ok(()),
    }
}

/// The data's name as part of a directory's.
fn run_name(config: &Config) -> String {
    let stem = config.data.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    stem.map_or("dead-leaves".to_owned(), |stem| stem.chars().map(plain).collect())
}

/// The plan in a line.
fn plan_line(plan: &MemoryPlan) -> String {
    let of = plan.available.map(|there| format!(" of {}", HumanBytes(there))).unwrap_or_default();
    let rows = if plan.stream { ", rows read as they are needed" } else { "" };
    format!("memory: {}{of}; {}{rows}", HumanBytes(plan.total), cut_text(plan))
}

/// How the work is cut.
fn cut_text(plan: &MemoryPlan) -> String {
    let again = if plan.recomputes { ", activations computed twice" } else { "" };
    format!(
        "{} rows and {} hidden units at a time{again}",
        HumanCount(plan.chunk as u64),
        HumanCount(plan.block as u64)
    )
}

fn plan_text(plan: &MemoryPlan) -> String {
    let data = if plan.stream { "rows on their way" } else { "data" };
    let parts = [
        ("parameters", plan.parameters),
        ("optimiser", plan.optimizer_state),
        ("activations", plan.activations),
        (data, plan.data),
        ("textures", plan.textures),
        ("start", plan.start),
        ("saving", plan.saving),
        ("program", plan.program),
    ];
    let mut text =
        format!("{} examples, {} visible, {} hidden units", plan.examples, plan.visible, plan.hidden);
    for (name, bytes) in parts.into_iter().filter(|(_, bytes)| *bytes > 0).chain([("total", plan.total)]) {
        text += &format!("\n{name:18} {:>12}", HumanBytes(bytes).to_string());
    }
    if let Some(there) = plan.available {
        text += &format!("\n{:18} {:>12}", "of", HumanBytes(there).to_string());
    }
    text + &format!("\n{}", cut_text(plan))
}
