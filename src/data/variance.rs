//! The variance of examples about their column means, and the share of it that a model explains, from examples that come
//! piece by piece.

use super::examples::ExampleRows;
use super::normalize::Normalize;
use super::preprocess::Preprocess;
use crate::math::params::Matrix;

/// Column means and the size of numbers: a first pass.
#[derive(Debug)]
pub struct Columns {
    rows: usize,
    means: Vec<f64>,
    /// Largest absolute value of each column.
    largest: Vec<f64>,
    /// Largest absolute mean that was taken from a row.
    row_mean: f64,
}

impl Columns {
    /// Of `rows` examples of `cols` numbers.
    pub fn new(rows: usize, cols: usize) -> Self {
        Self { rows, means: vec![0.0; cols], largest: vec![0.0; cols], row_mean: 0.0 }
    }

    /// Takes more examples.
    pub fn add(&mut self, piece: &ExampleRows) {
        self.add_values(&piece.values);
        self.row_mean = piece.means.iter().fold(self.row_mean, |largest, mean| largest.max(mean.abs()));
    }

    fn add_values(&mut self, values: &[f64]) {
        let rows = self.rows as f64;
        for row in values.chunks_exact(self.means.len()) {
            for ((mean, largest), x) in self.means.iter_mut().zip(&mut self.largest).zip(row) {
                *mean += x / rows;
                *largest = largest.max(x.abs());
            }
        }
    }

    /// Σ (x − column mean)² that rounding alone makes of data that do not vary. A mean of m numbers, added up one after
    /// the other, is off by up to m roundings of the largest; what `lecture` leaves of a flat row of n numbers, by n
    /// roundings of its mean, at the scale of the examples.
    fn noise(&self, preprocess: &Preprocess) -> f64 {
        let of_row = match (preprocess.normalize, preprocess.limits) {
            (Normalize::Lecture, Some((low, high))) => {
                let (first, last) = Normalize::Lecture.range();
                let scale = (last - first) / (high - low);
                (self.means.len() + 2) as f64 * f64::EPSILON * self.row_mean * scale
            }
            _ => 0.0,
        };
        let of_column = |largest: &f64| (self.rows + 2) as f64 * f64::EPSILON * largest + of_row;
        self.rows as f64 * self.largest.iter().map(|largest| of_column(largest).powi(2)).sum::<f64>()
    }
}

/// Sums of squares about the means and about the outputs: a second pass.
#[derive(Debug)]
pub struct Variance {
    columns: Columns,
    spread: f64,
    rest: f64,
}

impl Variance {
    /// About these means.
    pub fn about(columns: Columns) -> Self {
        Self { columns, spread: 0.0, rest: 0.0 }
    }

    /// That of examples in memory: the mean over the rows of ‖x − x̄‖²; `None` where they do not vary beyond rounding.
    pub fn of(examples: &Matrix<f64>, preprocess: &Preprocess) -> Option<f64> {
        let mut columns = Columns::new(examples.rows, examples.cols);
        columns.add_values(&examples.values);
        let mut variance = Self::about(columns);
        variance.spread_by(&examples.values);
        variance.exists(preprocess).then(|| variance.spread / examples.rows as f64)
    }

    /// The same of examples that come piece by piece, all of them in the same order at each call of `pass`: the same bits.
    ///
    /// # Errors
    /// Those of `pass`.
    pub fn of_pieces<E>(
        (rows, cols): (usize, usize),
        preprocess: &Preprocess,
        mut pass: impl FnMut(&mut dyn FnMut(&[f64])) -> Result<(), E>,
    ) -> Result<Option<f64>, E> {
        let mut columns = Columns::new(rows, cols);
        pass(&mut |values| columns.add_values(values))?;
        let mut variance = Self::about(columns);
        pass(&mut |values| variance.spread_by(values))?;
        Ok(variance.exists(preprocess).then(|| variance.spread / rows as f64))
    }

    /// Takes more examples `[rows, n]` and their outputs.
    pub fn add(&mut self, values: &[f64], outputs: &[f32]) {
        self.spread_by(values);
        let pairs = values.iter().zip(outputs);
        self.rest = pairs.fold(self.rest, |sum, (x, &a3)| sum + (x - f64::from(a3)).powi(2));
    }

    fn spread_by(&mut self, values: &[f64]) {
        let means = self.columns.means.iter().cycle();
        self.spread = values.iter().zip(means).fold(self.spread, |sum, (x, mean)| sum + (x - mean).powi(2));
    }

    /// 1 − Σ(x − a3)² / Σ(x − column mean)²; `None` where the data do not vary beyond rounding.
    pub fn explained(&self, preprocess: &Preprocess) -> Option<f64> {
        self.exists(preprocess).then(|| 1.0 - self.rest / self.spread)
    }

    /// Whether the data vary beyond rounding.
    fn exists(&self, preprocess: &Preprocess) -> bool {
        self.spread > self.columns.noise(preprocess)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(values: &[f64], cols: usize, outputs: &[f32], piece: usize) -> Option<f64> {
        let mut columns = Columns::new(values.len() / cols, cols);
        for values in values.chunks(piece * cols) {
            columns.add(&ExampleRows { values: values.to_vec(), means: Vec::new() });
        }
        let mut variance = Variance::about(columns);
        for (values, outputs) in values.chunks(piece * cols).zip(outputs.chunks(piece * cols)) {
            variance.add(values, outputs);
        }
        variance.explained(&Preprocess::AS_IS)
    }

    #[test]
    fn data_that_do_not_vary_have_no_variance_to_explain_whatever_their_value() {
        for value in [0.1, 0.7, 1e-30, 3.3e7, -1.0 / 3.0] {
            for rows in [1, 3, 1_000, 77_777] {
                let values = vec![value; 2 * rows];
                assert_eq!(explained(&values, 2, &vec![0.5; 2 * rows], 1_000), None, "{value}, {rows}");
            }
        }
    }

    #[test]
    fn data_that_vary_in_their_last_digits_have_some() {
        let values: Vec<f64> = (0..2_000).map(|i| f64::from(1.0 + f32::EPSILON * (i % 2) as f32)).collect();
        let outputs: Vec<f32> = values.iter().map(|&x| x as f32).collect();
        assert_eq!(explained(&values, 1, &outputs, 300), Some(1.0));
    }

    #[test]
    fn pieces_leave_every_bit_as_it_is() {
        let values: Vec<f64> = (0..3_000).map(|i| (f64::from(i) * 0.37).sin()).collect();
        let outputs: Vec<f32> = values.iter().map(|x| (0.9 * x) as f32).collect();
        let whole = explained(&values, 3, &outputs, 1_000);
        assert!(whole.is_some_and(|share| (0.98..1.0).contains(&share)), "{whole:?}");
        for piece in [1, 7, 999] {
            assert_eq!(explained(&values, 3, &outputs, piece), whole, "{piece}");
        }
    }
}
