//! The flags of `train` that are settings of the run, and the values that they take.

use crate::data::formats::Format;
use crate::data::{Axes, Meaning, Normalize, RawRows, Scale};
use crate::engine::gpu::kernel::variant::Variant;
use crate::io::memory::Bytes;
use crate::io::paths::PathText;
use crate::math::objective::{Activation, RhoHatMode};
use crate::math::optim::{Optimizer, Schedule};
use crate::run::checkpoint::{Every, Span};
use crate::run::config::Batch;
use clap::Args;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer, value};

/// What a run can be told, by flags or in a file; named as there; TOML leaves out what is not set.
#[derive(Clone, Debug, Args, Serialize)]
pub struct Settings {
    /// Data, in any format that is read
    #[arg(value_name = "DATA", value_parser = path(), help = Format::usage())]
    data: Option<PathText>,
    /// Kind and width of rows in files without a header, for example u8:784
    #[arg(long, value_name = "KIND:WIDTH")]
    raw: Option<RawRows>,
    /// What arrays hold [default: two dimensions rows, three and four pictures]
    #[arg(long = "as", value_name = "MEANING", value_parser = meaning())]
    #[serde(rename = "as")]
    meaning: Option<Meaning>,
    /// What each dimension of an array is: count, h, w, c of pictures, or count, length of rows, as count,c,h,w
    #[arg(long, value_name = "AXES")]
    axes: Option<Axes>,
    /// Divide the numbers of rows, 255 for bytes of pixels [default: as they are; pictures and IDX are divided by 255]
    #[arg(long, value_name = "N")]
    divide: Option<Scale>,
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
    /// Updates over which the weight of the penalty rises [default: 0]
    #[arg(long, value_name = "N")]
    beta_warmup: Option<u32>,
    /// Weight decay [default: 1e-4]
    #[arg(long, value_name = "X")]
    lambda: Option<f64>,
    /// Where the mean activation is taken [default: exact, for mini-batches batch]
    #[arg(long, value_name = "MODE", value_parser = words::<RhoHatMode>(["exact", "batch", "ema"]))]
    rho_hat: Option<RhoHatMode>,
    /// Share of the old value in `--rho-hat ema` [default: 0.99]
    #[arg(long, value_name = "X")]
    rho_hat_decay: Option<f64>,
    /// Update rule [default: lbfgs, above 50000 rows of DATA adam]
    #[arg(long, value_name = "NAME", value_parser = words::<Optimizer>(Optimizer::ALL.map(Optimizer::name)))]
    optimizer: Option<Optimizer>,
    /// Learning rate [default: adam 0.001, sgd 0.01]
    #[arg(long, value_name = "X")]
    lr: Option<f64>,
    /// Course of the learning rate [default: constant]
    #[arg(long, value_name = "NAME", value_parser = words::<Schedule>(["constant", "cosine"]))]
    schedule: Option<Schedule>,
    /// Updates over which the learning rate rises [default: 0]
    #[arg(long, value_name = "N")]
    warmup: Option<u32>,
    /// Momentum of sgd [default: 0.9]
    #[arg(long, value_name = "X")]
    momentum: Option<f64>,
    /// Updates between two revivals of dead units [default: they stay dead]
    #[arg(long, value_name = "N")]
    revive: Option<u32>,
    /// Rows an update [default: full; adam and sgd 1000]
    #[arg(long, value_name = "N|full")]
    batch: Option<Batch>,
    /// Rows computed at a time, where memory is short; the result is the same
    #[arg(long, value_name = "N")]
    chunk: Option<u32>,
    /// Hidden units computed at a time, in sixteens on the CPU; the result is the same
    #[arg(long, value_name = "N")]
    block: Option<u32>,
    /// Neighbouring rows that are shuffled as one [default: 1 MiB of numbers where DATA has more than 2^28, else none]
    #[arg(long, value_name = "ROWS")]
    shuffle_block: Option<u32>,
    /// Read rows from disk as they are needed [default: where they do not fit in memory]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, overrides_with = "no_stream")]
    stream: Option<bool>,
    /// Hold all rows in memory
    #[arg(long, overrides_with = "stream")]
    #[serde(skip)]
    no_stream: bool,
    /// Most bytes a WebGPU device binds at once [default: what its adapter can]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    binding_limit: Option<u64>,
    /// Most memory that the run may take, for example 6GB [default: what is free]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Bytes>,
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
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    color: Option<bool>,
    /// Whiten images with Olshausen's filter [default: for the built-in images]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, overrides_with = "no_whiten")]
    whiten: Option<bool>,
    /// Leave images as they are
    #[arg(long, overrides_with = "whiten")]
    #[serde(skip)]
    no_whiten: bool,
    /// Normalisation [default: lecture for images, none for rows]
    #[arg(long, value_name = "KIND", value_parser = normalize())]
    normalize: Option<Normalize>,
    /// Rows, drawn at random, that the normalisation is fitted on [default: all]
    #[arg(long, value_name = "N")]
    fit_rows: Option<u32>,
    /// Start from this model, with its settings
    #[arg(long, value_name = "MODEL", value_parser = path())]
    init: Option<PathText>,
    /// Seed of pictures, patches, start weights and order [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Share of the examples held out, by which training ends early and the best parameters are kept
    #[arg(long, value_name = "SHARE")]
    validation: Option<f64>,
    /// Looks at held-out examples without a lower J before training ends [default: 10]
    #[arg(long, value_name = "N")]
    patience: Option<u32>,
    /// Time (10m, 0.5s) or steps between two checkpoints; one is kept in the end besides [default: 10m]
    #[arg(long, value_name = "TIME|STEPS")]
    checkpoint_every: Option<Every>,
    /// Longest time to train in one sitting, for example 8h; --resume goes on
    #[arg(long, value_name = "TIME")]
    max_time: Option<Span>,
    /// auto, cpu, gpu, gpu:N, reference, software or part of an adapter's name [default: auto]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Threads of the CPU engine, 0 for one a core [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// Kernels of a WebGPU device, for example direct/buffers [default: timed or by its kind]
    #[arg(long, value_name = "NAME")]
    force_variant: Option<Variant>,
    /// What stands in the place of all these.
    #[arg(skip)]
    #[serde(skip)]
    instead: Option<toml::Table>,
}

impl Settings {
    /// Whether kernels were asked for by flag.
    pub fn forces_variant(&self) -> bool {
        self.force_variant.is_some()
    }

    /// Puts other settings in the place of these.
    pub fn put(&mut self, settings: toml::Table) {
        self.instead = Some(settings);
    }

    /// What was set, by name.
    pub fn table(&self) -> toml::Table {
        if let Some(table) = &self.instead {
            return table.clone();
        }
        let mut table = toml::Table::try_from(self).expect("every flag has a TOML form");
        if self.no_whiten {
            table.insert("whiten".to_owned(), false.into());
        }
        if self.no_stream {
            table.insert("stream".to_owned(), false.into());
        }
        table
    }
}

/// A path, whatever bytes its name has.
fn path() -> impl TypedValueParser<Value = PathText> {
    OsStringValueParser::new().map(PathText::from)
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

/// Values of `--normalize`.
pub fn normalize() -> impl TypedValueParser<Value = Normalize> {
    words(["lecture", "unit", "none"])
}

/// A value that is one of `names`, which are those of `T` in files.
fn words<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names.into_iter().collect::<Vec<_>>())
        .try_map(|name| T::deserialize(IntoDeserializer::<value::Error>::into_deserializer(name)))
}
