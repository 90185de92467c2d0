//! Fitted columns as tensors in f64 beside the JSON of a preprocessing, in which they are known by their hash alone.

use std::path::Path;

use super::tensors_file::{Saved, Values};
use crate::data::{ColumnTransform, Preprocess};
use crate::error::{Error, Result};

/// The tensors on their way into a file.
pub fn saved(transform: &ColumnTransform) -> Vec<Saved<'_>> {
    let tensors = transform.tensors().into_iter();
    tensors
        .map(|tensor| Saved {
            name: tensor.name.into(),
            shape: tensor.shape,
            values: Values::Double(tensor.values),
        })
        .collect()
}

/// Reads the numbers of a preprocessing; `read` hands tensors out by name, and None for one that is not there. `path` is their
/// place in messages.
///
/// # Errors
/// Those of `read`, and [`Error::Input`] where they are missing or others.
pub fn load_by(
    preprocess: &mut Preprocess,
    path: &Path,
    read: impl FnMut(&str) -> Result<Option<Vec<f64>>>,
) -> Result<()> {
    let Some(columns) = preprocess.columns.take() else { return Ok(()) };
    let transform = ColumnTransform::from_tensors(preprocess.whitening, read)?;
    let loaded = transform.and_then(|transform| columns.with(transform));
    let columns = loaded.map_err(|why| {
        Error::input(
            path,
            format!("the numbers of its preprocessing cannot be read: {why}; the file is damaged"),
        )
    })?;
    preprocess.columns = Some(columns);
    Ok(())
}
