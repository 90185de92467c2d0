//! Examples under a model's preprocessing, made when they are asked for, any rows at a time: rows on disk are read
//! then, pictures decoded one by one, rows in memory are cut. The numbers are those of [`Source::apply`], however they
//! are cut.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batches::{Dataset, ExampleSet, RowSelection};
use super::examples::{ExampleRows, Examples};
use super::grid::Grid;
use super::grid_rows::GridRows;
use super::pictures::Pictures;
use super::preprocess::Preprocess;
use super::shuffle::Shuffle;
use super::source::Source;
use super::stream::{Feed, Store, Transform, fit};
use super::table::Table;
use crate::error::Result;
use crate::io::memory::Bytes;
use crate::math::params::{Matrix, cast};

/// Examples, m rows of n numbers, shared by all clones.
#[derive(Clone, Debug)]
pub struct LazyExamples {
    origin: ExampleOrigin,
    preprocess: Preprocess,
    size: (usize, usize),
}

#[derive(Clone, Debug)]
enum ExampleOrigin {
    Held(Arc<Examples<f64>>),
    Stored(Arc<Store>, Arc<Transform>),
    Pictures(Arc<Pictures>, Arc<Mutex<GridRows>>),
}

impl LazyExamples {
    /// Applies a model's preprocessing as [`Source::apply`] does; limits that are missing are fitted in a pass over all
    /// rows, of which `told` hears. `memory` is what pictures may take while they are decoded; `None` is what is free.
    ///
    /// # Errors
    /// As [`Source::apply`].
    pub fn new(
        source: Source,
        preprocess: &Preprocess,
        memory: Option<Bytes>,
        told: &dyn Fn(usize),
    ) -> Result<Self> {
        let (origin, preprocess, size) = match source {
            Source::Images(pictures) => {
                let rows = GridRows::new(Arc::clone(&pictures), preprocess, memory)?;
                let (preprocess, size) = (rows.preprocess().clone(), rows.size());
                (ExampleOrigin::Pictures(pictures, Arc::new(Mutex::new(rows))), preprocess, size)
            }
            Source::Rows(table) => {
                let dtype = table.dtype;
                // Handed over, so that the rows are not in memory twice.
                let examples = Table::examples(Cow::Owned(table), preprocess.clone())?;
                let preprocess = examples.preprocess.for_dtype(dtype);
                let size = (examples.matrix.rows, examples.matrix.cols);
                (ExampleOrigin::Held(Arc::new(examples)), preprocess, size)
            }
            Source::Stored(store) => {
                preprocess.check_width(store.cols)?;
                let preprocess = fit(&store, preprocess, None, told)?.for_dtype(store.dtype);
                let transform = Arc::new(Transform::new(&store, &preprocess));
                let size = (store.rows, preprocess.outputs_of(store.cols));
                (ExampleOrigin::Stored(store, transform), preprocess, size)
            }
        };
        Ok(Self { origin, preprocess, size })
    }

    /// The patches at every position of pictures, `step` pixels apart, under a preprocessing that is fitted.
    ///
    /// # Errors
    /// As [`LazyExamples::new`].
    pub fn at_positions(
        pictures: &Arc<Pictures>,
        preprocess: &Preprocess,
        step: usize,
        memory: Option<Bytes>,
    ) -> Result<Self> {
        let rows = GridRows::at_positions(Arc::clone(pictures), preprocess, step, memory)?;
        let (preprocess, size) = (rows.preprocess().clone(), rows.size());
        let origin = ExampleOrigin::Pictures(Arc::clone(pictures), Arc::new(Mutex::new(rows)));
        Ok(Self { origin, preprocess, size })
    }

    /// m and n.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Bytes of all of them in memory, at the peak of their making; of rows on disk those of the list of which are
    /// taken.
    pub fn resident_bytes(&self) -> u64 {
        match &self.origin {
            ExampleOrigin::Held(_) => 16 * (self.size.0 as u64) * self.size.1 as u64,
            ExampleOrigin::Pictures(pictures, _) => pictures.resident_bytes(),
            ExampleOrigin::Stored(store, _) => store.list_bytes(),
        }
    }

