//! Builds a [`Recording`]: which pipeline a dispatch gets, what is bound, which textures have to be filled before.

use bytemuck::Pod;
use wgpu::BufferUsages;

use super::range::{MAX_GROUPS, fold};
use super::{LiveUniform, Recorded, Recording};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::kernel::{Access, Kernel, Layers, Pipeline, Specialisation};
use crate::engine::gpu::memory::buffer::{Tensor, buffer, bytes, numbers};
use crate::engine::gpu::memory::storage::TextureCopy;
use crate::engine::variant::Variant;
use crate::error::{Error, Result};
use crate::math::objective::Activation;

/// Uniforms start at multiples of this many bytes, the most that WebGPU lets an adapter ask for.
const UNIFORM_ALIGNMENT: u64 = 256;

/// Where a dispatch finds its uniform.
#[derive(Debug)]
pub(super) enum UniformSource {
    /// In the recording's own buffer: these words.
    Fixed(Vec<u32>),
    /// In a buffer that is written before each run.
    Live(LiveUniform),
}

enum PlannedCommand {
    Dispatch {
        kernel: &'static Kernel,
        special: Specialisation,
        pipeline: Pipeline,
        uniform: UniformSource,
        tensors: Vec<Tensor>,
        resources: Vec<(u32, Resource)>,
        groups: u32,
        work: f64,
    },
    Fill {
        copy: TextureCopy,
        work: f64,
    },
}

/// The resource that is bound for a tensor.
enum Resource {
    Buffer(Tensor),
    Texture(wgpu::TextureView),
}

/// Collects dispatches; [`Recorder::finish`] makes the bind groups and one buffer for all fixed uniforms.
pub struct Recorder<'g> {
    /// The device recorded for.
    pub gpu: &'g Gpu,
    /// Which kernels are recorded for the products, and where kernels read.
    pub variant: Variant,
    /// Most numbers that a binding may hold.
    pub limit: usize,
    /// Workgroups of a product that the device wants: sums over k are split where there are fewer.
    pub workgroups: usize,
    /// Where products leave their slices, as many as fit; without it none is cut.
    pub scratch: Option<Tensor>,
    planned: Vec<PlannedCommand>,
    /// Copies in textures that are what their buffers hold at this point.
    fresh: Vec<TextureCopy>,
}

impl<'g> Recorder<'g> {
    /// An empty list, for the kernels that the device uses at present.
    pub fn new(gpu: &'g Gpu) -> Self {
        Self::of(gpu, gpu.variant())
    }

    /// An empty list, for given kernels.
    pub fn of(gpu: &'g Gpu, variant: Variant) -> Self {
        let limit = numbers(gpu.binding_limit());
        let workgroups = gpu.adapter.wanted_workgroups();
        Self { gpu, variant, limit, workgroups, scratch: None, planned: Vec::new(), fresh: Vec::new() }
    }

    /// Adds a dispatch of `invocations` with fixed uniform values.
    pub fn dispatch<T: Pod>(
        &mut self,
        kernel: &'static Kernel,
        choice: DispatchOptions,
        uniform: &T,
        tensors: &[&Tensor],
        invocations: usize,
    ) -> Result<()> {
        assert_eq!(size_of::<T>(), kernel.uniform.size, "{}: uniform", kernel.name);
        let words = bytemuck::pod_collect_to_vec(bytemuck::bytes_of(uniform));
        self.plan(kernel, choice, UniformSource::Fixed(words), tensors, invocations)
    }

    /// Adds a dispatch whose uniform is set before each run.
    pub fn dispatch_live(
        &mut self,
        kernel: &'static Kernel,
        uniform: &LiveUniform,
        tensors: &[&Tensor],
        invocations: usize,
    ) -> Result<()> {
        self.plan(
            kernel,
            DispatchOptions::default(),
            UniformSource::Live(uniform.clone()),
            tensors,
            invocations,
        )
    }

