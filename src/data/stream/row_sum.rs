//! The check that rows on disk do not change: every complete pass over a store sums up one hash a row, in whatever order the rows
//! come, and has to find the sum of the pass before.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The sum, modulo 2⁶⁴, of XXH3 (64 bits) of the bytes of every row, seeded with the row's number: the same in any order
/// of the rows, another one where two rows have changed places. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RowSum(pub u64);

impl RowSum {
    /// That of `bytes`, rows of `row_bytes` bytes from row `first` on.
    pub fn of(bytes: &[u8], row_bytes: usize, first: usize) -> Self {
        let rows = bytes.chunks_exact(row_bytes).zip(first as u64..);
        Self(rows.fold(0, |sum: u64, (row, number)| sum.wrapping_add(xxh3_64_with_seed(row, number))))
    }

    /// The sum over the rows of both.
    pub fn and(self, more: Self) -> Self {
        Self(self.0.wrapping_add(more.0))
    }
}

impl From<RowSum> for String {
    fn from(sum: RowSum) -> Self {
        sum.to_string()
    }
}

impl TryFrom<String> for RowSum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let sum = (text.len() == 16).then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        sum.map(Self).ok_or_else(|| format!("{text:?} is no sum of hashes, 16 hexadecimal digits"))
    }
}

impl std::fmt::Display for RowSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The hash of all rows of a store when they were first read whole: in this process, or in an earlier one that has handed
/// it down. Shared by all who read.
#[derive(Debug, Default)]
pub struct RowCheck(Mutex<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    sum: Option<RowSum>,
    /// Whether `sum` is of an earlier process.
    earlier: bool,
    /// Complete passes in this one.
    passes: u64,
}

/// How a pass differs from those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differs {
    /// The sum that was known.
    pub was: RowSum,
    /// That of the pass.
    pub is: RowSum,
    /// The number of the pass in this process, from 1.
    pub pass: u64,
    /// Whether what was known is of an earlier process.
    pub earlier: bool,
}

impl RowCheck {
    /// Has every complete pass compared with what an earlier process has found.
    pub fn has_to_be(&self, sum: RowSum) {
        *self.known_mut() = Known { sum: Some(sum), earlier: true, passes: 0 };
    }

    /// The sum over all rows, once they have been read whole, or were by the process before.
    pub fn known(&self) -> Option<RowSum> {
        self.known_mut().sum
    }

    /// Takes note of a complete pass; whether it is the first one of all, or how it differs from those before.
    pub(super) fn complete(&self, sum: RowSum) -> Result<bool, Differs> {
        let mut known = self.known_mut();
        known.passes += 1;
        let Known { earlier, passes: pass, .. } = *known;
        match known.sum {
            Some(was) if was != sum => Err(Differs { was, is: sum, pass, earlier }),
            Some(_) => Ok(false),
            None => {
                known.sum = Some(sum);
                Ok(true)
            }
        }
    }

