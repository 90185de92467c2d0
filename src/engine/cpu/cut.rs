//! How work is cut. What is a piece of some sum is cut by shape alone, never by the number of threads, so that bits do
//! not depend on it; only the panels of a gradient, each summed up by itself, are dealt out by threads.

use std::ops::Range;

use super::buffer::{LINE, width};
use crate::engine::{ChunkPlan, Chunking};
use crate::math::params::Shape;

/// Bytes that the activations of a chunk may take unless `--chunk` says otherwise.
const ACTIVATION_BYTES: usize = 256 << 20;
/// Bytes of W1 or D that a block may take unless `--block` says otherwise, so that Dᵀ stays in the last-level cache
/// from the transposition to the product.
const BLOCK_BYTES: usize = 4 << 20;
/// Most groups of blocks of a thin layer.
const TASKS: usize = 32;

/// Settles the cut for `examples` rows, or for any number of rows that are no examples where there are none. A block is
/// whole panels, but for the last.
pub fn settle(cut: Chunking, shape: Shape, examples: usize) -> ChunkPlan {
    let fitting = (BLOCK_BYTES / (4 * width(shape.visible))).max(1).next_multiple_of(64);
    let block = cut.block.unwrap_or(even(shape.hidden, fitting)).min(shape.hidden);
    let block = block.next_multiple_of(LINE).min(shape.hidden);
    let blocks = shape.hidden.div_ceil(block);
    let row_bytes = 4 * ((blocks + 1) * width(block) + width(shape.visible));
    let fitting = (ACTIVATION_BYTES / row_bytes).next_multiple_of(8).max(1);
    let most = if examples == 0 { usize::MAX } else { examples };
    ChunkPlan { chunk: cut.chunk.unwrap_or(fitting).clamp(1, most), block }
}

/// The size of pieces of at most `largest` that `count` is cut into evenly, in steps of 16.
fn even(count: usize, largest: usize) -> usize {
    count.div_ceil(count.div_ceil(largest)).next_multiple_of(16)
}

/// Numbers in W1 up to which a step goes through groups of rows alone, each with gradients of its own.
pub const THIN: usize = 1 << 15;
/// Rows of a block for thin layers: all their activations stay in the second-level cache.
const THIN_ROWS: usize = 72;
/// Rows of a block else: as many as let their part of the left factor stay in the second-level cache.
const ROWS: usize = 128;

/// Most blocks that one task takes, unless the layer is thin.
pub const MOST_BLOCKS: usize = 2;

/// How rows are cut into blocks: each is computed by one thread, and is one piece of every sum over rows.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// Rows in all.
    pub count: usize,
    /// Rows of a block; the last may have fewer.
    pub rows: usize,
    /// Blocks of a group, each group having sums of its own.
    group: usize,
}

impl Blocks {
    /// For `count` rows. A multiple of four blocks, so that a few threads have as much to do each.
    pub fn new(count: usize, thin: bool) -> Self {
        let rows =
            if thin { THIN_ROWS } else { count.div_ceil(count.div_ceil(ROWS).max(1).next_multiple_of(4)) };
        let rows = rows.max(1);
        Self { count, rows, group: count.div_ceil(rows).div_ceil(TASKS).max(1) }
    }

    /// `count` of these rows, which begin and end where blocks and groups do, cut as they are among all of them: every
    /// sum over rows has the pieces, and so the bits, that it has where all rows are computed at once.
    pub fn part(self, count: usize) -> Self {
        Self { count, ..self }
    }

    /// Rows of a part, at most `most` if that is no less than what cannot be cut.
    pub fn part_rows(self, most: usize, thin: bool) -> usize {
        let least = self.rows * if thin { self.group } else { 1 };
        (most / least).max(1) * least
    }

    /// How many.
    pub fn number(self) -> usize {
        self.count.div_ceil(self.rows)
    }

    /// The rows of a block.
    pub fn range(self, block: usize) -> Range<usize> {
        block * self.rows..((block + 1) * self.rows).min(self.count)
    }

    /// Blocks of a group.
    pub fn group(self) -> usize {
        self.group
    }

    /// Blocks that one task takes, if not in groups: two, so that what it reads of the right factor serves both, but few
    /// enough for every thread to have some. No sum depends on it.
    pub fn of_task(self) -> usize {
        (self.number() / rayon::current_num_threads()).clamp(1, MOST_BLOCKS)
    }

    /// How many groups.
    pub fn groups(self) -> usize {
        self.number().div_ceil(self.group)
    }
}

/// Panels of a weight gradient that one task takes: several, so that what it reads of the left factor serves all of
/// them, but few enough for every thread to have some. No sum depends on it.
pub fn task_panels(panels: usize) -> usize {
    panels.div_ceil(4 * rayon::current_num_threads()).clamp(1, MOST_PANELS)
}

/// Most panels of a weight gradient that one task takes.
pub const MOST_PANELS: usize = 4;
/// Rows of a weight gradient that are put together at a time, before they are handed on.
pub const GRADIENT_ROWS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_millions_of_numbers_are_cut_too() {
        for visible in [1 << 20, (1 << 20) + 1, 1 << 24, 1 << 28] {
            let plan = settle(Chunking::default(), Shape { visible, hidden: 100 }, 10);
            assert!(plan.chunk >= 1 && plan.block >= 1, "{visible}: {plan:?}");
        }
    }
}
