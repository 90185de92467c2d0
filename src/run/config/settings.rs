//! The settings of a run, spelled once: their names, types, help texts and values on the command line, and in a table what
//! each of them decides.

use serde::{Serialize, Serializer};
use toml::Table;

use super::properties::Property::{
    self, Binding, Derivable, OfData, OfFirstOrder, OfMachine, OfObjective, OfRate, OfRun, OfSitting,
};
use super::{Batch, HeldOut};
#[cfg(feature = "cli")]
use crate::data::formats::Format;
use crate::data::{
    Axes, ClassChoice, ColumnChoice, DataFormat, Form, Meaning, Normalize, RawRows, Scale, WhiteningKind,
};
use crate::engine::variant::Variant;
use crate::error::{Error, Result};
use crate::io::memory::Bytes;
use crate::io::paths::{PathText, Paths};
use crate::math::objective::{Activation, RhoHatMode};
use crate::math::optim::{Optimizer, Schedule};
use crate::math::start::Start;
use crate::run::every::{Every, Span};

/// A path or a list of them, as files have it.
fn one_or_many<S: Serializer>(paths: &Option<Vec<PathText>>, serializer: S) -> Result<S::Ok, S::Error> {
    paths.clone().and_then(|paths| Paths::try_from(paths).ok()).serialize(serializer)
}