    fn known_mut(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pass over the rows from the first to the last, piece by piece; row 0 begins another one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential {
    sum: RowSum,
    /// Rows so far, as long as none was left out.
    end: Option<usize>,
}

impl Sequential {
    /// Takes note of a piece from row `first` on; the sum, if this was the last one of `all` rows.
    pub fn add(&mut self, first: usize, rows: usize, sum: RowSum, all: usize) -> Option<RowSum> {
        let (before, end) = if first == 0 { (RowSum::default(), Some(0)) } else { (self.sum, self.end) };
        self.sum = before.and(sum);
        self.end = end.filter(|end| *end == first).map(|end| end + rows);
        self.end.filter(|end| *end == all).map(|_| self.sum)
    }
}

/// A pass over the rows in any order, some of them more than once: a bit a row says which have come.
#[derive(Clone, Debug, Default)]
pub struct Scattered {
    sum: RowSum,
    seen: Vec<u64>,
    count: usize,
}

impl Scattered {
    /// Bytes that a pass over `all` rows holds.
    pub fn bytes(all: usize) -> usize {
        all.div_ceil(64) * 8
    }

    /// Takes note of row `row`; the sum, if all of `all` rows have come, of which the next pass knows none.
    pub fn add(&mut self, row: usize, sum: RowSum, all: usize) -> Option<RowSum> {
        self.seen.resize(all.div_ceil(64), 0);
        let (word, bit) = (row / 64, 1 << (row % 64));
        if self.seen[word] & bit != 0 {
            return None;
        }
        self.seen[word] |= bit;
        self.count += 1;
        self.sum = self.sum.and(sum);
        if self.count < all {
            return None;
        }
        self.seen.fill(0);
        self.count = 0;
        Some(std::mem::take(&mut self.sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 70;

    fn bytes() -> Vec<u8> {
        (0..ROWS * 3).map(|i| (i * 37 % 251) as u8).collect()
    }

    #[test]
    fn a_sum_is_that_of_its_parts_in_any_order_and_another_one_for_other_rows_or_places() {
        let mut all = bytes();
        let whole = RowSum::of(&all, 3, 0);
        for cut in [1, 13, ROWS - 1] {
            let (head, tail) = all.split_at(cut * 3);
            assert_eq!(RowSum::of(tail, 3, cut).and(RowSum::of(head, 3, 0)), whole);
        }
        all.swap(4 * 3, 4 * 3 + 1);
        assert_ne!(RowSum::of(&all, 3, 0), whole, "a number within a row");
        all.swap(4 * 3, 4 * 3 + 1);
        (0..3).for_each(|i| all.swap(i, 30 + i));
        assert_ne!(RowSum::of(&all, 3, 0), whole, "two rows have changed places");
        assert_eq!(RowSum::try_from(String::from(whole)), Ok(whole));
        for text in ["", "12", "000000000000000g", "00000000000000001"] {
            assert!(RowSum::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn both_kinds_of_passes_find_one_sum_and_only_when_they_are_complete() {
        let all = bytes();
        let whole = RowSum::of(&all, 3, 0);
        let part =
            |range: std::ops::Range<usize>| RowSum::of(&all[range.start * 3..range.end * 3], 3, range.start);
        let mut pass = Sequential::default();
        assert_eq!(pass.add(20, 50, part(20..ROWS), ROWS), None, "a pass that began in the middle");
        assert_eq!(pass.add(0, 20, part(0..20), ROWS), None);
        assert_eq!(pass.add(30, 40, part(30..ROWS), ROWS), None, "rows were left out");
        for _ in 0..2 {
            assert_eq!(pass.add(0, 20, part(0..20), ROWS), None);
            assert_eq!(pass.add(20, 50, part(20..ROWS), ROWS), Some(whole));
        }
        let mut pass = Scattered::default();
        for _ in 0..2 {
            for row in (0..ROWS - 1).rev() {
                assert_eq!(pass.add(row, part(row..row + 1), ROWS), None);
                assert_eq!(pass.add(row, RowSum(99), ROWS), None, "a row that comes again");
            }
            assert_eq!(pass.add(ROWS - 1, part(ROWS - 1..ROWS), ROWS), Some(whole));
        }
    }

    #[test]
    fn the_first_complete_pass_decides_unless_an_earlier_process_has_known() {
        let check = RowCheck::default();
        assert_eq!(check.known(), None);
        assert_eq!(check.complete(RowSum(5)), Ok(true));
        assert_eq!(check.complete(RowSum(5)), Ok(false));
        let differs = Differs { was: RowSum(5), is: RowSum(6), pass: 3, earlier: false };
        assert_eq!(check.complete(RowSum(6)), Err(differs));
        assert_eq!(check.known(), Some(RowSum(5)));
        let check = RowCheck::default();
        check.has_to_be(RowSum(7));
        assert_eq!(check.known(), Some(RowSum(7)));
        assert_eq!(check.complete(RowSum(7)), Ok(false));
        assert!(check.complete(RowSum(8)).is_err_and(|differs| differs.earlier));
    }
}
