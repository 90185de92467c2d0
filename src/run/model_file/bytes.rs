//! A model's file in memory, for whoever keeps it in a container of his own. Files of other programs are opened by their path.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::math::params::{Params, Shape};
use crate::run::columns_file;
use crate::run::meta::{KEY, Meta};

/// The name of the bytes in messages.
const NAME: &str = "the bytes of a model";

/// The model that [`write_to`](super::write_to) has written.
///
/// # Errors
/// [`Error::Input`] for anything else.
pub fn from_bytes(bytes: &[u8]) -> Result<(Params<f32>, Meta)> {
    let refused = |why: String| Error::input(NAME, why);
    let damaged = |error| refused(format!("no whole safetensors file ({error}); truncated or damaged"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let text = header.metadata().as_ref().and_then(|texts| texts.get(KEY));
    let text =
        text.ok_or_else(|| refused(format!("they have no metadata {KEY}; give those of this library")))?;
    let mut meta = Meta::from_json(text).map_err(refused)?;
    let single = |name: &str, shape: &[usize]| -> Result<Vec<f32>> {
        let tensor = tensors.tensor(name).ok().filter(|tensor| tensor.dtype() == Dtype::F32);
        let tensor = tensor.filter(|tensor| tensor.shape() == shape);
        let tensor =
            tensor.ok_or_else(|| refused(format!("tensor {name} of f32 and shape {shape:?} is missing")))?;
        Ok(tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    };
    let weights = tensors.tensor("encoder.weight").ok();
    let shape = weights.and_then(|weights| <[usize; 2]>::try_from(weights.shape()).ok());
    let [hidden, visible] =
        shape.ok_or_else(|| refused("tensor encoder.weight [h, n] is missing".to_owned()))?;
    columns_file::load_by(&mut meta.preprocess, Path::new(NAME), |name| {
        let tensor = tensors.tensor(name).ok().filter(|tensor| tensor.dtype() == Dtype::F64);
        let numbers =
            |bytes: &[u8]| bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        Ok(tensor.map(|tensor| numbers(tensor.data())))
    })?;
    let params = Params {
        shape: Shape { visible, hidden },
        w1: single("encoder.weight", &[hidden, visible])?,
        b1: single("encoder.bias", &[hidden])?,
        d: super::transposed(&single("decoder.weight", &[visible, hidden])?, hidden),
        b2: single("decoder.bias", &[visible])?,
    };
    meta.check(params.shape).map_err(|why| refused(format!("metadata {KEY}: {why}; they are damaged")))?;
    match params.first_not_finite() {
        None => Ok((params, meta)),
        Some(name) => Err(refused(format!("tensor {name} holds NaN or infinity"))),
    }
}
