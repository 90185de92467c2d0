//! The products that the engine is made of, on dense matrices: for tests, and for `rhohat verify` to run on small
//! integers, where nothing may be rounded.

use super::buffer::{Buffer, View, ViewMut, dense_rows, spread, stride};
use super::matmul::{Columns, Fill, Size, product, transposed_product};
use super::pack::{Right, pack, pack_transposed, packed_len};

/// C `[m, n]` = A `[m, k]` · Bᵀ with B `[n, k]`, dense.
pub fn nt(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let b = padded(b, n, k);
    let mut packed = Buffer::zeros(packed_len(k, n));
    pack_transposed(&mut packed, View { values: &b, stride: stride(k) }, k, n);
    let a = padded(a, m, k);
    let (a, b) = (View { values: &a, stride: stride(k) }, Right::packed(&packed, k));
    dense(m, n, |c| product(c, a, b, Size { rows: m, depth: k, cols: n }, Fill::Replace))
}

/// C `[m, n]` = A `[m, k]` · B `[k, n]`, dense.
pub fn nn(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let (a, b) = (padded(a, m, k), padded(b, k, n));
    let mut packed = Buffer::zeros(packed_len(k, n));
    pack(&mut packed, View { values: &b, stride: stride(n) }, k, n);
    let (a, b) = (View { values: &a, stride: stride(k) }, Right::packed(&packed, k));
    dense(m, n, |c| product(c, a, b, Size { rows: m, depth: k, cols: n }, Fill::Replace))
}

/// C `[m, n]` = Aᵀ · B with A `[k, m]` and B `[k, n]`, dense.
pub fn tn(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let (a, b) = (padded(a, k, m), padded(b, k, n));
    let (a, b) = (View { values: &a, stride: stride(m) }, View { values: &b, stride: stride(n) });
    let b = Right::in_place(b);
    dense(m, n, |c| {
        transposed_product(c, Columns { a, first: 0 }, b, Size { rows: m, depth: k, cols: n }, Fill::Replace)
    })
}

/// A dense matrix with its rows padded.
pub(super) fn padded(values: &[f32], rows: usize, cols: usize) -> Buffer {
    assert_eq!(values.len(), rows * cols, "a matrix of {rows}×{cols} needs as many values");
    let mut out = Buffer::zeros(rows * stride(cols));
    spread(values, cols, ViewMut { values: &mut out, stride: stride(cols) });
    out
}

/// The dense form of what `fill` writes into a padded C `[rows, cols]`. C holds NaN before, to be overwritten.
fn dense(rows: usize, cols: usize, fill: impl FnOnce(ViewMut<'_>)) -> Vec<f32> {
    let mut c = Buffer::zeros(rows * stride(cols));
    c.fill(f32::NAN);
    fill(ViewMut { values: &mut c, stride: stride(cols) });
    dense_rows(View { values: &c, stride: stride(cols) }, rows, cols).flatten().copied().collect()
}
