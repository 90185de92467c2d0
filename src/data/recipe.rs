//! The settings by which examples for training are made of data.

use super::form::Form;
use super::normalize::Normalize;
use super::preprocess::Preprocess;
use super::scale::Scale;
use super::whitening::Whitening;

/// Patches to learn from.
pub const PATCHES: &str = "patches";

/// Patches of pictures that are not learned from.
pub const HELD_OUT_PATCHES: &str = "held-out patches";

/// How pictures are cut into patches, and how patches or rows are normalised for training.
#[derive(Clone, Debug)]
pub struct DataRecipe {
    /// Side of a square patch, pixels.
    pub patch: usize,
    /// Patches to draw.
    pub samples: usize,
    /// Keep three channels.
    pub color: bool,
    /// Whiten the images first.
    pub whiten: bool,
    /// The divisor of raw numbers of rows.
    pub scale: Scale,
    /// Normalisation of patches or rows.
    pub normalize: Normalize,
    /// The form of the pictures that rows are, where it is known.
    pub form: Option<Form>,
    /// How examples are decorrelated, where they are.
    pub whitening: Option<Whitening>,
    /// The preprocessing of an earlier model, whose fitted numbers go on; `None` fits them on these data.
    pub fitted: Option<Preprocess>,
    /// Seed of the draw.
    pub seed: u64,
    /// Draw pictures that are one patch each with replacement, as version 0.1.0 did; else each is taken once at most.
    pub replacement: bool,
    /// Purpose of the draw, [`PATCHES`] or [`HELD_OUT_PATCHES`]: of one seed each has positions of its own.
    pub purpose: &'static str,
}
