//! The command line: names, values and help texts of commands and flags, nothing else.

mod classify;
mod machine;
mod of_runs;
mod on_data;
mod spelling;
mod tune;
#[cfg(feature = "web")]
mod web;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::plain;
use crate::run::config::settings::Settings;
use crate::run::every::Span;
use crate::run::session::Place;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};
use classify::{CLASSIFY_EXAMPLES, STACK_EXAMPLES};
pub use classify::{ClassifyArgs, PredictArgs, StackArgs};
use machine::BENCH_EXAMPLES;
pub use machine::{BenchArgs, DevicesArgs, VerifyArgs};
use of_runs::RUNS_EXAMPLES;
pub use of_runs::{Asserted, CompareArgs, ReportArgs, RunsArgs};
pub use on_data::{
    ConvertArgs, ConvolveArgs, DataArgs, DecodeArgs, EncodeArgs, EvalArgs, FeaturesArgs, MapArgs, OnData,
    UnitsArgs,
};
pub use tune::TuneFlags;
#[cfg(feature = "web")]
pub use web::WebArgs;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 other, 2 usage, 3 bad input, 4 diverged, 5 device, 6 input or output, \
7 not as asserted, 128 + number ended by that signal (129, 130, 143 …): train has saved, unless it says what was not.";

const TRAIN_EXAMPLES: &str = "Examples:
  rhohat train                                      the lecture's experiment on built-in images
  rhohat train photos/ --patch 10 --hidden 100 --whiten
  rhohat train train-images-idx3-ubyte.gz --hidden 196 --rho 0.1 --epochs 10
  rhohat train rows.npy --output linear --lambda 0.003 --device gpu
  rhohat train --config runs/first/config.toml --seed 1
  rhohat train --resume auto                        go on with what was interrupted";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  rhohat completions bash > ~/.local/share/bash-completion/completions/rhohat
  rhohat completions zsh > ~/.zfunc/_rhohat";

/// KL-sparse autoencoders, trained on the CPU or on WebGPU.
#[derive(Debug, Parser)]
#[command(name = "rhohat", version, after_help = EXIT_CODES, args_override_self = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, display_order = 100, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, display_order = 101, action = ArgAction::Count)]
    pub verbose: u8,
}

impl TrainArgs {
    /// Where the run is to lie.
    pub fn place(&self) -> Place {
        match (&self.run, &self.out, &self.resume) {
            (Some(run), ..) => Place::Run(run.clone()),
            (_, Some(out), _) => Place::Out(out.clone()),
            (.., Some(run)) if run == Path::new("auto") => Place::Newest,
            (.., Some(run)) => Place::Resume(run.clone()),
            _ => Place::Dated,
        }
    }
}

