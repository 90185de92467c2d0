//! Fingerprints of files of rows without reading them whole: per file its name, its rows, its length, its time, and a
//! hash of parts that lie where the lengths alone decide.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::files::name_of;
use super::store::Store;
use crate::error::Result;

/// Bytes that are read of all files together, unless they are so many that [`LEAST`] of each are more.
const MOST: u64 = 256 << 20;
/// The first and the last bytes of a file, and each of the blocks between them, where the file alone is read.
const END: u64 = 1 << 20;
const BLOCK: u64 = 64 << 10;
const BLOCKS: u64 = 64;
/// The same where there are many files.
const LEAST: u64 = 4 << 10;

/// The fingerprint of a file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSample {
    /// Its name without its folder.
    pub name: String,
    /// Its rows that count.
    pub rows: u64,
    /// Its length, bytes.
    pub bytes: u64,
    /// When it was written to, nanoseconds since 1970, where the file system knows.
    pub modified: Option<i64>,
    /// XXH3 (128 bits) of the first and the last MiB of these rows as they lie in the file and of 64 blocks of 64 KiB between them, less where
    /// there are more than 42 files; of all of them where that is not more. 32 hexadecimal digits.
    pub xxh3: String,
}

impl FileSample {
    /// Whether another sample has the same rows, as far as samples can tell: name, length and time do not count.
    pub fn has_rows_of(&self, other: &Self) -> bool {
        (self.rows, &self.xxh3) == (other.rows, &other.xxh3)
    }
}

impl Store {
    /// The fingerprint of the first `rows` rows, file by file: rows that were appended later change the length and the
    /// time of a file and nothing else here.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn fingerprint(&self, rows: usize) -> Result<Vec<FileSample>> {
        let count = self.shards().iter().take_while(|shard| shard.first < rows).count();
        let budget = MOST / count.max(1) as u64;
        (0..count).map(|number| self.sample(number, rows, budget)).collect()
    }

    fn sample(&self, number: usize, rows: usize, budget: u64) -> Result<FileSample> {
        let shard = &self.shards()[number];
        let rows = shard.rows.min(rows - shard.first);
        let medium = self.medium(number)?;
        let (mut hash, mut bytes) = (Xxh3::new(), Vec::new());
        for (start, length) in parts(rows as u64 * self.row_bytes() as u64, budget) {
            // As they lie in the file: rows of a file that goes column by column would be read number by number.
            let Some(places) = shard.layout.parts_of_first(rows, start, length) else {
                hash.update(b"rows that lie apart");
                break;
            };
            for (place, length) in places {
                bytes.resize(length as usize, 0);
                medium.read_at(&mut bytes, place).map_err(|error| shard.failed(error))?;
                hash.update(&bytes);
            }
        }
        Ok(FileSample {
            name: name_of(&shard.path),
            rows: rows as u64,
            bytes: shard.stamp.bytes,
            modified: shard.stamp.modified,
            xxh3: format!("{:032x}", hash.digest128()),
        })
    }
}

/// Where the parts of `length` bytes lie of which `budget` are to be read, and how long they are.
fn parts(length: u64, budget: u64) -> Vec<(u64, u64)> {
    let end = (budget / 6).clamp(LEAST, END);
    let block = (budget / 96).clamp(LEAST, BLOCK);
    let blocks = (budget.saturating_sub(2 * end) / block).min(BLOCKS);
    if length <= 2 * end + blocks * block {
        // In pieces all the same, so that no file is held whole.
        return (0..length).step_by(END as usize).map(|at| (at, END.min(length - at))).collect();
    }
    let between = (length - 2 * end).saturating_sub(block);
    let place = |i: u64| end + (u128::from(between) * u128::from(i) / u128::from(blocks.max(2) - 1)) as u64;
    let spaced = (0..blocks).map(|i| (place(i), block));
    [(0, end)].into_iter().chain(spaced).chain([(length - end, end)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_apart_in_order_within_the_file_and_cost_no_more_than_they_may() {
        for files in [1, 10, 42, 43, 1_000, 10_000] {
            let budget = MOST / files;
            for length in [0, 1, 4_096, 100_000, 6 << 20, (6 << 20) + 1, 1 << 30, 1 << 45] {
                let parts = parts(length, budget);
                let sum: u64 = parts.iter().map(|(_, length)| length).sum();
                assert!(
                    sum == length || sum < length && sum <= budget.min(6 << 20),
                    "{files} {length}: {sum}"
                );
                let apart = parts.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0);
                assert!(apart, "{files} {length}: {parts:?}");
                let (last, long) = parts.last().copied().unwrap_or_default();
                assert_eq!(last + long, length, "{files}");
            }
        }
        assert_eq!(parts(1 << 40, MOST).len(), 66);
    }

    #[test]
    fn of_so_many_files_that_none_has_a_block_between_the_ends_are_read() {
        for length in [2 * LEAST + 1, 3 * LEAST, 1 << 40] {
            assert_eq!(parts(length, MOST / 30_000), [(0, LEAST), (length - LEAST, LEAST)]);
        }
    }
}
