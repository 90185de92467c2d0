//! `rhohat verify`.

use std::process::ExitCode;

use rhohat::error::Error;

use crate::cli::VerifyArgs;

/// Not finished: refuses instead of claiming anything.
pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let VerifyArgs { device, seed, json } = args;
    let asked = format!("--device {device} --seed {seed} (json: {json})");
    Err(Error::device(format!("verify is not finished, nothing was checked ({asked})")).into())
}
