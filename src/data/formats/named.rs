//! Arrays under their names in one file, whose shapes are known before any number is read: the tensors of a safetensors file, the
//! arrays of a `.npz`, the variables of a `.mat`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use super::array::{ArrayBytes, ArrayLayout};
use super::safetensors::{self, Tensors};
use super::{mat, npz};
use crate::data::scale::Scale;
use crate::error::{Error, Result};
use crate::math::params::Real;

/// The kind of a file of named arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedKind {
    /// Tensors, with texts beside them.
    Safetensors,
    /// An archive of NumPy arrays.
    Npz,
    /// Variables of MATLAB.
    Mat,
}

impl NamedKind {
    /// That of a file of this name that begins so.
    pub fn of(path: &Path, start: &[u8]) -> Option<Self> {
        let is_named_mat = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mat"));
        if npz::begins_with_array(start) {
            Some(Self::Npz)
        } else if mat::is_certain(start) || (is_named_mat && mat::FORMAT.begins(start)) {
            Some(Self::Mat)
        } else {
            safetensors::recognised(start).then_some(Self::Safetensors)
        }
    }
}

/// Arrays of an opened file.
#[derive(Debug)]
pub struct NamedArrays {
    source: Source,
    shapes: BTreeMap<String, Vec<usize>>,
}

#[derive(Debug)]
enum Source {
    Safetensors { file: File, tensors: Tensors },
    Npz(npz::Arrays),
    Mat { file: File, variables: Vec<mat::Variable> },
}

impl NamedArrays {
    /// Reads names and shapes in a file of `length` bytes; what is no dense array of real numbers is passed over.
    ///
    /// # Errors
    /// [`Error::Input`] for a damaged file, [`Error::Io`] where it cannot be read.
    pub fn open(kind: NamedKind, path: &Path, file: File, length: u64) -> Result<Self> {
        let (source, shapes) = match kind {
            NamedKind::Safetensors => {
                let tensors = Tensors::read(path, &file, length)?;
                let shape = |name: String| tensors.info(&name).map(|info| (name, info.shape.clone()));
                let shapes = tensors.names().into_iter().filter_map(shape).collect();
                (Source::Safetensors { file, tensors }, shapes)
            }
            NamedKind::Npz => {
                let arrays = npz::Arrays::open(path, file, length)?;
                let shapes = arrays.shapes().collect();
                (Source::Npz(arrays), shapes)
            }
            NamedKind::Mat => {
                let variables = mat::numeric_variables(path, &file, length)?;
                let shapes = variables.iter().map(|it| (it.name.clone(), it.shape.clone())).collect();
                (Source::Mat { file, variables }, shapes)
            }
        };
        Ok(Self { source, shapes })
    }

    /// The kind of the file.
    pub fn kind(&self) -> NamedKind {
        match self.source {
            Source::Safetensors { .. } => NamedKind::Safetensors,
            Source::Npz(_) => NamedKind::Npz,
            Source::Mat { .. } => NamedKind::Mat,
        }
    }

    /// All names with their shapes.
    pub fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    /// The text under `key`: of a safetensors file in its header, of others an array of bytes.
    ///
    /// # Errors
    /// As [`Self::floats`].
    pub fn text(&self, path: &Path, key: &str) -> Result<Option<String>> {
        /// Longest text, bytes.
        const LONGEST: usize = 1 << 20;
        let Source::Safetensors { tensors, .. } = &self.source else {
            let Some(shape) = self.shapes.get(key) else { return Ok(None) };
            if shape
                .iter()
                .try_fold(1_usize, |all, &length| all.checked_mul(length))
                .is_none_or(|it| it > LONGEST)
            {
                return Err(Error::input(
                    path,
                    format!("its text {key} has shape {shape:?}; the file is damaged"),
                ));
            }
            let bytes = self.numbers::<f64>(path, key)?.into_iter().map(|byte| byte as u8).collect();
            let text = String::from_utf8(bytes);
            return text
                .map(Some)
                .map_err(|_| Error::input(path, format!("its text {key} is none; the file is damaged")));
        };
        Ok(tensors.text(key).map(str::to_owned))
    }

    /// The numbers of an array of floats, the last index fastest, rounded once to `T`.
    ///
    /// # Errors
    /// [`Error::Input`] for other numbers, a name that there is not, more than memory holds, or a damaged file.
    pub fn floats<T: Real>(&self, path: &Path, name: &str) -> Result<Vec<T>> {
        match &self.source {
            Source::Safetensors { file, tensors } => tensors.floats(path, file, name),
            _ => self.values(path, name, true),
        }
    }

    /// The same for numbers of any kind.
    ///
    /// # Errors
    /// As [`Self::floats`].
    pub fn numbers<T: Real>(&self, path: &Path, name: &str) -> Result<Vec<T>> {
        self.values(path, name, false)
    }

    fn values<T: Real>(&self, path: &Path, name: &str, are_floats: bool) -> Result<Vec<T>> {
        let read = |layout: &ArrayLayout, body: ArrayBytes<'_>| {
            if are_floats && !layout.dtype.is_float() {
                let fact =
                    format!("{name} holds numbers of the kind {}, but floats are read", layout.dtype.name());
                return Err(Error::input(path, fact));
            }
            let order: Vec<usize> = (0..layout.shape.len()).collect();
            layout.values(body, (Scale::AsIs, &order), |_, _| Ok(()))
        };
        match &self.source {
            Source::Safetensors { file, tensors } => tensors.floats(path, file, name),
            Source::Npz(arrays) => arrays.read(path, name, read),
            Source::Mat { file, variables } => {
                // Of two variables of one name the later one counts, as for the shapes.
                let variable = variables.iter().rev().find(|variable| variable.name == name);
                let variable = variable.ok_or_else(|| Error::input(path, format!("no variable {name}")))?;
                mat::read(path, file, variable, read)
            }
        }
    }
}
