//! How much work a submission takes: as much as the device is measured to do in well under [`TARGET`]. Systems end
//! command buffers that run for seconds and stop drawing while one runs; and what queues up behind a few submissions
//! would hold memory for nothing.
//!
//! Work is counted in multiply-adds, and [`moved`] makes the same unit of numbers that are read or written.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Longest submission that is aimed at.
pub const TARGET: Duration = Duration::from_millis(50);
/// Share of it that is planned: times vary.
const MARGIN: f64 = 0.8;
/// Most submissions under way.
const IN_FLIGHT: usize = 4;
/// Work a second that is taken for granted at first, a slow software adapter's.
const FIRST_RATE: f64 = 2e9;
/// Work below which nothing is cut, and what is measured is the cost of submitting.
const LEAST: f64 = 4e6;
/// Largest rise of the rate after one submission: the next may hold work of a kind that takes longer.
const LARGEST_RISE: f64 = 1.3;
/// Largest fall: the first use of a pipeline may compile it.
const LARGEST_FALL: f64 = 4.0;

/// The work of reading or writing so many numbers: adapters move one while they multiply and add ten to fifty times.
pub fn moved(numbers: usize) -> f64 {
    16.0 * numbers as f64
}

/// The rate of a device, and its submissions under way.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Work a second.
    rate: Cell<f64>,
    forced: Cell<Option<f64>>,
    flights: RefCell<VecDeque<Flight>>,
    /// When the last one ended.
    ended: Cell<Instant>,
    landed: Cell<usize>,
    longest: Cell<Duration>,
}

/// A submission under way.
#[derive(Debug)]
pub(crate) struct Flight {
    /// What to wait for.
    pub index: wgpu::SubmissionIndex,
    /// When it was handed over.
    pub begun: Instant,
    /// Its work, 0 where that is not known.
    pub work: f64,
    /// When it was seen to have ended.
    pub ended: Arc<OnceLock<Instant>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            rate: Cell::new(FIRST_RATE),
            forced: Cell::default(),
            flights: RefCell::default(),
            ended: Cell::new(Instant::now()),
            landed: Cell::default(),
            longest: Cell::default(),
        }
    }
}

impl Pace {
    /// Work of a submission.
    pub fn budget(&self) -> f64 {
        let measured = self.rate.get() * MARGIN * TARGET.as_secs_f64();
        self.forced.get().unwrap_or(measured.max(LEAST))
    }

    pub fn force(&self, budget: Option<f64>) {
        self.forced.set(budget);
    }

    /// Whether as many submissions are under way as may be.
    pub fn is_full(&self) -> bool {
        self.flights.borrow().len() >= IN_FLIGHT
    }

    pub fn launch(&self, flight: Flight) {
        self.flights.borrow_mut().push_back(flight);
        self.land();
    }

    /// The submission to wait for.
    pub fn oldest(&self) -> Option<wgpu::SubmissionIndex> {
        self.flights.borrow().front().map(|flight| flight.index.clone())
    }

    /// Takes account of those that have ended; how many have, from the first.
    pub fn land(&self) -> usize {
        let mut flights = self.flights.borrow_mut();
        while let Some(ended) = flights.front().and_then(|flight| flight.ended.get().copied()) {
            let flight = flights.pop_front().expect("there is a first");
            let took = ended.saturating_duration_since(flight.begun.max(self.ended.get()));
            self.ended.set(ended);
            self.landed.set(self.landed.get() + 1);
            self.longest.set(self.longest.get().max(took));
            self.learn(flight.work, took);
        }
        self.landed.get()
    }

    /// The longest submission since this was asked last.
    pub fn longest(&self) -> Duration {
        self.longest.take()
    }

    /// Adapts the rate. Short submissions are more than their work, so that they prove a device fast, but never slow.
    fn learn(&self, work: f64, took: Duration) {
        if work < LEAST || took.is_zero() {
            return;
        }
        let (rate, measured) = (self.rate.get(), work / took.as_secs_f64());
        if measured > rate {
            self.rate.set(measured.min(LARGEST_RISE * rate));
        } else if took > TARGET / 5 {
            self.rate.set(measured.max(rate / LARGEST_FALL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a device of this many multiply-adds a second work through submissions that are as long as may be.
    fn run(pace: &Pace, speed: f64, submissions: usize) -> Duration {
        let took = |work: f64| Duration::from_secs_f64(work / speed);
        (0..submissions).fold(Duration::ZERO, |_, _| {
            let work = pace.budget();
            pace.learn(work, took(work));
            took(work)
        })
    }

    #[test]
    fn submissions_come_to_last_as_long_as_planned_on_slow_and_fast_devices() {
        let planned = TARGET.mul_f64(MARGIN);
        for speed in [2e8, 1e10, 3e13] {
            let pace = Pace::default();
            let last = run(&pace, speed, 60);
            assert!(last.abs_diff(planned) < planned / 100, "{speed}: {last:?}");
        }
    }

    #[test]
    fn a_device_that_becomes_slower_is_given_less_at_once() {
        let pace = Pace::default();
        run(&pace, 1e12, 60);
        run(&pace, 1e11, 2);
        assert!(run(&pace, 1e11, 1) < TARGET);
    }

    #[test]
    fn what_costs_more_than_its_work_does_not_make_a_device_slow() {
        let pace = Pace::default();
        run(&pace, 1e12, 60);
        let before = pace.budget();
        pace.learn(1e3, Duration::from_secs(9));
        pace.learn(1e7, Duration::from_millis(2));
        assert_eq!(pace.budget(), before);
    }
}
