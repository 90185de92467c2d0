//! The defaults: those of the lecture's experiment, and how data and a start model change them.

use super::memory::default_run;
use super::{Batch, Config, HeldOut, SourceKind, UserSettings, Written};
use crate::data::shuffle::{MOST_DRAWN, RunOrder};
use crate::data::{Normalize, Rotation, Scale, Whitening};
use crate::engine::Sharding;
use crate::engine::collective::Ranks;
use crate::error::{Error, Result};
use crate::math::objective::{Activation, Objective, RhoHatMode};
use crate::math::optim::{Optimizer, Schedule};
use crate::math::params::Shape;
use crate::math::rate;
use crate::math::start::Start;
use crate::run::model_file::{Meta, ModelFile};

/// Rows above which DATA is learned from in mini-batches by default.
const MANY_ROWS: usize = 50_000;
/// Rows of a mini-batch by default.
pub const BATCH: usize = 250;
/// Numbers above which rows are shuffled in runs by default.
const MANY_NUMBERS: usize = 1 << 28;
/// Hidden units by default.
const HIDDEN: usize = 25;
/// Iterations or full-batch updates by default.
const STEPS: usize = 400;
/// Iterations on the built-in pictures by default: after 400 two of the 25 features have no direction yet.
const STEPS_OF_EXPERIMENT: usize = 800;
/// Passes over the data in mini-batches by default.
const EPOCHS: usize = 20;
/// Looks at held-out examples without a lower J, by default.
const PATIENCE: usize = 10;
/// Side of a patch by default, pixels.
const PATCH: usize = 8;
/// Patches by default.
const SAMPLES: usize = 10_000;

/// Facts about data and start model on which defaults and refusals depend besides the settings.
#[derive(Debug)]
pub struct ConfigContext<'a> {
    /// The divisor that [`Scale::Pixels`] comes to for these data.
    pub scale_of_pixels: Scale,
    /// The source of the examples.
    pub kind: SourceKind,
    /// The source of held-out examples, where they are data of their own.
    pub held_out: Option<SourceKind>,
    /// The model to start from.
    pub init: Option<&'a ModelFile>,
    /// Processes of the job that trains one model; 0 where there is no job.
    pub processes: usize,
    /// The usual scale of such data.
    pub scale: Scale,
}

impl ConfigContext<'_> {
    pub(super) fn meta(&self) -> Option<&Meta> {
        self.init.and_then(ModelFile::meta)
    }

    /// That of the start model, of version 0.1.0 where the settings are its, or of the data.
    fn usual_scale(&self, given: &UserSettings) -> Scale {
        let scale = match (self.kind, self.meta()) {
            (SourceKind::BuiltIn | SourceKind::Images { .. }, _) => Scale::Pixels,
            (SourceKind::Rows { .. }, Some(meta)) => meta.preprocess.scale,
            (SourceKind::Rows { .. }, None) if given.written() == Written::Of010 => Scale::Pixels,
            (SourceKind::Rows { .. }, None) => self.scale,
        };
        // Who reads the settings later may not know where they came from.
        if scale.is_pixels() && !self.scale.is_pixels() { self.scale_of_pixels } else { scale }
    }
}

/// From data, but for the lecture's experiment: L-BFGS on the built-in pictures. None where a model is started from; a run
/// whose settings name no start began as the lecture's.
fn default_start(given: &UserSettings, facts: &ConfigContext<'_>, optimizer: Optimizer) -> Option<Start> {
    let is_older = given.are_of_a_run() && !given.file_has("start");
    let is_experiment = facts.kind == SourceKind::BuiltIn && optimizer == Optimizer::Lbfgs;
    let usual = if is_experiment { Start::Lecture } else { Start::Data };
    (facts.init.is_none() && !is_older).then_some(usual)
}

