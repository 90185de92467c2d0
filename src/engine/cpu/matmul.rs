//! The matrix products of panels, on one thread: C = A·B, with an epilogue for the panels of C
//! while they are in the first-level cache, and C = AᵀB.
//!
//! A sum runs in the order of k within pieces of at most 256, and the pieces are added up in order, whatever the cut of
//! rows and columns: bits depend on the instruction set alone.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::buffer::{LINE, Line, Panels, PanelsMut, panels};
pub use super::kernel::Fill;
use super::kernel::{LeftColumns, LeftFactor, LeftRows, ProductTile, tile_panels, tiles};

/// Longest run of k summed up in registers: a panel of B of this depth stays in the first-level cache.
const DEPTH: usize = 256;

/// What is done to the panels of C once they are finished.
pub trait Epilogue {
    /// Takes panel number `panel`. It has to be marked `#[inline(always)]`.
    fn finish<S: Simd>(&mut self, simd: S, panel: usize, c: &mut [Line]);
}

/// The product itself is what is wanted.
pub struct Bare;

impl Epilogue for Bare {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, _: S, _: usize, _: &mut [Line]) {}
}

/// A block of rows of a product, computed by themselves: their sums and their epilogue are as if there were no others.
pub struct ProductRows<'a, E> {
    /// These rows of C.
    pub c: PanelsMut<'a>,
    /// These rows of A.
    pub a: Panels<'a>,
    /// What is done to these rows of each panel of C.
    pub epilogue: E,
}

/// C = A·B, or added to C, for all rows of A, k along the rows of B, and `cols` columns of B.
pub fn product(
    c: PanelsMut<'_>,
    a: Panels<'_>,
    b: Panels<'_>,
    cols: usize,
    fill: Fill,
    epilogue: impl Epilogue,
) {
    products(&mut [Some(ProductRows { c, a, epilogue })], b, cols, fill);
}

/// The same for several blocks of rows: what is read of B serves all of them while it is in the caches.
pub fn products(rows: &mut [Option<ProductRows<'_, impl Epilogue>>], b: Panels<'_>, cols: usize, fill: Fill) {
    Arch::new().dispatch(ProductTask { rows, b, cols, fill });
}

/// The epilogue of a product of `cols` columns that has been computed before.
pub fn finish(c: PanelsMut<'_>, cols: usize, epilogue: impl Epilogue) {
    Arch::new().dispatch(EpilogueTask { c, cols, epilogue });
}

/// C = AᵀB, or added to C, k along the rows of both, for `rows` columns of A and `cols` columns of B.
pub fn transposed_product(
    c: PanelsMut<'_>,
    a: Panels<'_>,
    b: Panels<'_>,
    rows: usize,
    cols: usize,
    fill: Fill,
) {
    Arch::new().dispatch(TransposedProduct { c, a, b, rows, cols, fill });
}

struct ProductTask<'r, 'a, 'b, E> {
    rows: &'r mut [Option<ProductRows<'a, E>>],
    b: Panels<'b>,
    cols: usize,
    fill: Fill,
}

impl<E: Epilogue> WithSimd for ProductTask<'_, '_, '_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, b, cols, fill } = self;
        for piece in pieces(b.rows) {
            let fill = if piece.start > 0 { Fill::Add } else { fill };
            each_panel::<S>(
                cols,
                #[inline(always)]
                |panel, count| {
                    for ProductRows { c, a, epilogue } in rows.iter_mut().flatten() {
                        let strip = Strip { b, piece: piece.clone(), panel, fill };
                        write_tiles(simd, RowTiles { c: c.reborrow(), a: *a, strip, count });
                        if piece.end == b.rows {
                            for panel in panel..panel + count {
                                epilogue.finish(simd, panel, c.panel(panel));
                            }
                        }
                    }
                },
            );
        }
    }
}

struct EpilogueTask<'a, E> {
    c: PanelsMut<'a>,
    cols: usize,
    epilogue: E,
}

