//! Where an engine has its examples: on the device in parts that one binding holds, or with a supply that is asked for a
//! chunk at a time.

use std::cell::RefCell;

use crate::data::batches::{Dataset, ExampleSet as Given, RowSelection};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, bytes, padded};
use crate::engine::gpu::memory::layout::Layout;
use crate::engine::gpu::step::pass::Part;
use crate::engine::gpu::step::stream::Stream;
use crate::error::{Error, Result};

/// Where the examples are.
#[derive(Debug)]
pub(crate) enum Held {
    /// On the device.
    Resident(Vec<Part>),
    /// Where they are fetched from, a chunk at a time.
    Streamed(Box<RefCell<Stream>>),
}

impl Held {
    /// Uploads what is to be resident, and makes room for a chunk of what is not.
    pub(crate) fn new(gpu: &Gpu, layout: &Layout, given: Given) -> Result<Self> {
        Ok(match given {
            Given::Resident(supply) if u32::try_from(supply.size().0).is_err() => {
                let fact =
                    format!("{} examples: a device numbers those that it holds by 32 bits", supply.size().0);
                return Err(Error::usage(format!("{fact}; use --stream, or --device cpu")));
            }
            Given::Resident(mut supply) => Self::Resident(upload(gpu, layout, &mut *supply)?),
            Given::Streamed(supply) => {
                Self::Streamed(Box::new(RefCell::new(Stream::new(gpu, layout, supply)?)))
            }
        })
    }

    /// Whether all of them are on the device.
    pub(crate) fn are_resident(&self) -> bool {
        matches!(self, Self::Resident(_))
    }
}

/// Uploads which of the resident examples are meant: fewer than 2³².
pub(crate) fn write_list(gpu: &Gpu, tensor: &Tensor, list: &[usize]) {
    let list: Vec<u32> = list.iter().map(|&row| row as u32).collect();
    gpu.queue.write_buffer(&tensor.buffer, bytes(tensor.offset), bytemuck::cast_slice(&list));
}

/// Cuts the examples into parts that one binding holds.
fn upload(gpu: &Gpu, layout: &Layout, supply: &mut dyn Dataset) -> Result<Vec<Part>> {
    /// Numbers that are fetched at a time, so that the host does not hold all of them.
    const PIECE: usize = 1 << 20;
    let (count, cols) = supply.size();
    let mut dense = Vec::new();
    let mut part = |first: usize| {
        let rows = layout.part_rows().min(count - first);
        let x = Tensor::zeros(gpu, "examples", rows, cols)?;
        let at_once = padded(PIECE / cols + 1);
        for start in (0..rows).step_by(at_once) {
            let piece = start..(start + at_once).min(rows);
            dense.resize(piece.len() * cols, 0.0);
            supply.numbers(&RowSelection::Range(first + piece.start..first + piece.end), &mut dense)?;
            x.row_range(piece.start, piece.len()).write(gpu, &dense);
        }
        x.buffer.make_constant();
        gpu.check()?;
        Ok(Part { first, x })
    };
    (0..count).step_by(layout.part_rows()).map(&mut part).collect()
}