impl Cli {
    /// The command that `args` ask for.
    ///
    /// # Errors
    /// A request for help or what is wrong, without control characters that arguments held, and whether it is to be told
    /// in JSON.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, (clap::Error, bool)> {
        let mut command = Self::command();
        command.build();
        let args = spelling::usual(&command, args.into_iter());
        Self::try_parse_from(&args).map_err(|error| {
            // Arguments without them are wrong in the same way.
            let harmless = |arg: &OsString| plain(&arg.to_string_lossy()).into_owned();
            let error = Self::try_parse_from(args.iter().map(harmless)).err().unwrap_or(error);
            (error, spelling::asks_for_json(&args))
        })
    }

    /// Whether results are to be JSON.
    pub fn asks_for_json(&self) -> bool {
        match &self.command {
            Command::Train(args) => args.json,
            Command::Report(args) => args.json,
            Command::Runs(args) => args.json,
            Command::Compare(args) => args.json,
            Command::Data(args) => args.json,
            Command::Eval(args) => args.on.json,
            Command::Units(args) => args.on.json,
            Command::Encode(args) => args.map.on.json,
            Command::Convolve(args) => args.json,
            Command::Decode(args) => args.json,
            Command::Reconstruct(args) => args.on.json,
            Command::Features(args) => args.json,
            Command::Convert(args) => args.json,
            Command::Classify(args) => args.json,
            Command::Predict(args) => args.json,
            Command::Stack(args) => args.json,
            Command::Verify(args) => args.json,
            Command::Bench(args) => args.json,
            Command::Devices(args) => args.json,
            #[cfg(feature = "web")]
            Command::Web(args) => args.json,
            Command::Completions(_) | Command::Manual(_) => false,
        }
    }

    /// What is said when a signal ends the command before there is anything to save.
    pub fn fate(&self) -> &'static str {
        match self.command {
            Command::Train(_) | Command::Stack(_) => " before training began: nothing was saved",
            Command::Classify(_) => " before fine-tuning began: no checkpoint was saved",
            _ => "",
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train an autoencoder; with no DATA, the lecture's experiment on built-in images
    #[command(after_help = TRAIN_EXAMPLES, allow_negative_numbers = true)]
    Train(Box<TrainArgs>),
    /// A first look at data: what they are, their range and spread, what does not vary, what is there twice
    #[command(after_help = "Example: rhohat data photos/ -o samples.png")]
    Data(DataArgs),
    /// Cost terms, mean activations and explained variance of a model on data
    #[command(
        after_help = "Example: rhohat eval runs/first/model.safetensors photos/ --json",
        allow_negative_numbers = true
    )]
    Eval(EvalArgs),
    /// Hidden units one by one: mean activation, density, largest activation, faults, and the examples that excite each most
    #[command(after_help = "Example: rhohat units model.safetensors rows.npy -o units.csv")]
    Units(UnitsArgs),
    /// Hidden activations of data, one row an example
    #[command(after_help = "Example: rhohat encode model.safetensors rows.npy -o codes.npy")]
    Encode(EncodeArgs),
    /// Features of whole pictures: hidden activations of a model of patches at every position, pooled over regions
    #[command(
        after_help = "Example: rhohat convolve runs/patches photos/ --pool 19 -o features.npy",
        mut_arg("data", |arg| arg.value_name("PICTURES").help("Pictures of one size, in any format of DATA"))
    )]
    Convolve(ConvolveArgs),
    /// Hidden activations back to rows or pixels: those of `encode`, or changed ones
    #[command(
        after_help = "Example: rhohat decode model.safetensors codes.npz -o rows.npy",
        mut_arg("data", |arg| arg.value_name("CODES").help("Codes: rows in any format of DATA, or a sparse .npz"))
    )]
    Decode(DecodeArgs),
    /// Data through the model and back to pixels or rows
    #[command(after_help = "Example: rhohat reconstruct model.safetensors photo.png -o again.png")]
    Reconstruct(MapArgs),
    /// A picture of the input that excites each hidden unit most
    #[command(after_help = "Example: rhohat features model.safetensors -o features.png")]
    Features(FeaturesArgs),
    /// A model as a file of other programs: safetensors of nn.Sequential, .npz, UFLDL's theta in .mat
    #[command(after_help = "Example: rhohat convert model.safetensors -o theta.mat")]
    Convert(ConvertArgs),
    /// Train autoencoders one above the other, each on the codes of the one below
    #[command(after_help = STACK_EXAMPLES, allow_negative_numbers = true)]
    Stack(Box<StackArgs>),
    /// Tell classes of labelled data apart by the codes of models: softmax, and fine-tuning of all layers
    #[command(
        after_help = CLASSIFY_EXAMPLES,
        allow_negative_numbers = true,
        mut_arg("data", |arg| arg.required(false).required_unless_present("resume"))
    )]
    Classify(Box<ClassifyArgs>),
    /// The classes of rows by a classifier; with labels, how many are right, and what is taken for what
    #[command(
        after_help = "Example: rhohat predict runs/digits test.idx --labels test-labels.idx -o predicted.csv"
    )]
    Predict(PredictArgs),
    /// The report of a run as one page: curves, features, examples, how to repeat it
    #[command(after_help = "Example: rhohat report runs/first -o first.html")]
    Report(ReportArgs),
    /// The runs of a folder: settings that differ, results, the best first
    #[command(after_help = RUNS_EXAMPLES)]
    Runs(RunsArgs),
    /// Runs side by side: what differs, what came of it, and their curves as a page
    #[command(after_help = "Example: rhohat compare runs/first runs/second -o compare.html")]
    Compare(CompareArgs),
    /// Check that this machine computes the right thing
    #[command(after_help = "Example: rhohat verify --device software")]
    Verify(VerifyArgs),
    /// Time CPU against GPU, validated: steps, products, kernels, and what the machine could do at best
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
    /// List the adapters, and which one `auto` takes
    #[command(after_help = "Example: rhohat devices --json")]
    Devices(DevicesArgs),
    /// Serve the page that trains in a browser tab, to this machine alone, until Ctrl-C
    #[cfg(feature = "web")]
    #[command(after_help = web::WEB_EXAMPLES)]
    Web(WebArgs),
    /// Print what completes this command line in a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Print the manual page of rhohat, or of one of its commands
    #[command(after_help = "Example: rhohat manual train | man -l -")]
    Manual(ManualArgs),
}

