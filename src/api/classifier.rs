//! A classifier: softmax on codes, from a training or a file, and what it says of new rows.

#[cfg(feature = "files")]
mod files;
#[cfg(feature = "cli")]
pub(crate) mod layers;
mod trainer;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Data;
use crate::data::{DataContents, Labels, LazyExamples, Preprocess, Scale};
use crate::engine::device::Choice;
use crate::engine::network::{Labelled, NetworkEngine};
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::math::network::{Network, NetworkShape};
use crate::math::params::Matrix;
use crate::run::classify::{ClassifierMeta, Encoder, encode};
use crate::train::confusion::{Confusion, most_probable};
pub use trainer::{ClassifierTrainer, TrainedClassifier};

/// Rows that are made ready and handed to the engine at a time.
const ROWS: usize = 4096;

/// A classifier: hidden layers that were the encoders of autoencoders, and a softmax layer.
///
/// ```
/// use rhohat::{ClassifierTrainer, Data, Labels, Trainer};
///
/// # fn main() -> rhohat::Result<()> {
/// // Two kinds of waves.
/// let wave = |i: usize| (0..8).map(move |x| 0.5 + 0.4 * ((1 + i % 2) as f32 * x as f32 + i as f32).sin());
/// let data = Data::collect_rows((0..400).map(|i| wave(i).collect::<Vec<_>>()))?;
/// let labels = Labels { names: vec!["slow".into(), "fast".into()], of: (0..400).map(|i| i % 2).collect() };
/// let data = data.label(labels)?;
///
/// let model = Trainer::new(12).rho(0.2).steps(50).device("cpu").fit(&data)?.model;
/// let trained = ClassifierTrainer::default().on(&model).fine_tune(30).device("cpu").fit(&data)?;
/// assert!(trained.summary.judged().training > 0.9);
/// let classes = trained.classifier.predict(&data)?; // [400]
/// # assert_eq!(classes.len(), 400);
/// # Ok(())
/// # }
/// ```
pub struct Classifier {
    network: Network<f32>,
    meta: ClassifierMeta,
    /// The file, or another name for messages.
    name: PathBuf,
    selector: String,
    computing: Mutex<Computing>,
}

/// The device and the engine, once they have been needed.
#[derive(Default)]
struct Computing {
    choice: Option<Choice>,
    engine: Option<Box<dyn NetworkEngine>>,
}

impl Classifier {
    /// The result of a training on a device.
    fn trained(network: Network<f32>, meta: ClassifierMeta, choice: Choice) -> Self {
        let computing = Mutex::new(Computing { choice: Some(choice), engine: None });
        Self { network, meta, name: "the classifier".into(), selector: "auto".to_owned(), computing }
    }

    /// Computes on another device from now on; its names are those of [`Trainer::device`](crate::Trainer::device).
    #[must_use]
    pub fn device(self, device: impl Into<String>) -> Self {
        Self { selector: device.into(), computing: Mutex::default(), ..self }
    }

    /// The widths from the inputs to the classes.
    pub fn shape(&self) -> &NetworkShape {
        &self.network.shape
    }

    /// Names of the classes, in the order of the outputs.
    pub fn classes(&self) -> &[String] {
        &self.meta.classes
    }

    /// The text that its file has beside the numbers, JSON: activations, λ, classes, preprocessing, seed.
    pub fn metadata(&self) -> String {
        self.meta.to_json()
    }

    /// Weights `[h, n]` and biases `[h]` of every layer, from below.
    pub fn network(&self) -> &Network<f32> {
        &self.network
    }

    /// The probability of every class `[m, classes]` for rows or pictures of `data`, after the classifier's own preprocessing.
    ///
    /// # Errors
    /// [`Error::Input`] for data that cannot be read or do not fit, [`Error::Device`].
    pub fn probabilities(&self, data: &Data) -> Result<Matrix<f32>> {
        joined(|| {
            let examples = self.examples(data)?;
            let mut values = Vec::new();
            self.with_engine(|engine| {
                for piece in pieces(&examples) {
                    values.extend(engine.probabilities(&piece?)?);
                }
                Ok(())
            })?;
            Ok(Matrix::new(examples.size().0, self.classes().len(), values))
        })
    }

