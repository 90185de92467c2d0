//! The products that the engine is made of, on dense matrices: for tests, and for `rhohat verify` to run on small
//! integers, where nothing may be rounded.

use super::buffer::{Buffer, LINE, View, ViewMut, dense_rows, padded_rows, spread, stride};
use super::matmul::{Fill, Size, product, transpose, transposed_product};

/// C `[m, n]` = A `[m, k]` · Bᵀ with B `[n, k]`, dense.
pub fn nt(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let b = padded(b, n, k);
    let mut turned = Buffer::zeros(k.next_multiple_of(LINE) * stride(n));
    let out = ViewMut { values: &mut turned, stride: stride(n) };
    transpose(out, View { values: &b, stride: stride(k) }, n, 0);
    let (a, b) = (padded(a, m, k), View { values: &turned, stride: stride(n) });
    dense(m, n, |c| {
        product(
            c,
            View { values: &a, stride: stride(k) },
            b,
            Size { rows: m, depth: k, cols: n },
            Fill::Replace,
        )
    })
}

/// C `[m, n]` = A `[m, k]` · B `[k, n]`, dense.
pub fn nn(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let (a, b) = (padded(a, m, k), padded(b, k, n));
    let (a, b) = (View { values: &a, stride: stride(k) }, View { values: &b, stride: stride(n) });
    dense(m, n, |c| product(c, a, b, Size { rows: m, depth: k, cols: n }, Fill::Replace))
}

/// C `[m, n]` = Aᵀ · B with A `[k, m]` and B `[k, n]`, dense.
pub fn tn(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let (a, b) = (padded(a, k, m), padded(b, k, n));
    let (a, b) = (View { values: &a, stride: stride(m) }, View { values: &b, stride: stride(n) });
    dense(m, n, |c| transposed_product(c, a, b, Size { rows: m, depth: k, cols: n }, Fill::Replace))
}

/// A dense matrix with its rows padded.
pub(super) fn padded(values: &[f32], rows: usize, cols: usize) -> Buffer {
    assert_eq!(values.len(), rows * cols, "a matrix of {rows}×{cols} needs as many values");
    let mut out = Buffer::zeros(padded_rows(rows) * stride(cols));
    spread(values, cols, ViewMut { values: &mut out, stride: stride(cols) });
    out
}

/// The dense form of what `fill` writes into a padded C `[rows, cols]`. C holds NaN before, to be overwritten.
fn dense(rows: usize, cols: usize, fill: impl FnOnce(ViewMut<'_>)) -> Vec<f32> {
    let mut c = Buffer::zeros(padded_rows(rows) * stride(cols));
    c.fill(f32::NAN);
    fill(ViewMut { values: &mut c, stride: stride(cols) });
    dense_rows(View { values: &c, stride: stride(cols) }, rows, cols).flatten().copied().collect()
}
