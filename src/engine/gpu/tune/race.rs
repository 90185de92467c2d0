//! Which kernel wins each product, and which memory: heats on ever larger pieces of the work, out of which slow kernels
//! drop, then rounds among the rest, all within a budget of time. Knows neither devices nor shaders, so that tests race
//! made-up times.

use std::fmt;

use crate::engine::gpu::kernel::Memory;
use crate::engine::gpu::kernel::variant::{Product, Variant};
use crate::error::Result;
use crate::verify::rig::Failure;
use crate::verify::running_error::kernels::Form;

/// Seconds of timing, compilation and checks apart.
pub const BUDGET: f64 = 1.5;
/// Seconds, everything counted, after which no further kernel is looked at; none is timed any more [`BUDGET`] later.
pub const PATIENCE: f64 = 5.0;
/// Seconds that a product shall last in the final; larger pieces tell no more.
const LONG_ENOUGH: f64 = 0.005;
/// Seconds that a submission lasts at least where products are shorter, so that its own cost does not count.
const SHORTEST: f64 = 0.001;
/// Most products of a submission.
const MOST: usize = 32;
/// Largest growth from heat to heat.
const GROWTH: f64 = 16.0;
/// Slower than the fastest of its product by this factor drops out of the first heat, whose piece is small, and out of
/// the later ones.
const HOPELESS: [f64; 2] = [4.0, 1.5];
/// Rounds of the final.
const ROUNDS: usize = 4;
/// What is chosen by kind stays unless another is faster by this factor: noise shall not decide.
const CLEARLY: f64 = 1.03;

/// The three products, and how many of each a step has.
pub const FORMS: [(Form, f64); 3] = [(Form::Nt, 2.0), (Form::Nn, 1.0), (Form::Tn, 2.0)];

/// Who runs: a kernel for one product, reading from one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The product.
    pub form: Form,
    /// Its kernel.
    pub product: Product,
    /// Where it reads.
    pub memory: Memory,
}

impl Lane {
    /// Its kernel for all products.
    pub fn variant(self) -> Variant {
        Variant::of(self.product, self.memory)
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", name(self.form), self.variant())
    }
}

/// What is raced on.
pub trait Course {
    /// Compiles a kernel and compares it with the reference.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn check(&mut self, lane: Lane) -> Result<(), Failure>;

    /// Seconds since the race began, everything counted.
    fn elapsed(&self) -> f64;

    /// Seconds that `count` products on the piece at hand take in one submission, copies into textures included, and
    /// compilation not.
    ///
    /// # Errors
    /// Those of the device.
    fn time(&mut self, lane: Lane, count: usize) -> Result<f64>;

    /// Goes on to a piece about `growth` times as large; how many times it is, or `None` at the whole.
    ///
    /// # Errors
    /// Those of the device.
    fn enlarge(&mut self, growth: f64) -> Result<Option<f64>>;
}

/// What became of a runner.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// It ran to the end.
    Final,
    /// It dropped out.
    Slow,
    /// It computes something else than the reference, or the device refuses it.
    Wrong(String),
    /// There was no time for it.
    Late,
}

/// A runner, its seconds for a product on the last piece that it finished, and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Lap {
    /// Who.
    pub lane: Lane,
    /// Its best.
    pub seconds: Option<f64>,
    /// Its place.
    pub place: Place,
}

/// What came of a race.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The winners; `None` when some product has no kernel that is right.
    pub variant: Option<Variant>,
    /// Everyone.
    pub laps: Vec<Lap>,
    /// Seconds of timing.
    pub spent: f64,
}

