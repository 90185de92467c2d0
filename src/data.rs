//! From files to examples: sources (built-in images, image files, arrays), patches, preprocessing, and the way back
//! to pixels. Arrays are opened whole and checked (finite numbers, at least one example), pictures are listed by their
//! headers and decoded one by one; preprocessing is done in f64 and rounded once, to what the engine holds.

mod array;
pub mod batches;
mod conversion;
mod dead_leaves;
mod doubt;
mod field;
mod folder;
mod foreign;
mod grid_rows;
mod gzip;
pub mod identity;
mod idx;
mod images;
mod jpeg;
mod left_out;
mod normalize;
pub mod npy;
mod npz;
pub mod numbers;
mod open;
mod patches;
mod pictures;
mod pieces;
mod pixels;
mod preprocess;
mod reading;
mod sample;
mod scale;
mod shards;
pub mod shuffle;
pub mod stream;
mod taken;
pub(crate) mod tensor;
mod whiten;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{DATA, Error, Result};
use crate::io::memory::Bytes;
use crate::math::params::{Matrix, Real};
pub(crate) use field::{remedy, too_large};
pub use grid_rows::{GridRows, Rows};
pub use left_out::{Group, LeftOut};
use numbers::Number;
pub(crate) use patches::BYTES_OF_DRAW;
pub use pictures::{Listed, Need, Pictures};
pub use pieces::{Piece, Pieces};
use preprocess::normalized;
pub use reading::{Axes, Axis, Meaning, Reading};
pub use sample::Sample;
pub use scale::Scale;
use stream::{RawRows, Store};
pub use taken::{Found, Taken};

/// DATA, opened: where the examples come from, and what was taken for what.
#[derive(Debug)]
pub struct Opened {
    /// Where examples come from.
    pub source: Source,
    /// What DATA was taken for.
    pub taken: Taken,
}

/// What DATA turned out to be.
#[derive(Debug)]
pub enum Source {
    /// Pictures, from which patches are cut.
    Images(Arc<Pictures>),
    /// Rows that are examples already: `.npy`, IDX, safetensors.
    Rows(Table),
    /// Rows that stay where they are until they are asked for.
    Stored(Arc<Store>),
}

/// One picture, its channels interleaved; values in [0, 1] unless it came as floats.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The file it came from, or another name for messages.
    pub name: PathBuf,
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
    /// What the file holds them as.
    pub number: Number,
    /// `[rows, cols]` as they are in the file; f64 so that the reference sees what it holds.
    pub values: Vec<f64>,
}

/// How the values of an example are brought into the range of the output units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    /// Taken as they are.
    None,
    /// The lecture's: minus the example's own mean, clipped to ±3σ of all values, mapped to [0.1, 0.9].
    Lecture,
    /// Smallest value of the training set (or of the sample that is fitted) to 0, largest to 1; values beyond them are not
    /// clipped.
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
    /// What raw numbers of rows are divided by.
    pub scale: Scale,
    /// Normalisation of patches or rows.
    pub normalize: Normalize,
    /// Limits of an earlier model to go on with; `None` fits them on these data.
    pub limits: Option<(f64, f64)>,
    /// Seed of the draw.
    pub seed: u64,
    /// Draw pictures that are one patch each with replacement, as version 0.1.0 did; else each is taken once at most.
    pub replacement: bool,
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
    /// What raw numbers of rows are divided by before they are normalised.
    #[serde(rename = "divide", default, skip_serializing_if = "Scale::is_pixels")]
    pub scale: Scale,
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

impl Opened {
    /// Opens DATA as [`Source::open_for_training`] does, read as the user has said.
    ///
    /// # Errors
    /// As [`Source::open`], and where `reading` does not fit the files: dimensions that an array has not, two meanings at
    /// once, a header where `raw` numbers should be. A folder that holds pictures and arrays is refused unless `reading`
    /// says which of them are meant.
    pub fn new(path: &Path, reading: &Reading) -> Result<Self> {
        open::open(path, reading, true)
    }
}

