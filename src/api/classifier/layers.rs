//! Layers one above the other, whatever they were read from: a classifier, a stack, or one model.

use std::path::{Path, PathBuf};

use super::pieces;
use crate::api::{Data, Model};
use crate::data::{DataDescription, LazyExamples, Preprocess};
use crate::engine::device::Choice;
use crate::error::{Error, Result};
use crate::io::threads::joined;
use crate::math::network::DenseLayer;
use crate::math::objective::Objective;
use crate::math::params::Shape;
use crate::run::classify::file::ClassifierFile;
use crate::run::classify::{Chain, Encoder, projection};
use crate::run::session::Stage;
use crate::run::stack::StackDir;
use crate::train::units::{UnitRecord, UnitStatistics};

/// Encoders from below, and how the examples of the lowest are made.
pub(crate) struct Layers {
    /// The file or folder.
    pub(crate) path: PathBuf,
    pub(crate) preprocess: Preprocess,
    encoders: Vec<Encoder>,
    /// What each was trained by; of a classifier the activations alone.
    objectives: Vec<Objective>,
    /// Whether ρ is known, which a classifier is not told.
    pub(crate) knows_rho: bool,
    seed: u64,
}

impl Layers {
    /// Reads them up to `layer`, counted from 1 above the inputs.
    ///
    /// # Errors
    /// [`Error::Input`] for a path that holds no layers, [`Error::Usage`] for a layer that there is not.
    pub(crate) fn load(path: &Path, layer: usize) -> Result<Self> {
        let mut layers = Self::all(path)?;
        let count = layers.encoders.len();
        if layer == 0 || layer > count {
            let fact = format!("`layer` {layer}: {} has {count} hidden layers", path.display());
            return Err(Error::usage(format!("{fact}, counted from 1 above the inputs; name one of them")));
        }
        layers.encoders.truncate(layer);
        layers.objectives.truncate(layer);
        Ok(layers)
    }

    fn all(path: &Path) -> Result<Self> {
        if let Some(models) = StackDir::at(path).layers()? {
            return Self::of_models(path, &models);
        }
        if let Ok(file) = ClassifierFile::open(path) {
            let network = file.network()?;
            let (meta, path) = (file.meta(), file.path().to_owned());
            let encoders = Encoder::of_network(&network, &meta.activations);
            let objective = |&activation: &_| Objective { activation, ..Objective::default() };
            let objectives = meta.activations.iter().map(objective).collect();
            let preprocess = meta.preprocess.clone();
            return Ok(Self { path, preprocess, encoders, objectives, knows_rho: false, seed: meta.seed });
        }
        Self::of_models(path, &[path.to_owned()])
    }

    fn of_models(path: &Path, models: &[PathBuf]) -> Result<Self> {
        let models = models.iter().map(Model::load).collect::<Result<Vec<_>>>()?;
        let encoder = |model: &Model| {
            let params = model.params();
            let layer = DenseLayer { weight: params.w1.clone(), bias: params.b1.clone() };
            Encoder { layer, activation: model.objective().activation }
        };
        let lowest =
            models.first().ok_or_else(|| Error::input(path, "a stack without layers; begin another one"))?;
        let (preprocess, seed) = (lowest.stored_preprocessing().0.clone(), lowest.seed());
        let encoders = models.iter().map(encoder).collect();
        let objectives = models.iter().map(|model| model.objective()).collect();
        Ok(Self { path: path.to_owned(), preprocess, encoders, objectives, knows_rho: true, seed })
    }

    /// n of the inputs and h of the topmost layer.
    pub(crate) fn shape(&self) -> Shape {
        let visible = self.encoders.first().map_or(0, |lowest| lowest.shape().visible);
        let hidden = self.encoders.last().map_or(0, |topmost| topmost.shape().hidden);
        Shape { visible, hidden }
    }

    /// See [`projection`].
    pub(crate) fn projection(&self) -> Vec<f32> {
        projection(&self.encoders)
    }

    /// The examples of data, and the engines that encode them.
    ///
    /// # Errors
    /// [`Error::Input`] for data that do not fit, those of the device.
    pub(crate) fn on(&self, data: &Data, device: &str) -> Result<LayersOnData> {
        let examples = data.examples(&self.preprocess, self.seed, Some(self.shape().visible))?;
        let choice = Choice::resolve(&device.parse()?)?;
        let chain = Chain::open(&choice, &self.encoders, self.shape().visible)?;
        let whole = || (*data.open.description).clone();
        let description = data.opened(self.seed)?.map_or_else(whole, |opened| opened.description);
        Ok(LayersOnData { examples, description, chain })
    }

    /// The units of the topmost layer one by one over all examples, each with the `top` that excite it most; see
    /// [`OnData::units`](crate::OnData::units).
    ///
    /// # Errors
    /// [`Error::Input`] for data that cannot be read, those of the device.
    pub(crate) fn units(
        &self,
        on_data: &mut LayersOnData,
        top: usize,
        told: &mut dyn FnMut(Stage),
    ) -> Result<Vec<UnitRecord>> {
        let hidden = self.shape().hidden;
        let objective = self.objectives.last().copied().unwrap_or_default();
        let mut statistics = UnitStatistics::new(hidden, objective, top);
        let (of, mut done) = (on_data.examples.size().0, 0);
        for codes in on_data.codes() {
            told(Stage::PassingExamples { done, of });
            let codes = codes?;
            done += codes.len() / hidden.max(1);
            joined(|| statistics.add(&codes));
        }
        told(Stage::JudgingUnits);
        let weights = self.encoders.last().map_or(&[][..], |encoder| &encoder.layer.weight);
        let units = joined(|| statistics.finish(weights));
        told(Stage::Idle);
        Ok(units)
    }
}

/// Layers that are given the examples of some data.
pub(crate) struct LayersOnData {
    pub(crate) examples: LazyExamples,
    /// What the data were taken for.
    pub(crate) description: DataDescription,
    chain: Chain,
}

impl LayersOnData {
    /// The codes of all examples, a piece at a time.
    pub(crate) fn codes(&mut self) -> impl Iterator<Item = Result<Vec<f32>>> {
        let Self { examples, chain, .. } = self;
        pieces(examples).map(|piece| chain.encode(&piece?))
    }
}
