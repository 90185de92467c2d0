//! The split of examples into those that are learned from and those that are held out for validation.

use super::subset::Subset;
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

/// The rows to learn from and those that are held out: `count` of `all`, drawn at random by `seed`, all sets of them equally
/// likely.
///
/// # Panics
/// If there are fewer than `count` rows.
pub fn parts(all: usize, count: usize, seed: u64) -> [Subset; 2] {
    assert!(count <= all, "{count} of {all} rows cannot be held out");
    match u32::try_from(all) {
        Ok(end) => {
            let drawn = drawn((0..end).collect(), count, seed);
            Subset::parted(drawn.iter().map(|&row| row as usize), count, all)
        }
        Err(_) => {
            let drawn = drawn((0..all).collect(), count, seed);
            Subset::parted(drawn.iter().copied(), count, all)
        }
    }
}

/// Bytes of the list that rows are drawn from.
pub fn bytes_of_draw(all: usize) -> u64 {
    let size = if u32::try_from(all).is_ok() { size_of::<u32>() } else { size_of::<usize>() };
    all as u64 * size as u64
}

fn drawn<T: Ord>(mut all: Vec<T>, count: usize, seed: u64) -> Vec<T> {
    Stream::new(seed, "validation").shuffle(&mut all);
    all.truncate(count);
    all.sort_unstable();
    all
}

/// Holds out `count` rows as [`parts`] does. The others stay in the memory that they are in.
///
/// # Panics
/// If there are fewer than `count` rows.
pub fn hold_out<T: Real>(examples: Matrix<T>, count: usize, seed: u64) -> Split<T> {
    let Matrix { rows, cols, mut values } = examples;
    let [train, held_out] = parts(rows, count, seed);
    let mut validation = Vec::with_capacity(count * cols);
    for run in held_out.runs(0..held_out.len()) {
        validation.extend_from_slice(&values[run.start * cols..run.end * cols]);
    }
    keep(&mut values, cols, &train);
    Split { train: Matrix::new(train.len(), cols, values), validation: Matrix::new(count, cols, validation) }
}

/// The rows that are learned from and those that are held out: of each class the same share, drawn at random by a stream of
/// `seed`, at least one of each class that has two.
pub fn stratified(
    labels: &[usize],
    classes: usize,
    share: f64,
    (seed, purpose): (u64, &str),
) -> [Vec<usize>; 2] {
    let (mut kept, mut held_out) = (Vec::new(), Vec::new());
    for class in 0..classes {
        let mut rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == class).collect();
        Stream::numbered(seed, purpose, class as u64).shuffle(&mut rows);
        let count = (rows.len() as f64 * share).round() as usize;
        let most = rows.len().saturating_sub(1);
        let count = count.clamp(most.min(1), most);
        kept.extend_from_slice(&rows[count..]);
        held_out.extend_from_slice(&rows[..count]);
    }
    kept.sort_unstable();
    held_out.sort_unstable();
    [kept, held_out]
}

/// Leaves the rows of a subset in the memory that they are in.
pub fn keep<T: Copy>(values: &mut Vec<T>, cols: usize, subset: &Subset) {
    let mut kept = 0;
    for run in subset.runs(0..subset.len()) {
        values.copy_within(run.start * cols..run.end * cols, kept);
        kept += run.len() * cols;
    }
    values.truncate(kept);
    values.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_class_the_same_share_is_held_out_and_no_row_is_lost() {
        let labels: Vec<usize> = (0..100)
            .map(|row| match row {
                0 | 1 => 2,
                2 => 3,
                _ => usize::from(row % 10 == 3),
            })
            .collect();
        let [kept, held_out] = stratified(&labels, 5, 0.2, (0, "test"));
        let counted = |rows: &[usize], class| rows.iter().filter(|&&row| labels[row] == class).count();
        assert_eq!([0, 1, 2, 3, 4].map(|class| counted(&held_out, class)), [17, 2, 1, 0, 0]);
        let mut all = [kept.clone(), held_out].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert_ne!(stratified(&labels, 5, 0.2, (1, "test"))[0], kept);
        assert_ne!(stratified(&labels, 5, 0.2, (0, "other"))[0], kept);
    }

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
    fn the_rows_that_earlier_versions_drew_are_held_out() {
        // A list of all rows, shuffled, of which the first are taken.
        let mut all: Vec<usize> = (0..1_000).collect();
        Stream::new(5, "validation").shuffle(&mut all);
        let mut wanted = all[..137].to_vec();
        wanted.sort_unstable();
        let [train, held_out] = parts(1_000, 137, 5);
        assert!(wanted.iter().copied().eq((0..137).map(|at| held_out.number(at))));
        assert_eq!(rows_of(&hold_out(numbered(1_000), 137, 5).validation), wanted);
        assert!((0..863).all(|at| wanted.binary_search(&train.number(at)).is_err()));
    }

    #[test]
    #[should_panic(expected = "4 of 3 rows cannot be held out")]
    fn more_rows_than_there_are_cannot_be_held_out() {
        hold_out(numbered(3), 4, 0);
    }
}
