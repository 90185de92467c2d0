//! The file of a classifier: safetensors with the names and shapes of PyTorch's `nn.Sequential` of `Linear` layers with an
//! activation behind each but the last, `0.weight` `[h, n]`, `0.bias` `[h]`, `2.weight`, …, and one metadata key `rhohat`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::meta::ClassifierMeta;
use crate::data::formats::named::{NamedArrays, NamedKind};
use crate::error::{Error, Result};
use crate::io::memory::{Bytes, available, is_given};
use crate::io::{atomic_write, safe_open};
use crate::math::network::{DenseLayer, Network, NetworkShape, tensor_names};
use crate::run::column_tensors;
use crate::run::meta::{KEY, check_preprocess};
use crate::run::model_file::{file_of, kind_of};
use crate::run::tensors_file::{self, Saved, Values};

/// Hidden layers of a file that is read, at most.
const LAYERS: usize = 64;

/// Writes a classifier; the file is there whole or not at all.
///
/// # Errors
/// [`Error::Io`] when it cannot be written.
pub fn save(path: &Path, network: &Network<f32>, meta: &ClassifierMeta) -> Result<()> {
    atomic_write::write(path, |out| write_to(out, network, meta))
}

/// The same into any file.
///
/// # Errors
/// Those of `out`.
pub fn write_to(out: &mut dyn Write, network: &Network<f32>, meta: &ClassifierMeta) -> io::Result<()> {
    let mut tensors = meta.preprocess.transform().map(column_tensors::saved).unwrap_or_default();
    let widths = network.shape.layers();
    for (l, (layer, (inputs, outputs))) in network.layers.iter().zip(widths).enumerate() {
        let [weight, bias] = tensor_names(l);
        let single =
            |name: String, shape, values| Saved { name: name.into(), shape, values: Values::Single(values) };
        tensors.push(single(bias, vec![outputs], &layer.bias));
        tensors.push(single(weight, vec![outputs, inputs], &layer.weight));
    }
    tensors_file::write(out, &tensors, Some((KEY, meta.to_json())))
}

/// An opened file of a classifier, its names and shapes checked.
#[derive(Debug)]
pub struct ClassifierFile {
    path: PathBuf,
    arrays: NamedArrays,
    shape: NetworkShape,
    meta: ClassifierMeta,
}

impl ClassifierFile {
    /// Opens a file, or that of a run's folder; numbers stay where they are.
    ///
    /// # Errors
    /// [`Error::Input`] for a missing file, one that holds something else, tensors that are missing or contradict each other,
    /// metadata of a later version.
    pub fn open(path: &Path) -> Result<Self> {
        let path = file_of(path)?;
        let (file, length) = safe_open::open(&path)?;
        let refused = |reason: String| Error::input(&path, reason);
        let kind = kind_of(&path, &file)?;
        let none = || {
            refused(
                "it holds no classifier of rhohat; `rhohat classify` trains one on a model's codes"
                    .to_owned(),
            )
        };
        if kind != NamedKind::Safetensors {
            return Err(none());
        }
        let arrays = NamedArrays::open(kind, &path, file, length)?;
        let text = arrays.text(&path, KEY)?;
        let meta = text.as_deref().and_then(ClassifierMeta::from_json).ok_or_else(none)?;
        let mut meta = meta.map_err(refused)?;
        let damaged = |why: String| refused(format!("{why}; the file is damaged"));
        column_tensors::load_by(&mut meta.preprocess, &path, |name| {
            arrays.shapes().contains_key(name).then(|| arrays.floats(&path, name)).transpose()
        })?;
        let shape = shape_of(&arrays, meta.activations.len()).map_err(damaged)?;
        meta.check(&shape).map_err(damaged)?;
        check_preprocess(&meta.preprocess, shape.inputs).map_err(damaged)?;
        Ok(Self { path, arrays, shape, meta })
    }

    /// The file that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The widths.
    pub fn shape(&self) -> &NetworkShape {
        &self.shape
    }

    /// The meaning of the numbers.
    pub fn meta(&self) -> &ClassifierMeta {
        &self.meta
    }

    /// Reads the numbers.
    ///
    /// # Errors
    /// [`Error::Input`] where they are more than memory holds, are no floats, or not finite.
    pub fn network(&self) -> Result<Network<f32>> {
        let bytes = 4 * self.shape.parameters() as u64;
        if available().is_some_and(|left| bytes > left.0) || !is_given(bytes) {
            let fact = format!("{} take {} of memory, more than is free", self.shape.words(), Bytes(bytes));
            return Err(Error::input(&self.path, format!("{fact}; close other programs")));
        }
        let mut layers = Vec::new();
        for l in 0..=self.shape.hidden.len() {
            let [weight, bias] = tensor_names(l).map(|name| self.arrays.floats(&self.path, &name));
            layers.push(DenseLayer { weight: weight?, bias: bias? });
        }
        let network = Network { shape: self.shape.clone(), layers };
        match network.first_not_finite() {
            None => Ok(network),
            Some(name) => Err(Error::input(
                &self.path,
                format!("tensor {name} holds NaN or infinity; the file is damaged"),
            )),
        }
    }
}

/// The widths of `hidden` hidden layers and a softmax layer, each of which reads what the one below it gives.
fn shape_of(arrays: &NamedArrays, hidden: usize) -> std::result::Result<NetworkShape, String> {
    if hidden > LAYERS {
        return Err(format!("{hidden} hidden layers, but {LAYERS} are read at most"));
    }
    let mut widths: Vec<usize> = Vec::new();
    for l in 0..=hidden {
        let [weight, bias] = tensor_names(l);
        let of = |name: &str| arrays.shapes().get(name).ok_or_else(|| format!("tensor {name} is missing"));
        let (found, biases) = (of(&weight)?, of(&bias)?);
        let &[outputs, inputs] = &found[..] else {
            return Err(format!("tensor {weight} has shape {found:?}, but a matrix is needed"));
        };
        if *biases != [outputs] {
            return Err(format!("tensor {bias} has shape {biases:?} beside {weight} of {found:?}"));
        }
        if outputs == 0 || inputs == 0 || widths.last().is_some_and(|&below| below != inputs) {
            return Err(format!(
                "tensor {weight} has shape {found:?} above {} units",
                widths.last().unwrap_or(&0)
            ));
        }
        if widths.is_empty() {
            widths.push(inputs);
        }
        widths.push(outputs);
    }
    if let Some(more) = tensor_names(hidden + 1).into_iter().find(|name| arrays.shapes().contains_key(name)) {
        return Err(format!("tensor {more} is one of a layer for which there is no activation"));
    }
    let (inputs, classes) = (widths[0], widths[hidden + 1]);
    Ok(NetworkShape { inputs, hidden: widths[1..=hidden].to_vec(), classes })
}
