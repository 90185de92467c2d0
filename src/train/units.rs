//! Hidden units one by one: how often and how strongly each is active over all examples, in which most, and which fault it has.

use rayon::prelude::*;
use serde::Serialize;

use crate::math::objective::Objective;
use crate::train::diagnostics::{
    Duplicates, Spread, compared_units, duplicates_within, is_dead, is_saturated,
};
use crate::train::measures::active_above;

/// Pairs of units that are compared at most: all of 23 170 units, some 12 s for rows of 784 numbers on two cores of a Zen 3.
const PAIRS: usize = 1 << 28;
/// Units of one task: what is counted of them stays in the first-level cache.
const TASK: usize = 128;

/// A hidden unit over the examples of some data.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UnitRecord {
    /// Which unit, from 0.
    pub unit: usize,
    /// ρ̂, the mean active fraction, in [0, 1].
    pub rho_hat: f64,
    /// The share of the examples that make it active, by more than half of its range.
    pub density: f64,
    /// Its mean activation in those; `None` where there are none.
    pub mean_active: Option<f64>,
    /// Its largest activation.
    pub max: f32,
    /// ‖W1_j‖, the norm of its encoder row.
    pub norm: f64,
    /// Whether ρ̂ is below a tenth of ρ.
    pub dead: bool,
    /// Whether ρ̂ is above 0.9.
    pub saturated: bool,
    /// Whether its activation hardly depends on the example.
    pub collapsed: bool,
    /// Whether its encoder row was compared with those of all earlier units: of all, up to 23 170 of them, else of a sample.
    pub compared: bool,
    /// The first earlier unit whose encoder row points the same way (cosine above 0.98).
    pub duplicate_of: Option<usize>,
    /// The examples that excite it most, the strongest first; of equals the earlier one.
    pub top: Vec<Excitation>,
}

/// An example, and the activation of a unit there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Excitation {
    /// Which example, from 0.
    pub example: usize,
    /// The activation.
    pub activation: f32,
}

impl Excitation {
    /// Puts it into a list of at most `most`, the strongest first, if it belongs there; of equals the earlier stays in front.
    pub fn keep_in(self, list: &mut Vec<Self>, most: usize) {
        if list.len() >= most && list.last().is_none_or(|last| self.activation <= last.activation) {
            return;
        }
        let at = list.partition_point(|other| other.activation >= self.activation);
        list.insert(at, self);
        list.truncate(most);
    }
}

/// Bytes of the records of so many units with so many examples each, while they are taken.
pub fn bytes(hidden: usize, top: usize) -> u64 {
    let of_a_unit = size_of::<Counts>() + size_of::<UnitRecord>() + 2 * top * size_of::<Excitation>() + 64;
    (hidden as u64).saturating_mul(of_a_unit as u64)
}

/// Takes the activations of all examples, piece by piece.
#[derive(Debug)]
pub struct UnitStatistics {
    objective: Objective,
    threshold: f32,
    top: usize,
    rows: usize,
    counts: Vec<Counts>,
    spread: Spread,
}

/// What is known of a unit so far.
#[derive(Clone, Debug)]
struct Counts {
    sum: f64,
    active: u64,
    sum_active: f64,
    max: f32,
    top: Vec<Excitation>,
}

impl UnitStatistics {
    /// Of `hidden` units under an objective, each with the `top` examples that excite it most.
    pub fn new(hidden: usize, objective: Objective, top: usize) -> Self {
        let none = Counts { sum: 0.0, active: 0, sum_active: 0.0, max: f32::NEG_INFINITY, top: Vec::new() };
        Self {
            objective,
            threshold: active_above(objective.activation),
            top,
            rows: 0,
            counts: vec![none; hidden],
            spread: Spread::new(hidden, objective.activation),
        }
    }

    /// Takes activations `[rows, h]` of the next examples.
    pub fn add(&mut self, a2: &[f32]) {
        let (first, threshold, top) = (self.rows, self.threshold, self.top);
        let hidden = self.counts.len().max(1);
        self.spread.add(a2);
        self.rows += a2.len() / hidden;
        self.counts.par_chunks_mut(TASK).enumerate().for_each(|(task, counts)| {
            for (row, a2) in a2.chunks_exact(hidden).enumerate() {
                for (counts, &a) in counts.iter_mut().zip(&a2[task * TASK..]) {
                    counts.add(Excitation { example: first + row, activation: a }, threshold, top);
                }
            }
        });
    }

    /// The records of all units, in their order; `w1` `[h, n]` is the encoder.
    pub fn finish(self, w1: &[f32]) -> Vec<UnitRecord> {
        self.finish_within(w1, PAIRS)
    }

