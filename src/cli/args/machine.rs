//! Arguments of the commands about the machine: what it computes, how fast, and with which adapters.

use std::path::PathBuf;

use clap::Args;

use super::TuneFlags;
use crate::engine::variant::Variant;
use crate::math::objective::Activation;
use crate::run::config::settings::parsers::{hidden_activation, output_activation};

pub const BENCH_EXAMPLES: &str = "Examples:
  rhohat bench                                      the CPU against the best adapter
  rhohat bench --kernels --export bench.json --export bench.svg --export bench.md
  rhohat bench --compare mine.json theirs.json
  rhohat bench --ladder 64:64:1000,256:256:1000,1024:1024:1000
  rhohat bench --device cpu --step 192:400:2000 --output linear --json";

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// auto, cpu, gpu, gpu:N, reference, software or part of an adapter's name
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// Kernels of a WebGPU device, for example direct/buffers [default: by its kind]
    #[arg(long, value_name = "NAME")]
    pub force_variant: Option<Variant>,
    /// Seed of the numbers that are tried
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Whole steps and short runs with the kernels of this device alone, not every kernel by itself
    #[arg(long)]
    pub quick: bool,
    /// Write what came of each check as JUnit XML, .xml
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// What says how `bench` measures.
const MEASURING: [&str; 11] = [
    "device",
    "ladder",
    "step",
    "activation",
    "output",
    "kernels",
    "quick",
    "export",
    "force",
    "retune",
    "no_tune",
];

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What is measured; may be given more than once [default: cpu and the best adapter, software included]
    #[arg(long, value_name = "DEVICE")]
    pub device: Vec<String>,
    /// Shapes of the steps: usual, small, lecture, large or visible:hidden:examples[,...] [default: usual, with --quick small]
    #[arg(long, value_name = "SHAPES")]
    pub ladder: Option<String>,
    /// One shape, its steps alone
    #[arg(long, value_name = "N:H:M", conflicts_with = "ladder")]
    pub step: Option<String>,
    /// Hidden activation of the steps
    #[arg(long, value_name = "F", value_parser = hidden_activation(), default_value = "sigmoid")]
    pub activation: Activation,
    /// Output activation of the steps
    #[arg(long, value_name = "G", value_parser = output_activation(), default_value = "sigmoid")]
    pub output: Activation,
    /// How kernels are chosen.
    #[command(flatten)]
    pub tune: TuneFlags,
    /// Time every product and kernel by itself, too, in every variant: minutes
    #[arg(long)]
    pub kernels: bool,
    /// Small shapes and few turns: for a look
    #[arg(long)]
    pub quick: bool,
    /// Write what was found, by the name: .json, .csv, .md, .svg (a chart of the devices and rooflines); may be given more than once
    #[arg(long, value_name = "FILE", alias = "chart")]
    pub export: Vec<PathBuf>,
    /// Compare two results that --export has written as .json, and measure nothing
    #[arg(long, num_args = 2, value_names = ["MINE", "THEIRS"], conflicts_with_all = MEASURING)]
    pub compare: Vec<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print tables in Markdown
    #[arg(long)]
    pub markdown: bool,
    /// Replace files of another kind by what is exported
    #[arg(long, requires = "export")]
    pub force: bool,
}

/// Arguments of `devices`.
#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
    /// Write the joined text of every shader into this folder
    #[arg(long, value_name = "DIR")]
    pub shaders: Option<PathBuf>,
    /// Write plan.json, too: the dispatches of the steps of this shape, for a host in another language
    #[arg(long, value_name = "N:H:M", requires = "shaders")]
    pub plan: Option<String>,
    /// Write witness.json, too: steps with what has to come out of them, for a host in another language
    #[arg(long, requires = "shaders")]
    pub witness: bool,
}
