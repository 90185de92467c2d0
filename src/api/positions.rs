//! Before whole pictures are convolved: the positions of pictures of one size, the refusals of all others, and the
//! parameters that take pixels.

use std::sync::Arc;

use super::Pool;
use crate::data::{Grid, GridRows, PictureInfo, Pictures, Preprocess, Scale, Source};
use crate::error::{DATA, Error, Result};
use crate::io::memory::Bytes;
use crate::io::text::counted;
use crate::math::params::Params;
use crate::math::pool::{Extent, regions};
use crate::run::fold::fold_encoder;

/// A model's parameters for the patches of pictures, and what is done to these: less where it is folded into the
/// weights.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) params: Params<f32>,
    pub(crate) preprocess: Preprocess,
}

impl Encoder {
    /// Folds what can be folded.
    pub(crate) fn new(params: &Params<f32>, preprocess: &Preprocess) -> Self {
        let folded = fold_encoder(params, preprocess);
        tracing::debug!(
            "preprocessing {} the weights",
            if folded.is_some() { "folded into" } else { "before" }
        );
        let (params, preprocess) = folded.unwrap_or_else(|| (params.clone(), preprocess.clone()));
        Self { params, preprocess }
    }
}

/// The positions of pictures of one size, and how they are pooled.
#[derive(Clone, Debug)]
pub(crate) struct PositionLayout {
    pub(crate) pictures: usize,
    pub(crate) positions: Extent,
    pub(crate) pool: Pool,
    /// Pixels across and down, and the model's patch and channels.
    size: (usize, usize),
    patch: usize,
    channels: usize,
    /// Pictures in other channels than the model's.
    converted: usize,
}

impl PositionLayout {
    /// That of pictures under a model's preprocessing, from their sizes alone.
    ///
    /// # Errors
    /// See [`Model::convolve`](crate::Model::convolve).
    pub(crate) fn new(pictures: &Pictures, preprocess: &Preprocess, pool: Pool) -> Result<Self> {
        let (patch, channels) = (preprocess.patch.unwrap_or(1), preprocess.channels.unwrap_or(1));
        if pool.side == 0 {
            return Err(Error::usage("`pool` 0: a region needs at least one position; 1 pools nothing"));
        }
        if pool.step == 0 {
            return Err(Error::usage("`step` 0: positions are one pixel apart or more"));
        }
        let list = pictures.list();
        let first = &list[0];
        let size = (first.width, first.height);
        if let Some(other) = list.iter().find(|p| (p.width, p.height) != size) {
            let fact = format!("{}×{} pixels, but {} has", other.width, other.height, first.name.display());
            let why = "of pictures of several sizes features are no rows of one length";
            let fact = format!("{fact} {}×{}: {why}", size.0, size.1);
            return Err(Error::input(
                &other.name,
                format!("{fact}; bring them to one size, or convolve them by size"),
            ));
        }
        if size.0.min(size.1) < patch {
            let fact = format!(
                "{}×{} pixels are smaller than the model's patches of {patch}×{patch}",
                size.0, size.1
            );
            let remedy = "give larger pictures, or take a model of smaller patches";
            return Err(Error::input(&first.name, format!("{fact}; {remedy}")));
        }
        let Grid { across, down } = Grid::of(size, patch, pool.step);
        let positions = Extent { down, across };
        let regions = regions(positions, pool.side);
        if regions.count() == Some(0) {
            let side = pool.side;
            let fact = format!(
                "`pool` {side}: a region of {side}×{side} positions is larger than the {across}×{down} of a picture"
            );
            return Err(Error::usage(format!("{fact}; give at most {}", across.min(down))));
        }
        let converted = list.iter().filter(|p: &&PictureInfo| p.channels != channels).count();
        Ok(Self { pictures: list.len(), positions, pool, size, patch, channels, converted })
    }

    /// The regions of a picture.
    pub(crate) fn regions(&self) -> Extent {
        regions(self.positions, self.pool.side)
    }

