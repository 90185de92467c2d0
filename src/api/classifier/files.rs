//! Classifiers that are saved and loaded, and runs of their training in a directory.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Classifier, ClassifierTrainer};
use crate::error::Result;
use crate::run::classify::file::{ClassifierFile, save};
use crate::run::every::Every;
use crate::run::session::Place;

impl Classifier {
    /// Reads a file that [`Classifier::save`] has written; the directory of a run stands for the classifier in it.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) for a missing file, one that holds no classifier, and numbers that are not finite.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let file = ClassifierFile::open(path.as_ref())?;
        let (network, meta, name) = (file.network()?, file.meta().clone(), file.path().to_owned());
        Ok(Self { network, meta, name, selector: "auto".to_owned(), computing: Mutex::default() })
    }

    /// Writes the classifier in f32 with the names and shapes of PyTorch's `nn.Sequential`; the file is there whole or not at
    /// all.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        save(path.as_ref(), &self.network, &self.meta)
    }
}

impl ClassifierTrainer {
    /// The directory of the run: it begins there, goes on, or has its result, whichever is due. Settings and data have to be
    /// those that it began with.
    #[must_use]
    pub fn run_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.place = Place::Run(directory.into());
        self
    }

    /// How often a checkpoint is taken while all layers are trained: every minute by default, and one in the end.
    #[must_use]
    pub fn checkpoint_every(mut self, every: Every) -> Self {
        self.settings.checkpoint_every = every;
        self
    }
}
