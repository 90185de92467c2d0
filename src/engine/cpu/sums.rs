//! Sums that end in f64, and sums of vectors. Each lane of a row has a sum of its own, and the lanes are
//! added up in order, so that the order of summation is the same on every processor.

use crate::math::multiply_add::multiply_add;
use crate::math::simd::vectorize;
use rayon::prelude::*;

use super::buffer::LINE;

/// Numbers that one task sums up.
const TASK: usize = 1 << 14;

/// Adds to `sums` what every task has left from `first` on in its part of `parts`, task by task.
pub fn add_parts(sums: &mut [f64], parts: &[f64], part_len: usize, first: usize) {
    for part in parts.chunks_exact(part_len) {
        sums.iter_mut().zip(&part[first..]).for_each(|(sum, part)| *sum += part);
    }
}

/// x · y, on all threads.
pub fn dot(x: &[f32], y: &[f32]) -> f64 {
    assert_eq!(x.len(), y.len(), "an inner product is one of vectors of the same length");
    if x.len() <= TASK {
        return vectorize(
            #[inline(always)]
            || dot_of_lanes(x, y),
        );
    }
    // Halves of whole tasks: the tree of additions depends on the length alone.
    let middle = x.len().div_ceil(2).next_multiple_of(TASK);
    let ((x, x_rest), (y, y_rest)) = (x.split_at(middle), y.split_at(middle));
    let (sum, rest) = rayon::join(|| dot(x, y), || dot(x_rest, y_rest));
    sum + rest
}

#[inline(always)]
fn dot_of_lanes(x: &[f32], y: &[f32]) -> f64 {
    let mut sums = [0.0; LINE];
    for (x, y) in x.chunks(LINE).zip(y.chunks(LINE)) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum += f64::from(x) * f64::from(y);
        }
    }
    sums.iter().sum()
}

/// out ← Σ coefficient · vector, on all threads.
pub fn combine(out: &mut [f32], terms: &[(f64, &[f32])]) {
    out.par_chunks_mut(TASK).enumerate().for_each(|(task, out)| {
        out.fill(0.0);
        for (coefficient, vector) in terms {
            let vector = &vector[task * TASK..][..out.len()];
            each(out, vector, |out, x| multiply_add(*coefficient as f32, x, out));
        }
    });
}

/// out ← x − y, on all threads.
pub fn subtract(out: &mut [f32], x: &[f32], y: &[f32]) {
    out.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).zip(y.par_chunks(TASK)).for_each(|((out, x), y)| {
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
