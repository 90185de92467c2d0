//! Sessions in a build without the feature `files`: no run has begun before, none has a directory, and what would stand for
//! one is a type without values.

use std::path::Path;

use super::examples::TrainingSet;
use crate::error::{Error, Result};
use crate::run::RunDir;
use crate::run::summary::RunFiles;

impl TrainingSet {
    /// Refuses any file.
    ///
    /// # Errors
    /// [`Error::Usage`], always.
    pub fn save(&self, path: &Path) -> Result<()> {
        Err(Error::without_files(path.display()))
    }
}

impl From<&RunDir> for RunFiles {
    fn from(run: &RunDir) -> Self {
        run.never()
    }
}

pub mod begun {
    //! Runs that have begun before, of which there are none.

    use crate::error::Result;
    use crate::run::session::Request;

    /// The request as it is.
    pub fn as_due(request: Request) -> Result<Request> {
        Ok(request)
    }
}

pub mod continued {
    //! Runs in memory that go on, of which there are none: their state is that of a checkpoint.

    use std::convert::Infallible;

    use crate::data::Preprocess;
    use crate::engine::{Engine, State};
    use crate::error::Result;
    use crate::run::DataRecord;
    use crate::run::config::Config;
    use crate::train::TrainProgress;

    /// A state that cannot be.
    pub type KeptState = Infallible;

    /// A run that cannot be.
    #[derive(Clone, Debug)]
    pub struct Continued(Infallible);

    /// Never called, since nobody asks for it.
    pub fn kept(_: (TrainProgress, State), _: &Config, _: &DataRecord, _: &Preprocess) -> KeptState {
        unreachable!("no state is kept without files")
    }

    impl Continued {
        /// Never called.
        pub fn settle(&self, _: Config) -> Result<Config> {
            match self.0 {}
        }

        /// Never called.
        pub fn preprocess(&self) -> Option<Preprocess> {
            match self.0 {}
        }

        /// Never called.
        pub fn taken(&self, _: &Config, _: &DataRecord) -> u64 {
            match self.0 {}
        }

        /// Never called.
        pub fn restore(&self, _: &mut dyn Engine, _: &Config) -> Result<()> {
            match self.0 {}
        }

        /// Never called.
        pub fn position(&self, _: &Config, _: &DataRecord) -> TrainProgress {
            match self.0 {}
        }
    }
}

pub mod directory {
    //! Directories of runs, of which there are none.

    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use crate::error::{Error, Result};
    use crate::math::objective::Cost;
    use crate::math::params::Params;
    use crate::run::meta::Meta;
    use crate::run::metrics::Mark;
    use crate::run::session::Session;
    use crate::run::summary::Summary;
    use crate::run::{Divergence, RunDir};
    use crate::train::measures::Measures;
    use crate::train::{EarlyStopping, Progress, StepContext, TrainProgress};

    /// A directory that cannot be.
    pub struct Directory {
        pub run: RunDir,
        pub metrics: MetricsFile,
        pub checkpoints: Checkpoints,
    }

    /// Lines of metrics that cannot be.
    pub struct MetricsFile(RunDir);

    /// Checkpoints that cannot be.
    pub struct Checkpoints(RunDir);

    impl Directory {
        /// Refuses a run that wants one.
        ///
        /// # Errors
        /// [`Error::Usage`], always.
        pub fn begin(_: &mut Session, _: String) -> Result<(Self, TrainProgress)> {
            Err(Error::without_files("a run directory"))
        }

        /// Never called.
        pub fn report(&mut self, _: &Progress) -> Result<()> {
            self.run.never()
        }

        /// Never called.
        pub fn validated(&mut self, _: usize, _: &Cost, _: Measures) {
            self.run.never()
        }

        /// Never called.
        pub fn keep(&mut self, _: &mut StepContext<'_>, _: Option<&EarlyStopping>) -> Result<()> {
            self.run.never()
        }

        /// Never called.
        pub fn keep_last(&mut self, _: &mut StepContext<'_>, _: Option<&EarlyStopping>) -> Result<()> {
            self.run.never()
        }
    }

