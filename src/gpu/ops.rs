//! One function a kernel: checks the shapes of its tensors, fills in its uniform and records the dispatch.
//!
//! Shapes are checked with assertions: a mismatch is a defect of the engine, never of the user's input. What a kernel
//! computes is written in its shader and in its twin in [`crate::reference::kernels`].

use super::buffer::{TILE, Tensor};
use super::kernel::{self, Kernel};
use super::recording::{LiveUniform, Recorder};
use super::uniform::*;
use crate::error::Result;
use crate::objective::{Activation, Objective, RHO_HAT_MIN};
use crate::reference::kernels::{ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON};

/// Most vec4s of k that one dispatch of a product sums: lavapipe ends the loops of an invocation after 65 535 turns.
const MAX_PRODUCT_TURNS: usize = 60_000;
/// Vec4s a block sum of `squared_error` and `dot` covers.
pub const SUM_BLOCK: usize = 64;
/// Rows a block sum of `column_sums` covers.
pub const COLUMN_BLOCK: usize = 64;

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

    /// Z ← f(Z + b).
    pub fn bias_activation(&mut self, z: &Tensor, bias: &Tensor, f: Activation) -> Result<()> {
        assert_eq!(z.cols, bias.cols, "bias_activation: units");
        let uniform = Layer {
            rows: word(z.rows),
            padded_rows: word(z.padded_rows),
            cols: word(z.cols),
            stride: word(z.stride() / 4),
        };
        self.dispatch(&kernel::BIAS_ACTIVATION, Some(f), &uniform, &[bias, z], z.len() / 4)
    }

    /// Sums over blocks of [`COLUMN_BLOCK`] rows; `sums` is `[blocks, cols]`.
    pub fn column_sums(&mut self, a: &Tensor, sums: &Tensor) -> Result<()> {
        let blocks = a.rows.div_ceil(COLUMN_BLOCK);
        assert!(a.cols == sums.cols && sums.bound >= blocks * a.stride(), "column_sums: room for the blocks");
        let uniform = ColumnSums {
            rows: word(a.rows),
            block: word(COLUMN_BLOCK),
            blocks: word(blocks),
            stride: word(a.stride() / 4),
        };
        self.dispatch(&kernel::COLUMN_SUMS, None, &uniform, &[a, sums], blocks * a.stride() / 4)
    }

    /// mean ← Σ sums / `examples`, or mean += that; `sums` holds the blocks of `rows` rows.
    pub fn column_mean(
        &mut self,
        sums: &Tensor,
        rows: usize,
        mean: &Tensor,
        examples: usize,
        accumulate: bool,
    ) -> Result<()> {
        assert_eq!(sums.cols, mean.cols, "column_mean: columns");
        let uniform = ColumnMean {
            blocks: word(rows.div_ceil(COLUMN_BLOCK)),
            stride: word(mean.stride() / 4),
            scale: 1.0 / examples as f32,
            accumulate: u32::from(accumulate),
        };
        self.dispatch(&kernel::COLUMN_MEAN, None, &uniform, &[sums, mean], mean.stride() / 4)
    }

    /// ρ̂ and s from the mean activations; `decay` > 0 makes ρ̂ a moving average.
    pub fn kl_slope(
        &mut self,
        objective: &Objective,
        decay: f64,
        mean: &Tensor,
        rho_hat: &Tensor,
        slope: &Tensor,
    ) -> Result<()> {
        assert!(mean.cols == rho_hat.cols && mean.cols == slope.cols, "kl_slope: units");
        let uniform = Penalty {
            units: word(mean.cols),
            padded: word(mean.stride()),
            rho: objective.rho as f32,
            beta: objective.beta as f32,
            decay: decay as f32,
            least: RHO_HAT_MIN as f32,
            tanh: u32::from(objective.activation == Activation::Tanh),
        };
        self.dispatch(&kernel::KL_SLOPE, None, &uniform, &[mean, rho_hat, slope], mean.stride())
    }

    /// A3 ← (A3 − X) ⊙ g′.
    pub fn output_delta(&mut self, a3: &Tensor, x: &Tensor, g: Activation) -> Result<()> {
        assert_eq!((a3.rows, a3.cols), (x.rows, x.cols), "output_delta: shapes");
        let uniform = Elements { count: word(a3.len() / 4) };
        self.dispatch(&kernel::OUTPUT_DELTA, Some(g), &uniform, &[x, a3], a3.len() / 4)
    }

    /// E ← (E + s) ⊙ f′(A2).
    pub fn hidden_delta(&mut self, error: &Tensor, slope: &Tensor, a2: &Tensor, f: Activation) -> Result<()> {
        assert_eq!((error.rows, error.cols, slope.cols), (a2.rows, a2.cols, a2.cols), "hidden_delta: shapes");
        let uniform = HiddenDelta {
            rows: word(error.rows),
            padded_rows: word(error.padded_rows),
            stride: word(error.stride() / 4),
        };
        self.dispatch(&kernel::HIDDEN_DELTA, Some(f), &uniform, &[slope, a2, error], error.len() / 4)
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

    /// Block sums of (A3 − X)² to `sums[first..]`; how many is [`sum_blocks`] of A3's length.
    pub fn squared_error(&mut self, a3: &Tensor, x: &Tensor, sums: &Tensor, first: usize) -> Result<()> {
        assert_eq!((a3.rows, a3.cols), (x.rows, x.cols), "squared_error: shapes");
        let blocks = sum_blocks(a3.len());
        let uniform = BlockSums {
            count: word(a3.len() / 4),
            block: word(SUM_BLOCK),
            blocks: word(blocks),
            first: word(first),
        };
        self.dispatch(&kernel::SQUARED_ERROR, None, &uniform, &[a3, x, sums], blocks)
    }

    /// Block sums of x·y for pairs of vectors of `len` numbers, stacked in `x` and `y`, to `sums[first..]`: pair by
    /// pair, [`sum_blocks`] each.
    pub fn dot(
        &mut self,
        x: &Tensor,
        y: &Tensor,
        len: usize,
        pairs: &[(usize, usize)],
        sums: &Tensor,
        first: usize,
    ) -> Result<()> {
        let uniform = dots_uniform(len, pairs, first);
        self.dispatch(&kernel::DOT, None, &uniform, &[x, y, sums], pairs.len() * sum_blocks(len))
    }

    /// As [`Recorder::dot`] with the pairs set before each run, at most `max_pairs`.
    pub fn dot_live(
        &mut self,
        x: &Tensor,
        y: &Tensor,
        len: usize,
        max_pairs: usize,
        sums: &Tensor,
        uniform: &LiveUniform,
    ) -> Result<()> {
        self.dispatch_live(&kernel::DOT, uniform, &[x, y, sums], max_pairs * sum_blocks(len))
    }

    /// z ← αx + γy with α and γ set before each run (see [`axpy_uniform`]).
    pub fn axpy_live(&mut self, x: &Tensor, y: &Tensor, z: &Tensor, uniform: &LiveUniform) -> Result<()> {
        assert!(x.bound >= z.len() && y.bound >= z.len(), "axpy: lengths");
        self.dispatch_live(&kernel::AXPY, uniform, &[x, y, z], z.len() / 4)
    }

    /// z ← αx + γy.
    pub fn axpy(&mut self, alpha: f64, x: &Tensor, gamma: f64, y: &Tensor, z: &Tensor) -> Result<()> {
        assert!(x.bound >= z.len() && y.bound >= z.len(), "axpy: lengths");
        let uniform = axpy_uniform(z.len(), alpha, gamma);
        self.dispatch(&kernel::AXPY, None, &uniform, &[x, y, z], z.len() / 4)
    }

    /// z ← Σ coefficient · vector, with the terms set before each run (see [`combination_uniform`]).
    pub fn combine_live(&mut self, stack: &Tensor, z: &Tensor, uniform: &LiveUniform) -> Result<()> {
        self.dispatch_live(&kernel::COMBINE, uniform, &[stack, z], z.len() / 4)
    }

    /// v ← μv + g, w ← w − ηv, with η and μ set before each run.
    pub fn sgd(
        &mut self,
        gradient: &Tensor,
        w: &Tensor,
        velocity: &Tensor,
        uniform: &LiveUniform,
    ) -> Result<()> {
        assert!(gradient.len() == w.len() && velocity.len() == w.len(), "sgd: lengths");
        self.dispatch_live(&kernel::SGD, uniform, &[gradient, w, velocity], w.len() / 4)
    }

    /// Adam, with its rates set before each run.
    pub fn adam(
        &mut self,
        gradient: &Tensor,
        w: &Tensor,
        moments: [&Tensor; 2],
        uniform: &LiveUniform,
    ) -> Result<()> {
        assert!(
            moments.iter().all(|moment| moment.len() == w.len()) && gradient.len() == w.len(),
            "adam: lengths"
        );
        self.dispatch_live(&kernel::ADAM, uniform, &[gradient, w, moments[0], moments[1]], w.len() / 4)
    }

    /// batch ← rows `list[first..]` of the examples, as far as they lie in `part`, which begins with example
    /// `part_first`.
    pub fn gather(
        &mut self,
        list: &Tensor,
        first: usize,
        part: &Tensor,
        part_first: usize,
        batch: &Tensor,
    ) -> Result<()> {
        assert_eq!(part.cols, batch.cols, "gather: columns");
        let uniform = Gather {
            first: word(first),
            rows: word(batch.rows),
            padded_rows: word(batch.padded_rows),
            part_first: word(part_first),
            part_rows: word(part.rows),
            stride: word(batch.stride() / 4),
        };
        self.dispatch(&kernel::GATHER, None, &uniform, &[list, part, batch], batch.len() / 4)
    }
}

