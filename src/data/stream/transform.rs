//! From the bytes of rows to the numbers that an engine takes: decoding and normalisation, in f64 and rounded once, so
//! that rows which are read as they are needed have the bits of rows that were held from the start.

use std::ops::Range;

use rayon::prelude::*;

use super::reader::{Loaded, read};
use super::rows::RowSum;
use super::store::Store;
use crate::data::batches::Codes;
use crate::data::normalize::centre_rows;
use crate::data::numbers::{Endian, Number};
use crate::data::{Normalize, Preprocess};
use crate::error::{Error, Result};

/// How rows of one store become examples.
#[derive(Debug)]
pub struct Transform {
    number: Number,
    cols: usize,
    /// What raw numbers are divided by.
    divisor: f64,
    kind: Normalize,
    limits: Option<(f64, f64)>,
    /// What every byte or half-precision number becomes, where that does not depend on the rest of its row.
    codes: Option<Codes>,
}

impl Transform {
    /// That of a preprocessing whose limits are fitted.
    pub fn new(store: &Store, preprocess: &Preprocess) -> Self {
        let (number, kind) = (store.number, preprocess.normalize);
        let limits = preprocess.limits.filter(|_| kind != Normalize::None);
        let divisor = preprocess.scale.divisor(number);
        let codes = (kind != Normalize::Lecture).then(|| codes(number, divisor, (kind, limits))).flatten();
        Self { number, cols: store.cols, divisor, kind, limits, codes }
    }

    /// The table of codes, if the bytes of a file are codes.
    pub fn codes(&self) -> Option<&Codes> {
        self.codes.as_ref()
    }

    /// The numbers of whole rows.
    pub fn apply(&self, bytes: &[u8], out: &mut [f32]) {
        let row_bytes = self.cols * self.number.size();
        let rows = out.par_chunks_exact_mut(self.cols).zip(bytes.par_chunks_exact(row_bytes));
        rows.with_min_len(16).for_each(|(out, bytes)| self.row(bytes, out));
    }

    fn row(&self, bytes: &[u8], out: &mut [f32]) {
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
                let (values, _) = self.values(bytes);
                out.iter_mut().zip(values).for_each(|(out, x)| *out = x as f32);
            }
        }
    }

    /// The same in f64, and the means that were taken from the rows (`lecture`).
    fn values(&self, bytes: &[u8]) -> (Vec<f64>, Vec<f64>) {
        let mut values = scaled(self.number, bytes, self.divisor);
        let means = match self.kind {
            Normalize::Lecture => centre_rows(&mut values, self.cols),
            Normalize::None | Normalize::Unit => Vec::new(),
        };
        if let Some(limits) = self.limits {
            self.kind.map(&mut values, limits);
        }
        (values, means)
    }

    /// The examples `rows` in f64.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn in_double(&self, store: &Store, rows: Range<usize>) -> Result<Vec<f64>> {
        Ok(self.with_means(store, rows)?.0)
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
            let Loaded { bytes, sum } = read(store, std::slice::from_ref(&rows))?;
            all = all.and(sum);
            take(rows, &self.values(&bytes).0)?;
        }
        store.passed(all)
    }

    /// The examples `rows` in f64, and the mean that was taken from each (`lecture`), else none.
    ///
    /// # Errors
    /// As [`Store::read`], and for numbers that are not finite.
    pub fn with_means(&self, store: &Store, rows: Range<usize>) -> Result<(Vec<f64>, Vec<f64>)> {
        Ok(self.values(&read(store, std::slice::from_ref(&rows))?.bytes))
    }
}

/// The numbers in `bytes`, lowest byte first, on their scale.
pub fn scaled(number: Number, bytes: &[u8], divisor: f64) -> Vec<f64> {
    let mut values = number.decode(bytes, Endian::Little);
    values.iter_mut().for_each(|x| *x /= divisor);
    values
}

/// What each code of a kind of number becomes.
fn codes(number: Number, divisor: f64, (kind, limits): (Normalize, Option<(f64, f64)>)) -> Option<Codes> {
    let mut values = match number {
        Number::U8 => scaled(number, &(0..=u8::MAX).collect::<Vec<_>>(), divisor),
        Number::F16 => {
            let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
            scaled(number, &all, divisor)
        }
        Number::Bf16 | Number::F32 | Number::F64 => return None,
    };
    if let Some(limits) = limits {
        kind.map(&mut values, limits);
    }
    Some(Codes { bytes: number.size(), table: values.into_iter().map(|x| x as f32).collect() })
}

/// Refuses bytes of rows that hold what is no finite number in f32; `row_of` tells which row of `store` each of them is.
pub fn check_finite(store: &Store, bytes: &[u8], row_of: impl Fn(usize) -> usize) -> Result<()> {
    let bad_in: fn(&[u8]) -> Option<usize> = match store.number {
        Number::F16 => |row| row.as_chunks().0.iter().position(|code: &[u8; 2]| code[1] & 0x7c == 0x7c),
        Number::F32 => |row| {
            let is_bad = |bytes: &[u8; 4]| !f32::from_le_bytes(*bytes).is_finite();
            row.as_chunks().0.iter().position(is_bad)
        },
        Number::U8 | Number::Bf16 | Number::F64 => return Ok(()),
    };
    // A pool of one may be the thread that waits for this one.
    let least = if rayon::current_num_threads() > 1 { 64 } else { usize::MAX };
    let rows = bytes.par_chunks_exact(store.row_bytes()).with_min_len(least).enumerate();
    let Some((at, column)) = rows.find_map_first(|(at, row)| Some((at, bad_in(row)?))) else { return Ok(()) };
    let (path, row) = store.place(row_of(at));
    let fact = format!("row {row}, column {column} (counted from 0) holds no finite number");
    Err(Error::input(path, format!("{fact}; replace it or leave its row out")))
}
