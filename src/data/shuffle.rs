//! The seeded order of the examples: every example exactly once an epoch, in an order that an epoch, a window and a run
//! of neighbouring rows decide, so that rows on disk are read in long pieces.
//!
//! The rows are cut into runs. In every epoch the runs come in a random order, [`WINDOW`] of them at a time form a window,
//! and the rows of a window come in a random order. Without runs all rows are one window. Nothing depends on whether
//! the rows are in memory, nor on how much memory there is.

mod sampler;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use sampler::BatchSampler;

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

/// The settings that decide the order.
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

    /// The number of the window that comes next, from the first epoch on.
    fn number(&self) -> u64 {
        self.number
    }

    /// Seed of the order.
    fn seed(&self) -> u64 {
        self.shuffle.seed
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
