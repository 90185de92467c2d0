//! Upper bounds of cosines from short rows, so that few pairs of long rows have to be multiplied. A row u of length 1 is written in an
//! orthonormal basis of few directions, Pu, and the length of the rest, ‖Ru‖, is one number more: by Cauchy and Schwarz
//!
//! ```text
//! u·v = Pu·Pv + Ru·Rv ≤ Pu·Pv + ‖Ru‖ ‖Rv‖
//! ```
//!
//! which is the inner product of the short rows. The directions are those of some of the rows: of rows that have much in common
//! they leave little.

use std::ops::Range;

use rayon::prelude::*;

use crate::engine::cpu::products::nt;
use crate::engine::evenly;

/// Numbers of a row for which there is a direction, and fewest directions. Of rows of random numbers a tenth of the length is in
/// the basis, so that bounds are about 0.9, with a deviation below 0.02 from 300 numbers on.
const NUMBERS: usize = 10;
const FEWEST: usize = 32;
/// How many times as much work products of whole rows are at least: the rest is for pairs that have to be looked at.
const WORTH: usize = 4;
/// A row of which the basis leaves less than this share has no direction of its own.
const LEFT: f64 = 1e-3;
/// Rows that one task shortens.
const TASK: usize = 256;
/// The largest error of bounds that leaves them useful.
const MOST_ERROR: f32 = 0.01;

/// Short rows, `[h, width]`.
pub struct Sketch {
    values: Vec<f32>,
    width: usize,
    /// Errors of rounding, by which a bound may be too small: a few for each number of a row, as far as they can add up.
    error: f32,
}

impl Sketch {
    /// Of `rows` `[h, n]`, which `scales` bring to length 1, and of which so many `pairs` are to be compared. `None` where whole
    /// rows are as fast.
    pub fn new(rows: &[f32], n: usize, scales: &[f32], pairs: usize) -> Option<Self> {
        let count = (n / NUMBERS).max(FEWEST);
        let error = 4.0 * n as f32 * f32::EPSILON / 2.0;
        let whole = pairs.saturating_mul(n);
        let short = pairs
            .saturating_mul(count + 1)
            .saturating_add(rows.len().saturating_mul(count))
            .saturating_add(2 * n * count * count);
        if whole < WORTH.saturating_mul(short) || error > MOST_ERROR {
            return None;
        }
        let basis = basis(rows, n, scales, count);
        let count = basis.len() / n;
        let shortened =
            rows.par_chunks(TASK * n).zip(scales.par_chunks(TASK)).flat_map_iter(|(rows, scales)| {
                let products = nt(rows, &basis, scales.len(), count, n);
                shorten(products, scales, count, error)
            });
        Some(Self { values: shortened.collect(), width: count + 1, error })
    }

    /// The short rows of some of the rows.
    pub fn rows(&self, rows: impl Iterator<Item = usize>) -> Vec<f32> {
        rows.flat_map(|row| &self.values[row * self.width..][..self.width]).copied().collect()
    }

    /// Of short rows and the rows `others` those pairs whose cosine may be above `cosine`, by place among the former and number of the
    /// latter; `counts` says which pairs are asked for.
    pub fn near(
        &self,
        own: &[f32],
        others: Range<usize>,
        cosine: f32,
        counts: impl Fn(usize, usize) -> bool,
    ) -> Vec<(usize, usize)> {
        let theirs = &self.values[others.start * self.width..others.end * self.width];
        let bounds = nt(own, theirs, own.len() / self.width, others.len(), self.width);
        let least = cosine - self.error;
        let mut near = Vec::new();
        for (place, bounds) in bounds.chunks_exact(others.len().max(1)).enumerate() {
            // Most rows have none.
            if bounds.iter().fold(f32::MIN, |most, &bound| most.max(bound)) > least {
                let above = others.clone().zip(bounds).filter(|(_, bound)| **bound > least);
                near.extend(
                    above.map(|(other, _)| (place, other)).filter(|&(place, other)| counts(place, other)),
                );
            }
        }
        near
    }
}

