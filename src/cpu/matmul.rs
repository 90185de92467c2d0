//! The matrix products of padded rows, on one thread: C = A·B and C = AᵀB.
//!
//! A sum runs in the order of k within pieces of at most 256, and the pieces are added up in order, whatever the cut of
//! rows and columns: bits depend on the instruction set alone.

use pulp::{Arch, Simd, WithSimd};

use super::buffer::{LINE, View, ViewMut};
pub use super::kernel::Columns;
pub use super::kernel::Fill;
use super::kernel::{FEWEST_ROWS, Left, MOST_ROWS, Rows, Tile, tiles};
use super::pack::Right;

/// Longest run of k summed up in registers: a panel of B of this depth stays in the first-level cache.
const DEPTH: usize = 256;

/// Columns of C from which on it pays to pack the left factor of AᵀB, where a tile would walk down columns.
const PACKING_PAYS: usize = 128;
/// Most rows of C that the left factor is packed for.
const MAX_ROWS: usize = 72;

/// The sizes of a product.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Rows of C.
    pub rows: usize,
    /// The summed index.
    pub depth: usize,
    /// Columns of C; whole lines of them are written.
    pub cols: usize,
}

/// C = A·B, or added to C: A `[rows, depth]`, B `[depth, cols]`.
pub fn product(c: ViewMut<'_>, a: View<'_>, b: Right<'_>, size: Size, fill: Fill) {
    Arch::new().dispatch(Product { c, a, b, size, fill });
}

/// C = AᵀB, or added to C: A `[depth, rows]`, the columns from `a.first` on, B `[depth, cols]`.
pub fn transposed_product(c: ViewMut<'_>, a: Columns<'_>, b: Right<'_>, size: Size, fill: Fill) {
    Arch::new().dispatch(TransposedProduct { c, a, b, size, fill });
}

struct Product<'a> {
    c: ViewMut<'a>,
    a: View<'a>,
    b: Right<'a>,
    size: Size,
    fill: Fill,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { mut c, a, b, size, fill } = self;
        for piece in pieces(size, fill) {
            run(simd, c.reborrow(), |_, row| Rows(a.from(row, piece.first)), b, size, &piece);
        }
    }
}

struct TransposedProduct<'a> {
    c: ViewMut<'a>,
    a: Columns<'a>,
    b: Right<'a>,
    size: Size,
    fill: Fill,
}

impl WithSimd for TransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { mut c, a, b, size, fill } = self;
        if size.cols < PACKING_PAYS || size.rows > MAX_ROWS {
            for piece in pieces(size, fill) {
                run(simd, c.reborrow(), |_, row| a.from(piece.first, row), b, size, &piece);
            }
            return;
        }
        let stride = MOST_ROWS;
        let mut packed = [0.0; MAX_ROWS / FEWEST_ROWS * MOST_ROWS * DEPTH];
        for piece in pieces(size, fill) {
            let len = piece.depth * stride;
            for (rows, packed) in tiles::<S>(size.rows).zip(packed.chunks_exact_mut(len)) {
                a.from(piece.first, rows.start).copy(packed, rows.len());
            }
            let left =
                |tile, _| Columns { a: View { values: &packed[tile * len..][..len], stride }, first: 0 };
            run(simd, c.reborrow(), left, b, size, &piece);
        }
    }
}

/// A run of k that is summed up in registers.
struct Piece {
    first: usize,
    depth: usize,
    fill: Fill,
}

/// The summed index in pieces of about the same depth.
fn pieces(size: Size, fill: Fill) -> impl Iterator<Item = Piece> {
    let pieces = size.depth.div_ceil(DEPTH);
    (0..pieces).map(move |piece| {
        let (first, end) = (piece * size.depth / pieces, (piece + 1) * size.depth / pieces);
        Piece { first, depth: end - first, fill: if piece > 0 { Fill::Add } else { fill } }
    })
}

/// All tiles over a piece of k: a panel of B serves all rows while it is in the cache. `left` is told a tile's number
/// and its first row.
#[inline(always)]
fn run<S: Simd, L: Left>(
    simd: S,
    mut c: ViewMut<'_>,
    left: impl Fn(usize, usize) -> L,
    b: Right<'_>,
    size: Size,
    piece: &Piece,
) {
    for (panel, col) in (0..size.cols).step_by(b.width).enumerate() {
        let width = b.width.min(size.cols.next_multiple_of(LINE) - col);
        let (b, first) = b.panel(panel, piece.first);
        for (tile, rows) in tiles::<S>(size.rows).enumerate() {
            let left = left(tile, rows.start);
            let tile = Tile { left, b, first, depth: piece.depth, fill: piece.fill };
            tile.write(simd, c.from(rows.start, col), rows.len(), width);
        }
    }
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
        let (a, b) = (view(&a, cols), Right::in_place(view(&b, size.cols)));
        let target = ViewMut { values: &mut c, stride: stride(size.cols) };
        if transposed {
            TransposedProduct { c: target, a: Columns { a, first: 0 }, b, size, fill }.with_simd(simd);
        } else {
            Product { c: target, a, b, size, fill }.with_simd(simd);
        }
        c.iter().map(|x| x.to_bits()).collect()
    }

    /// The tiles of narrow vectors and few registers, which the processor at hand may never use.
    #[test]
    fn vectors_of_any_width_give_the_same_bits() {
        for (rows, depth, cols) in [(8, 5, 16), (16, 600, 33), (24, 17, 100), (40, 300, 130), (1, 1, 1)] {
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
