//! The preprocessing that belongs to a model: from raw examples to inputs, and the way back to the values of the source.
//!
//! Pictures are filtered and cut into patches, rows divided; then columns are shifted, divided and decorrelated
//! ([`ColumnTransform`]); then each example may lose its own mean, and all values are mapped to the range of the output units.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::ColumnTransform;
use super::dtype::DType;
use super::examples::ExampleRows;
use super::form::Form;
use super::grid::{self, Grid};
use super::neighbours::Neighbours;
use super::normalize::{Normalize, centre_rows};
use super::picture::Picture;
use super::scale::Scale;
use super::whitening::Whitening;
use crate::error::{DATA, Error, Result};

/// The preprocessing that belongs to a model, fitted on its training data and stored in its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square patches images are cut into; `None` for rows.
    pub patch: Option<usize>,
    /// 1 or 3; `None` for rows.
    pub channels: Option<usize>,
    /// The form of the pictures that rows are; `None` where they are none, or nobody has said so.
    #[serde(rename = "shape", default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// How alike neighbours are in rows whose length is a square, by which these are pictures or none; `None` where the form
    /// is known, where no square is, and in models of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<Neighbours>,
    /// Olshausen's filter was applied to the images.
    pub whiten: bool,
    /// The divisor of raw numbers of rows, before they are normalised.
    #[serde(rename = "divide", default, skip_serializing_if = "Scale::is_pixels")]
    pub scale: Scale,
    /// How examples are decorrelated, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whitening: Option<Whitening>,
    /// The numbers of the columns, where they are shifted, divided or decorrelated; `None` before they are fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// The kind of normalisation.
    pub normalize: Normalize,
    /// Smallest and largest value that were mapped to the ends of the range: ±3σ for `lecture`, the extremes for
    /// `unit`; `None` for all others.
    pub limits: Option<(f64, f64)>,
}

/// Fitted columns. In JSON they are known by a hash; the numbers lie in tensors beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// n, the numbers of an example as the source has them.
    pub inputs: usize,
    /// The numbers of an example afterwards.
    pub outputs: usize,
    /// XXH3 of all numbers.
    pub xxh3: String,
    /// The numbers; `None` until they have been read.
    #[serde(skip)]
    transform: Option<Arc<ColumnTransform>>,
}

impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        (self.inputs, self.outputs, &self.xxh3) == (other.inputs, other.outputs, &other.xxh3)
    }
}

impl From<ColumnTransform> for Columns {
    fn from(transform: ColumnTransform) -> Self {
        Self {
            inputs: transform.inputs(),
            outputs: transform.outputs(),
            xxh3: transform.fingerprint(),
            transform: Some(Arc::new(transform)),
        }
    }
}

impl Columns {
    /// These with the numbers, as they were saved.
    ///
    /// # Errors
    /// In words, where they are others.
    pub fn with(self, transform: ColumnTransform) -> Result<Self, String> {
        let with = Self::from(transform);
        if with == self { Ok(with) } else { Err("they are not those that were fitted".to_owned()) }
    }

    /// The numbers, once they have been read.
    pub fn transform(&self) -> Option<&ColumnTransform> {
        self.transform.as_deref()
    }
}

impl Preprocess {
    /// Rows as they are.
    pub const AS_IS: Self = Self {
        patch: None,
        channels: None,
        form: None,
        neighbours: None,
        whiten: false,
        scale: Scale::AsIs,
        whitening: None,
        columns: None,
        normalize: Normalize::None,
        limits: None,
    };

    /// The limits, unless the kind of normalisation has no use for them.
    pub(super) fn stored_limits(&self) -> Option<(f64, f64)> {
        self.limits.filter(|_| self.normalize.has_limits())
    }

    /// Whether columns are shifted, divided or decorrelated.
    pub fn has_columns(&self) -> bool {
        self.whitening.is_some() || self.normalize.is_of_columns()
    }

    /// The fitted columns.
    pub fn transform(&self) -> Option<&ColumnTransform> {
        self.columns.as_ref().filter(|_| self.has_columns()).and_then(Columns::transform)
    }

    /// Whether numbers are missing that are fitted on data.
    pub fn is_unfitted(&self) -> bool {
        self.lacks_columns() || self.lacks_limits()
    }

    pub(super) fn lacks_columns(&self) -> bool {
        self.has_columns() && self.transform().is_none()
    }

    pub(super) fn lacks_limits(&self) -> bool {
        self.normalize.has_limits() && self.limits.is_none()
    }

    /// n of the source where the columns are fitted; else the same as the model's.
    pub fn inputs_of(&self, visible: usize) -> usize {
        self.columns.as_ref().map_or(visible, |columns| columns.inputs)
    }

