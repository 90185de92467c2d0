//! What training starts from: examples under the settings, parameters from a file or at random.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rhohat::Result;
use rhohat::config::Config;
use rhohat::data::stream::{Feed, Store, Transform, fit};
use rhohat::data::{Examples, Preprocess, Source, npy};
use rhohat::device::Start;
use rhohat::durable;
use rhohat::model::file::ModelFile;
use rhohat::model::{Matrix, Params, Real, Shape};
use rhohat::random::Stream;
use rhohat::supply::Examples as Given;

/// Where the examples are.
pub enum Rows {
    /// In memory, preprocessed.
    Held(Matrix<f64>),
    /// On disk, as they were saved.
    Stored(Arc<Store>),
}

/// What is learned from.
pub struct Data {
    /// The rows.
    pub rows: Rows,
    /// What makes examples of them.
    pub preprocess: Preprocess,
    /// Rows that are held out, where some are.
    pub held_out: Option<Matrix<f64>>,
}

impl Data {
    /// Examples for training. A start model's preprocessing goes on, limits included, unless the settings ask for
    /// another kind: its weights were learned at that scale. `told` hears how many rows have been looked at.
    pub fn new(
        source: &Source,
        config: &Config,
        init: Option<&ModelFile>,
        told: &dyn Fn(usize),
    ) -> Result<Self> {
        let stored = init.and_then(ModelFile::meta).map(|meta| &meta.preprocess);
        // Limits are those of numbers on one scale.
        let is_same = |stored: &&Preprocess| stored.normalize == config.normalize && stored.scale == config.scale();
        let stored = stored.filter(is_same);
        if let Source::Stored(store) = source {
            let recipe = config.data_recipe(None);
            let preprocess = stored.cloned().map_or_else(|| source.preprocess(&recipe), Ok)?;
            let preprocess = fit(store, &preprocess, config.fit_sample(), told)?;
            if config.validation.is_none() {
                return Ok(Self { rows: Rows::Stored(Arc::clone(store)), preprocess, held_out: None });
            }
            let values = Transform::new(store, &preprocess).in_double(store, 0..store.rows)?;
            return Ok(Self::of(Matrix::new(store.rows, store.cols, values), preprocess, config));
        }
        let Examples { matrix, preprocess, .. } = match (source, stored) {
            (Source::Rows(_), Some(stored)) => {
                let Examples { matrix, means, grid, preprocess } = source.apply(stored)?;
                Examples { matrix, means, grid, preprocess: Preprocess { scale: stored.scale, ..preprocess } }
            }
            _ => {
                let same = stored.filter(|stored| same_images(stored, config));
                let limits = same.and_then(|stored| stored.limits).or(fitted(source, config)?);
                source.training_set(&config.data_recipe(limits))?
            }
        };
        Ok(Self::of(matrix, preprocess, config))
    }

    /// Rows in memory, of which some may be held out.
    fn of(matrix: Matrix<f64>, preprocess: Preprocess, config: &Config) -> Self {
        match config.held_out(matrix.rows) {
            0 => Self { rows: Rows::Held(matrix), preprocess, held_out: None },
            count => {
                let (kept, held_out) = hold_out(&matrix, count, config.seed);
                Self { rows: Rows::Held(kept), preprocess, held_out: Some(held_out) }
            }
        }
    }

    /// Writes the examples as rows.
    pub fn save(&self, path: &Path) -> Result<()> {
        let rows = match &self.rows {
            Rows::Held(matrix) => matrix.cast::<f32>(),
            Rows::Stored(store) => {
                let values = Transform::new(store, &self.preprocess).in_double(store, 0..store.rows)?;
                Matrix::new(store.rows, store.cols, values).cast()
            }
        };
        durable::write(path, |mut out| npy::write_to(&mut out, rows.rows, rows.cols, &rows.values))
    }