/// Block sums that `squared_error` and `dot` make of `len` numbers.
pub fn sum_blocks(len: usize) -> usize {
    (len / 4).div_ceil(SUM_BLOCK)
}

/// The uniform of `dot`.
pub fn dots_uniform(len: usize, pairs: &[(usize, usize)], first: usize) -> Dots {
    assert!(pairs.len() <= MAX_LIST, "dot: {} pairs", pairs.len());
    let mut pair = [[0; 4]; MAX_LIST];
    for (slot, &(x, y)) in pair.iter_mut().zip(pairs) {
        *slot = [word(x), word(y), 0, 0];
    }
    let blocks = word(sum_blocks(len));
    let [pad0, pad1, pad2] = [0; 3];
    let (count, pairs) = (word(len / 4), word(pairs.len()));
    Dots { count, block: word(SUM_BLOCK), blocks, pairs, first: word(first), pad0, pad1, pad2, pair }
}

/// The uniform of `combine`.
pub fn combination_uniform(len: usize, terms: &[(f64, usize)]) -> Combination {
    assert!(terms.len() <= MAX_LIST, "combine: {} terms", terms.len());
    let mut term = [[0; 4]; MAX_LIST];
    for (slot, &(coefficient, vector)) in term.iter_mut().zip(terms) {
        *slot = [word(vector), (coefficient as f32).to_bits(), 0, 0];
    }
    Combination { count: word(len / 4), terms: word(terms.len()), pad0: 0, pad1: 0, term }
}

