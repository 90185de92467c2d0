//! How the work is cut on the device, and by which kernels it is done: hidden blocks, chunks of rows, parts of the
//! resident examples, and how the parameters of a block lie in one buffer.

use std::ops::Range;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::variant::Variant;
use crate::engine::gpu::memory::buffer::{SECTION, TILE, Tensor, bytes, padded};
use crate::engine::gpu::memory::storage::Storage;
use crate::engine::gpu::recording::Recorder;
use crate::engine::{ChunkPlan, Chunking};
use crate::error::{Error, Result};
use crate::math::optim::lbfgs::HISTORY;
use crate::math::params::{Params, Shape};

/// Rows that an engine without examples computes at a time, where nothing else is asked for.
const ROWS_WITHOUT_EXAMPLES: usize = 4_096;
/// Most rows of a chunk: keeps every loop over rows below the 65 535 turns that lavapipe allows an invocation.
const MAX_CHUNK: usize = 32_768;

/// The cut of one engine.
#[derive(Clone, Debug)]
pub struct Layout {
    /// n and h.
    pub shape: Shape,
    /// Rows computed at a time, a multiple of the tile.
    pub chunk: usize,
    /// Hidden units of each block.
    pub blocks: Vec<Range<usize>>,
    /// Most numbers that one binding holds.
    pub limit: usize,
    /// The kernels of all recordings: how many sums they leave depends on them.
    pub variant: Variant,
}

impl Layout {
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
        let starts = (0..shape.hidden).step_by(block);
        let blocks = starts.map(|first| first..(first + block).min(shape.hidden)).collect();
        Ok(Self { shape, chunk, blocks, limit, variant: gpu.variant() })
    }

    /// The chunks of an update over `rows` rows.
    pub fn chunks(&self, rows: usize) -> Vec<Range<usize>> {
        (0..rows).step_by(self.chunk).map(|first| first..(first + self.chunk).min(rows)).collect()
    }

    /// An empty recording, all of whose bindings have to obey the limit.
    pub fn recorder<'g>(&self, gpu: &'g Gpu) -> Recorder<'g> {
        let mut recorder = Recorder::of(gpu, self.variant);
        recorder.limit = self.limit;
        recorder
    }

    /// Examples of one part of the resident data: as many whole chunks as one binding holds.
    pub fn part_rows(&self) -> usize {
        (self.limit / padded(self.shape.visible) / self.chunk).max(1) * self.chunk
    }

    /// What the engine tells of it.
    pub fn plan(&self) -> ChunkPlan {
        ChunkPlan { chunk: self.chunk, block: self.widest_block() }
    }

    /// Units of the widest block.
    pub fn widest_block(&self) -> usize {
        self.blocks[0].len()
    }

    /// A zeroed vector of the parameters' shape.
    pub fn vector(&self, gpu: &Gpu, name: &str) -> Result<Vec<Segment>> {
        let segment = |block: &Range<usize>| Segment::new(gpu, name, self.shape.visible, block);
        self.blocks.iter().map(segment).collect()
    }
}

/// Most numbers of one binding: what is wanted, or what the adapter can.
fn binding_limit(gpu: &Gpu, shape: Shape, wanted: Option<u64>) -> Result<usize> {
    let (most, name) = (gpu.binding_limit(), &gpu.adapter.info.name);
    let smallest = bytes(smallest_limit(shape.visible));
    match wanted {
        Some(limit) if limit > most => Err(Error::usage(format!(
            "--binding-limit {limit}: {name} binds at most {most} bytes; give less, or leave it out"
        ))),
        Some(limit) if limit < smallest => Err(Error::usage(format!(
            "--binding-limit {limit}: {} visible units need bindings of {smallest} bytes; give {smallest} or more",
            shape.visible
        ))),
        None if most < smallest => Err(Error::device(format!(
            "{name} binds at most {most} bytes, but {} visible units need {smallest}; use --device cpu",
            shape.visible
        ))),
        _ => Ok(wanted.unwrap_or(most) as usize / 4),
    }
}

/// Numbers of the smallest binding that holds what cannot be cut: eight hidden units with the output bias, and a section
/// of each vector of L-BFGS. All else is then cut to fit.
fn smallest_limit(visible: usize) -> usize {
    let block = 2 * TILE * padded(visible) + TILE + padded(visible) + 4 * SECTION;
    block.max((2 * HISTORY + 1) * SECTION)
}

/// The part of a parameter-shaped vector that belongs to one hidden block, in one buffer: W1 rows, D rows, b1, and in
/// the first block b2. Padding is 0, so that the whole buffer takes part in dots and updates as one flat vector.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The units of the block.
    pub units: Range<usize>,
    /// `[units, n]`.
    pub w1: Tensor,
    /// `[units, n]`.
    pub d: Tensor,
    /// `[units]`.
    pub b1: Tensor,
    /// `[n]`, first block only.
    pub b2: Option<Tensor>,
    /// W1 and D as one flat vector: what λ decays.
    pub weights: Tensor,
    /// All of it as one flat vector.
    pub whole: Tensor,
}

impl Segment {
    fn new(gpu: &Gpu, name: &str, visible: usize, units: &Range<usize>) -> Result<Self> {
        let matrix = (padded(units.len()) * padded(visible)).next_multiple_of(SECTION);
        let b1_at = 2 * matrix;
        let b2_at = b1_at + padded(units.len()).next_multiple_of(SECTION);
        let has_output_bias = units.start == 0;
        let len = if has_output_bias { b2_at + padded(visible).next_multiple_of(SECTION) } else { b2_at };
        let buffer = Storage::zeros(gpu, name, len)?;
        Ok(Self {
            units: units.clone(),
            w1: Tensor::matrix_at(&buffer, 0, units.len(), visible),
            d: Tensor::matrix_at(&buffer, matrix, units.len(), visible),
            b1: Tensor::vector_at(&buffer, b1_at, units.len()),
            b2: has_output_bias.then(|| Tensor::vector_at(&buffer, b2_at, visible)),
            weights: Tensor::vector_at(&buffer, 0, b1_at),
            whole: Tensor::vector_at(&buffer, 0, len),
        })
    }

    /// Uploads this block's share of `params`.
    pub fn write(&self, gpu: &Gpu, params: &Params<f32>) {
        let n = params.shape.visible;
        let weights = self.units.start * n..self.units.end * n;
        self.w1.write(gpu, &params.w1[weights.clone()]);
        self.d.write(gpu, &params.d[weights]);
        self.b1.write(gpu, &params.b1[self.units.clone()]);
        if let Some(b2) = &self.b2 {
            b2.write(gpu, &params.b2);
        }
    }

    /// Reads this block's share into `params`.
    pub fn read(&self, gpu: &Gpu, params: &mut Params<f32>) -> Result<()> {
        let n = params.shape.visible;
        let weights = self.units.start * n..self.units.end * n;
        params.w1[weights.clone()].copy_from_slice(&self.w1.read(gpu)?);
        params.d[weights].copy_from_slice(&self.d.read(gpu)?);
        params.b1[self.units.clone()].copy_from_slice(&self.b1.read(gpu)?);
        if let Some(b2) = &self.b2 {
            params.b2.copy_from_slice(&b2.read(gpu)?);
        }
        Ok(())
    }
}

/// The output bias of a vector.
pub fn output_bias(vector: &[Segment]) -> &Tensor {
    vector[0].b2.as_ref().expect("the first segment holds the output bias")
}
