//! The preprocessing that belongs to a model: from raw examples to inputs, and the way back to the values of the source.

use serde::{Deserialize, Serialize};

use super::dtype::DType;
use super::grid::{self, Grid};
use super::normalize::Normalize;
use super::picture::Picture;
use super::scale::Scale;
use crate::error::{DATA, Error, Result};

/// The preprocessing that belongs to a model, fitted on its training data and stored in its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square patches images are cut into; `None` for rows.
    pub patch: Option<usize>,
    /// 1 or 3; `None` for rows.
    pub channels: Option<usize>,
    /// Olshausen's filter was applied to the images.
    pub whiten: bool,
    /// The divisor of raw numbers of rows, before they are normalised.
    #[serde(rename = "divide", default, skip_serializing_if = "Scale::is_pixels")]
    pub scale: Scale,
    /// The kind of normalisation.
    pub normalize: Normalize,
    /// Smallest and largest value that were mapped to the ends of the range: ±3σ for `lecture`, the extremes for
    /// `unit`; `None` for `none`.
    pub limits: Option<(f64, f64)>,
}

impl Preprocess {
    /// The limits, unless the kind of normalisation has no use for them.
    pub(super) fn stored_limits(&self) -> Option<(f64, f64)> {
        self.limits.filter(|_| self.normalize != Normalize::None)
    }

    /// The preprocessing of numbers that are stored as `dtype`: the scale is their divisor then, whatever they are stored as.
    pub fn for_dtype(&self, dtype: DType) -> Self {
        Self { scale: self.scale.for_dtype(dtype), ..self.clone() }
    }

    /// Refuses rows of another width than the patches that they stand for.
    pub(super) fn check_width(&self, cols: usize) -> Result<()> {
        match self.patch.zip(self.channels) {
            Some((patch, channels)) if patch * patch * channels != cols => {
                let model = format!(
                    "the model's patches are {patch}×{patch}×{channels} = {}",
                    patch * patch * channels
                );
                let fact = format!("rows of {cols} numbers, but {model}");
                Err(Error::input(DATA, format!("{fact}; give images, or rows of that width")))
            }
            _ => Ok(()),
        }
    }

    /// Takes normalised rows `[m, n]` back to the values that the source had (whitened, where it was whitened),
    /// adding each row's own mean and undoing the scale, if it is that of [`Examples::preprocess`](super::Examples::preprocess): `means` is
    /// [`Examples::means`](super::Examples::means), one a row or empty.
    pub fn restore(&self, rows: &mut [f32], means: &[f64]) {
        let limits = self.stored_limits();
        let cols = rows.len() / means.len().max(1);
        let multiplied = if let Scale::Divide(divisor) = self.scale { divisor } else { 1.0 };
        for (i, row) in rows.chunks_exact_mut(cols.max(1)).enumerate() {
            let mean = means.get(i).copied().unwrap_or(0.0);
            for x in row {
                let value = f64::from(*x);
                let scaled = limits.map_or(value, |limits| self.normalize.unmap(value, limits)) + mean;
                *x = (scaled * multiplied) as f32;
            }
        }
    }

    /// Puts restored grid patches `[m, n]` together again, one picture for each of `grids` ([`Examples::grid`](super::Examples::grid)).
    /// Values are as they stand, beyond [0, 1] too. `None` if this is the preprocessing of rows.
    pub fn pictures(&self, rows: &[f32], grids: &[Grid]) -> Option<Vec<Picture>> {
        let (patch, channels) = self.patch.zip(self.channels)?;
        Some(grid::assemble(rows, grids, patch, channels))
    }
}