    /// Bytes that come and go while examples are made: those of the picture that takes most.
    pub fn passing_bytes(&self) -> u64 {
        match &self.origin {
            ExampleOrigin::Pictures(_, rows) => lock(rows).passing_bytes(),
            _ => 0,
        }
    }

    /// From now on pictures take no more than `memory` while they are decoded, but for one alone.
    pub fn set_capacity(&self, memory: Bytes) {
        if let ExampleOrigin::Pictures(_, rows) = &self.origin {
            lock(rows).set_capacity(memory);
        }
    }

    /// Bytes of a row where it is fetched from; 0 where all are in memory.
    pub fn row_bytes(&self) -> usize {
        match &self.origin {
            ExampleOrigin::Stored(store, _) => store.row_bytes(),
            _ => 0,
        }
    }

    /// How they are made, with limits.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Where each picture's patches go; `None` for rows.
    pub fn grids(&self) -> Option<Vec<Grid>> {
        match &self.origin {
            ExampleOrigin::Held(examples) => examples.grid.clone(),
            ExampleOrigin::Pictures(_, rows) => Some(lock(rows).grids().to_vec()),
            _ => None,
        }
    }

    /// Columns and rows of pixels that the patches leave out, in words; `None` where nothing is left out.
    pub fn cropped(&self) -> Option<String> {
        match &self.origin {
            ExampleOrigin::Pictures(pictures, _) => pictures.cropped(self.preprocess.patch?),
            _ => None,
        }
    }

    /// The examples `range`.
    ///
    /// # Errors
    /// When they cannot be read, or hold what is no finite number.
    pub fn rows(&self, range: Range<usize>) -> Result<ExampleRows> {
        let cols = self.size.1;
        Ok(match &self.origin {
            ExampleOrigin::Held(examples) => ExampleRows {
                values: examples.matrix.values[range.start * cols..range.end * cols].to_vec(),
                means: if examples.means.is_empty() { Vec::new() } else { examples.means[range].to_vec() },
            },
            ExampleOrigin::Stored(store, transform) => transform.rows(store, range)?,
            ExampleOrigin::Pictures(_, rows) => lock(rows).rows(range)?,
        })
    }

    /// The same as an engine fetches them.
    ///
    /// # Errors
    /// When the system has no thread left that reads ahead.
    pub fn examples(&self) -> Result<ExampleSet> {
        Ok(ExampleSet::Streamed(match &self.origin {
            ExampleOrigin::Stored(store, _) => {
                let transform = Transform::new(store, &self.preprocess);
                Box::new(Feed::new(Arc::clone(store), transform, Shuffle::rows(0))?)
            }
            _ => Box::new(self.clone()),
        }))
    }

    /// All of them in memory, for the reference.
    ///
    /// # Errors
    /// As [`LazyExamples::rows`].
    pub fn matrix(&self) -> Result<Matrix<f64>> {
        let (rows, cols) = self.size;
        Ok(Matrix::new(rows, cols, self.rows(0..rows)?.values))
    }
}

/// The rows of pictures, shared by the engine and by all clones, so that a picture is decoded once.
fn lock(rows: &Mutex<GridRows>) -> MutexGuard<'_, GridRows> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Dataset for LazyExamples {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn numbers(&mut self, rows: &RowSelection<'_>, out: &mut [f32]) -> Result<()> {
        match rows {
            RowSelection::Range(range) => match &self.origin {
                ExampleOrigin::Pictures(_, of_pictures) => lock(of_pictures).numbers(rows, out)?,
                _ => out.copy_from_slice(&cast::<f64, f32>(&self.rows(range.clone())?.values)),
            },
            RowSelection::Listed(list) => {
                for (out, &row) in out.chunks_exact_mut(self.size.1).zip(*list) {
                    out.copy_from_slice(&cast::<f64, f32>(&self.rows(row..row + 1)?.values));
                }
            }
        }
        Ok(())
    }
}
