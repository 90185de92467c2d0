//! The tile of a matrix product: a few rows by a few vectors of C, held in registers over the summed index.

use std::ops::Range;

use pulp::Simd;

use super::buffer::{LINE, View, ViewMut};

/// What becomes of C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// It is replaced.
    Replace,
    /// The product is added to it.
    Add,
}

/// The left factor of a tile, from its first row and its first k on.
pub trait Left: Copy {
    /// Hands on, for every k below `depth`, what gives the number in each of `R` rows, and row k of B.
    fn each<'b, const R: usize>(self, depth: usize, b: impl Iterator<Item = &'b [f32]>, step: impl Step<R>);
}

/// What a tile does for a k.
pub trait Step<const R: usize>: FnMut([f32; R], &[f32]) {}

impl<const R: usize, F: FnMut([f32; R], &[f32])> Step<R> for F {}

/// The left factor is A, whose rows run along k.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a>(pub View<'a>);

impl Left for Rows<'_> {
    #[inline(always)]
    fn each<'b, const R: usize>(
        self,
        depth: usize,
        mut b: impl Iterator<Item = &'b [f32]>,
        mut step: impl Step<R>,
    ) {
        let mut rows: [(&[[f32; UNROLL]], &[f32]); R] = [(&[], &[]); R];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = self.0.values[i * self.0.stride..][..depth].as_chunks();
        }
        for k in 0..depth / UNROLL {
            for j in 0..UNROLL {
                let Some(b) = b.next() else { return };
                let mut column = [0.0; R];
                for (a, row) in column.iter_mut().zip(rows) {
                    *a = row.0[k][j];
                }
                step(column, b);
            }
        }
        for k in 0..depth % UNROLL {
            let Some(b) = b.next() else { return };
            let mut column = [0.0; R];
            for (a, row) in column.iter_mut().zip(rows) {
                *a = row.1[k];
            }
            step(column, b);
        }
    }
}

/// The left factor is Aᵀ: neighbouring columns of A from `first` on; the rows of A run along k.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    /// Whole rows of A.
    pub a: View<'a>,
    /// The first column.
    pub first: usize,
}

impl<'a> Columns<'a> {
    /// The part that starts at row `k` and, after the first column, column `col`.
    pub fn from(self, k: usize, col: usize) -> Self {
        Self { a: self.a.from(k, 0), first: self.first + col }
    }

    /// Copies `rows` columns into rows of [`MOST_ROWS`] numbers.
    #[inline(always)]
    pub fn copy(self, out: &mut [f32], rows: usize) {
        match rows {
            1 => self.copy_rows::<1>(out),
            2 => self.copy_rows::<2>(out),
            3 => self.copy_rows::<3>(out),
            4 => self.copy_rows::<4>(out),
            5 => self.copy_rows::<5>(out),
            6 => self.copy_rows::<6>(out),
            7 => self.copy_rows::<7>(out),
            _ => self.copy_rows::<8>(out),
        }
    }

    #[inline(always)]
    fn copy_rows<const R: usize>(self, out: &mut [f32]) {
        for (out, row) in out.chunks_exact_mut(MOST_ROWS).zip(self.a.rows()) {
            out[..R].copy_from_slice(&row[self.first..][..R]);
        }
    }
}

impl Left for Columns<'_> {
    #[inline(always)]
    fn each<'b, const R: usize>(
        self,
        depth: usize,
        b: impl Iterator<Item = &'b [f32]>,
        mut step: impl Step<R>,
    ) {
        for (a, b) in self.a.rows().take(depth).zip(b) {
            let mut column = [0.0; R];
            column.copy_from_slice(&a[self.first..][..R]);
            step(column, b);
        }
    }
}

/// Most rows of a tile, and fewest of the largest tile of any instruction set.
pub const MOST_ROWS: usize = 8;
pub const FEWEST_ROWS: usize = 6;

/// Columns of A that are taken in one go.
const UNROLL: usize = 4;

