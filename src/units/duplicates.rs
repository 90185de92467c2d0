//! Units whose encoder rows point the same way.
//!
//! Comparing all pairs takes h²/2 inner products. Beyond [`PAIRS`] of them a seeded sample of units is compared with
//! all units before it, and what is found there is scaled up to all units: an unbiased estimate, which a sample whose
//! units are compared with each other alone would not give (of two like units it seldom holds both).

use rayon::prelude::*;

use crate::cpu::vectorize;
use crate::random::Stream;

/// Two units whose encoder rows have a larger cosine than this are duplicates.
pub const COSINE: f32 = 0.98;
/// Most pairs that are compared.
pub const PAIRS: usize = 1 << 26;

/// Units of one task: some hundred kilobytes of encoder rows, which stay in the second-level cache.
const GROUP: usize = 64;
/// Pairs of units in a tile: inner products that are taken together.
const TILE: [usize; 2] = [2, 4];
/// Numbers of a row that are multiplied at a time.
const LANES: usize = 8;

/// Duplicate units, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// Units for which an earlier unit's row has a cosine above [`COSINE`] with theirs. An estimate unless all units
    /// were compared.
    pub count: usize,
    /// Units that were compared with all earlier ones.
    pub compared: usize,
}

/// Counts duplicates among the rows of W1 `[h, visible]`, exactly up to [`PAIRS`] pairs. The same rows give the same
/// count: the sample does not depend on the run.
pub fn duplicates(w1: &[f32], visible: usize) -> Duplicates {
    duplicates_within(w1, visible, PAIRS)
}

/// As [`duplicates`], with at most about `pairs` comparisons.
pub fn duplicates_within(w1: &[f32], visible: usize, pairs: usize) -> Duplicates {
    let rows = Rows::new(w1, visible);
    let chosen = choose(rows.len(), pairs);
    let found: usize = chosen.par_chunks(GROUP).map(|group| rows.duplicates(group)).sum();
    let share = chosen.len() as f64 / rows.len() as f64;
    Duplicates { count: (found as f64 / share).round() as usize, compared: chosen.len() }
}

/// As many of `units` units as make `pairs` pairs with those before them, in order.
fn choose(units: usize, pairs: usize) -> Vec<usize> {
    let count = (2 * pairs / units).clamp(1, units);
    let mut all: Vec<usize> = (0..units).collect();
    if count < units {
        Stream::new(0, "duplicates").shuffle(&mut all);
        all.truncate(count);
        all.sort_unstable();
    }
    all
}

/// Rows of equal length, with what makes their inner products cosines.
struct Rows<'a> {
    values: &'a [f32],
    visible: usize,
    /// 1/‖row‖; 0 for a row of zeros, which points nowhere.
    scales: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn new(values: &'a [f32], visible: usize) -> Self {
        let scale = |row: &[f32]| {
            let norm = row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
            if norm > 0.0 { (1.0 / norm) as f32 } else { 0.0 }
        };
        Self { values, visible, scales: values.par_chunks(visible).map(scale).collect() }
    }

    fn len(&self) -> usize {
        self.scales.len()
    }

    fn row(&self, unit: usize) -> &'a [f32] {
        &self.values[unit * self.visible..][..self.visible]
    }

    /// How many units of `group`, which is sorted, are like an earlier one.
    fn duplicates(&self, group: &[usize]) -> usize {
        let mut rest = group.to_vec();
        let last = group.last().copied().unwrap_or_default();
        for first in (0..last).step_by(TILE[1]) {
            // Beyond the last unit a tile repeats it: what is compared twice is found once.
            let earlier = std::array::from_fn(|i| (first + i).min(self.len() - 1));
            rest = self.without_likes(&rest, earlier);
        }
        group.len() - rest.len()
    }

    /// `units` without those that are like one of `others` before them.
    fn without_likes(&self, units: &[usize], others: [usize; TILE[1]]) -> Vec<usize> {
        let mut rest = Vec::with_capacity(units.len());
        for pair in units.chunks(TILE[0]) {
            let both = [pair[0], pair[pair.len() - 1]];
            let products = products(both.map(|unit| self.row(unit)), others.map(|unit| self.row(unit)));
            for (&unit, products) in pair.iter().zip(&products) {
                let is_like = |(&other, product): (&usize, &f32)| {
                    other < unit && product * self.scales[unit] * self.scales[other] > COSINE
                };
                if !others.iter().zip(products).any(is_like) {
                    rest.push(unit);
                }
            }
        }
        rest
    }
}

/// The inner products of a tile of rows.
fn products(a: [&[f32]; TILE[0]], b: [&[f32]; TILE[1]]) -> [[f32; TILE[1]]; TILE[0]] {
    vectorize(
        #[inline(always)]
        || {
            let (a, a_rest) = split(a);
            let (b, b_rest) = split(b);
            let mut sums = [[[0.0f32; LANES]; TILE[1]]; TILE[0]];
            for k in 0..a[0].len() {
                for (a, sums) in a.iter().zip(&mut sums) {
                    for (b, sums) in b.iter().zip(sums) {
                        for (lane, sum) in sums.iter_mut().enumerate() {
                            *sum = a[k][lane].mul_add(b[k][lane], *sum);
                        }
                    }
                }
            }
            let rest = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            std::array::from_fn(|i| {
                std::array::from_fn(|j| sums[i][j].iter().sum::<f32>() + rest(a_rest[i], b_rest[j]))
            })
        },
    )
}

/// Rows of equal length in whole groups of lanes, and what is left.
#[inline(always)]
fn split<const N: usize>(rows: [&[f32]; N]) -> ([&[[f32; LANES]]; N], [&[f32]; N]) {
    let split = rows.map(|row| row.as_chunks::<LANES>());
    (split.map(|(whole, _)| whole), split.map(|(_, rest)| rest))
}
