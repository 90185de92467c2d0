//! The place of everything that a run reads or writes in a build without the feature `files`: types without values, so that
//! the session handles them as ever and no file is touched.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use crate::data::Source;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::math::params::{Matrix, Params, Shape};
use crate::run::config::Config;
use crate::run::meta::Meta;
use crate::run::summary::Summary;
use crate::train::diagnostics::Duplicates;
use model_file::ModelFile;

/// A run directory that cannot be.
#[derive(Clone, Debug)]
pub struct RunDir(Infallible);

impl RunDir {
    /// Refuses any directory.
    ///
    /// # Errors
    /// [`Error::Usage`], always.
    pub fn check((setting, _): (&str, &Path)) -> Result<()> {
        Err(Error::without_files(setting))
    }

    /// Never called.
    pub(in crate::run) fn report(&self) -> PathBuf {
        self.never()
    }

    /// Never called.
    pub(in crate::run) fn keep_table(&self) {
        self.never()
    }

    /// Never called: there is no page without files.
    pub(in crate::run) fn sampler(&self, _: Shape, _: &Meta, _: &[usize]) -> Sampler {
        self.never()
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub(in crate::run) fn keep_report(
        &self,
        _: Option<&Path>,
        _: (Option<&Summary>, Option<&str>),
        _: Sampler,
        _: &mut dyn Engine,
        _: (&Params<f32>, &Meta, &[f64], &Duplicates),
    ) -> Result<()> {
        self.never()
    }

    /// Never called.
    pub(in crate::run) fn never(&self) -> ! {
        match self.0 {}
    }
}

/// A sample that nobody takes.
#[derive(Debug)]
pub struct Sampler(Infallible);

impl Sampler {
    /// Never called.
    pub fn add(&mut self, _: &[usize], _: &[f32]) {
        match self.0 {}
    }
}

/// Data that no later sitting has to recognise.
#[derive(Clone, Debug)]
pub struct DataRecord;

impl DataRecord {
    /// Of any data.
    pub fn of(_: &Source, _: Option<&Matrix<f64>>, _: &Config, _: Option<&ModelFile>) -> Result<Self> {
        Ok(Self)
    }

    /// Nor the data that are held out.
    pub fn holding_out(self, _: &Source, _: Option<&Matrix<f64>>) -> Result<Self> {
        Ok(self)
    }
}

/// A divergence, of which no file tells.
#[derive(Debug)]
pub struct Divergence {
    /// The update or iteration after which it was seen.
    pub step: usize,
    /// The first bad tensor or number.
    pub what: String,
}

pub mod report {
    //! Pages that cannot be.

    use crate::math::params::Shape;

    /// None.
    pub fn bytes(_: Shape, _: usize, _: usize) -> u64 {
        0
    }
}

pub mod model_file {
    //! Files of models that cannot be.

    use std::convert::Infallible;
    use std::path::Path;

    use crate::error::{Error, Result};
    use crate::math::params::{Params, Real, Shape};
    pub use crate::run::meta::Meta;

    /// A model file that cannot be.
    #[derive(Debug)]
    pub struct ModelFile(Infallible);

    impl ModelFile {
        /// Refuses any file.
        ///
        /// # Errors
        /// [`Error::Usage`], always.
        pub fn open(path: &Path) -> Result<Self> {
            Err(Error::without_files(path.display()))
        }

        /// Its units.
        pub fn shape(&self) -> Shape {
            match self.0 {}
        }

        /// Its meaning.
        pub fn meta(&self) -> Option<&Meta> {
            match self.0 {}
        }

        /// Its parameters.
        pub fn params<T: Real>(&self) -> Result<Params<T>> {
            match self.0 {}
        }
    }
}
