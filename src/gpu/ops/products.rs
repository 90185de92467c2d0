//! The three products, and the sum over the slices of a weight gradient.

use super::word;
use crate::error::Result;
use crate::gpu::buffer::{TILE, Tensor, padded};
use crate::gpu::kernel::tile::SIDE;
use crate::gpu::kernel::{self, Kernel};
use crate::gpu::pace::moved;
use crate::gpu::recording::{Choice, Recorder};
use crate::gpu::uniform::{self, WeightGradient};
use crate::gpu::variant::Product;
use crate::objective::Activation;

/// Most vec4s of k that one dispatch of a product sums, and most rows of a slice: lavapipe ends the loops of an invocation
/// after 65 535 turns, counting the one in which a loop ends, so that `tiled` makes eleven for four vec4s, 23 for 16 rows.
const MAX_PRODUCT_TURNS: usize = 20_000;

/// Where products of a weight gradient are cut along the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slices {
    /// Rows a slice.
    pub rows: usize,
    /// How many.
    pub count: usize,
}

impl Slices {
    /// Cuts `k` rows for a result of `tiles` tiles, so that small results still keep a GPU busy, and no slice is
    /// longer than a shader's loop may be.
    pub fn new(k: usize, tiles: usize) -> Self {
        const WANTED_INVOCATIONS: usize = 2048;
        const SHORTEST: usize = 256;
        let wanted =
            WANTED_INVOCATIONS.div_ceil(tiles).min(k.div_ceil(SHORTEST)).max(k.div_ceil(MAX_PRODUCT_TURNS));
        Self::cut(k, wanted)
    }

    /// The same `k` rows in at most `most` slices.
    pub fn at_most(self, k: usize, most: usize) -> Self {
        if self.count <= most { self } else { Self::cut(k, most) }
    }

    /// At most `count` slices of whole tiles of rows: `matmul_tn_broadcast` sums four rows at a time, and what it read
    /// beyond the end of a slice would be counted twice.
    fn cut(k: usize, count: usize) -> Self {
        let rows = k.div_ceil(count.max(1)).max(1).next_multiple_of(TILE);
        Self { rows, count: k.div_ceil(rows).max(1) }
    }
}

/// What ends a product.
pub(super) struct End<'a> {
    /// The kernel that ends in it.
    pub kernel: &'static Kernel,
    /// What it applies.
    pub f: Activation,
    /// The tensors that it takes besides A, B and C.
    pub tensors: &'a [&'a Tensor],
    /// Where its first sum goes, for ends that leave sums.
    pub first_sum: usize,
}

/// Rows and columns of a tile, and the invocations that share it.
fn tile(product: Product) -> (usize, usize) {
    match product {
        Product::Direct => (TILE, 1),
        Product::Tiled => (64, 64),
        Product::Broadcast => (SIDE, 8),
    }
}

/// Invocations that compute a product of `rows` × `cols`: so many sums does the output's delta leave.
pub fn output_sums(product: Product, rows: usize, cols: usize) -> usize {
    let (side, sharers) = tile(product);
    padded(rows).div_ceil(side) * padded(cols).div_ceil(side) * sharers
}

