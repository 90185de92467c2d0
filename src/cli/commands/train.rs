//! `rhohat train`: from arguments to a run directory. Everything that can be refused is refused before the directory
//! is made.

mod begun;
mod interrupt;
mod plan;
mod ready;
mod resume;
mod start;
mod summary;
mod watch;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::Error;
use crate::data::{DataDescription, Opened, Preprocess, Reading};
use crate::engine::device::Selector;
use crate::io::paths::PathText;
use crate::math::params::Params;
use crate::run::checkpoint::fail_point::reach;
use crate::run::checkpoint::{Checkpoints, Found, Keeper, Provenance};
use crate::run::config::{Config, Facts, Given, Kind, MemoryPlan, Written};
use crate::run::model_file::{Meta, ModelFile, write_to};
use crate::run::picture::{Tile, features, too_large};
use crate::run::{Divergence, Environment, FEATURES, MODEL, RunDir};
use crate::train::diagnostics::{JUDGED, UnitDiagnostics, spaced};
use crate::train::{self, Ended, Judge, Position};
use serde::Serialize;

use super::on_data::FOREIGN;
use super::outputs::{Kind as OutputKind, Wanted};
use super::{description, print};
use crate::cli::args::TrainArgs;
use crate::cli::progress;
use interrupt::Interrupt;
use ready::{Device, Ready, open_engine};
use resume::{Asked, Resumed};
use summary::Summary;
use watch::Watch;

/// Trains and prints; `started` is when the program did.
pub fn run(args: &TrainArgs, started: Instant) -> anyhow::Result<ExitCode> {
    let args = &begun::as_asked(args)?;
    let how = args.tune.mode(args.settings.forces_variant())?;
    let resumed = match args.resume.as_deref().map(|run| resume::open(run, args)).transpose()? {
        Some(Asked::Finished(summary)) => {
            print(args.json, &*summary, summary::text)?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Asked::Unfinished(resumed)) => Some(*resumed),
        None => None,
    };
    let file = resumed.as_ref().map(Resumed::config).or_else(|| args.config.clone());
    let given = Given::new(file.as_deref(), args.settings.table())?;
    args.place().map(RunDir::check).transpose()?;
    let init = match given.get::<PathText>("init")? {
        // What has been learned since is in the checkpoint.
        Some(path) if resumed.as_ref().is_some_and(Resumed::has_outgrown_init) && !path.exists() => None,
        path => path.as_deref().map(open_init).transpose()?,
    };
    if let Some(resumed) = &resumed {
        resumed.admit(&given, &args.settings.table())?;
    }
    check_saved_patches(args, &given, file.as_deref())?;
    let reading = Reading { raw: given.get("raw")?, meaning: given.get("as")?, axes: given.get("axes")? };
    let open = |path: &Path| Opened::new(path, &reading).map_err(|why| elsewhere(why, resumed.is_some()));
    let opened = given.get::<PathText>("data")?.as_deref().map(open).transpose()?;
    let (source, taken) = match opened {
        Some(Opened { source, description: taken }) => (Some(source), taken),
        None => (None, DataDescription::built_in()),
    };
    let kind = Kind::of(source.as_ref());
    let is_of_010 = resumed.as_ref().is_some_and(Resumed::is_of_010);
    let given = if is_of_010 { given.begun_by_010() } else { given };
    let given = if resumed.is_some() { given.gone_on_with() } else { given.over_data(kind) };
    let facts = Facts {
        kind,
        init: init.as_ref(),
        scale: taken.usual_scale(),
        scale_of_pixels: taken.scale_of_pixels(),
    };
    let config = Config::resolve(&given, &facts)?;
    if let Some(resumed) = &resumed {
        resumed.admit_all(&config, &given, &args.settings.table())?;
    }
    let data = taken.json(config.scale());
    let device = Device::open(args, &config, how)?;
    let (config, plan) = config.plan_memory(facts.kind, &device.choice)?;
    let plan = plan.with_pictures(&config, source.as_ref(), &device.choice)?;
    description::log(&taken, config.scale(), init.as_ref().map(|file| file.shape().visible));
    if given.written() == Written::Of010 {
        description::log_scale_of_010(&taken, config.scale());
    }
    if args.dry_run {
        print(args.json, &Planned { plan: &plan, source: data }, |planned| plan::text(planned.plan))?;
        return Ok(ExitCode::SUCCESS);
    }
    let opened = open_engine(args, &config, &device, source, init.as_ref(), &plan, resumed)?;
    let config = config.with_plan(opened.engine.plan(), device.choice.variant());
    learn(args, &config, opened, data, started)
}

/// What `--dry-run` prints.
#[derive(Serialize)]
struct Planned<'a> {
    #[serde(flatten)]
    plan: &'a MemoryPlan,
    /// What DATA was taken for; `data` is its memory.
    source: serde_json::Value,
}

/// Data that are not where they were may be somewhere else.
fn elsewhere(why: Error, resumed: bool) -> Error {
    match why {
        Error::Input { path, reason } if resumed && !path.exists() => {
            Error::Input { path, reason: reason + "; give where it is now: rhohat train DATA --resume RUN" }
        }
        other => other,
    }
}

/// Refuses to save the examples over what is read, or over anything that is no older array.
fn check_saved_patches(args: &TrainArgs, given: &Given, config: Option<&Path>) -> crate::Result<()> {
    let Some(path) = &args.save_patches else { return Ok(()) };
    let (data, init) = (given.get::<PathText>("data")?, given.get::<PathText>("init")?);
    let inputs: Vec<_> = [data.as_deref(), init.as_deref(), config].into_iter().flatten().collect();
    let (flag, kinds) = ("--save-patches", &[OutputKind::Npy]);
    Wanted { flag, path, kinds, inputs: &inputs, force: None }.check().map(|_| ())
}