/// The settings of a run that may be given, each named as in `config.toml`: by flags, in a file or by a program. `None`
/// leaves a setting to its default.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "cli", derive(clap::Args))]
pub struct Settings {
    /// Data, in any format that is read; several are taken as one
    #[cfg_attr(feature = "cli", arg(value_name = "DATA", value_parser = parsers::path(), help = Format::usage()))]
    #[serde(serialize_with = "one_or_many")]
    pub data: Option<Vec<PathText>>,
    /// Kind and width of rows in files without a header, for example u8:784
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "KIND:WIDTH", help_heading = "Data", hide_short_help = true)
    )]
    pub raw: Option<RawRows>,
    /// What arrays hold [default: two dimensions rows, three and four pictures]
    #[cfg_attr(feature = "cli", arg(long = "as", value_name = "MEANING", value_parser = parsers::meaning(), help_heading = "Data"))]
    #[serde(rename = "as")]
    pub meaning: Option<Meaning>,
    /// What each dimension of an array is: count, h, w, c of pictures, or count, length of rows, as count,c,h,w
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "AXES", help_heading = "Data", hide_short_help = true)
    )]
    pub axes: Option<Axes>,
    /// Search the folders in a folder, too; their names are kept as labels
    #[cfg_attr(feature = "cli", arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Data"))]
    pub recursive: Option<bool>,
    /// Format of files that do not tell it themselves
    #[cfg_attr(feature = "cli", arg(long, value_name = "FORMAT", value_parser = parsers::format(), help_heading = "Data", hide_short_help = true))]
    pub format: Option<DataFormat>,
    /// Columns of a table of text that are learned from, by name, or by number from 0: length,width or 0-63 [default: all]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "COLUMNS", help_heading = "Data", hide_short_help = true)
    )]
    pub use_columns: Option<ColumnChoice>,
    /// Column of a table of text that holds labels, which are kept and not learned from
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "COLUMN", help_heading = "Data", hide_short_help = true)
    )]
    pub label_column: Option<String>,
    /// File of labels of DATA, one for each row or picture: IDX, .npy, or text with one a line
    #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", value_parser = parsers::path(), help_heading = "Data", hide_short_help = true))]
    pub labels: Option<PathText>,
    /// Classes of labelled DATA that are learned from, by label, or as ranges of whole ones: cat,dog or 5-9 [default: all]
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            value_name = "CLASSES",
            allow_hyphen_values = true,
            help_heading = "Data",
            hide_short_help = true
        )
    )]
    pub classes: Option<ClassChoice>,
    /// Rows or pictures of DATA that are taken, drawn by the seed [default: all]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Data"))]
    pub take: Option<usize>,
    /// Rows or pictures of DATA that are taken from the first on [default: all]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Data"))]
    pub first: Option<usize>,
    /// Divide the numbers of rows, 255 for bytes of pixels [default: as they are; pictures and IDX are divided by 255]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", help_heading = "Data"))]
    pub divide: Option<Scale>,
    /// Form of the pictures that rows are, for features and reconstructions, as 28x28 or 32x32x3
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "HxW[xC]", help_heading = "Data", hide_short_help = true)
    )]
    pub shape: Option<Form>,
    /// Hidden units [default: 25]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Model"))]
    pub hidden: Option<usize>,
    /// Hidden activation [default: sigmoid]
    #[cfg_attr(feature = "cli", arg(long, value_name = "F", value_parser = parsers::hidden_activation(), help_heading = "Model"))]
    pub activation: Option<Activation>,
    /// Output activation [default: sigmoid]
    #[cfg_attr(feature = "cli", arg(long, value_name = "G", value_parser = parsers::output_activation(), help_heading = "Model"))]
    pub output: Option<Activation>,
    /// Mean activation that hidden units are held to [default: 0.01]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", help_heading = "Objective"))]
    pub rho: Option<f64>,
    /// Weight of the sparsity penalty [default: 3]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", help_heading = "Objective"))]
    pub beta: Option<f64>,
    /// Updates over which the weight of the penalty rises [default: 0]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Objective", hide_short_help = true))]
    pub beta_warmup: Option<usize>,
    /// Weight decay [default: 1e-4]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", help_heading = "Objective"))]
    pub lambda: Option<f64>,
    /// Where the mean activation is taken [default: exact, for mini-batches batch]
    #[cfg_attr(feature = "cli", arg(long, value_name = "MODE", value_parser = parsers::words::<RhoHatMode>(["exact", "batch", "ema"]), help_heading = "Objective", hide_short_help = true))]
    pub rho_hat: Option<RhoHatMode>,
    /// Share of the old value in `--rho-hat ema` [default: 0.99]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X", help_heading = "Objective", hide_short_help = true)
    )]
    pub rho_hat_decay: Option<f64>,
    /// Update rule [default: lbfgs, above 50000 rows of DATA adam]
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME", value_parser = parsers::words::<Optimizer>(Optimizer::ALL.map(Optimizer::name)), help_heading = "Optimiser"))]
    pub optimizer: Option<Optimizer>,
    /// Learning rate [default: adam 0.01, sgd 0.3, less in wide layers]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", help_heading = "Optimiser"))]
    pub lr: Option<f64>,
    /// Course of the learning rate [default: cosine]
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME", value_parser = parsers::words::<Schedule>(["constant", "cosine"]), help_heading = "Optimiser", hide_short_help = true))]
    pub schedule: Option<Schedule>,
    /// Updates over which the learning rate rises [default: 0]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Optimiser", hide_short_help = true))]
    pub warmup: Option<usize>,
    /// Momentum of sgd [default: 0.9]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "X", help_heading = "Optimiser", hide_short_help = true)
    )]
    pub momentum: Option<f64>,
    /// Updates between two times at which dead units are given new weights [default: they stay dead]
    #[cfg_attr(feature = "cli", arg(long = "resample", alias = "revive", value_name = "N", value_parser = parsers::count(), help_heading = "Optimiser", hide_short_help = true))]
    pub revive: Option<usize>,
    /// Rows an update [default: full; adam and sgd 250]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N|full", help_heading = "Optimiser"))]
    pub batch: Option<Batch>,
    /// Rows computed at a time, where memory is short; the result is the same
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Memory", hide_short_help = true))]
    pub chunk: Option<usize>,
    /// Hidden units computed at a time, in sixteens on the CPU; the result is the same
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Memory", hide_short_help = true))]
    pub block: Option<usize>,
    /// Neighbouring rows that are shuffled as one [default: 1 MiB of numbers where DATA has more than 2^28, else none]
    #[cfg_attr(feature = "cli", arg(long, value_name = "ROWS", value_parser = parsers::count(), help_heading = "Optimiser", hide_short_help = true))]
    pub shuffle_block: Option<usize>,
    /// Read rows from disk as they are needed [default: where they do not fit in memory]
    #[cfg_attr(feature = "cli", arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, overrides_with = "no_stream", help_heading = "Memory", hide_short_help = true))]
    pub stream: Option<bool>,
    /// Hold all rows in memory
    #[cfg_attr(
        feature = "cli",
        arg(long, overrides_with = "stream", help_heading = "Memory", hide_short_help = true)
    )]
    #[cfg(feature = "cli")]
    #[serde(skip)]
    pub(crate) no_stream: bool,
    /// Most bytes a WebGPU device binds at once [default: what its adapter can]
    #[cfg_attr(feature = "cli", arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64), help_heading = "Memory", hide_short_help = true))]
    pub binding_limit: Option<u64>,
    /// Most memory that the run may take, for example 6GB [default: what is free]
    #[cfg_attr(feature = "cli", arg(long, value_name = "SIZE", help_heading = "Memory"))]
    pub memory: Option<Bytes>,
    /// Passes over the data [default: 20 in mini-batches]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Optimiser"))]
    pub epochs: Option<usize>,
    /// Updates, or iterations of lbfgs [default: 400 on all rows, 800 on the built-in pictures]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Optimiser"))]
    pub steps: Option<usize>,
    /// Side of the patches cut from images, pixels [default: 8]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Data"))]
    pub patch: Option<usize>,
    /// Patches cut from images [default: 10000]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Data"))]
    pub samples: Option<usize>,
    /// Keep the colours of images
    #[cfg_attr(feature = "cli", arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, help_heading = "Data"))]
    pub color: Option<bool>,
    /// Whiten images with Olshausen's filter [default: for the built-in images]
    #[cfg_attr(feature = "cli", arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, overrides_with = "no_whiten", help_heading = "Data"))]
    pub whiten: Option<bool>,
    /// Leave images as they are
    #[cfg_attr(
        feature = "cli",
        arg(long, overrides_with = "whiten", help_heading = "Data", hide_short_help = true)
    )]
    #[cfg(feature = "cli")]
    #[serde(skip)]
    pub(crate) no_whiten: bool,
    /// Whiten: olshausen filters whole images, pca and zca decorrelate the numbers of examples [default: none; for the built-in images olshausen]
    #[cfg_attr(feature = "cli", arg(long, value_name = "KIND", value_parser = parsers::words::<WhiteningKind>(WhiteningKind::ALL.map(WhiteningKind::name)), conflicts_with_all = ["whiten", "no_whiten"], help_heading = "Data"))]
    pub whitening: Option<WhiteningKind>,
    /// Added to every variance by --whitening pca and zca [default: 0.1 for images, 1e-5 for rows]
    #[cfg_attr(feature = "cli", arg(long, value_name = "X", help_heading = "Data", hide_short_help = true))]
    pub epsilon: Option<f64>,
    /// Share of the variance that the components of --whitening pca keep, for example 0.99 [default: all]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "SHARE", help_heading = "Data", hide_short_help = true)
    )]
    pub variance: Option<f64>,
    /// Normalisation: lecture and unit of all values, minmax, standard and mean of each column [default: lecture for images, none for rows and with pca or zca]
    #[cfg_attr(feature = "cli", arg(long, value_name = "KIND", value_parser = parsers::normalize(), help_heading = "Data"))]
    pub normalize: Option<Normalize>,
    /// Rows, drawn at random, that the normalisation is fitted on [default: all]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Data", hide_short_help = true))]
    pub fit_rows: Option<usize>,
    /// How parameters begin: as in the lecture, or fitted to the data and to rho [default: data; lbfgs on the built-in pictures lecture]
    #[cfg_attr(feature = "cli", arg(long, value_name = "KIND", value_parser = parsers::words::<Start>(Start::ALL.map(Start::name)), help_heading = "Model"))]
    pub start: Option<Start>,
    /// Start from this model, with its settings
    #[cfg_attr(feature = "cli", arg(long, value_name = "MODEL", value_parser = parsers::path(), help_heading = "Model"))]
    pub init: Option<PathText>,
    /// Seed of pictures, patches, start weights and order [default: 0]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64), help_heading = "Optimiser"))]
    pub seed: Option<u64>,
    /// Share of the examples held out, or other data, by which training ends early and the best parameters are kept
    #[cfg_attr(feature = "cli", arg(long, value_name = "SHARE|DATA", value_parser = parsers::held_out(), help_heading = "Held-out examples"))]
    pub validation: Option<HeldOut>,
    /// Looks at held-out examples without a lower J before training ends [default: 10]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Held-out examples", hide_short_help = true))]
    pub patience: Option<usize>,
    /// Time (10m, 0.5s) or steps between two checkpoints; one is kept in the end besides [default: 10m]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME|STEPS", help_heading = "Run directory", hide_short_help = true)
    )]
    pub checkpoint_every: Option<Every>,
    /// Longest time to train in one sitting, for example 8h; --resume goes on
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "TIME", help_heading = "Run directory", hide_short_help = true)
    )]
    pub max_time: Option<Span>,
    /// auto, cpu, gpu, gpu:N, pci:BUS, reference, software or part of an adapter's name; a list such as gpu:0,gpu:1 spreads hidden units over several [default: auto]
    #[cfg_attr(feature = "cli", arg(long, value_name = "DEVICE", help_heading = "Device"))]
    pub device: Option<String>,
    /// Shards of the hidden units: a run with as many has the same bits on any number of devices that divides them [default: one a device]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Device", hide_short_help = true))]
    pub shards: Option<usize>,
    /// Threads of the CPU engine, 0 for one a core [default: 0]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N", value_parser = parsers::count(), help_heading = "Device", hide_short_help = true))]
    pub threads: Option<usize>,
    /// Kernels of a WebGPU device, for example direct/buffers [default: by its kind and the shape]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "NAME", help_heading = "Device", hide_short_help = true)
    )]
    pub force_variant: Option<Variant>,
}

