//! The command line: names, values and help texts of commands and flags, nothing else.

mod spelling;
mod tune;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::data::formats::Format;
use crate::data::{Axes, ColumnChoice, DataFormat, Form, Meaning, Normalize, RawRows, Reading, Scale, Taken};
use crate::engine::variant::Variant;
use crate::error::plain;
use crate::io::memory::Bytes;
use crate::io::paths::{PathText, Paths};
use crate::math::objective::Activation;
use crate::run::config::settings::Settings;
use crate::run::config::settings::parsers::{
    format, hidden_activation, meaning, normalize, output_activation, tensor_names,
};
use crate::run::convert::Names;
use crate::run::session::Place;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};
pub use tune::TuneFlags;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 other, 2 usage, 3 bad input, 4 diverged, 5 device, 6 input or output, \
128 + number ended by that signal (129, 130, 143 …): train has saved, unless it says what was not.";

const TRAIN_EXAMPLES: &str = "Examples:
  rhohat train                                      the lecture's experiment on built-in images
  rhohat train photos/ --patch 10 --hidden 100 --whiten
  rhohat train train-images-idx3-ubyte.gz --hidden 196 --rho 0.1 --epochs 10
  rhohat train rows.npy --output linear --lambda 0.003 --device gpu
  rhohat train --config runs/first/config.toml --seed 1
  rhohat train --resume auto                        go on with what was interrupted";

const BENCH_EXAMPLES: &str = "Examples:
  rhohat bench                                      the CPU and the best adapter, a few minutes
  rhohat bench --quick --chart roofline.svg
  rhohat bench --ladder 64:64:1000,256:256:1000,1024:1024:1000
  rhohat bench --device cpu --step 192:400:2000 --output linear --json";

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
    /// What was asked for.
    ///
    /// # Errors
    /// A request for help or what is wrong, without control characters that arguments held, and whether it is to be told
    /// in JSON.
    pub fn read() -> Result<Self, (clap::Error, bool)> {
        let mut command = Self::command();
        command.build();
        let args = spelling::usual(&command, std::env::args_os());
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
            Command::Data(args) => args.json,
            Command::Eval(args) => args.on.json,
            Command::Encode(args) | Command::Reconstruct(args) => args.on.json,
            Command::Features(args) => args.json,
            Command::Convert(args) => args.json,
            Command::Verify(args) => args.json,
            Command::Bench(args) => args.json,
            Command::Devices(args) => args.json,
            Command::Completions(_) | Command::Manual(_) => false,
        }
    }

    /// What is said when a signal ends the command before there is anything to save.
    pub fn fate(&self) -> &'static str {
        match self.command {
            Command::Train(_) => " before training began: nothing was saved",
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
    /// Hidden activations of data, one row an example
    #[command(after_help = "Example: rhohat encode model.safetensors rows.npy -o codes.npy")]
    Encode(MapArgs),
    /// Data through the model and back to pixels or rows
    #[command(after_help = "Example: rhohat reconstruct model.safetensors photo.png -o again.png")]
    Reconstruct(MapArgs),
    /// A picture of the input that excites each hidden unit most
    #[command(after_help = "Example: rhohat features model.safetensors -o features.png")]
    Features(FeaturesArgs),
    /// A model as a file of other programs: safetensors of nn.Sequential, .npz, UFLDL's theta in .mat
    #[command(after_help = "Example: rhohat convert model.safetensors -o theta.mat")]
    Convert(ConvertArgs),
    /// Check that this machine computes the right thing
    #[command(after_help = "Example: rhohat verify --device software")]
    Verify(VerifyArgs),
    /// Time CPU against GPU, validated: steps, products, kernels, and what the machine could do at best
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
    /// List the adapters, and which one `auto` takes
    #[command(after_help = "Example: rhohat devices --json")]
    Devices(DevicesArgs),
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
    /// Print the memory plan and stop
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Data, and the user's word on how they are read.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Data, in any format that is read; several are taken as one
    #[arg(help = Format::usage(), required = true, value_name = "DATA")]
    pub data: Vec<PathBuf>,
    /// What arrays hold [default: two dimensions rows, three and four pictures]
    #[arg(long = "as", value_name = "MEANING", value_parser = meaning())]
    pub meaning: Option<Meaning>,
    /// What each dimension of an array is: count, h, w, c of pictures, or count, length of rows, as count,c,h,w
    #[arg(long, value_name = "AXES")]
    pub axes: Option<Axes>,
    /// Search the folders in a folder, too
    #[arg(long)]
    pub recursive: bool,
    /// Format of files that do not tell it themselves
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub format: Option<DataFormat>,
    /// Columns of a table of text that are taken, by name, or by number from 0: length,width or 0-63 [default: all]
    #[arg(long, value_name = "COLUMNS")]
    pub use_columns: Option<ColumnChoice>,
    /// Column of a table of text that holds labels, which are kept beside codes
    #[arg(long, value_name = "COLUMN")]
    pub label_column: Option<String>,
    /// Rows or pictures of DATA that are taken, drawn at random, with a model by its seed [default: all]
    #[arg(long, value_name = "N")]
    pub take: Option<usize>,
    /// Rows or pictures of DATA that are taken from the first on [default: all]
    #[arg(long, value_name = "N")]
    pub first: Option<usize>,
    /// Kind and width of rows in files without a header, for example u8:784
    #[arg(long, value_name = "KIND:WIDTH")]
    pub raw: Option<RawRows>,
}