    /// Positions at the right and at the bottom that no region takes.
    pub(crate) fn left_out(&self) -> [usize; 2] {
        [self.positions.across % self.pool.side, self.positions.down % self.pool.side]
    }

    /// Tells of what is left out, and of channels that are others than the model's.
    pub(crate) fn tell(&self) {
        let Self { pictures, positions, pool: Pool { side, step }, size, patch, channels, converted } = self;
        let counts = [("column", self.left_out()[0]), ("row", self.left_out()[1])];
        if counts.iter().any(|(_, count)| *count > 0) {
            let Extent { down, across } = self.regions();
            let [right, bottom] = counts.map(|(one, count)| counted(count, one));
            tracing::info!(
                "{}×{} positions a picture are pooled into {across}×{down} regions of {side}×{side}: {right} of positions at the right and \
                 {bottom} at the bottom are left out",
                positions.across,
                positions.down,
            );
        }
        let beyond = [size.0 - patch, size.1 - patch].map(|rest| rest % step);
        if beyond != [0, 0] {
            let [right, bottom] = [counted(beyond[0], "column"), counted(beyond[1], "row")];
            tracing::info!(
                "a `step` of {step} ends before the edge: {right} of pixels at the right and {bottom} at the bottom are left out"
            );
        }
        if *converted > 0 {
            let (what, how) = match channels {
                1 => ("in colour", "in grey, of which the model has learned"),
                _ => ("grey", "in three channels alike, since the model has learned from colour"),
            };
            tracing::info!("{converted} of {} {what}: taken {how}", counted(*pictures, "picture"));
        }
    }
}

/// The pictures of a source.
///
/// # Errors
/// [`Error::Input`] for rows.
pub(crate) fn of_pictures(source: &Source) -> Result<Arc<Pictures>> {
    match source {
        Source::Images(pictures) => Ok(Arc::clone(pictures)),
        Source::Rows(_) | Source::Stored(_) => {
            let remedy = "give picture files or an array [count, height, width], or say `as` pictures of one that has such a shape";
            Err(Error::input(DATA, format!("these are rows, but whole pictures are convolved; {remedy}")))
        }
    }
}

/// The preprocessing of a model as one of patches: its own, or that of rows that are square pictures.
///
/// # Errors
/// In words, why there is none.
pub(crate) fn of_patches(preprocess: &Preprocess) -> std::result::Result<Preprocess, String> {
    const REMEDY: &str = "train one on pictures, or on rows of patches with their form (`shape` 8x8)";
    if preprocess.patch.is_some() {
        return Ok(preprocess.clone());
    }
    let Some(form) = preprocess.form else {
        return Err(format!("the model was trained on rows, not on patches of pictures; {REMEDY}"));
    };
    if form.height != form.width {
        return Err(format!(
            "the model was trained on rows of the form {form}, and patches are square; {REMEDY}"
        ));
    }
    match preprocess.scale {
        // White is 1, as in pictures.
        Scale::AsIs | Scale::Pixels => {}
        Scale::Divide(divisor) if divisor == 255.0 || divisor == 65_535.0 => {}
        Scale::Divide(divisor) => {
            return Err(format!(
                "the model was trained on rows divided by {divisor}, but pixels are divided by their white; {REMEDY}"
            ));
        }
    }
    let (patch, channels) = (Some(form.width), Some(form.channels));
    Ok(Preprocess { patch, channels, form: None, scale: Scale::Pixels, ..preprocess.clone() })
}

/// The preprocessing with what it lacks, fitted on the pictures as [`Model::encode`](crate::Model::encode) does it.
///
/// # Errors
/// As [`GridRows::new`].
pub(crate) fn fitted(
    pictures: &Arc<Pictures>,
    preprocess: Preprocess,
    memory: Option<Bytes>,
) -> Result<Preprocess> {
    if !preprocess.is_unfitted() {
        return Ok(preprocess);
    }
    Ok(GridRows::new(Arc::clone(pictures), &preprocess, memory)?.preprocess().clone())
}
