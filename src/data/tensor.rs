//! Rows from one tensor of a safetensors file.

use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::Table;
use super::array::Array;
use super::numbers::{Endian, Number};
use crate::error::{Error, Result};

/// The longest header that the format allows, bytes.
const LONGEST_HEADER: u64 = 100_000_000;

/// Whether `bytes` begin like a safetensors file: the length of a JSON object, and the object's brace.
pub fn recognised(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk().map(|&length| u64::from_le_bytes(length));
    length.is_some_and(|length| length <= LONGEST_HEADER) && bytes.get(8) == Some(&b'{')
}

/// Reads the tensor `name`, or the only one of two dimensions, from the bytes of the file `path`.
pub fn read(path: &Path, bytes: &[u8], name: Option<&str>) -> Result<Table> {
    let damaged =
        |error| Error::input(path, format!("no whole safetensors file ({error}); truncated or damaged"));
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (name, tensor) = chosen(&file, name).map_err(|reason| Error::input(path, reason))?;
    let &[rows, cols] = tensor.shape() else {
        let shape = tensor.shape();
        return Err(Error::input(
            path,
            format!("tensor {name} has shape {shape:?}, but rows need two dimensions"),
        ));
    };
    let values = match tensor.dtype() {
        Dtype::U8 => Number::U8.decode(tensor.data(), Endian::Little),
        _ => float_values(&name, &tensor).map_err(|reason| Error::input(path, reason))?,
    };
    Array { shape: vec![rows, cols], values }.into_table(path, rows, cols)
}

/// The numbers of a floating-point tensor; the error names it and its kind of numbers.
pub fn float_values(name: &str, tensor: &TensorView<'_>) -> Result<Vec<f64>, String> {
    let number = match tensor.dtype() {
        Dtype::F16 => Number::F16,
        Dtype::BF16 => Number::Bf16,
        Dtype::F32 => Number::F32,
        Dtype::F64 => Number::F64,
        other => {
            return Err(format!(
                "tensor {name} holds {other:?} numbers, but F16, BF16, F32 and F64 are read"
            ));
        }
    };
    Ok(number.decode(tensor.data(), Endian::Little))
}

/// The tensor called `wanted`, or the only one of two dimensions; the error lists what there is.
fn chosen<'a>(file: &SafeTensors<'a>, wanted: Option<&str>) -> Result<(String, TensorView<'a>), String> {
    let mut tensors = file.tensors();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let listed = tensors.iter().map(|(name, tensor)| format!("{name} {:?}", tensor.shape()));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let mut fitting = tensors.into_iter().filter(|(name, tensor)| match wanted {
        Some(wanted) => name == wanted,
        None => tensor.shape().len() == 2,
    });
    match (fitting.next(), fitting.next(), wanted) {
        (Some(tensor), None, _) => Ok(tensor),
        (None, _, Some(wanted)) => Err(format!("no tensor is called {wanted}; there are: {listed}")),
        (None, ..) => Err(format!("no tensor has two dimensions; there are: {listed}")),
        (Some(_), ..) => {
            Err(format!("several tensors have two dimensions; name one as FILE:TENSOR of: {listed}"))
        }
    }
}
