//! The matrix products, on one thread: C = A·B and C = AᵀB on padded rows, and the transposition that turns A·Bᵀ into
//! the first of them.
//!
//! Nothing is packed: padded rows (see [`super::buffer`]) let the tile read both factors where they lie. A sum runs in
//! the order of k within pieces of at most 512, and the pieces are added up in order, whatever the cut of rows and
//! columns: bits depend on the instruction set alone.

use pulp::{Arch, Simd, WithSimd};

use super::buffer::{Buffer, LINE, TILE_ROWS, View, ViewMut, dense_rows, padded_rows, spread, stride};
use super::kernel::{Columns, Left, Rows, TILE_LINES, panel, tile};

/// Longest run of k summed up in registers: a panel of B of this depth stays in the second-level cache.
const DEPTH: usize = 512;

/// The sizes of a product.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rows of C; whole tiles of them are written.
    pub rows: usize,
    /// The summed index.
    pub depth: usize,
    /// Columns of C; whole lines of them are written.
    pub cols: usize,
}

/// What becomes of C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// It is replaced.
    Replace,
    /// The product is added to it.
    Add,
}

/// C = A·B, or added to C: A `[rows, depth]`, B `[depth, cols]`.
pub fn product(c: ViewMut<'_>, a: View<'_>, b: View<'_>, size: Size, fill: Fill) {
    Arch::new().dispatch(Product { c, a, b, size, fill, transposed: false });
}

/// C = AᵀB, or added to C: A `[depth, rows]`, B `[depth, cols]`.
pub fn transposed_product(c: ViewMut<'_>, a: View<'_>, b: View<'_>, size: Size, fill: Fill) {
    Arch::new().dispatch(Product { c, a, b, size, fill, transposed: true });
}

struct Product<'a> {
    c: ViewMut<'a>,
    a: View<'a>,
    b: View<'a>,
    size: Size,
    fill: Fill,
    transposed: bool,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { c, a, b, size, fill, transposed } = self;
        if transposed {
            run(simd, c, |row, k, _| Columns(a.from(k, row)), b, size, fill);
        } else {
            run(simd, c, |row, k, depth| Rows::new(a.from(row, k), depth), b, size, fill);
        }
    }
}

/// All tiles: pieces of k outside, so that a panel of B serves all rows while it is in the cache.
#[inline(always)]
fn run<S: Simd, L: Left>(
    simd: S,
    c: ViewMut<'_>,
    left: impl Fn(usize, usize, usize) -> L,
    b: View<'_>,
    size: Size,
    fill: Fill,
) {
    let lines = size.cols.div_ceil(LINE);
    let pieces = size.depth.div_ceil(DEPTH);
    for piece in 0..pieces {
        let (k, end) = (piece * size.depth / pieces, (piece + 1) * size.depth / pieces);
        let add = fill == Fill::Add || piece > 0;
        for (col, col_end) in (0..lines.div_ceil(TILE_LINES)).map(|p| panel(lines, p)) {
            for row in (0..size.rows).step_by(TILE_ROWS) {
                let c = ViewMut { values: &mut c.values[row * c.stride + col..], stride: c.stride };
                tile(simd, c, left(row, k, end - k), b.from(k, col), end - k, col_end - col, add);
            }
        }
    }
}

/// Rows `first..` of Aᵀ into `out`, as many whole lines of rows as it holds: A `[rows, _]`. Columns of `out` beyond
/// `rows` become zero, up to a whole line. Not vectorised: given wide vectors, compilers gather, which is slower.
pub fn transpose(out: ViewMut<'_>, a: View<'_>, rows: usize, first: usize) {
    for row in (0..rows).step_by(LINE) {
        for (band, out_rows) in out.values.chunks_exact_mut(LINE * out.stride).enumerate() {
            let square = square(a.from(row, first + band * LINE), rows - row);
            for (i, out) in out_rows.chunks_exact_mut(out.stride).enumerate() {
                for (out, line) in out[row..row + LINE].iter_mut().zip(square) {
                    *out = line[i];
                }
            }
        }
    }
}

/// The lines that 16 rows of `a` begin with; rows beyond `rows` are zero.
fn square(a: View<'_>, rows: usize) -> [&[f32; LINE]; LINE] {
    let mut square = [&[0.0; LINE]; LINE];
    for (line, row) in square.iter_mut().zip(a.values.chunks(a.stride)).take(rows) {
        *line = row.first_chunk().expect("rows end in whole lines");
    }
    square
}

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
fn padded(values: &[f32], rows: usize, cols: usize) -> Buffer {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// C of a product on the instruction set `simd`, for `size`.
    fn run_on<S: Simd>(simd: S, size: Size, transposed: bool, fill: Fill) -> Vec<u32> {
        let mut stream = Stream::new(7, "instruction sets");
        let mut draw = |rows: usize, cols: usize| -> Buffer {
            let dense: Vec<f32> = (0..rows * cols).map(|_| (stream.unit() - 0.5) as f32).collect();
            padded(&dense, rows, cols)
        };
        let (rows, cols) = if transposed { (size.depth, size.rows) } else { (size.rows, size.depth) };
        let (a, b, mut c) = (draw(rows, cols), draw(size.depth, size.cols), draw(size.rows, size.cols));
        let view = |values, cols| View { values, stride: stride(cols) };
        let (a, b) = (view(&a, cols), view(&b, size.cols));
        let target = ViewMut { values: &mut c, stride: stride(size.cols) };
        Product { c: target, a, b, size, fill, transposed }.with_simd(simd);
        c.iter().map(|x| x.to_bits()).collect()
    }

    /// The tiles of narrow vectors and few registers, which the processor at hand may never use.
    #[test]
    fn vectors_of_any_width_give_the_same_bits() {
        for (rows, depth, cols) in [(8, 5, 16), (16, 600, 33), (24, 17, 100), (1, 1, 1)] {
            for (transposed, fill) in [(false, Fill::Replace), (true, Fill::Add)] {
                let size = Size { rows, depth, cols };
                let truth = run_on(pulp::Scalar, size, transposed, fill);
                assert!(run_on(pulp::Scalar128b, size, transposed, fill) == truth, "128 bits, {size:?}");
                assert!(run_on(pulp::Scalar256b, size, transposed, fill) == truth, "256 bits, {size:?}");
                assert!(run_on(pulp::Scalar512b, size, transposed, fill) == truth, "512 bits, {size:?}");
            }
        }
    }
}