impl<E: Epilogue> WithSimd for EpilogueTask<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { mut c, cols, mut epilogue } = self;
        for panel in 0..panels(cols) {
            epilogue.finish(simd, panel, c.panel(panel));
        }
    }
}

/// The tiles of a strip of A·B.
struct RowTiles<'a> {
    c: PanelsMut<'a>,
    a: Panels<'a>,
    strip: Strip<'a>,
    count: usize,
}

impl WithSimd for RowTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { c, a, strip, count } = self;
        let left = |row| LeftRows { a, panel: strip.piece.start / LINE, row };
        let all = tiles::<S>(a.rows);
        strip.write(
            simd,
            c,
            all.map(
                #[inline(always)]
                |rows| (left(rows.start), rows),
            ),
            count,
        );
    }
}

/// Writes `tiles` in a function of its own: a product is compiled for every epilogue, its tiles, 50 KB of instructions,
/// once for an instruction set.
#[inline(never)]
fn write_tiles<S: Simd>(simd: S, tiles: RowTiles<'_>) {
    simd.vectorize(tiles);
}

struct TransposedProduct<'a> {
    c: PanelsMut<'a>,
    a: Panels<'a>,
    b: Panels<'a>,
    rows: usize,
    cols: usize,
    fill: Fill,
}

impl WithSimd for TransposedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { mut c, a, b, rows, cols, fill } = self;
        for piece in pieces(b.rows) {
            let fill = if piece.start > 0 { Fill::Add } else { fill };
            each_panel::<S>(
                cols,
                #[inline(always)]
                |panel, count| {
                    let strip = Strip { b, piece: piece.clone(), panel, fill };
                    for a_panel in 0..panels(rows) {
                        let (lines, first) = (&a.panel(a_panel)[piece.clone()], a_panel * LINE);
                        let all = tiles::<S>(LINE.min(rows - first)).map(
                            #[inline(always)]
                            |cols| {
                                let left = LeftColumns { panel: lines, first: cols.start };
                                (left, first + cols.start..first + cols.end)
                            },
                        );
                        strip.write(simd, c.reborrow(), all, count);
                    }
                },
            );
        }
    }
}

/// The summed index in pieces of about the same depth: whole panels of A, but for the last.
fn pieces(depth: usize) -> impl Iterator<Item = Range<usize>> {
    let piece = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).next_multiple_of(LINE).max(1);
    (0..depth).step_by(piece).map(move |first| first..(first + piece).min(depth))
}

/// Hands on the first panel and the number of panels of every strip of tiles, dealt out as evenly as possible: a tile of
/// one panel would wait for its own sums.
#[inline(always)]
fn each_panel<S: Simd>(cols: usize, mut strip: impl FnMut(usize, usize)) {
    let all = panels(cols);
    let strips = all.div_ceil(const { tile_panels::<S>() });
    for number in 0..strips {
        let panel = number * all / strips;
        strip(panel, (number + 1) * all / strips - panel);
    }
}

/// Tiles one below the other, over a piece of k: the panels of B serve all of them while they are in the cache.
struct Strip<'a> {
    b: Panels<'a>,
    piece: Range<usize>,
    panel: usize,
    fill: Fill,
}

impl<'a> Strip<'a> {
    /// `count` panels of C.
    #[inline(always)]
    fn write<S: Simd, L: LeftFactor>(
        &self,
        simd: S,
        c: PanelsMut<'_>,
        tiles: impl Iterator<Item = (L, Range<usize>)>,
        count: usize,
    ) {
        match count {
            1 => self.write_panels::<S, L, 1>(simd, c, tiles),
            2 if const { tile_panels::<S>() > 1 } => self.write_panels::<S, L, 2>(simd, c, tiles),
            3 if const { tile_panels::<S>() > 1 } => self.write_panels::<S, L, 3>(simd, c, tiles),
            _ => unreachable!("a strip of {count} panels"),
        }
    }

