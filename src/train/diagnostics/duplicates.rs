//! Units whose encoder rows point the same way.
//!
//! Comparing all pairs takes h²/2 inner products. Beyond [`PAIRS`] of them a seeded sample of units is compared with
//! all units before it, and what is found there is scaled up to all units: an unbiased estimate, which a sample whose
//! units are compared with each other alone would not give (of two like units it seldom holds both).

use rayon::prelude::*;

use crate::engine::cpu::products::nt;
use crate::math::random::Stream;

/// Two units whose encoder rows have a larger cosine than this are duplicates.
pub const COSINE: f32 = 0.98;
/// Most pairs that are compared: 3 s for rows of 784 numbers on two cores of a Zen 3 (15 GMAC/s), exact up to 11 585
/// units. A step of 784:11585:1000 takes as many multiply-adds as this comparison, a step of 784:131072:1000 ten times.
pub const PAIRS: usize = 1 << 26;

/// Units that one task compares with all before them.
const GROUP: usize = 128;
/// Earlier units that they are compared with in one product.
const BLOCK: usize = 256;

/// Duplicate units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// Units for which an earlier unit's row has a cosine above [`COSINE`] with theirs. An estimate unless all units
    /// were compared.
    pub count: usize,
    /// Units that were compared with all earlier ones.
    pub compared: usize,
    /// Of these the duplicates, in order, each with the first unit that it is like.
    pub pairs: Vec<(usize, usize)>,
}

/// Counts duplicates among the rows of W1 `[h, visible]`, exactly up to [`PAIRS`] pairs. The same rows give the same
/// count: the sample does not depend on the run.
pub fn duplicates(w1: &[f32], visible: usize) -> Duplicates {
    duplicates_within(w1, visible, PAIRS)
}

/// As [`duplicates`], with at most about `pairs` comparisons.
pub fn duplicates_within(w1: &[f32], visible: usize, pairs: usize) -> Duplicates {
    let rows = RowTable::new(w1, visible);
    let chosen = compared_units(rows.len(), pairs);
    let pairs: Vec<(usize, usize)> =
        chosen.par_chunks(GROUP).flat_map_iter(|group| rows.duplicates(group)).collect();
    let share = chosen.len() as f64 / rows.len() as f64;
    Duplicates { count: (pairs.len() as f64 / share).round() as usize, compared: chosen.len(), pairs }
}

/// The units that [`duplicates_within`] compares with all before them: as many of `units` as make `pairs` pairs, in order.
pub fn compared_units(units: usize, pairs: usize) -> Vec<usize> {
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
struct RowTable<'a> {
    values: &'a [f32],
    visible: usize,
    /// 1/‖row‖; 0 for a row of zeros, which points nowhere.
    scales: Vec<f32>,
}

impl<'a> RowTable<'a> {
    fn new(values: &'a [f32], visible: usize) -> Self {
        let scale = |row: &[f32]| {
            let norm = row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
            // A row of subnormal numbers is no row of zeros.
            if norm > 0.0 { ((1.0 / norm) as f32).clamp(f32::MIN_POSITIVE, f32::MAX) } else { 0.0 }
        };
        Self { values, visible, scales: values.par_chunks(visible).map(scale).collect() }
    }

    fn len(&self) -> usize {
        self.scales.len()
    }

    fn row(&self, unit: usize) -> &'a [f32] {
        &self.values[unit * self.visible..][..self.visible]
    }

    /// The units of `group`, which is sorted, that are like an earlier one, with the first such.
    fn duplicates(&self, group: &[usize]) -> Vec<(usize, usize)> {
        let own: Vec<f32> = group.iter().flat_map(|&unit| self.row(unit)).copied().collect();
        let last = group.last().copied().unwrap_or_default();
        let mut found = vec![None; group.len()];
        for first in (0..last).step_by(BLOCK) {
            let others = first..last.min(first + BLOCK);
            let theirs = &self.values[others.start * self.visible..others.end * self.visible];
            let products = nt(&own, theirs, group.len(), others.len(), self.visible);
            for ((found, &unit), products) in found.iter_mut().zip(group).zip(products.chunks(others.len())) {
                let mut cosines = others.clone().zip(products).take_while(|(other, _)| *other < unit);
                let is_like =
                    |(other, product): &(usize, &f32)| self.cosine(unit, *other, **product) > COSINE;
                *found = found.or_else(|| cosines.find(is_like).map(|(other, _)| other));
            }
        }
        group.iter().zip(found).filter_map(|(&unit, found)| Some((unit, found?))).collect()
    }

    /// Rows so long or so short that squares leave the range of f32 have their product taken in f64.
    fn cosine(&self, unit: usize, other: usize, product: f32) -> f32 {
        const USUAL: std::ops::Range<f32> = 1e-15..1e15;
        let scales = [unit, other].map(|unit| self.scales[unit]);
        if scales.contains(&0.0) {
            return 0.0;
        }
        if scales.iter().all(|scale| USUAL.contains(scale)) {
            return product * scales[0] * scales[1];
        }
        let (x, y) = (self.row(unit), self.row(other));
        let dot =
            |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
        (dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()) as f32
    }
}
