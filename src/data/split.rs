//! The split of examples into those that are learned from and those that are held out for validation.

use crate::math::params::{Matrix, Real};
use crate::math::random::Stream;

/// Examples in two parts, each in the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Split<T> {
    /// `[m − count, n]`: to learn from.
    pub train: Matrix<T>,
    /// `[count, n]`: held out.
    pub validation: Matrix<T>,
}

/// Holds out `count` rows, drawn at random by `seed`, all sets of them equally likely. The others stay in the memory that
/// they are in.
///
/// # Panics
/// If there are fewer than `count` rows.
pub fn hold_out<T: Real>(examples: Matrix<T>, count: usize, seed: u64) -> Split<T> {
    let Matrix { rows, cols, mut values } = examples;
    assert!(count <= rows, "{count} of {rows} rows cannot be held out");
    let mut drawn: Vec<usize> = (0..rows).collect();
    Stream::new(seed, "validation").shuffle(&mut drawn);
    drawn.truncate(count);
    drawn.sort_unstable();
    let mut validation = Vec::with_capacity(count * cols);
    let (mut held_out, mut kept) = (drawn.iter().peekable(), 0);
    for row in 0..rows {
        let numbers = row * cols..(row + 1) * cols;
        if held_out.next_if_eq(&&row).is_some() {
            validation.extend_from_slice(&values[numbers]);
        } else {
            values.copy_within(numbers, kept * cols);
            kept += 1;
        }
    }
    values.truncate(kept * cols);
    values.shrink_to_fit();
    Split { train: Matrix::new(kept, cols, values), validation: Matrix::new(count, cols, validation) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of three numbers that name their row.
    fn numbered(rows: usize) -> Matrix<f64> {
        Matrix::new(rows, 3, (0..3 * rows).map(|i| (i / 3) as f64).collect())
    }

    fn rows_of(matrix: &Matrix<f64>) -> Vec<usize> {
        let rows = matrix.values.chunks_exact(3);
        rows.map(|row| if row == [row[0]; 3] { row[0] as usize } else { usize::MAX }).collect()
    }

    #[test]
    fn every_row_is_whole_in_one_of_the_parts_in_its_order() {
        for (rows, count) in [(1, 0), (1, 1), (10, 0), (10, 3), (10, 10), (1_000, 200)] {
            let Split { train, validation } = hold_out(numbered(rows), count, 7);
            assert_eq!((train.rows, validation.rows), (rows - count, count));
            let mut all = [rows_of(&train), rows_of(&validation)];
            assert!(all.iter().all(|part| part.is_sorted()), "{rows} {count}: {all:?}");
            let mut all: Vec<usize> = all.iter_mut().flat_map(|part| part.drain(..)).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..rows), "{rows} {count}");
        }
    }

    #[test]
    fn the_seed_alone_decides_which_rows_are_held_out() {
        let drawn = |seed| rows_of(&hold_out(numbered(100), 20, seed).validation);
        assert_eq!(drawn(3), drawn(3));
        assert_ne!(drawn(3), drawn(4));
    }

    #[test]
    fn every_row_is_as_likely_to_be_held_out_as_any_other() {
        const SEEDS: u64 = 2_000;
        let mut counts = [0.0_f64; 20];
        for seed in 0..SEEDS {
            rows_of(&hold_out(numbered(20), 5, seed).validation).iter().for_each(|&row| counts[row] += 1.0);
        }
        // Each is binomial, of mean 500 and standard deviation 19.4; five of those are left once in 90 000 such tests.
        assert!(counts.iter().all(|count| (count - 500.0).abs() < 5.0 * 19.4), "{counts:?}");
    }

    #[test]
    #[should_panic(expected = "4 of 3 rows cannot be held out")]
    fn more_rows_than_there_are_cannot_be_held_out() {
        hold_out(numbered(3), 4, 0);
    }
}
