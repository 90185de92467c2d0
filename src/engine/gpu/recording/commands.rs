//! Commands on their way to a device: recordings, copies between tensors, uploads and a read-back, in one submission where its
//! budget allows, so that nothing but a result is waited for.

use wgpu::BufferUsages;

use super::{CommandRange, End, Recording, encode, last_written};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::memory::buffer::{Tensor, buffer, bytes};
use crate::error::Result;

/// Commands that have not been submitted yet. What is dropped is not run.
pub struct Commands<'g> {
    gpu: &'g Gpu,
    open: OpenCommands,
}

/// The same between two calls.
#[derive(Debug, Default)]
pub struct OpenCommands {
    /// Nothing has been encoded without it.
    encoder: Option<wgpu::CommandEncoder>,
    work: f64,
    /// What the last dispatch writes into.
    written: Option<wgpu::Buffer>,
    /// How often they have been suspended.
    calls: usize,
}

impl OpenCommands {
    /// How many calls have left commands in them.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Their work, see [`crate::engine::gpu::device::throttle`].
    pub fn work(&self) -> f64 {
        self.work
    }
}

impl<'g> Commands<'g> {
    /// None so far.
    pub fn new(gpu: &'g Gpu) -> Self {
        Self::resume(gpu, OpenCommands::default())
    }

    /// Goes on with those that were [suspended](Self::suspend).
    pub fn resume(gpu: &'g Gpu, open: OpenCommands) -> Self {
        Self { gpu, open }
    }

    /// Leaves them for a later call.
    pub fn suspend(mut self) -> OpenCommands {
        self.open.calls += 1;
        self.open
    }

    /// Adds a recording. Whatever does not fit into the device's budget is submitted at once.
    pub fn run(&mut self, recording: &Recording) -> Result<()> {
        if self.gpu.profile.is_taken() {
            self.flush()?;
            return recording.run_timed(self.gpu);
        }
        let gpu = self.gpu;
        recording.in_submissions(gpu, (usize::MAX, self.open.work), |pieces, end| {
            self.encode(pieces);
            if end == End::Full { self.flush() } else { Ok(()) }
        })
    }

    /// Copies as many numbers as are bound for `to`.
    pub fn copy(&mut self, from: &Tensor, to: &Tensor) {
        self.copy_bytes(&from.buffer, bytes(from.offset), to, bytes(to.bound));
        self.open.work += moved(to.bound) / 2.0;
    }

    /// Submits all of it. Does not wait.
    pub fn submit(mut self) -> Result<()> {
        self.flush()
    }

    /// Submits all of it and reads the first numbers of several tensors back through `staging`, one behind the other.
    pub fn read(mut self, staging: &wgpu::Buffer, parts: &[(&Tensor, usize)]) -> Result<Vec<f32>> {
        let encoder = self.encoder();
        let mut end = 0;
        for &(tensor, len) in parts {
            let from = bytes(tensor.offset);
            encoder.copy_buffer_to_buffer(&tensor.buffer, from, staging, bytes(end), bytes(len));
            end += len;
        }
        self.flush()?;
        self.gpu.read(staging, bytes(end))
    }

    fn copy_bytes(&mut self, from: &wgpu::Buffer, first: u64, to: &Tensor, count: u64) {
        self.encoder().copy_buffer_to_buffer(from, first, &to.buffer, bytes(to.offset), count);
    }

    fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        let device = &self.gpu.device;
        self.open.encoder.get_or_insert_with(|| device.create_command_encoder(&Default::default()))
    }

    fn encode(&mut self, pieces: &[CommandRange<'_>]) {
        let gpu = self.gpu;
        for run in pieces.chunk_by(|a, b| a.command.is_dispatch() == b.command.is_dispatch()) {
            encode(gpu, self.encoder(), run);
        }
        self.open.work += pieces.iter().map(|piece| piece.work).sum::<f64>();
        if let Some(written) = last_written(pieces) {
            self.open.written = Some(written.clone());
        }
    }

    fn flush(&mut self) -> Result<()> {
        match std::mem::take(&mut self.open) {
            OpenCommands { encoder: Some(encoder), work, written, .. } => {
                self.gpu.submit_work(encoder, work, written.as_ref())
            }
            OpenCommands { encoder: None, .. } => Ok(()),
        }
    }
}

/// Numbers that steps of one submission set, each for itself. What the host writes is there before the whole submission; so every
/// step writes into a slot of its own, out of which its commands copy.
#[derive(Debug)]
pub(crate) struct Uploads {
    slots: wgpu::Buffer,
    /// Bytes of a slot.
    size: u64,
    /// The slot of this step, of as many as a submission may have steps.
    slot: u64,
    /// Bytes of it that are taken.
    taken: u64,
}

impl Uploads {
    /// Slots for so many steps of `size` bytes each.
    pub fn new(gpu: &Gpu, steps: usize, size: u64) -> Result<Self> {
        let usage = BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let size = size.next_multiple_of(16);
        Ok(Self { slots: buffer(gpu, "uploads", steps as u64 * size, usage)?, size, slot: 0, taken: 0 })
    }

    /// Whether there is room for a step of so many bytes, in submissions of so many steps.
    pub fn hold(&self, steps: usize, size: u64) -> bool {
        size <= self.size && steps as u64 * self.size <= self.slots.size()
    }

    /// Goes on with the slot of the next step: the one that was written longest ago, whose step has been submitted.
    pub fn begin_step(&mut self) {
        self.slot = (self.slot + 1) % (self.slots.size() / self.size);
        self.taken = 0;
    }

    /// Lets `commands` set the first numbers of a tensor.
    pub fn write(&mut self, commands: &mut Commands<'_>, to: &Tensor, numbers: &[u8]) {
        let (at, count) = (self.slot * self.size + self.taken, numbers.len() as u64);
        self.taken += count;
        assert!(self.taken <= self.size, "a step uploads {} bytes at most", self.size);
        commands.gpu.queue.write_buffer(&self.slots, at, numbers);
        commands.copy_bytes(&self.slots, at, to, count);
    }
}
