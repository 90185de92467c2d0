//! The tile of a matrix product: a few rows by a few vectors of C, held in registers over the summed index.

use std::array::from_fn;
use std::ops::Range;

use pulp::Simd;

use super::buffer::{LINE, Line, Panels, PanelsMut};
use crate::math::multiply_add::multiply_add_vectors;

/// What becomes of C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// It is replaced.
    Replace,
    /// The product is added to it.
    Add,
}

/// The left factor of a tile, from its first row and its first k on.
pub trait LeftFactor: Copy {
    /// Hands on, for every k that panels of B have a line of, the numbers of `R` rows, and the lines of B.
    fn each<const R: usize, const P: usize>(self, b: [&[Line]; P], step: impl TileStep<R, P>);
}

/// What a tile does for a k.
pub trait TileStep<const R: usize, const P: usize>: FnMut([f32; R], [&Line; P]) {}

impl<const R: usize, const P: usize, F: FnMut([f32; R], [&Line; P])> TileStep<R, P> for F {}

/// The left factor is A from row `row` on; k runs along the columns of A, from those of panel `panel` on.
#[derive(Clone, Copy, Debug)]
pub struct LeftRows<'a> {
    /// A.
    pub a: Panels<'a>,
    /// The first panel.
    pub panel: usize,
    /// The first row.
    pub row: usize,
}

impl LeftFactor for LeftRows<'_> {
    #[allow(
        clippy::needless_range_loop,
        reason = "the body of a loop is always inlined; that of `for_each` was not"
    )]
    #[inline(always)]
    fn each<const R: usize, const P: usize>(self, b: [&[Line]; P], mut step: impl TileStep<R, P>) {
        let (whole, rest) = split::<P, LINE>(b);
        for q in 0..whole[0].len() {
            let (a, _) = self.a.panel(self.panel + q)[self.row..].as_chunks::<R>();
            let b = whole.map(|b| &b[q]);
            for k in 0..LINE {
                step(from_fn(|i| a[0][i][k]), lines_of(b, k));
            }
        }
        if !rest[0].is_empty() {
            let a = &self.a.panel(self.panel + whole[0].len())[self.row..][..R];
            for k in 0..rest[0].len() {
                step(from_fn(|i| a[i][k]), rest.map(|b| &b[k]));
            }
        }
    }
}

/// The left factor is Aᵀ: the columns of a panel of A from `first` on; the rows of A run along k.
#[derive(Clone, Copy, Debug)]
pub struct LeftColumns<'a> {
    /// A panel of A, from the first k on.
    pub panel: &'a [Line],
    /// The first column.
    pub first: usize,
}

impl LeftFactor for LeftColumns<'_> {
    #[inline(always)]
    fn each<const R: usize, const P: usize>(self, b: [&[Line]; P], mut step: impl TileStep<R, P>) {
        let (a_whole, a_rest) = self.panel[..b[0].len()].as_chunks::<UNROLL>();
        let (whole, rest) = split::<P, UNROLL>(b);
        for (q, a) in a_whole.iter().enumerate() {
            let a = &a.as_flattened()[self.first..][..(UNROLL - 1) * LINE + R];
            let b = whole.map(|b| &b[q]);
            for k in 0..UNROLL {
                step(from_fn(|i| a[k * LINE + i]), lines_of(b, k));
            }
        }
        for (k, a) in a_rest.iter().enumerate() {
            let a = &a[self.first..][..R];
            step(from_fn(|i| a[i]), rest.map(|b| &b[k]));
        }
    }
}

/// Each panel in runs of `N` lines, and what is left.
#[inline(always)]
fn split<const P: usize, const N: usize>(b: [&[Line]; P]) -> ([&[[Line; N]]; P], [&[Line]; P]) {
    (b.map(|b| b.as_chunks().0), b.map(|b| b.as_chunks::<N>().1))
}

#[inline(always)]
fn lines_of<const P: usize, const N: usize>(b: [&[Line; N]; P], k: usize) -> [&Line; P] {
    b.map(
        #[inline(always)]
        |b| &b[k],
    )
}

/// Lines of a panel of A whose bounds are checked together.
const UNROLL: usize = 8;

/// Most rows of a tile.
pub const MOST_ROWS: usize = 8;

