//! The products that the engine is made of, on dense matrices: for tests, for `rhohat verify` to run on small integers,
//! where nothing may be rounded, and for the comparison of units.

use super::buffer::{Buffer, LINE, Panels, PanelsMut, spread, spread_transposed, width};
use super::matmul::{Bare, Fill, product, transposed_product};

/// C `[m, n]` = A `[m, k]` · Bᵀ with B `[n, k]`, dense.
pub fn nt(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    assert_eq!(b.len(), n * k, "B of {n}×{k} needs as many values");
    let mut turned = Buffer::zeros(k * width(n));
    spread_transposed(b, k, PanelsMut::new(&mut turned, k));
    plain(&panelled(a, m, k), &turned, m, n, k)
}

/// C `[m, n]` = A `[m, k]` · B `[k, n]`, dense.
pub fn nn(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    plain(&panelled(a, m, k), &panelled(b, k, n), m, n, k)
}

fn plain(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let (a, b) = (Panels::new(a, m), Panels::new(b, k));
    dense(m, n, |c| product(c, a, b, n, Fill::Replace, Bare))
}

/// C `[m, n]` = Aᵀ · B with A `[k, m]` and B `[k, n]`, dense.
pub fn tn(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let (a, b) = (panelled(a, k, m), panelled(b, k, n));
    dense(m, n, |c| transposed_product(c, Panels::new(&a, k), Panels::new(&b, k), m, n, Fill::Replace))
}

/// A dense matrix in panels.
pub(super) fn panelled(values: &[f32], rows: usize, cols: usize) -> Buffer {
    assert_eq!(values.len(), rows * cols, "a matrix of {rows}×{cols} needs as many values");
    let mut out = Buffer::zeros(rows * width(cols));
    spread(values, cols, PanelsMut::new(&mut out, rows));
    out
}

/// The dense form of what `fill` writes into C `[rows, cols]` in panels. C holds NaN before, to be overwritten.
fn dense(rows: usize, cols: usize, fill: impl FnOnce(PanelsMut<'_>)) -> Vec<f32> {
    let mut c = Buffer::zeros(rows * width(cols));
    c.fill(f32::NAN);
    fill(PanelsMut::new(&mut c, rows));
    let mut dense = vec![0.0; rows * cols];
    for (panel, first) in (0..cols).step_by(LINE).enumerate() {
        let count = LINE.min(cols - first);
        let lines = Panels::new(&c, rows).panel(panel).iter();
        lines.zip(dense.chunks_exact_mut(cols)).for_each(|(line, row)| {
            row[first..first + count].copy_from_slice(&line[..count]);
        });
    }
    dense
}
