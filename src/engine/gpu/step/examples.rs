//! The rows of a pass: resident examples in parts that one binding holds, a list of them that is gathered, or rows that
//! are fetched a chunk at a time.

use std::ops::Range;

use crate::data::batches::{Dataset, RowSelection};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{Tensor, padded};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::recording::Recorder;
use crate::error::{Error, Result};

/// Where the examples of an engine lie on the device.
#[derive(Debug)]
pub(crate) enum DeviceRows {
    /// All of them, in parts.
    Resident(Vec<ExamplePart>),
    /// The chunk that was fetched last, `[chunk, n]`.
    Fetched(Tensor),
}

/// One part of the resident examples, in a buffer of its own.
#[derive(Debug)]
pub struct ExamplePart {
    /// Index of its first example.
    pub first: usize,
    /// `[rows, n]`.
    pub x: Tensor,
}

/// The rows of a pass.
#[derive(Clone, Copy)]
pub enum PassRows<'a> {
    /// All of the resident examples, in place.
    Resident(&'a [ExamplePart]),
    /// The resident examples that a list of so many indices names.
    Listed {
        /// The resident examples.
        parts: &'a [ExamplePart],
        /// Indices, as bits, one tensor a chunk.
        list: &'a [Tensor],
        /// Where a chunk of them is gathered, `[chunk, n]`.
        batch: &'a Tensor,
        /// How many.
        rows: usize,
    },
    /// Rows that are fetched chunk by chunk.
    Fetched {
        /// Where a chunk of them lies, `[chunk, n]`.
        batch: &'a Tensor,
        /// How many there are in all chunks.
        rows: usize,
    },
}

impl PassRows<'_> {
    /// Rows of all chunks.
    pub fn count(&self) -> usize {
        match self {
            Self::Resident(parts) => parts.iter().map(|part| part.x.rows).sum(),
            Self::Listed { rows, .. } | Self::Fetched { rows, .. } => *rows,
        }
    }

    /// Where X of a chunk lies.
    pub fn in_place(&self, chunk: &Range<usize>) -> Tensor {
        match self {
            Self::Listed { batch, .. } | Self::Fetched { batch, .. } => {
                Tensor::matrix_at(&batch.buffer, batch.offset, chunk.len(), batch.cols)
            }
            Self::Resident(parts) => {
                let owner = parts.iter().rfind(|part| part.first <= chunk.start);
                let part = owner.expect("the first part begins with example 0");
                part.x.row_range(chunk.start - part.first, chunk.len())
            }
        }
    }

    /// X of a chunk with its number, gathered if its rows are listed.
    pub fn gathered(
        &self,
        recorder: &mut Recorder<'_>,
        number: usize,
        chunk: &Range<usize>,
    ) -> Result<Tensor> {
        let x = self.in_place(chunk);
        if let Self::Listed { parts, list, .. } = *self {
            for part in parts {
                recorder.gather(&list[number], 0, &part.x, part.first, &x)?;
            }
        }
        Ok(x)
    }
}

impl DeviceRows {
    /// The tensors of so many resident examples.
    pub fn resident(partition: &Partition, examples: usize) -> [Allocation; 1] {
        let parts = (0..examples).step_by(partition.part_rows());
        let sizes = parts.map(|first| (partition.part_rows().min(examples - first), partition.shape.visible));
        [Allocation::matrices("examples", Category::Data, sizes).copied(1)]
    }

    /// The tensor of a chunk.
    pub fn chunk(partition: &Partition) -> [Allocation; 1] {
        [Allocation::matrix("batch", Category::Data, partition.chunk, partition.shape.visible).copied(1)]
    }

    /// Uploads all rows of `supply`.
    ///
    /// # Errors
    /// [`Error::Usage`] for more rows than 32 bits number; those of the supply and the device.
    pub fn upload(gpu: &Gpu, partition: &Partition, supply: &mut dyn Dataset) -> Result<Self> {
        let (count, _) = supply.size();
        if u32::try_from(count).is_err() {
            let fact = format!("{count} examples: a device numbers those that it holds by 32 bits");
            return Err(Error::usage(format!("{fact}; use `stream`, or `device` cpu")));
        }
        let [parts] = allocate(gpu, Self::resident(partition, count))?;
        let firsts = (0..count).step_by(partition.part_rows());
        let fill = |(first, x)| {
            fill_part(gpu, supply, first, &x)?;
            Ok(ExamplePart { first, x })
        };
        Ok(Self::Resident(firsts.zip(parts).map(fill).collect::<Result<_>>()?))
    }

    /// Makes room for a chunk of rows that are fetched.
    pub fn fetched(gpu: &Gpu, partition: &Partition) -> Result<Self> {
        let [batch] = allocate(gpu, Self::chunk(partition))?;
        Ok(Self::Fetched(single(batch)))
    }

    /// Whether all of them are on the device.
    pub fn are_resident(&self) -> bool {
        matches!(self, Self::Resident(_))
    }
}

fn fill_part(gpu: &Gpu, supply: &mut dyn Dataset, first: usize, x: &Tensor) -> Result<()> {
    /// Numbers that are fetched at a time, so that the host does not hold all of them.
    const AT_ONCE: usize = 1 << 20;
    let mut dense = Vec::new();
    let rows_at_once = padded(AT_ONCE / x.cols + 1);
    for start in (0..x.rows).step_by(rows_at_once) {
        let rows = start..(start + rows_at_once).min(x.rows);
        dense.resize(rows.len() * x.cols, 0.0);
        supply.numbers(&RowSelection::Range(first + rows.start..first + rows.end), &mut dense)?;
        x.row_range(rows.start, rows.len()).write(gpu, &dense);
    }
    x.buffer.make_constant();
    gpu.check()
}
