//! The settings of a training run with every default filled in, and what they mean to the rest of the library.
//! [`UserSettings`] holds what the user set, [`Config::resolve`] the defaults around it, `check` what is refused, `derived` which
//! settings of a file were chosen and which only followed from them.

mod check;
mod derived;
mod held_out;
mod json;
mod memory;
mod pictures;
mod properties;
mod resolve;
pub mod settings;
mod source_kind;
mod user_settings;
mod warnings;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use check::check_objective;
pub use derived::Written;
pub use held_out::HeldOut;
pub use memory::MemoryPlan;
pub use properties::{Property, is_setting};
pub use resolve::{BATCH, ConfigContext};
pub use source_kind::SourceKind;
pub use user_settings::{Batch, UserSettings, absolute_paths, parse_settings, parse_text};
pub use warnings::{reach_warning, scale_warning};

use crate::data::RawRows;
use crate::data::shuffle::{RunOrder, Shuffle};
use crate::data::{
    self, Axes, ClassChoice, ColumnChoice, DataFormat, Form, Meaning, Normalize, Preprocess, Rotation, Scale,
    Whitening,
};
use crate::engine::device::{Selector, Setup};
use crate::engine::variant::Variant;
use crate::engine::{ChunkPlan, Chunking, RhoHat, Sharding};
use crate::error::Result;
use crate::io::memory::Bytes;
use crate::io::paths::{PathText, Paths};
use crate::math::objective::{Activation, Objective, Penalty, RhoHatMode};
use crate::math::optim::{DescentConfig, LearningRate, Optimizer, OptimizerConfig, Schedule};
use crate::math::params::Matrix;
use crate::math::rate;
use crate::math::start::Start;
use crate::run::every::{Every, Span};
use crate::train;

/// Reports a run is divided into at least, where it has as many updates.
const REPORTS: usize = 200;
/// Updates between two reports at most.
const LONGEST_SILENCE: usize = 100;

