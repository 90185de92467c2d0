//! The tile of a matrix product: eight rows by up to three cache lines of C, held in registers over the summed index.

use pulp::Simd;

use super::buffer::{LINE, TILE_ROWS, View, ViewMut};

/// Lines of the widest tile.
pub const TILE_LINES: usize = 3;

/// The left factor of a tile, eight rows of it, as the product walks through the summed index k.
pub trait Left: Copy {
    /// Column k: the number in each of `R` rows, from row `first` of the tile on.
    fn column<const R: usize>(self, k: usize, first: usize) -> impl Fn(usize) -> f32;
}

/// The left factor is A: eight rows that run along k.
#[derive(Clone, Copy)]
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
#[derive(Clone, Copy)]
pub struct Columns<'a>(pub View<'a>);

impl Left for Columns<'_> {
    #[inline(always)]
    fn column<const R: usize>(self, k: usize, first: usize) -> impl Fn(usize) -> f32 {
        let column = &self.0.values[k * self.0.stride + first..][..R];
        move |row| column[row]
    }
}

/// C = L·B, or C += L·B, for eight rows and `width` (up to three lines) columns of C, over `depth` summed products in
/// order.
#[inline(always)]
pub fn tile<S: Simd>(
    simd: S,
    c: ViewMut<'_>,
    left: impl Left,
    b: View<'_>,
    depth: usize,
    width: usize,
    add: bool,
) {
    // Eight rows by three vectors are 24 sums, for 32 registers; four by two are 8, which leave half of 16 registers to
    // the factors: with four by three, compilers keep sums in memory.
    if S::REGISTER_COUNT >= 32 {
        strip::<S, 8, 3>(simd, c.values, c.stride, left, 0, b, depth, width, add);
    } else {
        let (upper, lower) = c.values.split_at_mut(TILE_ROWS / 2 * c.stride);
        strip::<S, 4, 2>(simd, upper, c.stride, left, 0, b, depth, width, add);
        strip::<S, 4, 2>(simd, lower, c.stride, left, TILE_ROWS / 2, b, depth, width, add);
    }
}

/// `R` rows of a tile, from row `first` on, in pieces of up to `V` vectors.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the sizes of one tile; a struct would be built for each")]
fn strip<S: Simd, const R: usize, const V: usize>(
    simd: S,
    c: &mut [f32],
    stride: usize,
    left: impl Left,
    first: usize,
    b: View<'_>,
    depth: usize,
    width: usize,
    add: bool,
) {
    let vectors = width / S::F32_LANES;
    for start in (0..vectors).step_by(V) {
        let col = start * S::F32_LANES;
        let (c, b) = (&mut c[col..], b.from(0, col));
        match V.min(vectors - start) {
            1 => piece::<S, R, 1>(simd, c, stride, left, first, b, depth, add),
            2 => piece::<S, R, 2>(simd, c, stride, left, first, b, depth, add),
            _ => piece::<S, R, 3>(simd, c, stride, left, first, b, depth, add),
        }
    }
}

/// `R` rows by `V` vectors: as many sums as registers, each in the order of k.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the sizes of one tile; a struct would be built for each")]
fn piece<S: Simd, const R: usize, const V: usize>(
    simd: S,
    c: &mut [f32],
    stride: usize,
    left: impl Left,
    first: usize,
    b: View<'_>,
    depth: usize,
    add: bool,
) {
    let width = V * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    for k in 0..depth {
        let (b, _) = S::as_simd_f32s(&b.values[k * b.stride..][..width]);
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
    for (c, sums) in c.chunks_mut(stride).zip(sums) {
        let (c, _) = S::as_mut_simd_f32s(&mut c[..width]);
        for (c, sum) in c.iter_mut().zip(sums) {
            *c = if add { simd.add_f32s(*c, sum) } else { sum };
        }
    }
}

/// Lines of panel `panel` when `lines` lines are dealt out as evenly as possible to panels of at most three.
pub fn panel(lines: usize, panel: usize) -> (usize, usize) {
    let panels = lines.div_ceil(TILE_LINES);
    (panel * lines / panels * LINE, (panel + 1) * lines / panels * LINE)
}