impl From<Vec<Picture>> for Source {
    /// Pictures in memory, at least one.
    fn from(pictures: Vec<Picture>) -> Self {
        Self::Images(Arc::new(Pictures::of(pictures)))
    }
}

impl Source {
    /// The ten dead-leaves pictures of `seed`, 512×512 in grey: the same bits on every platform.
    pub fn built_in(seed: u64) -> Self {
        Self::Images(Arc::new(Pictures::built_in(seed)))
    }

    /// Opens a folder of images, an image, `.npy`, `FILE.npz[:ARRAY]`, IDX (plain or .gz) or `FILE.safetensors[:TENSOR]`.
    /// Files are recognised by their content, whatever their name. IDX files are rows, even where they hold images; a `.npy`
    /// of three dimensions `[count, height, width]`, or four with channels last, is images.
    ///
    /// # Errors
    /// [`Error::Input`] names the file and says what is wrong with it: missing, of another kind, truncated, empty,
    /// or holding a number that is not finite in f32. Nothing is allocated on a header's word alone, and no more is decoded
    /// than fits into the memory that the machine has left. Pictures have at most 2²⁸ numbers each; what is wrong with
    /// their pixels is found when these are decoded.
    pub fn open(path: &Path) -> Result<Self> {
        open::open(path, &Reading::default(), false).map(|opened| opened.source)
    }

    /// As [`Source::open`], but rows that can be read one by one stay on disk: a `.npy` of u8, f16 or f32, a folder of such
    /// files, or with `raw` files of bare numbers.
    ///
    /// # Errors
    /// As [`Source::open`], and for files of a folder that do not go together.
    pub fn open_for_training(path: &Path, raw: Option<RawRows>) -> Result<Self> {
        Opened::new(path, &Reading { raw, ..Reading::default() }).map(|opened| opened.source)
    }

    /// The rows that stay on disk, if they do.
    pub fn stored(&self) -> Option<Arc<Store>> {
        match self {
            Self::Stored(store) => Some(Arc::clone(store)),
            Self::Images(_) | Self::Rows(_) => None,
        }
    }

    /// The file or folder that a DATA names, without `:ARRAY` or `:TENSOR` behind it.
    pub fn file_of(path: &Path) -> &Path {
        open::split_part(path).0
    }

    /// [`Source::training_set_within`] what memory is free.
    ///
    /// # Errors
    /// As there.
    pub fn training_set<T: Real>(&self, recipe: &Recipe) -> Result<Examples<T>> {
        self.training_set_within(recipe, None)
    }

    /// Cuts patches at random (each position in each picture is as likely as any other; pictures that are one patch each
    /// are taken once at most), fits the preprocessing on them and applies it. Rows are all taken, in their order; `patch`,
    /// `samples` and `color` mean nothing to them. `memory` is what pictures may take while they are decoded; `None` is what
    /// the machine has left.
    ///
    /// # Errors
    /// A picture smaller than the patch, or one that takes more memory than there is, data without spread under a
    /// normalisation, more samples than memory holds, `color` with grey pictures alone, `whiten` with rows.
    pub fn training_set_within<T: Real>(
        &self,
        recipe: &Recipe,
        memory: Option<Bytes>,
    ) -> Result<Examples<T>> {
        let preprocess = self.preprocess(recipe)?;
        match (self, preprocess.patch.zip(preprocess.channels)) {
            (Self::Images(pictures), Some((patch, channels))) => {
                pictures::check_size(pictures.list(), patch)?;
                let values = patches::random(pictures, recipe, channels, memory)?;
                normalized(values.into(), patch * patch * channels, None, preprocess)
            }
            _ => self.rows(preprocess),
        }
    }

    /// [`Source::apply_within`] what memory is free.
    ///
    /// # Errors
    /// As there.
    pub fn apply<T: Real>(&self, preprocess: &Preprocess) -> Result<Examples<T>> {
        self.apply_within(preprocess, None)
    }

