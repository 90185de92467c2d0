//! A list of resident examples on the device: indices, and the tensor that a chunk of the rows is gathered into.

use std::ops::Range;

use crate::engine::check_list;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{Tensor, bytes};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::recording::{Commands, Uploads};
use crate::engine::gpu::step::examples::{ExamplePart, PassRows};
use crate::error::{Error, Result};

/// Room for a list.
#[derive(Debug)]
pub(crate) struct BatchList {
    /// Longest list.
    most: usize,
    /// One tensor a chunk.
    indices: Vec<Tensor>,
    /// `[rows of a chunk, n]`.
    batch: Tensor,
}

impl BatchList {
    /// For lists of at most so many examples.
    pub fn new(gpu: &Gpu, partition: &Partition, most: usize) -> Result<Self> {
        let [indices, batch] = allocate(gpu, Self::allocations(partition, most))?;
        Ok(Self { most, indices, batch: single(batch) })
    }

    /// Where the indices lie, one tensor a chunk.
    pub fn indices(&self) -> &[Tensor] {
        &self.indices
    }

    /// Whether there is room for a list of so many.
    pub fn holds(&self, rows: usize) -> bool {
        rows <= self.most
    }

    /// The indices and the gathered rows.
    pub fn allocations(partition: &Partition, most: usize) -> [Allocation; 2] {
        let chunks = partition.chunks(most);
        let (rows, cols) = (most.min(partition.chunk), partition.shape.visible);
        [
            Allocation::packed("batch order", Category::Data, chunks.iter().map(Range::len), partition.limit),
            Allocation::matrix("batch", Category::Data, rows, cols).copied(1),
        ]
    }

    /// Refuses an empty list, a list of more rows than there are, and one that names other rows.
    pub fn check(list: &[usize], examples: usize) -> Result<()> {
        if list.is_empty() || list.len() > examples {
            return Err(Error::usage(format!("a batch of {} of {examples} examples", list.len())));
        }
        check_list(list, examples)
    }

    /// Uploads the indices of a list for the commands that follow.
    pub fn upload(
        &self,
        (uploads, commands): (&mut Uploads, &mut Commands<'_>),
        partition: &Partition,
        list: &[usize],
    ) {
        for (chunk, tensor) in self.parts(partition, list) {
            uploads.write(commands, tensor, bytemuck::cast_slice(&chunk));
        }
    }

    /// Uploads the indices of a list ahead of the next submission.
    pub fn write(&self, gpu: &Gpu, partition: &Partition, list: &[usize]) {
        for (chunk, tensor) in self.parts(partition, list) {
            gpu.queue.write_buffer(&tensor.buffer, bytes(tensor.offset), bytemuck::cast_slice(&chunk));
        }
    }

    /// The indices of each chunk, and where they go: examples of a device are fewer than 2³².
    fn parts(&self, partition: &Partition, list: &[usize]) -> impl Iterator<Item = (Vec<u32>, &Tensor)> {
        let word = |&row: &usize| row as u32;
        let chunks = list.chunks(partition.chunk).map(move |chunk| chunk.iter().map(word).collect());
        chunks.zip(&self.indices)
    }

    /// Longest list.
    pub fn most(&self) -> usize {
        self.most
    }

    /// The first `rows` of the list as the rows of a pass.
    pub fn rows<'a>(&'a self, parts: &'a [ExamplePart], rows: usize) -> PassRows<'a> {
        PassRows::Listed { parts, list: &self.indices, batch: &self.batch, rows }
    }
}
