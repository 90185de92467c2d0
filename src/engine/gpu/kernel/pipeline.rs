//! Pipelines: what is chosen when a kernel is compiled, and those compiled so far.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{Access, Binding, Constant, Host, Kernel};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::recording::range_layout;
use crate::error::Result;
use crate::io::lock::locked;
use crate::math::objective::Activation;

/// What is chosen when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Specialisation {
    /// For kernels that activate, and only for them.
    pub activation: Option<Activation>,
    /// Whether results are added to what is there.
    pub accumulate: bool,
    /// Which products of a gradient are computed, for kernels that compute them.
    pub layers: Layers,
}

/// The products of a gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layers {
    /// A2ᵀδ3.
    Decoder,
    /// δ2ᵀX.
    Encoder,
    /// Both in one dispatch.
    #[default]
    Both,
}

impl Layers {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Decoder, Self::Encoder, Self::Both];
}

/// A compiled kernel.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// wgpu's pipeline.
    pub compute: wgpu::ComputePipeline,
    /// The layout of bind group 0; group 1 is the same for all.
    pub layout: wgpu::BindGroupLayout,
}

/// The pipelines made so far.
#[derive(Default)]
pub(crate) struct Pipelines(Mutex<HashMap<(&'static str, Specialisation), Pipeline>>);

impl Gpu {
    /// The pipeline of a kernel, compiled at its first use.
    pub fn pipeline(&self, kernel: &'static Kernel, special: Specialisation) -> Result<Pipeline> {
        let key = (kernel.name, special);
        if let Some(pipeline) = locked(&self.pipelines.0).get(&key) {
            return Ok(pipeline.clone());
        }
        let what = format!("shader {}", kernel.name);
        let pipeline = self.scoped(&what, || compile(self, kernel, special))?;
        locked(&self.pipelines.0).insert(key, pipeline.clone());
        Ok(pipeline)
    }

    /// The names of the kernels that have been compiled.
    #[cfg(test)]
    pub(crate) fn compiled(&self) -> Vec<&'static str> {
        locked(&self.pipelines.0).keys().map(|(name, _)| *name).collect()
    }
}

fn compile(gpu: &Gpu, kernel: &Kernel, special: Specialisation) -> Pipeline {
    let device = &gpu.device;
    let label = Some(kernel.name);
    let source = wgpu::ShaderSource::Wgsl(kernel.text(Host::of(gpu)).into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
    let entries = layout_entries(kernel);
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout), Some(&range_layout(device))],
        immediate_size: 0,
    });
    let constants = kernel.values(special);
    let compute = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &constants,
            // Kernels write workgroup memory before they read it; Metal and Direct3D would have one invocation zero it.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline { compute, layout }
}

const ACTIVATION: &str = "ACTIVATION";
const ACCUMULATE: &str = "ACCUMULATE";
const LAYERS: &str = "LAYERS";

impl Kernel {
    /// The values of its constants; a choice that it does not leave open is a defect of the caller.
    pub fn values(&self, special: Specialisation) -> Vec<(&'static str, f64)> {
        let Specialisation { activation, accumulate, layers } = special;
        assert_eq!(self.has_constant(ACTIVATION), activation.is_some(), "{}: activation", self.name);
        assert!(self.has_constant(LAYERS) || layers == Layers::Both, "{}: layers", self.name);
        assert!(self.has_constant(ACCUMULATE) || !accumulate, "{}: accumulation", self.name);
        let mut values = vec![("WORKGROUP", f64::from(self.workgroup))];
        values.extend(activation.map(|activation| (ACTIVATION, activation_number(activation))));
        let adds = f64::from(u8::from(accumulate));
        values.extend(self.has_constant(ACCUMULATE).then_some((ACCUMULATE, adds)));
        values.extend(self.has_constant(LAYERS).then_some((LAYERS, layers_number(layers))));
        values
    }

    /// Every value that one of its constants may be given.
    pub fn values_of(&self, constant: &Constant) -> Vec<f64> {
        match constant.name {
            ACTIVATION => Activation::ALL.map(activation_number).into(),
            ACCUMULATE => vec![0.0, 1.0],
            LAYERS => Layers::ALL.map(layers_number).into(),
            _ => vec![f64::from(self.workgroup)],
        }
    }
}

/// The value of `ACTIVATION` in `_activation.wgsl`.
fn activation_number(activation: Activation) -> f64 {
    f64::from(activation as u8)
}

/// The value of `LAYERS` in `_gradient_tiles.wgsl` and `gradient_sum.wgsl`.
fn layers_number(layers: Layers) -> f64 {
    f64::from(layers as u8)
}

fn layout_entries(kernel: &Kernel) -> Vec<wgpu::BindGroupLayoutEntry> {
    let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
    let kind = |access| match access {
        Access::Uniform => buffer(wgpu::BufferBindingType::Uniform),
        Access::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
        Access::Write => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
        Access::Texture => wgpu::BindingType::StorageTexture {
            access: wgpu::StorageTextureAccess::ReadOnly,
            format: wgpu::TextureFormat::Rgba32Float,
            view_dimension: wgpu::TextureViewDimension::D2,
        },
    };
    let entry = |binding: &Binding| wgpu::BindGroupLayoutEntry {
        binding: binding.number,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: kind(binding.access),
        count: None,
    };
    kernel.bindings().iter().filter(|binding| binding.group == 0).map(entry).collect()
}
