//! The seeded order of the examples: every example exactly once an epoch, in an order that an epoch, a window and a run
//! of neighbouring rows decide, so that rows on disk are read in long pieces.
//!
//! The rows are cut into runs. In every epoch the runs come in a random order, [`WINDOW`] of them at a time form a window,
//! and the rows of a window come in a random order. Without runs all rows are one window. Nothing depends on whether
//! the rows are in memory, nor on how much memory there is.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::math::random::{Permutation, Stream};

/// Runs of a window.
pub const WINDOW: usize = 16;

/// Runs whose order is drawn as a list; of more, the order is computed run by run and needs no memory.
pub const MOST_DRAWN: usize = 1 << 22;

/// How the runs of an epoch come into their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunOrder {
    /// Shuffled as a list, which takes four bytes a run.
    #[default]
    Drawn,
    /// By a [`Permutation`] of their numbers.
    Computed,
}

/// What the order depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shuffle {
    /// Seed of the order.
    pub seed: u64,
    /// Neighbouring rows that stay in one window; `None` for all of them.
    pub run: Option<usize>,
    /// How the runs are ordered.
    pub order: RunOrder,
}

impl Shuffle {
    /// Every row for itself.
    pub fn rows(seed: u64) -> Self {
        Self { seed, run: None, order: RunOrder::Drawn }
    }

    /// Runs of `run` rows, in an order that is drawn.
    pub fn runs(seed: u64, run: usize) -> Self {
        Self { seed, run: Some(run), order: RunOrder::Drawn }
    }

    /// Rows of a run, of which `examples` rows are cut.
    fn run_of(self, examples: usize) -> usize {
        self.run.unwrap_or(examples).clamp(1, examples.max(1))
    }

    /// Rows of a window of `examples` rows, at most.
    pub fn window(self, examples: usize) -> usize {
        self.run_of(examples).saturating_mul(WINDOW).min(examples)
    }

    /// Bytes that the list of the runs of `examples` rows takes.
    pub fn list_bytes(self, examples: usize) -> usize {
        let runs = examples.div_ceil(self.run_of(examples));
        if self.is_drawn(runs) { runs * size_of::<u32>() } else { 0 }
    }

    /// A list has numbers of 32 bits, whatever was asked for.
    fn is_drawn(self, runs: usize) -> bool {
        self.order == RunOrder::Drawn && u32::try_from(runs).is_ok()
    }
}

/// The order of the runs of one epoch.
#[derive(Clone, Debug)]
enum Runs {
    Drawn(Vec<u32>),
    Computed(Permutation),
}

impl Runs {
    /// The number of the run at a place.
    fn at(&self, place: usize) -> usize {
        match self {
            Self::Drawn(runs) => runs[place] as usize,
            Self::Computed(runs) => runs.at(place as u64) as usize,
        }
    }

    /// The place of a run that there is.
    fn place_of(&self, run: usize) -> usize {
        match self {
            Self::Drawn(runs) => runs.iter().position(|&other| other as usize == run).unwrap_or(runs.len()),
            Self::Computed(runs) => runs.place_of(run as u64) as usize,
        }
    }
}

/// The windows of epoch after epoch, each a list of runs in the order of their rows.
#[derive(Clone, Debug)]
pub struct Windows {
    examples: usize,
    shuffle: Shuffle,
    runs: Runs,
    /// The epoch of whose runs this is the order.
    drawn: Option<u64>,
    /// Windows so far.
    number: u64,
}

impl Windows {
    /// Those of `examples` rows.
    pub fn new(examples: usize, shuffle: Shuffle) -> Self {
        Self { examples, shuffle, runs: Runs::Drawn(Vec::new()), drawn: None, number: 0 }
    }

    /// Rows of a run.
    pub fn run(&self) -> usize {
        self.shuffle.run_of(self.examples)
    }

    /// All runs.
    fn count(&self) -> usize {
        self.examples.div_ceil(self.run())
    }

    fn of_an_epoch(&self) -> u64 {
        self.count().div_ceil(WINDOW).max(1) as u64
    }

    /// Whether the next window is the first of its epoch.
    pub fn begins_epoch(&self) -> bool {
        self.number.is_multiple_of(self.of_an_epoch())
    }

