//! Layers one above the other, whatever they were read from: a classifier, a stack, or one model.

use std::path::{Path, PathBuf};

use super::pieces;
use crate::api::{Data, Model};
use crate::data::{LazyExamples, Preprocess};
use crate::engine::device::Choice;
use crate::error::{Error, Result};
use crate::math::network::DenseLayer;
use crate::math::params::Shape;
use crate::run::classify::file::ClassifierFile;
use crate::run::classify::{Chain, Encoder, projection};
use crate::run::stack::StackDir;

/// Encoders from below, and how the examples of the lowest are made.
pub(crate) struct Layers {
    /// The file or folder.
    pub(crate) path: PathBuf,
    pub(crate) preprocess: Preprocess,
    encoders: Vec<Encoder>,
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
            return Ok(Self { path, preprocess: meta.preprocess.clone(), encoders, seed: meta.seed });
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
        Ok(Self { path: path.to_owned(), preprocess, encoders: models.iter().map(encoder).collect(), seed })
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
        Ok(LayersOnData { examples, chain })
    }
}

/// Layers that are given the examples of some data.
pub(crate) struct LayersOnData {
    pub(crate) examples: LazyExamples,
    chain: Chain,
}

impl LayersOnData {
    /// The codes of all examples, a piece at a time.
    pub(crate) fn codes(&mut self) -> impl Iterator<Item = Result<Vec<f32>>> {
        let Self { examples, chain } = self;
        pieces(examples).map(|piece| chain.encode(&piece?))
    }
}