/// Every setting of a run, named as the flags of `rhohat train`. A setting that means nothing in this run (the
/// learning rate of L-BFGS, the patch size of rows) is `None`, and giving it is an error. By its own `default` nothing is
/// set; [`Config::resolve`] knows the settings of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The data, by their absolute path, or a list of such; `None` is the built-in images.
    pub data: Option<Paths>,
    /// `data` as it was typed, where that was another text.
    pub data_as_given: Option<Paths>,
    /// Kind and width of rows in files without a header.
    pub raw: Option<RawRows>,
    /// Whether arrays hold rows or pictures, where that was said.
    #[serde(rename = "as")]
    pub meaning: Option<Meaning>,
    /// The meaning of each dimension of an array, where that was said.
    pub axes: Option<Axes>,
    /// Whether folders in a folder are searched, where that was said.
    pub recursive: Option<bool>,
    /// The format of files that do not tell it themselves, where that was said.
    pub format: Option<DataFormat>,
    /// The columns of a table of text that are learned from, where that was said.
    pub use_columns: Option<ColumnChoice>,
    /// The column of a table of text that holds labels.
    pub label_column: Option<String>,
    /// The file of labels, where they have one of their own, by its absolute path.
    pub labels: Option<PathText>,
    /// `labels` as it was typed, where that was another text.
    pub labels_as_given: Option<PathText>,
    /// The classes of labelled DATA that are learned from; `None` takes all.
    pub classes: Option<ClassChoice>,
    /// Rows or pictures of DATA that are drawn by the seed and taken in their order; `None` takes all.
    pub take: Option<usize>,
    /// Rows or pictures of DATA that are taken from the first on; `None` takes all.
    pub first: Option<usize>,
    /// The divisor of the numbers of rows, 1 for rows that are taken as they are; `None` where bytes are pixels.
    pub divide: Option<Scale>,
    /// The form of the pictures that rows are, where that was said.
    pub shape: Option<Form>,
    /// h, the hidden units.
    pub hidden: usize,
    /// f.
    pub activation: Activation,
    /// g.
    pub output: Activation,
    /// ρ, in (0, 1).
    pub rho: f64,
    /// β.
    pub beta: f64,
    /// Updates over which β rises to its value; not for L-BFGS.
    pub beta_warmup: Option<usize>,
    /// λ.
    pub lambda: f64,
    /// Which ρ̂ the penalty is taken at.
    pub rho_hat: RhoHatMode,
    /// μ of the moving average of ρ̂, in [0, 1); for `ema` alone.
    pub rho_hat_decay: Option<f64>,
    /// The update rule.
    pub optimizer: Optimizer,
    /// η; not for L-BFGS.
    pub lr: Option<f64>,
    /// The course of η; not for L-BFGS.
    pub schedule: Option<Schedule>,
    /// Updates over which η rises to its value; not for L-BFGS.
    pub warmup: Option<usize>,
    /// μ of SGD, in [0, 1); for SGD alone.
    pub momentum: Option<f64>,
    /// Updates between two revivals of dead units; not for L-BFGS.
    pub revive: Option<usize>,
    /// Rows an update.
    pub batch: Batch,
    /// Rows computed at a time; `None` leaves it to the engine.
    pub chunk: Option<usize>,
    /// Hidden units a block; `None` leaves it to the engine.
    pub block: Option<usize>,
    /// Neighbouring rows that are shuffled as one; `None` shuffles every row for itself. For mini-batches alone.
    pub shuffle_block: Option<usize>,
    /// How runs of rows come into their order; `None` is [`RunOrder::Drawn`], as it was for all runs once.
    pub shuffle_order: Option<RunOrder>,
    /// Whether rows are read from disk as they are needed.
    pub stream: Option<bool>,
    /// Most bytes a binding of a WebGPU device; `None` is the adapter's own limit.
    pub binding_limit: Option<u64>,
    /// Most memory that the run may take; `None` is what the machine has left.
    pub memory: Option<Bytes>,
    /// Passes over the data; either this or `steps`.
    pub epochs: Option<usize>,
    /// Updates, or iterations of L-BFGS.
    pub steps: Option<usize>,
    /// Side of the patches, pixels; for images alone.
    pub patch: Option<usize>,
    /// Patches drawn; for images alone.
    pub samples: Option<usize>,
    /// Whether pictures that are one patch each are drawn with replacement, as version 0.1.0 did; for images alone. `None`
    /// takes each once at most.
    pub replacement: Option<bool>,
    /// Three channels; for images alone.
    pub color: Option<bool>,
    /// Olshausen's filter; for images alone.
    pub whiten: Option<bool>,
    /// Decorrelation of the examples.
    pub whitening: Option<Rotation>,
    /// ε of the decorrelation.
    pub epsilon: Option<f64>,
    /// The share of the variance that principal components are to have; for `pca` alone, where `None` keeps all of them.
    pub variance: Option<f64>,
    /// Normalisation of the examples.
    pub normalize: Normalize,
    /// Rows that the normalisation is fitted on, drawn by the seed; `None` is all of them.
    pub fit_rows: Option<usize>,
    /// How parameters begin; `None` with a model to start from, and in files of 0.1.0, where it means [`Start::Lecture`].
    pub start: Option<Start>,
    /// The model to start from, by its absolute path.
    pub init: Option<PathText>,
    /// `init` as it was typed, where that was another text.
    pub init_as_given: Option<PathText>,
    /// Seed of the built-in images, the patches, the start values and the order of the examples; below 2⁶³.
    pub seed: u64,
    /// Examples that are held out to be judged by: a share of all, or data of their own by their absolute path; `None` for
    /// none.
    pub validation: Option<HeldOut>,
    /// `validation` as it was typed, where it is a path and that was another text.
    pub validation_as_given: Option<Paths>,
    /// Looks at held-out examples without a lower J after which training ends.
    pub patience: Option<usize>,
    /// How often a checkpoint is kept.
    pub checkpoint_every: Every,
    /// Longest time that is trained in one sitting.
    pub max_time: Option<Span>,
    /// The selector of the engine.
    pub device: String,
    /// Shards of the hidden units, V, on which last bits depend; `None` is one.
    pub shards: Option<usize>,
    /// Threads of the CPU engine, on all ranks of this process together; 0 is one a core.
    pub threads: usize,
    /// The kernels of a WebGPU adapter; `None` leaves them to a race, an earlier one, or its kind.
    pub force_variant: Option<Variant>,
    /// Processes of the job, each of which has a device; 0 where there is no job.
    #[serde(skip)]
    pub processes: usize,
    /// Names of the settings that were chosen; the others followed from them, the data and the machine.
    #[serde(skip)]
    pub chosen: BTreeSet<String>,
    /// Whether the learning rate is to follow from the examples; until then it is the largest.
    #[serde(skip)]
    pub fits_rate: bool,
    /// Rows and numbers a row of DATA that are rows: what derived settings were made for.
    #[serde(skip)]
    pub data_shape: Option<(usize, usize)>,
    /// The source of held-out examples, where they are data of their own.
    #[serde(skip)]
    pub held_out_kind: Option<SourceKind>,
}

impl Config {
    /// The objective J.
    pub fn objective(&self) -> Objective {
        Objective {
            activation: self.activation,
            output: self.output,
            penalty: Penalty::kl(self.rho),
            beta: self.beta,
            lambda: self.lambda,
        }
    }

    /// How examples are decorrelated, where they are.
    pub fn whitening(&self) -> Option<Whitening> {
        let epsilon = self.epsilon.unwrap_or_default();
        self.whitening.map(|kind| Whitening { kind, epsilon, variance: self.variance })
    }

    /// How examples are made; `fitted` is the preprocessing of the model to go on with.
    pub fn data_recipe(&self, fitted: Option<Preprocess>) -> data::DataRecipe {
        data::DataRecipe {
            patch: self.patch.unwrap_or_default(),
            samples: self.samples.unwrap_or_default(),
            color: self.color.unwrap_or_default(),
            whiten: self.whiten.unwrap_or_default(),
            scale: self.scale(),
            form: self.shape,
            whitening: self.whitening(),
            normalize: self.normalize,
            fitted,
            seed: self.seed,
            replacement: self.replacement == Some(true),
            purpose: data::PATCHES,
        }
    }

