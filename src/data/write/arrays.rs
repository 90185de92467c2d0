//! Several arrays in one file under their names: `.npz` and `.mat`.

use std::io::{self, Write};

use super::{RowsKind, mat, npz};

/// An array that is to be written.
#[derive(Clone, Debug)]
pub struct NamedArray<'a> {
    /// Its name; MATLAB, which knows no points in names, gets them as underscores.
    pub name: &'a str,
    /// Its dimensions, the last one fastest; none for a single number. MATLAB gets vectors as columns.
    pub shape: Vec<usize>,
    /// Its content.
    pub values: ArrayValues<'a>,
}

/// The content of an array.
#[derive(Clone, Copy, Debug)]
pub enum ArrayValues<'a> {
    /// Numbers of 32 bits, which MATLAB gets as doubles.
    Single(&'a [f32]),
    /// Numbers of 64 bits.
    Double(&'a [f64]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A text, without a shape.
    Text(&'a str),
}

/// Writes them.
///
/// # Errors
/// Those of `out`; a kind that holds one array alone.
pub fn write_arrays(kind: RowsKind, out: &mut dyn Write, arrays: &[NamedArray<'_>]) -> io::Result<()> {
    match kind {
        RowsKind::Npz => npz::write_arrays(out, arrays),
        RowsKind::Mat => mat::write_arrays(out, arrays),
        _ => Err(io::Error::other(format!("{} holds one array", kind.words()))),
    }
}

/// Why a kind of file cannot hold an array of so many numbers, with the way out.
pub fn arrays_refusal(kind: RowsKind, numbers: usize) -> Option<String> {
    if kind == RowsKind::Mat { mat::doubles_refusal(numbers) } else { None }
}