/// A tile of a product L·B over `depth` values of k, in order.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a, L> {
    /// L.
    pub left: L,
    /// Whole rows of B.
    pub b: View<'a>,
    /// The first column of B.
    pub first: usize,
    /// How far k runs.
    pub depth: usize,
    /// Whether the product replaces C or is added to it.
    pub fill: Fill,
}

impl<L: Left> Tile<'_, L> {
    /// Writes `rows` rows, at most [`tile_rows`], and `width` columns of C: whole lines.
    #[inline(always)]
    pub fn write<S: Simd>(self, simd: S, c: ViewMut<'_>, rows: usize, width: usize) {
        match rows {
            1 => self.strip::<S, 1>(simd, c, width),
            2 => self.strip::<S, 2>(simd, c, width),
            3 => self.strip::<S, 3>(simd, c, width),
            4 => self.strip::<S, 4>(simd, c, width),
            5 => self.strip::<S, 5>(simd, c, width),
            6 => self.strip::<S, 6>(simd, c, width),
            7 if has_many_registers::<S>() => self.strip::<S, 7>(simd, c, width),
            8 if has_many_registers::<S>() => self.strip::<S, 8>(simd, c, width),
            _ => unreachable!("a tile of {rows} rows"),
        }
    }

    /// `R` rows, in pieces of as many vectors as registers hold.
    #[inline(always)]
    fn strip<S: Simd, const R: usize>(self, simd: S, mut c: ViewMut<'_>, width: usize) {
        let vectors = width / S::F32_LANES;
        let most = if has_many_registers::<S>() { 3 } else { 2 };
        for start in (0..vectors).step_by(most) {
            let col = start * S::F32_LANES;
            match most.min(vectors - start) {
                1 => self.piece::<S, R, 1>(simd, c.reborrow(), col),
                3 if has_many_registers::<S>() => self.piece::<S, R, 3>(simd, c.reborrow(), col),
                _ => self.piece::<S, R, 2>(simd, c.reborrow(), col),
            }
        }
    }

    /// `R` rows by `V` vectors from column `col` on: as many sums in registers.
    #[inline(always)]
    fn piece<S: Simd, const R: usize, const V: usize>(self, simd: S, c: ViewMut<'_>, col: usize) {
        let Self { left, b, depth, fill, .. } = self;
        let width = V * S::F32_LANES;
        let first = self.first + col;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        left.each::<R>(
            depth,
            b.rows(),
            #[inline(always)]
            |column: [f32; R], b: &[f32]| {
                let (b, _) = S::as_simd_f32s(&b[first..][..width]);
                let mut row = [simd.splat_f32s(0.0); V];
                row.copy_from_slice(b);
                for (sums, a) in sums.iter_mut().zip(column) {
                    let a = simd.splat_f32s(a);
                    for (sum, b) in sums.iter_mut().zip(row) {
                        *sum = simd.mul_add_f32s(a, b, *sum);
                    }
                }
            },
        );
        for (c, sums) in c.values.chunks_mut(c.stride).zip(sums) {
            let (c, _) = S::as_mut_simd_f32s(&mut c[col..][..width]);
            for (c, sum) in c.iter_mut().zip(sums) {
                *c = if fill == Fill::Add { simd.add_f32s(*c, sum) } else { sum };
            }
        }
    }
}

#[inline(always)]
fn has_many_registers<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

/// The most rows of a tile: eight rows by three vectors are 24 sums, for 32 registers; six by two are 12, for 16.
#[inline(always)]
fn tile_rows<S: Simd>() -> usize {
    if has_many_registers::<S>() { MOST_ROWS } else { FEWEST_ROWS }
}

/// Lines of a panel of B: as many vectors as a tile has, or a line if that is more.
pub fn panel_lines<S: Simd>() -> usize {
    if has_many_registers::<S>() && S::F32_LANES == LINE { 3 } else { 1 }
}

/// `rows` rows dealt out to tiles as evenly as possible: a tile of few rows would wait for its own sums.
#[inline(always)]
pub fn tiles<S: Simd>(rows: usize) -> impl Iterator<Item = Range<usize>> {
    let tiles = rows.div_ceil(tile_rows::<S>());
    (0..tiles).map(move |tile| tile * rows / tiles..(tile + 1) * rows / tiles)
}