    /// The number of the most probable class `[m]` of rows or pictures, of two that are equal the first.
    ///
    /// # Errors
    /// As [`Classifier::probabilities`].
    pub fn predict(&self, data: &Data) -> Result<Vec<usize>> {
        Ok(most_probable(&self.probabilities(data)?.values, self.classes().len()))
    }

    /// The codes `[m, h]` of a hidden layer, counted from 1 above the inputs.
    ///
    /// # Errors
    /// [`Error::Usage`] for a layer that there is not, else as [`Classifier::probabilities`].
    pub fn encode(&self, data: &Data, layer: usize) -> Result<Matrix<f32>> {
        let layers = self.shape().hidden.len();
        if layer == 0 || layer > layers {
            let fact = format!("`layer` {layer}: the classifier has {layers} hidden layers");
            return Err(Error::usage(format!("{fact}, counted from 1 above the inputs; name one of them")));
        }
        joined(|| {
            let examples = self.examples(data)?;
            let encoders = Encoder::of_network(&self.network, &self.meta.activations);
            let rows = all(&examples)?;
            let choice = self.choice()?;
            encode(&choice, &encoders[..layer], &rows, &mut |_| {})
        })
    }

    /// How often rows or pictures of each class are taken for which, by the labels of `data`.
    ///
    /// # Errors
    /// [`Error::Usage`] for data without labels or with one that the classifier does not know, else as
    /// [`Classifier::probabilities`].
    pub fn confusion(&self, data: &Data) -> Result<Confusion> {
        let predicted = self.predict(data)?;
        self.confusion_of(data, &predicted)
    }

    /// The same of rows or pictures that were taken for the classes `predicted`.
    pub(crate) fn confusion_of(&self, data: &Data, predicted: &[usize]) -> Result<Confusion> {
        let labels = data.known_labels(self.classes(), self.meta.seed)?;
        check_labels(data, labels.len(), predicted.len())?;
        Ok(Confusion::of(self.classes(), &labels, predicted))
    }

    fn examples(&self, data: &Data) -> Result<LazyExamples> {
        data.examples(&self.meta.preprocess, self.meta.seed, Some(self.shape().inputs))
    }

    /// Computes with the engine, which is set up where there is none; it holds no examples of its own.
    fn with_engine<T>(&self, compute: impl FnOnce(&mut dyn NetworkEngine) -> Result<T>) -> Result<T> {
        let choice = self.choice()?;
        let mut computing = self.computing.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = match &mut computing.engine {
            Some(engine) => engine,
            none => {
                let examples = Matrix::new(0, self.shape().inputs, Vec::new());
                let no_rows = Arc::new(Labelled { examples, labels: Vec::new() });
                none.insert(choice.open_network(self.meta.objective(), &self.network, &no_rows)?)
            }
        };
        compute(&mut **engine)
    }

    /// The device, which is looked for where it is not known yet.
    fn choice(&self) -> Result<Choice> {
        let mut computing = self.computing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(choice) = &computing.choice {
            return Ok(choice.clone());
        }
        Ok(computing.choice.insert(Choice::resolve(&self.selector.parse()?)?).clone())
    }
}

impl Data {
    /// The same with labels for its rows or pictures.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are not as many, or one is the number of no name.
    pub fn label(mut self, labels: Labels) -> Result<Self> {
        let items = self.open.source.as_deref().map_or(0, |source| source.items().0);
        if labels.of.len() != items {
            let fact = format!(
                "{} labels, but {} has {items} rows or pictures",
                labels.of.len(),
                self.name().display()
            );
            return Err(Error::usage(format!("{fact}; give one for each")));
        }
        if let Some(row) = labels.of.iter().position(|&label| label as usize >= labels.names.len()) {
            let fact = format!("label {row} is number {} of {} names", labels.of[row], labels.names.len());
            return Err(Error::usage(format!("{fact}, which are counted from 0")));
        }
        let mut description = (*self.open.description).clone();
        description.labels = Some(Arc::new(labels));
        self.open.description = Arc::new(description);
        Ok(self)
    }

