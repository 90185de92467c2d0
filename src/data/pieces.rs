//! Examples under a model's preprocessing, any rows of them at a time: rows on disk are read when they are asked for,
//! pictures decoded one by one, rows in memory are cut. The numbers are those of [`Source::apply`], however they are cut.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stream::{Feed, Store, Transform, fit};
use super::{Examples, Grid, GridRows, Pictures, Preprocess, Rows, Source};
use crate::data::batches::{self, Supply, Wanted};
use crate::data::shuffle::Shuffle;
use crate::error::Result;
use crate::io::memory::Bytes;
use crate::math::params::{Matrix, cast};

/// Examples, m rows of n numbers, which other handles may share.
#[derive(Clone, Debug)]
pub struct Pieces {
    from: From,
    preprocess: Preprocess,
    size: (usize, usize),
}

#[derive(Clone, Debug)]
enum From {
    Held(Arc<Examples<f64>>),
    Stored(Arc<Store>, Arc<Transform>),
    Pictures(Arc<Pictures>, Arc<Mutex<GridRows>>),
}

/// Neighbouring examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// `[rows, n]`, after preprocessing.
    pub values: Vec<f64>,
    /// The mean that was taken from each (`lecture`), to be added back; empty if none was.
    pub means: Vec<f64>,
}

impl Pieces {
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
        if let Source::Images(pictures) = &source {
            let rows = GridRows::new(Arc::clone(pictures), preprocess, memory)?;
            let (preprocess, size) = (rows.preprocess().clone(), rows.size());
            let from = From::Pictures(Arc::clone(pictures), Arc::new(Mutex::new(rows)));
            return Ok(Self { from, preprocess, size });
        }
        if let Source::Stored(store) = source {
            preprocess.check_width(store.cols)?;
            let preprocess = fit(&store, preprocess, None, told)?.for_numbers(store.number);
            let transform = Arc::new(Transform::new(&store, &preprocess));
            let size = (store.rows, store.cols);
            return Ok(Self { from: From::Stored(store, transform), preprocess, size });
        }
        let examples: Examples<f64> = match source {
            // Rows that are held are not held twice.
            Source::Rows(table) => table.into_examples(preprocess)?,
            source => source.apply(preprocess)?,
        };
        let (preprocess, size) = (examples.preprocess.clone(), (examples.matrix.rows, examples.matrix.cols));
        Ok(Self { from: From::Held(Arc::new(examples)), preprocess, size })
    }

    /// m and n.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Bytes that are held of all of them, at the peak of their making.
    pub fn held_bytes(&self) -> u64 {
        match &self.from {
            From::Held(_) => 16 * (self.size.0 as u64) * self.size.1 as u64,
            From::Stored(..) => 0,
            From::Pictures(pictures, _) => pictures.held(),
        }
    }

    /// Bytes that come and go while examples are made: those of the picture that takes most.
    pub fn passing_bytes(&self) -> u64 {
        match &self.from {
            From::Held(_) | From::Stored(..) => 0,
            From::Pictures(pictures, _) => pictures.need(&self.preprocess).bytes.0,
        }
    }

    /// From now on pictures take no more than `memory` while they are decoded, but for one alone.
    pub fn set_room(&self, memory: Bytes) {
        match &self.from {
            From::Held(_) | From::Stored(..) => {}
            From::Pictures(_, rows) => lock(rows).set_room(memory),
        }
    }

    /// Bytes of a row where it is fetched from; 0 where all are in memory.
    pub fn row_bytes(&self) -> usize {
        match &self.from {
            From::Held(_) | From::Pictures(..) => 0,
            From::Stored(store, _) => store.row_bytes(),
        }
    }

    /// How they are made, with limits.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Where each picture's patches go; `None` for rows.
    pub fn grids(&self) -> Option<Vec<Grid>> {
        match &self.from {
            From::Held(examples) => examples.grid.clone(),
            From::Stored(..) => None,
            From::Pictures(_, rows) => Some(lock(rows).grids().to_vec()),
        }
    }

    /// What the patches leave out of the pictures, in words; `None` where there is nothing left out.
    pub fn cropped(&self) -> Option<String> {
        match &self.from {
            From::Held(_) | From::Stored(..) => None,
            From::Pictures(pictures, _) => pictures.cropped(self.preprocess.patch?),
        }
    }

    /// The examples `range`.
    ///
    /// # Errors
    /// When they cannot be read, or hold what is no finite number.
    pub fn rows(&self, range: Range<usize>) -> Result<Piece> {
        let cols = self.size.1;
        Ok(match &self.from {
            From::Held(examples) => Piece {
                values: examples.matrix.values[range.start * cols..range.end * cols].to_vec(),
                means: if examples.means.is_empty() { Vec::new() } else { examples.means[range].to_vec() },
            },
            From::Stored(store, transform) => {
                let (values, means) = transform.with_means(store, range)?;
                Piece { values, means }
            }
            From::Pictures(_, rows) => {
                let Rows { values, means } = lock(rows).rows(range)?;
                Piece { values, means }
            }
        })
    }

    /// The same as an engine fetches them.
    ///
    /// # Errors
    /// When the system has no thread left that reads ahead.
    pub fn examples(&self) -> Result<batches::Examples> {
        Ok(batches::Examples::Streamed(match &self.from {
            From::Held(_) | From::Pictures(..) => Box::new(self.clone()),
            From::Stored(store, _) => {
                let transform = Transform::new(store, &self.preprocess);
                Box::new(Feed::new(Arc::clone(store), transform, Shuffle::rows(0))?)
            }
        }))
    }

    /// All of them in memory, for the reference.
    ///
    /// # Errors
    /// As [`Pieces::rows`].
    pub fn matrix(&self) -> Result<Matrix<f64>> {
        let (rows, cols) = self.size;
        Ok(Matrix::new(rows, cols, self.rows(0..rows)?.values))
    }
}

/// The rows of pictures, which the engine and whoever looks at examples share, so that a picture is decoded once.
fn lock(rows: &Mutex<GridRows>) -> MutexGuard<'_, GridRows> {
    rows.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Supply for Pieces {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn numbers(&mut self, wanted: &Wanted<'_>, out: &mut [f32]) -> Result<()> {
        match wanted {
            Wanted::Range(range) => out.copy_from_slice(&cast::<f64, f32>(&self.rows(range.clone())?.values)),
            Wanted::Listed(list) => {
                for (out, &row) in out.chunks_exact_mut(self.size.1).zip(*list) {
                    out.copy_from_slice(&cast::<f64, f32>(&self.rows(row..row + 1)?.values));
                }
            }
        }
        Ok(())
    }
}
