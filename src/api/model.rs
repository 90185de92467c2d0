//! A model: from a run or a file, and what it makes of new rows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Data;
use super::on_data::{Evaluation, Names, OnData};
use crate::data::batches::ExampleSet;
use crate::data::{LazyExamples, Preprocess, Source};
use crate::engine::device::{Choice, ParamsAndExamples, Setup};
use crate::engine::{Chunking, Engine, RhoHat};
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::math::objective::Objective;
use crate::math::params::{Matrix, Params, Shape};
use crate::run::meta::Meta;

/// Rows that are made ready and handed to the engine at a time.
const ROWS: usize = 4096;

/// A sparse autoencoder: its parameters, what it minimises, and how data become its examples.
///
/// The engine is set up when it is needed first, on the device that the model was trained on, or that [`Model::device`]
/// names. Threads may share a model; one computes at a time.
///
/// ```
/// use rhohat::{Data, Model, Trainer};
///
/// # fn main() -> rhohat::Result<()> {
/// let rows = (0..300).map(|i| [0.5 + 0.4 * (i as f32).sin(), 0.5, 0.5 + 0.4 * (i as f32).cos()]);
/// let data = Data::collect_rows(rows)?;
/// let model = Trainer::new(4).rho(0.2).steps(50).device("cpu").fit(&data)?.model;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// model.save(&path)?;
/// let model = Model::load(&path)?.device("cpu");
/// let codes = model.encode(&data)?; // [300, 4]
/// let rows = model.decode(&codes)?; // [300, 3]
/// assert_eq!((codes.cols, rows), (4, model.reconstruct(&data)?));
/// # Ok(())
/// # }
/// ```
pub struct Model {
    pub(super) params: Params<f32>,
    pub(super) meta: Meta,
    /// Whether another program wrote its file, which says nothing of preprocessing.
    pub(super) is_foreign: bool,
    /// The file, or another name for messages.
    pub(super) name: PathBuf,
    pub(super) selector: String,
    pub(super) computing: Mutex<Computing>,
}

/// The device and the engine, once they have been needed.
#[derive(Default)]
pub(super) struct Computing {
    pub(super) choice: Option<Choice>,
    engine: Option<Box<dyn Engine>>,
}

impl Model {
    /// The result of a run on a device.
    pub(super) fn trained(params: Params<f32>, meta: Meta, choice: Choice) -> Self {
        let computing = Mutex::new(Computing { choice: Some(choice), engine: None });
        let (name, selector) = ("the model".into(), "auto".to_owned());
        Self { params, meta, is_foreign: false, name, selector, computing }
    }

    /// Computes on another device from now on; its names are those of [`Trainer::device`](crate::Trainer::device).
    #[must_use]
    pub fn device(self, device: impl Into<String>) -> Self {
        Self { selector: device.into(), computing: Mutex::default(), ..self }
    }

    /// n and h, the visible and hidden units.
    pub fn shape(&self) -> Shape {
        self.params.shape
    }

    /// The activations and weights of J that it was trained with.
    pub fn objective(&self) -> Objective {
        self.meta.objective
    }

    /// The numbers of a row of data, as many as there are visible units unless preprocessing leaves components out.
    pub fn inputs(&self) -> usize {
        self.meta.preprocess.inputs_of(self.params.shape.visible)
    }

    /// The text that its file has beside the numbers, JSON: objective, preprocessing, seed.
    pub fn metadata(&self) -> String {
        self.meta.to_json()
    }

    /// The parameters: encoder W1 `[h, n]` and b1 `[h]`, decoder D `[h, n]` and b2 `[n]`.
    pub fn params(&self) -> &Params<f32> {
        &self.params
    }

    /// The hidden activations `[m, h]` of `data`, after the model's own preprocessing. Pictures are cut into patches side by
    /// side.
    ///
    /// # Errors
    /// [`Error::Input`] for data that cannot be read or do not fit the model, [`Error::Device`].
    pub fn encode(&self, data: &Data) -> Result<Matrix<f32>> {
        joined(|| {
            self.map(data, self.params.shape.hidden, |engine, examples, _| engine.encode_rows(examples))
        })
    }

    /// The rows `[m, n]` that hidden activations `[m, h]` stand for, as far as that can be told in the values that the data
    /// came in: what was done to all values or to columns is undone, what was taken from each row is not, nor is a filter of whole pictures.
    ///
    /// # Errors
    /// [`Error::Usage`] for activations of another width, [`Error::Device`].
    pub fn decode(&self, codes: &Matrix<f32>) -> Result<Matrix<f32>> {
        let Shape { visible, hidden } = self.params.shape;
        if codes.cols != hidden {
            let fact = format!("activations of {} units, but the model has {hidden}", codes.cols);
            return Err(Error::usage(format!("{fact}; give those of this model")));
        }
        let outputs = self.with_engine(|engine| engine.decode_rows(&codes.values))?;
        let values = self.meta.preprocess.restore(outputs, &[]);
        let inputs = self.meta.preprocess.inputs_of(visible);
        self.finite(Matrix::new(codes.rows, inputs, values), &self.name)
    }

    /// `data` through the model and back `[m, n]`, in the values that they came in; where pictures were whitened, in
    /// whitened ones.
    ///
    /// # Errors
    /// As [`Model::encode`].
    pub fn reconstruct(&self, data: &Data) -> Result<Matrix<f32>> {
        let through = |engine: &mut dyn Engine, examples: &[f32], restore: &dyn Fn(Vec<f32>) -> Vec<f32>| {
            let codes = engine.encode_rows(examples)?;
            Ok(restore(engine.decode_rows(&codes)?))
        };
        let inputs = self.meta.preprocess.inputs_of(self.params.shape.visible);
        joined(|| self.map(data, inputs, through))
    }

