//! The start of training: examples under the settings, parameters from a file or at random.

use std::borrow::Cow;
use std::sync::Arc;

use crate::data::batches::ExampleSet;
use crate::data::shuffle::Shuffle;
use crate::data::split::{Split, hold_out, parts};
use crate::data::stream::{Feed, Store, Transform, fit};
use crate::data::{Examples, Preprocess, Scale, Source, Variance};
use crate::engine::device::ParamsAndExamples;
use crate::engine::evenly;
use crate::error::Result;
use crate::io::memory::Bytes;
use crate::math::params::{Matrix, Params, Real, Shape};
use crate::math::start::{Start, sample_rows};
use crate::run::DataRecord;
use crate::run::config::{Config, SourceKind};
use crate::run::model_file::ModelFile;

/// The examples, in memory or on disk.
pub enum TrainingRows {
    /// In memory, preprocessed.
    Held(Matrix<f64>),
    /// On disk, as they were saved.
    Stored(Arc<Store>),
}

/// The examples that a run learns from, or those that it is judged by.
pub struct TrainingSet {
    /// The rows.
    pub rows: TrainingRows,
    /// The preprocessing that makes examples of them.
    pub preprocess: Preprocess,
    /// Examples that are held out, where some are.
    pub held_out: Option<Box<Self>>,
}

impl TrainingSet {
    /// Examples for training of `source`, and those that are held out, a share of them or those of a source of their own. A
    /// start model's preprocessing goes on, limits included, unless the settings ask for
    /// another kind: its weights were learned at that scale; so does that of a run that is gone on with, `known`. `told` hears
    /// how many rows have been looked at. With the examples comes what they are recognised by, which `check` sees before rows on
    /// disk are read. Pictures take no more than `memory` while they are made ready.
    pub fn new(
        (source, held_out): (&Source, Option<&Source>),
        config: &Config,
        (init, known, memory): (Option<&ModelFile>, Option<&Preprocess>, Bytes),
        check: &mut dyn FnMut(&DataRecord) -> Result<()>,
        told: &dyn Fn(usize),
    ) -> Result<(Self, DataRecord)> {
        let of_init = init.and_then(ModelFile::meta).map(|meta| &meta.preprocess);
        // Limits are those of numbers on one scale, which the settings say in so many words.
        let is_same = |stored: &&Preprocess| {
            let divisor = |scale: Scale| source.dtype().map(|number| scale.divisor(number));
            (stored.normalize, stored.whitening) == (config.normalize, config.whitening())
                && divisor(stored.scale) == divisor(config.scale())
        };
        let stored = known.or(of_init).filter(is_same).map(|stored| {
            let scale = source.dtype().map_or(stored.scale, |_| config.scale());
            Preprocess { scale, ..stored.clone() }
        });
        let stored = stored.as_ref();
        let with_held_out = |set: Self| -> Result<Self> {
            let held_out =
                held_out.map(|held_out| Self::of_its_own(held_out, &set.preprocess, config, memory));
            let held_out = held_out.transpose()?.map(Box::new).or(set.held_out);
            Ok(Self { held_out, ..set })
        };
        if let Source::Stored(store) = source {
            let record = DataRecord::of(source, None, config, init)?;
            let record = match held_out {
                Some(held_out) => record.holding_out(held_out, None)?,
                None => record,
            };
            check(&record)?;
            let recipe = config.data_recipe(None);
            let preprocess = stored.cloned().map_or_else(|| source.preprocess(&recipe), Ok)?;
            let preprocess = fit(store, &preprocess, config.fit_sample(), told)?;
            return Ok((with_held_out(Self::on_disk(store, preprocess, config))?, record));
        }
        let Examples { matrix, preprocess, .. } = match (source, stored) {
            (Source::Rows(_), Some(stored)) => {
                let Examples { matrix, means, grid, preprocess } = source.apply(stored)?;
                Examples { matrix, means, grid, preprocess: Preprocess { scale: stored.scale, ..preprocess } }
            }
            _ => {
                let same = stored.filter(|stored| same_images(stored, config)).cloned();
                let fitted = same.map_or_else(|| fitted(source, config), |same| Ok(Some(same)))?;
                source.training_set_within(&config.data_recipe(fitted), Some(memory))?
            }
        };
        let record = DataRecord::of(source, Some(&matrix), config, init)?;
        let set = with_held_out(Self::in_memory(matrix, preprocess, config))?;
        let record = match (held_out, &set.held_out) {
            (Some(held_out), Some(examples)) => record.holding_out(held_out, examples.matrix())?,
            _ => record,
        };
        check(&record)?;
        Ok((set, record))
    }

