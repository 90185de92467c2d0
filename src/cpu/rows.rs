//! What happens to a panel of rows right after a product has written it, while it is in the cache: bias and activation,
//! deltas, and the sums over rows. All run over whole lines; what they make of padding is read by nobody, except that
//! of δ3, which becomes zero and keeps the padding of the weights zero.

use super::simd::vectorize;

use super::activation::{sigmoid, slope, tanh};
use super::buffer::LINE;
use super::sums::{add_row, squared_distance};
use crate::objective::Activation;

/// A row, or the part of one that stands for a block, as lines.
type Lines = [[f32; LINE]];

/// A2 = f(Z2 + b1) for `rows` rows at `stride`, in place; adds the rows to `sums` `[stride]`.
pub fn hidden(z2: &mut [f32], stride: usize, rows: usize, bias: &[f32], f: Activation, sums: &mut [f64]) {
    vectorize(
        #[inline(always)]
        || {
            for row in z2.chunks_exact_mut(stride).take(rows) {
                activate(row.as_chunks_mut().0, bias.as_chunks().0, f);
                add_row(sums, row);
            }
        },
    );
}

/// A3 = g(Z3 + b2) for `rows` rows at `stride`, in place.
pub fn output(z3: &mut [f32], stride: usize, rows: usize, bias: &[f32], g: Activation) {
    vectorize(
        #[inline(always)]
        || {
            for row in z3.chunks_exact_mut(stride).take(rows) {
                activate(row.as_chunks_mut().0, bias.as_chunks().0, g);
            }
        },
    );
}

/// δ3 = (A3 − X) ⊙ g′ for `rows` rows of `visible` numbers, in place; adds them to `sums` `[stride]`. Returns
/// Σ (A3 − X)².
pub fn output_delta(
    a3: &mut [f32],
    x: &[f32],
    stride: usize,
    rows: usize,
    visible: usize,
    g: Activation,
    sums: &mut [f64],
) -> f64 {
    let mut squared_error = 0.0;
    vectorize(
        #[inline(always)]
        || {
            for (row, x) in a3.chunks_exact_mut(stride).zip(x.chunks_exact(stride)).take(rows) {
                squared_error += squared_distance(&row[..visible], &x[..visible]);
                for (a3, x) in row.iter_mut().zip(x) {
                    *a3 = (*a3 - x) * slope(*a3, g);
                }
                row[visible..].fill(0.0);
                add_row(sums, row);
            }
        },
    );
    squared_error
}

/// δ2 = (E + s) ⊙ f′ for `rows` rows at `stride`, in place; adds them to `sums` `[stride]`.
pub fn hidden_delta(
    error: &mut [f32],
    a2: &[f32],
    stride: usize,
    rows: usize,
    kl_slope: &[f32],
    f: Activation,
    sums: &mut [f64],
) {
    vectorize(
        #[inline(always)]
        || {
            for (row, a2) in error.chunks_exact_mut(stride).zip(a2.chunks_exact(stride)).take(rows) {
                for ((e, a2), s) in row.iter_mut().zip(a2).zip(kl_slope) {
                    *e = (*e + s) * slope(*a2, f);
                }
                add_row(sums, row);
            }
        },
    );
}

/// a = f(z + b) along a row.
#[inline(always)]
fn activate(row: &mut Lines, bias: &Lines, f: Activation) {
    match f {
        Activation::Sigmoid => add_and_map(row, bias, sigmoid),
        Activation::Tanh => add_and_map(row, bias, tanh),
        Activation::Linear => add_and_map(row, bias, |z| z),
    }
}

#[inline(always)]
fn add_and_map(row: &mut Lines, bias: &Lines, f: impl Fn(f32) -> f32) {
    for (row, bias) in row.iter_mut().zip(bias) {
        for (z, b) in row.iter_mut().zip(bias) {
            *z = f(*z + b);
        }
    }
}
