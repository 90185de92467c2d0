//! The way of fetched rows onto the device. Rows that come as codes of one or two bytes are uploaded as they are, and a
//! kernel looks their numbers up.

use crate::data::batches::{Codes, Dataset, ExampleSet, RowSelection};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{Tensor, padded};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::recording::Recording;
use crate::engine::gpu::step::examples::DeviceRows;
use crate::engine::gpu::step::pass::first_rows;
use crate::error::Result;

/// A supply of rows, with what the host needs to upload a chunk of them.
#[derive(Debug)]
pub(crate) struct Fetcher {
    supply: Box<dyn Dataset>,
    coded: Option<Coded>,
    dense: Vec<f32>,
}

/// Codes on their way, and their numbers.
#[derive(Debug)]
struct Coded {
    /// Bytes of a code.
    bytes: usize,
    /// As they come from the host.
    host: Vec<u8>,
    /// The same on the device.
    codes: Tensor,
    /// The number of each code.
    table: Tensor,
    /// Recordings by their rows.
    expand: Vec<(usize, Recording)>,
}

impl Coded {
    fn new(gpu: &Gpu, partition: &Partition, codes: &Codes) -> Result<Self> {
        let [words, table] = allocate(gpu, Fetcher::codes(partition, codes.bytes))?.map(single);
        table.write(gpu, &codes.table);
        Ok(Self { bytes: codes.bytes, host: Vec::new(), codes: words, table, expand: Vec::new() })
    }
}

/// The examples of an engine: uploaded, or with a place for a chunk and the source that it is fetched from.
pub(crate) fn rows_of(
    gpu: &Gpu,
    partition: &Partition,
    examples: ExampleSet,
) -> Result<(DeviceRows, Option<Fetcher>)> {
    match examples {
        ExampleSet::Resident(mut supply) => Ok((DeviceRows::upload(gpu, partition, &mut *supply)?, None)),
        ExampleSet::Streamed(supply) => {
            let rows = DeviceRows::fetched(gpu, partition)?;
            Ok((rows, Some(Fetcher::new(gpu, partition, supply)?)))
        }
    }
}

impl Fetcher {
    /// Makes room for chunks of `partition`.
    pub fn new(gpu: &Gpu, partition: &Partition, supply: Box<dyn Dataset>) -> Result<Self> {
        let coded = supply.codes().map(|codes| Coded::new(gpu, partition, codes)).transpose()?;
        Ok(Self { supply, coded, dense: Vec::new() })
    }

    /// The codes of a chunk, so many bytes each, and the table of their numbers.
    pub fn codes(partition: &Partition, bytes: usize) -> [Allocation; 2] {
        let words = partition.chunk * padded(partition.shape.visible) * bytes / 4;
        [
            Allocation::vectors("codes", Category::Data, [words]),
            Allocation::vectors("numbers of codes", Category::Data, [1 << (8 * bytes)]),
        ]
    }

    /// Numbers of listed rows, for the host.
    pub fn numbers(&mut self, rows: &[usize], cols: usize) -> Result<Vec<f32>> {
        let mut numbers = vec![0.0; rows.len() * cols];
        self.supply.numbers(&RowSelection::Listed(rows), &mut numbers)?;
        Ok(numbers)
    }

    /// Brings the rows that are wanted, at most a chunk, into `batch`, and returns those of `batch` that hold them.
    pub fn fetch(
        &mut self,
        gpu: &Gpu,
        partition: &Partition,
        batch: &Tensor,
        wanted: &RowSelection<'_>,
    ) -> Result<Tensor> {
        let x = first_rows(batch, wanted.len());
        let Some(coded) = &mut self.coded else {
            self.dense.resize(x.padded_rows * x.cols, 0.0);
            let (numbers, padding) = self.dense.split_at_mut(x.rows * x.cols);
            self.supply.numbers(wanted, numbers)?;
            padding.fill(0.0);
            Tensor { rows: x.padded_rows, ..x.clone() }.write(gpu, &self.dense);
            return Ok(x);
        };
        let stride = x.stride() * coded.bytes;
        coded.host.resize(x.rows * stride, 0);
        self.supply.codes_of(wanted, stride, &mut coded.host)?;
        gpu.queue.write_buffer(&coded.codes.buffer, 0, &coded.host);
        let known = coded.expand.iter().position(|(rows, _)| *rows == x.rows);
        let at = match known {
            Some(at) => at,
            None => {
                let mut recorder = partition.recorder(gpu);
                recorder.dequantize(&coded.codes, &coded.table, coded.bytes, &x)?;
                coded.expand.push((x.rows, recorder.finish()?));
                coded.expand.len() - 1
            }
        };
        coded.expand[at].1.run(gpu)?;
        Ok(x)
    }
}