/// An orthonormal basis of some of the rows, `[at most count, n]`.
fn basis(rows: &[f32], n: usize, scales: &[f32], count: usize) -> Vec<f32> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for unit in evenly(scales.len(), count) {
        let scale = f64::from(scales[unit]);
        let mut row: Vec<f64> = rows[unit * n..][..n].iter().map(|&w| scale * f64::from(w)).collect();
        // Gram and Schmidt, twice: once leaves what rounding makes of rows that nearly lie in the basis.
        for known in basis.iter().chain(&basis) {
            let along = dot(known, &row);
            row.iter_mut().zip(known).for_each(|(x, q)| *x -= along * q);
        }
        let left = dot(&row, &row).sqrt();
        if left > LEFT {
            row.iter_mut().for_each(|x| *x /= left);
            basis.push(row);
        }
    }
    basis.into_iter().flatten().map(|x| x as f32).collect()
}

/// Rows in the basis, from their products with it, each with the length of what it leaves.
fn shorten(products: Vec<f32>, scales: &[f32], count: usize, error: f32) -> Vec<f32> {
    let mut short = Vec::with_capacity(scales.len() * (count + 1));
    for (row, &scale) in scales.iter().enumerate() {
        let products = &products[row * count..][..count];
        short.extend(products.iter().map(|product| scale * product));
        let inside: f64 = products.iter().map(|&product| f64::from(scale * product).powi(2)).sum();
        let left = (1.0 - inside).max(0.0) + f64::from(error);
        // A row of zeros is like no other.
        short.push(if scale > 0.0 { left.sqrt() as f32 } else { 0.0 });
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::Stream;

    /// `h` rows of `n` numbers, each a sum of `rank` common ones, and what brings them to length 1.
    fn rows(h: usize, n: usize, rank: usize) -> (Vec<f32>, Vec<f32>) {
        let mut stream = Stream::new(1, "sketch");
        let mut numbers =
            |count: usize| -> Vec<f64> { (0..count).map(|_| 2.0 * stream.unit() - 1.0).collect() };
        let common = numbers(rank * n);
        let mut values = Vec::new();
        for unit in 0..h {
            let weights = numbers(rank);
            let number = |i: usize| (0..rank).map(|k| weights[k] * common[k * n + i]).sum::<f64>();
            // The last row is zero, every seventh nearly the one before it.
            let row: Vec<f32> = match unit {
                _ if unit + 1 == h => vec![0.0; n],
                _ if unit % 7 == 6 => values[values.len() - n..].iter().map(|x| 1.01 * x + 1e-4).collect(),
                _ => (0..n).map(|i| number(i) as f32).collect(),
            };
            values.extend(row);
        }
        let scale = |row: &[f32]| match row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() {
            0.0 => 0.0,
            squares => (1.0 / squares.sqrt()) as f32,
        };
        let scales = values.chunks(n).map(scale).collect();
        (values, scales)
    }

    #[test]
    fn no_cosine_is_above_its_bound_and_bounds_of_unlike_rows_are_low() {
        // Rows within fewer dimensions than the basis has, and rows of any direction.
        for (n, rank, share) in [(400, 20, 0.05), (400, 400, 0.001)] {
            let h = 300;
            let (values, scales) = rows(h, n, rank);
            let sketch = Sketch::new(&values, n, &scales, 1 << 30).expect("worth it");
            let near = sketch.near(&sketch.rows(0..h), 0..h, 0.98, |_, _| true);
            let row = |unit: usize| &values[unit * n..][..n];
            for a in 0..h {
                for b in 0..h {
                    let dot: f64 =
                        row(a).iter().zip(row(b)).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
                    let cosine = dot * f64::from(scales[a]) * f64::from(scales[b]);
                    assert!(cosine <= 0.98 || near.contains(&(a, b)), "{n}, {a} and {b}: {cosine}");
                }
            }
            let alike = h - 1 + 2 * (h / 7);
            assert!((near.len() - alike) as f64 <= share * (h * h) as f64, "{} near", near.len());
            assert!(near.is_sorted() && !near.iter().any(|&(a, b)| a + 1 == h || b + 1 == h));
        }
    }

    #[test]
    fn few_pairs_and_short_rows_are_compared_whole() {
        let (values, scales) = rows(100, 400, 5);
        assert!(Sketch::new(&values, 400, &scales, 4950).is_none());
        let (values, scales) = rows(100, 40, 5);
        assert!(Sketch::new(&values, 40, &scales, 1 << 30).is_none());
    }
}