/// Races all kernels of `variants`, of which `favourite` goes first and wins ties.
///
/// # Errors
/// Those of the course.
pub fn race(course: &mut dyn Course, variants: &[Variant], favourite: Variant) -> Result<Finish> {
    let lanes = |variant: &Variant| {
        let of = |form| Lane { form, product: of_form(*variant, form), memory: variant.memory };
        FORMS.map(|(form, _)| of(form))
    };
    let others = variants.iter().filter(|variant| **variant != favourite);
    let lanes = std::iter::once(&favourite).chain(others).flat_map(lanes);
    let laps = lanes.map(|lane| Lap { lane, seconds: None, place: Place::Final }).collect();
    let mut race = Race { course, favourite, laps, spent: 0.0 };
    race.admit();
    race.heats()?;
    race.rounds()?;
    let variant = race.winner();
    Ok(Finish { variant, laps: race.laps, spent: race.spent })
}

/// A form as people are told of it, and as `rhohat bench` has it.
pub fn name(form: Form) -> &'static str {
    match form {
        Form::Nt => "NT",
        Form::Nn => "NN",
        Form::Tn => "TN",
    }
}

/// The kernel of a form.
pub fn of_form(variant: Variant, form: Form) -> Product {
    match form {
        Form::Nt => variant.nt,
        Form::Nn => variant.nn,
        Form::Tn => variant.tn,
    }
}

struct Race<'c> {
    course: &'c mut dyn Course,
    favourite: Variant,
    laps: Vec<Lap>,
    spent: f64,
}

