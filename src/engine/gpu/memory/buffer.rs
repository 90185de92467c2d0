//! Matrices on the device: zero-padded to multiples of 8 in both directions, so that no tile of a product has an edge
//! and every row can be read as vec4.

use wgpu::BufferUsages;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::storage::{SharedTexture, Storage};
use crate::error::Result;

/// Rows and columns are padded to multiples of this: the side of a product's tile.
pub const TILE: usize = 8;
/// Sections of one buffer start at multiples of this many numbers (256 bytes, the largest offset alignment that
/// WebGPU allows an adapter to ask for).
pub const SECTION: usize = 64;
/// Numbers that are read back at a time, so that what the host holds besides stays small.
const READ_AT_ONCE: usize = 1 << 22;

/// `n` rounded up to the tile.
pub fn padded(n: usize) -> usize {
    n.next_multiple_of(TILE)
}

/// A matrix, or a vector as a matrix of one row, in a section of a buffer.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The buffer it lies in.
    pub buffer: Storage,
    /// Where it starts, in numbers.
    pub offset: usize,
    /// Rows that mean something.
    pub rows: usize,
    /// Columns that mean something.
    pub cols: usize,
    /// Rows with padding: a multiple of the tile for a matrix, 1 for a vector.
    pub padded_rows: usize,
    /// Numbers that are bound for it: padding included, and guard words in tests.
    pub bound: usize,
}

impl Tensor {
    /// A zeroed matrix in a buffer of its own.
    pub fn zeros(gpu: &Gpu, name: &str, rows: usize, cols: usize) -> Result<Self> {
        let padded_rows = padded(rows);
        let bound = padded_rows * padded(cols);
        Ok(Self { buffer: Storage::zeros(gpu, name, bound)?, offset: 0, rows, cols, padded_rows, bound })
    }

    /// A zeroed vector in a buffer of its own; it has no padding rows.
    pub fn vector(gpu: &Gpu, name: &str, len: usize) -> Result<Self> {
        let bound = padded(len);
        Ok(Self {
            buffer: Storage::zeros(gpu, name, bound)?,
            offset: 0,
            rows: 1,
            cols: len,
            padded_rows: 1,
            bound,
        })
    }

    /// A matrix that starts `offset` numbers into `buffer`.
    pub fn matrix_at(buffer: &Storage, offset: usize, rows: usize, cols: usize) -> Self {
        assert!(offset.is_multiple_of(SECTION), "section offset {offset} is not aligned");
        let padded_rows = padded(rows);
        Self { buffer: buffer.clone(), offset, rows, cols, padded_rows, bound: padded_rows * padded(cols) }
    }

    /// A vector that starts `offset` numbers into `buffer`.
    pub fn vector_at(buffer: &Storage, offset: usize, len: usize) -> Self {
        assert!(offset.is_multiple_of(SECTION), "section offset {offset} is not aligned");
        Self { buffer: buffer.clone(), offset, rows: 1, cols: len, padded_rows: 1, bound: padded(len) }
    }

    /// The same, copied into `texture` where kernels read textures.
    pub fn copied_into(&self, texture: &SharedTexture) -> Self {
        Self { buffer: self.buffer.copied_into(texture), ..self.clone() }
    }

    /// Numbers from one row to the next.
    pub fn stride(&self) -> usize {
        padded(self.cols)
    }

    /// Numbers with padding.
    pub fn len(&self) -> usize {
        self.padded_rows * self.stride()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows `first..first + rows` as a matrix; `first` is a multiple of the tile.
    pub fn row_range(&self, first: usize, rows: usize) -> Self {
        Self::matrix_at(&self.buffer, self.offset + first * self.stride(), rows, self.cols)
    }

    /// The numbers from its first on as a matrix that has no padding rows.
    pub fn unpadded(&self, rows: usize, cols: usize) -> Self {
        let bound = rows * padded(cols);
        assert!(bound <= self.bound, "room for {rows}×{cols} numbers");
        Self { rows, cols, padded_rows: rows, bound, ..self.clone() }
    }

    /// As a resource of a bind group.
    pub fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset: bytes(self.offset),
            size: std::num::NonZeroU64::new(bytes(self.bound)),
        })
    }

    /// Uploads `values` `[rows, cols]`, padding included. Goes through in slices, so that the copy of the host stays
    /// small.
    pub fn write(&self, gpu: &Gpu, values: &[f32]) {
        assert_eq!(values.len(), self.rows * self.cols, "upload of a {}×{} matrix", self.rows, self.cols);
        const SLICE: usize = 1 << 20;
        let stride = self.stride();
        let rows_at_once = (SLICE / stride).max(1);
        for (slice, rows) in values.chunks(rows_at_once * self.cols).enumerate() {
            let padded_rows = pad_columns(rows, self.cols, stride);
            let at = self.offset + slice * rows_at_once * stride;
            gpu.queue.write_buffer(&self.buffer, bytes(at), bytemuck::cast_slice(&padded_rows));
        }
    }

    /// Reads `[rows, cols]` back, without the padding.
    pub fn read(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        let mut values = vec![0.0; self.rows * self.cols];
        self.read_into(gpu, &mut values)?;
        Ok(values)
    }

    /// The same, into `values`.
    pub fn read_into(&self, gpu: &Gpu, values: &mut [f32]) -> Result<()> {
        assert_eq!(values.len(), self.rows * self.cols, "read-back of a {}×{} matrix", self.rows, self.cols);
        let stride = self.stride();
        let mut rows = values.chunks_exact_mut(self.cols);
        let rows_at_once = (READ_AT_ONCE / stride).max(1);
        read_slices(gpu, (&self.buffer, self.offset), self.rows * stride, rows_at_once * stride, |padded| {
            for (from, to) in padded.chunks_exact(stride).zip(&mut rows) {
                to.copy_from_slice(&from[..self.cols]);
            }
        })
    }
}

