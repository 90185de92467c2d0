//! A classifier's training as a whole: the softmax layers first, then all layers together.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::codes::{Encoder, encode};
use super::fine_tune::{Keeper, fine_tune};
use super::meta::ClassifierMeta;
use super::settings::ClassifySettings;
use super::softmax;
use super::summary::{Baseline, ClassifierSummary, Judged, LambdaEnd, TriedLambda};
use crate::data::Preprocess;
use crate::engine::State;
use crate::engine::device::Choice;
use crate::engine::network::{Labelled, NetworkEngine, NetworkObjective};
use crate::error::Result;
use crate::io::clock::Moment;
use crate::math::network::{Network, NetworkDecay, NetworkShape};
use crate::run::session::{ProgressObserver, Stage};
use crate::train::TrainProgress;
use crate::train::confusion::{Confusion, most_probable};

/// All that a classifier is trained from.
#[derive(Clone, Debug)]
pub struct Sitting {
    /// How it is trained.
    pub settings: ClassifySettings,
    /// The device.
    pub choice: Choice,
    /// The layers below the softmax layer, from below.
    pub encoders: Vec<Encoder>,
    /// How the examples were made.
    pub preprocess: Preprocess,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The rows that it learns from.
    pub rows: Arc<Labelled<f32>>,
    /// Rows that it is judged by, and never learns from.
    pub test: Option<Labelled<f32>>,
}

/// A classifier before it is fine-tuned, and how it came about.
#[derive(Clone, Debug)]
pub struct Start {
    /// Encoders, and a softmax layer on their codes.
    pub network: Network<f32>,
    /// What is told of it.
    pub known: Known,
}

/// What is known of a classifier before it is fine-tuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub softmax_lambda: f64,
    pub tried: Vec<TriedLambda>,
    pub baseline: Option<Baseline>,
    pub before: Judged,
    pub seconds: f64,
}

/// A trained classifier and how it was reached.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its parameters.
    pub network: Network<f32>,
    /// Their meaning.
    pub meta: ClassifierMeta,
    /// The result.
    pub summary: ClassifierSummary,
}

impl Sitting {
    /// The widths of the whole.
    pub(super) fn shape(&self) -> NetworkShape {
        let hidden = self.encoders.iter().map(|encoder| encoder.shape().hidden).collect();
        NetworkShape { inputs: self.rows.examples.cols, hidden, classes: self.classes.len() }
    }

    /// Trains the softmax layers; `None` where whoever follows has asked for a stop.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] where λ cannot be chosen, [`crate::Error::Diverged`], those of the device.
    pub fn begin(&self, observer: &mut dyn ProgressObserver) -> Result<Option<Start>> {
        let begun = Moment::now();
        let (classes, of) = (self.classes.len(), self.rows.examples.rows * self.encoders.len());
        let mut told = |done| observer.stage(Stage::PassingExamples { done, of });
        let codes = encode(&self.choice, &self.encoders, &self.rows.examples, &mut told)?;
        let codes = Arc::new(Labelled { examples: codes, labels: self.rows.labels.clone() });
        let Some(found) = softmax::fit(&self.choice, &self.settings, &codes, classes, observer)? else {
            return Ok(None);
        };
        drop(codes);
        let mut network = Network::zeros(self.shape());
        let below = self.encoders.iter().map(|encoder| &encoder.layer);
        for (layer, trained) in network.layers.iter_mut().zip(below.chain(&found.network.layers)) {
            layer.clone_from(trained);
        }
        let before = self.judged(&network, found.lambda)?;
        let baseline = match self.settings.baseline && !self.encoders.is_empty() {
            true => match softmax::fit(&self.choice, &self.settings, &self.rows, classes, observer)? {
                Some(found) => {
                    let alone = Self { encoders: Vec::new(), ..self.clone() };
                    let judged = alone.judged(&found.network, found.lambda)?;
                    let softmax_lambda_end = LambdaEnd::of(found.lambda, &found.tried);
                    Some(Baseline { softmax_lambda: found.lambda, softmax_lambda_end, judged })
                }
                None => return Ok(None),
            },
            false => None,
        };
        observer.stage(Stage::Idle);
        let seconds = begun.elapsed().as_secs_f64();
        let known = Known { softmax_lambda: found.lambda, tried: found.tried, baseline, before, seconds };
        Ok(Some(Start { network, known }))
    }

