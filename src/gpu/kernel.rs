//! What a shader is to the host: its source, its bindings and its uniform, and the pipelines compiled from it.

mod table;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;

use bytemuck::Pod;

use super::device::Gpu;
use crate::error::Result;
use crate::objective::Activation;
pub use table::*;

/// Invocations of a workgroup.
pub const WORKGROUP: u32 = 64;

/// How a shader uses a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    Write,
}

/// One row of the table.
#[derive(Debug)]
pub struct Kernel {
    /// File name without `.wgsl`, and the name of its twin in [`crate::reference::kernels`].
    pub name: &'static str,
    /// The shader's own text.
    pub source: &'static str,
    /// Whether the activation part is joined to it; which activation is chosen when the pipeline is made.
    pub activates: bool,
    /// The storage buffers, from binding 1 on.
    pub bindings: &'static [Access],
    /// The uniform struct at binding 0.
    pub uniform: Uniform,
}

/// The Rust twin of a uniform struct.
#[derive(Debug)]
pub struct Uniform {
    /// Size in bytes.
    pub size: usize,
    /// Its `Debug` form, from which a test takes the names of the fields in order.
    pub debug: fn() -> String,
}

impl Uniform {
    const fn of<T: Pod + Debug>() -> Self {
        Self { size: size_of::<T>(), debug: || format!("{:?}", T::zeroed()) }
    }
}

const INDEX_PART: &str = include_str!("../../shaders/_index.wgsl");
const ACTIVATION_PART: &str = include_str!("../../shaders/_activation.wgsl");

impl Kernel {
    /// The text that is compiled: the kernel first, so that line numbers in errors are its own.
    pub fn text(&self) -> String {
        let activation = if self.activates { ACTIVATION_PART } else { "" };
        [self.source, INDEX_PART, activation].join("\n")
    }
}

/// A compiled kernel.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// wgpu's pipeline.
    pub compute: wgpu::ComputePipeline,
    /// The layout of its only bind group.
    pub layout: wgpu::BindGroupLayout,
}

/// The pipelines made so far, by kernel and activation.
#[derive(Default)]
pub(super) struct Pipelines(RefCell<HashMap<(&'static str, Option<Activation>), Pipeline>>);

impl Gpu {
    /// The pipeline of a kernel, compiled at its first use. `activation` is given exactly for kernels that activate.
    pub fn pipeline(&self, kernel: &'static Kernel, activation: Option<Activation>) -> Result<Pipeline> {
        assert_eq!(kernel.activates, activation.is_some(), "{}: activation", kernel.name);
        let key = (kernel.name, activation);
        if let Some(pipeline) = self.pipelines.0.borrow().get(&key) {
            return Ok(pipeline.clone());
        }
        let what = format!("shader {}", kernel.name);
        let pipeline = self.scoped(&what, || compile(&self.device, kernel, activation))?;
        self.pipelines.0.borrow_mut().insert(key, pipeline.clone());
        Ok(pipeline)
    }
}

fn compile(device: &wgpu::Device, kernel: &Kernel, activation: Option<Activation>) -> Pipeline {
    let label = Some(kernel.name);
    let source = wgpu::ShaderSource::Wgsl(kernel.text().into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
    let entries = layout_entries(kernel);
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let mut constants = vec![("WORKGROUP", f64::from(WORKGROUP))];
    constants.extend(activation.map(|activation| ("ACTIVATION", activation_number(activation))));
    let compute = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
        cache: None,
    });
    Pipeline { compute, layout }
}

/// The value of `ACTIVATION` in `_activation.wgsl`.
fn activation_number(activation: Activation) -> f64 {
    match activation {
        Activation::Sigmoid => 0.0,
        Activation::Tanh => 1.0,
        Activation::Linear => 2.0,
    }
}

fn layout_entries(kernel: &Kernel) -> Vec<wgpu::BindGroupLayoutEntry> {
    let uniform = wgpu::BufferBindingType::Uniform;
    let storage = kernel
        .bindings
        .iter()
        .map(|access| wgpu::BufferBindingType::Storage { read_only: *access == Access::Read });
    let types = std::iter::once(uniform).chain(storage);
    let entry = |(binding, ty)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    (0..).zip(types).map(entry).collect()
}
