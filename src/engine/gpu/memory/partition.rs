//! How the work is cut on the device, and by which kernels it is done: hidden blocks, chunks of rows, parts of the
//! resident examples.

use std::ops::Range;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{SECTION, TILE, bytes, numbers, padded};
use crate::engine::gpu::memory::segment::segment_len;
use crate::engine::gpu::recording::Recorder;
use crate::engine::variant::Variant;
use crate::engine::{ChunkPlan, Chunking};
use crate::error::{Error, Result};
use crate::math::optim::lbfgs::HISTORY;
use crate::math::params::Shape;

/// Rows that an engine without examples computes at a time, where nothing else is asked for.
pub(crate) const ROWS_WITHOUT_EXAMPLES: usize = 4_096;
/// Most rows of a chunk: keeps every loop over rows below the 65 535 turns that lavapipe allows an invocation.
pub(crate) const MAX_CHUNK: usize = 32_768;

/// The cut of one engine.
#[derive(Clone, Debug)]
pub struct Partition {
    /// n and h.
    pub shape: Shape,
    /// Rows computed at a time, a multiple of the tile.
    pub chunk: usize,
    /// Hidden units of each block.
    pub blocks: Vec<Range<usize>>,
    /// Units of the widest block, by which memory is shared out and sums are split: of a shard that of the largest one.
    pub widest: usize,
    /// Whether these are the units of a shard. Other shards have the output bias, too: its gradient has to have the bits of theirs,
    /// and inner products take it apart from the rest.
    pub is_shard: bool,
    /// Most numbers that one binding holds.
    pub limit: usize,
    /// The kernels of all recordings: how many sums they leave depends on them.
    pub variant: Variant,
    /// Workgroups of a product that the device wants: sums over k are split where there are fewer.
    pub workgroups: usize,
}

impl Partition {
    /// Cuts as asked, or as large as bindings may be; chunks are rounded up to the tile.
    ///
    /// # Errors
    /// [`Error::Usage`] for a binding limit that is not below the adapter's or too small for the shape, with the
    /// smallest that is not; [`Error::Device`] when the adapter's own is too small.
    pub fn new(gpu: &Gpu, shape: Shape, examples: usize, wanted: Chunking) -> Result<Self> {
        let limit = binding_limit(gpu, shape, wanted.binding_limit)?;
        let stride = padded(shape.visible);
        let widest_block = (limit.saturating_sub(stride + 4 * SECTION) / (2 * stride + 1)) / TILE * TILE;
        let block = wanted.block.unwrap_or(shape.hidden).min(shape.hidden).min(widest_block);
        let longest_chunk = (limit / stride.max(padded(block)) / TILE * TILE).min(MAX_CHUNK);
        let most = if examples == 0 { ROWS_WITHOUT_EXAMPLES } else { examples };
        let chunk = padded(wanted.chunk.unwrap_or(most).min(most)).min(longest_chunk);
        let blocks = blocks(shape.hidden, block);
        let (variant, workgroups) = (gpu.variant(), gpu.adapter.wanted_workgroups());
        Ok(Self { shape, chunk, blocks, widest: block, is_shard: false, limit, variant, workgroups })
    }

    /// The cut of a shard of so many units, where this is that of the largest shard.
    pub fn of_shard(&self, hidden: usize) -> Self {
        let shape = Shape { hidden, ..self.shape };
        Self { shape, blocks: blocks(hidden, self.widest), is_shard: true, ..self.clone() }
    }

    /// The chunks of an update over `rows` rows.
    pub fn chunks(&self, rows: usize) -> Vec<Range<usize>> {
        (0..rows).step_by(self.chunk).map(|first| first..(first + self.chunk).min(rows)).collect()
    }

    /// An empty recording, all of whose bindings have to obey the limit.
    pub fn recorder<'g>(&self, gpu: &'g Gpu) -> Recorder<'g> {
        let mut recorder = Recorder::of(gpu, self.variant);
        recorder.limit = self.limit;
        recorder.workgroups = self.workgroups;
        recorder
    }

    /// Examples of one part of the resident data: as many whole chunks as one binding holds.
    pub fn part_rows(&self) -> usize {
        (self.limit / padded(self.shape.visible) / self.chunk).max(1) * self.chunk
    }

    /// The cut, as an engine tells of it.
    pub fn plan(&self) -> ChunkPlan {
        ChunkPlan { chunk: self.chunk, block: self.widest }
    }

    /// Lengths of the segments of a vector of the parameters' shape, one a block.
    pub fn segments(&self) -> impl Iterator<Item = usize> {
        self.blocks.iter().map(|block| segment_len(self.shape.visible, block))
    }
}

/// Blocks of `block` units, and of what is left.
fn blocks(hidden: usize, block: usize) -> Vec<Range<usize>> {
    (0..hidden).step_by(block).map(|first| first..(first + block).min(hidden)).collect()
}

/// Most numbers of one binding: what is wanted, or what the adapter can.
fn binding_limit(gpu: &Gpu, shape: Shape, wanted: Option<u64>) -> Result<usize> {
    let (most, name) = (gpu.binding_limit(), &gpu.adapter.info.name);
    let smallest = bytes(smallest_limit(shape.visible));
    match wanted {
        Some(limit) if limit > most => Err(Error::usage(format!(
            "`binding_limit` {limit}: {name} binds at most {most} bytes; give less, or leave it out"
        ))),
        Some(limit) if limit < smallest => Err(Error::usage(format!(
            "`binding_limit` {limit}: {} visible units need bindings of {smallest} bytes; give {smallest} or more",
            shape.visible
        ))),
        None if most < smallest => Err(Error::device(format!(
            "{name} binds at most {most} bytes, but {} visible units need {smallest}; use `device` cpu",
            shape.visible
        ))),
        _ => Ok(numbers(wanted.unwrap_or(most))),
    }
}

/// Numbers of the smallest binding that holds what cannot be cut: eight hidden units with the output bias, and a section
/// of each vector of L-BFGS. All else is then cut to fit.
fn smallest_limit(visible: usize) -> usize {
    let block = 2 * TILE * padded(visible) + TILE + padded(visible) + 4 * SECTION;
    block.max((2 * HISTORY + 1) * SECTION)
}
