//! Fitted columns in files: tensors in f64 beside the JSON of a preprocessing, in a model's file or alone in a run's folder.

use std::fs::File;
use std::path::Path;

use super::tensors_file::{self, Saved, Values};
use crate::data::formats::safetensors::Tensors;
use crate::data::{ColumnTransform, Preprocess};
use crate::error::{Error, Result};
use crate::io::folder::Folder;

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

/// Writes the tensors of a transform alone.
///
/// # Errors
/// Those of `out`.
pub fn write_to(out: &mut dyn std::io::Write, transform: &ColumnTransform) -> std::io::Result<()> {
    tensors_file::write(out, &saved(transform), None)
}

/// Reads the numbers of a preprocessing that are known by their hash alone.
///
/// # Errors
/// [`Error::Input`] where the file does not hold them, [`Error::Io`] where it cannot be read.
fn load(preprocess: &mut Preprocess, (path, file): (&Path, &File), tensors: &Tensors) -> Result<()> {
    load_by(preprocess, path, |name| match tensors.info(name) {
        Some(_) => tensors.floats::<f64>(path, file, name).map(Some),
        None => Ok(None),
    })
}

/// The same, where `read` hands tensors out by name, and None for one that is not there.
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

/// The same from a file of its own in a folder.
///
/// # Errors
/// As [`crate::run::model_file::ModelFile::open`] for these numbers, and where there is no such file, but for a preprocessing without columns, which has none.
pub fn load_from(preprocess: &mut Preprocess, folder: &Folder, name: &str) -> Result<()> {
    if preprocess.columns.is_none() {
        return Ok(());
    }
    let path = folder.join(name);
    let missing =
        || Error::input(&path, "it is missing; the run keeps the numbers of its preprocessing there");
    let (file, length) = folder.open(name)?.ok_or_else(missing)?;
    load(preprocess, (&path, &file), &Tensors::read(&path, &file, length)?)
}