    fn finish_within(self, w1: &[f32], pairs: usize) -> Vec<UnitRecord> {
        let Self { objective, rows, counts, spread, .. } = self;
        let hidden = counts.len();
        let visible = (w1.len() / hidden.max(1)).max(1);
        let Duplicates { pairs: like, .. } = duplicates_within(w1, visible, pairs);
        let rows = rows.max(1) as f64;
        let fraction = objective.activation.active_fraction();
        let collapsed = spread.collapsed_units();
        let mut records: Vec<UnitRecord> = counts
            .into_iter()
            .zip(collapsed)
            .zip(w1.chunks_exact(visible))
            .enumerate()
            .map(|(unit, ((counts, collapsed), row))| {
                let rho_hat = fraction.at(counts.sum / rows);
                UnitRecord {
                    unit,
                    rho_hat,
                    density: counts.active as f64 / rows,
                    mean_active: (counts.active > 0).then(|| counts.sum_active / counts.active as f64),
                    max: counts.max,
                    norm: row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt(),
                    dead: is_dead(rho_hat, &objective),
                    saturated: is_saturated(rho_hat),
                    collapsed,
                    compared: false,
                    duplicate_of: None,
                    top: counts.top,
                }
            })
            .collect();
        compared_units(hidden, pairs).into_iter().for_each(|unit| records[unit].compared = true);
        like.into_iter().for_each(|(unit, other)| records[unit].duplicate_of = Some(other));
        records
    }
}

impl Counts {
    fn add(&mut self, excitation: Excitation, threshold: f32, top: usize) {
        let a = excitation.activation;
        self.sum += f64::from(a);
        self.max = self.max.max(a);
        if a > threshold {
            self.active += 1;
            self.sum_active += f64::from(a);
        }
        excitation.keep_in(&mut self.top, top);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::objective::{Activation, Penalty};
    use crate::math::params::{Params, Shape};

    const HIDDEN: usize = 5;

    /// Unit 0 follows the example, 1 is never active, 2 always alike, 3 in every third, 4 saturated.
    fn activations(rows: usize) -> Vec<f32> {
        let row =
            |i: usize| [i as f32 / rows as f32, 1e-4, 0.6, if i.is_multiple_of(3) { 0.9 } else { 0.1 }, 0.95];
        (0..rows).flat_map(row).collect()
    }

    fn records(a2: &[f32], piece: usize, pairs: usize) -> Vec<UnitRecord> {
        let objective =
            Objective { penalty: Penalty { rho: 0.1, ..Penalty::default() }, ..Objective::default() };
        let mut params = Params::random(Shape { visible: 3, hidden: HIDDEN }, 1);
        params.w1[..3].copy_from_slice(&[3.0, 0.0, 4.0]);
        params.w1[9..12].copy_from_slice(&[0.3, 0.0, 0.4]);
        let mut statistics = UnitStatistics::new(HIDDEN, objective, 3);
        a2.chunks(piece * HIDDEN).for_each(|a2| statistics.add(a2));
        statistics.finish_within(&params.w1, pairs)
    }

    #[test]
    fn each_unit_is_counted_by_itself() {
        let units = records(&activations(30), 30, PAIRS);
        let near = |x: f64, y: f64| (x - y).abs() < 1e-6;
        assert!(near(units[0].rho_hat, 14.5 / 30.0) && near(units[0].density, 14.0 / 30.0), "{units:?}");
        assert!(near(units[0].mean_active.unwrap(), 22.5 / 30.0) && units[0].max == 29.0 / 30.0);
        let places: Vec<usize> = units[0].top.iter().map(|it| it.example).collect();
        assert_eq!(places, [29, 28, 27]);
        // Of equals the earlier ones.
        let places: Vec<usize> = units[3].top.iter().map(|it| it.example).collect();
        assert_eq!((places, units[3].top[0].activation), (vec![0, 3, 6], 0.9));
        assert_eq!(units.iter().map(|it| it.dead).collect::<Vec<_>>(), [false, true, false, false, false]);
        assert_eq!(
            units.iter().map(|it| it.saturated).collect::<Vec<_>>(),
            [false, false, false, false, true]
        );
        assert_eq!(units.iter().map(|it| it.collapsed).collect::<Vec<_>>(), [false, true, true, false, true]);
        assert_eq!((units[0].norm, units[3].duplicate_of, units[1].mean_active), (5.0, Some(0), None));
        assert!(units.iter().all(|it| it.compared) && units[0].duplicate_of.is_none());
    }

    #[test]
    fn pieces_make_no_difference_and_units_that_were_not_compared_say_so() {
        let a2 = activations(50);
        let whole = records(&a2, 50, PAIRS);
        for piece in [1, 7, 49] {
            assert_eq!(records(&a2, piece, PAIRS), whole);
        }
        let few = records(&a2, 50, 6);
        assert_eq!(few.iter().filter(|it| it.compared).count(), 2, "{few:?}");
    }

    #[test]
    fn activity_of_tanh_is_counted_from_its_rest() {
        let objective = Objective { activation: Activation::Tanh, ..Objective::default() };
        let mut statistics = UnitStatistics::new(1, objective, 9);
        statistics.add(&[-1.0, 0.5, -0.5]);
        let [unit] = &statistics.finish(&[0.5])[..] else { panic!("one unit") };
        assert!((unit.rho_hat - 1.0 / 3.0).abs() < 1e-12 && (unit.density - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((unit.mean_active, unit.max, unit.top.len()), (Some(0.5), 0.5, 3));
    }
}