    /// J on `data`, the state of the hidden units there, and how much of the data is explained.
    ///
    /// # Errors
    /// As [`Model::encode`], and [`Error::Input`] for a J that 32 bits do not hold.
    pub fn evaluate(&self, data: &Data) -> Result<Evaluation> {
        self.on(data)?.evaluate()
    }

    /// The model on `data` that need not fit in memory, nor what is made of them: evaluated, or taken piece by piece.
    ///
    /// # Errors
    /// As [`Model::encode`].
    pub fn on(&self, data: &Data) -> Result<OnData> {
        joined(|| {
            let examples = self.examples(data)?;
            let dtype = data.open.source.as_deref().and_then(Source::dtype);
            let names = Names { model: self.name.clone(), data: data.name() };
            let start = Held { params: &self.params, examples: &examples };
            let choice = self.choice(&mut self.computing().choice)?.clone();
            OnData::open(&choice, self.meta.objective, &start, (examples.clone(), dtype), names)
        })
    }

    /// The examples that `data` are made into by the model's preprocessing.
    fn examples(&self, data: &Data) -> Result<LazyExamples> {
        data.examples(&self.preprocess(data), self.meta.seed, Some(self.params.shape.visible))
    }

    /// Rows `[m, cols]` that `each` makes of the examples, a piece at a time: it is given the engine, examples, and the way
    /// back to the values of the data.
    fn map(
        &self,
        data: &Data,
        cols: usize,
        mut each: impl FnMut(&mut dyn Engine, &[f32], &dyn Fn(Vec<f32>) -> Vec<f32>) -> Result<Vec<f32>>,
    ) -> Result<Matrix<f32>> {
        let (name, pieces) = (data.name(), self.examples(data)?);
        let rows = pieces.size().0;
        let mut values = Vec::new();
        if values.try_reserve_exact(rows.saturating_mul(cols)).is_err() {
            let fact = format!("out of memory: the system refuses {rows} rows of {cols} numbers");
            return Err(Error::device(format!("{fact}; give fewer rows at a time")));
        }
        self.with_engine(|engine| {
            for first in (0..rows).step_by(ROWS) {
                let piece = pieces.rows(first..rows.min(first + ROWS))?;
                let examples: Vec<f32> = piece.values.iter().map(|&x| x as f32).collect();
                let restore = |rows: Vec<f32>| pieces.preprocess().restore(rows, &piece.means);
                values.extend(each(engine, &examples, &restore)?);
            }
            Ok(())
        })?;
        self.finite(Matrix::new(rows, cols, values), &name)
    }

    /// The seed of its run.
    #[cfg(feature = "cli")]
    pub(super) fn seed(&self) -> u64 {
        self.meta.seed
    }

    /// The preprocessing, and whether the data say their own scale, as for a model of another program.
    pub(super) fn stored_preprocessing(&self) -> (&Preprocess, bool) {
        (&self.meta.preprocess, self.is_foreign)
    }

    /// The model's preprocessing, with what the data say besides.
    fn preprocess(&self, data: &Data) -> Preprocess {
        let mut preprocess = self.meta.preprocess.clone();
        if self.is_foreign {
            preprocess.scale = data.open.description.usual_scale();
        }
        preprocess.scale = data.settings.divide.unwrap_or(preprocess.scale);
        preprocess
    }

    /// Refuses a result that 32 bits do not hold: model and data are finite.
    fn finite(&self, result: Matrix<f32>, name: &Path) -> Result<Matrix<f32>> {
        match result.values.iter().position(|x| !x.is_finite()) {
            None => Ok(result),
            Some(bad) => {
                let place = format!("number {} of row {}", bad % result.cols, bad / result.cols);
                let fact = format!("{place} of the result is {}", result.values[bad]);
                let why = "the data or the weights are too large for 32-bit numbers";
                Err(Error::input(name, format!("{fact}: {why}; scale the data")))
            }
        }
    }

    /// Computes with the engine, which is set up where there is none.
    fn with_engine<T>(&self, compute: impl FnOnce(&mut dyn Engine) -> Result<T>) -> Result<T> {
        let computing = &mut *self.computing();
        let engine = match &mut computing.engine {
            Some(engine) => engine,
            none => {
                let choice = self.choice(&mut computing.choice)?;
                let (objective, rho_hat) = (self.meta.objective, RhoHat::default());
                let setup = Setup { objective, cut: Chunking::default(), rho_hat, threads: 0 };
                // It encodes rows that it is handed, and holds none of its own.
                let examples = Matrix::new(0, self.params.shape.visible, Vec::new());
                none.insert(choice.open(&setup, &(self.params.clone(), examples))?)
            }
        };
        compute(&mut **engine)
    }

    /// The device, which is looked for where it is not known yet.
    pub(super) fn choice<'c>(&self, known: &'c mut Option<Choice>) -> Result<&'c Choice> {
        match known {
            Some(choice) => Ok(choice),
            none => Ok(none.insert(Choice::resolve(&self.selector.parse()?)?)),
        }
    }

    pub(super) fn computing(&self) -> MutexGuard<'_, Computing> {
        self.computing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A model's parameters, and examples that are fetched.
struct Held<'a> {
    params: &'a Params<f32>,
    examples: &'a LazyExamples,
}

impl ParamsAndExamples for Held<'_> {
    fn single(&self) -> Result<(Params<f32>, ExampleSet)> {
        Ok((self.params.clone(), self.examples.examples()?))
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        Ok((self.params.cast(), self.examples.matrix()?))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { params, meta, name, .. } = self;
        let mut model = f.debug_struct("Model");
        model.field("name", name).field("shape", &params.shape).field("meta", meta).finish_non_exhaustive()
    }
}