    /// Rows in memory, of which some may be held out.
    fn in_memory(matrix: Matrix<f64>, preprocess: Preprocess, config: &Config) -> Self {
        let held = |matrix, held_out| {
            let preprocess = preprocess.clone();
            Self { rows: TrainingRows::Held(matrix), preprocess, held_out }
        };
        match config.held_out(matrix.rows) {
            0 => held(matrix, None),
            count => {
                let Split { train, validation } = hold_out(matrix, count, config.seed);
                held(train, Some(Box::new(held(validation, None))))
            }
        }
    }

    /// Rows on disk, of which some may be held out: the same ones as in memory.
    fn on_disk(store: &Arc<Store>, preprocess: Preprocess, config: &Config) -> Self {
        let stored = |store, held_out| {
            let preprocess = preprocess.clone();
            Self { rows: TrainingRows::Stored(store), preprocess, held_out }
        };
        match config.held_out(store.rows) {
            0 => stored(Arc::clone(store), None),
            count => {
                let [train, validation] = store.parted(&parts(store.rows, count, config.seed)).map(Arc::new);
                stored(train, Some(Box::new(stored(validation, None))))
            }
        }
    }

    /// Examples of held-out data under the preprocessing of those that are learned from.
    fn of_its_own(source: &Source, fitted: &Preprocess, config: &Config, memory: Bytes) -> Result<Self> {
        let (rows, preprocess) = match source {
            Source::Stored(store) => (TrainingRows::Stored(Arc::clone(store)), fitted.clone()),
            Source::Rows(_) => {
                let Examples { matrix, preprocess, .. } = source.apply(fitted)?;
                (TrainingRows::Held(matrix), preprocess)
            }
            Source::Images(_) => {
                let recipe = config.held_out_recipe(SourceKind::of(Some(source)), fitted.clone());
                let Examples { matrix, preprocess, .. } =
                    source.training_set_within(&recipe, Some(memory))?;
                (TrainingRows::Held(matrix), preprocess)
            }
        };
        Ok(Self { rows, preprocess, held_out: None })
    }

    /// The examples, where they are in memory.
    fn matrix(&self) -> Option<&Matrix<f64>> {
        match &self.rows {
            TrainingRows::Held(matrix) => Some(matrix),
            TrainingRows::Stored(_) => None,
        }
    }

    /// Numbers that reach as far as those of the examples that are looked at for a warning: all of them, or those of the
    /// first rows on disk.
    pub fn looked_at(&self) -> Result<Cow<'_, [f64]>> {
        const ROWS: usize = 4096;
        let store = match &self.rows {
            TrainingRows::Held(matrix) => return Ok(Cow::from(&matrix.values)),
            TrainingRows::Stored(store) => store,
        };
        let transform = Transform::new(store, &self.preprocess);
        let mut reach = Vec::new();
        for rows in store.pieces().take_while(|rows| rows.start < ROWS) {
            let rows = rows.start..rows.end.min(ROWS);
            let values = transform.in_double(store, rows)?;
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            reach.extend([least, values.into_iter().fold(f64::NEG_INFINITY, f64::max)]);
        }
        Ok(reach.into())
    }

    /// Mean of ‖x − x̄‖² over the examples, of rows on disk over some of them; `None` where they do not vary.
    pub fn variance(&self) -> Result<Option<f64>> {
        Ok(match &self.rows {
            TrainingRows::Held(matrix) => Variance::of(matrix, &self.preprocess),
            TrainingRows::Stored(_) => Variance::of(&self.sample()?, &self.preprocess),
        })
    }

    /// The same over all of them, wherever they lie.
    pub fn variance_of_all(&self) -> Result<Option<f64>> {
        match &self.rows {
            TrainingRows::Held(matrix) => Ok(Variance::of(matrix, &self.preprocess)),
            TrainingRows::Stored(store) => {
                let transform = Transform::new(store, &self.preprocess);
                Variance::of_pieces(self.size(), &self.preprocess, |take| {
                    transform.in_pieces(store, |_, values| {
                        take(values);
                        Ok(())
                    })
                })
            }
        }
    }

    /// Some of the examples, evenly spaced: the same numbers, wherever the rows lie.
    pub fn sample(&self) -> Result<Matrix<f64>> {
        let (rows, cols) = self.size();
        let chosen = evenly(rows, sample_rows(cols));
        let mut values = Vec::with_capacity(chosen.len() * cols);
        match &self.rows {
            TrainingRows::Held(matrix) => chosen.iter().for_each(|&row| values.extend(matrix.row(row))),
            TrainingRows::Stored(store) => {
                let transform = Transform::new(store, &self.preprocess);
                for &row in &chosen {
                    values.extend(transform.in_double(store, row..row + 1)?);
                }
            }
        }
        Ok(Matrix::new(chosen.len(), cols, values))
    }

    /// All of them in memory.
    fn in_double(&self) -> Result<Matrix<f64>> {
        match &self.rows {
            TrainingRows::Held(matrix) => Ok(matrix.clone()),
            TrainingRows::Stored(store) => in_double(store, &self.preprocess),
        }
    }

    /// m and n.
    pub fn size(&self) -> (usize, usize) {
        match &self.rows {
            TrainingRows::Held(matrix) => (matrix.rows, matrix.cols),
            TrainingRows::Stored(store) => (store.rows, self.preprocess.outputs_of(store.cols)),
        }
    }
}

