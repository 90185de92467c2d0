//! The command line: names, values and help texts of commands and flags, nothing else.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use rhohat::config::Batch;
use rhohat::data::Normalize;
use rhohat::objective::{Activation, RhoHatMode};
use rhohat::optim::{Optimizer, Schedule};
use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer, value};

const EXIT_CODES: &str = "Exit codes: 0 done, 1 other, 2 usage, 3 bad input, 4 diverged, 5 device, 6 input or output, \
130 or 143 interrupted after saving.";

const TRAIN_EXAMPLES: &str = "Examples:
  rhohat train                                      the lecture's experiment on built-in images
  rhohat train photos/ --patch 10 --hidden 100 --whiten
  rhohat train train-images-idx3-ubyte.gz --hidden 196 --rho 0.1 --epochs 10
  rhohat train rows.npy --output linear --lambda 0.003 --device gpu
  rhohat train --config runs/first/config.toml --seed 1";

/// KL-sparse autoencoders, trained on the CPU or on WebGPU.
#[derive(Debug, Parser)]
#[command(name = "rhohat", version, after_help = EXIT_CODES, subcommand_required = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train an autoencoder; with no DATA, the lecture's experiment on built-in images
    #[command(after_help = TRAIN_EXAMPLES, allow_negative_numbers = true)]
    Train(Box<TrainArgs>),
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
    /// Check that this machine computes the right thing
    #[command(after_help = "Example: rhohat verify --device software")]
    Verify(VerifyArgs),
    /// List the adapters, and which one `auto` takes
    #[command(after_help = "Example: rhohat devices --json")]
    Devices(DevicesArgs),
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Settings of the run.
    #[command(flatten)]
    pub settings: Settings,
    /// Run directory, new or empty [default: runs/TIME-NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Settings in TOML, named like these flags with underscores; flags win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write the training examples after preprocessing as rows
    #[arg(long, value_name = "F.npy")]
    pub save_patches: Option<PathBuf>,
    /// Print the memory plan and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

/// What a run can be told, by flags or in a file; named as there; TOML leaves out what is not set.
#[derive(Debug, Args, Serialize)]
pub struct Settings {
    /// Folder of images, image, .npy, IDX (also .gz) or FILE.safetensors[:TENSOR]
    #[arg(value_name = "DATA")]
    data: Option<PathBuf>,
    /// Hidden units [default: 25]
    #[arg(long, value_name = "N")]
    hidden: Option<u32>,
    /// Hidden activation [default: sigmoid]
    #[arg(long, value_name = "F", value_parser = hidden_activation())]
    activation: Option<Activation>,
    /// Output activation [default: sigmoid]
    #[arg(long, value_name = "G", value_parser = output_activation())]
    output: Option<Activation>,
    /// Mean activation that hidden units are held to [default: 0.01]
    #[arg(long, value_name = "X")]
    rho: Option<f64>,
    /// Weight of the sparsity penalty [default: 3]
    #[arg(long, value_name = "X")]
    beta: Option<f64>,
    /// Weight decay [default: 1e-4]
    #[arg(long, value_name = "X")]
    lambda: Option<f64>,
    /// Where the mean activation is taken [default: exact, for mini-batches batch]
    #[arg(long, value_name = "MODE", value_parser = words::<RhoHatMode>(&["exact", "batch", "ema"]))]
    rho_hat: Option<RhoHatMode>,
    /// Share of the old value in `--rho-hat ema` [default: 0.99]
    #[arg(long, value_name = "X")]
    rho_hat_decay: Option<f64>,
    /// Update rule [default: lbfgs, above 50000 rows of DATA adam]
    #[arg(long, value_name = "NAME", value_parser = words::<Optimizer>(&["lbfgs", "sgd", "adam"]))]
    optimizer: Option<Optimizer>,
    /// Learning rate [default: adam 0.001, sgd 0.1]
    #[arg(long, value_name = "X")]
    lr: Option<f64>,
    /// Course of the learning rate [default: constant]
    #[arg(long, value_name = "NAME", value_parser = words::<Schedule>(&["constant", "cosine"]))]
    schedule: Option<Schedule>,
    /// Updates over which the learning rate rises [default: 0]
    #[arg(long, value_name = "N")]
    warmup: Option<u32>,
    /// Momentum of sgd [default: 0.9]
    #[arg(long, value_name = "X")]
    momentum: Option<f64>,
    /// Rows an update [default: full; adam and sgd 1000]
    #[arg(long, value_name = "N|full")]
    batch: Option<Batch>,
    /// Rows computed at a time, where memory is short; the result is the same
    #[arg(long, value_name = "N")]
    chunk: Option<u32>,
    /// Hidden units computed at a time; the result is the same
    #[arg(long, value_name = "N")]
    block: Option<u32>,
    /// Passes over the data [default: 20 in mini-batches]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Updates, or iterations of lbfgs [default: 400 on all rows]
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Side of the patches cut from images, pixels [default: 8]
    #[arg(long, value_name = "N")]
    patch: Option<u32>,
    /// Patches cut from images [default: 10000]
    #[arg(long, value_name = "N")]
    samples: Option<u32>,
    /// Keep the colours of images
    #[arg(long, num_args = 0, default_missing_value = "true")]
    color: Option<bool>,
    /// Whiten images with Olshausen's filter [default: for the built-in images]
    #[arg(long, num_args = 0, default_missing_value = "true", overrides_with = "no_whiten")]
    whiten: Option<bool>,
    /// Leave images as they are
    #[arg(long, overrides_with = "whiten")]
    #[serde(skip)]
    no_whiten: bool,
    /// Normalisation [default: lecture for images, none for rows]
    #[arg(long, value_name = "KIND", value_parser = normalize())]
    normalize: Option<Normalize>,
    /// Start from this model, with its settings
    #[arg(long, value_name = "MODEL")]
    init: Option<PathBuf>,
    /// Seed of pictures, patches, start weights and order [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// auto, cpu, gpu, gpu:N, reference, software or part of an adapter's name [default: auto]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Threads of the CPU engine, 0 for one a core [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
}

impl Settings {
    /// What was set, by name.
    pub fn table(&self) -> toml::Table {
        let mut table = toml::Table::try_from(self).expect("every flag has a TOML form");
        if self.no_whiten {
            table.insert("whiten".to_owned(), false.into());
        }
        table
    }
}

/// A model, data, and what stands in for or against the model's metadata.
#[derive(Debug, Args)]
pub struct OnData {
    /// Model file
    pub model: PathBuf,
    /// Folder of images, image, .npy, IDX (also .gz) or FILE.safetensors[:TENSOR]
    pub data: PathBuf,
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
    /// File to write: .npy for rows; reconstruct also writes one image as .png
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `features`.
#[derive(Debug, Args)]
pub struct FeaturesArgs {
    /// Model file
    pub model: PathBuf,
    /// PNG to write
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Screen pixels a patch pixel [default: 8, less for large pictures]
    #[arg(long, value_name = "N")]
    pub scale: Option<usize>,
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
    /// Seed of the numbers that are tried
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
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
}

fn hidden_activation() -> impl TypedValueParser<Value = Activation> {
    words(&["sigmoid", "tanh"])
}

fn output_activation() -> impl TypedValueParser<Value = Activation> {
    words(&["sigmoid", "tanh", "linear"])
}

fn normalize() -> impl TypedValueParser<Value = Normalize> {
    words(&["lecture", "unit", "none"])
}

/// A value that is one of `names`, which are those of `T` in files.
fn words<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names)
        .try_map(|name| T::deserialize(IntoDeserializer::<value::Error>::into_deserializer(name)))
}
