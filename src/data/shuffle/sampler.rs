//! Mini-batches in the seeded order: the rows of one update after the other, from any place on.

use std::ops::Range;

use super::{Shuffle, Windows};
use crate::math::random::Stream;

/// The mini-batches: which rows each update takes, one after the other.
#[derive(Clone, Debug)]
pub struct BatchSampler {
    windows: Windows,
    /// The window that is given out, its runs in the order of their rows: all as long but perhaps the last.
    window: Vec<Range<usize>>,
    /// Places in it that have not been given out, the next one at the end.
    waiting: Vec<u32>,
    /// Whether they are the last of their epoch.
    last: bool,
    batch: Vec<usize>,
}

impl BatchSampler {
    /// That of `examples` rows.
    ///
    /// # Panics
    /// When a window holds 2³² rows or more.
    pub fn new(examples: usize, shuffle: Shuffle) -> Self {
        let window = shuffle.window(examples);
        assert!(u32::try_from(window).is_ok(), "a window of {window} rows: places in it have 32 bits");
        let windows = Windows::new(examples, shuffle);
        Self { windows, window: Vec::new(), waiting: Vec::new(), last: true, batch: Vec::new() }
    }

    /// That of `examples` rows after `rows` of them have been given out.
    pub fn after(examples: usize, shuffle: Shuffle, rows: u64) -> Self {
        let mut sampler = Self::new(examples, shuffle);
        let rows = sampler.windows.skip(rows);
        if rows > 0 {
            sampler.open_window();
            sampler.waiting.truncate(sampler.waiting.len() - rows as usize);
        }
        sampler
    }

    /// Bytes that a sampler of `examples` rows holds besides the list of its runs, in batches of `batch`.
    pub fn bytes(examples: usize, shuffle: Shuffle, batch: usize) -> usize {
        shuffle.window(examples) * size_of::<u32>() + batch.min(examples) * size_of::<usize>()
    }

    /// The next `batch` rows, fewer at the end of an epoch.
    pub fn next(&mut self, batch: usize) -> &[usize] {
        self.batch.clear();
        let run = self.windows.run();
        while self.batch.len() < batch && !(self.waiting.is_empty() && self.last && !self.batch.is_empty()) {
            if self.waiting.is_empty() {
                self.open_window();
            }
            let count = self.waiting.len().min(batch - self.batch.len());
            let places = self.waiting.drain(self.waiting.len() - count..).rev().map(|place| place as usize);
            let window = &self.window;
            self.batch.extend(places.map(|place| window[place / run].start + place % run));
        }
        &self.batch
    }

