//! rhohat's training step in burn with its wgpu backend on the software adapter: forward, cost, gradient and an update
//! by SGD with momentum over all examples in f32, J read back each time, as `rhohat bench` times it.
//!
//! ```text
//! cargo build --release
//! cargo run --release --manifest-path tests/peers/burn/Cargo.toml -- --rhohat target/release/rhohat --shapes ABC
//! ```
//!
//! Without `--rhohat`, burn is timed alone. burn compiles to WGSL, as its `wgpu` feature has it. At every shape it has to
//! agree with plain loops in f64 on J before each of three updates.
//!
//! burn compiles shaders and tries out kernels when it meets a shape: the column "tuning". Every shape has a process of
//! its own, so that none gains from another's. Mesa keeps what it compiled in the user's cache folder:
//! MESA_SHADER_CACHE_DISABLE=true shows what a first run takes.

mod problem;
mod training;
mod turns;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use burn::tensor::{Device, DeviceKind};
use clap::Parser;
use problem::{SHAPES, Shape};
use serde_json::{Value, json};
use training::Training;
use turns::{Times, median};

/// Largest relative difference of J in f32 from that in f64.
const AGREE: f64 = 1e-5;
/// The rate of the timed steps, so small that no unit saturates.
const RATE: f64 = 1e-4;
/// The rate of the steps that are checked, so large that a wrong gradient shows.
const RATE_OF_CHECK: f64 = 0.01;
/// How many are checked: the third is the first whose J depends on the momentum.
const CHECKED: usize = 3;

/// Times rhohat's training step in burn with its wgpu backend on the software adapter, in turns with rhohat.
#[derive(Parser)]
struct Arguments {
    /// Letters of shapes, as in peers.py
    #[arg(long, default_value_t = SHAPES.iter().map(|shape| shape.0).collect::<String>(), value_parser = letters)]
    shapes: String,
    /// Length of a turn of burn's
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// rhohat to be timed in turns with burn
    #[arg(long, value_name = "PATH")]
    rhohat: Option<PathBuf>,
    /// Turns of both at each shape
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// The argument of `--shapes`, if each of its letters has a shape.
fn letters(text: &str) -> Result<String, String> {
    match text.chars().find(|&letter| problem::shape(letter).is_none()) {
        Some(letter) => Err(format!("there is no shape {letter}")),
        None if text.is_empty() => Err("no shape".to_owned()),
        None => Ok(text.to_owned()),
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut rows = Vec::new();
    if !arguments.json {
        println!("shape           n:h:m  tuning s   burn ms     best  rhohat ms     best  burn / rhohat");
    }
    for letter in arguments.shapes.chars() {
        let alone = arguments.shapes.len() == 1;
        let row = if alone { measure(letter, &arguments)? } else { measure_apart(letter, &arguments)? };
        if !arguments.json {
            println!("{}", line(&row));
        }
        rows.push(row);
    }
    if arguments.json {
        println!("{}", Value::from(rows));
    }
    Ok(())
}

/// A shape's row, made by a process of its own.
fn measure_apart(letter: char, arguments: &Arguments) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--json", "--shapes", &letter.to_string()]);
    command.args(["--seconds", &arguments.seconds.to_string(), "--rounds", &arguments.rounds.to_string()]);
    if let Some(binary) = &arguments.rhohat {
        command.arg("--rhohat").arg(binary);
    }
    let done = command.stderr(Stdio::inherit()).output()?;
    ensure!(done.status.success(), "shape {letter}: {}", done.status);
    let mut rows: Vec<Value> = serde_json::from_slice(&done.stdout)?;
    rows.pop().context("a process printed no row")
}

/// A shape's row: burn and rhohat in turns.
fn measure(letter: char, arguments: &Arguments) -> Result<Value> {
    let shape = problem::shape(letter).context("no such shape")?;
    let device = Device::wgpu(DeviceKind::Cpu);
    let mut training = Training::new(shape, RATE, &device);
    let tuning = turns::warm_up(&mut training)?;
    check(shape, &device)?;

    let (mut burn, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        burn.push(turns::burn(&mut training, arguments.seconds)?);
        if let Some(binary) = &arguments.rhohat {
            ours.push(turns::rhohat(binary, shape)?);
        }
    }
    let mut ratios: Vec<f64> = burn.iter().zip(&ours).map(|(burn, ours)| burn.median / ours.median).collect();
    let over = |rounds: &[Times], part: fn(&Times) -> f64| {
        let mut parts: Vec<f64> = rounds.iter().map(part).collect();
        (!parts.is_empty()).then(|| median(&mut parts))
    };
    let ratio = (!ratios.is_empty()).then(|| median(&mut ratios));
    Ok(json!({
        "shape": letter.to_string(), "n_h_m": shape.to_string(), "output": shape.output(),
        "tuning_s": tuning,
        "burn_ms": over(&burn, |times| times.median), "burn_best_ms": over(&burn, |times| times.best),
        "rhohat_ms": over(&ours, |times| times.median), "rhohat_best_ms": over(&ours, |times| times.best),
        "ratio": ratio, "ratio_low": ratios.first(), "ratio_high": ratios.last(),
    }))
}

/// Fails unless burn computes the J that plain loops compute.
fn check(shape: Shape, device: &Device) -> Result<()> {
    let mut training = Training::new(shape, RATE_OF_CHECK, device);
    let wanted = problem::costs(shape, RATE_OF_CHECK, CHECKED);
    let got = wanted.iter().map(|_| training.step()).collect::<Result<Vec<_>>>()?;
    let agree = wanted.iter().zip(&got).all(|(wanted, got)| (wanted - got).abs() <= AGREE * wanted.abs());
    ensure!(agree, "burn computes something else, so its time means nothing; J: {got:?}, wanted {wanted:?}");
    Ok(())
}

/// A row for people.
fn line(row: &Value) -> String {
    let number = |name: &str, width, digits| match row[name].as_f64() {
        Some(number) => format!("{number:width$.digits$}"),
        None => format!("{:>width$}", "-"),
    };
    let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
    format!(
        "{:5} {:>15}  {}  {}  {}  {}  {}  {} ({} to {})",
        text("shape"),
        text("n_h_m"),
        number("tuning_s", 8, 1),
        number("burn_ms", 8, 1),
        number("burn_best_ms", 7, 1),
        number("rhohat_ms", 9, 1),
        number("rhohat_best_ms", 7, 1),
        number("ratio", 0, 2),
        number("ratio_low", 0, 2),
        number("ratio_high", 0, 2),
    )
}
