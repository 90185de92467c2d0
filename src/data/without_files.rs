//! The place of [`stream`](super::stream) in a build without the feature `files`: rows that lie on disk, which no value stands
//! for, so that whatever handles them compiles and is never reached.

use std::convert::Infallible;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::batches::{Dataset, RowSelection};
use super::dtype::DType;
use super::examples::ExampleRows;
use super::preprocess::Preprocess;
use super::reading::Reading;
use super::sample::RowSample;
use super::shuffle::Shuffle;
use super::source::{Opened, Source};
use super::subset::Subset;
use super::table::Table;
use crate::error::{Error, Result};

/// Numbers that would be read at a time.
pub const PIECE: usize = 1 << 20;

/// Rows on disk that cannot be.
#[derive(Debug)]
pub struct Store {
    /// How each number is stored.
    pub dtype: DType,
    /// m.
    pub rows: usize,
    /// n.
    pub cols: usize,
    never: Infallible,
}

impl Store {
    /// Numbers of the first rows that are looked at.
    pub fn pieces(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        match self.never {}
        #[allow(unreachable_code, reason = "names the type that is never returned")]
        std::iter::empty()
    }

    /// Some of these rows.
    #[must_use]
    pub fn subset(&self, _: &Subset) -> Self {
        match self.never {}
    }

    /// Bytes of a list that cannot be.
    pub fn list_bytes(&self) -> u64 {
        match self.never {}
    }

    /// These rows in two stores.
    #[must_use]
    pub fn parted(&self, _: &[Subset; 2]) -> [Self; 2] {
        match self.never {}
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        match self.never {}
    }

    /// All rows in memory.
    pub fn table(&self) -> Result<Table> {
        match self.never {}
    }
}

impl Opened {
    /// Refuses any file.
    ///
    /// # Errors
    /// [`Error::Usage`], always.
    pub fn new(path: &Path, _: &Reading) -> Result<Self> {
        Err(Error::without_files(path.display()))
    }

    /// Refuses any files.
    ///
    /// # Errors
    /// [`Error::Usage`], always.
    pub fn all<P: AsRef<Path>>(paths: &[P], _: &Reading) -> Result<Self> {
        let first = paths.first().map_or_else(Default::default, |path| path.as_ref().display().to_string());
        Err(Error::without_files(first))
    }
}

impl Source {
    /// The file that a path with the name of an array behind it names.
    pub fn file_of(path: &Path) -> &Path {
        path
    }
}

/// The preprocessing of rows that cannot be.
#[derive(Debug)]
pub struct Transform(Infallible);

impl Transform {
    /// Never called: there is no store.
    pub fn new(store: &Store, _: &Preprocess) -> Self {
        match store.never {}
    }

    /// Never called.
    pub fn in_double(&self, _: &Store, _: Range<usize>) -> Result<Vec<f64>> {
        match self.0 {}
    }

    /// Never called.
    pub fn in_pieces(&self, _: &Store, _: impl FnMut(Range<usize>, &[f64]) -> Result<()>) -> Result<()> {
        match self.0 {}
    }

    /// Never called.
    pub fn rows(&self, _: &Store, _: Range<usize>) -> Result<ExampleRows> {
        match self.0 {}
    }
}

/// A way from disk to engine that cannot be.
#[derive(Debug)]
pub struct Feed(Infallible);

impl Feed {
    /// Never called: there is no store.
    pub fn new(store: Arc<Store>, _: Transform, _: Shuffle) -> Result<Self> {
        match store.never {}
    }

    /// Never called.
    #[must_use]
    pub fn after(self, _: u64) -> Self {
        match self.0 {}
    }

    /// Never called.
    #[must_use]
    pub fn comparing_epochs(self) -> Self {
        match self.0 {}
    }

    /// None are read.
    pub fn bytes_of_epochs(_: usize) -> usize {
        0
    }
}

impl Dataset for Feed {
    fn size(&self) -> (usize, usize) {
        match self.0 {}
    }

    fn numbers(&mut self, _: &RowSelection<'_>, _: &mut [f32]) -> Result<()> {
        match self.0 {}
    }
}

/// Never called: there is no store.
pub fn fit(store: &Store, _: &Preprocess, _: Option<RowSample>, _: &dyn Fn(usize)) -> Result<Preprocess> {
    match store.never {}
}
