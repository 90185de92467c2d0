//! The submission budget: as much work as the device is measured to do in well under [`TARGET`]. Systems end command
//! buffers that run for seconds and stop drawing while one runs; and work that queues up behind a few submissions would
//! hold memory for nothing.
//!
//! Work is counted in multiply-adds, and [`moved`] makes the same unit of numbers that are read or written.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::io::clock::Moment;

/// Longest submission that is aimed at.
pub const TARGET: Duration = Duration::from_millis(50);
/// Share of it that is planned: times vary.
const MARGIN: f64 = 0.8;
/// Most submissions under way.
const IN_FLIGHT: usize = 4;
/// Work a second that is taken for granted at first, a slow software adapter's.
const FIRST_RATE: f64 = 2e9;
/// Work below which nothing is cut: the measured time is the cost of submitting.
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
pub(crate) struct Throttle {
    /// Work a second.
    rate: f64,
    forced: Option<f64>,
    under_way: VecDeque<Submission>,
    /// When the last one ended.
    ended: Moment,
    done: usize,
    longest: Duration,
}

/// A submission under way.
#[derive(Debug)]
pub(crate) struct Submission {
    /// The index to wait for.
    pub index: wgpu::SubmissionIndex,
    /// When it was handed over.
    pub begun: Moment,
    /// Its work, 0 where that is not known.
    pub work: f64,
    /// When it was seen to have ended.
    pub ended: Arc<OnceLock<Moment>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            rate: FIRST_RATE,
            forced: None,
            under_way: VecDeque::new(),
            ended: Moment::now(),
            done: 0,
            longest: Duration::ZERO,
        }
    }
}

impl Throttle {
    /// Work of a submission.
    pub fn budget(&self) -> f64 {
        let measured = self.rate * MARGIN * TARGET.as_secs_f64();
        self.forced.unwrap_or(measured.max(LEAST))
    }

    /// Sets the budget, whatever is measured; `None` ends that.
    pub fn force(&mut self, budget: Option<f64>) {
        self.forced = budget;
    }

    /// Whether as many submissions are under way as may be.
    pub fn is_full(&self) -> bool {
        self.under_way.len() >= IN_FLIGHT
    }

    /// Counts a submission that has been handed over.
    pub fn add(&mut self, submission: Submission) {
        self.under_way.push_back(submission);
        self.collect();
    }

    /// The submission to wait for.
    pub fn oldest(&self) -> Option<wgpu::SubmissionIndex> {
        self.under_way.front().map(|submission| submission.index.clone())
    }

    /// Takes account of those that have ended; how many have, from the first.
    pub fn collect(&mut self) -> usize {
        while let Some(ended) = self.under_way.front().and_then(|first| first.ended.get().copied()) {
            let first = self.under_way.pop_front().expect("there is a first");
            let took = ended.since(first.begun.max(self.ended));
            self.ended = ended;
            self.done += 1;
            self.longest = self.longest.max(took);
            self.learn(first.work, took);
        }
        self.done
    }

    /// The longest submission since this was asked last.
    pub fn take_longest(&mut self) -> Duration {
        std::mem::take(&mut self.longest)
    }

    /// Adapts the rate. Short submissions are more than their work, so that they prove a device fast, but never slow.
    fn learn(&mut self, work: f64, took: Duration) {
        if work < LEAST || took.is_zero() {
            return;
        }
        let measured = work / took.as_secs_f64();
        if measured > self.rate {
            self.rate = measured.min(LARGEST_RISE * self.rate);
        } else if took > TARGET / 5 {
            self.rate = measured.max(self.rate / LARGEST_FALL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a device of this many multiply-adds a second work through submissions that are as long as may be.
    fn run(throttle: &mut Throttle, speed: f64, submissions: usize) -> Duration {
        let took = |work: f64| Duration::from_secs_f64(work / speed);
        (0..submissions).fold(Duration::ZERO, |_, _| {
            let work = throttle.budget();
            throttle.learn(work, took(work));
            took(work)
        })
    }

    #[test]
    fn submissions_come_to_last_as_long_as_planned_on_slow_and_fast_devices() {
        let planned = TARGET.mul_f64(MARGIN);
        for speed in [2e8, 1e10, 3e13] {
            let mut throttle = Throttle::default();
            let last = run(&mut throttle, speed, 60);
            assert!(last.abs_diff(planned) < planned / 100, "{speed}: {last:?}");
        }
    }

    #[test]
    fn a_device_that_becomes_slower_is_given_less_at_once() {
        let mut throttle = Throttle::default();
        run(&mut throttle, 1e12, 60);
        run(&mut throttle, 1e11, 2);
        assert!(run(&mut throttle, 1e11, 1) < TARGET);
    }

    #[test]
    fn a_submission_that_costs_more_than_its_work_does_not_make_a_device_slow() {
        let mut throttle = Throttle::default();
        run(&mut throttle, 1e12, 60);
        let before = throttle.budget();
        throttle.learn(1e3, Duration::from_secs(9));
        throttle.learn(1e7, Duration::from_millis(2));
        assert_eq!(throttle.budget(), before);
    }
}