    fn plan(
        &mut self,
        kernel: &'static Kernel,
        choice: DispatchOptions,
        uniform: UniformSource,
        tensors: &[&Tensor],
        invocations: usize,
    ) -> Result<()> {
        assert_eq!(tensors.len(), kernel.tensors().count(), "{}: bindings", kernel.name);
        for tensor in tensors {
            let (bound, limit) = (tensor.bound, self.limit);
            assert!(bound <= limit, "{}: a binding of {bound} numbers, allowed are {limit}", kernel.name);
        }
        let DispatchOptions { activation, accumulate, layers, work } = choice;
        let work = work.unwrap_or_else(|| moved(tensors.iter().map(|tensor| tensor.bound).sum()));
        let special = Specialisation { activation, accumulate, layers };
        let pipeline = self.gpu.pipeline(kernel, special)?;
        let resources = self.resources(kernel, tensors)?;
        let groups = groups_of(kernel, invocations)?;
        self.outdate(kernel, tensors);
        let tensors = tensors.iter().map(|&tensor| tensor.clone()).collect();
        self.planned.push(PlannedCommand::Dispatch {
            kernel,
            special,
            pipeline,
            uniform,
            tensors,
            resources,
            groups,
            work,
        });
        Ok(())
    }

    /// The resources of a kernel's tensors, with their bindings; textures are brought up to date first.
    fn resources(&mut self, kernel: &Kernel, tensors: &[&Tensor]) -> Result<Vec<(u32, Resource)>> {
        let mut resources = Vec::new();
        for (tensor, binding) in tensors.iter().zip(kernel.tensors()) {
            let resource = match binding.access {
                Access::Texture => self.texture(kernel, tensor, &resources)?,
                Access::Uniform | Access::Read | Access::Write => Resource::Buffer((*tensor).clone()),
            };
            resources.push((binding.number, resource));
        }
        Ok(resources)
    }

    /// The texture of a tensor of a kernel, of which these resources are bound already.
    fn texture(&mut self, kernel: &Kernel, tensor: &Tensor, bound: &[(u32, Resource)]) -> Result<Resource> {
        let copy = tensor.buffer.copy(self.gpu, tensor.offset, tensor.bound)?;
        let view = copy.to.view.clone();
        if !tensor.buffer.is_constant() && !self.fresh.contains(&copy) {
            let is_taken = bound.iter().any(|(_, resource)| resource.is_texture(&view));
            assert!(!is_taken, "{} reads two tensors that share a texture", kernel.name);
            self.fresh.retain(|other| other.to != copy.to);
            self.fresh.push(copy.clone());
            // Copies are many times as fast as kernels that move as much.
            self.planned.push(PlannedCommand::Fill { copy, work: moved(tensor.bound) / 2.0 });
        }
        Ok(Resource::Texture(view))
    }

    /// Textures of what a kernel writes are out of date from now on.
    fn outdate(&mut self, kernel: &Kernel, tensors: &[&Tensor]) {
        for (tensor, binding) in tensors.iter().zip(kernel.tensors()) {
            if binding.access == Access::Write {
                assert!(!tensor.buffer.is_constant(), "{} writes into constant data", kernel.name);
                self.fresh.retain(|copy| !copy.reads(&tensor.buffer, tensor.offset, tensor.bound));
            }
        }
    }

    /// Counts every texture as out of date from now on, as if all buffers but constant ones had been written.
    pub fn outdate_all(&mut self) {
        self.fresh.clear();
    }

    /// Makes the bind groups.
    pub fn finish(self) -> Result<Recording> {
        let mut words = Vec::new();
        let offsets: Vec<usize> =
            self.planned.iter().map(|planned| planned.place_uniform(&mut words)).collect();
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let size = bytes(words.len()).max(UNIFORM_ALIGNMENT);
        let fixed = buffer(self.gpu, "uniforms", size, usage)?;
        self.gpu.queue.write_buffer(&fixed, 0, bytemuck::cast_slice(&words));
        let gpu = self.gpu;
        let planned = self.planned.into_iter().zip(offsets);
        let make = || planned.map(|(planned, offset)| planned.ready(gpu, (&fixed, offset))).collect();
        Ok(Recording { commands: gpu.scoped("bind groups", make)? })
    }
}

