//! Arguments of the commands that take data, a model, or a model on data.

use std::path::PathBuf;

use clap::Args;

use super::Asserted;
use crate::data::formats::Format;
use crate::data::{
    Axes, ClassChoice, ColumnChoice, DataFormat, Form, Meaning, Normalize, RawRows, Reading, Scale, Taken,
};
use crate::io::memory::Bytes;
use crate::io::paths::{PathText, Paths};
use crate::math::objective::Activation;
use crate::run::config::settings::Settings;
use crate::run::config::settings::parsers::{
    feature_order, format, hidden_activation, meaning, normalize, output_activation, tensor_names,
};
use crate::run::convert::Names;
use crate::run::features::FeatureOrder;

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
    /// File of labels of DATA, one for each row or picture: IDX, .npy, or text with one a line
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Classes of labelled DATA that are taken, by label, or as ranges of whole ones: cat,dog or 0-4 [default: all]
    #[arg(long, value_name = "CLASSES", allow_hyphen_values = true)]
    pub classes: Option<ClassChoice>,
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

    /// The same as settings of a run.
    pub fn settings(&self, divide: Option<Scale>) -> Settings {
        Settings {
            data: (!self.data.is_empty()).then(|| self.data.iter().map(|path| (&**path).into()).collect()),
            raw: self.raw,
            meaning: self.meaning,
            axes: self.axes.clone(),
            recursive: self.recursive.then_some(true),
            format: self.format,
            use_columns: self.use_columns.clone(),
            label_column: self.label_column.clone(),
            labels: self.labels.as_deref().map(PathText::from),
            classes: self.classes.clone(),
            take: self.take,
            first: self.first,
            divide,
            ..Settings::default()
        }
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
            labels: self.labels.clone(),
            classes: self.classes.clone(),
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
    /// What the result has to be.
    #[command(flatten)]
    pub asserted: Asserted,
}

/// Arguments of `units`.
#[derive(Debug, Args)]
pub struct UnitsArgs {
    /// Model and data.
    #[command(flatten)]
    pub on: OnData,
    /// Table to write, by its ending: .csv or .tsv
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Examples of each unit that excite it most, counted from 0 as the rows that encode writes
    #[arg(long, value_name = "K", default_value_t = 8)]
    pub top_k: usize,
    /// Hidden layer of a classifier or a stack whose units are told, counted from 1 above the inputs
    #[arg(long, value_name = "N", conflicts_with_all = ["activation", "normalize", "output", "memory"])]
    pub layer: Option<usize>,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `encode`.
#[derive(Debug, Args)]
pub struct EncodeArgs {
    /// Model, data and file.
    #[command(flatten)]
    pub map: MapArgs,
    /// Keep the K largest activations of each example, as a sparse .npz that scipy.sparse.load_npz reads; all else is at rest
    #[arg(long, value_name = "K")]
    pub top_k: Option<usize>,
    /// Hidden layer of a classifier or a stack whose activations are written, counted from 1 above the inputs
    #[arg(long, value_name = "N", conflicts_with_all = ["top_k", "activation", "normalize", "output", "memory"])]
    pub layer: Option<usize>,
}

/// Arguments of `convolve`.
#[derive(Debug, Args)]
pub struct ConvolveArgs {
    /// Model file of square patches
    pub model: PathBuf,
    /// Pictures.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Side of a region of positions, whose mean activations are the features; 1 pools nothing
    #[arg(long, value_name = "P")]
    pub pool: usize,
    /// Pixels from one position to the next
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub step: usize,
    /// File to write, by its ending: .npy, .npz, .csv, .tsv, .mat or .safetensors
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
    /// Hidden activation [default: the model's]
    #[arg(long, value_name = "F", value_parser = hidden_activation())]
    pub activation: Option<Activation>,
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

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// Model file
    pub model: PathBuf,
    /// Codes, as rows of any format or a sparse .npz.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Hidden activation, which says where sparse codes are at rest [default: the model's]
    #[arg(long, value_name = "F", value_parser = hidden_activation())]
    pub activation: Option<Activation>,
    /// Output activation [default: the model's]
    #[arg(long, value_name = "G", value_parser = output_activation())]
    pub output: Option<Activation>,
    /// File to write, by its ending: .npy, .npz, .csv, .tsv, .mat or .safetensors, or .png of rows that are pictures
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace a file that is of another kind or belongs to a run
    #[arg(long)]
    pub force: bool,
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
    #[arg(long, alias = "scale", value_name = "N")]
    pub zoom: Option<usize>,
    /// Features side by side [default: as many as make a square]
    #[arg(long, value_name = "N")]
    pub per_row: Option<usize>,
    /// Features from the first on, after sorting [default: as rows all, in a picture 4096 at most]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Order of the features; rho-hat, density and norm begin with the largest, orientation with level edges
    #[arg(long, value_name = "ORDER", value_parser = feature_order(), default_value = "number")]
    pub sort: FeatureOrder,
    /// Hidden layer of a classifier or a stack, counted from 1 above the inputs: its weights times those of the layers below
    #[arg(long, value_name = "N", conflicts_with = "units")]
    pub layer: Option<usize>,
    /// Table that the command units has written, by which rho-hat and density sort
    #[arg(long, value_name = "FILE")]
    pub units: Option<PathBuf>,
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
