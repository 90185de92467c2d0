//! A seeded sample of rows: those on which a normalisation is fitted where a pass over all of them takes too long, or those
//! that are taken of all.

use crate::math::random::Stream;

/// So many rows, drawn without putting any back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSample {
    /// Rows to draw.
    pub rows: usize,
    /// Seed of the draw.
    pub seed: u64,
}

impl RowSample {
    /// Its rows out of `all`, from the first to the last, all sets of them equally likely (Knuth, *The Art of Computer
    /// Programming* 3.4.2, algorithm S): read in order from a disk, and kept in no list.
    pub fn of(self, all: usize) -> impl Iterator<Item = usize> {
        self.drawn(all, "fit")
    }

    /// The rows that are taken of `all`, drawn for themselves: what is fitted on a sample of them is drawn from other numbers.
    pub fn taken(self, all: usize) -> impl Iterator<Item = usize> {
        self.drawn(all, "take")
    }

    fn drawn(self, all: usize, purpose: &str) -> impl Iterator<Item = usize> + use<> {
        let mut stream = Stream::new(self.seed, purpose);
        let mut wanted = self.rows.min(all) as u64;
        (0..all).filter(move |row| {
            let is_taken = wanted > 0 && stream.below((all - row) as u64) < wanted;
            wanted -= u64::from(is_taken);
            is_taken
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_number_of_rows_in_order_and_the_seed_decides_which() {
        for (rows, all) in [(1, 1), (1, 50), (7, 50), (50, 50), (60, 50)] {
            let drawn: Vec<usize> = RowSample { rows, seed: 1 }.of(all).collect();
            assert_eq!(drawn.len(), rows.min(all));
            assert!(drawn.is_sorted_by(|a, b| a < b) && drawn[drawn.len() - 1] < all, "{drawn:?}");
            assert!(drawn.iter().copied().eq(RowSample { rows, seed: 1 }.of(all)));
        }
        assert!(!RowSample { rows: 7, seed: 1 }.of(50).eq(RowSample { rows: 7, seed: 2 }.of(50)));
        assert!(!RowSample { rows: 7, seed: 1 }.of(50).eq(RowSample { rows: 7, seed: 1 }.taken(50)));
    }

    #[test]
    fn every_row_is_as_likely_as_any_other() {
        const SEEDS: u64 = 2_000;
        let mut counts = [0.0_f64; 20];
        for seed in 0..SEEDS {
            RowSample { rows: 5, seed }.of(20).for_each(|row| counts[row] += 1.0);
        }
        // Each is binomial, of mean 500 and standard deviation 19.4; five of those are left once in 90 000 such tests.
        assert!(counts.iter().all(|count| (count - 500.0).abs() < 5.0 * 19.4), "{counts:?}");
    }
}