impl Config {
    /// Fills in the defaults around the given settings and refuses what does not go together.
    ///
    /// # Errors
    /// [`Error::Usage`] with the setting and the way out; [`Error::Input`] for what a configuration file has wrong.
    pub fn resolve(given: &UserSettings, facts: &ConfigContext<'_>) -> Result<Self> {
        let mut defaults = Self::defaults(facts, given.get("samples")?.unwrap_or(SAMPLES));
        let patch = given.get("patch")?;
        defaults.replacement = defaults.draws_as_010(given, facts.kind, patch)?;
        let whole = defaults.take_whole_pictures_once(facts.kind, patch);
        defaults.choose_whitening(given, facts)?;
        defaults.choose_optimizer(given, facts.kind)?;
        defaults.divide = facts.usual_scale(given).given();
        defaults.start = default_start(given, facts, defaults.optimizer);
        let holds_out = given.get::<HeldOut>("validation")?.is_some() || facts.held_out.is_some();
        defaults.patience = holds_out.then_some(PATIENCE);
        defaults.held_out_kind = facts.held_out;
        let mut config = given.over(&defaults)?.with_run_order(given, facts.kind);
        if matches!(facts.kind, SourceKind::Rows { .. }) {
            // Rows are not filtered, whoever says so.
            config.whiten = config.whiten.filter(|filters| *filters);
        }
        if let Some((asked, taken)) = config.take_whole_pictures_once(facts.kind, None).or(whole) {
            tracing::info!(
                "every picture is one patch: each of the {taken} is taken once, not {asked} drawn"
            );
        }
        if let Some(count) =
            config.whole_pictures(facts.kind, None).filter(|_| config.replacement == Some(true))
        {
            tracing::info!(
                "every picture is one patch: {} are drawn from the {count} with replacement, as in version 0.1.0",
                config.samples.unwrap_or_default()
            );
        }
        config.tell_of_output(given);
        config.processes = facts.processes;
        config.settle_shards()?;
        config.fits_rate = config.optimizer != Optimizer::Lbfgs && given.get::<f64>("lr")?.is_none();
        config.check(facts)?;
        Ok(config)
    }

    /// Of pictures that are one patch each there are no more examples than pictures; the samples asked for, and those taken.
    fn take_whole_pictures_once(&mut self, kind: SourceKind, patch: Option<usize>) -> Option<(usize, usize)> {
        let count = self.whole_pictures(kind, patch).filter(|_| self.replacement != Some(true))?;
        let asked = self.samples.filter(|&asked| asked > count)?;
        self.samples = Some(count);
        Some((asked, count))
    }

    /// The number of the pictures, where each is one patch.
    fn whole_pictures(&self, kind: SourceKind, patch: Option<usize>) -> Option<usize> {
        let SourceKind::Images { squares: Some((side, count)) } = kind else { return None };
        (patch.or(self.patch) == Some(side)).then_some(count)
    }

    /// Version 0.1.0 drew whole pictures with replacement: its settings, and those that followed from them, still do.
    fn draws_as_010(
        &self,
        given: &UserSettings,
        kind: SourceKind,
        patch: Option<usize>,
    ) -> Result<Option<bool>> {
        let is_old = given.written() == Written::Of010 && self.whole_pictures(kind, patch).is_some();
        Ok(given.get("replacement")?.or(is_old.then_some(true)))
    }

    /// Examples m to learn from, those held out left aside, and their width n.
    ///
    /// # Errors
    /// [`Error::Usage`] when patches are larger than any address space.
    pub fn size(&self, kind: SourceKind) -> Result<(usize, usize)> {
        if let SourceKind::Rows { rows, cols, .. } = kind {
            return Ok((rows - self.held_out(rows).min(rows), cols));
        }
        let (patch, channels) = (self.patch.unwrap_or(PATCH), if self.color == Some(true) { 3 } else { 1 });
        let visible = patch.checked_mul(patch).and_then(|pixels| pixels.checked_mul(channels));
        let visible =
            visible.ok_or_else(|| Error::usage(format!("`patch` {patch}: no image is so large")))?;
        let samples = self.samples.unwrap_or(SAMPLES);
        Ok((samples - self.held_out(samples).min(samples), visible))
    }

