//! Timing and what is made of the times: median, quartiles, best, the ratio of two medians with its uncertainty.

use std::time::Instant;

use crate::error::Result;

/// A spread (q3 − q1) / median above this counts as noise.
pub const NOISY: f64 = 0.2;
/// A contestant faster than this, in seconds, runs once untimed before each of its turns: the one before it has taken
/// the caches.
const SHORT: f64 = 0.05;

/// What a list of times comes to, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many.
    pub count: usize,
    /// The shortest.
    pub best: f64,
    /// A quarter of the times is shorter.
    pub q1: f64,
    /// Half of them are.
    pub median: f64,
    /// A quarter is longer.
    pub q3: f64,
}

impl Summary {
    /// Summarises times in any order; `None` when there are none.
    pub fn of(times: &[f64]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            count: sorted.len(),
            best: *sorted.first()?,
            q1: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            q3: quantile(&sorted, 0.75),
        })
    }

    /// The same for a part of the work: every time multiplied.
    pub fn times(self, factor: f64) -> Self {
        let Self { count, best, q1, median, q3 } = self;
        Self { count, best: best * factor, q1: q1 * factor, median: median * factor, q3: q3 * factor }
    }

    /// (q3 − q1) / median, 0 where the median is.
    pub fn spread(&self) -> f64 {
        if self.median > 0.0 { (self.q3 - self.q1) / self.median } else { 0.0 }
    }

    /// Half the width of the 95 % interval of the median: 1.57 (q3 − q1) / √count (McGill, Tukey & Larsen 1978,
    /// *Variations of box plots*).
    pub fn uncertainty(&self) -> f64 {
        1.57 * (self.q3 - self.q1) / (self.count as f64).sqrt()
    }
}

/// The value below which a share of the sorted numbers lies, between neighbours in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// How many times as fast one is as another, with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Median of the slower's time over that of the faster, or the other way round.
    pub value: f64,
    /// Half the width of its 95 % interval.
    pub uncertainty: f64,
}

impl Ratio {
    /// How many times as fast `ours` is as `theirs`. Relative uncertainties add up as squares.
    pub fn of_speeds(ours: &Summary, theirs: &Summary) -> Self {
        let value = theirs.median / ours.median;
        let relative = |summary: &Summary| summary.uncertainty() / summary.median;
        Self { value, uncertainty: value * relative(ours).hypot(relative(theirs)) }
    }

    /// How many times as fast the other is.
    pub fn inverse(&self) -> Self {
        Self { value: 1.0 / self.value, uncertainty: self.uncertainty / self.value.powi(2) }
    }

    /// How many times as fast the faster is.
    pub fn of_the_faster(&self) -> Self {
        if self.value < 1.0 { self.inverse() } else { *self }
    }

    /// Whether the two differ by more than the noise.
    pub fn is_clear(&self) -> bool {
        (self.value - 1.0).abs() > self.uncertainty
    }
}

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Turns of each contestant.
    pub turns: usize,
    /// Seconds of a turn.
    pub seconds: f64,
}

impl Pace {
    /// For numbers to be quoted.
    pub const USUAL: Self = Self { turns: 7, seconds: 0.1 };
    /// For a look.
    pub const QUICK: Self = Self { turns: 3, seconds: 0.05 };
}

/// Times contestants in turns, so that what the machine does meanwhile strikes all of them. Each runs once before,
/// for caches and compilers.
///
/// # Errors
/// The first that a contestant reports.
pub fn in_turns(contestants: &mut [&mut dyn FnMut() -> Result<()>], pace: Pace) -> Result<Vec<Summary>> {
    /// Most runs of a turn: more do not make a median better.
    const MOST: usize = 200;
    let mut times = vec![Vec::new(); contestants.len()];
    for run in contestants.iter_mut() {
        run()?;
    }
    for _ in 0..pace.turns.max(1) {
        for (run, times) in contestants.iter_mut().zip(&mut times) {
            if times.last().is_none_or(|&last| last < SHORT) {
                run()?;
            }
            let turn = Instant::now();
            for _ in 0..MOST {
                let started = Instant::now();
                run()?;
                times.push(started.elapsed().as_secs_f64());
                if turn.elapsed().as_secs_f64() > pace.seconds {
                    break;
                }
            }
        }
    }
    Ok(times.iter().map(|times| Summary::of(times).expect("every turn times at least one run")).collect())
}