fn open_init(path: &Path) -> crate::Result<ModelFile> {
    let file = ModelFile::open(path)?;
    if file.meta().is_none() {
        tracing::info!("{}: no rhohat metadata; {FOREIGN}", path.display());
    }
    Ok(file)
}

/// Trains in a run directory, which holds the result in the end.
fn learn(
    args: &TrainArgs,
    config: &Config,
    opened: Ready,
    data: serde_json::Value,
    started: Instant,
) -> anyhow::Result<ExitCode> {
    let Ready { mut engine, preprocess, record, store, kernels, judge, resumed } = opened;
    let engine = &mut *engine;
    let recipe = config.train_recipe(engine.examples());
    let interrupt = Interrupt::listen();
    let environment = Environment::here(config.device.clone(), engine.adapter(), kernels);
    let (run, metrics, position) = match resumed {
        Some(resumed) => resumed.begin(config, environment.adapter, &record)?,
        None => {
            let run = RunDir::create(args.place(), &run_name(config))?;
            let metrics = run.begin(config, &environment, &record)?;
            (run, metrics, Position::default())
        }
    };
    let taken = (position.steps > 0).then_some(position.steps);
    let checkpoints = Checkpoints::of(run.path());
    let keeper = Keeper::new(checkpoints, config.checkpoint_every, taken, recipe.optimizer.remedy());
    interrupt.of_run(run.path(), keeper.published());
    let provenance =
        Provenance { settings: config.to_table(), inputs: record.inputs, preprocess: preprocess.clone() };
    let mut watch =
        Watch::new((metrics, keeper, judge), config, (provenance, store), &interrupt, recipe.steps);
    let startup = started.elapsed();
    let outcome = train::resume(engine, &recipe, position, &mut watch);
    // The lock of the run is held until its last file has been written.
    let (metrics, judge) = watch.finish();
    let clamped = metrics.mark().clamped;
    if let Err(Error::Diverged { step, what, .. }) = &outcome {
        tell_of_divergence(&run);
        run.diverged(&Divergence { step: *step, what: what.clone() })?;
    }
    let mut outcome = outcome?;
    if let Some(best) = judge.as_ref().and_then(Judge::best) {
        engine.set_state(best)?;
        (outcome.cost, outcome.measured) = (engine.cost()?, engine.examples());
    }
    let ending = progress::stage("writing the model");
    let params = engine.params()?;
    keep(&params, config, preprocess, &run)?;
    reach("model-written");
    if config.selector()? == Selector::Reference {
        // It has learned in more digits than the file holds: J is told of what was saved.
        engine.set_params(&params)?;
        outcome.cost = engine.cost()?;
    }
    ending.say("judging hidden units");
    let rows = spaced(engine.examples(), JUDGED);
    let units = UnitDiagnostics::measure(engine, &config.objective(), &outcome.cost, &params, &rows)?;
    drop(ending);
    let summary = Summary::new(config, engine, &outcome, units, &run, (clamped, startup), judge.as_ref());
    let mut summary = summary.of_data(data);
    match outcome.ended {
        Ended::Stopped | Ended::Time => {
            tracing::info!("rhohat train --resume {} goes on", run.path().display());
        }
        Ended::Steps | Ended::Converged | Ended::Early => {
            summary.seal(&run)?;
            run.finish(&summary)?;
        }
    }
    reach("summary-written");
    drop(metrics);
    let printed = print(args.json, &summary, summary::text);
    match interrupt.signal().filter(|_| outcome.ended == Ended::Stopped) {
        // A terminal that is gone reads no result.
        Some(signal) => Ok(ExitCode::from(128 + signal)),
        None => printed.map(|()| ExitCode::SUCCESS),
    }
}

/// What is left of a run that has diverged, and how it can go on.
fn tell_of_divergence(run: &RunDir) {
    let place = run.path().display();
    match Checkpoints::of(run.path()).find() {
        Ok(Found { newest: Some((path, _)), .. }) => tracing::info!(
            "{} and the metrics before are kept; with other settings, rhohat train --resume {place} goes on from there",
            path.display()
        ),
        _ => tracing::info!("{place}: the metrics of the steps before are kept, there was no checkpoint yet"),
    }
}

/// Writes the model, and the picture of its features where the examples are pictures.
fn keep(params: &Params<f32>, config: &Config, preprocess: Preprocess, run: &RunDir) -> crate::Result<()> {
    let meta = Meta { objective: config.objective(), preprocess, seed: config.seed };
    let folder = run.folder();
    folder.write(MODEL, |out| write_to(out, params, &meta))?;
    match Tile::of(Some(&meta.preprocess), params.shape.visible) {
        Some(tile) => match too_large(params.shape.hidden, tile) {
            Some(reason) => {
                tracing::warn!("{FEATURES} is left out: {reason}");
                Ok(())
            }
            None => {
                let picture = features(params, tile, None)?;
                folder.write(FEATURES, |out| picture.write_to(out))
            }
        },
        None => Ok(()),
    }
}

/// The longest name of data in the name of a run, bytes: file systems take 255, some 143, of which others are needed.
const LONGEST_NAME: usize = 100;

/// The data's name as part of a directory's, as much of it as fits.
fn run_name(config: &Config) -> String {
    let stem = config.data.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let mut name = stem.map_or("dead-leaves".to_owned(), |stem| stem.chars().map(plain).collect());
    name.truncate(name.floor_char_boundary(LONGEST_NAME));
    name
}
