//! Which kernel is the fastest for each product, and which memory: a racing algorithm. Rounds over ever larger products,
//! after each of which slow kernels drop out, then rounds of the final among the rest, all within a budget of time. Then the
//! winners are checked; where one is wrong, the next takes its place. Knows neither devices nor shaders, so that tests race
//! made-up times.
//!
//! To check a kernel takes several pipelines, to time it one: were all checked first, there would be no time left where
//! drivers compile slowly.

use super::candidate::{Candidate, Runner, Status, Timing, Verdict};
use crate::engine::variant::{Memory, Product, Variant};
use crate::error::Result;
use crate::math::transpose::Transpose;

/// Seconds of timing, compilation and checks apart.
pub const BUDGET: f64 = 1.5;
/// Seconds, everything counted, after which no further kernel is looked at; none is timed any more [`BUDGET`] later. The
/// winners are checked all the same.
pub const PATIENCE: f64 = 5.0;
/// Seconds that a product shall last in the final; larger ones tell no more.
const LONG_ENOUGH: f64 = 0.005;
/// Seconds that a submission lasts at least where products are shorter, so that its own cost does not count.
const SHORTEST: f64 = 0.001;
/// Most products of a submission.
const MOST: usize = 32;
/// Largest growth of the work from round to round.
const GROWTH: f64 = 16.0;
/// Slower than the fastest of its product by this factor drops out of the first round, whose products are small, and out
/// of the later ones.
const HOPELESS: [f64; 2] = [4.0, 1.5];
/// Rounds of the final.
const FINAL_ROUNDS: usize = 4;
/// The kernel chosen by kind stays unless another is faster by this factor: noise shall not decide.
const CLEARLY: f64 = 1.03;

/// The three products, and how many of each a step has.
pub const PRODUCTS: [(Transpose, f64); 3] =
    [(Transpose::Nt, 2.0), (Transpose::Nn, 1.0), (Transpose::Tn, 2.0)];

/// The result of a race.
#[derive(Clone, Debug)]
pub struct RaceResult {
    /// The winners; `None` when some product has no kernel that is right.
    pub variant: Option<Variant>,
    /// All candidates.
    pub timings: Vec<Timing>,
    /// Those that were checked and are right.
    pub right: Vec<Candidate>,
    /// Seconds of timing.
    pub spent: f64,
}

/// Races all kernels of `variants`, in their order; those of `favourite` go first and win ties. What is `known` is not checked
/// again, and not timed either where it is faulty.
///
/// # Errors
/// Those of the runner.
pub fn race(
    runner: &mut dyn Runner,
    variants: &[Variant],
    favourite: Variant,
    known: &[Verdict],
) -> Result<RaceResult> {
    let of = |variant| PRODUCTS.map(|(transpose, _)| Candidate::of(variant, transpose));
    let others = variants.iter().copied().flat_map(of).filter(|candidate| !candidate.is_of(favourite));
    let fault = |candidate| known.iter().find(|known| known.0 == candidate)?.1.clone().err();
    let status = |candidate| fault(candidate).map_or(Status::Final, Status::Faulty);
    let timing = |candidate| Timing { candidate, seconds: None, status: status(candidate) };
    let right = known.iter().filter(|known| known.1.is_ok()).map(|known| known.0).collect();
    let timings = of(favourite).into_iter().chain(others).map(timing).collect();
    let mut race = Race { runner, favourite, timings, right, spent: 0.0 };
    race.qualify()?;
    race.finish()?;
    let variant = race.checked_winner();
    let Race { timings, right, spent, .. } = race;
    Ok(RaceResult { variant, timings, right, spent })
}

struct Race<'r> {
    runner: &'r mut dyn Runner,
    favourite: Variant,
    timings: Vec<Timing>,
    /// Candidates that were checked and are right.
    right: Vec<Candidate>,
    spent: f64,
}