    /// Numbers of examples that are looked at for a warning: all of them, or those of the first rows on disk.
    pub fn looked_at(&self) -> Result<Cow<'_, [f64]>> {
        const ROWS: usize = 4096;
        match &self.rows {
            Rows::Held(matrix) => Ok(Cow::from(&matrix.values)),
            Rows::Stored(store) => {
                let rows = 0..store.rows.min(ROWS);
                Ok(Transform::new(store, &self.preprocess).in_double(store, rows)?.into())
            }
        }
    }

    /// m and n.
    pub fn size(&self) -> (usize, usize) {
        match &self.rows {
            Rows::Held(matrix) => (matrix.rows, matrix.cols),
            Rows::Stored(store) => (store.rows, store.cols),
        }
    }
}

/// The rows to learn from and `count` rows that are held out, drawn at random, each in their order.
fn hold_out(matrix: &Matrix<f64>, count: usize, seed: u64) -> (Matrix<f64>, Matrix<f64>) {
    let mut rows: Vec<usize> = (0..matrix.rows).collect();
    Stream::new(seed, "validation").shuffle(&mut rows);
    let (held_out, kept) = rows.split_at_mut(count);
    [&mut *held_out, &mut *kept].into_iter().for_each(|rows| rows.sort_unstable());
    let pick = |rows: &[usize]| {
        let values = rows.iter().flat_map(|&row| matrix.row(row)).copied().collect();
        Matrix::new(rows.len(), matrix.cols, values)
    };
    (pick(kept), pick(held_out))
}

/// The limits of held rows, where a sample of them decides.
fn fitted(source: &Source, config: &Config) -> Result<Option<(f64, f64)>> {
    match (source, config.fit_sample()) {
        (Source::Rows(table), Some(sample)) => table.fit(config.normalize, sample, config.scale()),
        _ => Ok(None),
    }
}

/// Whether images are filtered alike, so that their values have one scale.
fn same_images(stored: &Preprocess, config: &Config) -> bool {
    let channels = if config.color == Some(true) { 3 } else { 1 };
    stored.channels == Some(channels) && Some(stored.whiten) == config.whiten
}

/// Start parameters and examples, rounded to what the engine holds.
pub struct FromSettings<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The model of `--init`.
    pub init: Option<&'a ModelFile>,
    /// What is learned from.
    pub data: &'a Data,
    /// Rows that mini-batches have taken before.
    pub taken: u64,
}

impl FromSettings<'_> {
    /// Those of the start model, or at random.
    fn params<T: Real>(&self, drawn: impl FnOnce(Params<f32>) -> Params<T>) -> Result<Params<T>> {
        let shape = Shape { visible: self.data.size().1, hidden: self.config.hidden };
        match self.init {
            Some(file) => file.params(),
            None => Ok(drawn(Params::random(shape, self.config.seed))),
        }
    }
}

impl Start for FromSettings<'_> {
    fn single(&self) -> Result<(Params<f32>, Given)> {
        let examples = match &self.data.rows {
            Rows::Held(matrix) => matrix.cast().into(),
            Rows::Stored(store) => {
                let transform = Transform::new(store, &self.data.preprocess);
                let feed = Box::new(
                    Feed::new(Arc::clone(store), transform, self.config.shuffle())?.after(self.taken),
                );
                if self.config.stream == Some(true) { Given::Streamed(feed) } else { Given::Resident(feed) }
            }
        };
        Ok((self.params(|drawn| drawn)?, examples))
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        let matrix = match &self.data.rows {
            Rows::Held(matrix) => matrix.clone(),
            Rows::Stored(store) => {
                let values = Transform::new(store, &self.data.preprocess).in_double(store, 0..store.rows)?;
                Matrix::new(store.rows, store.cols, values)
            }
        };
        Ok((self.params(|drawn| drawn.cast())?, matrix))
    }
}

/// Examples that are held out; their engine is given parameters before each look.
pub struct HeldOut<'a> {
    /// Hidden units.
    pub hidden: usize,
    /// The examples.
    pub rows: &'a Matrix<f64>,
}

impl HeldOut<'_> {
    fn params<T: Real>(&self) -> Params<T> {
        Params::zeros(Shape { visible: self.rows.cols, hidden: self.hidden })
    }
}

impl Start for HeldOut<'_> {
    fn single(&self) -> Result<(Params<f32>, Given)> {
        Ok((self.params(), self.rows.cast().into()))
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.params(), self.rows.clone()))
    }
}
