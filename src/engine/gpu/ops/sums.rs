//! Sums down columns and over blocks of a vector, and the largest exponents of blocks.

use super::word;
use crate::engine::gpu::kernel::{
    self, ColumnMeanUniform, ColumnSumsUniform, DotUniform, MAX_LIST, MaxExponentUniform, of_memory,
};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::{DispatchOptions, LiveUniform, Recorder};
use crate::error::Result;

/// Vec4s a block sum of `dot` covers.
pub const SUM_BLOCK: usize = 64;
/// Vec4s of which `max_exponent` finds the largest exponent.
pub const EXPONENT_BLOCK: usize = 256;
/// Rows a block sum of `column_sums` covers.
pub const COLUMN_BLOCK: usize = 64;

impl Recorder<'_> {
    /// Sums over blocks of [`COLUMN_BLOCK`] rows; `sums` is `[blocks, cols]`.
    pub fn column_sums(&mut self, a: &Tensor, sums: &Tensor) -> Result<()> {
        let blocks = a.rows.div_ceil(COLUMN_BLOCK);
        assert!(a.cols == sums.cols && sums.bound >= blocks * a.stride(), "column_sums: room for the blocks");
        let uniform = ColumnSumsUniform {
            rows: word(a.rows),
            block: word(COLUMN_BLOCK),
            blocks: word(blocks),
            stride: word(a.stride() / 4),
        };
        self.dispatch(
            of_memory(&kernel::COLUMN_SUMS, self.variant.memory),
            DispatchOptions::default(),
            &uniform,
            &[a, sums],
            blocks * a.stride() / 4,
        )
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
        let uniform = ColumnMeanUniform {
            blocks: word(rows.div_ceil(COLUMN_BLOCK)),
            stride: word(mean.stride() / 4),
            scale: 1.0 / examples as f32,
        };
        self.dispatch(
            &kernel::COLUMN_MEAN,
            DispatchOptions::accumulating(accumulate),
            &uniform,
            &[sums, mean],
            mean.stride() / 4,
        )
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
        self.dispatch(
            of_memory(&kernel::DOT, self.variant.memory),
            DispatchOptions::default(),
            &uniform,
            &[x, y, sums],
            pairs.len() * sum_blocks(len),
        )
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
        self.dispatch_live(
            of_memory(&kernel::DOT, self.variant.memory),
            uniform,
            &[x, y, sums],
            max_pairs * sum_blocks(len),
        )
    }

    /// The largest exponent in each block of `x`, 255 where a number is not finite, to `largest[first..]`:
    /// [`exponent_blocks`] of them.
    pub fn max_exponent(&mut self, x: &Tensor, largest: &Tensor, first: usize) -> Result<()> {
        let blocks = exponent_blocks(x.len());
        assert!(first + blocks <= largest.bound, "max_exponent: room for the blocks");
        let (count, block) = (word(x.len() / 4), word(EXPONENT_BLOCK));
        let uniform = MaxExponentUniform { count, block, blocks: word(blocks), first: word(first) };
        self.dispatch(&kernel::MAX_EXPONENT, DispatchOptions::default(), &uniform, &[x, largest], blocks)
    }
}

/// Blocks of `len` numbers that `max_exponent` tells of.
pub fn exponent_blocks(len: usize) -> usize {
    (len / 4).div_ceil(EXPONENT_BLOCK)
}

/// Block sums that `dot` makes of `len` numbers.
pub fn sum_blocks(len: usize) -> usize {
    (len / 4).div_ceil(SUM_BLOCK)
}

/// The uniform of `dot`.
pub fn dots_uniform(len: usize, pairs: &[(usize, usize)], first: usize) -> DotUniform {
    assert!(pairs.len() <= MAX_LIST, "dot: {} pairs", pairs.len());
    let mut pair = [[0; 4]; MAX_LIST];
    for (slot, &(x, y)) in pair.iter_mut().zip(pairs) {
        *slot = [word(x), word(y), 0, 0];
    }
    let blocks = word(sum_blocks(len));
    let [pad0, pad1, pad2] = [0; 3];
    let (count, pairs) = (word(len / 4), word(pairs.len()));
    DotUniform { count, block: word(SUM_BLOCK), blocks, pairs, first: word(first), pad0, pad1, pad2, pair }
}