/// What each of all settings decides. Where several of one property are told of, it is in this order.
pub(super) const PROPERTIES: [(&str, &[Property]); 64] = [
    ("data", &[OfSitting]),
    ("data_as_given", &[]),
    ("raw", &[OfRun]),
    ("as", &[OfRun]),
    ("axes", &[OfRun]),
    ("recursive", &[OfRun]),
    ("format", &[OfRun]),
    ("use_columns", &[OfRun]),
    ("label_column", &[OfRun]),
    ("labels", &[OfSitting]),
    ("labels_as_given", &[]),
    ("classes", &[OfRun]),
    ("take", &[OfRun]),
    ("first", &[OfRun]),
    ("divide", &[Derivable, OfData, OfRun]),
    ("shape", &[OfRun]),
    ("hidden", &[Binding, OfRun]),
    ("activation", &[OfRate, OfRun]),
    ("output", &[OfRate, OfRun]),
    ("rho", &[Binding, OfObjective]),
    ("beta", &[OfObjective, OfRate]),
    ("lambda", &[OfObjective]),
    ("optimizer", &[Derivable, Binding, OfRun]),
    ("lr", &[Derivable, OfFirstOrder]),
    ("schedule", &[Derivable, OfFirstOrder]),
    ("warmup", &[Derivable, OfFirstOrder]),
    ("momentum", &[Derivable, OfFirstOrder]),
    ("beta_warmup", &[Derivable, OfFirstOrder]),
    ("revive", &[OfFirstOrder]),
    ("epochs", &[Derivable, OfFirstOrder, OfRate]),
    ("rho_hat", &[Derivable]),
    ("rho_hat_decay", &[Derivable, OfFirstOrder]),
    ("shuffle_block", &[Derivable, OfFirstOrder, OfRun]),
    ("shuffle_order", &[Derivable, OfFirstOrder, OfRun]),
    ("batch", &[Derivable, Binding]),
    ("steps", &[Derivable, OfRate]),
    ("chunk", &[Derivable, OfMachine]),
    ("block", &[Derivable, OfMachine]),
    ("force_variant", &[Derivable, OfMachine]),
    ("binding_limit", &[]),
    ("stream", &[Derivable, OfSitting]),
    ("device", &[Binding]),
    ("shards", &[Derivable]),
    ("threads", &[OfSitting]),
    ("memory", &[Binding, OfSitting]),
    ("samples", &[Derivable, Binding, OfData, OfRun]),
    ("patch", &[Derivable, Binding, OfData, OfRun]),
    ("color", &[Derivable, Binding, OfData, OfRun]),
    ("replacement", &[Derivable, OfData, OfRun]),
    ("whiten", &[Derivable, OfData, OfRun]),
    ("whitening", &[Binding, OfRun]),
    ("epsilon", &[Derivable, OfData, OfRun]),
    ("variance", &[OfRun]),
    ("normalize", &[Derivable, OfData, OfRun]),
    ("fit_rows", &[OfRun]),
    ("start", &[Derivable, OfRun]),
    ("init", &[OfSitting]),
    ("init_as_given", &[]),
    ("seed", &[OfRun]),
    ("validation", &[OfRun]),
    ("validation_as_given", &[]),
    ("patience", &[]),
    ("checkpoint_every", &[OfSitting]),
    ("max_time", &[OfSitting]),
];