/// A tile of a product L·B: rows of C from the first of `rows` on, and the panels of C from `panel` on.
#[derive(Clone, Debug)]
pub struct ProductTile<'a, L, const P: usize> {
    /// L.
    pub left: L,
    /// Panels of B over the summed k.
    pub b: [&'a [Line]; P],
    /// Rows of C, at most as many as [`tiles`] gives a tile.
    pub rows: Range<usize>,
    /// The first panel of C.
    pub panel: usize,
    /// Whether the product replaces C or is added to it.
    pub fill: Fill,
}

impl<L: LeftFactor, const P: usize> ProductTile<'_, L, P> {
    /// Writes the tile. Conditions that depend on the instruction set are `const` blocks here and below: what they leave
    /// out is not even compiled, which is most of all tiles.
    #[inline(always)]
    pub fn write<S: Simd>(self, simd: S, c: PanelsMut<'_>) {
        match self.rows.len() {
            1 => self.strip::<S, 1>(simd, c),
            2 => self.strip::<S, 2>(simd, c),
            3 => self.strip::<S, 3>(simd, c),
            4 => self.strip::<S, 4>(simd, c),
            5 => self.strip::<S, 5>(simd, c),
            6 => self.strip::<S, 6>(simd, c),
            7 if const { has_many_registers::<S>() } => self.strip::<S, 7>(simd, c),
            8 if const { has_many_registers::<S>() } => self.strip::<S, 8>(simd, c),
            rows => unreachable!("a tile of {rows} rows"),
        }
    }

    /// `R` rows, two vectors of a panel at a time, or the only one.
    #[inline(always)]
    fn strip<S: Simd, const R: usize>(self, simd: S, mut c: PanelsMut<'_>) {
        if const { S::F32_LANES == LINE } {
            return self.piece::<S, R, 1>(simd, c, 0);
        }
        for col in (0..LINE).step_by(2 * S::F32_LANES) {
            self.clone().piece::<S, R, 2>(simd, c.reborrow(), col);
        }
    }

    /// `R` rows by `V` vectors of each panel from column `col` on: as many sums in registers.
    #[inline(always)]
    fn piece<S: Simd, const R: usize, const V: usize>(self, simd: S, mut c: PanelsMut<'_>, col: usize) {
        let Self { left, b, rows, panel, fill } = self;
        let width = V * S::F32_LANES;
        let mut sums = [[[simd.splat_f32s(0.0); V]; R]; P];
        left.each::<R, P>(
            b,
            #[inline(always)]
            |column: [f32; R], b: [&Line; P]| {
                let mut row = [[simd.splat_f32s(0.0); V]; P];
                for (row, b) in row.iter_mut().zip(b) {
                    row.copy_from_slice(S::as_simd_f32s(&b[col..][..width]).0);
                }
                for (i, a) in column.into_iter().enumerate() {
                    let a = simd.splat_f32s(a);
                    for (sums, row) in sums.iter_mut().zip(row) {
                        for (sum, b) in sums[i].iter_mut().zip(row) {
                            *sum = multiply_add_vectors(simd, a, b, *sum);
                        }
                    }
                }
            },
        );
        for (p, sums) in sums.into_iter().enumerate() {
            for (line, sums) in c.panel(panel + p)[rows.clone()].iter_mut().zip(sums) {
                let (c, _) = S::as_mut_simd_f32s(&mut line[col..][..width]);
                for (c, sum) in c.iter_mut().zip(sums) {
                    *c = if fill == Fill::Add { simd.add_f32s(*c, sum) } else { sum };
                }
            }
        }
    }
}

const fn has_many_registers<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

/// Panels of a tile: eight rows by three vectors are 24 sums, for 32 registers; six by two are 12, for 16.
pub const fn tile_panels<S: Simd>() -> usize {
    if has_many_registers::<S>() && S::F32_LANES == LINE { 3 } else { 1 }
}

/// `rows` rows dealt out to tiles as evenly as possible: a tile of few rows would wait for its own sums.
#[inline(always)]
pub fn tiles<S: Simd>(rows: usize) -> impl Iterator<Item = Range<usize>> {
    let most = if const { has_many_registers::<S>() } { MOST_ROWS } else { 6 };
    let tiles = rows.div_ceil(most);
    (0..tiles).map(move |tile| tile * rows / tiles..(tile + 1) * rows / tiles)
}
