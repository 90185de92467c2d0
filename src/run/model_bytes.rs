//! A model's file in memory: safetensors with PyTorch's names and shapes, and one metadata key `rhohat` that says what the numbers
//! mean. Nothing in it is volatile: the same run writes the same bytes. Files of other programs are opened by their path
//! (`model_file.rs`).

use std::io::{self, Write};
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::math::params::{Params, Shape};
use crate::run::column_tensors;
use crate::run::meta::{KEY, Meta};
use crate::run::tensors_file::{self, Saved, Values, transposed};

/// The name of the bytes in messages.
const NAME: &str = "the bytes of a model";

/// Writes a model: `encoder.weight` `[h, n]`, `encoder.bias` `[h]`, `decoder.weight` `[n, h]` and `decoder.bias` `[n]` in
/// f32.
///
/// # Errors
/// Those of `out`.
pub fn write_to(out: &mut dyn Write, params: &Params<f32>, meta: &Meta) -> io::Result<()> {
    let Shape { visible, hidden } = params.shape;
    // By name, as the format's own writer sorts tensors of one kind.
    let single = |name: &'static str, shape, values| Saved {
        name: name.into(),
        shape,
        values: Values::Single(values),
    };
    let of_columns = meta.preprocess.transform().map(column_tensors::saved).unwrap_or_default();
    let own = [
        single("decoder.bias", vec![visible], &params.b2),
        Saved {
            name: "decoder.weight".into(),
            shape: vec![visible, hidden],
            values: Values::Transposed { values: &params.d, cols: visible },
        },
        single("encoder.bias", vec![hidden], &params.b1),
        single("encoder.weight", vec![hidden, visible], &params.w1),
    ];
    let tensors: Vec<Saved<'_>> = of_columns.into_iter().chain(own).collect();
    tensors_file::write(out, &tensors, Some((KEY, meta.to_json())))
}

/// The model that [`write_to`] has written.
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
    column_tensors::load_by(&mut meta.preprocess, Path::new(NAME), |name| {
        let tensor = tensors.tensor(name).ok().filter(|tensor| tensor.dtype() == Dtype::F64);
        let numbers =
            |bytes: &[u8]| bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        Ok(tensor.map(|tensor| numbers(tensor.data())))
    })?;
    let params = Params {
        shape: Shape { visible, hidden },
        w1: single("encoder.weight", &[hidden, visible])?,
        b1: single("encoder.bias", &[hidden])?,
        d: transposed(&single("decoder.weight", &[visible, hidden])?, hidden),
        b2: single("decoder.bias", &[visible])?,
    };
    meta.check(params.shape).map_err(|why| refused(format!("metadata {KEY}: {why}; they are damaged")))?;
    match params.first_not_finite() {
        None => Ok((params, meta)),
        Some(name) => Err(refused(format!("tensor {name} holds NaN or infinity"))),
    }
}
