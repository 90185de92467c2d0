//! How work is cut, by shape alone: never by the number of threads, so that bits do not depend on it.

use super::buffer::stride;
use crate::engine::{Cut, Plan};
use crate::model::Shape;

/// Bytes that the activations of a chunk may take unless `--chunk` says otherwise.
const ACTIVATION_BYTES: usize = 256 << 20;
/// Bytes of W1 or D that a block may take unless `--block` says otherwise, so that they stay in the last-level cache
/// from the transposition to the product.
const BLOCK_BYTES: usize = 4 << 20;
/// Pieces that a layer is cut into at least, as far as its size allows.
const TASKS: usize = 32;
/// Rows that whole tiles of six and of eight make up.
const TILES: usize = 24;

/// Settles the cut for `examples` rows.
pub fn settle(cut: Cut, shape: Shape, examples: usize) -> Plan {
    let fitting = (BLOCK_BYTES / (4 * stride(shape.visible))).next_multiple_of(64);
    let block = cut.block.unwrap_or(even(shape.hidden, fitting)).clamp(1, shape.hidden);
    let blocks = shape.hidden.div_ceil(block);
    let row_bytes = 4 * ((blocks + 1) * stride(block) + stride(shape.visible));
    let fitting = (ACTIVATION_BYTES / row_bytes).next_multiple_of(8).max(1);
    Plan { chunk: cut.chunk.unwrap_or(fitting).clamp(1, examples.max(1)), block }
}

/// The size of pieces of at most `largest` that `count` is cut into evenly, in steps of 16.
fn even(count: usize, largest: usize) -> usize {
    count.div_ceil(count.div_ceil(largest)).next_multiple_of(16)
}

/// Numbers in W1 up to which a step goes through groups of rows alone, each with gradients of its own.
pub const THIN: usize = 1 << 15;
/// Rows that such a group takes at a time: all their activations stay in the second-level cache.
pub const THIN_ROWS: usize = 72;

/// Groups that rows are cut into for thin layers.
pub fn thin_groups(rows: usize) -> usize {
    rows.div_ceil(THIN_ROWS).min(TASKS)
}

/// Rows that one task takes through a layer.
/// A multiple of four tasks, that few threads have as much to do each.
pub fn task_rows(rows: usize) -> usize {
    rows.div_ceil(rows.div_ceil(64).next_multiple_of(4))
}

/// Hidden units of a weight gradient that one task takes.
pub fn task_units(units: usize) -> usize {
    units.div_ceil(TASKS).next_multiple_of(TILES).clamp(24, 72)
}

/// Groups that the rows of a weight gradient are cut into, each with a sum of its own, where there are too few units
/// to occupy the threads.
pub fn row_groups(rows: usize, units: usize) -> usize {
    let unit_tasks = units.div_ceil(task_units(units));
    (TASKS / 4).div_ceil(unit_tasks).min(rows.div_ceil(256)).max(1)
}