/// Zeroed vectors of these lengths, one behind the other in as few buffers as bindings of `limit` numbers allow.
pub fn packed(
    gpu: &Gpu,
    name: &str,
    lens: impl IntoIterator<Item = usize>,
    limit: usize,
) -> Result<Vec<Tensor>> {
    let (ends, places) = packed_buffers(lens, limit);
    let buffers = ends.iter().map(|&end| Storage::zeros(gpu, name, end)).collect::<Result<Vec<_>>>()?;
    let place = |(buffer, offset, len): (usize, usize, usize)| {
        let storage: &Storage = &buffers[buffer];
        Tensor::vector_at(storage, offset, len)
    };
    Ok(places.into_iter().map(place).collect())
}

/// Lengths of the buffers of [`packed`] vectors; and buffer, offset and length of each vector.
pub(crate) fn packed_buffers(
    lens: impl IntoIterator<Item = usize>,
    limit: usize,
) -> (Vec<usize>, Vec<(usize, usize, usize)>) {
    let mut ends: Vec<usize> = Vec::new();
    let mut places = Vec::new();
    for len in lens {
        let room = len.next_multiple_of(SECTION);
        if ends.last().is_none_or(|end| end + room > limit) {
            ends.push(0);
        }
        let last = ends.len() - 1;
        places.push((last, ends[last], len));
        ends[last] += room;
    }
    (ends, places)
}

/// Any buffer, zeroed.
pub fn buffer(gpu: &Gpu, name: &str, size: u64, usage: BufferUsages) -> Result<wgpu::Buffer> {
    let descriptor = wgpu::BufferDescriptor { label: Some(name), size, usage, mapped_at_creation: false };
    gpu.scoped(name, || gpu.device.create_buffer(&descriptor))
}

/// Reads `len` numbers of a buffer.
pub fn read(gpu: &Gpu, from: &wgpu::Buffer, offset: usize, len: usize) -> Result<Vec<f32>> {
    let mut values = Vec::with_capacity(len);
    read_slices(gpu, (from, offset), len, READ_AT_ONCE, |slice| values.extend_from_slice(slice))?;
    Ok(values)
}

/// Reads `len` numbers of a buffer from a place on, `at_once` at a time, through a staging buffer made for the purpose.
fn read_slices(
    gpu: &Gpu,
    (from, offset): (&wgpu::Buffer, usize),
    len: usize,
    at_once: usize,
    mut take: impl FnMut(&[f32]),
) -> Result<()> {
    let staging = staging(gpu, len.min(at_once))?;
    for first in (0..len).step_by(at_once) {
        let count = (len - first).min(at_once);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from, bytes(offset + first), &staging, 0, bytes(count));
        gpu.submit(encoder)?;
        take(&gpu.read(&staging, bytes(count))?);
    }
    Ok(())
}

/// Joins the columns of tensors that lie side by side into rows.
pub(crate) fn read_rows(
    gpu: &Gpu,
    tensors: &[Tensor],
    rows: std::ops::Range<usize>,
    out: &mut Vec<f32>,
) -> Result<()> {
    let columns = tensors.iter().map(|tensor| tensor.read(gpu)).collect::<Result<Vec<_>>>()?;
    for row in rows {
        for (tensor, values) in tensors.iter().zip(&columns) {
            out.extend_from_slice(&values[row * tensor.cols..(row + 1) * tensor.cols]);
        }
    }
    Ok(())
}

/// Size of `len` numbers.
pub fn bytes(len: usize) -> u64 {
    4 * len as u64
}

/// Numbers that `bytes` bytes hold; where more than can be counted, as many as can.
pub fn numbers(bytes: u64) -> usize {
    usize::try_from(bytes / 4).unwrap_or(usize::MAX)
}

fn pad_columns(values: &[f32], cols: usize, stride: usize) -> Vec<f32> {
    let mut out = vec![0.0; values.len() / cols * stride];
    for (to, from) in out.chunks_exact_mut(stride).zip(values.chunks_exact(cols)) {
        to[..cols].copy_from_slice(from);
    }
    out
}

/// A buffer through which `len` numbers are read back.
pub(crate) fn staging(gpu: &Gpu, len: usize) -> Result<wgpu::Buffer> {
    buffer(gpu, "staging", bytes(len), BufferUsages::MAP_READ | BufferUsages::COPY_DST)
}