    /// The model's n for examples of so many numbers in the source.
    pub fn outputs_of(&self, cols: usize) -> usize {
        self.columns.as_ref().map_or(cols, |columns| columns.outputs)
    }

    /// The preprocessing of numbers that are stored as `dtype`: the scale is their divisor then, whatever they are stored as.
    pub fn for_dtype(&self, dtype: DType) -> Self {
        Self { scale: self.scale.for_dtype(dtype), ..self.clone() }
    }

    /// Refuses rows of another width than those that the columns were fitted on, or than the patches that they stand for.
    pub(super) fn check_width(&self, cols: usize) -> Result<()> {
        let refused = |model: String, remedy: &str| {
            Err(Error::input(DATA, format!("rows of {cols} numbers, but {model}; {remedy}")))
        };
        match (self.patch.zip(self.channels), self.columns.as_ref()) {
            (Some((patch, channels)), _) if patch * patch * channels != cols => refused(
                format!("the model's patches are {patch}×{patch}×{channels} = {}", patch * patch * channels),
                "give images, or rows of that width",
            ),
            (None, Some(columns)) if columns.inputs != cols => refused(
                format!("the model has learned from rows of {}", columns.inputs),
                "give rows of that width",
            ),
            _ => Ok(()),
        }
    }

    /// Raw rows of `cols` numbers, on their scale, as examples `[m, n]`, with the mean that was taken from each.
    pub(super) fn examples(&self, rows: Vec<f64>, cols: usize) -> ExampleRows {
        let mut values = self.in_columns(rows);
        let means = self.centred(&mut values, self.outputs_of(cols));
        if let Some(limits) = self.stored_limits() {
            self.normalize.map(&mut values, limits);
        }
        ExampleRows { values, means }
    }

    /// What is done to columns alone.
    pub(super) fn in_columns(&self, rows: Vec<f64>) -> Vec<f64> {
        match self.transform() {
            Some(transform) => transform.apply(rows),
            None => rows,
        }
    }

    /// Takes its own mean from every example of `n` numbers, where that is asked for, and hands the means back.
    pub(super) fn centred(&self, values: &mut [f64], n: usize) -> Vec<f64> {
        if self.normalize == Normalize::Lecture { centre_rows(values, n) } else { Vec::new() }
    }

    /// Takes normalised rows `[m, n]` back to the values that the source had (filtered by Olshausen's filter, where they were),
    /// adding each row's own mean and undoing columns and scale, if it is that of
    /// [`Examples::preprocess`](super::Examples::preprocess): `means` is [`Examples::means`](super::Examples::means), one a row or
    /// empty.
    pub fn restore(&self, mut rows: Vec<f32>, means: &[f64]) -> Vec<f32> {
        let limits = self.stored_limits();
        let cols = rows.len() / means.len().max(1);
        let multiplied = if let Scale::Divide(divisor) = self.scale { divisor } else { 1.0 };
        let value = |x: f32, mean: f64| {
            let value = f64::from(x);
            limits.map_or(value, |limits| self.normalize.unmap(value, limits)) + mean
        };
        let means = (0..).map(|row| means.get(row).copied().unwrap_or(0.0));
        let each = rows.chunks_exact_mut(cols.max(1)).zip(means);
        let Some(transform) = self.transform() else {
            each.for_each(|(row, mean)| {
                row.iter_mut().for_each(|x| *x = (value(*x, mean) * multiplied) as f32);
            });
            return rows;
        };
        let values = each.flat_map(|(row, mean)| row.iter().map(move |&x| value(x, mean))).collect();
        transform.undo(values).into_iter().map(|x| (x * multiplied) as f32).collect()
    }

    /// Weights `[h, n]` of a model's inputs as weights of the values of the source, as far as columns are concerned: what a
    /// unit looks for in them.
    pub fn weights_of_inputs<'a>(&self, weights: &'a [f32]) -> Cow<'a, [f32]> {
        let Some(transform) = self.transform() else { return weights.into() };
        let weights = transform.weights_of_inputs(weights.iter().map(|&w| w.into()).collect());
        weights.into_iter().map(|w| w as f32).collect()
    }

    /// Puts restored grid patches `[m, n]` together again, one picture for each of `grids` ([`Examples::grid`](super::Examples::grid)).
    /// Values are as they stand, beyond [0, 1] too. `None` if this is the preprocessing of rows.
    pub fn pictures(&self, rows: &[f32], grids: &[Grid]) -> Option<Vec<Picture>> {
        let (patch, channels) = self.patch.zip(self.channels)?;
        Some(grid::assemble(rows, grids, patch, channels))
    }
}
