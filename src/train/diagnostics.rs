//! Whether hidden units do any work: dead, saturated, collapsed and duplicate ones, counted.

mod duplicates;
mod sketch;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Layer};
use crate::error::Result;
use crate::io::text::counted;
use crate::math::objective::{Activation, Cost, Objective};
use crate::math::params::Params;
use crate::train::measures::Active;
pub use duplicates::{COSINE, Duplicates, PAIRS, compared_units, duplicates, duplicates_within};

/// A unit whose ρ̂ is below this share of ρ counts as dead.
pub const DEAD: f64 = 0.1;
/// A unit whose ρ̂ is above this counts as saturated.
pub const SATURATED: f64 = 0.9;
/// A unit whose active fraction spreads over the examples (standard deviation) by less than this share of its mean, or of
/// what that lacks to 1, counts as collapsed: one that is active in one example of a hundred spreads by ten times its mean.
pub const COLLAPSED: f64 = 0.05;

/// Examples over which collapsed units are looked for in the end: no more work than a few steps.
pub const JUDGED: usize = 2_000;

/// Activations that are held at a time, numbers: few beside the tensors of a layer that is wide.
const HELD: usize = 1 << 22;
/// Units whose spread one task adds up: their sums stay in the first-level cache.
const TASK: usize = 512;

/// Whether a unit of this ρ̂ is dead: below [`DEAD`] of what the penalty holds it to.
pub fn is_dead(rho_hat: f64, objective: &Objective) -> bool {
    rho_hat < DEAD * objective.penalty.rho
}

/// How many units of `rho_hat` `[h]` are dead.
pub fn dead(rho_hat: &[f64], objective: &Objective) -> usize {
    rho_hat.iter().filter(|&&rho_hat| is_dead(rho_hat, objective)).count()
}

/// How many units of `rho_hat` `[h]` are saturated: above [`SATURATED`].
pub fn saturated(rho_hat: &[f64]) -> usize {
    rho_hat.iter().filter(|&&rho_hat| is_saturated(rho_hat)).count()
}

/// Whether a unit of this ρ̂ is saturated: above [`SATURATED`].
pub fn is_saturated(rho_hat: f64) -> bool {
    rho_hat > SATURATED
}

/// How many units have which fault; a unit may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnitDiagnostics {
    /// See [`is_dead`].
    pub dead: usize,
    /// See [`saturated`].
    pub saturated: usize,
    /// Units whose active fraction hardly depends on the example, see [`COLLAPSED`].
    pub collapsed: usize,
    /// Examples that the standard deviation was taken over.
    pub collapsed_over: usize,
    /// Units whose encoder row points where that of an earlier unit does; see `duplicates`.
    pub duplicates: usize,
    /// Units that were compared with all earlier ones; where they are fewer than h, `duplicates` is an estimate.
    pub duplicates_over: usize,
}

impl UnitDiagnostics {
    /// Counts at `params`, which are the engine's, with the ρ̂ of `cost`; collapsed units over the examples `rows`, whose
    /// activations come back, added up. `each` is handed them piece by piece: the rows, and `[rows, h]`.
    ///
    /// # Errors
    /// Those of [`Engine::activations`].
    pub fn measure(
        engine: &mut dyn Engine,
        objective: &Objective,
        cost: &Cost,
        params: &Params<f32>,
        rows: &[usize],
        each: &mut dyn FnMut(&[usize], &[f32]),
    ) -> Result<(Self, Spread, Duplicates)> {
        let spread = Spread::measure(engine, rows, each)?;
        let (units, duplicates) = Self::of(objective, cost, params, &spread);
        Ok((units, spread, duplicates))
    }

    /// Counts at `params`, with the ρ̂ of `cost`; collapsed units by the `spread` of their activations.
    pub fn of(
        objective: &Objective,
        cost: &Cost,
        params: &Params<f32>,
        spread: &Spread,
    ) -> (Self, Duplicates) {
        let duplicates = duplicates(&params.w1, params.shape.visible);
        let units = Self {
            dead: dead(&cost.rho_hat, objective),
            saturated: saturated(&cost.rho_hat),
            collapsed: spread.collapsed(),
            collapsed_over: spread.rows,
            duplicates: duplicates.count,
            duplicates_over: duplicates.compared,
        };
        (units, duplicates)
    }