impl Recorder<'_> {
    /// C = A Bᵀ, or C += A Bᵀ.
    pub fn matmul_nt(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.cols, a.rows, b.rows), "matmul_nt: shapes");
        let product = self.variant.nt;
        self.product(product, kernel::matmul_nt(product), None, [a, b, c], accumulate)
    }

    /// C = A B, or C += A B.
    pub fn matmul_nn(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.rows, a.rows, b.cols), "matmul_nn: shapes");
        let product = self.variant.nn;
        self.product(product, kernel::matmul_nn(product), None, [a, b, c], accumulate)
    }

    /// In as many dispatches as the sum needs; the last of them has the end if there is one.
    pub(super) fn product(
        &mut self,
        product: Product,
        kernel: &'static Kernel,
        end: Option<End<'_>>,
        [a, b, c]: [&Tensor; 3],
        accumulate: bool,
    ) -> Result<()> {
        let (side, sharers) = tile(product);
        let (tiles_m, tiles_n) = (c.padded_rows.div_ceil(side), c.stride().div_ceil(side));
        let invocations = tiles_m * tiles_n * sharers;
        let turns = a.stride() / 4;
        for first in (0..turns).step_by(MAX_PRODUCT_TURNS) {
            let last = (first + MAX_PRODUCT_TURNS).min(turns);
            let uniform = uniform::Product {
                tiles_m: word(tiles_m),
                tiles_n: word(tiles_n),
                k_first: word(first),
                k_end: word(last),
                stride_a: word(a.stride() / 4),
                stride_b: word(b.stride() / 4),
                stride_c: word(c.stride() / 4),
                rows: word(c.padded_rows),
                examples: word(c.rows),
                units: word(c.cols),
                sums: word(invocations),
                first_sum: word(end.as_ref().map_or(0, |end| end.first_sum)),
            };
            let multiply_adds = (c.len() * 4 * (last - first)) as f64;
            let work = Some(multiply_adds + moved(c.len()));
            let choice = Choice { work, ..Choice::accumulating(accumulate || first > 0) };
            match &end {
                Some(end) if last == turns => {
                    let choice = Choice { activation: Some(end.f), ..choice };
                    let tensors = [&[a, b, c], end.tensors].concat();
                    self.dispatch(end.kernel, choice, &uniform, &tensors, invocations)?;
                }
                _ => self.dispatch(kernel, choice, &uniform, &[a, b, c], invocations)?,
            }
        }
        Ok(())
    }

    /// P_z = AᵀB over slice z of the rows; `products` is `[slices · padded columns of A, columns of B]`.
    pub fn matmul_tn(&mut self, a: &Tensor, b: &Tensor, products: &Tensor, slices: Slices) -> Result<()> {
        let (side, sharers) = tile(self.variant.tn);
        let tiles = (a.stride().div_ceil(side), b.stride().div_ceil(side));
        assert_eq!(a.rows, b.rows, "matmul_tn: rows");
        assert!(products.bound >= slices.count * a.stride() * b.stride(), "matmul_tn: room for the slices");
        let uniform = uniform::SlicedProduct {
            tiles_m: word(tiles.0),
            tiles_n: word(tiles.1),
            k: word(a.padded_rows),
            slice: word(slices.rows),
            slices: word(slices.count),
            stride_a: word(a.stride() / 4),
            stride_b: word(b.stride() / 4),
            stride_c: word(b.stride() / 4),
        };
        let kernel = kernel::matmul_tn(self.variant.tn);
        let invocations = tiles.0 * tiles.1 * slices.count * sharers;
        let one = a.stride() * b.stride();
        let work = Some((one * a.padded_rows) as f64 + moved(slices.count * one));
        let choice = Choice { work, ..Choice::default() };
        self.dispatch(kernel, choice, &uniform, &[a, b, products], invocations)
    }

    /// G ← Σ products / `examples` + λW, or G += Σ products / `examples`.
    #[allow(clippy::too_many_arguments, reason = "four tensors and four numbers are what the formula has")]
    pub fn weight_gradient(
        &mut self,
        products: &Tensor,
        slices: Slices,
        w: &Tensor,
        gradient: &Tensor,
        examples: usize,
        lambda: f64,
        accumulate: bool,
    ) -> Result<()> {
        assert_eq!((w.rows, w.cols), (gradient.rows, gradient.cols), "weight_gradient: shapes");
        let uniform = WeightGradient {
            count: word(w.len() / 4),
            slices: word(slices.count),
            scale: 1.0 / examples as f32,
            lambda: lambda as f32,
        };
        self.dispatch(
            &kernel::WEIGHT_GRADIENT,
            Choice::accumulating(accumulate),
            &uniform,
            &[products, w, gradient],
            w.len() / 4,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_whole_tiles_of_rows_that_cover_all_of_them_however_few_are_allowed() {
        for k in [1, 7, 8, 9, 257, 1_000, 10_000, 32_768, 262_147] {
            for tiles in [1, 32, 5_000] {
                for most in [1, 2, 3, 7, 1_000] {
                    let slices = Slices::new(k, tiles).at_most(k, most);
                    assert!(
                        slices.count <= most && slices.rows.is_multiple_of(TILE),
                        "{k}, {tiles}: {slices:?}"
                    );
                    let rest = k - (slices.count - 1) * slices.rows;
                    assert!((1..=slices.rows).contains(&rest), "{k}, {tiles}, {most}: {slices:?}");
                }
            }
        }
    }
}
