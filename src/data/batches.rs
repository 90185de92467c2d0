//! Examples as engines take them, batch by batch: rows of numbers after preprocessing, in memory or anywhere else.

use std::fmt;
use std::ops::Range;

use crate::error::Result;
use crate::math::params::Matrix;

/// A selection of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowSelection<'a> {
    /// Neighbouring ones, in order.
    Range(Range<usize>),
    /// By index.
    Listed(&'a [usize]),
}

impl RowSelection<'_> {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Listed(list) => list.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The table of codes of one or two bytes: bytes or half-precision numbers after preprocessing, each rounded once.
#[derive(Clone, PartialEq)]
pub struct Codes {
    /// 1 or 2.
    pub bytes: usize,
    /// The number of every code, 256 or 65 536.
    pub table: Vec<f32>,
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codes of {} bytes", self.bytes)
    }
}

/// Examples, m rows of n numbers, of which any selection can be had.
pub trait Dataset: Send + Sync + fmt::Debug {
    /// m and n.
    fn size(&self) -> (usize, usize);

    /// Fills `out`, `[rows, n]`, with the rows of a selection.
    ///
    /// # Errors
    /// When they cannot be read, or hold what is no finite number.
    fn numbers(&mut self, rows: &RowSelection<'_>, out: &mut [f32]) -> Result<()>;

    /// The table of the codes of [`Dataset::codes_of`], where the rows are kept as codes.
    fn codes(&self) -> Option<&Codes> {
        None
    }

    /// Fills `out` with the codes of the rows of a selection, each row in `stride` bytes, of which those behind its n
    /// codes are left alone. Only for datasets that have [`Dataset::codes`].
    ///
    /// # Errors
    /// As [`Dataset::numbers`].
    fn codes_of(&mut self, _rows: &RowSelection<'_>, _stride: usize, _out: &mut [u8]) -> Result<()> {
        unreachable!("only datasets of codes are asked for codes")
    }
}

impl Dataset for Matrix<f32> {
    fn size(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn numbers(&mut self, rows: &RowSelection<'_>, out: &mut [f32]) -> Result<()> {
        match rows {
            RowSelection::Range(range) => {
                out.copy_from_slice(&self.values[range.start * self.cols..range.end * self.cols]);
            }
            RowSelection::Listed(list) => {
                for (out, &row) in out.chunks_exact_mut(self.cols).zip(*list) {
                    out.copy_from_slice(self.row(row));
                }
            }
        }
        Ok(())
    }
}

/// The examples of an engine.
#[derive(Debug)]
pub enum ExampleSet {
    /// To be copied whole into the engine's memory.
    Resident(Box<dyn Dataset>),
    /// To be fetched for every pass.
    Streamed(Box<dyn Dataset>),
}

impl ExampleSet {
    /// m and n.
    pub fn size(&self) -> (usize, usize) {
        match self {
            Self::Resident(dataset) | Self::Streamed(dataset) => dataset.size(),
        }
    }
}

impl From<Matrix<f32>> for ExampleSet {
    fn from(matrix: Matrix<f32>) -> Self {
        Self::Resident(Box::new(matrix))
    }
}
