//! From files to examples: sources (built-in images, image files, arrays), patches, preprocessing, and the way back
//! to pixels.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{Matrix, Real};

/// What DATA turned out to be.
#[derive(Debug)]
pub enum Source {
    /// Pictures, from which patches are cut.
    Images(Vec<Picture>),
    /// Rows that are examples already: `.npy`, IDX, safetensors.
    Rows(Table),
}

/// One picture in planar-free form, values in [0, 1] unless it came as floats.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// 1 (grey) or 3 (colour).
    pub channels: usize,
    /// `[height, width, channels]`.
    pub pixels: Vec<f32>,
}

/// A 2-D array of examples.
#[derive(Clone, Debug)]
pub struct Table {
    /// Examples.
    pub rows: usize,
    /// Numbers an example.
    pub cols: usize,
    /// `[rows, cols]`, u8 already divided by 255; f64 so that the reference sees what the file holds.
    pub values: Vec<f64>,
}

/// How the values of an example are brought into the range of the output units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// Taken as they are.
    None,
    /// The lecture's: minus the patch's own mean, clipped to ±3σ of all values, mapped to [0.1, 0.9].
    Lecture,
    /// Smallest value to 0, largest to 1.
    Unit,
}

/// How images are cut and normalised for training.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Side of a square patch, pixels.
    pub patch: usize,
    /// Patches to draw.
    pub samples: usize,
    /// Keep three channels.
    pub color: bool,
    /// Whiten the images first.
    pub whiten: bool,
    /// Normalisation of patches or rows.
    pub normalize: Normalize,
    /// Seed of the draw.
    pub seed: u64,
}

/// The preprocessing that belongs to a model, fitted on its training data and stored in its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square patches images are cut into; `None` for rows.
    pub patch: Option<usize>,
    /// 1 or 3; `None` for rows.
    pub channels: Option<usize>,
    /// Olshausen's filter was applied to the images.
    pub whiten: bool,
    /// The kind of normalisation.
    pub normalize: Normalize,
    /// Smallest and largest value that were mapped to the ends of the range: ±3σ for `lecture`, the extremes for
    /// `unit`; `None` for `none`.
    pub limits: Option<(f64, f64)>,
}

/// Examples ready for an engine.
#[derive(Debug)]
pub struct Examples<T> {
    /// `[m, n]` after preprocessing.
    pub matrix: Matrix<T>,
    /// The mean that was taken from each example (`lecture`), to be added back; empty if none was.
    pub means: Vec<f64>,
    /// Where each image's grid patches went, to put them together again; `None` for rows and random patches.
    pub grid: Option<Vec<Grid>>,
    /// How they were made.
    pub preprocess: Preprocess,
}

/// The non-overlapping patches of one image: `across` × `down`, rows of patches first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Patches across.
    pub across: usize,
    /// Patches down.
    pub down: usize,
}

impl Source {
    /// The ten dead-leaves pictures of `seed`: the same bits on every platform.
    pub fn built_in(_seed: u64) -> Self {
        todo!()
    }

    /// Opens a folder of images, an image, `.npy`, IDX (plain or .gz) or `FILE.safetensors[:TENSOR]`.
    pub fn open(_path: &Path) -> Result<Self> {
        todo!()
    }

    /// Cuts (at random), fits the preprocessing and applies it.
    pub fn training_set<T: Real>(&self, _recipe: &Recipe) -> Result<Examples<T>> {
        todo!()
    }

    /// Applies a model's preprocessing; images are cut on a non-overlapping grid.
    pub fn apply<T: Real>(&self, _preprocess: &Preprocess) -> Result<Examples<T>> {
        todo!()
    }
}

impl Preprocess {
    /// Takes normalised rows `[m, n]` back to the values that the source had (whitened, where it was whitened),
    /// adding each row's own mean.
    pub fn restore(&self, _rows: &mut [f32], _means: &[f64]) {
        todo!()
    }
}
