//! The trainer of classifiers: settings, encoders, and the run that comes of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use toml::Table;

use super::{Classifier, all, check_labels};
use crate::api::{Data, Model};
use crate::data::{Labels, Preprocess, stratified};
use crate::engine::device::Choice;
use crate::engine::network::Labelled;
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::math::network::DenseLayer;
use crate::math::optim::Optimizer;
use crate::math::params::Shape;
use crate::run::classify::{ClassifierSummary, ClassifySettings, Encoder, Sitting, check_rows};
use crate::run::session::{Place, ProgressObserver, Stage};
use crate::train::Progress;

/// The settings of a classifier's training, and the encoders that it stands on.
///
/// Without any encoder the classifier is a softmax layer on the examples themselves. With several, each reads the codes of the
/// one before. The labels are those of the data: see [`Data::label`] and [`Reading`](crate::Reading).
#[derive(Clone, Debug, Default)]
pub struct ClassifierTrainer {
    pub(super) settings: ClassifySettings,
    encoders: Vec<Encoder>,
    /// How the lowest encoder's examples were made, and whether the data say their own scale.
    preprocess: Option<(Preprocess, bool)>,
    test: Test,
    pub(super) place: Place,
    inputs: Table,
}

/// The rows that a classifier is judged by.
#[derive(Clone, Debug, Default)]
enum Test {
    #[default]
    None,
    /// A share of the rows of each class.
    Share(f64),
    /// Rows of their own.
    Data(Box<Data>),
}

/// A trained classifier and how it was reached.
#[derive(Debug)]
#[non_exhaustive]
pub struct TrainedClassifier {
    /// The classifier.
    pub classifier: Classifier,
    /// The result of the run.
    pub summary: ClassifierSummary,
}

impl ClassifierTrainer {
    /// Stands the classifier on the codes of a model; the model of a second call reads the codes of the first.
    #[must_use]
    pub fn on(mut self, model: &Model) -> Self {
        let params = model.params();
        let layer = DenseLayer { weight: params.w1.clone(), bias: params.b1.clone() };
        self.encoders.push(Encoder { layer, activation: model.objective().activation });
        self.preprocess.get_or_insert_with(|| {
            let (preprocess, is_foreign) = model.stored_preprocessing();
            (preprocess.clone(), is_foreign)
        });
        self
    }

    /// λ of the softmax layer; of several the one with which held-out rows are told apart best. Five from 1e-6 to 1e-2 by default.
    #[must_use]
    pub fn softmax_lambda(mut self, lambdas: impl IntoIterator<Item = f64>) -> Self {
        self.settings.softmax_lambda = lambdas.into_iter().collect();
        self
    }

    /// The share of the rows of each class that is held out while λ is chosen; 0.2 by default.
    #[must_use]
    pub fn hold_out(mut self, share: f64) -> Self {
        self.settings.hold_out = share;
        self
    }