/// The uniform of `axpy`.
pub fn axpy_uniform(len: usize, alpha: f64, gamma: f64) -> Axpy {
    Axpy { count: word(len / 4), alpha: alpha as f32, gamma: gamma as f32 }
}

/// The uniform of `sgd`.
pub fn sgd_uniform(len: usize, lr: f64, momentum: f64) -> Sgd {
    Sgd { count: word(len / 4), lr: lr as f32, momentum: momentum as f32 }
}

/// The uniform of `adam` for update `step`, counted from 1.
pub fn adam_uniform(len: usize, lr: f64, step: u64) -> Adam {
    let correction = |beta: f64| (1.0 / (1.0 - beta.powf(step as f64))) as f32;
    Adam {
        count: word(len / 4),
        lr: lr as f32,
        beta1: ADAM_BETA1 as f32,
        beta2: ADAM_BETA2 as f32,
        rest1: (1.0 - ADAM_BETA1) as f32,
        rest2: (1.0 - ADAM_BETA2) as f32,
        epsilon: ADAM_EPSILON as f32,
        correction1: correction(ADAM_BETA1),
        correction2: correction(ADAM_BETA2),
    }
}

/// A count as the shaders take it. Limits on bindings keep all of them far below 2³².
pub fn word(n: usize) -> u32 {
    u32::try_from(n).expect("counts of one binding fit 32 bits")
}
