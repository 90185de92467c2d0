//! Sums down columns and over blocks of vectors, and the largest exponents of blocks.

use super::word;
use crate::engine::gpu::kernel::{
    self, ColumnMeanUniform, DotUniform, InnerProductsUniform, MAX_LISTED, MaxExponentUniform, of_memory,
};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::{DispatchOptions, LiveUniform, Recorder};
use crate::engine::variant::Memory;
use crate::error::Result;

/// Workgroups of `dot` up to which a vector is cut as finely as it can be.
const SUM_WORKGROUPS: usize = 64;
/// Most vec4s that an invocation of `dot` adds up.
const MOST_TURNS: usize = 16;
/// Vectors of the list that a workgroup of `inner_products` takes.
const LISTED_AT_ONCE: usize = 7;
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

    /// Block sums of x·y to `sums[first..]`: [`sum_blocks`] of them.
    pub fn dot(&mut self, x: &Tensor, y: &Tensor, sums: &Tensor, first: usize) -> Result<()> {
        self.dot_from(self.variant.memory, (x, y), sums, first)
    }

    /// Block sums of x², read from its buffer on every adapter: a texture of all weights would be as large as they are, for a sum
    /// that reports alone ask for.
    pub fn squares(&mut self, x: &Tensor, sums: &Tensor) -> Result<()> {
        self.dot_from(Memory::Buffers, (x, x), sums, 0)
    }

    fn dot_from(
        &mut self,
        memory: Memory,
        (x, y): (&Tensor, &Tensor),
        sums: &Tensor,
        first: usize,
    ) -> Result<()> {
        assert_eq!(x.len(), y.len(), "dot: lengths");
        let (count, turns) = (word(x.len() / 4), word(sum_turns(x.len())));
        let blocks = sum_blocks(x.len());
        assert!(first + blocks <= sums.bound, "dot: room for the sums");
        let uniform = DotUniform { count, turns, blocks: word(blocks), first: word(first) };
        let kernel = of_memory(&kernel::DOT, memory);
        self.dispatch(kernel, DispatchOptions::default(), &uniform, &[x, y, sums], invocations(blocks))
    }

    /// Block sums of inner products of vectors of `len` numbers out of `stack`, with the list set before each run (see
    /// [`inner_products_uniform`]).
    pub fn inner_products_live(
        &mut self,
        stack: &Tensor,
        len: usize,
        sums: &Tensor,
        uniform: &LiveUniform,
    ) -> Result<()> {
        let parts = MAX_LISTED.div_ceil(LISTED_AT_ONCE);
        self.dispatch_live(
            of_memory(&kernel::INNER_PRODUCTS, self.variant.memory),
            uniform,
            &[stack, sums],
            invocations(parts * sum_blocks(len)),
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

/// Invocations of so many whole workgroups.
fn invocations(workgroups: usize) -> usize {
    workgroups * kernel::WORKGROUP as usize
}

/// Blocks of `len` numbers that `max_exponent` tells of.
pub fn exponent_blocks(len: usize) -> usize {
    (len / 4).div_ceil(EXPONENT_BLOCK)
}

/// Block sums that `dot` and `inner_products` make of `len` numbers.
pub fn sum_blocks(len: usize) -> usize {
    len.div_ceil(sum_block(len))
}

/// Numbers of a block, but for the last.
pub fn sum_block(len: usize) -> usize {
    4 * kernel::WORKGROUP as usize * sum_turns(len)
}

/// Vec4s that an invocation adds up: few where there would be few workgroups, and no more than keep the sums in `f32` short.
fn sum_turns(len: usize) -> usize {
    (len / 4).div_ceil(kernel::WORKGROUP as usize * SUM_WORKGROUPS).clamp(1, MOST_TURNS)
}

/// The uniform of `inner_products`: three vectors of the stack, and those that they are multiplied with.
pub fn inner_products_uniform(len: usize, [x0, x1, x2]: [usize; 3], list: &[usize]) -> InnerProductsUniform {
    assert!(list.len() <= MAX_LISTED, "inner_products: {} vectors", list.len());
    let mut y = [[word(x0); 4]; MAX_LISTED.div_ceil(4)];
    for (slot, &vector) in y.iter_mut().flatten().zip(list) {
        *slot = word(vector);
    }
    let (count, turns, blocks) = (word(len / 4), word(sum_turns(len)), word(sum_blocks(len)));
    let [x0, x1, x2] = [x0, x1, x2].map(word);
    InnerProductsUniform { count, turns, blocks, listed: word(list.len()), x0, x1, x2, pad0: 0, y }
}
