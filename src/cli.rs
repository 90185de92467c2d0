//! The command `rhohat`: parse, run, print the error, exit code.

mod args;
mod asserted;
mod commands;
mod flags;
mod junit;
mod log;
mod output;
mod place_of_model;
mod progress;
mod reexec;
#[cfg_attr(not(unix), allow(dead_code, reason = "only Unix has a thread that answers signals"))]
mod signals;
mod table;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use args::Command;

use crate::Error;
use crate::engine::collective::mpi;
use crate::io::clock::Moment;

/// Runs the program with the arguments that it was given.
pub fn main() -> ExitCode {
    reexec::under_our_environment();
    left(run(std::env::args_os())).into()
}

/// Leaves the MPI job that this process is one of, if it is, with its exit code: one that failed ends the others.
fn left(code: u8) -> u8 {
    let Err(error) = mpi::leave(code) else { return code };
    let code = failed(&error.into(), None);
    // Ends this process, too.
    let _ = mpi::leave(code);
    code
}

/// Runs the program with these arguments, the first of which is its name, in a process that may be that of another one; tells
/// its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let started = Moment::now();
    let cli = match args::Cli::read(args) {
        Ok(cli) => cli,
        Err((error, json)) => return told(&error, json),
    };
    log::init(cli.quiet, cli.verbose);
    progress::init(cli.quiet);
    output::init(cli.asks_for_json());
    signals::listen(cli.fate());
    let threads = crate::io::threads::start().map_err(anyhow::Error::from);
    threads
        .and_then(|()| commands::run(&cli, started))
        .unwrap_or_else(|error| failed(&error, Some(&cli.command)))
}

/// Tells of an error of a command, on stderr and as it was asked for.
fn failed(error: &anyhow::Error, command: Option<&Command>) -> u8 {
    let (text, code, kind) = match error.downcast_ref::<Error>() {
        // An error of the library holds the system's words already.
        Some(error) => (flags::of_error(error), error.exit_code(), kind(error)),
        None if error.is::<asserted::Unmet>() => (error.to_string(), asserted::UNMET, "assert"),
        None => (format!("{error:#}"), 1, "other"),
    };
    let text = match command {
        Some(command) => place_of_model::in_text(text, command),
        None => text,
    };
    output::failure(&text, code.into(), kind);
    code
}

/// An error's kind, by which programs may tell them apart.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::Usage(_) => "usage",
        Error::Input { .. } => "input",
        Error::Diverged { .. } => "diverged",
        Error::Device(_) => "device",
        Error::Io { .. } => "io",
    }
}

/// Prints help, or what is wrong with the arguments.
fn told(error: &clap::Error, json: bool) -> u8 {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    if error.use_stderr() {
        let text = error.render().to_string();
        let first = text.split("\n\n").next().unwrap_or_default();
        let words: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
        output::init(json);
        output::failure_as_json(&words.join(" "), error.exit_code(), "usage");
    } else if let Err(error) = printed
        && error.kind() != ErrorKind::BrokenPipe
    {
        return failed(&Error::io("write", "standard output", error).into(), None);
    }
    u8::try_from(error.exit_code()).unwrap_or(1)
}
