//! A list of dispatches that is built once and replayed for every step: nothing is made inside the training loop.
//! `recorder` builds it, `commands` are one or several on their way, `described` tells another host of it, `range` where a
//! dispatch can be cut, `timing` replays it under the device's clock.

mod commands;
mod described;
mod range;
mod recorder;
mod timing;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytemuck::Pod;
use wgpu::BufferUsages;

use super::device::Gpu;
use super::kernel::{Access, Kernel, Pipeline, Specialisation};
use super::memory::buffer::{Tensor, buffer};
use super::memory::storage::TextureCopy;
use crate::error::Result;
use crate::io::lock::locked;
pub(crate) use commands::{Commands, OpenCommands, Uploads};
pub(crate) use described::{DispatchPlan, Resources, TensorPlan};
pub use range::RangeUniform;
pub(crate) use range::{RangeTable, layout as range_layout};
use range::{fold, ranges};
use recorder::UniformSource;
pub use recorder::{DispatchOptions, Recorder};

/// A uniform whose values change from step to step.
#[derive(Clone, Debug)]
pub struct LiveUniform {
    buffer: wgpu::Buffer,
    /// Its bytes: none before they are set.
    set: Arc<Mutex<Vec<u8>>>,
}

impl LiveUniform {
    /// Makes one for a uniform struct of type `T`.
    pub fn new<T: Pod>(gpu: &Gpu, name: &str) -> Result<Self> {
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let buffer = buffer(gpu, name, size_of::<T>().next_multiple_of(16) as u64, usage)?;
        Ok(Self { buffer, set: Arc::default() })
    }

    /// Sets its values for the submissions that follow. Values that it has are not written again: each write costs a copy and
    /// a barrier on the device.
    pub fn set<T: Pod>(&self, gpu: &Gpu, value: &T) {
        let (bytes, set) = (bytemuck::bytes_of(value), &mut *locked(&self.set));
        if set != bytes {
            gpu.queue.write_buffer(&self.buffer, 0, bytes);
            bytes.clone_into(set);
        }
    }
}

/// One command, ready to be encoded.
#[derive(Debug)]
enum Recorded {
    Dispatch {
        kernel: &'static Kernel,
        special: Specialisation,
        uniform: UniformSource,
        tensors: Vec<Tensor>,
        pipeline: Pipeline,
        bind_group: wgpu::BindGroup,
        groups: u32,
        work: f64,
    },
    /// Brings a texture up to date.
    Fill { copy: TextureCopy, work: f64 },
}

/// A command, or a range of its workgroups.
#[derive(Clone)]
struct CommandRange<'a> {
    command: &'a Recorded,
    range: Range<u32>,
    work: f64,
}

/// A recorded list, which is cut into submissions when it is run.
#[derive(Debug, Default)]
pub struct Recording {
    commands: Vec<Recorded>,
}

/// Why some pieces end where they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// No more fit into a submission.
    Full,
    /// The recording ends.
    Whole,
}

impl Recording {
    /// Submits every command in order. Does not wait.
    pub fn run(&self, gpu: &Gpu) -> Result<()> {
        let mut commands = Commands::new(gpu);
        commands.run(self)?;
        commands.submit()
    }

    /// Gives `take` the pieces of one submission after the other: at most `most` pieces and, unless it is a single one, no more
    /// work than the device's budget, which may change in between. So much work is `open` already in the first of them.
    fn in_submissions<'a>(
        &'a self,
        gpu: &Gpu,
        (most, open): (usize, f64),
        mut take: impl FnMut(&[CommandRange<'a>], End) -> Result<()>,
    ) -> Result<()> {
        let (mut pieces, mut work, mut budget) = (Vec::new(), open, gpu.budget());
        for command in &self.commands {
            for piece in command.pieces(budget) {
                let is_full = pieces.len() == most || work + piece.work > budget;
                if is_full && (work > 0.0 || !pieces.is_empty()) {
                    take(&pieces, End::Full)?;
                    pieces.clear();
                    (work, budget) = (0.0, gpu.budget());
                }
                work += piece.work;
                pieces.push(piece);
            }
        }
        if pieces.is_empty() { Ok(()) } else { take(&pieces, End::Whole) }
    }
}

impl Recorded {
    fn is_dispatch(&self) -> bool {
        matches!(self, Self::Dispatch { .. })
    }

    /// Itself, or as few ranges as take no more than `budget` each. Copies are never cut.
    fn pieces(&self, budget: f64) -> impl Iterator<Item = CommandRange<'_>> {
        let (groups, work, count) = match *self {
            Self::Dispatch { groups, work, .. } => (groups, work, (work / budget).ceil()),
            Self::Fill { work, .. } => (1, work, 1.0),
        };
        ranges(groups, count as u32).map(move |range| {
            let share = f64::from(range.end - range.start) / f64::from(groups);
            CommandRange { command: self, range, work: work * share }
        })
    }
}

impl CommandRange<'_> {
    fn dispatch(&self, gpu: &Gpu, pass: &mut wgpu::ComputePass<'_>) {
        if let Recorded::Dispatch { pipeline, bind_group, groups, .. } = self.command {
            let [across, down] = fold(&self.range, *groups);
            pass.set_pipeline(&pipeline.compute);
            pass.set_bind_group(0, bind_group, &[]);
            gpu.ranges.bind(pass, &self.range, *groups);
            pass.dispatch_workgroups(across, down, 1);
        }
    }
}

/// A buffer that the last dispatch writes into.
fn last_written<'a>(pieces: &[CommandRange<'a>]) -> Option<&'a wgpu::Buffer> {
    pieces.iter().rev().find_map(|piece| match piece.command {
        Recorded::Dispatch { kernel, tensors, .. } => {
            let mut bindings = tensors.iter().zip(kernel.tensors());
            bindings.find(|(_, binding)| binding.access == Access::Write).map(|(tensor, _)| &*tensor.buffer)
        }
        Recorded::Fill { .. } => None,
    })
}

/// Neighbouring dispatches share a pass, which copies end.
fn encode(gpu: &Gpu, encoder: &mut wgpu::CommandEncoder, pieces: &[CommandRange<'_>]) {
    for piece in pieces {
        if let Recorded::Fill { copy, .. } = piece.command {
            copy.encode(encoder);
        }
    }
    if !pieces.iter().any(|piece| piece.command.is_dispatch()) {
        return;
    }
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pieces.iter().for_each(|piece| piece.dispatch(gpu, &mut pass));
}
