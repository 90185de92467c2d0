//! Examples in memory after preprocessing: all of them, or some neighbouring rows.

use std::borrow::Cow;

use super::grid::Grid;
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

/// Raw rows of `cols` numbers under a preprocessing, what it lacks fitted on them, rounded to T.
pub fn preprocessed<T: Real>(
    values: Cow<'_, [f64]>,
    cols: usize,
    grid: Option<Vec<Grid>>,
    preprocess: &Preprocess,
) -> Result<Examples<T>> {
    /// Numbers that are looked at together.
    const PIECE: usize = 1 << 20;
    let piece = (PIECE / cols).max(1) * cols;
    let preprocess = preprocess.fitted(cols, |take| values.chunks(piece).try_for_each(&mut *take))?;
    let ExampleRows { values, means } = preprocess.examples(values.into_owned(), cols);
    let n = preprocess.outputs_of(cols);
    // In place, where T is f64: the rows are not in memory twice.
    let mut rounded: Vec<T> = values.into_iter().map(T::from_f64).collect();
    rounded.shrink_to_fit();
    Ok(Examples { matrix: Matrix::new(rounded.len() / n, n, rounded), means, grid, preprocess })
}