    impl MetricsFile {
        /// Never called.
        pub fn mark(&self) -> Mark {
            self.0.never()
        }
    }

    impl Checkpoints {
        /// Never called.
        pub fn published(&self) -> Arc<AtomicUsize> {
            self.0.never()
        }

        /// Never called.
        pub fn is_due(&mut self, _: usize) -> Result<bool> {
            self.0.never()
        }

        /// Never called.
        pub fn has(&self, _: usize) -> bool {
            self.0.never()
        }
    }

    impl RunDir {
        /// Never called.
        pub(in crate::run::session) fn path(&self) -> &Path {
            self.never()
        }

        /// Never called.
        pub(in crate::run::session) fn tell_of_divergence(&self, _: &Divergence) -> Result<()> {
            self.never()
        }

        /// Never called.
        pub(in crate::run::session) fn keep_model(&self, _: &Params<f32>, _: &Meta) -> Result<()> {
            self.never()
        }

        /// Never called.
        pub(in crate::run::session) fn keep_result(&self, _: &mut Summary) -> Result<()> {
            self.never()
        }
    }
}

pub mod resume {
    //! Runs that go on, of which there are none.

    use std::path::PathBuf;

    use toml::Table;

    use crate::data::{Preprocess, Source};
    use crate::engine::{Engine, State};
    use crate::error::{Error, Result};
    use crate::run::config::{Config, UserSettings};
    use crate::run::session::{JudgedRun, Place, ProgressObserver, Request};
    use crate::run::summary::Summary;
    use crate::run::{DataRecord, RunDir};
    use crate::train::EarlyStoppingState;

    /// The run that a request is about.
    pub enum Target {
        /// Has its result.
        Finished(Box<Summary>),
        /// Goes on.
        Unfinished(Box<Resumed>),
    }

    /// A run that cannot be.
    pub struct Resumed(RunDir);

    /// No run is gone on with.
    ///
    /// # Errors
    /// [`Error::Usage`] where the request wants that.
    pub fn open(request: &Request, _: &mut dyn ProgressObserver) -> Result<Option<Target>> {
        match request.place {
            Place::Memory => Ok(None),
            _ => Err(Error::without_files("a run directory")),
        }
    }

    impl JudgedRun {
        /// Takes any data: there is no run to be judged.
        pub fn check(&self, _: &Source, _: &DataRecord, _: &Config) -> Result<()> {
            Ok(())
        }
    }

    impl Resumed {
        /// Never called.
        pub fn config(&self) -> PathBuf {
            self.0.never()
        }

        /// Never called.
        pub fn preprocess(&self) -> Result<Option<Preprocess>> {
            self.0.never()
        }

        /// Never called.
        pub fn check_columns(&self, _: &Preprocess) -> Result<()> {
            self.0.never()
        }

        /// Never called.
        pub fn is_of_010(&self) -> bool {
            self.0.never()
        }

        /// Never called.
        pub fn judged(&mut self, _: &Config) -> (Option<EarlyStoppingState>, Option<State>) {
            self.0.never()
        }

        /// Never called.
        pub fn taken(&self) -> u64 {
            self.0.never()
        }

        /// Never called.
        pub fn has_outgrown_init(&self) -> bool {
            self.0.never()
        }

        /// Never called.
        pub fn restore(&mut self, _: &mut dyn Engine, _: &Config) -> Result<()> {
            self.0.never()
        }

        /// Never called.
        pub fn check_data(&mut self, _: &Source, _: &DataRecord, _: &Config, _: bool) -> Result<()> {
            self.0.never()
        }

        /// Never called.
        pub fn check_held_out(
            &mut self,
            _: Option<&Source>,
            _: &DataRecord,
            _: &Config,
            _: bool,
        ) -> Result<()> {
            self.0.never()
        }

        /// Never called.
        pub fn completed(&self, _: DataRecord) -> DataRecord {
            self.0.never()
        }

        /// Never called.
        pub fn admit(&self, _: &UserSettings, _: &Table) -> Result<()> {
            self.0.never()
        }

        /// Never called.
        pub fn admit_all(&self, _: &Config, _: &UserSettings, _: &Table) -> Result<()> {
            self.0.never()
        }
    }
}
