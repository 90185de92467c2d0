//! Commands on their way to a device: recordings, copies between tensors and a read-back, in one submission where its budget
//! allows, so that nothing but a result is waited for.

use super::{CommandRange, End, Recording, encode, last_written};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::memory::buffer::{Tensor, bytes};
use crate::error::Result;

/// Commands that have not been submitted yet. What is dropped is not run.
pub struct Commands<'g> {
    gpu: &'g Gpu,
    encoder: wgpu::CommandEncoder,
    /// Whether there is anything in the encoder.
    is_open: bool,
    work: f64,
    /// What the last dispatch writes into.
    written: Option<wgpu::Buffer>,
}

impl<'g> Commands<'g> {
    /// None so far.
    pub fn new(gpu: &'g Gpu) -> Self {
        let encoder = gpu.device.create_command_encoder(&Default::default());
        Self { gpu, encoder, is_open: false, work: 0.0, written: None }
    }

    /// Adds a recording. Whatever does not fit into the device's budget is submitted at once.
    pub fn run(&mut self, recording: &Recording) -> Result<()> {
        if self.gpu.profile.is_taken() {
            self.flush()?;
            return recording.run_timed(self.gpu);
        }
        let gpu = self.gpu;
        recording.in_submissions(gpu, (usize::MAX, self.work), |pieces, end| {
            self.encode(pieces);
            if end == End::Full { self.flush() } else { Ok(()) }
        })
    }

    /// Copies as many numbers as are bound for `to`.
    pub fn copy(&mut self, from: &Tensor, to: &Tensor) {
        let (from_at, to_at) = (bytes(from.offset), bytes(to.offset));
        self.encoder.copy_buffer_to_buffer(&from.buffer, from_at, &to.buffer, to_at, bytes(to.bound));
        self.is_open = true;
        self.work += moved(to.bound) / 2.0;
    }

    /// Submits all of it. Does not wait.
    pub fn submit(mut self) -> Result<()> {
        self.flush()
    }

    /// Submits all of it and reads the first numbers of several tensors back through `staging`, one behind the other.
    pub fn read(mut self, staging: &wgpu::Buffer, parts: &[(&Tensor, usize)]) -> Result<Vec<f32>> {
        let mut end = 0;
        for &(tensor, len) in parts {
            let from = bytes(tensor.offset);
            self.encoder.copy_buffer_to_buffer(&tensor.buffer, from, staging, bytes(end), bytes(len));
            end += len;
        }
        self.is_open = true;
        self.flush()?;
        self.gpu.read(staging, bytes(end))
    }

    fn encode(&mut self, pieces: &[CommandRange<'_>]) {
        for run in pieces.chunk_by(|a, b| a.command.is_dispatch() == b.command.is_dispatch()) {
            encode(self.gpu, &mut self.encoder, run);
        }
        self.is_open |= !pieces.is_empty();
        self.work += pieces.iter().map(|piece| piece.work).sum::<f64>();
        if let Some(written) = last_written(pieces) {
            self.written = Some(written.clone());
        }
    }

    fn flush(&mut self) -> Result<()> {
        if !self.is_open {
            return Ok(());
        }
        let next = Self::new(self.gpu);
        let Self { encoder, work, written, .. } = std::mem::replace(self, next);
        self.gpu.submit_work(encoder, work, written.as_ref())
    }
}