    /// The divisor of raw numbers.
    pub fn scale(&self) -> Scale {
        self.divide.unwrap_or_default()
    }

    /// The rows that a normalisation is fitted on, if not all.
    pub fn fit_sample(&self) -> Option<data::RowSample> {
        self.fit_rows.map(|rows| data::RowSample { rows, seed: self.seed })
    }

    /// Updates, or L-BFGS iterations, on `examples` rows.
    pub fn updates(&self, examples: usize) -> usize {
        let an_epoch = examples.div_ceil(self.batch.rows().unwrap_or(examples).max(1));
        self.steps.unwrap_or_else(|| self.epochs.unwrap_or_default().saturating_mul(an_epoch))
    }

    /// The recipe of the training loop on `examples` rows.
    pub fn train_recipe(&self, examples: usize) -> train::Recipe {
        let steps = self.updates(examples);
        let report_every = match self.optimizer {
            Optimizer::Lbfgs => 1,
            _ => (steps / REPORTS).clamp(1, LONGEST_SILENCE),
        };
        let rate = LearningRate {
            base: self.lr.unwrap_or_default(),
            schedule: self.schedule.unwrap_or(Schedule::Constant),
            warmup: self.warmup.unwrap_or_default(),
            steps,
        };
        let beta_warmup = self.beta_warmup.unwrap_or_default();
        let descent = DescentConfig { rate, batch: self.batch.rows(), beta_warmup };
        train::Recipe {
            optimizer: OptimizerConfig::of(self.optimizer, self.momentum.unwrap_or_default(), descent),
            resampling: self.revive.map(|every| train::Resampling { every, objective: self.objective() }),
            steps,
            shuffle: self.shuffle(),
            report_every,
            yardstick: None,
        }
    }

    /// Steps between two looks at held-out examples: an epoch of mini-batches, or ten over all rows.
    pub fn look_every(&self, examples: usize) -> usize {
        self.batch.rows().map_or(10, |batch| examples.div_ceil(batch.max(1)))
    }

    /// Steps that the trend of J is taken over: an epoch of mini-batches, or a tenth of a run over all rows.
    pub fn trend_over(&self, examples: usize) -> usize {
        self.batch.rows().map_or(self.updates(examples) / 10, |batch| examples.div_ceil(batch.max(1)))
    }

    /// The order of the examples.
    pub fn shuffle(&self) -> Shuffle {
        Shuffle { seed: self.seed, run: self.shuffle_block, order: self.shuffle_order.unwrap_or_default() }
    }

    /// How the engine is set up.
    pub fn setup(&self) -> Setup {
        let cut = Chunking { chunk: self.chunk, block: self.block, binding_limit: self.binding_limit };
        let default = RhoHat::default();
        let rho_hat = RhoHat { mode: self.rho_hat, decay: self.rho_hat_decay.unwrap_or(default.decay) };
        Setup { objective: self.objective(), cut, rho_hat, threads: self.threads }
    }

    /// These settings with the learning rate that examples like those of `sample`, so many of them, ask for, where none was
    /// given.
    #[must_use]
    pub fn with_rate_for(self, sample: &Matrix<f64>, examples: usize) -> Self {
        if !self.fits_rate {
            return self;
        }
        let objective = self.objective();
        let rate = match self.optimizer {
            Optimizer::Sgd => rate::of_sgd(sample, self.hidden, &objective),
            Optimizer::Adam | Optimizer::Lbfgs => {
                rate::of_adam(sample, self.hidden, &objective, self.updates(examples))
            }
        };
        Self { lr: Some(rate), ..self }
    }

    /// These settings with the cut that the engine has settled on and the kernels that its device uses, if it has any,
    /// so that a repetition has the same bits.
    pub fn with_plan(self, plan: ChunkPlan, variant: Option<Variant>) -> Self {
        Self { chunk: Some(plan.chunk), block: Some(plan.block), force_variant: variant, ..self }
    }

    /// The engine that `device` names; of several, which are of one kind, the first.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] when it names none.
    pub fn selector(&self) -> Result<Selector> {
        Selector::first_of(&self.device).parse()
    }

    /// The devices that hidden units are spread over.
    ///
    /// # Errors
    /// As [`Config::selector`], and for devices that would not compute alike.
    pub fn selectors(&self) -> Result<Vec<Selector>> {
        Selector::list(&self.device)
    }

    /// How hidden units are spread over them.
    ///
    /// # Errors
    /// As [`Config::selectors`].
    pub fn sharding(&self) -> Result<Sharding> {
        let here = self.selectors()?.len();
        let ranks = here * self.processes.max(1);
        Ok(Sharding { ranks, shards: self.shards.unwrap_or(ranks), here })
    }

    /// All that is set, by name.
    pub fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("numbers below 2^63 and names have a TOML form")
    }
}