    /// The number of the class of each row or picture among `classes`.
    fn known_labels(&self, classes: &[String], seed: u64) -> Result<Vec<usize>> {
        let labels = self.given_labels(seed)?;
        let place = |name: &String| classes.iter().position(|class| class == name);
        let places: Vec<Option<usize>> = labels.names.iter().map(place).collect();
        let known = |&label: &u32| {
            let name = &labels.names[label as usize];
            places[label as usize].ok_or_else(|| {
                let fact = format!(
                    "{}: the label {name}, which the classifier does not know",
                    self.name().display()
                );
                Error::usage(format!(
                    "{fact}; it knows {}; leave such rows out with `classes`",
                    classes.join(", ")
                ))
            })
        };
        labels.of.iter().map(known).collect()
    }

    /// How examples are made of them where no encoder says so: rows as they are, or as they usually are divided, pictures whole.
    ///
    /// # Errors
    /// [`Error::Usage`] for pictures that are no squares of one size.
    fn usual_preprocessing(&self, seed: u64) -> Result<Preprocess> {
        let Some(opened) = self.opened(seed)? else { return Ok(Preprocess::AS_IS) };
        let scale = self.settings.divide.unwrap_or_else(|| opened.description.usual_scale());
        match opened.description.contents {
            DataContents::Rows { .. } => Ok(Preprocess { scale, ..Preprocess::AS_IS }),
            DataContents::Pictures { coloured, smallest, largest, .. } => {
                let (width, height) = smallest;
                if smallest != largest || width != height {
                    let fact = format!("{}: pictures that are no squares of one size", self.name().display());
                    let remedy = "a classifier takes each whole; name an `encoder`, or pool codes with `rhohat convolve`";
                    return Err(Error::usage(format!("{fact}; {remedy}")));
                }
                let channels = Some(if coloured > 0 { 3 } else { 1 });
                Ok(Preprocess { patch: Some(width), channels, scale: Scale::Pixels, ..Preprocess::AS_IS })
            }
        }
    }

    /// The labels, or where to get them.
    fn given_labels(&self, seed: u64) -> Result<Labels> {
        let unlabelled = || {
            let ways = "name a file with `labels`, a column with `label_column`, or search class folders with `recursive`";
            Error::usage(format!("{}: there are no labels; {ways}", self.name().display()))
        };
        let opened = self.opened(seed)?.ok_or_else(unlabelled)?;
        opened.description.labels.as_deref().cloned().ok_or_else(unlabelled)
    }
}

/// Refuses pictures that are cut into other than one example each: a class is that of a whole picture.
fn check_labels(data: &Data, labels: usize, examples: usize) -> Result<()> {
    if labels == examples {
        return Ok(());
    }
    let fact = format!("{}: {labels} labels for {examples} patches", data.name().display());
    let remedy =
        "classes are those of whole pictures; pool the codes of their patches with `rhohat convolve` first";
    Err(Error::usage(format!("{fact}; {remedy}")))
}

/// Examples in f32, a piece at a time.
fn pieces(examples: &LazyExamples) -> impl Iterator<Item = Result<Vec<f32>>> {
    let rows = examples.size().0;
    (0..rows).step_by(ROWS).map(move |first| {
        let piece = examples.rows(first..rows.min(first + ROWS))?;
        Ok(piece.values.iter().map(|&x| x as f32).collect())
    })
}

/// All examples in f32.
fn all(examples: &LazyExamples) -> Result<Matrix<f32>> {
    let (rows, cols) = examples.size();
    let mut values = Vec::new();
    if values.try_reserve_exact(rows.saturating_mul(cols)).is_err() {
        let fact = format!("out of memory: the system refuses {rows} examples of {cols} numbers");
        return Err(Error::device(format!("{fact}, which are held all at once; take fewer with `take`")));
    }
    for piece in pieces(examples) {
        values.extend(piece?);
    }
    Ok(Matrix::new(rows, cols, values))
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, meta, name, .. } = self;
        let mut classifier = f.debug_struct("Classifier");
        classifier
            .field("name", name)
            .field("shape", &network.shape)
            .field("meta", meta)
            .finish_non_exhaustive()
    }
}
