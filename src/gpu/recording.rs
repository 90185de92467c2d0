//! A list of dispatches that is built once and replayed for every step: nothing is made inside the training loop.
//! `recorder` builds it, `timing` replays it under the device's clock.

mod recorder;
mod timing;

use bytemuck::Pod;
use wgpu::BufferUsages;

use super::buffer::buffer;
use super::device::Gpu;
use super::kernel::Pipeline;
use super::storage::Texture;
use crate::error::Result;
pub use recorder::{Choice, Recorder};
pub(super) use timing::Profile;

/// A uniform whose values change from step to step.
#[derive(Clone, Debug)]
pub struct LiveUniform(wgpu::Buffer);

impl LiveUniform {
    /// Makes one for a uniform struct of type `T`.
    pub fn new<T: Pod>(gpu: &Gpu, name: &str) -> Result<Self> {
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        Ok(Self(buffer(gpu, name, size_of::<T>().next_multiple_of(16) as u64, usage)?))
    }

    /// Sets its values for the submissions that follow.
    pub fn set<T: Pod>(&self, gpu: &Gpu, value: &T) {
        gpu.queue.write_buffer(&self.0, 0, bytemuck::bytes_of(value));
    }
}

/// One command, ready to be encoded.
#[derive(Debug)]
enum Command {
    Dispatch {
        name: &'static str,
        pipeline: Pipeline,
        bind_group: wgpu::BindGroup,
        groups: [u32; 2],
    },
    /// Brings a texture up to date.
    Fill {
        texture: Texture,
        from: wgpu::Buffer,
    },
}

/// A recorded list, cut into submissions.
#[derive(Debug, Default)]
pub struct Recording {
    submissions: Vec<Vec<Command>>,
}

impl Recording {
    /// Submits every command in order. Does not wait.
    pub fn run(&self, gpu: &Gpu) -> Result<()> {
        if gpu.is_profiling() {
            return self.run_timed(gpu);
        }
        for commands in &self.submissions {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            for run in commands.chunk_by(|a, b| a.is_dispatch() == b.is_dispatch()) {
                encode(&mut encoder, run);
            }
            gpu.submit(encoder)?;
        }
        Ok(())
    }
}

impl Command {
    fn is_dispatch(&self) -> bool {
        matches!(self, Self::Dispatch { .. })
    }

    fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>) {
        if let Self::Dispatch { pipeline, bind_group, groups, .. } = self {
            pass.set_pipeline(&pipeline.compute);
            pass.set_bind_group(0, bind_group, &[]);
            pass.dispatch_workgroups(groups[0], groups[1], 1);
        }
    }
}

/// Neighbouring dispatches share a pass, which copies end.
fn encode(encoder: &mut wgpu::CommandEncoder, commands: &[Command]) {
    let fills = commands.iter().filter_map(|command| match command {
        Command::Fill { texture, from } => Some((texture, from)),
        Command::Dispatch { .. } => None,
    });
    fills.for_each(|(texture, from)| texture.fill(encoder, from));
    if !commands.iter().any(Command::is_dispatch) {
        return;
    }
    let mut pass = encoder.begin_compute_pass(&Default::default());
    commands.iter().for_each(|command| command.dispatch(&mut pass));
}