impl Settings {
    /// The settings that are given, by name.
    ///
    /// # Errors
    /// [`Error::Usage`] for a number that is too large for a file of settings, 2^63 or more.
    pub fn table(&self) -> Result<Table> {
        #[cfg_attr(not(feature = "cli"), expect(unused_mut, reason = "flags alone add to it"))]
        let mut table = Table::try_from(self).map_err(|error| Error::usage(format!("settings: {error}")))?;
        #[cfg(feature = "cli")]
        for (name, is_off) in [("stream", self.no_stream), ("whiten", self.no_whiten)] {
            if is_off {
                table.insert(name.to_owned(), false.into());
            }
        }
        Ok(table)
    }
}

/// The values that flags take.
#[cfg(feature = "cli")]
pub mod parsers {
    use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
    use serde::de::{DeserializeOwned, IntoDeserializer, value};

    use super::{Activation, DataFormat, HeldOut, Meaning, Normalize, Optimizer, PathText};
    use crate::run::convert::Names;
    use crate::run::features::FeatureOrder;

    /// A number of things.
    pub fn count() -> impl TypedValueParser<Value = usize> {
        clap::value_parser!(u32).map(|count| count as usize)
    }

    /// A path, whatever bytes its name has.
    pub fn path() -> impl TypedValueParser<Value = PathText> {
        OsStringValueParser::new().map(PathText::from)
    }