    #[inline(always)]
    fn write_panels<S: Simd, L: LeftFactor, const P: usize>(
        &self,
        simd: S,
        mut c: PanelsMut<'_>,
        tiles: impl Iterator<Item = (L, Range<usize>)>,
    ) {
        let b: [&'a [Line]; P] = std::array::from_fn(|p| &self.b.panel(self.panel + p)[self.piece.clone()]);
        for (left, rows) in tiles {
            let tile = ProductTile { left, b, rows, panel: self.panel, fill: self.fill };
            tile.write(simd, c.reborrow());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::buffer::{Buffer, width};
    use crate::engine::cpu::products::panelled;
    use crate::math::random::Stream;

    /// C of a product on the instruction set `simd`: C `[m, n]`, k summed.
    fn run_on<S: Simd>(simd: S, [m, k, n]: [usize; 3], transposed: bool, fill: Fill) -> Vec<u32> {
        let mut stream = Stream::new(7, "instruction sets");
        let mut draw = |rows: usize, cols: usize| -> Buffer {
            let dense: Vec<f32> = (0..rows * cols).map(|_| (stream.unit() - 0.5) as f32).collect();
            panelled(&dense, rows, cols)
        };
        let (rows, cols) = if transposed { (k, m) } else { (m, k) };
        let (a, b, mut c) = (draw(rows, cols), draw(k, n), draw(m, n));
        assert_eq!(c.len(), m * width(n));
        let (a, b, target) = (Panels::new(&a, rows), Panels::new(&b, k), PanelsMut::new(&mut c, m));
        if transposed {
            TransposedProduct { c: target, a, b, rows: m, cols: n, fill }.with_simd(simd);
        } else {
            let rows = &mut [Some(ProductRows { c: target, a, epilogue: Bare })];
            ProductTask { rows, b, cols: n, fill }.with_simd(simd);
        }
        c.iter().map(|x| x.to_bits()).collect()
    }

    /// The tiles of narrow vectors and few registers, which the processor at hand may never use.
    #[test]
    fn vectors_of_any_width_give_the_same_bits() {
        for size in [[8, 5, 16], [16, 600, 33], [24, 17, 100], [40, 300, 130], [1, 1, 1]] {
            for (transposed, fill) in [(false, Fill::Replace), (true, Fill::Add)] {
                let truth = run_on(pulp::Scalar, size, transposed, fill);
                assert!(run_on(pulp::Scalar128b, size, transposed, fill) == truth, "128 bits, {size:?}");
                assert!(run_on(pulp::Scalar256b, size, transposed, fill) == truth, "256 bits, {size:?}");
                assert!(run_on(pulp::Scalar512b, size, transposed, fill) == truth, "512 bits, {size:?}");
            }
        }
    }

    /// Keeps the panels, each with its number.
    struct Record<'a>(&'a mut Vec<(usize, Vec<Line>)>);

    impl Epilogue for Record<'_> {
        #[inline(always)]
        fn finish<S: Simd>(&mut self, _: S, panel: usize, c: &mut [Line]) {
            self.0.push((panel, c.to_vec()));
        }
    }

    #[test]
    fn every_panel_is_finished_once_when_all_of_k_is_in_it() {
        let (m, k, n) = (3, 600, 40);
        let (a, b) = (panelled(&vec![1.0; m * k], m, k), panelled(&vec![1.0; k * n], k, n));
        let mut c = Buffer::zeros(m * width(n));
        let mut finished = Vec::new();
        let target = PanelsMut::new(&mut c, m);
        product(target, Panels::new(&a, m), Panels::new(&b, k), n, Fill::Replace, Record(&mut finished));
        assert_eq!(finished.len(), 3);
        for (number, (panel, lines)) in finished.into_iter().enumerate() {
            assert_eq!(panel, number);
            assert!(lines.iter().all(|line| line[..8] == [600.0; 8]), "panel {panel}: {lines:?}");
        }
    }
}
