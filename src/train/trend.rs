//! The trend of J at the end of a run: whether it still falls, beyond what mini-batches make of it by chance.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Share of J that a fall has to be, to be worth more steps.
const WORTH: f64 = 0.01;
/// Standard errors that a fall has to be beyond.
const ERRORS: f64 = 2.0;
/// Reports that a mean is taken over at least.
const FEWEST: usize = 3;

/// A fall of J over the last steps of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fall {
    /// By which share of its mean over the `steps` before: 0.04 is 4 %.
    pub share: f64,
    /// Over how many updates or iterations.
    pub steps: usize,
}

/// J over two windows of steps, the last one and the one before.
#[derive(Clone, Debug)]
pub struct Trend {
    window: usize,
    reports: VecDeque<(usize, f64)>,
}

impl Trend {
    /// Over windows of so many steps.
    pub fn over(window: usize) -> Self {
        Self { window: window.max(1), reports: VecDeque::new() }
    }

    /// Takes J as it was reported after a step; one under another β is left out by who reports it.
    pub fn add(&mut self, step: usize, j: f64) {
        self.reports.push_back((step, j));
        while self.reports.front().is_some_and(|(first, _)| first + 2 * self.window <= step) {
            self.reports.pop_front();
        }
    }

    /// The fall from the window before to the last, where there is one that is worth telling.
    pub fn fall(&self) -> Option<Fall> {
        let &(last, _) = self.reports.back()?;
        let is_late = |(step, _): &&(usize, f64)| step + self.window > last;
        let (late, early): (Vec<_>, Vec<_>) = self.reports.iter().partition(is_late);
        let (late, early) = (Sample::of(&late)?, Sample::of(&early)?);
        let fall = early.mean - late.mean;
        let error = (early.error.powi(2) + late.error.powi(2)).sqrt();
        let is_worth = early.mean > 0.0 && fall >= WORTH * early.mean && fall > ERRORS * error;
        is_worth.then(|| Fall { share: fall / early.mean, steps: self.window })
    }
}

/// A mean and its standard error, the course of J within the window taken for chance, too: a fall has to stand out from it.
struct Sample {
    mean: f64,
    error: f64,
}

impl Sample {
    fn of(reports: &[&(usize, f64)]) -> Option<Self> {
        let count = reports.len() as f64;
        let mean = reports.iter().map(|(_, j)| j).sum::<f64>() / count;
        let squares: f64 = reports.iter().map(|(_, j)| (j - mean).powi(2)).sum();
        (reports.len() >= FEWEST).then(|| Self { mean, error: (squares / (count - 1.0) / count).sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::Stream;

    fn fall(steps: usize, window: usize, j: impl Fn(usize) -> f64) -> Option<Fall> {
        let mut trend = Trend::over(window);
        (1..=steps).for_each(|step| trend.add(step, j(step)));
        trend.fall()
    }

    #[test]
    fn a_steady_fall_is_told_with_its_share() {
        let found = fall(200, 20, |step| 10.0 * (-0.002 * step as f64).exp()).unwrap();
        assert!((found.share - (1.0 - (-0.04f64).exp())).abs() < 1e-6 && found.steps == 20, "{found:?}");
    }

    #[test]
    fn what_is_flat_rises_or_falls_by_next_to_nothing_is_not_told() {
        assert_eq!(fall(200, 20, |_| 3.0), None);
        assert_eq!(fall(200, 20, |step| step as f64), None);
        assert_eq!(fall(200, 20, |step| 10.0 - 1e-4 * step as f64), None);
        // Too short to tell.
        assert_eq!(fall(22, 20, |step| 1.0 / step as f64), None);
    }

    #[test]
    fn the_chance_of_mini_batches_is_no_fall_and_a_fall_within_it_is_found() {
        let mut told = 0;
        for seed in 0..200 {
            let mut stream = Stream::new(seed, "noise");
            let noise: Vec<f64> = (0..=40).map(|_| 1.0 + 0.1 * (stream.unit() - 0.5)).collect();
            told += usize::from(fall(40, 20, |step| noise[step]).is_some());
            let falling = fall(40, 20, |step| noise[step] * (1.0 - 0.005 * step as f64));
            assert!(falling.is_some_and(|fall| (0.04..0.16).contains(&fall.share)), "{falling:?}");
        }
        // Two standard errors to one side: one in forty.
        assert!(told <= 12, "{told} of 200");
    }
}
