//! `rhohat train`: from arguments to a session of the library, and its result in words.

mod display;
mod plan;
mod summary;

use serde::Serialize;

use crate::cli::args::TrainArgs;
use crate::cli::asserted::ResultOf;
use crate::cli::output::print;
use crate::cli::{log, signals};
use crate::engine::collective::Vote;
use crate::engine::collective::mpi::{Launch, launched};
use crate::engine::world::World;
use crate::io::clock::Moment;
use crate::io::text::counted;
use crate::run::config::MemoryPlan;
use crate::run::every::Span;
use crate::run::session::{Outset, Prepared, ProgressObserver, Request, follow_first};
use crate::train::Ended;
pub use display::Display;

/// The number of the signal that asks programs to end.
const SIGTERM: u8 = 15;

/// Trains and prints; `started` is when the program did.
pub fn run(args: &TrainArgs, started: Moment) -> anyhow::Result<u8> {
    args.asserted.check(ResultOf::Train)?;
    let world = world(args)?;
    if let Some(world) = world.as_ref().filter(|world| world.rank() > 0) {
        return follow(args, world);
    }
    let mut display = Display::new("train", args.save_patches.as_deref());
    let request = Request { world, ..request(args, started)? };
    let prepared = match request.prepare(&mut display)? {
        Outset::Finished(result) => {
            print(args.json, &*result, summary::text)?;
            args.asserted.of(&*result)?;
            return Ok(0);
        }
        Outset::Prepared(prepared) => prepared,
    };
    if args.dry_run {
        print(args.json, &Planned::of(&prepared), |planned| plan::text(planned.plan))?;
        return Ok(0);
    }
    let result = prepared.open(&mut display)?.train(&mut display)?.summary;
    let printed = print(args.json, &result, summary::text);
    match signals::asked().filter(|_| result.ended == Ended::Stopped) {
        // A terminal that is gone reads no result.
        Some(signal) => Ok(128 + signal),
        // Another process of the job was, which has none to answer.
        None if result.ended == Ended::Stopped => {
            printed?;
            Ok(128 + SIGTERM)
        }
        None => {
            printed?;
            args.asserted.of(&result)?;
            Ok(0)
        }
    }
}

/// The MPI job that this process is one of, where it is asked for. Variables of a launcher alone turn nothing on: whoever runs
/// inside a job without being one of its processes inherits them.
fn world(args: &TrainArgs) -> crate::Result<Option<World>> {
    let Some(library) = &args.mpi else {
        let launch = launched(|name| std::env::var(name).ok());
        if let Some(launch) = launch.filter(|launch| launch.size > 1 && launch.rank == 0) {
            let Launch { size, by, .. } = launch;
            tracing::warn!(
                "{by} has started {size} processes, each of which trains a model of its own; --mpi trains one with all"
            );
        }
        return Ok(None);
    };
    let Span(patience) = args.mpi_patience;
    let world = World::open(Some(&**library).filter(|library| !library.is_empty()), Some(patience))?;
    if world.rank() == 0 {
        tracing::info!("{} over {}", counted(world.size(), "process"), world.library());
    }
    Ok(Some(world))
}

/// Another process than the first.
fn follow(args: &TrainArgs, world: &World) -> anyhow::Result<u8> {
    log::of_rank(world.rank());
    signals::save();
    let tune = args.tune.mode(false)?;
    let mut asks = || signals::asked().map(|_| Vote::Stop);
    follow_first(world, tune, &mut Silent, &mut asks)?;
    Ok(0)
}

/// Of the first process people hear.
struct Silent;

impl ProgressObserver for Silent {}

/// The arguments as a request to the library.
fn request(args: &TrainArgs, started: Moment) -> crate::Result<Request> {
    let tune = args.tune.mode(args.settings.force_variant.is_some())?;
    Ok(Request {
        config: args.config.clone(),
        place: args.place(),
        data_changed: args.data_changed,
        from_scratch: args.from_scratch,
        report: !args.no_report,
        tensorboard: args.tensorboard,
        save_patches: args.save_patches.clone(),
        started,
        ..Request::new(args.settings.table()?, tune)
    })
}

/// The output of `--dry-run`.
#[derive(Serialize)]
struct Planned<'a> {
    #[serde(flatten)]
    plan: &'a MemoryPlan,
    /// The description of DATA; `data` is its memory.
    source: &'a serde_json::Value,
}

impl<'a> Planned<'a> {
    fn of(prepared: &'a Prepared) -> Self {
        Self { plan: prepared.plan(), source: prepared.data() }
    }
}