/// Arguments of `train`.
#[derive(Clone, Debug, Args)]
pub struct TrainArgs {
    /// Settings of the run.
    #[command(flatten)]
    pub settings: Settings,
    /// How kernels are chosen.
    #[command(flatten)]
    pub tune: TuneFlags,
    /// Run directory, new or empty [default: runs/TIME-NAME]
    #[arg(long, value_name = "DIR", help_heading = "Run directory")]
    pub out: Option<PathBuf>,
    /// Go on with a run from its newest checkpoint, or `auto` for the newest unfinished run in runs/; flags change settings
    #[arg(long, value_name = "RUN|auto", group = "goes_on", conflicts_with_all = ["out", "config", "dry_run"], help_heading = "Run directory")]
    pub resume: Option<PathBuf>,
    /// Go on although DATA are others than the run has learned from
    #[arg(long, requires = "goes_on", help_heading = "Run directory", hide_short_help = true)]
    pub data_changed: bool,
    /// Begin a run again whose checkpoints cannot be used; they are kept in rejected/
    #[arg(long, requires = "goes_on", help_heading = "Run directory", hide_short_help = true)]
    pub from_scratch: bool,
    /// Begin the run DIR, go on with it, or print its result: one command line for all of them
    #[arg(long, value_name = "DIR", group = "goes_on", conflicts_with_all = ["out", "resume", "dry_run"], help_heading = "Run directory")]
    pub run: Option<PathBuf>,
    /// Settings in TOML or JSON, named like these flags with underscores; flags win
    #[arg(long, value_name = "FILE", help_heading = "Run directory")]
    pub config: Option<PathBuf>,
    /// Write the training examples after preprocessing as rows: .npy, .npz, .csv, .tsv, .mat or .safetensors
    #[arg(long, value_name = "FILE", help_heading = "Output", hide_short_help = true)]
    pub save_patches: Option<PathBuf>,
    /// Write no report.html, the page with curves, features and examples
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub no_report: bool,
    /// Write events for TensorBoard into the run directory: tensorboard --logdir shows them
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub tensorboard: bool,
    /// Train one model with all processes that mpirun or srun has started, over the MPI library of the launcher or LIB
    #[arg(long, value_name = "LIB", num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Device", hide_short_help = true)]
    pub mpi: Option<String>,
    /// Longest wait of a process for the others of its MPI job
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10m",
        requires = "mpi",
        help_heading = "Device",
        hide_short_help = true
    )]
    pub mpi_patience: Span,
    /// What the result has to be.
    #[command(flatten)]
    pub asserted: Asserted,
    /// Print the memory plan and stop
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `manual`.
#[derive(Debug, Args)]
pub struct ManualArgs {
    /// Which command [default: rhohat itself]
    pub command: Option<String>,
}
