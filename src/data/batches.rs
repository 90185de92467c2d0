//! Examples as engines take them: rows of numbers after preprocessing, wherever they are.

use std::fmt;
use std::ops::Range;

use crate::error::Result;
use crate::math::params::Matrix;

/// Rows that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Neighbouring ones, in order.
    Range(Range<usize>),
    /// By index.
    Listed(&'a [usize]),
}

impl Wanted<'_> {
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

/// What codes of one or two bytes stand for: bytes or half-precision numbers after preprocessing, each rounded once.
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

/// A source of examples, m rows of n numbers.
pub trait Supply: Send + Sync + fmt::Debug {
    /// m and n.
    fn size(&self) -> (usize, usize);

    /// Fills `out`, `[wanted, n]`, with the rows that are wanted.
    ///
    /// # Errors
    /// When they cannot be read, or hold what is no finite number.
    fn numbers(&mut self, wanted: &Wanted<'_>, out: &mut [f32]) -> Result<()>;

    /// What the codes of [`Supply::codes_of`] stand for, where the rows are kept as codes.
    fn codes(&self) -> Option<&Codes> {
        None
    }

    /// Fills `out` with the codes of the rows that are wanted, each row in `stride` bytes, of which those behind its n
    /// codes are left alone. Only for supplies that have [`Supply::codes`].
    ///
    /// # Errors
    /// As [`Supply::numbers`].
    fn codes_of(&mut self, _wanted: &Wanted<'_>, _stride: usize, _out: &mut [u8]) -> Result<()> {
        unreachable!("only supplies of codes are asked for codes")
    }
}

impl Supply for Matrix<f32> {
    fn size(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn numbers(&mut self, wanted: &Wanted<'_>, out: &mut [f32]) -> Result<()> {
        match wanted {
            Wanted::Range(range) => {
                out.copy_from_slice(&self.values[range.start * self.cols..range.end * self.cols]);
            }
            Wanted::Listed(list) => {
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
pub enum Examples {
    /// To be held whole in the engine's memory.
    Resident(Box<dyn Supply>),
    /// To be fetched for every pass.
    Streamed(Box<dyn Supply>),
}

impl Examples {
    /// m and n.
    pub fn size(&self) -> (usize, usize) {
        match self {
            Self::Resident(supply) | Self::Streamed(supply) => supply.size(),
        }
    }
}

impl From<Matrix<f32>> for Examples {
    fn from(matrix: Matrix<f32>) -> Self {
        Self::Resident(Box::new(matrix))
    }
}
