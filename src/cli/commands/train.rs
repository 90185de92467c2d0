//! `rhohat train`: from arguments to a session of the library, and its result in words.

mod display;
mod plan;
mod summary;

use serde::Serialize;

use crate::cli::args::TrainArgs;
use crate::cli::asserted::ResultOf;
use crate::cli::output::print;
use crate::cli::signals;
use crate::io::clock::Moment;
use crate::run::config::MemoryPlan;
use crate::run::session::{Outset, Prepared, Request};
use crate::train::Ended;
pub use display::Display;

/// Trains and prints; `started` is when the program did.
pub fn run(args: &TrainArgs, started: Moment) -> anyhow::Result<u8> {
    args.asserted.check(ResultOf::Train)?;
    let mut display = Display::new("train", args.save_patches.as_deref());
    let prepared = match request(args, started)?.prepare(&mut display)? {
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
        None => {
            printed?;
            args.asserted.of(&result)?;
            Ok(0)
        }
    }
}

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
