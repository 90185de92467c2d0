//! The tile of a matrix product: eight rows by up to three cache lines of C, held in registers over the summed index.

use std::ops::Range;

use pulp::Simd;

use super::buffer::{LINE, TILE_ROWS, View, ViewMut};

/// Lines of the widest tile.
const TILE_LINES: usize = 3;

/// What becomes of C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// It is replaced.
    Replace,
    /// The product is added to it.
    Add,
}

/// The left factor of a tile, eight rows of it, as the product walks through the summed index k.
pub trait Left: Copy {
    /// Column k: the number in each of `R` rows, from row `first` of the tile on.
    fn column<const R: usize>(self, k: usize, first: usize) -> impl Fn(usize) -> f32;
}

/// The left factor is A: eight rows that run along k.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a>([&'a [f32]; TILE_ROWS]);

impl<'a> Rows<'a> {
    /// The first eight rows of `a`, `depth` numbers of each.
    #[inline(always)]
    pub fn new(a: View<'a>, depth: usize) -> Self {
        let mut rows: [&[f32]; TILE_ROWS] = [&[]; TILE_ROWS];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = &a.values[i * a.stride..][..depth];
        }
        Self(rows)
    }
}

impl Left for Rows<'_> {
    #[inline(always)]
    fn column<const R: usize>(self, k: usize, first: usize) -> impl Fn(usize) -> f32 {
        move |row| self.0[first + row][k]
    }
}

/// The left factor is Aᵀ: eight neighbouring columns of A, whose rows run along k.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a>(pub View<'a>);

impl Left for Columns<'_> {
    #[inline(always)]
    fn column<const R: usize>(self, k: usize, first: usize) -> impl Fn(usize) -> f32 {
        let column = &self.0.values[k * self.0.stride + first..][..R];
        move |row| column[row]
    }
}

/// Eight rows of a product L·B over `depth` values of k, in order.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a, L> {
    /// L.
    pub left: L,
    /// B, from the first column of the tile on.
    pub b: View<'a>,
    /// How far k runs.
    pub depth: usize,
    /// Whether the product replaces C or is added to it.
    pub fill: Fill,
}

impl<L: Left> Tile<'_, L> {
    /// Writes `width` columns of C: up to three lines.
    #[inline(always)]
    pub fn write<S: Simd>(self, simd: S, c: ViewMut<'_>, width: usize) {
        // Eight rows by three vectors are 24 sums, for 32 registers; four by two are 8, which leave half of 16
        // registers to the factors: with four by three, compilers keep sums in memory.
        if S::REGISTER_COUNT >= 32 {
            self.strip::<S, 8, 3>(simd, c, 0, width);
        } else {
            let (upper, lower) = c.values.split_at_mut(TILE_ROWS / 2 * c.stride);
            self.strip::<S, 4, 2>(simd, ViewMut { values: upper, ..c }, 0, width);
            self.strip::<S, 4, 2>(simd, ViewMut { values: lower, ..c }, TILE_ROWS / 2, width);
        }
    }

    /// `R` rows, from row `first` of the tile on, in pieces of up to `V` vectors.
    #[inline(always)]
    fn strip<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        mut c: ViewMut<'_>,
        first: usize,
        width: usize,
    ) {
        let vectors = width / S::F32_LANES;
        for start in (0..vectors).step_by(V) {
            let col = start * S::F32_LANES;
            match V.min(vectors - start) {
                1 => self.piece::<S, R, 1>(simd, c.reborrow(), first, col),
                2 => self.piece::<S, R, 2>(simd, c.reborrow(), first, col),
                _ => self.piece::<S, R, 3>(simd, c.reborrow(), first, col),
            }
        }
    }

    /// `R` rows by `V` vectors from column `col` on: as many sums in registers.
    #[inline(always)]
    fn piece<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        c: ViewMut<'_>,
        first: usize,
        col: usize,
    ) {
        let Self { left, b, depth, fill } = self;
        let width = V * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for k in 0..depth {
            let (b, _) = S::as_simd_f32s(&b.values[k * b.stride + col..][..width]);
            let mut row = [simd.splat_f32s(0.0); V];
            row.copy_from_slice(b);
            let column = left.column::<R>(k, first);
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = simd.splat_f32s(column(i));
                for (sum, b) in sums.iter_mut().zip(row) {
                    *sum = simd.mul_add_f32s(a, b, *sum);
                }
            }
        }
        for (c, sums) in c.values.chunks_mut(c.stride).zip(sums) {
            let (c, _) = S::as_mut_simd_f32s(&mut c[col..][..width]);
            for (c, sum) in c.iter_mut().zip(sums) {
                *c = if fill == Fill::Add { simd.add_f32s(*c, sum) } else { sum };
            }
        }
    }
}

/// The columns of each panel when those of C are dealt out, line by line and as evenly as possible, to panels of at
/// most three lines.
pub fn panels(cols: usize) -> impl Iterator<Item = Range<usize>> {
    let lines = cols.div_ceil(LINE);
    let panels = lines.div_ceil(TILE_LINES);
    (0..panels).map(move |panel| panel * lines / panels * LINE..(panel + 1) * lines / panels * LINE)
}
