//! The source of examples in DATA, and the examples that are made of it under a recipe or under a model's preprocessing.

use std::borrow::Cow;
use std::sync::Arc;

use super::description::DataDescription;
use super::dtype::DType;
use super::examples::{Examples, preprocessed};
use super::grid_rows::GridRows;
use super::labels::Labels;
use super::patches;
use super::picture::Picture;
use super::pictures::Pictures;
use super::preprocess::Preprocess;
use super::recipe::{DataRecipe, PATCHES};
use super::scale::Scale;
use super::skipped::SkippedFiles;
use super::stream::Store;
use super::subset::{Subset, Taken};
use super::table::Table;
use crate::error::{DATA, Error, Result};
use crate::io::memory::Bytes;
use crate::math::params::Real;

/// DATA, opened: the source of examples, and how the files were read.
#[derive(Debug)]
pub struct Opened {
    /// Where examples come from.
    pub source: Source,
    /// DATA as they were read.
    pub description: DataDescription,
}

/// The source of examples in DATA.
#[derive(Debug)]
pub enum Source {
    /// Pictures, from which patches are cut.
    Images(Arc<Pictures>),
    /// Rows that are examples already: `.npy`, IDX, safetensors, or the caller's own.
    Rows(Table),
    /// Rows that stay where they are until they are asked for.
    Stored(Arc<Store>),
}

impl From<Table> for Opened {
    /// Rows that never were in a file.
    fn from(table: Table) -> Self {
        let description = DataDescription::rows(table.rows, table.cols, table.dtype);
        Self { source: Source::Rows(table), description }
    }
}

impl From<Vec<Picture>> for Opened {
    /// Pictures that never were in a file, at least one.
    fn from(pictures: Vec<Picture>) -> Self {
        let infos: Vec<_> = pictures.iter().map(Picture::info).collect();
        let description = DataDescription::pictures(None, &infos, SkippedFiles::default());
        Self { source: pictures.into(), description }
    }
}

impl From<Vec<Picture>> for Source {
    /// Pictures in memory, at least one.
    fn from(pictures: Vec<Picture>) -> Self {
        Self::Images(Arc::new(Pictures::of(pictures)))
    }
}

impl Opened {
    /// Those of the rows or pictures that were asked for.
    ///
    /// # Errors
    /// As [`Taken::of`].
    pub fn taking(self, taken: Taken) -> Result<Self> {
        let (all, item) = self.source.items();
        Ok(match taken.of(all, item)? {
            Some(subset) => self.subset(&subset),
            None => self,
        })
    }

    /// Those of some of the rows or pictures.
    #[must_use]
    pub(super) fn subset(self, subset: &Subset) -> Self {
        let source = match self.source {
            Source::Images(pictures) => Source::Images(Arc::new(pictures.subset(subset))),
            Source::Rows(table) => Source::Rows(table.subset(subset)),
            Source::Stored(store) => Source::Stored(Arc::new(store.subset(subset))),
        };
        let pictures = match &source {
            Source::Images(pictures) => pictures.list(),
            Source::Rows(_) | Source::Stored(_) => &[],
        };
        let description = self.description.subset(subset, pictures);
        Self { source, description }
    }
}

impl Source {
    /// How many rows or pictures there are, and what one of them is called.
    pub fn items(&self) -> (usize, &'static str) {
        match self {
            Self::Images(pictures) => (pictures.list().len(), "picture"),
            Self::Rows(table) => (table.rows, "row"),
            Self::Stored(store) => (store.rows, "row"),
        }
    }

    /// The source once more: rows on disk and pictures are shared, rows in memory copied.
    #[must_use]
    pub fn shared(&self) -> Self {
        match self {
            Self::Images(pictures) => Self::Images(Arc::clone(pictures)),
            Self::Stored(store) => Self::Stored(Arc::clone(store)),
            Self::Rows(table) => Self::Rows(table.clone()),
        }
    }

    /// The caller's own rows, `width` numbers each and one behind the other; they are taken as they are (scale 1).
    ///
    /// # Errors
    /// [`Error::Input`] for a width of 0, no row, a last row that is not whole, and a number that is not finite.
    pub fn rows(values: impl IntoIterator<Item = f32>, width: usize) -> Result<Self> {
        Table::from_values(values, width).map(Self::Rows)
    }

    /// The ten dead-leaves pictures of `seed`, 512×512 in grey: the same bits on every platform.
    pub fn built_in(seed: u64) -> Self {
        Self::Images(Arc::new(Pictures::built_in(seed)))
    }