impl Race<'_> {
    /// Rounds over ever larger products.
    fn qualify(&mut self) -> Result<()> {
        let mut growth = 1.0;
        for number in 0.. {
            let times = self.round(growth)?;
            let is_whole = times.len() == self.remaining().len();
            // A round that was cut short counts only where there is no earlier one.
            if is_whole || number == 0 {
                self.take(&times);
            }
            self.drop_slow(HOPELESS[number.min(1)])?;
            let longest = self.longest();
            if !is_whole || longest >= LONG_ENOUGH {
                break;
            }
            match self.runner.enlarge((LONG_ENOUGH / longest).clamp(2.0, GROWTH))? {
                Some(factor) => growth = factor,
                None => break,
            }
        }
        Ok(())
    }

    /// Times of the remaining candidates, in their order, until the budget would be overdrawn.
    fn round(&mut self, growth: f64) -> Result<Vec<(usize, f64)>> {
        let mut times = Vec::new();
        for i in self.remaining() {
            let Timing { candidate, seconds, .. } = self.timings[i];
            if self.is_over(seconds.unwrap_or(0.0) * growth) {
                break;
            }
            if seconds.is_some() || self.admits(i) {
                times.push((i, self.measure(candidate)?));
            }
        }
        Ok(times)
    }

    /// Whether there is time to look at a candidate, and the device takes it.
    fn admits(&mut self, i: usize) -> bool {
        let candidate = self.timings[i].candidate;
        let refused = if self.runner.elapsed() > PATIENCE && !self.is_favourite(candidate) {
            Some(Status::Late)
        } else {
            self.runner.prepare(candidate).err().map(Status::Faulty)
        };
        let is_admitted = refused.is_none();
        if let Some(status) = refused {
            self.timings[i].status = status;
        }
        is_admitted
    }

    fn measure(&mut self, candidate: Candidate) -> Result<f64> {
        let once = self.runner.time(candidate, 1)?;
        self.spent += once;
        if once >= SHORTEST {
            return Ok(once);
        }
        let count = ((SHORTEST / once).ceil() as usize).clamp(2, MOST);
        let several = self.runner.time(candidate, count)?;
        self.spent += several;
        Ok(several / count as f64)
    }

    /// A candidate without a time after the first round had no time left to be run.
    fn take(&mut self, times: &[(usize, f64)]) {
        times.iter().for_each(|&(i, seconds)| self.timings[i].seconds = Some(seconds));
        for i in self.remaining() {
            if self.timings[i].seconds.is_none() && !self.is_favourite(self.timings[i].candidate) {
                self.timings[i].status = Status::Late;
            }
        }
    }

    /// The slow drop out, each after a second try: the machine may have done something else during the first.
    fn drop_slow(&mut self, factor: f64) -> Result<()> {
        for i in self.remaining() {
            let (candidate, Some(first)) = (self.timings[i].candidate, self.timings[i].seconds) else {
                continue;
            };
            let best = self.best(candidate.transpose).filter(|_| !self.is_favourite(candidate));
            let Some((_, best)) = best else { continue };
            if first > factor * best {
                let second = if self.is_over(first) { first } else { self.measure(candidate)? };
                self.timings[i].seconds = Some(first.min(second));
                if second > factor * best {
                    self.timings[i].status = Status::Slow;
                }
            }
        }
        Ok(())
    }

    /// The final takes turns, so that the machine's other work strikes all.
    fn finish(&mut self) -> Result<()> {
        for _ in 0..FINAL_ROUNDS {
            for i in self.remaining() {
                let Some(before) = self.timings[i].seconds else { continue };
                if self.is_over(before.max(2.0 * SHORTEST)) {
                    return Ok(());
                }
                let seconds = self.measure(self.timings[i].candidate)?;
                self.timings[i].seconds = Some(before.min(seconds));
            }
        }
        Ok(())
    }

    /// Whether there is no time left for a measurement of so many seconds.
    fn is_over(&self, seconds: f64) -> bool {
        self.spent + seconds >= BUDGET || self.runner.elapsed() > PATIENCE + BUDGET
    }

    fn remaining(&self) -> Vec<usize> {
        (0..self.timings.len()).filter(|&i| self.timings[i].status == Status::Final).collect()
    }

    fn is_favourite(&self, candidate: Candidate) -> bool {
        candidate.is_of(self.favourite)
    }

    /// The fastest for a product among those of memories that have a right kernel for every product: no other can win.
    fn best(&self, transpose: Transpose) -> Option<(Candidate, f64)> {
        let of_product = self.timings.iter().filter(|timing| timing.candidate.transpose == transpose);
        self.fastest(of_product.filter(|timing| self.is_complete(timing.candidate.memory)), &Status::Final)
    }

    /// The fastest of some, of those that ended alike.
    fn fastest<'t>(
        &self,
        among: impl Iterator<Item = &'t Timing>,
        status: &Status,
    ) -> Option<(Candidate, f64)> {
        let timed = among.filter(|timing| timing.status == *status);
        let timed = timed.filter_map(|timing| Some((timing.candidate, timing.seconds?)));
        timed.min_by(|a, b| self.handicapped(*a).total_cmp(&self.handicapped(*b)))
    }

    /// Whether every product has a kernel in a memory that has not been found wrong.
    fn is_complete(&self, memory: Memory) -> bool {
        let is_right = |timing: &&Timing| !matches!(timing.status, Status::Faulty(_));
        PRODUCTS.iter().all(|&(transpose, _)| {
            let of_product = self.timings.iter().filter(|timing| timing.candidate.transpose == transpose);
            of_product.filter(is_right).any(|timing| timing.candidate.memory == memory)
        })
    }

    /// The time with which a candidate competes.
    fn handicapped(&self, (candidate, seconds): (Candidate, f64)) -> f64 {
        if self.is_favourite(candidate) { seconds / CLEARLY } else { seconds }
    }

    /// The time of the fastest in the slowest product.
    fn longest(&self) -> f64 {
        let bests = PRODUCTS.iter().filter_map(|&(transpose, _)| self.best(transpose));
        bests.map(|(_, seconds)| seconds).fold(f64::MIN_POSITIVE, f64::max)
    }

    /// The winner, once all of its kernels have been found right.
    fn checked_winner(&mut self) -> Option<Variant> {
        loop {
            let winner = self.winner()?;
            let is_new = |candidate: &Candidate| !self.right.contains(candidate);
            let unchecked = PRODUCTS.map(|(transpose, _)| Candidate::of(winner, transpose));
            let unchecked: Vec<Candidate> = unchecked.into_iter().filter(is_new).collect();
            if unchecked.is_empty() {
                return Some(winner);
            }
            for candidate in unchecked {
                match self.runner.check(candidate) {
                    Ok(()) => self.right.push(candidate),
                    Err(fault) => {
                        let it = self.timings.iter_mut().find(|timing| timing.candidate == candidate);
                        it.expect("a winner takes part").status = Status::Faulty(fault);
                    }
                }
            }
        }
    }

    /// The memory in which the products of a step take least, and the fastest kernels there; none that has been found wrong.
    fn winner(&self) -> Option<Variant> {
        let memories = [self.favourite.memory, other(self.favourite.memory)];
        let finished = memories.into_iter().filter_map(|memory| self.in_memory(memory));
        finished.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(variant, _)| variant)
    }

    /// The fastest kernels in a memory, and the time of a step's products with them: infinite if some were not timed to
    /// the end.
    fn in_memory(&self, memory: Memory) -> Option<(Variant, f64)> {
        let mut total = 0.0;
        let mut pick = |(transpose, weight)| {
            let (product, seconds) = self.pick(transpose, memory)?;
            total += weight * seconds;
            Some(product)
        };
        let [nt, nn, tn] = PRODUCTS.map(&mut pick);
        let (nt, nn, tn) = (nt?, nn?, tn?);
        let handicap = if memory == self.favourite.memory { CLEARLY } else { 1.0 };
        Some((Variant { nt, nn, tn, memory }, total / handicap))
    }

    /// The fastest kernel for a product in a memory. Where a wrong one has driven out all others, or none was timed: the
    /// favourite; else the fastest of those that dropped out, whose times may be of smaller products; else the first.
    fn pick(&self, transpose: Transpose, memory: Memory) -> Option<(Product, f64)> {
        let of_product = |timing: &&Timing| {
            let Timing { candidate, status, .. } = timing;
            (candidate.transpose, candidate.memory) == (transpose, memory)
                && !matches!(status, Status::Faulty(_))
        };
        let all = || self.timings.iter().filter(of_product);
        if let Some((candidate, seconds)) = self.fastest(all(), &Status::Final) {
            return Some((candidate.product, seconds));
        }
        let favourite = all().map(|timing| timing.candidate).find(|candidate| self.is_favourite(*candidate));
        let dropped = || self.fastest(all(), &Status::Slow).map(|(candidate, _)| candidate);
        let any = || all().map(|timing| timing.candidate).next();
        let candidate = favourite.or_else(dropped).or_else(any)?;
        Some((candidate.product, f64::INFINITY))
    }
}

fn other(memory: Memory) -> Memory {
    match memory {
        Memory::Buffers => Memory::Textures,
        Memory::Textures => Memory::Buffers,
    }
}

#[cfg(test)]
mod tests;
