//! The three products, and the sum over the slices of a weight gradient.

use super::word;
use crate::error::Result;
use crate::gpu::buffer::{TILE, Tensor};
use crate::gpu::kernel::{self, Kernel};
use crate::gpu::recording::Recorder;
use crate::gpu::uniform::{Product, SlicedProduct, WeightGradient};

/// Most vec4s of k that one dispatch of a product sums: lavapipe ends the loops of an invocation after 65 535 turns.
const MAX_PRODUCT_TURNS: usize = 60_000;

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
        let rows = k.div_ceil(wanted.max(1)).max(1);
        Self { rows, count: k.div_ceil(rows).max(1) }
    }
}

impl Recorder<'_> {
    /// C = A Bᵀ, or C += A Bᵀ.
    pub fn matmul_nt(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.cols, a.rows, b.rows), "matmul_nt: shapes");
        self.product(&kernel::MATMUL_NT, a, b, c, accumulate)
    }

    /// C = A B, or C += A B.
    pub fn matmul_nn(&mut self, a: &Tensor, b: &Tensor, c: &Tensor, accumulate: bool) -> Result<()> {
        assert_eq!((a.cols, c.rows, c.cols), (b.rows, a.rows, b.cols), "matmul_nn: shapes");
        self.product(&kernel::MATMUL_NN, a, b, c, accumulate)
    }

    fn product(
        &mut self,
        kernel: &'static Kernel,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        accumulate: bool,
    ) -> Result<()> {
        let (tiles_m, tiles_n) = (c.padded_rows / TILE, c.stride() / TILE);
        let turns = a.stride() / 4;
        for first in (0..turns).step_by(MAX_PRODUCT_TURNS) {
            let uniform = Product {
                tiles_m: word(tiles_m),
                tiles_n: word(tiles_n),
                k_first: word(first),
                k_end: word((first + MAX_PRODUCT_TURNS).min(turns)),
                stride_a: word(a.stride() / 4),
                stride_b: word(b.stride() / 4),
                stride_c: word(c.stride() / 4),
                accumulate: u32::from(accumulate || first > 0),
            };
            self.dispatch(kernel, None, &uniform, &[a, b, c], tiles_m * tiles_n)?;
        }
        Ok(())
    }

    /// P_z = AᵀB over slice z of the rows; `products` is `[slices · padded columns of A, columns of B]`.
    pub fn matmul_tn(&mut self, a: &Tensor, b: &Tensor, products: &Tensor, slices: Slices) -> Result<()> {
        let tiles = (a.stride() / TILE, b.stride() / TILE);
        assert_eq!(a.rows, b.rows, "matmul_tn: rows");
        assert!(products.bound >= slices.count * a.stride() * b.stride(), "matmul_tn: room for the slices");
        let uniform = SlicedProduct {
            tiles_m: word(tiles.0),
            tiles_n: word(tiles.1),
            k: word(a.rows),
            slice: word(slices.rows),
            slices: word(slices.count),
            stride_a: word(a.stride() / 4),
            stride_b: word(b.stride() / 4),
            stride_c: word(b.stride() / 4),
        };
        self.dispatch(&kernel::MATMUL_TN, None, &uniform, &[a, b, products], tiles.0 * tiles.1 * slices.count)
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
            accumulate: u32::from(accumulate),
        };
        self.dispatch(&kernel::WEIGHT_GRADIENT, None, &uniform, &[products, w, gradient], w.len() / 4)
    }
}