    /// The labels of its items, where it has some.
    pub fn labels(&self) -> Option<&Labels> {
        match self {
            Self::Images(pictures) => pictures.labels(),
            Self::Rows(_) | Self::Stored(_) => None,
        }
    }

    /// The rows that stay on disk, if they do.
    pub fn stored(&self) -> Option<Arc<Store>> {
        match self {
            Self::Stored(store) => Some(Arc::clone(store)),
            _ => None,
        }
    }

    /// [`Source::training_set_within`] what memory is free.
    ///
    /// # Errors
    /// As there.
    pub fn training_set<T: Real>(&self, recipe: &DataRecipe) -> Result<Examples<T>> {
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
        recipe: &DataRecipe,
        memory: Option<Bytes>,
    ) -> Result<Examples<T>> {
        let preprocess = self.preprocess(recipe)?;
        match (self, preprocess.patch.zip(preprocess.channels)) {
            (Self::Images(pictures), Some((patch, channels))) => {
                pictures.check_size(patch)?;
                let values = patches::random(pictures, recipe, channels, memory)?;
                preprocessed(values.into(), patch * patch * channels, None, &preprocess)
            }
            _ => self.preprocessed(preprocess),
        }
    }

    /// [`Source::apply_within`] what memory is free.
    ///
    /// # Errors
    /// As there.
    pub fn apply<T: Real>(&self, preprocess: &Preprocess) -> Result<Examples<T>> {
        self.apply_within(preprocess, None)
    }

    /// Applies a model's preprocessing; that of the examples says what these numbers were divided by. Images are cut on a
    /// non-overlapping grid; the pixels left over at the right and at the bottom are dropped. Rows given to a model of patches
    /// count as patches, already whitened where the model's images were. Limits that are missing (a foreign model) are fitted
    /// on these data. All rows are held; [`GridRows`] makes those of pictures as they are asked for. `memory` is what pictures
    /// may take while they are decoded; `None` is what the machine has left.
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
                let mut examples = self.preprocessed(preprocess.clone())?;
                if let Some(dtype) = self.dtype() {
                    examples.preprocess = examples.preprocess.for_dtype(dtype);
                }
                Ok(examples)
            }
        }
    }

    /// The preprocessing that a recipe means for this source, before its limits are fitted.
    ///
    /// # Errors
    /// As [`Source::training_set`].
    pub fn preprocess(&self, recipe: &DataRecipe) -> Result<Preprocess> {
        let (patch, channels) = match self {
            Self::Images(pictures) => {
                if recipe.samples == 0 {
                    return Err(Error::usage("`samples` 0: training needs at least one patch"));
                }
                let are_learned = recipe.purpose == PATCHES;
                if recipe.color && are_learned && pictures.list().iter().all(|picture| picture.channels == 1)
                {
                    return Err(Error::usage("`color`: every picture is grey; leave the flag out"));
                }
                (Some(recipe.patch), Some(if recipe.color { 3 } else { 1 }))
            }
            _ if recipe.whiten => {
                return Err(Error::usage(
                    "`whiten` filters images, but the data are rows; leave the flag out",
                ));
            }
            _ => (None, None),
        };
        Ok(Preprocess {
            patch,
            channels,
            neighbours: None,
            form: recipe.form.filter(|_| patch.is_none()),
            whiten: recipe.whiten,
            scale: if patch.is_some() { Scale::Pixels } else { recipe.scale },
            whitening: recipe.whitening,
            columns: recipe.fitted.as_ref().and_then(|fitted| fitted.columns.clone()),
            normalize: recipe.normalize,
            limits: recipe.fitted.as_ref().and_then(|fitted| fitted.limits),
        })
    }

    /// How rows are stored, number by number; `None` for pictures.
    pub fn dtype(&self) -> Option<DType> {
        match self {
            Self::Images(_) => None,
            Self::Rows(table) => Some(table.dtype),
            Self::Stored(store) => Some(store.dtype),
        }
    }

    /// All rows under a preprocessing.
    fn preprocessed<T: Real>(&self, preprocess: Preprocess) -> Result<Examples<T>> {
        let table = match self {
            Self::Rows(table) => Cow::Borrowed(table),
            Self::Stored(store) => Cow::Owned(store.table()?),
            Self::Images(_) => {
                let reason = "these are images, but the model was trained on rows and knows no patch size";
                return Err(Error::input(
                    DATA,
                    format!(
                        "{reason}; give rows, a .npy of two dimensions for example, or say `as` rows of an array"
                    ),
                ));
            }
        };
        Table::examples(table, preprocess)
    }
}
