//! A list of dispatches that is built once and replayed for every step: nothing is made inside the training loop.

mod timing;

use bytemuck::Pod;
use wgpu::BufferUsages;

use super::buffer::{Tensor, buffer};
use super::device::Gpu;
use super::kernel::{Kernel, Pipeline, WORKGROUP};
use crate::error::{Error, Result};
use crate::objective::Activation;
pub(super) use timing::Profile;

/// Uniforms start at multiples of this many bytes, the most that WebGPU lets an adapter ask for.
const UNIFORM_ALIGNMENT: usize = 256;
/// Most workgroups in one dimension of a dispatch.
const MAX_GROUPS: u32 = 65_535;

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

/// One dispatch, ready to be encoded.
#[derive(Debug)]
struct Dispatch {
    name: &'static str,
    pipeline: Pipeline,
    bind_group: wgpu::BindGroup,
    groups: [u32; 2],
}

/// A recorded list, cut into submissions.
#[derive(Debug, Default)]
pub struct Recording {
    submissions: Vec<Vec<Dispatch>>,
}

impl Recording {
    /// Submits every dispatch in order. Does not wait.
    pub fn run(&self, gpu: &Gpu) -> Result<()> {
        if gpu.is_profiling() {
            return self.run_timed(gpu);
        }
        for dispatches in &self.submissions {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                for dispatch in dispatches {
                    pass.set_pipeline(&dispatch.pipeline.compute);
                    pass.set_bind_group(0, &dispatch.bind_group, &[]);
                    pass.dispatch_workgroups(dispatch.groups[0], dispatch.groups[1], 1);
                }
            }
            gpu.submit(encoder)?;
        }
        Ok(())
    }
}

/// Where a planned dispatch finds its uniform.
enum UniformSource {
    /// At this offset in the recording's own buffer.
    Fixed(usize),
    /// In a buffer that is written before each run.
    Live(LiveUniform),
}

struct Planned {
    kernel: &'static Kernel,
    pipeline: Pipeline,
    uniform: UniformSource,
    tensors: Vec<Tensor>,
    groups: [u32; 2],
}

/// Collects dispatches; [`Recorder::finish`] makes the bind groups and one buffer for all fixed uniforms.
pub struct Recorder<'g> {
    /// The device recorded for.
    pub gpu: &'g Gpu,
    submissions: Vec<Vec<Planned>>,
    uniforms: Vec<u8>,
}

impl<'g> Recorder<'g> {
    /// An empty list.
    pub fn new(gpu: &'g Gpu) -> Self {
        Self { gpu, submissions: vec![Vec::new()], uniforms: Vec::new() }
    }

    /// Starts a new submission, so that none grows too long for the watchdog of the system.
    pub fn cut(&mut self) {
        if self.submissions.last().is_some_and(|last| !last.is_empty()) {
            self.submissions.push(Vec::new());
        }
    }

    /// Adds a dispatch of `invocations` with fixed uniform values.
    pub fn dispatch<T: Pod>(
        &mut self,
        kernel: &'static Kernel,
        activation: Option<Activation>,
        uniform: &T,
        tensors: &[&Tensor],
        invocations: usize,
    ) -> Result<()> {
        assert_eq!(size_of::<T>(), kernel.uniform.size, "{}: uniform", kernel.name);
        let offset = self.uniforms.len();
        self.uniforms.extend_from_slice(bytemuck::bytes_of(uniform));
        self.uniforms.resize(self.uniforms.len().next_multiple_of(UNIFORM_ALIGNMENT), 0);
        self.plan(kernel, activation, UniformSource::Fixed(offset), tensors, invocations)
    }

    /// Adds a dispatch whose uniform is set before each run.
    pub fn dispatch_live(
        &mut self,
        kernel: &'static Kernel,
        uniform: &LiveUniform,
        tensors: &[&Tensor],
        invocations: usize,
    ) -> Result<()> {
        self.plan(kernel, None, UniformSource::Live(uniform.clone()), tensors, invocations)
    }

    fn plan(
        &mut self,
        kernel: &'static Kernel,
        activation: Option<Activation>,
        uniform: UniformSource,
        tensors: &[&Tensor],
        invocations: usize,
    ) -> Result<()> {
        assert_eq!(tensors.len(), kernel.bindings.len(), "{}: bindings", kernel.name);
        let pipeline = self.gpu.pipeline(kernel, activation)?;
        let tensors = tensors.iter().map(|&tensor| tensor.clone()).collect();
        let groups = fold(kernel, invocations)?;
        let planned = Planned { kernel, pipeline, uniform, tensors, groups };
        self.submissions.last_mut().expect("there is always an open submission").push(planned);
        Ok(())
    }

    /// Makes the bind groups.
    pub fn finish(self) -> Result<Recording> {
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let fixed = buffer(self.gpu, "uniforms", self.uniforms.len().max(UNIFORM_ALIGNMENT) as u64, usage)?;
        self.gpu.queue.write_buffer(&fixed, 0, &self.uniforms);
        let gpu = self.gpu;
        let make = || {
            let submissions = self.submissions.into_iter();
            submissions.map(|planned| planned.into_iter().map(|p| p.bind(gpu, &fixed)).collect()).collect()
        };
        Ok(Recording { submissions: gpu.scoped("bind groups", make)? })
    }
}

impl Planned {
    fn bind(self, gpu: &Gpu, fixed: &wgpu::Buffer) -> Dispatch {
        let (buffer, offset) = match &self.uniform {
            UniformSource::Fixed(offset) => (fixed, *offset as u64),
            UniformSource::Live(live) => (&live.0, 0),
        };
        let size = std::num::NonZeroU64::new(self.kernel.uniform.size.next_multiple_of(16) as u64);
        let uniform = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size });
        let resources = std::iter::once(uniform).chain(self.tensors.iter().map(Tensor::binding));
        let entries: Vec<_> = (0..)
            .zip(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(self.kernel.name),
            layout: &self.pipeline.layout,
            entries: &entries,
        });
        Dispatch { name: self.kernel.name, pipeline: self.pipeline, bind_group, groups: self.groups }
    }
}

/// Workgroups for `invocations`, folded into two dimensions when one is too short; `linear_index` undoes it.
fn fold(kernel: &Kernel, invocations: usize) -> Result<[u32; 2]> {
    let too_many = || Error::device(format!("{}: {invocations} invocations are too many", kernel.name));
    let groups = u32::try_from(invocations.div_ceil(WORKGROUP as usize)).map_err(|_| too_many())?;
    let down = groups.div_ceil(MAX_GROUPS).max(1);
    let across = groups.div_ceil(down);
    if u64::from(across) * u64::from(down) * u64::from(WORKGROUP) > u64::from(u32::MAX) || down > MAX_GROUPS {
        return Err(too_many());
    }
    Ok([across.max(1), down])
}