/// Options of a dispatch that the kernel leaves open.
#[derive(Clone, Copy, Debug, Default)]
pub struct DispatchOptions {
    /// For kernels that activate, and only for them.
    pub activation: Option<Activation>,
    /// Whether results are added to what is there.
    pub accumulate: bool,
    /// Which products of a gradient are computed.
    pub layers: Layers,
    /// Its work, see [`crate::engine::gpu::device::throttle`]; `None` is every bound number once.
    pub work: Option<f64>,
}

impl From<Activation> for DispatchOptions {
    fn from(activation: Activation) -> Self {
        Self { activation: Some(activation), ..Self::default() }
    }
}

impl DispatchOptions {
    /// Adds to what is there, or does not.
    pub fn accumulating(accumulate: bool) -> Self {
        Self { accumulate, ..Self::default() }
    }
}

impl Resource {
    fn is_texture(&self, view: &wgpu::TextureView) -> bool {
        matches!(self, Self::Texture(own) if own == view)
    }

    fn binding(&self) -> wgpu::BindingResource<'_> {
        match self {
            Self::Buffer(tensor) => tensor.binding(),
            Self::Texture(view) => wgpu::BindingResource::TextureView(view),
        }
    }
}

impl PlannedCommand {
    /// Appends a fixed uniform to `words`; where it begins.
    fn place_uniform(&self, words: &mut Vec<u32>) -> usize {
        let at = words.len();
        if let Self::Dispatch { uniform: UniformSource::Fixed(own), .. } = self {
            words.extend_from_slice(own);
            words.resize(words.len().next_multiple_of(UNIFORM_ALIGNMENT as usize / 4), 0);
        }
        at
    }

    /// A dispatch whose fixed uniform begins at a word of a buffer.
    fn ready(self, gpu: &Gpu, (fixed, at): (&wgpu::Buffer, usize)) -> Recorded {
        let (kernel, special, pipeline, uniform, tensors, resources, groups, work) = match self {
            Self::Fill { copy, work } => return Recorded::Fill { copy, work },
            Self::Dispatch { kernel, special, pipeline, uniform, tensors, resources, groups, work } => {
                (kernel, special, pipeline, uniform, tensors, resources, groups, work)
            }
        };
        let (buffer, offset) = match &uniform {
            UniformSource::Fixed(_) => (fixed, bytes(at)),
            UniformSource::Live(live) => (&live.buffer, 0),
        };
        let size = std::num::NonZeroU64::new(kernel.uniform.size.next_multiple_of(16) as u64);
        let values = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size });
        let resources = resources.iter().map(|(binding, resource)| (*binding, resource.binding()));
        let entries: Vec<_> = std::iter::once((0, values))
            .chain(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.name),
            layout: &pipeline.layout,
            entries: &entries,
        });
        Recorded::Dispatch { kernel, special, uniform, tensors, pipeline, bind_group, groups, work }
    }
}

/// Workgroups for `invocations`, if they can be numbered.
fn groups_of(kernel: &Kernel, invocations: usize) -> Result<u32> {
    let too_many = || Error::device(format!("{}: {invocations} invocations are too many", kernel.name));
    let groups = u32::try_from(invocations.div_ceil(kernel.workgroup as usize)).map_err(|_| too_many())?;
    let groups = groups.max(1);
    let [across, down] = fold(&(0..groups), groups);
    if u64::from(across) * u64::from(down) * u64::from(kernel.workgroup) > u64::from(u32::MAX)
        || down > MAX_GROUPS
    {
        return Err(too_many());
    }
    Ok(groups)
}

#[cfg(test)]
mod tests;
