//! The model file: safetensors with PyTorch's names and shapes, and one metadata key `rhohat` that says what the
//! numbers mean. Nothing in it is volatile: the same run writes the same bytes. Models of other programs are read, too.

mod foreign;
mod layout;
mod names;
mod schemes;
#[cfg(test)]
mod tests;
mod theta;

use std::path::{Path, PathBuf};

use self::names::{Found, Place};
use crate::data::ColumnTransform;
use crate::data::formats::named::NamedArrays;
use crate::error::{Error, Result, plain, shown};
use crate::io::atomic_write;
use crate::io::memory::{Bytes, available, is_given};
use crate::io::safe_open;
use crate::math::params::{Params, Real, Shape};
use crate::run::classify::ClassifierMeta;
use crate::run::column_tensors;
use crate::run::meta::KEY;
pub use crate::run::model_bytes::{from_bytes, write_to};
pub use foreign::MODEL_INSTEAD;
pub(super) use foreign::{file_of, kind_of};

pub use crate::run::meta::Meta;
use crate::run::tensors_file::transposed;

/// Writes a model: `encoder.weight` `[h, n]`, `encoder.bias` `[h]`, `decoder.weight` `[n, h]` and `decoder.bias` `[n]` in
/// f32. The file is there whole or not at all.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written.
pub fn save(path: &Path, params: &Params<f32>, meta: &Meta) -> Result<()> {
    atomic_write::write(path, |out| write_to(out, params, meta))
}

/// An opened model file, its names and shapes checked.
#[derive(Debug)]
pub struct ModelFile {
    path: PathBuf,
    arrays: NamedArrays,
    found: Found,
    meta: Option<Meta>,
}

impl ModelFile {
    /// Opens `path`, a model file or a run's folder that holds one, and checks that its tensors are there and fit
    /// together; their numbers stay where they are. Tensors of other programs' names, in `.npz` and `.mat` as well, are found by
    /// `names.rs`; what they were taken for, and tensors that are left aside, is told.
    ///
    /// # Errors
    /// [`Error::Input`] for a missing file, one of another kind, a missing tensor (with the list of those
    /// found), shapes that contradict each other, metadata of a later version or out of range.
    pub fn open(path: &Path) -> Result<Self> {
        let path = foreign::file_of(path)?;
        let (file, held) = safe_open::open(&path)?;
        let kind = foreign::kind_of(&path, &file)?;
        let arrays = NamedArrays::open(kind, &path, file, held)?;
        let refused = |reason| Error::input(&path, reason);
        let text = arrays.text(&path, KEY)?;
        if text.as_deref().and_then(ClassifierMeta::from_json).is_some() {
            let remedy = "`rhohat predict` takes it, and `rhohat encode` with `layer`";
            return Err(refused(format!("a classifier, which has no decoder; {remedy}")));
        }
        let number = |name: &str| arrays.numbers::<f64>(&path, name).ok()?.first().copied();
        let found = names::find(&arrays, text.is_some(), number).map_err(refused)?;
        let mut meta = text.as_deref().map(Meta::from_json).transpose().map_err(refused)?;
        if let Some(meta) = &mut meta {
            column_tensors::load_by(&mut meta.preprocess, &path, |name| {
                // MATLAB knows no points in names.
                let names = [name.to_owned(), name.replace('.', "_")];
                let name = names.iter().find(|name| arrays.shapes().contains_key(*name));
                name.map(|name| arrays.floats(&path, name)).transpose()
            })?;
            let checked = meta.check(found.shape);
            checked.map_err(|why| refused(format!("its metadata {KEY}: {why}; the file is damaged")))?;
        }
        let model = Self { path, arrays, found, meta };
        model.tell();
        Ok(model)
    }

    /// Tells what tensors of other names were taken for, and which were left aside.
    fn tell(&self) {
        /// Names that are told at most.
        const TOLD: usize = 4;
        let (path, Found { told, others, .. }) = (shown(&self.path), &self.found);
        if let Some(told) = told {
            tracing::info!("{}", plain(&format!("{path}: {told}")));
        }
        if let Some(more) = others.len().checked_sub(1) {
            let more = if more < TOLD { String::new() } else { format!(" and {} more", others.len() - TOLD) };
            let named = others[..others.len().min(TOLD)].join(", ");
            tracing::warn!(
                "{}",
                plain(&format!("{path}: left aside, for the model has no such tensors: {named}{more}"))
            );
        }
    }

    /// The file that was opened: that of a run, where its folder was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Visible and hidden units.
    pub fn shape(&self) -> Shape {
        self.found.shape
    }

