//! The line that tells how far a run has come, in whole items: where it is too narrow for all, the least important are left out.

use std::time::Duration;

use console::measure_text_width;
use indicatif::HumanCount;

use crate::math::objective::Objective;
use crate::run::metrics::{RhoHatRange, Terms, rate};
use crate::run::session::Course;
use crate::train::diagnostics::{dead, saturated};
use crate::train::{HeldOutCost, Progress};

/// Columns of the bar.
const BAR: usize = 8;
/// Columns between two items.
const GAP: &str = "  ";

/// What a report has told.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The update or iteration that it was about.
    pub step: usize,
    terms: Terms,
    held_out: Option<HeldOutCost>,
    /// Mean ρ̂, dead and saturated units; `None` of a classifier, which has no penalty.
    units: Option<(f64, usize, usize)>,
    /// Examples in a second.
    rate: u64,
}

impl Told {
    /// Of a report.
    pub fn by(progress: &Progress, objective: &Objective) -> Self {
        let rho_hat = &progress.cost.rho_hat;
        Self {
            step: progress.step,
            terms: Terms::of(&progress.cost),
            held_out: progress.held_out,
            units: (!rho_hat.is_empty())
                .then(|| (RhoHatRange::of(rho_hat).mean, dead(rho_hat, objective), saturated(rho_hat))),
            rate: rate(progress.samples, progress.seconds) as u64,
        }
    }
}

/// A part of the line that is there whole or not at all.
struct Item {
    /// Place in the order of importance, the most important first.
    rank: u8,
    /// What parts it from the item before.
    before: &'static str,
    text: String,
}

/// How far a run has come: after `steps` updates or iterations and so much time of this sitting.
pub fn line(
    course: &Course,
    (steps, elapsed): (usize, Duration),
    told: Option<&Told>,
    width: Option<usize>,
) -> String {
    let items = items(course, (steps, elapsed), told, width.is_some());
    fitted(&items, width.unwrap_or(usize::MAX))
}

/// All items, as they follow one another.
fn items(
    course: &Course,
    (steps, elapsed): (usize, Duration),
    told: Option<&Told>,
    with_bar: bool,
) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |rank, before, text| items.push(Item { rank, before, text });
    if with_bar {
        add(5, GAP, bar(steps, course.steps));
    }
    add(0, if with_bar { " " } else { GAP }, format!("{steps}/{}", course.steps));
    if let Some(an_epoch) = course.epoch {
        let epochs = |steps: usize| tenths(steps as f64 / an_epoch.max(1) as f64);
        add(6, GAP, format!("epoch {}/{}", epochs(steps), epochs(course.steps)));
    }
    if let Some(told) = told {
        let Terms { j, reconstruction, decay, kl } = told.terms;
        add(1, GAP, format!("J {}", number(j, 4)));
        let [reconstruction, decay, kl] = [reconstruction, decay, kl].map(|term| number(term, 3));
        add(
            4,
            ": ",
            match told.units {
                Some(_) => format!("reconstruction {reconstruction}, decay {decay}, kl {kl}"),
                None => format!("cross-entropy {reconstruction}, decay {decay}"),
            },
        );
        if let Some(HeldOutCost { j, reconstruction, .. }) = told.held_out {
            add(3, GAP, format!("held-out J {}", number(j, 4)));
            add(11, ", ", format!("reconstruction {}", number(reconstruction, 3)));
        }
        if let Some((rho_hat, dead, saturated)) = told.units {
            add(10, GAP, format!("ρ̂ {}", number(rho_hat, 4)));
            add(7, GAP, format!("dead {dead}"));
            add(12, GAP, format!("saturated {saturated}"));
        }
        add(8, GAP, format!("{} samples/s", HumanCount(told.rate)));
    }
    add(9, GAP, format!("{} elapsed", clock(elapsed)));
    if let Some(left) = left(course, steps, elapsed) {
        add(2, GAP, format!("{} left", clock(left)));
    }
    items
}

/// The items that fit into `width` columns, chosen by importance.
fn fitted(items: &[Item], width: usize) -> String {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&i| items[i].rank);
    let mut is_in = vec![false; items.len()];
    for i in order {
        // What begins with a comma or a colon says nothing without the item before it.
        let stands_alone = items[i].before.trim().is_empty() || i > 0 && is_in[i - 1];
        is_in[i] = stands_alone;
        is_in[i] = stands_alone && measure_text_width(&joined(items, &is_in)) <= width;
        // Without the first there is no room for anything.
        if !is_in[i] && items[i].rank == 0 {
            break;
        }
    }
    joined(items, &is_in)
}

fn joined(items: &[Item], is_in: &[bool]) -> String {
    let mut text = String::new();
    for (item, _) in items.iter().zip(is_in).filter(|(_, is_in)| **is_in) {
        if !text.is_empty() {
            text += item.before;
        }
        text += &item.text;
    }
    text
}

