//! Sums down columns and over blocks of a vector, and the largest exponents of blocks.

use super::word;
use crate::engine::gpu::kernel::{
    self, ColumnMeanUniform, DotUniform, MAX_LIST, MaxExponentUniform, of_memory,
};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::{DispatchOptions, LiveUniform, Recorder};
use crate::engine::variant::Memory;
use crate::error::Result;

/// Vec4s a block sum of `dot` covers.
pub const SUM_BLOCK: usize = 64;
/// Vec4s of which `max_exponent` finds the largest exponent.
pub const EXPONENT_BLOCK: usize = 256;

impl Recorder<'_> {
    /// mean ← Σ sums / `examples`, or mean += that; `sums` is `[parts, cols]`.
    pub fn column_mean(
        &mut self,
        sums: &Tensor,
        mean: &Tensor,
        examples: usize,
        accumulate: bool,
    ) -> Result<()> {
        assert_eq!(sums.cols, mean.cols, "column_mean: columns");
        let uniform = ColumnMeanUniform {
            parts: word(sums.rows),
            stride: word(mean.stride() / 4),
            scale: 1.0 / examples as f32,
        };
        let choice = DispatchOptions::accumulating(accumulate);
        self.dispatch(
            &kernel::COLUMN_MEAN,
            choice,
            &uniform,
            &[sums, mean],
            column_invocations(mean.stride()),
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

    /// Block sums of x² of one vector, read from its buffer on every adapter: a texture of all weights would be as large as they
    /// are, for a sum that reports alone ask for.
    pub fn squares(&mut self, x: &Tensor, sums: &Tensor) -> Result<()> {
        let (uniform, invocations) = (dots_uniform(x.len(), &[(0, 0)], 0), sum_blocks(x.len()));
        let kernel = of_memory(&kernel::DOT, Memory::Buffers);
        self.dispatch(kernel, DispatchOptions::default(), &uniform, &[x, x, sums], invocations)
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

/// Invocations of the kernels of `_column_totals.wgsl` for `stride` columns: sixteen for each four.
pub(crate) fn column_invocations(stride: usize) -> usize {
    (stride / 4).div_ceil(4) * kernel::WORKGROUP as usize
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
