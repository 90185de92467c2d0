//! Results as files: rows of f32 under a name, in the kind of file that the ending of its name says, with the labels of
//! the examples beside them where the kind can hold them. Rows come piece by piece.

mod arrays;
mod csv;
mod mat;
mod npz;
mod safetensors;
mod sparse;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::Path;

pub use arrays::{ArrayValues, NamedArray, arrays_refusal, write_arrays};
pub use sparse::{RowSink, Scratch, SparseHeader, write_sparse};

use super::formats::npy;
use super::labels::Labels;

/// A kind of file that holds rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsKind {
    /// A NumPy array.
    Npy,
    /// An archive of NumPy arrays.
    Npz,
    /// A table of text, parted by commas.
    Csv,
    /// The same, parted by tabs.
    Tsv,
    /// A file of MATLAB.
    Mat,
    /// A file of tensors.
    Safetensors,
}

impl RowsKind {
    /// All of them, the usual one first.
    pub const ALL: [Self; 6] = [Self::Npy, Self::Npz, Self::Csv, Self::Tsv, Self::Mat, Self::Safetensors];

    /// The end of names of such files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Mat => "mat",
            Self::Safetensors => "safetensors",
        }
    }

    /// By the end of a name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_string_lossy().to_lowercase();
        Self::ALL.into_iter().find(|kind| kind.ending() == ending)
    }

    /// Such a file in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Npy => "a NumPy array (.npy)",
            Self::Npz => ".npz",
            Self::Csv => ".csv",
            Self::Tsv => ".tsv",
            Self::Mat => "MATLAB (.mat)",
            Self::Safetensors => ".safetensors",
        }
    }

    /// Whether a file that begins so may be replaced by one of this kind.
    pub fn begins(self, start: &[u8]) -> bool {
        match self {
            Self::Csv | Self::Tsv => super::formats::unknown::may_be_table(start),
            _ => {
                let format = super::formats::Format::named(Path::new(&format!("a.{}", self.ending())));
                format.is_some_and(|format| format.begins(start))
            }
        }
    }
}

/// Rows that are to be written.
#[derive(Clone, Copy, Debug)]
pub struct RowsHeader<'a> {
    /// Their name, where the kind of file gives names: `codes`.
    pub name: &'static str,
    /// The name of a column, before its number: `unit`.
    pub column: &'static str,
    /// Rows.
    pub rows: usize,
    /// Numbers a row.
    pub cols: usize,
    /// The labels of the rows, one each.
    pub labels: Option<&'a Labels>,
    /// The shape of what a row holds, the last dimension fastest, where it is no mere row of numbers; `.npz`, `.mat`
    /// and
    /// `.safetensors` have it beside the rows.
    pub shape: Option<[usize; 3]>,
}

/// Takes numbers, row after row.
pub type Sink<'a> = dyn FnMut(&[f32]) -> io::Result<()> + 'a;

/// Writes rows, which `fill` hands over in any pieces.
///
/// # Errors
/// Those of `out` and of `fill`; for rows that the kind of file cannot hold, see [`refusal`].
pub fn write(
    kind: RowsKind,
    out: &mut dyn Write,
    header: &RowsHeader<'_>,
    fill: &mut dyn FnMut(&mut Sink<'_>) -> io::Result<()>,
) -> io::Result<()> {
    if let Some(why) = refusal(kind, header) {
        return Err(io::Error::other(why));
    }
    match kind {
        RowsKind::Npy => {
            npy::write_header(&mut { &mut *out }, header.rows, header.cols)?;
            fill(&mut |values| npy::write_values(&mut { &mut *out }, values))
        }
        RowsKind::Npz => npz::write(out, header, fill),
        RowsKind::Csv => csv::write(out, b',', header, fill),
        RowsKind::Tsv => csv::write(out, b'\t', header, fill),
        RowsKind::Mat => mat::write(out, header, fill),
        RowsKind::Safetensors => safetensors::write(out, header, fill),
    }
}

/// Why a kind of file cannot hold these rows, with the way out.
pub fn refusal(kind: RowsKind, header: &RowsHeader<'_>) -> Option<String> {
    match kind {
        RowsKind::Mat => mat::refusal(header),
        _ => None,
    }
}