/// Time until the last step, as fast as this sitting has been so far, or until its limit, whichever is first.
fn left(course: &Course, steps: usize, elapsed: Duration) -> Option<Duration> {
    let here = steps.checked_sub(course.done).filter(|here| *here > 0);
    let rest = course.steps.saturating_sub(steps) as f64;
    let by_steps =
        here.and_then(|here| Duration::try_from_secs_f64(elapsed.as_secs_f64() / here as f64 * rest).ok());
    let by_time = course.time.map(|time| time.saturating_sub(elapsed));
    by_steps.into_iter().chain(by_time).min()
}

fn bar(steps: usize, of: usize) -> String {
    let full = (steps.min(of) as u128 * BAR as u128 / of.max(1) as u128) as usize;
    "█".repeat(full) + &"░".repeat(BAR - full)
}

/// `0:07`, `12:34`, `1:02:03`, `3d 04:05` behind a day.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes, seconds) =
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days}d {hours:02}:{minutes:02}"),
    }
}

/// With one digit behind the point, if it is not 0.
fn tenths(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// With so many digits behind the point, or as a power of ten where that would say nothing.
fn number(value: f64, digits: usize) -> String {
    if value.is_finite() && value.abs() >= 1e6 { format!("{value:.2e}") } else { format!("{value:.digits$}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::objective::Cost;

    fn told(j: f64) -> Told {
        let cost = Cost { reconstruction: j, rho_hat: vec![0.0104, 0.012], ..Cost::default() };
        let progress = Progress { step: 100, cost, samples: 1_234_000, seconds: 1.0, ..Progress::default() };
        Told::by(&progress, &Objective::default())
    }

    const COURSE: Course = Course { steps: 800, done: 0, epoch: None, time: None };

    fn seen(width: usize) -> String {
        line(&COURSE, (100, Duration::from_secs(10)), Some(&told(0.3467)), Some(width))
    }

    #[test]
    fn whole_items_fit_any_width_and_the_most_important_stay() {
        let all = seen(1000);
        let words: Vec<&str> = all.split([' ', ',', ':']).collect();
        for width in 0..200 {
            let line = seen(width);
            assert!(measure_text_width(&line) <= width, "{width}: {line}");
            assert!(
                line.split([' ', ',', ':']).all(|word| word.is_empty() || words.contains(&word)),
                "{line}"
            );
        }
        assert_eq!(seen(6), "");
        assert_eq!(seen(7), "100/800");
        assert_eq!(seen(39), "█░░░░░░░ 100/800  J 0.3467  1:10 left");
        assert_eq!(seen(79), "100/800  J 0.3467: reconstruction 0.347, decay 0.000, kl 0.000  1:10 left");
        let wide = "█░░░░░░░ 100/800  J 0.3467: reconstruction 0.347, decay 0.000, kl 0.000  ρ̂ 0.0112  dead 0  \
                    saturated 0  1,234,000 samples/s  0:10 elapsed  1:10 left";
        assert_eq!(all, wide);
    }

    #[test]
    fn held_out_examples_and_epochs_are_told_where_there_are_some() {
        let held_out = HeldOutCost { j: 0.5, reconstruction: 0.25, measures: None };
        let told = Told { held_out: Some(held_out), ..told(1.0) };
        let course = Course { epoch: Some(40), ..COURSE };
        let at = |width| line(&course, (100, Duration::from_secs(10)), Some(&told), width);
        let all = at(None);
        assert!(all.starts_with("100/800  epoch 2.5/20  J 1.0000"), "{all}");
        assert!(all.contains("  held-out J 0.5000, reconstruction 0.250  "), "{all}");
        assert!(at(Some(59)).contains("held-out J 0.5000  1:10 left"), "{}", at(Some(59)));
    }

    #[test]
    fn what_is_left_follows_from_this_sitting_or_from_its_limit() {
        let ten = Duration::from_secs(10);
        assert_eq!(left(&COURSE, 100, ten), Some(Duration::from_secs(70)));
        assert_eq!(left(&Course { done: 50, ..COURSE }, 100, ten), Some(Duration::from_secs(140)));
        assert_eq!(left(&Course { time: Some(3 * ten), ..COURSE }, 100, ten), Some(2 * ten));
        assert_eq!(left(&Course { time: Some(30 * ten), ..COURSE }, 100, ten), Some(7 * ten));
        // Nothing has been done yet, or the limit is over.
        assert_eq!(left(&COURSE, 0, ten), None);
        assert_eq!(left(&Course { done: 100, ..COURSE }, 100, ten), None);
        assert_eq!(left(&Course { time: Some(ten), ..COURSE }, 100, 2 * ten), Some(Duration::ZERO));
    }

    #[test]
    fn times_are_as_short_as_they_can_be_and_numbers_never_long() {
        let clocks = [0, 59, 60, 3599, 3600, 90_061].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(clocks, ["0:00", "0:59", "1:00", "59:59", "1:00:00", "1d 01:01"]);
        let numbers = [0.34651, 1234.5, 12_345_678.0, f64::NAN].map(|value| number(value, 4));
        assert_eq!(numbers, ["0.3465", "1234.5000", "1.23e7", "NaN"]);
        assert_eq!([0.0, 2.5, 20.0].map(tenths), ["0", "2.5", "20"]);
    }
}