/// Times one contestant.
///
/// # Errors
/// Those of `run`.
pub fn alone(mut run: impl FnMut() -> Result<()>, pace: Pace) -> Result<Summary> {
    Ok(in_turns(&mut [&mut run], pace)?[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_summary_and_one_time_is_its_own() {
        assert_eq!(Summary::of(&[]), None);
        let one = Summary::of(&[3.0]).unwrap();
        assert_eq!(one, Summary { count: 1, best: 3.0, q1: 3.0, median: 3.0, q3: 3.0 });
        assert_eq!((one.spread(), one.uncertainty()), (0.0, 0.0));
    }

    #[test]
    fn quartiles_of_odd_and_even_counts_in_any_order() {
        let odd = Summary::of(&[5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert_eq!(odd, Summary { count: 5, best: 1.0, q1: 2.0, median: 3.0, q3: 4.0 });
        let even = Summary::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(even, Summary { count: 4, best: 1.0, q1: 1.75, median: 2.5, q3: 3.25 });
        let two = Summary::of(&[2.0, 1.0]).unwrap();
        assert_eq!(two, Summary { count: 2, best: 1.0, q1: 1.25, median: 1.5, q3: 1.75 });
    }

    #[test]
    fn the_spread_is_relative_to_the_median_and_no_division_by_zero() {
        assert_eq!(Summary::of(&[5.0, 1.0, 4.0, 2.0, 3.0]).unwrap().spread(), 2.0 / 3.0);
        assert_eq!(Summary::of(&[0.0, 0.0]).unwrap().spread(), 0.0);
    }

    #[test]
    fn parts_scale_every_time() {
        let whole = Summary::of(&[2.0, 4.0]).unwrap();
        assert_eq!(whole.times(0.5), Summary::of(&[1.0, 2.0]).unwrap());
    }

    #[test]
    fn a_ratio_carries_the_uncertainty_of_both() {
        let exact = |median| Summary { count: 9, best: median, q1: median, median, q3: median };
        assert_eq!(Ratio::of_speeds(&exact(2.0), &exact(6.0)), Ratio { value: 3.0, uncertainty: 0.0 });
        // 1.57 · 0.3 / √9 = 0.157 of a median of 1; twice as fast, so twice that.
        let noisy = Summary { count: 9, best: 0.8, q1: 0.9, median: 1.0, q3: 1.2 };
        let ratio = Ratio::of_speeds(&noisy, &exact(2.0));
        assert!((ratio.uncertainty - 2.0 * 0.157).abs() < 1e-12, "{ratio:?}");
        let both = Ratio::of_speeds(&noisy, &noisy);
        assert!((both.uncertainty - 0.157 * 2.0_f64.sqrt()).abs() < 1e-12, "{both:?}");
    }

    #[test]
    fn an_inverse_has_the_same_relative_uncertainty() {
        let ratio = Ratio { value: 0.5, uncertainty: 0.05 };
        assert_eq!(ratio.inverse(), Ratio { value: 2.0, uncertainty: 0.2 });
        assert_eq!(ratio.of_the_faster().value, 2.0);
        assert_eq!(ratio.inverse().of_the_faster().value, 2.0);
    }

    #[test]
    fn a_difference_within_the_noise_is_not_clear() {
        assert!(Ratio { value: 1.2, uncertainty: 0.1 }.is_clear());
        assert!(Ratio { value: 0.8, uncertainty: 0.1 }.is_clear());
        assert!(!Ratio { value: 1.05, uncertainty: 0.1 }.is_clear());
        assert!(!Ratio { value: 0.95, uncertainty: 0.1 }.is_clear());
    }

    #[test]
    fn contestants_take_turns() {
        use std::cell::RefCell;
        let order = RefCell::new(Vec::new());
        let note = |name| {
            order.borrow_mut().push(name);
            Ok(())
        };
        let (mut first, mut second) = (|| note('a'), || note('b'));
        let pace = Pace { turns: 2, seconds: -1.0 };
        let summaries = in_turns(&mut [&mut first, &mut second], pace).unwrap();
        // Once before, then an untimed and a timed run a turn.
        assert_eq!(order.into_inner().iter().collect::<String>(), "abaabbaabb");
        assert!(summaries.iter().all(|summary| summary.count == 2));
    }
}