/// All rows of a store, preprocessed.
fn in_double(store: &Store, preprocess: &Preprocess) -> Result<Matrix<f64>> {
    let mut values = Vec::with_capacity(store.rows * preprocess.outputs_of(store.cols));
    Transform::new(store, preprocess).in_pieces(store, |_, piece| {
        values.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(Matrix::new(store.rows, preprocess.outputs_of(store.cols), values))
}

/// The preprocessing of held rows, where a sample of them decides.
fn fitted(source: &Source, config: &Config) -> Result<Option<Preprocess>> {
    match (source, config.fit_sample()) {
        (Source::Rows(table), Some(sample)) => {
            table.fit(&source.preprocess(&config.data_recipe(None))?, sample).map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether images are filtered alike, so that their values have one scale.
fn same_images(stored: &Preprocess, config: &Config) -> bool {
    let channels = if config.color == Some(true) { 3 } else { 1 };
    stored.channels == Some(channels) && Some(stored.whiten) == config.whiten
}

/// Start parameters and examples, rounded to what the engine holds.
pub struct TrainingStart<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The model to start from.
    pub init: Option<&'a ModelFile>,
    /// The examples.
    pub examples: &'a TrainingSet,
    /// Rows that mini-batches have taken before.
    pub taken: u64,
    /// Whether the parameters are replaced before the first step, so that there is no need to draw and fit any.
    pub are_replaced: bool,
}

impl TrainingStart<'_> {
    /// Those of the start model, or at random, fitted to the examples where the settings say so.
    fn params<T: Real>(&self, drawn: impl FnOnce(Params<f32>) -> Params<T>) -> Result<Params<T>> {
        let shape = Shape { visible: self.examples.size().1, hidden: self.config.hidden };
        if let Some(file) = self.init {
            return file.params();
        }
        if self.are_replaced {
            return Ok(Params::zeros(shape));
        }
        let params = Params::random(shape, self.config.seed);
        Ok(drawn(match self.config.start {
            Some(Start::Data) => {
                params.fitted_to(&self.examples.sample()?, &self.config.objective(), self.config.seed)
            }
            Some(Start::Lecture) | None => params,
        }))
    }
}

impl ParamsAndExamples for TrainingStart<'_> {
    fn single(&self) -> Result<(Params<f32>, ExampleSet)> {
        let examples = match &self.examples.rows {
            TrainingRows::Held(matrix) => matrix.cast().into(),
            TrainingRows::Stored(store) => {
                let transform = Transform::new(store, &self.examples.preprocess);
                let feed = Feed::new(Arc::clone(store), transform, self.config.shuffle())?;
                let streams = self.config.stream == Some(true);
                let feed = feed.after(self.taken);
                let in_batches = streams && self.config.batch.rows().is_some();
                let feed = Box::new(if in_batches { feed.comparing_epochs() } else { feed });
                if streams { ExampleSet::Streamed(feed) } else { ExampleSet::Resident(feed) }
            }
        };
        Ok((self.params(|drawn| drawn)?, examples))
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.params(|drawn| drawn.cast())?, self.examples.in_double()?))
    }
}

/// Examples that are held out; their engine is given parameters before each look.
pub struct HeldOutStart<'a> {
    /// Hidden units.
    pub hidden: usize,
    /// The examples.
    pub examples: &'a TrainingSet,
    /// Whether those on disk are read as they are needed.
    pub streams: bool,
}

impl HeldOutStart<'_> {
    fn params<T: Real>(&self) -> Params<T> {
        Params::zeros(Shape { visible: self.examples.size().1, hidden: self.hidden })
    }
}

impl ParamsAndExamples for HeldOutStart<'_> {
    fn single(&self) -> Result<(Params<f32>, ExampleSet)> {
        let examples = match &self.examples.rows {
            TrainingRows::Held(matrix) => matrix.cast().into(),
            TrainingRows::Stored(store) => {
                let transform = Transform::new(store, &self.examples.preprocess);
                // Nothing but passes over all of them.
                let feed = Box::new(Feed::new(Arc::clone(store), transform, Shuffle::rows(0))?);
                if self.streams { ExampleSet::Streamed(feed) } else { ExampleSet::Resident(feed) }
            }
        };
        Ok((self.params(), examples))
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.params(), self.examples.in_double()?))
    }
}