    /// The meaning of the numbers; `None` if another program wrote the file.
    pub fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }

    /// Bytes that the numbers of its preprocessing take, which are read when it is opened.
    pub fn columns_bytes(&self) -> u64 {
        let preprocess = self.meta.as_ref().map(|meta| &meta.preprocess);
        preprocess
            .and_then(|it| it.transform())
            .map_or(0, |transform| ColumnTransform::bytes(transform.inputs(), transform.basis.is_some()))
    }

    /// Bytes of memory that [`ModelFile::params`] takes at its peak: the parameters, and a matrix on its way.
    pub fn bytes_to_read<T: Real>(&self) -> u64 {
        let Shape { visible, hidden } = self.found.shape;
        let numbers = (self.found.shape.parameters() as u64).saturating_add(visible as u64 * hidden as u64);
        numbers.saturating_mul(size_of::<T>() as u64)
    }

    /// The parameters, from F16, BF16, F32 or F64, rounded once to `T`.
    ///
    /// # Errors
    /// [`Error::Input`] when they are more than memory holds, before any is read; names a tensor of another kind of
    /// numbers, or one that holds NaN or infinity; and says so when the file has become shorter since it was opened.
    pub fn params<T: Real>(&self) -> Result<Params<T>> {
        self.check_room(self.bytes_to_read::<T>())?;
        let params = match &self.found.place {
            Place::Theta(name) => theta::params(self.shape(), &self.values(name, self.shape().parameters())?),
            Place::Tensors { .. } => self.of_tensors()?,
        };
        match params.first_not_finite() {
            None => Ok(params),
            Some(name) => Err(Error::input(
                &self.path,
                format!("tensor {name} holds NaN or infinity; the run that wrote it diverged"),
            )),
        }
    }
}

impl ModelFile {
    /// The numbers of an array, which are so many.
    fn values<T: Real>(&self, name: &str, count: usize) -> Result<Vec<T>> {
        let values = self.arrays.floats(&self.path, name)?;
        if values.len() == count {
            return Ok(values);
        }
        Err(Error::input(&self.path, "it has changed since it was opened; start again"))
    }

    /// The parameters from tensors of their own.
    fn of_tensors<T: Real>(&self) -> Result<Params<T>> {
        let Place::Tensors { names, transposed: turned, is_shifted } = &self.found.place else {
            return Ok(Params::zeros(self.shape()));
        };
        let Shape { visible, hidden } = self.shape();
        let [w1, b1, d, b2] = names.each_ref().map(Option::as_deref);
        let read = |name: Option<&str>, count| name.map(|name| self.values::<T>(name, count)).transpose();
        let bias =
            |name, count| Ok::<_, Error>(read(name, count)?.unwrap_or_else(|| vec![T::default(); count]));
        let w1 = read(w1, visible * hidden)?.unwrap_or_default();
        let w1 = if turned[0] { transposed(&w1, hidden) } else { w1 };
        let d = match read(d, visible * hidden)? {
            // D `[h, n]` is the transpose of PyTorch's `[n, h]`.
            Some(d) if !turned[1] => transposed(&d, hidden),
            Some(d) => d,
            None => w1.clone(),
        };
        let (mut b1, b2) = (bias(b1, hidden)?, bias(b2, visible)?);
        if *is_shifted {
            for (b1, row) in b1.iter_mut().zip(w1.chunks_exact(visible)) {
                let shift: f64 = row.iter().zip(&b2).map(|(w, b)| w.to_f64() * b.to_f64()).sum();
                *b1 = T::from_f64(b1.to_f64() - shift);
            }
        }
        Ok(Params { shape: self.shape(), w1, b1, d, b2 })
    }

    /// Refuses parameters that take more than is free, or than the system gives.
    fn check_room(&self, bytes: u64) -> Result<()> {
        let left = available();
        let is_there = left.is_none_or(|left| bytes <= left.0);
        if is_there && is_given(bytes) {
            return Ok(());
        }
        let Shape { visible, hidden } = self.found.shape;
        let left = match left {
            Some(left) if !is_there => format!("and {left} are free"),
            _ => "which the system refuses".to_owned(),
        };
        let fact = format!(
            "{hidden} hidden and {visible} visible units take {} of memory as they are read, {left}",
            Bytes(bytes)
        );
        let remedy =
            "use a machine with more memory or a model of fewer hidden units, or raise the limit (ulimit -v)";
        Err(Error::input(&self.path, format!("{fact}; {remedy}")))
    }
}