    /// Iterations of L-BFGS for a softmax layer; 200 by default.
    #[must_use]
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.settings.iterations = iterations;
        self
    }

    /// Iterations of L-BFGS, or epochs of SGD and Adam, in which all layers are trained together; none by default.
    #[must_use]
    pub fn fine_tune(mut self, iterations_or_epochs: usize) -> Self {
        self.settings.fine_tune = iterations_or_epochs;
        self
    }

    /// λ of the hidden layers while they are fine-tuned; 0 by default.
    #[must_use]
    pub fn hidden_lambda(mut self, lambda: f64) -> Self {
        self.settings.hidden_lambda = lambda;
        self
    }

    /// The optimiser of fine-tuning; L-BFGS by default.
    #[must_use]
    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.settings.optimizer = optimizer;
        self
    }

    /// η of SGD and Adam.
    #[must_use]
    pub fn lr(mut self, lr: f64) -> Self {
        self.settings.lr = Some(lr);
        self
    }

    /// Rows an update of SGD and Adam; 128 by default.
    #[must_use]
    pub fn batch(mut self, rows: usize) -> Self {
        self.settings.batch = rows;
        self
    }

    /// Whether a softmax layer on the examples themselves is trained, too, to compare with; it is by default.
    #[must_use]
    pub fn baseline(mut self, wanted: bool) -> Self {
        self.settings.baseline = wanted;
        self
    }

    /// Seed of the order of rows and of those that are held out.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// The device, as [`Trainer::device`](crate::Trainer::device) names them.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.settings.device = device.into();
        self
    }

    /// Judges the classifier by labelled data that it does not learn from.
    #[must_use]
    pub fn test(mut self, data: &Data) -> Self {
        self.test = Test::Data(Box::new(data.clone()));
        self
    }

    /// Judges the classifier by a share of the rows of each class, drawn by the seed, that it does not learn from.
    #[must_use]
    pub fn test_share(mut self, share: f64) -> Self {
        self.test = Test::Share(share);
        self
    }

    /// All settings at once, and what a run with a directory says of its data.
    #[cfg(feature = "cli")]
    pub(crate) fn with(settings: ClassifySettings, place: Place, inputs: Table) -> Self {
        Self { settings, place, inputs, ..Self::default() }
    }

    /// Trains on labelled data.
    ///
    /// # Errors
    /// [`Error::Usage`] for data without labels, or settings that make no sense or do not fit the data;
    /// [`Error::Input`] for data that cannot be read; [`Error::Diverged`]; [`Error::Device`]; [`Error::Io`] for a run
    /// directory that cannot be written.
    pub fn fit(&self, data: &Data) -> Result<TrainedClassifier> {
        let trained = self.fit_with(data, |_: &Progress| ControlFlow::Continue(()))?;
        trained.ok_or_else(|| Error::usage("training was stopped before there was a classifier; train again"))
    }

    /// The same, followed by an observer that can stop it; `None` where it did before the softmax layer was trained.
    ///
    /// # Errors
    /// As [`ClassifierTrainer::fit`].
    pub fn fit_with(
        &self,
        data: &Data,
        mut observer: impl ProgressObserver,
    ) -> Result<Option<TrainedClassifier>> {
        joined(|| self.run(data, &mut observer))
    }

    fn run(&self, data: &Data, observer: &mut dyn ProgressObserver) -> Result<Option<TrainedClassifier>> {
        let sitting = self.sitting(data, observer)?;
        self.keep(&sitting, data, observer)
    }

    /// Everything that is learned from, in memory.
    fn sitting(&self, data: &Data, observer: &mut dyn ProgressObserver) -> Result<Sitting> {
        self.settings.check(self.encoders.len())?;
        self.check_encoders()?;
        let choice = Choice::resolve(&self.settings.device.parse()?)?;
        observer.stage(Stage::MakingExamples);
        let seed = self.settings.seed;
        let labels = data.given_labels(seed)?;
        let classes = labels.names.clone();
        if classes.len() < 2 {
            let fact = format!("{}: all labels are {}", data.name().display(), classes.join(""));
            return Err(Error::usage(format!("{fact}; a classifier tells two classes or more apart")));
        }
        let (rows, preprocess) = self.labelled(data, &labels, &classes)?;
        let (rows, test) = match &self.test {
            Test::None => (rows, None),
            Test::Share(share) => {
                if !(*share > 0.0 && *share < 1.0) {
                    let fact = format!("`test` {share} is neither a share between 0 and 1");
                    return Err(Error::usage(format!("{fact} nor DATA; 0.2 is usual")));
                }
                let [kept, test] = stratified(&rows.labels, classes.len(), *share, (seed, "test rows"));
                (rows.listed(&kept)?, Some(rows.listed(&test)?))
            }
            Test::Data(test) => {
                let labels = test.given_labels(seed)?;
                (rows, Some(self.labelled(test, &labels, &classes)?.0))
            }
        };
        check_rows(&self.settings, &rows.labels, &classes)?;
        observer.stage(Stage::Idle);
        Ok(Sitting {
            settings: self.settings.clone(),
            choice,
            encoders: self.encoders.clone(),
            preprocess,
            classes,
            rows: Arc::new(rows),
            test,
        })
    }

    /// Refuses encoders that do not read what the one below them gives.
    fn check_encoders(&self) -> Result<()> {
        let shapes: Vec<Shape> = self.encoders.iter().map(Encoder::shape).collect();
        match shapes.windows(2).position(|pair| pair[1].visible != pair[0].hidden) {
            None => Ok(()),
            Some(at) => {
                let (below, above) = (shapes[at].hidden, shapes[at + 1].visible);
                let fact =
                    format!("encoder {} reads {above} numbers, but the one below it gives {below}", at + 2);
                Err(Error::usage(format!(
                    "`encoder`: {fact}; name them from below, each trained on the codes of the one before"
                )))
            }
        }
    }

    /// Labelled examples in f32, and how they were made.
    fn labelled(
        &self,
        data: &Data,
        labels: &Labels,
        classes: &[String],
    ) -> Result<(Labelled<f32>, Preprocess)> {
        let seed = self.settings.seed;
        let preprocess = match &self.preprocess {
            Some((preprocess, true)) => {
                Preprocess { scale: data.open.description.usual_scale(), ..preprocess.clone() }
            }
            Some((preprocess, false)) => preprocess.clone(),
            None => data.usual_preprocessing(seed)?,
        };
        let visible = self.encoders.first().map(|encoder| encoder.shape().visible);
        let examples = data.examples(&preprocess, seed, visible)?;
        check_labels(data, labels.of.len(), examples.size().0)?;
        let labels = data.known_labels(classes, seed)?;
        Ok((Labelled::new(all(&examples)?, labels, classes.len())?, examples.preprocess().clone()))
    }

    #[cfg(feature = "files")]
    fn keep(
        &self,
        sitting: &Sitting,
        data: &Data,
        observer: &mut dyn ProgressObserver,
    ) -> Result<Option<TrainedClassifier>> {
        use crate::math::objective::Objective;
        use crate::run::classify::{ClassifierDir, Keeper, Outset};

        let path = data.open.description.path.as_deref();
        let opened = ClassifierDir::open(&self.place, path, sitting, self.inputs.clone())?;
        let mut directory = match opened {
            Some(Outset::Finished(summary)) => {
                let path = summary.files.as_ref().map(|files| files.model.to_path_buf()).unwrap_or_default();
                let classifier = Classifier::load(path)?.device(self.settings.device.clone());
                return Ok(Some(TrainedClassifier { classifier, summary: *summary }));
            }
            Some(Outset::Unfinished(directory)) => Some(*directory),
            None => None,
        };
        if let Some(directory) = &directory {
            observer.keeps(directory.path(), directory.published());
        }
        let start = match directory.as_mut().and_then(ClassifierDir::take_start) {
            Some(start) => start,
            None => match sitting.begin(observer)? {
                Some(start) => {
                    if let Some(directory) = &directory {
                        directory.begun(&start, &sitting.meta(start.known.softmax_lambda))?;
                    }
                    start
                }
                None => return Ok(None),
            },
        };
        let from = directory.as_mut().and_then(ClassifierDir::take_position);
        let keeper = directory.as_mut().map(|directory| directory as &mut dyn Keeper);
        if sitting.settings.fine_tune > 0 {
            observer.begins(&Objective::default());
        }
        let mut finished = sitting.finish(start, from, keeper, observer)?;
        if let Some(directory) = &directory {
            observer.stage(Stage::WritingModel);
            directory.finish(sitting, &mut finished)?;
            observer.stage(Stage::Idle);
        }
        let classifier = Classifier::trained(finished.network, finished.meta, sitting.choice.clone());
        Ok(Some(TrainedClassifier { classifier, summary: finished.summary }))
    }

    #[cfg(not(feature = "files"))]
    fn keep(
        &self,
        sitting: &Sitting,
        _: &Data,
        observer: &mut dyn ProgressObserver,
    ) -> Result<Option<TrainedClassifier>> {
        let Some(start) = sitting.begin(observer)? else { return Ok(None) };
        let finished = sitting.finish(start, None, None, observer)?;
        let classifier = Classifier::trained(finished.network, finished.meta, sitting.choice.clone());
        Ok(Some(TrainedClassifier { classifier, summary: finished.summary }))
    }
}
