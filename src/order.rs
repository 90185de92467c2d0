//! The seeded order of the examples: every example exactly once an epoch, in an order that an epoch, a window and a run
//! of neighbouring rows decide, so that rows on disk are read in long pieces.
//!
//! The rows are cut into runs. In every epoch the runs come in a random order, [`WINDOW`] of them at a time form a window,
//! and the rows of a window come in a random order. Without runs all rows are one window. Nothing depends on whether
//! the rows are in memory.

use std::ops::Range;

use crate::random::Stream;

/// Runs of a window.
pub const WINDOW: usize = 16;

/// What the order depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shuffle {
    /// Seed of the order.
    pub seed: u64,
    /// Neighbouring rows that stay in one window; `None` for all of them.
    pub run: Option<usize>,
}

impl Shuffle {
    /// Every row for itself.
    pub fn rows(seed: u64) -> Self {
        Self { seed, run: None }
    }
}

/// The windows of epoch after epoch, each a list of runs in the order of their rows.
#[derive(Clone, Debug)]
pub struct Windows {
    examples: usize,
    shuffle: Shuffle,
    /// Numbers of the runs in the order of this epoch.
    runs: Vec<usize>,
    /// Windows so far.
    number: usize,
}

impl Windows {
    /// Those of `examples` rows.
    pub fn new(examples: usize, shuffle: Shuffle) -> Self {
        Self { examples, shuffle, runs: Vec::new(), number: 0 }
    }

    /// Rows of a run.
    pub fn run(&self) -> usize {
        self.shuffle.run.unwrap_or(self.examples).clamp(1, self.examples.max(1))
    }

    fn of_an_epoch(&self) -> usize {
        self.examples.div_ceil(self.run()).div_ceil(WINDOW)
    }

    /// Passes over whole windows as long as they hold no more than `rows` rows; the rows that are left to pass over in
    /// the window that comes next.
    pub fn skip(&mut self, mut rows: u64) -> u64 {
        let epoch = self.examples.max(1) as u64;
        self.number = usize::try_from(rows / epoch).unwrap_or(usize::MAX).saturating_mul(self.of_an_epoch());
        rows %= epoch;
        self.draw_runs();
        loop {
            let number = self.number;
            let len: usize = self.next_window().0.iter().map(Range::len).sum();
            if rows < len as u64 {
                self.number = number;
                return rows;
            }
            rows -= len as u64;
        }
    }

    /// Puts the runs in the order of the epoch at hand.
    fn draw_runs(&mut self) {
        let epoch = self.number / self.of_an_epoch();
        self.runs = (0..self.examples.div_ceil(self.run())).collect();
        Stream::numbered(self.shuffle.seed, "runs", epoch as u64).shuffle(&mut self.runs);
    }

    /// The next window, and whether it is the last of its epoch.
    pub fn next_window(&mut self) -> (Vec<Range<usize>>, bool) {
        let at = self.number % self.of_an_epoch();
        if at == 0 {
            self.draw_runs();
        }
        self.number += 1;
        let mut runs = self.runs[at * WINDOW..self.runs.len().min((at + 1) * WINDOW)].to_vec();
        runs.sort_unstable();
        let rows = |run: usize| run * self.run()..((run + 1) * self.run()).min(self.examples);
        (runs.into_iter().map(rows).collect(), at + 1 == self.of_an_epoch())
    }
}

/// The rows of one update after the other.
#[derive(Clone, Debug)]
pub struct Order {
    windows: Windows,
    /// Rows of the last window that have not been given out, the next one at the end.
    waiting: Vec<u32>,
    /// Whether they are the last of their epoch.
    last: bool,
    batch: Vec<u32>,
}

impl Order {
    /// The order of `examples` rows, fewer than 2³².
    pub fn new(examples: usize, shuffle: Shuffle) -> Self {
        assert!(u32::try_from(examples).is_ok(), "{examples} examples: indices have 32 bits");
        let windows = Windows::new(examples, shuffle);
        Self { windows, waiting: Vec::new(), last: true, batch: Vec::new() }
    }

    /// The order after `rows` rows have been given out.
    pub fn after(examples: usize, shuffle: Shuffle, rows: u64) -> Self {
        let mut order = Self::new(examples, shuffle);
        let rows = order.windows.skip(rows);
        if rows > 0 {
            order.open_window();
            order.waiting.truncate(order.waiting.len() - rows as usize);
        }
        order
    }

    /// The next `batch` rows, fewer at the end of an epoch.
    pub fn next(&mut self, batch: usize) -> &[u32] {
        self.batch.clear();
        while self.batch.len() < batch && !(self.waiting.is_empty() && self.last && !self.batch.is_empty()) {
            if self.waiting.is_empty() {
                self.open_window();
            }
            let count = self.waiting.len().min(batch - self.batch.len());
            self.batch.extend(self.waiting.drain(self.waiting.len() - count..).rev());
        }
        &self.batch
    }

    fn open_window(&mut self) {
        let number = self.windows.number as u64;
        let (runs, last) = self.windows.next_window();
        self.waiting.extend(runs.into_iter().flatten().map(|row| row as u32));
        Stream::numbered(self.windows.shuffle.seed, "order", number).shuffle(&mut self.waiting);
        self.waiting.reverse();
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(examples: usize, shuffle: Shuffle, batch: usize, count: usize) -> Vec<Vec<u32>> {
        let mut order = Order::new(examples, shuffle);
        let epoch = |_| (0..examples.div_ceil(batch)).flat_map(|_| order.next(batch).to_vec()).collect();
        (0..count).map(epoch).collect()
    }

    #[test]
    fn every_row_comes_once_an_epoch_whatever_the_run_and_the_batch() {
        for examples in [1, 2, 16, 100, 1_037] {
            for run in [None, Some(1), Some(3), Some(16), Some(5_000)] {
                for batch in [1, 7, 100, 2_000] {
                    for mut rows in epochs(examples, Shuffle { seed: 3, run }, batch, 3) {
                        rows.sort_unstable();
                        assert!(rows.iter().copied().eq(0..examples as u32), "{examples} {run:?} {batch}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_goes_on_after_any_number_of_rows_as_if_it_had_never_stopped() {
        for (examples, run) in [(1, None), (100, None), (100, Some(1)), (1_037, Some(3)), (50, Some(400))] {
            for batch in [1, 7, 64] {
                let shuffle = Shuffle { seed: 5, run };
                let (mut whole, mut given) = (Order::new(examples, shuffle), 0);
                for _ in 0..3 * examples.div_ceil(batch) {
                    let mut resumed = Order::after(examples, shuffle, given);
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
        for run in [None, Some(4)] {
            let shuffle = Shuffle { seed: 1, run };
            let orders = epochs(500, shuffle, 7, 2);
            assert_eq!(orders, epochs(500, shuffle, 100, 2));
            assert_ne!(orders[0], orders[1]);
            assert_ne!(orders, epochs(500, Shuffle { seed: 2, run }, 7, 2));
        }
    }

    #[test]
    fn rows_of_a_window_lie_in_few_runs_and_are_mixed() {
        let mut order = Order::new(10_000, Shuffle { seed: 0, run: Some(10) });
        let window = order.next(WINDOW * 10).to_vec();
        let mut runs: Vec<u32> = window.iter().map(|row| row / 10).collect();
        assert!(runs.windows(2).filter(|pair| pair[0] == pair[1]).count() < 40, "neighbours stay together");
        runs.sort_unstable();
        runs.dedup();
        assert_eq!(runs.len(), WINDOW);
    }
}
