//! A model's preprocessing at work: forward on raw examples, and back to the values of the source.

use std::borrow::Cow;

use super::numbers::Number;
use super::{Examples, Grid, Normalize, Picture, Preprocess, Scale, normalize, patches};
use crate::error::{DATA, Error, Result};
use crate::math::params::{Matrix, Real};

/// Normalises rows of `cols` numbers, fitting the limits if there are none, and rounds them to T.
pub fn normalized<T: Real>(
    mut values: Cow<'_, [f64]>,
    cols: usize,
    grid: Option<Vec<Grid>>,
    mut preprocess: Preprocess,
) -> Result<Examples<T>> {
    let kind = preprocess.normalize;
    let means = match kind {
        Normalize::Lecture => normalize::centre_rows(values.to_mut(), cols),
        Normalize::Unit | Normalize::None => Vec::new(),
    };
    preprocess.limits = match preprocess.stored_limits() {
        Some(limits) => Some(limits),
        None => kind.fit(&values, &means)?,
    };
    if let Some(limits) = preprocess.limits {
        kind.map(values.to_mut(), limits);
    }
    let rows = values.len() / cols;
    let mut rounded: Vec<T> = match values {
        Cow::Borrowed(values) => values.iter().map(|&x| T::from_f64(x)).collect(),
        // In place: the rows are not held twice.
        Cow::Owned(values) => values.into_iter().map(T::from_f64).collect(),
    };
    rounded.shrink_to_fit();
    Ok(Examples { matrix: Matrix::new(rows, cols, rounded), means, grid, preprocess })
}

impl Preprocess {
    /// The limits, unless the kind of normalisation has no use for them.
    pub(super) fn stored_limits(&self) -> Option<(f64, f64)> {
        self.limits.filter(|_| self.normalize != Normalize::None)
    }

    /// The preprocessing of numbers that are stored as `number`: what they are divided by, whatever they are stored as.
    pub fn for_numbers(&self, number: Number) -> Self {
        Self { scale: self.scale.for_numbers(number), ..self.clone() }
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
    /// adding each row's own mean and undoing the scale, if it is that of [`Examples::preprocess`]: `means` is
    /// [`Examples::means`], one a row or empty.
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

    /// Puts restored grid patches `[m, n]` together again, one picture for each of `grids` ([`Examples::grid`]).
    /// Values are as they stand, beyond [0, 1] too. `None` if this is the preprocessing of rows.
    pub fn pictures(&self, rows: &[f32], grids: &[Grid]) -> Option<Vec<Picture>> {
        let (patch, channels) = self.patch.zip(self.channels)?;
        Some(patches::assemble(rows, grids, patch, channels))
    }
}