    /// Passes over whole windows as long as they hold no more than `rows` rows; the rows that are left to pass over in
    /// the window that comes next.
    pub fn skip(&mut self, rows: u64) -> u64 {
        let (epoch, of_an_epoch) = (self.examples.max(1) as u64, self.of_an_epoch());
        self.number = (rows / epoch).saturating_mul(of_an_epoch);
        self.draw_runs();
        // All runs are as long but the last one, which makes the windows behind its own come earlier.
        let (rows, run) = (rows % epoch, self.run() as u64);
        let missing = self.count() as u64 * run - self.examples as u64;
        let short = (self.runs.place_of(self.count().saturating_sub(1)) / WINDOW) as u64;
        let begins = |window: u64| window * WINDOW as u64 * run - if window > short { missing } else { 0 };
        let mut window = rows / (WINDOW as u64 * run);
        if window + 1 < of_an_epoch && begins(window + 1) <= rows {
            window += 1;
        }
        self.number = self.number.saturating_add(window);
        rows - begins(window)
    }

    /// Puts the runs in the order of the epoch at hand.
    fn draw_runs(&mut self) {
        let (epoch, count) = (self.number / self.of_an_epoch(), self.count());
        if self.drawn == Some(epoch) {
            return;
        }
        let mut stream = Stream::numbered(self.shuffle.seed, "runs", epoch);
        if self.shuffle.is_drawn(count) {
            let mut runs = match &mut self.runs {
                Runs::Drawn(runs) => std::mem::take(runs),
                Runs::Computed(_) => Vec::new(),
            };
            runs.clear();
            runs.extend(0..count as u32);
            stream.shuffle(&mut runs);
            self.runs = Runs::Drawn(runs);
        } else {
            self.runs = Runs::Computed(Permutation::new(count as u64, &mut stream));
        }
        self.drawn = Some(epoch);
    }

    /// The next window, and whether it is the last of its epoch.
    pub fn next_window(&mut self) -> (Vec<Range<usize>>, bool) {
        self.draw_runs();
        let at = self.number % self.of_an_epoch();
        let first = at as usize * WINDOW;
        let mut runs: Vec<usize> =
            (first..self.count().min(first + WINDOW)).map(|place| self.runs.at(place)).collect();
        runs.sort_unstable();
        self.number += 1;
        let rows =
            |run: usize| run * self.run()..(run * self.run()).saturating_add(self.run()).min(self.examples);
        (runs.into_iter().map(rows).collect(), at + 1 == self.of_an_epoch())
    }
}

/// The rows of one update after the other.
#[derive(Clone, Debug)]
pub struct Order {
    windows: Windows,
    /// The window that is given out, its runs in the order of their rows: all as long but perhaps the last.
    window: Vec<Range<usize>>,
    /// Places in it that have not been given out, the next one at the end.
    waiting: Vec<u32>,
    /// Whether they are the last of their epoch.
    last: bool,
    batch: Vec<usize>,
}

impl Order {
    /// The order of `examples` rows.
    ///
    /// # Panics
    /// When a window holds 2³² rows or more.
    pub fn new(examples: usize, shuffle: Shuffle) -> Self {
        let window = shuffle.window(examples);
        assert!(u32::try_from(window).is_ok(), "a window of {window} rows: places in it have 32 bits");
        let windows = Windows::new(examples, shuffle);
        Self { windows, window: Vec::new(), waiting: Vec::new(), last: true, batch: Vec::new() }
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

    /// Bytes that an order of `examples` rows holds besides the list of its runs, in batches of `batch`.
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
        let number = self.windows.number;
        (self.window, self.last) = self.windows.next_window();
        let rows: usize = self.window.iter().map(Range::len).sum();
        self.waiting.extend(0..rows as u32);
        Stream::numbered(self.windows.shuffle.seed, "order", number).shuffle(&mut self.waiting);
        self.waiting.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [RunOrder; 2] = [RunOrder::Drawn, RunOrder::Computed];

    fn epochs(examples: usize, shuffle: Shuffle, batch: usize, count: usize) -> Vec<Vec<usize>> {
        let mut order = Order::new(examples, shuffle);
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
            let mut order = Order::new(10_000, Shuffle { seed: 0, run: Some(10), order });
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
            assert!(Order::bytes(examples, shuffle, 100) < 100_000);
            let mut order = Order::new(examples, shuffle);
            let rows = order.next(1_000).to_vec();
            assert!(rows.iter().any(|&row| row > 1 << 31) && rows.iter().all(|&row| row < examples));
            // In the middle of the second epoch, and at the end of the first.
            for given in [examples as u64 * 3 / 2, examples as u64 - 5] {
                let mut resumed = Order::after(examples, shuffle, given);
                let tail = resumed.next(5).to_vec();
                assert!(tail.len() == 5 && tail.iter().all(|&row| row < examples));
                assert_eq!(Order::after(examples, shuffle, given + 3).next(2), &tail[3..]);
            }
        }
    }
}
