//! Arguments of the commands about classifiers.

use std::path::PathBuf;

use clap::Args;

use super::on_data::ReadArgs;
use super::{Asserted, TuneFlags};
use crate::data::Scale;
use crate::io::paths::PathText;
use crate::math::optim::Optimizer;
use crate::run::config::settings::Settings;
use crate::run::config::settings::parsers::{optimizer, path};
use crate::run::every::Every;

pub const CLASSIFY_EXAMPLES: &str = "Examples:
  rhohat classify digits.idx --labels digit-labels.idx --encoder runs/first --test 0.5
  rhohat classify digits.idx --labels digit-labels.idx --encoder runs/first --fine-tune 100 --out runs/digits
  rhohat classify photos/ --recursive --encoder runs/first       the folders are the classes
  rhohat classify iris.csv --label-column species                softmax on the numbers themselves
  rhohat classify --resume runs/digits                           go on with what was interrupted";

/// Arguments of `classify`.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// Labelled data.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Divide the numbers of rows [default: as those of the lowest encoder were]
    #[arg(long, value_name = "N")]
    pub divide: Option<Scale>,
    /// Model whose codes are told apart: a file, the directory of a run, or of a stack; of several each reads the codes of the one before
    #[arg(long, value_name = "MODEL", value_parser = path(), help_heading = "Classifier")]
    pub encoder: Vec<PathText>,
    /// Judge by rows that are not learned from: a share of those of each class, as 0.2, or DATA of their own
    #[arg(long, value_name = "SHARE|DATA", value_parser = path(), help_heading = "Classifier")]
    pub test: Option<PathText>,
    /// File of labels of the DATA of --test
    #[arg(long, value_name = "FILE", value_parser = path(), requires = "test", help_heading = "Classifier")]
    pub test_labels: Option<PathText>,
    /// Weight decay of the softmax layer; of several the one that tells held-out rows best [default: 1e-2,1e-3,1e-4,1e-5,1e-6]
    #[arg(long, value_name = "X,…", value_delimiter = ',', help_heading = "Classifier")]
    pub softmax_lambda: Option<Vec<f64>>,
    /// Share of the rows of each class that is held out while weight decay is chosen [default: 0.2]
    #[arg(long, value_name = "SHARE", help_heading = "Classifier")]
    pub hold_out: Option<f64>,
    /// Iterations of L-BFGS for a softmax layer [default: 200]
    #[arg(long, value_name = "N", help_heading = "Classifier")]
    pub iterations: Option<usize>,
    /// Train no softmax layer on the examples themselves, to compare with
    #[arg(long, help_heading = "Classifier")]
    pub no_baseline: bool,
    /// Train all layers together, for N iterations of L-BFGS or epochs of SGD and Adam [default: 0]
    #[arg(long, value_name = "N", help_heading = "Fine-tuning")]
    pub fine_tune: Option<usize>,
    /// Weight decay of the hidden layers while all are trained [default: 0]
    #[arg(long, value_name = "X", help_heading = "Fine-tuning")]
    pub hidden_lambda: Option<f64>,
    /// Optimiser [default: lbfgs]
    #[arg(long, value_name = "NAME", value_parser = optimizer(), help_heading = "Fine-tuning")]
    pub optimizer: Option<Optimizer>,
    /// Learning rate of SGD and Adam [default: 0.1 and 0.001]
    #[arg(long, value_name = "X", help_heading = "Fine-tuning")]
    pub lr: Option<f64>,
    /// Momentum of SGD [default: 0.9]
    #[arg(long, value_name = "X", help_heading = "Fine-tuning")]
    pub momentum: Option<f64>,
    /// Rows an update of SGD and Adam [default: 128]
    #[arg(long, value_name = "N", help_heading = "Fine-tuning")]
    pub batch: Option<usize>,
    /// Seed of the order of rows, and of those that are held out or tested [default: 0]
    #[arg(long, value_name = "N", help_heading = "Classifier")]
    pub seed: Option<u64>,
    /// auto, cpu, gpu, gpu:N, reference, software or part of an adapter's name [default: auto]
    #[arg(long, value_name = "DEVICE", help_heading = "Device")]
    pub device: Option<String>,
    /// Time or steps between two checkpoints while all layers are trained [default: 1m]
    #[arg(long, value_name = "TIME|N", help_heading = "Run directory")]
    pub checkpoint_every: Option<Every>,
    /// Run directory, new or empty [default: runs/TIME-classify-NAME]
    #[arg(long, value_name = "DIR", help_heading = "Run directory")]
    pub out: Option<PathBuf>,
    /// Go on with a run; --fine-tune makes it longer
    #[arg(long, value_name = "RUN", conflicts_with_all = ["out", "data"], help_heading = "Run directory")]
    pub resume: Option<PathBuf>,
    /// Begin the run DIR, go on with it, or print its result: one command line for all of them
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "resume"], help_heading = "Run directory")]
    pub run: Option<PathBuf>,
    /// What the result has to be.
    #[command(flatten)]
    pub asserted: Asserted,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

pub const STACK_EXAMPLES: &str = "Examples:
  rhohat stack train-images-idx3-ubyte --layers 200,200 --rho 0.1 --out runs/stack
  rhohat classify train-images-idx3-ubyte --labels train-labels-idx1-ubyte --encoder runs/stack --fine-tune 100
  rhohat stack --config stack.toml rows.npy         settings of a layer stand in its [[layer]]
  rhohat stack --resume runs/stack                  go on with what was interrupted";

/// Arguments of `stack`.
#[derive(Debug, Args)]
pub struct StackArgs {
    /// Settings of all layers.
    #[command(flatten)]
    pub settings: Settings,
    /// How kernels are chosen.
    #[command(flatten)]
    pub tune: TuneFlags,
    /// Hidden units of each layer, from below: 200,100
    #[arg(long, value_name = "N,…", value_delimiter = ',', help_heading = "Model")]
    pub layers: Option<Vec<usize>>,
    /// Settings in TOML, named like these flags with underscores, and under [[layer]] those of each layer, which win; flags win over those of all
    #[arg(long, value_name = "FILE", help_heading = "Run directory")]
    pub config: Option<PathBuf>,
    /// Directory of the stack, new or empty, with a run for each layer [default: runs/TIME-stack-NAME]
    #[arg(long, value_name = "DIR", help_heading = "Run directory")]
    pub out: Option<PathBuf>,
    /// Go on with a stack
    #[arg(long, value_name = "STACK", conflicts_with_all = ["out", "config", "data"], help_heading = "Run directory")]
    pub resume: Option<PathBuf>,
    /// Begin the stack DIR, go on with it, or print its result: one command line for all of them
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "resume"], help_heading = "Run directory")]
    pub run: Option<PathBuf>,
    /// Write no report.html in the runs of the layers
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub no_report: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// Classifier: its file, or the directory of a run
    pub classifier: PathBuf,
    /// Data, with labels where it is to be judged.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Write the probability of each class, with the most probable one as the label: .csv, .tsv, .npz, .mat, .npy or .safetensors
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the confusion matrix: .svg, or .csv
    #[arg(long, value_name = "FILE")]
    pub confusion: Option<PathBuf>,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
    /// auto, cpu, gpu, gpu:N, reference, software or part of an adapter's name
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: String,
    /// What the result has to be.
    #[command(flatten)]
    pub asserted: Asserted,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
