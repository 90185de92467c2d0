//! The command `rhohat`: parse, run, print the error, exit code.

mod cli;
mod commands;
mod log;
mod progress;
mod restart;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

fn main() -> ExitCode {
    restart::under_our_environment();
    let started = Instant::now();
    let cli = cli::Cli::parse();
    log::init(cli.quiet, cli.verbose);
    progress::init(cli.quiet);
    match commands::run(&cli, started) {
        Ok(code) => code,
        Err(error) => {
            // An error of the library holds the system's words already.
            let of_library = error.downcast_ref::<rhohat::Error>();
            let text =
                of_library.map_or_else(|| format!("{error:#}"), ToString::to_string).replace('\n', " ");
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {text}");
            exit_code(&error)
        }
    }
}

/// That of the library's error, else 1.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    error.downcast_ref::<rhohat::Error>().map_or(1, rhohat::Error::exit_code).into()
}