    /// Fine-tunes, from a start or from where an earlier sitting has come to, and judges what came of it.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`], those of the keeper and of the device.
    pub fn finish(
        &self,
        Start { network, known }: Start,
        from: Option<(TrainProgress, State<NetworkShape>)>,
        keeper: Option<&mut dyn Keeper>,
        observer: &mut dyn ProgressObserver,
    ) -> Result<Finished> {
        observer.stage(Stage::PreparingDevice);
        let objective = self.objective(known.softmax_lambda);
        let mut engine = self.choice.open_network(objective.clone(), &network, &self.rows)?;
        let mut position = TrainProgress::default();
        if let Some((known, state)) = from {
            engine.set_state(&state)?;
            position = known;
        }
        observer.stage(Stage::Idle);
        let mut outcome = None;
        if self.settings.fine_tune > 0 {
            outcome = Some(fine_tune(&mut *engine, &self.settings, position, keeper, observer)?);
        }
        observer.stage(Stage::MeasuringCost);
        // What is told is that of the numbers which are saved, whatever the engine has learned in.
        let network = engine.params()?;
        engine.set_params(&network)?;
        let cost = engine.cost()?;
        let (judged, confusion) = self.judge(&mut *engine)?;
        observer.stage(Stage::Idle);
        let (shape, settings) = (self.shape(), &self.settings);
        let widths = [shape.inputs].into_iter().chain(shape.hidden).chain([shape.classes]).collect();
        let summary = ClassifierSummary {
            widths,
            classes: self.classes.clone(),
            examples: self.rows.labels.len(),
            test_examples: self.test.as_ref().map(|test| test.labels.len()),
            softmax_lambda: known.softmax_lambda,
            softmax_lambda_end: LambdaEnd::of(known.softmax_lambda, &known.tried),
            tried: known.tried,
            baseline: known.baseline,
            before: known.before,
            fine_tuned: outcome.as_ref().map(|_| judged),
            j: cost.total(),
            cross_entropy: cost.reconstruction,
            steps: outcome.as_ref().map_or(0, |outcome| outcome.steps),
            ended: outcome.as_ref().map(|outcome| outcome.ended),
            softmax_seconds: known.seconds,
            fine_tune_seconds: outcome.as_ref().map_or(0.0, |outcome| outcome.seconds),
            confusion,
            device: settings.device.clone(),
            adapter: engine.adapter(),
            seed: settings.seed,
            files: None,
        };
        let meta = self.meta(summary.softmax_lambda);
        Ok(Finished { network, meta, summary })
    }

    /// The meaning of the parameters under a λ of the softmax layer.
    pub fn meta(&self, softmax_lambda: f64) -> ClassifierMeta {
        let NetworkObjective { activations, decay } = self.objective(softmax_lambda);
        let (classes, preprocess) = (self.classes.clone(), self.preprocess.clone());
        ClassifierMeta { activations, decay, classes, preprocess, seed: self.settings.seed }
    }

    fn objective(&self, softmax: f64) -> NetworkObjective {
        let activations = self.encoders.iter().map(|encoder| encoder.activation).collect();
        NetworkObjective { activations, decay: NetworkDecay { hidden: self.settings.hidden_lambda, softmax } }
    }

    /// How many examples a network of these layers tells right.
    fn judged(&self, network: &Network<f32>, lambda: f64) -> Result<Judged> {
        let mut engine = self.choice.open_network(self.objective(lambda), network, &self.rows)?;
        Ok(self.judge(&mut *engine)?.0)
    }

    /// How many examples an engine tells right, and by class those of the test, or where there are none those learned from.
    fn judge(&self, engine: &mut dyn NetworkEngine) -> Result<(Judged, Confusion)> {
        let mut confusion = |rows: &Labelled<f32>| -> Result<Confusion> {
            let probabilities = engine.probabilities(&rows.examples.values)?;
            let predicted = most_probable(&probabilities, self.classes.len());
            Ok(Confusion::of(&self.classes, &rows.labels, &predicted))
        };
        let training = confusion(&self.rows)?;
        let test = self.test.as_ref().map(confusion).transpose()?;
        let judged = Judged { training: training.accuracy(), test: test.as_ref().map(Confusion::accuracy) };
        Ok((judged, test.unwrap_or(training)))
    }
}
