//! The commands: arguments → library calls → printed lines.

mod bench;
mod classify;
mod convert;
mod convolve;
mod data;
mod decode;
mod devices;
mod encode;
mod eval;
mod features;
mod manual;
mod measures;
mod on_data;
mod outputs;
mod predict;
mod reconstruct;
mod report;
mod runs;
mod sheet;
mod stack;
mod train;
mod units;
mod verify;
#[cfg(feature = "web")]
mod web;

use crate::cli::args::{Cli, Command};
use crate::io::clock::Moment;

/// Runs a command and tells its exit code; `started` is when the program did.
pub fn run(cli: &Cli, started: Moment) -> anyhow::Result<u8> {
    match &cli.command {
        Command::Train(args) => train::run(args, started),
        Command::Report(args) => done(report::run(args)),
        Command::Runs(args) => done(runs::list(args)),
        Command::Compare(args) => done(runs::side_by_side(args)),
        Command::Data(args) => done(data::run(args)),
        Command::Eval(args) => done(eval::run(args)),
        Command::Units(args) => done(units::run(args)),
        Command::Encode(args) => done(encode::run(args)),
        Command::Convolve(args) => done(convolve::run(args)),
        Command::Decode(args) => done(decode::run(args)),
        Command::Reconstruct(args) => done(reconstruct::run(args)),
        Command::Features(args) => done(features::run(args)),
        Command::Convert(args) => done(convert::run(args)),
        Command::Stack(args) => stack::run(args, started),
        Command::Classify(args) => classify::run(args),
        Command::Predict(args) => done(predict::run(args)),
        Command::Verify(args) => verify::run(args),
        Command::Bench(args) => done(bench::run(args)),
        Command::Devices(args) => done(devices::run(args)),
        #[cfg(feature = "web")]
        Command::Web(args) => done(web::run(args)),
        Command::Completions(args) => done(manual::completions(args)),
        Command::Manual(args) => done(manual::page(args)),
    }
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<u8> {
    result.map(|()| 0)
}
