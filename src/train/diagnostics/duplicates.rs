//! Units whose encoder rows point the same way.
//!
//! Comparing all pairs takes h²/2 inner products, most of them of short rows where there are many: see [`Sketch`]. Beyond [`PAIRS`] of them a seeded sample of units is compared with
//! all units before it, and what is found there is scaled up to all units: an unbiased estimate, which a sample whose
//! units are compared with each other alone would not give (of two like units it seldom holds both).

use rayon::prelude::*;

use super::sketch::Sketch;
use crate::engine::cpu::products::nt;
use crate::math::random::Stream;

/// Two units whose encoder rows have a larger cosine than this are duplicates.
pub const COSINE: f32 = 0.98;
/// Most pairs that are compared, exact up to 11 585 units: at most as many multiply-adds as a step of 784:11585:1000, and a tenth of
/// those of 784:131072:1000.
pub const PAIRS: usize = 1 << 26;

/// Units that one task compares with all before them.
const GROUP: usize = 128;
/// Earlier units that they are compared with in one product.
const BLOCK: usize = 256;
/// Of so many pairs one may have to be looked at by itself: one takes as long as three in a product.
const FEW: usize = 16;

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
    let rows = rows.sketched(chosen.iter().sum());
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
    /// What tells pairs that are unlike, where that is faster.
    sketch: Option<Sketch>,
}

/// Scales of rows whose squares are in the range of f32.
const USUAL: std::ops::Range<f32> = 1e-15..1e15;

impl<'a> RowTable<'a> {
    fn new(values: &'a [f32], visible: usize) -> Self {
        let scale = |row: &[f32]| {
            let norm = row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
            // A row of subnormal numbers is no row of zeros.
            if norm > 0.0 { ((1.0 / norm) as f32).clamp(f32::MIN_POSITIVE, f32::MAX) } else { 0.0 }
        };
        Self { values, visible, scales: values.par_chunks(visible).map(scale).collect(), sketch: None }
    }

    /// The same, to have so many pairs compared.
    fn sketched(self, pairs: usize) -> Self {
        let is_usual = |scale: &f32| *scale == 0.0 || USUAL.contains(scale);
        let are_usual = self.scales.iter().all(is_usual);
        let sketch = are_usual.then(|| Sketch::new(self.values, self.visible, &self.scales, pairs)).flatten();
        Self { sketch, ..self }
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
        let short = self.sketch.as_ref().map(|sketch| (sketch, sketch.rows(group.iter().copied())));
        let last = group.last().copied().unwrap_or_default();
        let mut found: Vec<Option<usize>> = vec![None; group.len()];
        for first in (0..last).step_by(BLOCK) {
            let others = first..last.min(first + BLOCK);
            if let Some((sketch, short)) = &short {
                let counts = |place: usize, other: usize| found[place].is_none() && other < group[place];
                let near = sketch.near(short, others.clone(), COSINE, counts);
                if near.len() <= group.len() * others.len() / FEW {
                    for (place, other) in near {
                        let unit = group[place];
                        if found[place].is_none()
                            && self.cosine(unit, other, self.product(unit, other)) > COSINE
                        {
                            found[place] = Some(other);
                        }
                    }
                    continue;
                }
            }
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

    fn product(&self, unit: usize, other: usize) -> f32 {
        dot(self.row(unit), self.row(other)) as f32
    }

    /// Rows so long or so short that squares leave the range of f32 have their product taken in f64.
    fn cosine(&self, unit: usize, other: usize, product: f32) -> f32 {
        let scales = [unit, other].map(|unit| self.scales[unit]);
        if scales.contains(&0.0) {
            return 0.0;
        }
        if scales.iter().all(|scale| USUAL.contains(scale)) {
            return product * scales[0] * scales[1];
        }
        let (x, y) = (self.row(unit), self.row(other));
        (dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()) as f32
    }
}

/// An inner product in f64: eight sums, which are added up side by side.
fn dot(x: &[f32], y: &[f32]) -> f64 {
    const SUMS: usize = 8;
    let mut sums = [0.0; SUMS];
    for (x, y) in x.chunks(SUMS).zip(y.chunks(SUMS)) {
        sums.iter_mut().zip(x).zip(y).for_each(|((sum, &x), &y)| *sum += f64::from(x) * f64::from(y));
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that wander: neighbours are alike, some beyond the threshold.
    fn wandering(units: usize, visible: usize, step: f64) -> Vec<f32> {
        let mut stream = Stream::new(1, "wandering");
        let mut row = vec![0.0; visible];
        let mut rows = Vec::new();
        for _ in 0..units {
            row.iter_mut().for_each(|x| *x = 0.99 * *x + step * (2.0 * stream.unit() - 1.0));
            rows.extend(row.iter().map(|&x| x as f32));
        }
        rows
    }

    #[test]
    fn sketches_find_what_whole_rows_do_whether_few_pairs_are_near_or_most() {
        let (units, visible) = (1500, 400);
        for (rows, most_are_near) in [(wandering(units, visible, 0.1), false), {
            let common = wandering(units, visible, 0.0018);
            (common.into_iter().map(|x| x + 0.05).collect(), true)
        }] {
            let whole = RowTable::new(&rows, visible);
            let all: Vec<usize> = (0..units).collect();
            let sketched = RowTable::new(&rows, visible).sketched(1 << 30);
            let sketch = sketched.sketch.as_ref().expect("worth it");
            let near = sketch.near(&sketch.rows(0..units), 0..units, COSINE, |_, _| true).len();
            assert_eq!(near > units * units / FEW, most_are_near, "{near}");
            let found: Vec<_> = all.chunks(GROUP).flat_map(|group| sketched.duplicates(group)).collect();
            let wanted: Vec<_> = all.chunks(GROUP).flat_map(|group| whole.duplicates(group)).collect();
            assert!(wanted.len() > 100, "{}", wanted.len());
            assert_eq!(found, wanted);
        }
    }
}