    /// Visible and hidden units for data of this kind.
    ///
    /// # Errors
    /// As [`Config::size`].
    pub fn shape(&self, kind: SourceKind) -> Result<Shape> {
        Ok(Shape { visible: self.size(kind)?.1, hidden: self.hidden })
    }

    /// Full-batch L-BFGS on data of this kind; a start model brings its own settings.
    fn defaults(facts: &ConfigContext<'_>, samples: usize) -> Self {
        let Objective { activation, output, penalty, beta, lambda } =
            facts.meta().map_or_else(Objective::default, |meta| meta.objective);
        let images = !matches!(facts.kind, SourceKind::Rows { .. });
        let stored = facts.meta().map(|meta| &meta.preprocess);
        let patch = stored.and_then(|stored| stored.patch).unwrap_or(PATCH);
        let color = stored.and_then(|stored| stored.channels) == Some(3);
        let whiten = stored.map_or(facts.kind == SourceKind::BuiltIn, |stored| stored.whiten);
        let whitening = stored.and_then(|stored| stored.whitening);
        let normalize = if images { Normalize::Lecture } else { Normalize::None };
        Self {
            hidden: facts.init.map_or(HIDDEN, |file| file.shape().hidden),
            activation,
            output,
            rho: penalty.rho,
            beta,
            lambda,
            steps: Some(if facts.kind == SourceKind::BuiltIn { STEPS_OF_EXPERIMENT } else { STEPS }),
            patch: images.then_some(patch),
            samples: images.then_some(samples),
            color: images.then_some(color),
            whiten: images.then_some(whiten),
            shape: stored.and_then(|stored| stored.form),
            whitening: whitening.map(|whitening| whitening.kind),
            epsilon: whitening.map(|whitening| whitening.epsilon),
            variance: whitening.and_then(|whitening| whitening.variance),
            normalize: stored.map_or(normalize, |stored| stored.normalize),
            device: "auto".to_owned(),
            shards: None,
            data_shape: match facts.kind {
                SourceKind::Rows { rows, cols, .. } => Some((rows, cols)),
                SourceKind::BuiltIn | SourceKind::Images { .. } => None,
            },
            ..Self::default()
        }
    }

    /// What follows from whitening and normalisation: ε, no filter of whole pictures, no second normalisation, and outputs that
    /// reach numbers of any size.
    fn choose_whitening(&mut self, given: &UserSettings, facts: &ConfigContext<'_>) -> Result<()> {
        let images = !matches!(facts.kind, SourceKind::Rows { .. });
        if given.get::<bool>("whiten")?.is_some() {
            (self.whitening, self.epsilon, self.variance) = (None, None, None);
        }
        if let Some(kind) = given.get::<Rotation>("whitening")? {
            let is_stored = self.whitening == Some(kind);
            self.whiten = images.then_some(false);
            self.whitening = Some(kind);
            self.epsilon = self.epsilon.filter(|_| is_stored).or(Some(Whitening::usual_epsilon(images)));
            self.variance = self.variance.filter(|_| is_stored);
            if !is_stored {
                self.normalize = Normalize::None;
            }
        }
        let normalize = given.get("normalize")?.unwrap_or(self.normalize);
        let is_centred = self.whitening.is_some() && normalize == Normalize::None
            || matches!(normalize, Normalize::Standard | Normalize::Mean);
        if is_centred && facts.init.is_none() {
            self.output = Activation::Linear;
        }
        Ok(())
    }

    /// Says so where outputs are linear because examples are centred.
    fn tell_of_output(&self, given: &UserSettings) {
        let is_derived =
            self.output == Activation::Linear && !given.file_has("output") && !self.chosen.contains("output");
        if is_derived && self.init.is_none() {
            tracing::info!(
                "the numbers of examples lie on both sides of 0, so that outputs are linear; `normalize` unit or lecture fit them \
                 to `output` sigmoid"
            );
        }
    }

