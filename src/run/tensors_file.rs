//! The writer of safetensors files: tensors one behind the other, each put together when its turn comes, so that no second copy of
//! all of them is held, and one key of metadata at most, since more would come in random order.

use std::borrow::Cow;
use std::io::{self, Write};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

/// A tensor on its way into a file.
pub struct Saved<'a> {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its dimensions in the file.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub values: Values<'a>,
}

/// The numbers of a tensor.
#[derive(Clone, Copy)]
pub enum Values<'a> {
    /// As they lie.
    Single(&'a [f32]),
    /// As they lie.
    Double(&'a [f64]),
    /// The transpose of a matrix of `cols` columns.
    Transposed {
        /// The matrix.
        values: &'a [f32],
        /// Its columns.
        cols: usize,
    },
}

impl Values<'_> {
    fn kind(self) -> Dtype {
        if let Self::Double(_) = self { Dtype::F64 } else { Dtype::F32 }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Single(values) | Self::Transposed { values, .. } => size_of_val(values),
            Self::Double(values) => size_of_val(values),
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match *self {
            Self::Single(values) => bytemuck::cast_slice(values).into(),
            Self::Double(values) => bytemuck::cast_slice(values).into(),
            Self::Transposed { values, cols } => {
                let numbers: &[[u8; 4]] = bytemuck::cast_slice(values);
                transposed(numbers, cols).into_flattened().into()
            }
        }
    }
}

/// Writes a whole file. Numbers of eight bytes come first, so that all lie at multiples of their size.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, tensors: &[Saved<'_>], metadata: Option<(&str, String)>) -> io::Result<()> {
    let header = header(tensors, metadata);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    tensors.iter().try_for_each(|tensor| out.write_all(&tensor.values.data()))
}

/// The header of a file with these tensors, one behind the other: JSON, filled up to a multiple of eight bytes.
fn header(tensors: &[Saved<'_>], metadata: Option<(&str, String)>) -> String {
    let mut end = 0;
    let info = |tensor: &Saved<'_>| {
        let start = end;
        end += tensor.values.bytes();
        let (dtype, shape) = (tensor.values.kind(), tensor.shape.clone());
        (tensor.name.to_string(), TensorInfo { dtype, shape, data_offsets: (start, end) })
    };
    let tensors = tensors.iter().map(info).collect();
    let metadata = metadata.map(|(key, text)| [(key.to_owned(), text)].into());
    let metadata = Metadata::new(metadata, tensors);
    let metadata = metadata.expect("every tensor holds as many numbers as its shape says");
    let mut header = serde_json::to_string(&metadata).expect("names and numbers have a JSON form");
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    header
}

/// The transpose of a matrix of `cols` columns: decoder.weight `[n, h]` is D `[h, n]` transposed.
pub fn transposed<T: Copy + Default>(values: &[T], cols: usize) -> Vec<T> {
    /// Rows at a time, so that a piece of every column is written at once.
    const ROWS: usize = 64;
    let rows = values.len() / cols;
    let mut out = vec![T::default(); values.len()];
    for (piece, values) in values.chunks(ROWS * cols).enumerate() {
        for col in 0..cols {
            let column = values[col..].iter().step_by(cols);
            out[col * rows + piece * ROWS..].iter_mut().zip(column).for_each(|(out, x)| *out = *x);
        }
    }
    out
}