impl Race<'_> {
    /// Only what is right may start, and what there is time for.
    fn admit(&mut self) {
        for i in 0..self.laps.len() {
            let lane = self.laps[i].lane;
            if self.course.elapsed() > PATIENCE && !self.is_favourite(lane) {
                self.laps[i].place = Place::Late;
            } else if let Err(failure) = self.course.check(lane) {
                self.laps[i].place = Place::Wrong(failure.to_string());
            }
        }
    }

    fn heats(&mut self) -> Result<()> {
        let mut growth = 1.0;
        for heat in 0.. {
            let times = self.heat(growth)?;
            let is_whole = times.len() == self.running().len();
            // A heat that was cut short counts only where there is no earlier one.
            if is_whole || heat == 0 {
                self.take(&times);
            }
            self.drop_slow(HOPELESS[heat.min(1)])?;
            let longest = self.longest();
            if !is_whole || longest >= LONG_ENOUGH {
                break;
            }
            match self.course.enlarge((LONG_ENOUGH / longest).clamp(2.0, GROWTH))? {
                Some(factor) => growth = factor,
                None => break,
            }
        }
        Ok(())
    }

    /// Times of those still running, in their order, until the budget would be overdrawn.
    fn heat(&mut self, growth: f64) -> Result<Vec<(usize, f64)>> {
        let mut times = Vec::new();
        for i in self.running() {
            let expected = self.laps[i].seconds.unwrap_or(0.0) * growth;
            if self.is_over(expected) {
                break;
            }
            times.push((i, self.measure(self.laps[i].lane)?));
        }
        Ok(times)
    }

    fn measure(&mut self, lane: Lane) -> Result<f64> {
        let once = self.course.time(lane, 1)?;
        self.spent += once;
        if once >= SHORTEST {
            return Ok(once);
        }
        let count = ((SHORTEST / once).ceil() as usize).clamp(2, MOST);
        let several = self.course.time(lane, count)?;
        self.spent += several;
        Ok(several / count as f64)
    }

    /// Who has no time after the first heat did not get to run.
    fn take(&mut self, times: &[(usize, f64)]) {
        times.iter().for_each(|&(i, seconds)| self.laps[i].seconds = Some(seconds));
        for i in self.running() {
            if self.laps[i].seconds.is_none() && !self.is_favourite(self.laps[i].lane) {
                self.laps[i].place = Place::Late;
            }
        }
    }

    /// The slow drop out, each after a second try: the machine may have done something else during the first.
    fn drop_slow(&mut self, factor: f64) -> Result<()> {
        for i in self.running() {
            let (lane, Some(first)) = (self.laps[i].lane, self.laps[i].seconds) else { continue };
            let Some((_, best)) = self.best(lane.form, None).filter(|_| !self.is_favourite(lane)) else {
                continue;
            };
            if first > factor * best {
                let second = if self.is_over(first) { first } else { self.measure(lane)? };
                self.laps[i].seconds = Some(first.min(second));
                if second > factor * best {
                    self.laps[i].place = Place::Slow;
                }
            }
        }
        Ok(())
    }

    /// Takes turns, so that what the machine does meanwhile strikes all.
    fn rounds(&mut self) -> Result<()> {
        for _ in 0..ROUNDS {
            for i in self.running() {
                let Some(before) = self.laps[i].seconds else { continue };
                if self.is_over(before.max(2.0 * SHORTEST)) {
                    return Ok(());
                }
                let seconds = self.measure(self.laps[i].lane)?;
                self.laps[i].seconds = Some(before.min(seconds));
            }
        }
        Ok(())
    }

    /// Whether there is no time left for a measurement of so many seconds.
    fn is_over(&self, seconds: f64) -> bool {
        self.spent + seconds >= BUDGET || self.course.elapsed() > PATIENCE + BUDGET
    }

    fn running(&self) -> Vec<usize> {
        (0..self.laps.len()).filter(|&i| self.laps[i].place == Place::Final).collect()
    }

    fn is_favourite(&self, lane: Lane) -> bool {
        lane.memory == self.favourite.memory && lane.product == of_form(self.favourite, lane.form)
    }

    /// The fastest of a form, in one memory or in any.
    fn best(&self, form: Form, memory: Option<Memory>) -> Option<(Lane, f64)> {
        let of_form = self.laps.iter().filter(|lap| lap.place == Place::Final && lap.lane.form == form);
        let found = of_form.filter(|lap| memory.is_none_or(|memory| memory == lap.lane.memory));
        let timed = found.filter_map(|lap| Some((lap.lane, lap.seconds?)));
        timed.min_by(|a, b| self.handicapped(*a).total_cmp(&self.handicapped(*b)))
    }

    /// The time with which a runner competes.
    fn handicapped(&self, (lane, seconds): (Lane, f64)) -> f64 {
        if self.is_favourite(lane) { seconds / CLEARLY } else { seconds }
    }

    /// The time of the fastest in the slowest product.
    fn longest(&self) -> f64 {
        let bests = FORMS.iter().filter_map(|&(form, _)| self.best(form, None));
        bests.map(|(_, seconds)| seconds).fold(f64::MIN_POSITIVE, f64::max)
    }

    /// The memory in which the products of a step take least, and the fastest kernels there.
    fn winner(&self) -> Option<Variant> {
        let memories = [self.favourite.memory, other(self.favourite.memory)];
        let finished = memories.into_iter().filter_map(|memory| self.in_memory(memory));
        let fastest = finished.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(variant, _)| variant);
        // Where nothing could be timed, what is right and was chosen by kind.
        fastest.or_else(|| self.is_right(self.favourite).then_some(self.favourite))
    }

    /// The fastest kernels in a memory, and the time of a step's products with them.
    fn in_memory(&self, memory: Memory) -> Option<(Variant, f64)> {
        let bests = FORMS.map(|(form, weight)| Some((self.best(form, Some(memory))?, weight)));
        let [nt, nn, tn] = bests;
        let bests = [nt?, nn?, tn?];
        let total: f64 = bests.iter().map(|&((_, seconds), weight)| weight * seconds).sum();
        let [nt, nn, tn] = bests.map(|((lane, _), _)| lane.product);
        let handicap = if memory == self.favourite.memory { CLEARLY } else { 1.0 };
        Some((Variant { nt, nn, tn, memory }, total / handicap))
    }

    fn is_right(&self, variant: Variant) -> bool {
        let of_it = |lap: &&Lap| {
            lap.lane.memory == variant.memory && lap.lane.product == of_form(variant, lap.lane.form)
        };
        self.laps.iter().filter(of_it).all(|lap| !matches!(lap.place, Place::Wrong(_)))
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
