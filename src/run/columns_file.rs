//! Fitted columns in files of their own, in a run's folder.

use std::fs::File;
use std::path::Path;

use super::column_tensors::{load_by, saved};
use super::tensors_file;
use crate::data::formats::safetensors::Tensors;
use crate::data::{ColumnTransform, Preprocess};
use crate::error::{Error, Result};
use crate::io::folder::Folder;

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