    /// The last two counts in words, with what they were taken over.
    pub fn likeness(&self, hidden: usize) -> String {
        let Self { collapsed, collapsed_over, duplicates, duplicates_over: compared, .. } = self;
        let about = if *compared < hidden { "about " } else { "" };
        let over = counted(*collapsed_over, "example");
        let spread = match collapsed {
            0 => format!("all differ from example to example (over {over})"),
            _ => format!("{collapsed} nearly the same for every example (over {over})"),
        };
        format!("{spread}, {about}{} ({compared} compared)", counted(*duplicates, "duplicate"))
    }
}

/// Bytes that [`UnitDiagnostics::measure`] holds for a while, of activations of `rows` examples.
pub fn held_bytes(hidden: usize, rows: usize) -> u64 {
    4 * (hidden * rows).min(HELD.max(hidden)) as u64
}

/// At most `most` of `examples` rows, evenly spaced.
pub fn spaced(examples: usize, most: usize) -> Vec<usize> {
    let count = examples.min(most);
    (0..count).map(|i| (i as u128 * examples as u128 / count as u128) as usize).collect()
}

/// The spread of every unit's activation and how many are active at once, from rows that come in pieces. Sums are those of
/// differences from the first row: a unit that is always nearly 1 loses no digits.
#[derive(Debug)]
pub struct Spread {
    activation: Activation,
    rows: usize,
    units: Vec<Unit>,
    active: Active,
}

#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    first: f32,
    sum: f64,
    squares: f64,
}

impl Spread {
    /// Of `hidden` units with this activation, over no rows yet.
    pub fn new(hidden: usize, activation: Activation) -> Self {
        let active = Active::new(activation, hidden);
        Self { activation, rows: 0, units: vec![Unit::default(); hidden], active }
    }

    /// Over the examples `rows`, whose activations `each` is handed piece by piece: the rows, and `[rows, h]`.
    ///
    /// # Errors
    /// Those of [`Engine::activations`].
    pub fn measure(
        engine: &mut dyn Engine,
        rows: &[usize],
        each: &mut dyn FnMut(&[usize], &[f32]),
    ) -> Result<Self> {
        let hidden = engine.shape().hidden;
        let mut spread = Self::new(hidden, engine.objective().activation);
        for rows in rows.chunks((HELD / hidden).max(1)) {
            let a2 = engine.activations(Layer::Hidden, rows)?;
            spread.add(&a2);
            each(rows, &a2);
        }
        Ok(spread)
    }

    /// ρ̂ of each unit over these rows.
    pub fn rho_hat(&self) -> Vec<f64> {
        let fraction = self.activation.active_fraction();
        let mean = |unit: &Unit| f64::from(unit.first) + unit.sum / self.rows as f64;
        self.units.iter().map(|unit| fraction.at(mean(unit))).collect()
    }

    /// Mean number of active units of a row.
    pub fn l0(&self) -> f64 {
        self.active.l0()
    }

    /// Takes activations `[rows, h]`.
    pub fn add(&mut self, a2: &[f32]) {
        let hidden = self.units.len();
        if self.rows == 0 {
            self.units.iter_mut().zip(a2).for_each(|(unit, &a)| unit.first = a);
        }
        self.rows += a2.len() / hidden;
        self.active.add(a2);
        self.units.par_chunks_mut(TASK).enumerate().for_each(|(task, units)| {
            for row in a2.chunks_exact(hidden) {
                units.iter_mut().zip(&row[task * TASK..]).for_each(|(unit, &a)| unit.add(a));
            }
        });
    }

    /// How many units hardly depend on the example.
    fn collapsed(&self) -> usize {
        self.collapsed_units().filter(|&collapsed| collapsed).count()
    }

    /// Of each unit, whether it hardly depends on the example; see [`COLLAPSED`].
    pub fn collapsed_units(&self) -> impl Iterator<Item = bool> {
        let fraction = self.activation.active_fraction();
        let collapsed = move |(unit, deviation): (&Unit, f64)| {
            let mean = fraction.at(f64::from(unit.first) + unit.sum / self.rows as f64);
            // A unit at the very end of its range spreads by nothing of nothing.
            deviation * fraction.factor <= COLLAPSED * mean.min(1.0 - mean).max(0.0)
        };
        self.units.iter().zip(self.deviations()).map(collapsed)
    }

    /// The standard deviation of each unit's activation, over all rows.
    pub fn deviations(&self) -> impl Iterator<Item = f64> {
        let rows = self.rows as f64;
        self.units.iter().map(move |unit| (unit.squares / rows - (unit.sum / rows).powi(2)).max(0.0).sqrt())
    }
}

impl Unit {
    fn add(&mut self, a: f32) {
        let difference = f64::from(a) - f64::from(self.first);
        self.sum += difference;
        self.squares += difference * difference;
    }
}
