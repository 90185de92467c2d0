//! The seal of a result: hashes by which it is known to be that of the settings and the model beside it.

use crate::data::identity::of_file;
use crate::error::Result;
use crate::io::paths::PathText;
use crate::run::RunDir;
use crate::run::model_file::ModelFile;
use crate::run::summary::{RunFiles, Seal, Summary};

impl Summary {
    /// Binds the result to the settings and to the model, as they lie on the disk.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn seal(&mut self, run: &RunDir) -> Result<()> {
        self.seal = Some(Seal { config: of_file(&run.config())?, model: of_file(&run.model())? });
        Ok(())
    }

    /// Whether it is bound to any; those of 0.1.0 are not.
    pub(super) fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// Whether settings and model are what the result was sealed with, or why it cannot be told any more.
    ///
    /// # Errors
    /// When the system refuses to read one of them.
    pub(super) fn still_holds(&self, run: &RunDir) -> Result<Result<(), &'static str>> {
        if !run.model().exists() {
            return Ok(Err("the run is finished, but its model is gone"));
        }
        let Some(Seal { config, model }) = &self.seal else {
            return Ok(ModelFile::open(&run.model())
                .map(|_| ())
                .map_err(|_| "the run is finished, but its model is damaged"));
        };
        if of_file(&run.config())? != *config {
            return Ok(Err("config.toml has been changed since the run was finished"));
        }
        let same = of_file(&run.model())? == *model;
        Ok(if same { Ok(()) } else { Err("the run is finished, but its model has been changed since") })
    }

    /// The same result with the paths of today: a run may have been moved.
    pub(super) fn in_place(self, run: &RunDir) -> Self {
        Self { files: Some(run.into()), ..self }
    }
}

impl From<&RunDir> for RunFiles {
    fn from(run: &RunDir) -> Self {
        let features = Some(run.features()).filter(|path| path.exists()).map(PathText::from);
        let report = Some(run.report()).filter(|path| path.exists()).map(PathText::from);
        Self { run: run.path().into(), model: run.model().into(), features, report }
    }
}
