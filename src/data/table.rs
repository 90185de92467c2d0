//! Rows in memory as their source has them: read from a file, or the caller's own.

use std::borrow::Cow;

use xxhash_rust::xxh3::Xxh3;

use super::dtype::DType;
use super::examples::{Examples, preprocessed};
use super::preprocess::Preprocess;
use super::sample::RowSample;
use super::split::keep;
use super::subset::Subset;
use crate::error::{DATA, Error, Result};
use crate::math::params::Real;

/// Numbers that are hashed at a time.
const HASHED: usize = 1 << 13;

/// A 2-D array of examples.
#[derive(Clone, Debug)]
pub struct Table {
    /// Examples.
    pub rows: usize,
    /// Numbers an example.
    pub cols: usize,
    /// How the source stores a number.
    pub dtype: DType,
    /// `[rows, cols]` as they are in the source; f64 so that the reference sees what it holds.
    pub values: Vec<f64>,
}

impl Table {
    /// Rows of `width` numbers each, one behind the other, which are taken as they are.
    ///
    /// # Errors
    /// [`Error::Input`] for a width of 0, for no row at all, for a last row that is not whole, and for the first number that is
    /// not finite.
    pub fn from_values(values: impl IntoIterator<Item = f32>, width: usize) -> Result<Self> {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let refused = |why: String| Err(Error::input(DATA, why));
        if width == 0 {
            return refused("rows of 0 numbers; give at least one column".to_owned());
        }
        if values.is_empty() {
            return refused("no numbers; at least one row is needed".to_owned());
        }
        if !values.len().is_multiple_of(width) {
            let fact = format!("{} numbers are no whole number of rows of {width}", values.len());
            return refused(format!("{fact}; give the right width, or whole rows"));
        }
        if let Some(bad) = values.iter().position(|x| !x.is_finite()) {
            let place = format!("row {}, column {} (counted from 0)", bad / width, bad % width);
            let fact = format!("{place} holds {:?}, which is no finite number", values[bad]);
            return refused(format!("{fact}; replace it or leave its row out"));
        }
        Ok(Self { rows: values.len() / width, cols: width, dtype: DType::F32, values })
    }

    /// Some of these rows, in the memory that they are in.
    #[must_use]
    pub(super) fn subset(mut self, subset: &Subset) -> Self {
        keep(&mut self.values, self.cols, subset);
        Self { rows: subset.len(), ..self }
    }

    /// These rows under a preprocessing, in the memory that they are in where T is f64 and they are owned.
    pub(super) fn examples<T: Real>(table: Cow<'_, Self>, preprocess: Preprocess) -> Result<Examples<T>> {
        preprocess.check_width(table.cols)?;
        let (cols, dtype) = (table.cols, table.dtype);
        let divisor = preprocess.scale.divisor(dtype);
        let mut values = match table {
            Cow::Borrowed(table) => Cow::from(&table.values),
            Cow::Owned(table) => table.values.into(),
        };
        if divisor != 1.0 {
            values.to_mut().iter_mut().for_each(|x| *x /= divisor);
        }
        preprocessed(values, cols, None, &preprocess)
    }

    /// A preprocessing with what it lacks, fitted on a sample of the rows; the bits that a sample of the same rows on disk gives.
    ///
    /// # Errors
    /// When the rows of the sample have no statistics.
    pub fn fit(&self, preprocess: &Preprocess, sample: RowSample) -> Result<Preprocess> {
        let divisor = preprocess.scale.divisor(self.dtype);
        preprocess.fitted(self.cols, |take| {
            sample.of(self.rows).try_for_each(|row| {
                let raw = &self.values[row * self.cols..][..self.cols];
                take(&raw.iter().map(|x| x / divisor).collect::<Vec<f64>>())
            })
        })
    }

    /// XXH3 (128 bits) of the bits of the first `rows` rows, 32 hexadecimal digits.
    pub fn fingerprint(&self, rows: usize) -> String {
        fingerprint(&self.values[..rows.min(self.rows) * self.cols])
    }
}

/// XXH3 (128 bits) of the bits of numbers, lowest byte first, 32 hexadecimal digits.
pub fn fingerprint(values: &[f64]) -> String {
    let mut hash = NumberHash::default();
    hash.add(values);
    hash.finish()
}

/// The same of numbers that come piece by piece.
#[derive(Default)]
pub struct NumberHash {
    hash: Xxh3,
    bytes: Vec<u8>,
}

impl NumberHash {
    /// Takes more numbers.
    pub fn add(&mut self, values: &[f64]) {
        for values in values.chunks(HASHED) {
            self.bytes.clear();
            self.bytes.extend(values.iter().flat_map(|x| x.to_bits().to_le_bytes()));
            self.hash.update(&self.bytes);
        }
    }

    /// The hash of all of them.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.hash.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_rows_are_taken_as_they_are_in_their_order() {
        let table = Table::from_values((0..6).map(|i| i as f32 / 3.0), 3).unwrap();
        assert_eq!((table.rows, table.cols, table.dtype), (2, 3, DType::F32));
        assert_eq!(table.values[4], f64::from(4.0_f32 / 3.0));
    }

    #[test]
    fn own_rows_that_are_none_or_cut_or_not_finite_are_refused() {
        for (values, width, words) in [
            (vec![], 3, "at least one row"),
            (vec![1.0], 0, "at least one column"),
            (vec![1.0; 7], 3, "7 numbers are no whole number of rows of 3"),
            (vec![0.0, 1.0, 2.0, f32::NAN], 2, "row 1, column 1 (counted from 0) holds NaN"),
            (vec![f32::NEG_INFINITY], 1, "row 0, column 0"),
        ] {
            let error = Table::from_values(values, width).unwrap_err();
            assert_eq!(error.exit_code(), 3);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
