//! What happens to a panel of rows right after a product has written it, while it is in the cache: bias and activation,
//! deltas, and the sums over rows. All of it runs over whole lines. What it makes of a line's padding is read by nobody,
//! except that of δ3, which becomes zero and so keeps the padding of the weights zero.

use super::activation::{Slope, sigmoid, tanh};
use super::buffer::{LINE, View, ViewMut};
use super::simd::vectorize;
use super::sums::{add_row, add_squared_distance};
use crate::objective::Activation;

/// A2 = f(Z2 + b1) for `rows` rows as wide as the bias, in place; adds the rows to `sums`.
pub fn hidden(z2: ViewMut<'_>, rows: usize, bias: &[f32], f: Activation, sums: &mut [f64]) {
    vectorize(
        #[inline(always)]
        || {
            for row in z2.values.chunks_exact_mut(z2.stride).take(rows) {
                let row = &mut row[..bias.len()];
                activate(row, bias, f);
                add_row(sums, row);
            }
        },
    );
}

/// A3 = g(Z3 + b2) for `rows` rows as wide as the bias, in place.
pub fn output(z3: ViewMut<'_>, rows: usize, bias: &[f32], g: Activation) {
    vectorize(
        #[inline(always)]
        || {
            for row in z3.values.chunks_exact_mut(z3.stride).take(rows) {
                activate(&mut row[..bias.len()], bias, g);
            }
        },
    );
}

/// Σ (A3 − X)² over `rows` rows of `visible` numbers.
pub fn squared_error(a3: View<'_>, x: View<'_>, rows: usize, visible: usize) -> f64 {
    vectorize(
        #[inline(always)]
        || {
            let mut sums = [0.0; LINE];
            for (a3, x) in a3.rows().zip(x.rows()).take(rows) {
                add_squared_distance(&mut sums, &a3[..visible], &x[..visible]);
            }
            sums.iter().sum()
        },
    )
}

/// δ3 = (A3 − X) ⊙ g′ for `rows` rows of `visible` numbers, in place; adds them to `sums`.
pub fn output_delta(
    a3: ViewMut<'_>,
    x: View<'_>,
    rows: usize,
    visible: usize,
    g: Activation,
    sums: &mut [f64],
) {
    let (width, slope) = (visible.next_multiple_of(LINE), Slope::new(g));
    vectorize(
        #[inline(always)]
        || {
            for (row, x) in a3.values.chunks_exact_mut(a3.stride).zip(x.rows()).take(rows) {
                let row = &mut row[..width];
                for (a3, x) in row.iter_mut().zip(x) {
                    *a3 = (*a3 - x) * slope.at(*a3);
                }
                row[visible..].fill(0.0);
                add_row(sums, row);
            }
        },
    );
}

/// δ2 = (E + s) ⊙ f′ for `rows` rows as wide as s, in place; adds them to `sums`.
pub fn hidden_delta(
    error: ViewMut<'_>,
    a2: View<'_>,
    rows: usize,
    kl_slope: &[f32],
    f: Activation,
    sums: &mut [f64],
) {
    let slope = Slope::new(f);
    vectorize(
        #[inline(always)]
        || {
            for (row, a2) in error.values.chunks_exact_mut(error.stride).zip(a2.rows()).take(rows) {
                let row = &mut row[..kl_slope.len()];
                for ((e, s), a2) in row.iter_mut().zip(kl_slope).zip(a2) {
                    *e = (*e + s) * slope.at(*a2);
                }
                add_row(sums, row);
            }
        },
    );
}

/// a = f(z + b) along a row.
#[inline(always)]
fn activate(row: &mut [f32], bias: &[f32], f: Activation) {
    let pairs = row.iter_mut().zip(bias);
    match f {
        Activation::Sigmoid => pairs.for_each(|(z, b)| *z = sigmoid(*z + b)),
        Activation::Tanh => pairs.for_each(|(z, b)| *z = tanh(*z + b)),
        Activation::Linear => pairs.for_each(|(z, b)| *z += b),
    }
}
