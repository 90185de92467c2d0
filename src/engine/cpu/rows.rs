//! Epilogues: the work on a panel of rows right after a product has written it, while it is in the first-level cache: bias and
//! activation, deltas, and the sums over rows. What it makes of a panel's padding is read by nobody, except that of
//! the deltas, which becomes zero and so keeps the padding of the weights zero.
//!
//! All of it is inlined into the product, and so compiled for its instruction set.

use super::activation::{Function, for_activation};
use super::buffer::{LINE, Line};
use crate::math::objective::Activation;

/// Sums over the rows of a panel.
pub type LineSums = [f64; LINE];

/// A2 = f(Z2 + b1) in place; adds the rows to `sums`.
#[inline(always)]
pub fn hidden(z2: &mut [Line], bias: &Line, f: Activation, sums: &mut LineSums) {
    activate(z2, bias, f);
    add_rows(sums, z2);
}

/// A3 = g(Z3 + b2) in place.
#[inline(always)]
pub fn output(z3: &mut [Line], bias: &Line, g: Activation) {
    activate(z3, bias, g);
}

/// Σ (A3 − X)² of the first `wide` columns, a sum each.
#[inline(always)]
pub fn squared_error(a3: &[Line], x: &[Line], wide: usize) -> f64 {
    let mut sums = [0.0; LINE];
    for (a3, x) in a3.iter().zip(x) {
        for ((sum, a3), x) in sums.iter_mut().zip(a3).zip(x) {
            let difference = f64::from(a3 - x);
            *sum += difference * difference;
        }
    }
    sums[..wide].iter().sum()
}

/// δ3 = (A3 − X) ⊙ g′ in the first `wide` columns, in place; adds the rows to `sums`.
#[inline(always)]
pub fn output_delta(a3: &mut [Line], x: &[Line], wide: usize, g: Activation, sums: &mut LineSums) {
    for_activation!(g, G => for (a3, x) in a3.iter_mut().zip(x) {
        for (a3, x) in a3.iter_mut().zip(x) {
            *a3 = (*a3 - x) * G::slope(*a3);
        }
    });
    clear_padding(a3, wide);
    add_rows(sums, a3);
}

/// δ2 = (E + s) ⊙ f′ in the first `wide` columns, in place; adds the rows to `sums`.
#[inline(always)]
pub fn hidden_delta(
    error: &mut [Line],
    a2: &[Line],
    penalty_grad: &Line,
    wide: usize,
    f: Activation,
    sums: &mut LineSums,
) {
    for_activation!(f, F => for (error, a2) in error.iter_mut().zip(a2) {
        for ((e, a2), s) in error.iter_mut().zip(a2).zip(penalty_grad) {
            *e = (*e + s) * F::slope(*a2);
        }
    });
    clear_padding(error, wide);
    add_rows(sums, error);
}

/// a = f(z + b).
#[inline(always)]
fn activate(rows: &mut [Line], bias: &Line, f: Activation) {
    for_activation!(f, F => for line in rows {
        for (z, b) in line.iter_mut().zip(bias) {
            *z = F::value(*z + b);
        }
    });
}

#[inline(always)]
fn add_rows(sums: &mut LineSums, rows: &[Line]) {
    let mut total = *sums;
    for line in rows {
        for (sum, &x) in total.iter_mut().zip(line) {
            *sum += f64::from(x);
        }
    }
    *sums = total;
}

/// Zero behind the first `wide` columns.
#[inline(always)]
fn clear_padding(rows: &mut [Line], wide: usize) {
    if wide < LINE {
        rows.iter_mut().for_each(|line| line[wide..].fill(0.0));
    }
}
