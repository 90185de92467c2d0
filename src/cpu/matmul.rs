//! The matrix products of padded rows, on one thread: C = A·B and C = AᵀB, and the transposition that turns A·Bᵀ into the
//! first of them.
//!
//! Nothing is packed: padded rows (see [`super::buffer`]) let the tile read both factors where they lie. A sum runs in
//! the order of k within pieces of at most 512, and the pieces are added up in order, whatever the cut of rows and
//! columns: bits depend on the instruction set alone.

use pulp::{Arch, Simd, WithSimd};

use super::buffer::{LINE, TILE_ROWS, View, ViewMut};
pub use super::kernel::Fill;
use super::kernel::{Columns, Left, Rows, Tile, panels};

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
    let pieces = size.depth.div_ceil(DEPTH);
    for piece in 0..pieces {
        let (k, end) = (piece * size.depth / pieces, (piece + 1) * size.depth / pieces);
        let (depth, fill) = (end - k, if piece > 0 { Fill::Add } else { fill });
        for cols in panels(size.cols) {
            for row in (0..size.rows).step_by(TILE_ROWS) {
                let tile = Tile { left: left(row, k, depth), b: b.from(k, cols.start), depth, fill };
                let c = ViewMut { values: &mut c.values[row * c.stride + cols.start..], stride: c.stride };
                tile.write(simd, c, cols.len());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::buffer::{Buffer, stride};
    use crate::cpu::products::padded;
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
