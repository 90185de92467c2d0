//! What training starts from: examples under the settings, parameters from a file or at random.

use rhohat::Result;
use rhohat::config::Config;
use rhohat::data::{Examples, Preprocess, Source};
use rhohat::device::Start;
use rhohat::model::file::ModelFile;
use rhohat::model::{Matrix, Params, Real, Shape};

/// Examples for training. A start model's preprocessing goes on, limits included, unless the settings ask for
/// another kind: its weights were learned at that scale.
pub fn examples(source: &Source, config: &Config, init: Option<&ModelFile>) -> Result<Examples<f64>> {
    let stored = init.and_then(ModelFile::meta).map(|meta| &meta.preprocess);
    let stored = stored.filter(|stored| stored.normalize == config.normalize);
    match (source, stored) {
        (Source::Rows(_), Some(stored)) => source.apply(stored),
        _ => {
            let same = stored.filter(|stored| same_images(stored, config));
            source.training_set(&config.data_recipe(same.and_then(|stored| stored.limits)))
        }
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
    pub examples: &'a Matrix<f64>,
}

impl FromSettings<'_> {
    fn start<T: Real>(&self) -> Result<(Params<T>, Matrix<T>)> {
        let shape = Shape { visible: self.examples.cols, hidden: self.config.hidden };
        let params = match self.init {
            Some(file) => file.params()?,
            None => Params::random(shape, self.config.seed).cast(),
        };
        Ok((params, self.examples.cast()))
    }
}

impl Start for FromSettings<'_> {
    fn single(&self) -> Result<(Params<f32>, Matrix<f32>)> {
        self.start()
    }

    fn double(&self) -> Result<(Params<f64>, Matrix<f64>)> {
        self.start()
    }
}