impl ReadArgs {
    /// DATA in messages.
    pub fn name(&self) -> PathBuf {
        let paths: Vec<PathText> = self.data.iter().cloned().map(PathText::from).collect();
        Paths::try_from(paths).map(|paths| paths.name()).unwrap_or_default()
    }

    /// The rows or pictures that were asked for, those that are drawn by `seed`.
    pub fn taken(&self, seed: u64) -> Taken {
        Taken::new(self.take, self.first, seed)
    }

    /// What was said of DATA.
    pub fn reading(&self) -> Reading {
        Reading {
            raw: self.raw,
            meaning: self.meaning,
            axes: self.axes.clone(),
            recursive: self.recursive,
            format: self.format,
            use_columns: self.use_columns.clone(),
            label_column: self.label_column.clone(),
            ..Reading::default()
        }
    }
}

/// A model, data, and what stands in for or against the model's metadata.
#[derive(Debug, Args)]
pub struct OnData {
    /// Model file
    pub model: PathBuf,
    /// Data.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Divide the numbers of rows [default: as those of the model were]
    #[arg(long, value_name = "N")]
    pub divide: Option<Scale>,
    /// Hidden activation [default: the model's]
    #[arg(long, value_name = "F", value_parser = hidden_activation())]
    pub activation: Option<Activation>,
    /// Output activation [default: the model's]
    #[arg(long, value_name = "G", value_parser = output_activation())]
    pub output: Option<Activation>,
    /// Normalisation [default: the model's]
    #[arg(long, value_name = "KIND", value_parser = normalize())]
    pub normalize: Option<Normalize>,
    /// auto, cpu, gpu, gpu:N, reference, software or part of an adapter's name
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// Most memory that the command may take, for example 6GB [default: what is free]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Bytes>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Model and data.
    #[command(flatten)]
    pub on: OnData,
    /// Mean activation of the penalty [default: the model's]
    #[arg(long, value_name = "X")]
    pub rho: Option<f64>,
    /// Weight of the sparsity penalty [default: the model's]
    #[arg(long, value_name = "X")]
    pub beta: Option<f64>,
    /// Weight decay [default: the model's]
    #[arg(long, value_name = "X")]
    pub lambda: Option<f64>,
}

/// Arguments of `encode` and `reconstruct`.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// Model and data.
    #[command(flatten)]
    pub on: OnData,
    /// File to write, by its ending: .npy, .npz, .csv, .tsv, .mat or .safetensors; reconstruct also writes one image as .png
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// Data.
    #[command(flatten)]
    pub read: ReadArgs,
    /// PNG of some examples to write
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Form of the pictures that rows are, as 28x28 or 32x32x3 [default: a square, else lines]
    #[arg(long, value_name = "HxW[xC]", requires = "out")]
    pub shape: Option<Form>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `features`.
#[derive(Debug, Args)]
pub struct FeaturesArgs {
    /// Model file
    pub model: PathBuf,
    /// File to write, by its ending: .png or .svg, or the features as rows: .npy, .npz, .csv, .tsv, .mat or .safetensors
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
    /// Form of the pictures that examples are, as 28x28 or 32x32x3 [default: the model's, else a square]
    #[arg(long, value_name = "HxW[xC]")]
    pub shape: Option<Form>,
    /// Screen pixels a patch pixel [default: 8, less for large pictures]
    #[arg(long, value_name = "N")]
    pub scale: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Model file, or the directory of a run
    pub model: PathBuf,
    /// File to write, by its ending: .safetensors, .npz (W1, b1, W2, b2) or .mat (these, and theta)
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Names of tensors in .safetensors [default: own]
    #[arg(long, value_name = "NAMES", value_parser = tensor_names())]
    pub names: Option<Names>,
    /// Fold the preprocessing into weights and biases, so that the model takes data as they are; needs a linear output layer
    #[arg(long)]
    pub fold: bool,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

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
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What is measured; may be given more than once [default: cpu and the best adapter, software included]
    #[arg(long, value_name = "DEVICE")]
    pub device: Vec<String>,
    /// Shapes of the steps: small, lecture, large or visible:hidden:examples[,...] [default: lecture, with --quick small]
    #[arg(long, value_name = "SHAPES")]
    pub ladder: Option<String>,
    /// One shape, its step alone
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
    /// Everything small and short: under a minute
    #[arg(long)]
    pub quick: bool,
    /// Print one JSON array on stdout
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print tables in Markdown
    #[arg(long)]
    pub markdown: bool,
    /// Draw the roofline: what bounds each product, kernel and step
    #[arg(long, value_name = "FILE.svg")]
    pub chart: Option<PathBuf>,
    /// Replace a file of another kind by the chart
    #[arg(long, requires = "chart")]
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