    /// Values of `--validation`.
    pub fn held_out() -> impl TypedValueParser<Value = HeldOut> {
        OsStringValueParser::new().map(HeldOut::of)
    }

    /// Values of `--activation`.
    pub fn hidden_activation() -> impl TypedValueParser<Value = Activation> {
        words(Activation::of_hidden_layers().map(Activation::name))
    }

    /// Values of `--output`.
    pub fn output_activation() -> impl TypedValueParser<Value = Activation> {
        words(Activation::ALL.map(Activation::name))
    }

    /// Values of `--as`.
    pub fn meaning() -> impl TypedValueParser<Value = Meaning> {
        words(["rows", "pictures"])
    }

    /// Values of `--format`.
    pub fn format() -> impl TypedValueParser<Value = DataFormat> {
        words(DataFormat::ALL.map(DataFormat::name))
    }

    /// Values of `--optimizer`.
    pub fn optimizer() -> impl TypedValueParser<Value = Optimizer> {
        words(Optimizer::ALL.map(Optimizer::name))
    }

    /// Values of `--normalize`.
    pub fn normalize() -> impl TypedValueParser<Value = Normalize> {
        words(Normalize::ALL.map(Normalize::name))
    }

    /// Values of `--names`.
    pub fn tensor_names() -> impl TypedValueParser<Value = Names> {
        words(Names::ALL.map(Names::name))
    }

    /// Values of `--sort`.
    pub fn feature_order() -> impl TypedValueParser<Value = FeatureOrder> {
        words(FeatureOrder::ALL.map(FeatureOrder::name))
    }

    /// A value that is one of `names`, which are those of `T` in files.
    pub fn words<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        PossibleValuesParser::new(names.into_iter().collect::<Vec<_>>())
            .try_map(|name| T::deserialize(IntoDeserializer::<value::Error>::into_deserializer(name)))
    }
}
