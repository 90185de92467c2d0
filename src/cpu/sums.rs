//! Sums that end in f64: columns, squares, inner products. Each lane of a row has a sum of its own, and the lanes are
//! added up in order, so that the order of summation is the same on every processor.

use super::simd::vectorize;
use rayon::prelude::*;

use super::buffer::LINE;

/// Numbers that one task sums up.
const PANEL: usize = 1 << 14;

/// Adds a row to the sums of its columns.
#[inline(always)]
pub fn add_row(sums: &mut [f64], row: &[f32]) {
    for (sum, &x) in sums.iter_mut().zip(row) {
        *sum += f64::from(x);
    }
}

/// Adds to `sums` what every task has left from `first` on in its part of `parts`, task by task.
pub fn add_parts(sums: &mut [f64], parts: &[f64], part_len: usize, first: usize) {
    for part in parts.chunks_exact(part_len) {
        sums.iter_mut().zip(&part[first..]).for_each(|(sum, part)| *sum += part);
    }
}

/// Adds Σ (x − y)² to the sums of the lanes.
#[inline(always)]
pub fn add_squared_distance(sums: &mut [f64; LINE], x: &[f32], y: &[f32]) {
    add_lanes(
        sums,
        x,
        y,
        #[inline(always)]
        |x, y| {
            let difference = f64::from(x - y);
            difference * difference
        },
    );
}

/// Adds Σ term(x, y), lane by lane.
#[inline(always)]
fn add_lanes(sums: &mut [f64; LINE], x: &[f32], y: &[f32], term: impl Fn(f32, f32) -> f64) {
    let (x_lines, x_rest) = x.as_chunks::<LINE>();
    let (y_lines, y_rest) = y.as_chunks::<LINE>();
    for (x, y) in x_lines.iter().zip(y_lines) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum += term(x, y);
        }
    }
    for ((sum, &x), &y) in sums.iter_mut().zip(x_rest).zip(y_rest) {
        *sum += term(x, y);
    }
}

/// x · y, on all threads.
pub fn dot(x: &[f32], y: &[f32]) -> f64 {
    assert_eq!(x.len(), y.len(), "an inner product is one of vectors of the same length");
    if x.len() <= PANEL {
        return vectorize(
            #[inline(always)]
            || {
                let mut sums = [0.0; LINE];
                add_lanes(
                    &mut sums,
                    x,
                    y,
                    #[inline(always)]
                    |x, y| f64::from(x) * f64::from(y),
                );
                sums.iter().sum()
            },
        );
    }
    // Halves of whole panels: the tree of additions depends on the length alone.
    let middle = x.len().div_ceil(2).next_multiple_of(PANEL);
    let ((x, x_rest), (y, y_rest)) = (x.split_at(middle), y.split_at(middle));
    let (sum, rest) = rayon::join(|| dot(x, y), || dot(x_rest, y_rest));
    sum + rest
}

/// out ← Σ coefficient · vector, on all threads.
pub fn combine(out: &mut [f32], terms: &[(f64, &[f32])]) {
    out.par_chunks_mut(PANEL).enumerate().for_each(|(panel, out)| {
        out.fill(0.0);
        for (coefficient, vector) in terms {
            let vector = &vector[panel * PANEL..][..out.len()];
            each(out, vector, |out, x| (*coefficient as f32).mul_add(x, out));
        }
    });
}

/// out ← x − y, on all threads.
pub fn subtract(out: &mut [f32], x: &[f32], y: &[f32]) {
    out.par_chunks_mut(PANEL).zip(x.par_chunks(PANEL)).zip(y.par_chunks(PANEL)).for_each(|((out, x), y)| {
        out.copy_from_slice(x);
        each(out, y, |x, y| x - y);
    });
}

/// out ← f(out, x).
fn each(out: &mut [f32], x: &[f32], f: impl Fn(f32, f32) -> f32) {
    vectorize(
        #[inline(always)]
        || out.iter_mut().zip(x).for_each(|(out, &x)| *out = f(*out, x)),
    );
}