    fn open_window(&mut self) {
        let number = self.windows.number();
        (self.window, self.last) = self.windows.next_window();
        let rows: usize = self.window.iter().map(Range::len).sum();
        self.waiting.extend(0..rows as u32);
        Stream::numbered(self.windows.seed(), "order", number).shuffle(&mut self.waiting);
        self.waiting.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::shuffle::{RunOrder, WINDOW};

    const ORDERS: [RunOrder; 2] = [RunOrder::Drawn, RunOrder::Computed];

    fn epochs(examples: usize, shuffle: Shuffle, batch: usize, count: usize) -> Vec<Vec<usize>> {
        let mut order = BatchSampler::new(examples, shuffle);
        let epoch = |_| (0..examples.div_ceil(batch)).flat_map(|_| order.next(batch).to_vec()).collect();
        (0..count).map(epoch).collect()
    }

    #[test]
    fn every_row_comes_once_an_epoch_whatever_the_run_and_the_batch() {
        for examples in [1, 2, 16, 100, 1_037] {
            for run in [None, Some(1), Some(3), Some(16), Some(5_000)] {
                for (batch, order) in [1, 7, 100, 2_000].into_iter().zip(ORDERS.into_iter().cycle()) {
                    for mut rows in epochs(examples, Shuffle { seed: 3, run, order }, batch, 3) {
                        rows.sort_unstable();
                        assert!(rows.iter().copied().eq(0..examples), "{examples} {run:?} {batch}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_goes_on_after_any_number_of_rows_as_if_it_had_never_stopped() {
        for (examples, run) in [(1, None), (100, None), (100, Some(1)), (1_037, Some(3)), (50, Some(400))] {
            for (batch, order) in [(1, ORDERS[0]), (7, ORDERS[0]), (64, ORDERS[0]), (7, ORDERS[1])] {
                let shuffle = Shuffle { seed: 5, run, order };
                let (mut whole, mut given) = (BatchSampler::new(examples, shuffle), 0);
                for _ in 0..3 * examples.div_ceil(batch) {
                    let mut resumed = BatchSampler::after(examples, shuffle, given);
                    let batches = [(); 3].map(|()| resumed.next(batch).to_vec());
                    let mut uninterrupted = whole.clone();
                    let wanted = [(); 3].map(|()| uninterrupted.next(batch).to_vec());
                    assert_eq!(batches, wanted, "{examples} {run:?} {batch} after {given}");
                    given += whole.next(batch).len() as u64;
                }
            }
        }
    }

    #[test]
    fn the_seed_alone_decides_and_every_epoch_has_another_order() {
        for (run, order) in [(None, ORDERS[0]), (Some(4), ORDERS[0]), (Some(4), ORDERS[1])] {
            let shuffle = Shuffle { seed: 1, run, order };
            let orders = epochs(500, shuffle, 7, 2);
            assert_eq!(orders, epochs(500, shuffle, 100, 2));
            assert_ne!(orders[0], orders[1]);
            assert_ne!(orders, epochs(500, Shuffle { seed: 2, ..shuffle }, 7, 2));
        }
    }

    /// An epoch as version 0.1.0 had it, with every list held whole.
    fn in_lists(examples: usize, seed: u64, run: usize, epoch: u64) -> Vec<usize> {
        let run = run.clamp(1, examples);
        let mut runs: Vec<usize> = (0..examples.div_ceil(run)).collect();
        Stream::numbered(seed, "runs", epoch).shuffle(&mut runs);
        let first = epoch * runs.len().div_ceil(WINDOW) as u64;
        let window = |(number, runs): (u64, &[usize])| {
            let mut runs = runs.to_vec();
            runs.sort_unstable();
            let rows = runs.iter().flat_map(|r| r * run..((r + 1) * run).min(examples));
            let mut rows: Vec<usize> = rows.collect();
            Stream::numbered(seed, "order", first + number).shuffle(&mut rows);
            rows
        };
        (0..).zip(runs.chunks(WINDOW)).flat_map(window).collect()
    }

    #[test]
    fn orders_of_the_first_version_keep_their_bits() {
        for (examples, run) in [(1, None), (403, None), (403, Some(7)), (1_037, Some(1)), (1_037, Some(3))] {
            let shuffle = Shuffle { seed: 9, run, order: RunOrder::Drawn };
            for (epoch, rows) in (0..).zip(epochs(examples, shuffle, 10, 3)) {
                assert_eq!(rows, in_lists(examples, 9, run.unwrap_or(examples), epoch), "{examples} {run:?}");
            }
        }
    }

    #[test]
    fn rows_of_a_window_lie_in_few_runs_and_are_mixed() {
        for order in ORDERS {
            let mut order = BatchSampler::new(10_000, Shuffle { seed: 0, run: Some(10), order });
            let window = order.next(WINDOW * 10).to_vec();
            let mut runs: Vec<usize> = window.iter().map(|row| row / 10).collect();
            assert!(
                runs.windows(2).filter(|pair| pair[0] == pair[1]).count() < 40,
                "neighbours stay together"
            );
            runs.sort_unstable();
            runs.dedup();
            assert_eq!(runs.len(), WINDOW);
        }
    }

    #[test]
    fn an_order_of_more_rows_than_32_bits_count_takes_no_memory_and_is_resumed_at_once() {
        let examples = (1 << 32) + 5;
        for run in [1, 10, 1_000] {
            let shuffle = Shuffle { seed: 3, run: Some(run), order: RunOrder::Computed };
            assert_eq!(shuffle.list_bytes(examples), 0);
            assert!(BatchSampler::bytes(examples, shuffle, 100) < 100_000);
            let mut order = BatchSampler::new(examples, shuffle);
            let rows = order.next(1_000).to_vec();
            assert!(rows.iter().any(|&row| row > 1 << 31) && rows.iter().all(|&row| row < examples));
            // In the middle of the second epoch, and at the end of the first.
            for given in [examples as u64 * 3 / 2, examples as u64 - 5] {
                let mut resumed = BatchSampler::after(examples, shuffle, given);
                let tail = resumed.next(5).to_vec();
                assert!(tail.len() == 5 && tail.iter().all(|&row| row < examples));
                assert_eq!(BatchSampler::after(examples, shuffle, given + 3).next(2), &tail[3..]);
            }
        }
    }
}