    /// The optimiser for as many examples, and the settings that come with it.
    fn choose_optimizer(&mut self, given: &UserSettings, kind: SourceKind) -> Result<()> {
        let (examples, _) = self.size(kind)?;
        let many =
            kind != SourceKind::BuiltIn && examples > MANY_ROWS && given.get("batch")? != Some(Batch::Full);
        let optimizer = given.get("optimizer")?;
        self.optimizer = optimizer.unwrap_or(if many { Optimizer::Adam } else { Optimizer::Lbfgs });
        if optimizer.is_none() && many {
            tracing::info!(
                "{examples} examples: learning with adam in batches; `optimizer` lbfgs takes them all at once"
            );
        }
        if self.optimizer != Optimizer::Lbfgs {
            self.descend(given, kind)?;
        }
        Ok(())
    }

    /// Defaults of SGD and Adam.
    fn descend(&mut self, given: &UserSettings, kind: SourceKind) -> Result<()> {
        let (examples, _) = self.size(kind)?;
        // At most: it is fitted once the examples are known.
        self.lr = Some(rate::most(self.optimizer));
        self.momentum = (self.optimizer == Optimizer::Sgd).then_some(0.9);
        self.schedule = Some(Schedule::Cosine);
        (self.warmup, self.beta_warmup) = (Some(0), Some(0));
        let usual = if examples > BATCH { Batch::Rows(BATCH) } else { Batch::Full };
        self.batch = given.get("batch")?.unwrap_or(usual);
        if self.batch != Batch::Full {
            self.rho_hat = given.get("rho_hat")?.unwrap_or(RhoHatMode::Batch);
            (self.epochs, self.steps) = (Some(EPOCHS), None);
            self.shuffle_block = self.runs(given, kind)?;
        }
        self.rho_hat_decay = (self.rho_hat == RhoHatMode::Ema).then_some(0.99);
        Ok(())
    }

    /// The order of so many runs that a list of them would take more than a few MiB is computed. A file that says how long
    /// runs are and nothing of their order means a list: so it was for any number of them.
    /// As many shards as there are devices, where none are asked for or those of a run that goes on suit other devices; none
    /// where that is one.
    fn settle_shards(&mut self) -> Result<()> {
        let Sharding { ranks, shards, here } = self.sharding()?;
        if self.processes > 0 && here > 1 {
            let fact = format!("`device` {}: each process of an MPI job has one device", self.device);
            return Err(Error::usage(fact + "; name one, or start more processes"));
        }
        let suits = Ranks::check(ranks, shards);
        if suits.is_err() && !self.chosen.contains("shards") {
            tracing::info!(
                "shards: {ranks}, since {shards} cannot be dealt out to as many devices: last bits differ"
            );
            self.shards = Some(ranks);
        } else {
            suits?;
            self.shards = Some(shards);
        }
        self.shards = self.shards.filter(|&shards| shards > 1);
        Ok(())
    }

    fn with_run_order(self, given: &UserSettings, kind: SourceKind) -> Self {
        let (SourceKind::Rows { rows, .. }, Some(run)) = (kind, self.shuffle_block) else { return self };
        let many = rows.div_ceil(run.max(1)) > MOST_DRAWN && !given.file_has("shuffle_block");
        Self { shuffle_order: self.shuffle_order.or(many.then_some(RunOrder::Computed)), ..self }
    }

    /// Neighbouring rows that are shuffled as one: some where there are so many that they may have to be streamed, whether
    /// or not they are, so that the order is the same everywhere. Data and settings decide, never the memory.
    fn runs(&self, given: &UserSettings, kind: SourceKind) -> Result<Option<usize>> {
        let SourceKind::Rows { rows, cols, row_bytes: Some(_) } = kind else { return Ok(None) };
        // A run whose settings name no runs has had none.
        if given.are_of_a_run() {
            return Ok(None);
        }
        let many = rows.saturating_mul(cols) > MANY_NUMBERS || given.get("stream")? == Some(true);
        Ok(default_run(kind).filter(|_| many))
    }
}
