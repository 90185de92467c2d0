//! What the numbers say: who is faster, from which size on, and whether the machine was quiet enough to tell.

use super::table::{count, figure, percent};
use crate::bench::row::{Row, What};
use crate::bench::stats::{NOISY, Ratio};
use crate::bench::tasks::Bench;

/// Where the second of two overtakes the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crossover {
    /// The first is faster at every size.
    FirstEverywhere,
    /// The second is.
    SecondEverywhere,
    /// From this much work a step on, the second is.
    From(f64),
    /// The lead changes otherwise, or there is nothing to compare.
    Unclear,
}

/// The crossover among points of (work, speed of the second relative to the first), in the order of the work. Between
/// two points the ratio is a power of the work.
pub fn crossover(points: &[(f64, f64)]) -> Crossover {
    let leads: Vec<bool> = points.iter().map(|&(_, ratio)| ratio > 1.0).collect();
    let changes = leads.windows(2).filter(|pair| pair[0] != pair[1]).count();
    match (leads.first(), changes) {
        (Some(true), 0) => Crossover::SecondEverywhere,
        (Some(false), 0) => Crossover::FirstEverywhere,
        (Some(false), 1) => {
            let after = leads.iter().position(|&lead| lead).expect("the lead changes once");
            let ((w0, r0), (w1, r1)) = (points[after - 1], points[after]);
            let part = -r0.ln() / (r1.ln() - r0.ln());
            Crossover::From((w0.ln() + part * (w1 / w0).ln()).exp())
        }
        _ => Crossover::Unclear,
    }
}

/// How fast a row is beside another, with its uncertainty.
pub fn compared(row: &Row, with: &Row) -> Option<Ratio> {
    Some(Ratio::of_speeds(&row.times?, &with.times?))
}

/// A sentence for each contender after the first.
pub fn verdicts(bench: &Bench) -> Vec<String> {
    let Some((first, others)) = bench.contenders.split_first() else { return Vec::new() };
    let steps =
        |device: &str| bench.rows_of(What::Step).filter(|row| row.device == device).collect::<Vec<_>>();
    let ours = steps(&first.device);
    let verdict = |other: &crate::bench::Contender| {
        let theirs = steps(&other.device);
        let pairs: Vec<_> =
            ours.iter().zip(&theirs).filter_map(|(a, b)| Some((a.shape?.flops(), compared(b, a)?))).collect();
        let points: Vec<_> = pairs.iter().map(|&(work, ratio)| (work, ratio.value)).collect();
        let clear =
            if pairs.iter().all(|(_, ratio)| ratio.is_clear()) { "" } else { ", at some within the noise" };
        let (a, b) = (&first.device, &other.device);
        match crossover(&points) {
            Crossover::FirstEverywhere => format!("{a} is faster than {b} at every size measured{clear}."),
            Crossover::SecondEverywhere => format!("{b} is faster than {a} at every size measured{clear}."),
            Crossover::From(work) => {
                format!("{b} overtakes {a} at about {}FLOP a step{clear}.", count(work))
            }
            Crossover::Unclear => format!("the lead between {a} and {b} changes without order{clear}."),
        }
    };
    others.iter().map(verdict).collect()
}

/// Causes and remedies of what may be wrong with the numbers.
pub fn warnings(bench: &Bench) -> Vec<String> {
    let mut warnings = Vec::new();
    let timed: Vec<(&Row, f64)> =
        bench.rows.iter().filter_map(|row| Some((row, row.times?.spread()))).collect();
    let noisy: Vec<_> = timed.iter().filter(|(_, spread)| *spread > NOISY).collect();
    if let Some((row, spread)) = noisy.iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        warnings.push(format!(
            "{} of {} measurements scatter by more than {} between their quartiles, worst {} by {}: other programs \
             are using the processor; close them, or trust the best times",
            noisy.len(),
            timed.len(),
            percent(NOISY),
            row.name(),
            percent(*spread)
        ));
    }
    let above = bench.rows.iter().filter(|row| matches!(row.what, What::Step | What::Product));
    let above = above.filter_map(|row| Some((row, row.share_of_ceiling?)));
    if let Some((row, share)) = above.filter(|(_, share)| *share > 1.0).max_by(|a, b| a.1.total_cmp(&b.1)) {
        warnings.push(format!(
            "{} runs at {} of the ceiling: the machine was busier while that was measured; run again",
            row.name(),
            percent(share)
        ));
    }
    warnings
}

/// A ratio with its uncertainty.
pub fn ratio(ratio: Ratio) -> String {
    format!("{} ± {}", figure(ratio.value), figure(ratio.uncertainty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crossover_lies_where_the_ratio_is_one() {
        assert_eq!(crossover(&[]), Crossover::Unclear);
        assert_eq!(crossover(&[(1.0, 0.5)]), Crossover::FirstEverywhere);
        assert_eq!(crossover(&[(1.0, 2.0), (2.0, 3.0)]), Crossover::SecondEverywhere);
        assert_eq!(crossover(&[(1.0, 2.0), (2.0, 0.5)]), Crossover::Unclear);
        assert_eq!(crossover(&[(1.0, 0.5), (2.0, 2.0), (3.0, 0.5)]), Crossover::Unclear);
        // From ½ at 10⁶ to 2 at 10⁸: 1 is half way, on the logarithmic scale.
        let Crossover::From(work) = crossover(&[(1e5, 0.25), (1e6, 0.5), (1e8, 2.0), (1e9, 3.0)]) else {
            panic!("there is one crossover")
        };
        assert!((work / 1e7 - 1.0).abs() < 1e-12, "{work}");
    }
}
