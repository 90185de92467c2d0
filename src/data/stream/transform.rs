//! From the bytes of rows to the numbers that an engine takes: decoding and normalisation, in f64 and rounded once, so
//! that rows which are read as they are needed have the bits of rows that were in memory from the start.

use std::ops::Range;

use super::reader::{LoadedRows, read};
use super::row_sum::RowSum;
use super::store::Store;
use crate::data::batches::Codes;
use crate::data::dtype::{DType, Endian};
use crate::data::examples::ExampleRows;
use crate::data::normalize::Normalize;
use crate::data::preprocess::Preprocess;
use crate::error::Result;
use crate::io::threads;

/// Rows that are made examples of together, by one thread.
const ROWS: usize = 64;

/// How rows of one store become examples.
#[derive(Debug)]
pub struct Transform {
    dtype: DType,
    /// Numbers of a row on disk, and of an example.
    cols: usize,
    outputs: usize,
    /// The divisor of raw numbers.
    divisor: f64,
    preprocess: Preprocess,
    /// The example value of every number of one or two bytes, where that does not depend on the rest of its row.
    codes: Option<Codes>,
}

impl Transform {
    /// That of a preprocessing that is fitted.
    pub fn new(store: &Store, preprocess: &Preprocess) -> Self {
        let (dtype, cols) = (store.dtype, store.cols);
        let divisor = preprocess.scale.divisor(dtype);
        let is_of_rows = preprocess.has_columns() || preprocess.normalize == Normalize::Lecture;
        let codes = if is_of_rows { None } else { codes(dtype, divisor, preprocess) };
        let outputs = preprocess.outputs_of(cols);
        Self { dtype, cols, outputs, divisor, preprocess: preprocess.clone(), codes }
    }

    /// n, the numbers of an example.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The table of codes, if the bytes of a file are codes.
    pub fn codes(&self) -> Option<&Codes> {
        self.codes.as_ref()
    }

    /// The numbers of whole rows.
    pub fn apply(&self, bytes: &[u8], out: &mut [f32]) {
        let row_bytes = self.cols * self.dtype.size();
        let (size, whole) = (ROWS * self.outputs, out.len() / (ROWS * self.outputs));
        let (shares, rest) = out.split_at_mut(whole * size);
        threads::for_each_chunk(shares, size, 1, |share, out| {
            self.some(&bytes[share * ROWS * row_bytes..][..ROWS * row_bytes], out);
        });
        self.some(&bytes[whole * ROWS * row_bytes..], rest);
    }

    fn some(&self, bytes: &[u8], out: &mut [f32]) {
        match &self.codes {
            Some(Codes { bytes: 1, table }) => {
                out.iter_mut().zip(bytes).for_each(|(out, &code)| *out = table[usize::from(code)]);
            }
            Some(Codes { table, .. }) => {
                let (codes, _) = bytes.as_chunks();
                let number = |code: &[u8; 2]| table[usize::from(u16::from_le_bytes(*code))];
                out.iter_mut().zip(codes).for_each(|(out, code)| *out = number(code));
            }
            None => {
                let values = self.values(bytes).values;
                out.iter_mut().zip(values).for_each(|(out, x)| *out = x as f32);
            }
        }
    }

    /// The same in f64, and the means that were taken from the rows (`lecture`).
    fn values(&self, bytes: &[u8]) -> ExampleRows {
        self.preprocess.examples(scaled(self.dtype, bytes, self.divisor), self.cols)
    }

    /// The examples `rows` in f64.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn in_double(&self, store: &Store, rows: Range<usize>) -> Result<Vec<f64>> {
        Ok(self.rows(store, rows)?.values)
    }

    /// Hands out all examples in f64, a piece at a time, in a pass that is compared with those before.
    ///
    /// # Errors
    /// As [`Store::read`], for numbers that are not finite, for rows that are not what they were, and those of `take`.
    pub fn in_pieces(
        &self,
        store: &Store,
        mut take: impl FnMut(Range<usize>, &[f64]) -> Result<()>,
    ) -> Result<()> {
        let mut all = RowSum::default();
        for rows in store.pieces() {
            let LoadedRows { bytes, sum } = read(store, std::slice::from_ref(&rows))?;
            all = all.and(sum);
            take(rows, &self.values(&bytes).values)?;
        }
        store.passed(all)
    }

    /// The examples `rows`.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn rows(&self, store: &Store, rows: Range<usize>) -> Result<ExampleRows> {
        Ok(self.values(&read(store, std::slice::from_ref(&rows))?.bytes))
    }
}

/// The numbers in `bytes`, lowest byte first, on their scale.
pub fn scaled(dtype: DType, bytes: &[u8], divisor: f64) -> Vec<f64> {
    let mut values = dtype.decode(bytes, Endian::Little);
    values.iter_mut().for_each(|x| *x /= divisor);
    values
}

/// The example value of each code of a type.
fn codes(dtype: DType, divisor: f64, preprocess: &Preprocess) -> Option<Codes> {
    let mut values = match dtype.size() {
        1 => scaled(dtype, &(0..=u8::MAX).collect::<Vec<_>>(), divisor),
        2 => {
            let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
            scaled(dtype, &all, divisor)
        }
        _ => return None,
    };
    if let Some(limits) = preprocess.stored_limits() {
        preprocess.normalize.map(&mut values, limits);
    }
    Some(Codes { bytes: dtype.size(), table: values.into_iter().map(|x| x as f32).collect() })
}