    /// Applies a model's preprocessing; that of the examples says what these numbers were divided by. Images are cut on a non-overlapping grid; the pixels left over at the right
    /// and at the bottom are dropped. Rows given to a model of patches count as patches, already whitened where the
    /// model's images were. Limits that are missing (a foreign model) are fitted on these data. All rows are held;
    /// [`GridRows`] makes those of pictures as they are asked for. `memory` is what pictures may take while they are decoded;
    /// `None` is what the machine has left.
    ///
    /// # Errors
    /// A picture smaller than the patch, or one that takes more memory than there is, images for a model of rows, rows of
    /// another width than the model's patches.
    pub fn apply_within<T: Real>(
        &self,
        preprocess: &Preprocess,
        memory: Option<Bytes>,
    ) -> Result<Examples<T>> {
        match self {
            Self::Images(pictures) => GridRows::new(Arc::clone(pictures), preprocess, memory)?.all(),
            _ => {
                let mut examples = self.rows(preprocess.clone())?;
                if let Some(number) = self.number() {
                    examples.preprocess = examples.preprocess.for_numbers(number);
                }
                Ok(examples)
            }
        }
    }

    /// What rows are stored as.
    pub fn number(&self) -> Option<Number> {
        match self {
            Self::Images(_) => None,
            Self::Rows(table) => Some(table.number),
            Self::Stored(store) => Some(store.number),
        }
    }

    /// The preprocessing that a recipe means for this source, before its limits are fitted.
    ///
    /// # Errors
    /// As [`Source::training_set`].
    pub fn preprocess(&self, recipe: &Recipe) -> Result<Preprocess> {
        let (patch, channels) = match self {
            Self::Images(pictures) => {
                if recipe.samples == 0 {
                    return Err(Error::usage("--samples 0: training needs at least one patch"));
                }
                if recipe.color && pictures.list().iter().all(|picture| picture.channels == 1) {
                    return Err(Error::usage("--color: every picture is grey; leave the flag out"));
                }
                (Some(recipe.patch), Some(if recipe.color { 3 } else { 1 }))
            }
            Self::Rows(_) | Self::Stored(_) if recipe.whiten => {
                return Err(Error::usage(
                    "--whiten filters images, but the data are rows; leave the flag out",
                ));
            }
            Self::Rows(_) | Self::Stored(_) => (None, None),
        };
        Ok(Preprocess {
            patch,
            channels,
            whiten: recipe.whiten,
            scale: if patch.is_some() { Scale::Pixels } else { recipe.scale },
            normalize: recipe.normalize,
            limits: recipe.limits,
        })
    }

    /// All rows, normalised.
    fn rows<T: Real>(&self, preprocess: Preprocess) -> Result<Examples<T>> {
        let table = match self {
            Self::Rows(table) => Cow::Borrowed(table),
            Self::Stored(store) => Cow::Owned(store.table()?),
            Self::Images(_) => {
                let reason = "these are images, but the model was trained on rows and knows no patch size";
                return Err(Error::input(
                    DATA,
                    format!("{reason}; give rows as .npy, IDX or safetensors, or say --as rows of an array"),
                ));
            }
        };
        of_table(table, preprocess)
    }
}

impl Table {
    /// [`Source::apply`] to these rows, in the memory that they are in where T is f64.
    ///
    /// # Errors
    /// As there.
    fn into_examples<T: Real>(self, preprocess: &Preprocess) -> Result<Examples<T>> {
        let number = self.number;
        let mut examples = of_table(Cow::Owned(self), preprocess.clone())?;
        examples.preprocess = examples.preprocess.for_numbers(number);
        Ok(examples)
    }
}

/// Rows, normalised.
fn of_table<T: Real>(table: Cow<'_, Table>, preprocess: Preprocess) -> Result<Examples<T>> {
    preprocess.check_width(table.cols)?;
    let (cols, number) = (table.cols, table.number);
    let divisor = preprocess.scale.divisor(number);
    let mut values = match table {
        Cow::Borrowed(table) => Cow::from(&table.values),
        Cow::Owned(table) => table.values.into(),
    };
    if divisor != 1.0 {
        values.to_mut().iter_mut().for_each(|x| *x /= divisor);
    }
    normalized(values, cols, None, preprocess)
}
