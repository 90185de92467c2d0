//! Examples in memory after preprocessing: all of them, or some neighbouring rows.

use std::borrow::Cow;

use super::grid::Grid;
use super::normalize::{self, Normalize};
use super::preprocess::Preprocess;
use crate::error::Result;
use crate::math::params::{Matrix, Real};

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

/// Neighbouring examples, in f64.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleRows {
    /// `[rows, n]`, after preprocessing.
    pub values: Vec<f64>,
    /// The mean that was taken from each (`lecture`), to be added back; empty if none was.
    pub means: Vec<f64>,
}

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
        // In place: the rows are not in memory twice.
        Cow::Owned(values) => values.into_iter().map(T::from_f64).collect(),
    };
    rounded.shrink_to_fit();
    Ok(Examples { matrix: Matrix::new(rows, cols, rounded), means, grid, preprocess })
}
