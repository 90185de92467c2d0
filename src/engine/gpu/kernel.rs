//! What a shader is to the host: its source, its bindings and its uniform, and the pipelines compiled from it.

mod table;
pub mod tile;
pub mod variant;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Mutex;

use bytemuck::Pod;

use super::device::Gpu;
use super::recording::range_layout;
use crate::error::Result;
use crate::io::lock::locked;
use crate::math::objective::Activation;
pub use table::*;
use tile::{Generated, Unrolled};

/// How a shader uses a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read four numbers at a time through `NAME_at(i)`, which the host joins; with its shape.
    Read(&'static str, &'static str),
    /// `var<storage, read>` of single words.
    Scalars,
    /// `var<storage, read_write>`.
    Write,
    /// `var<storage, read_write>`, whose old values are read through `NAME_at(i)`.
    Update(&'static str),
}

impl Access {
    /// Whether it is read through `NAME_at`.
    pub fn reads_fours(self) -> bool {
        matches!(self, Self::Read(..) | Self::Update(_))
    }
}

/// What the joined functions `NAME_at` read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Memory {
    /// Storage buffers.
    Buffers,
    /// Textures into which the host copies the buffers: software adapters read these many times faster.
    Textures,
}

/// Texels in a row of a texture that holds a tensor, as `texel` in `_texture.wgsl` has it.
pub const TEXTURE_WIDTH: usize = 1024;

/// For kernels to which no parts are joined but those that all have.
pub const NO_PARTS: [&str; 3] = [""; 3];

/// One row of the table.
#[derive(Debug)]
pub struct Kernel {
    /// File name without `.wgsl`, or that of a product with the name of its end in the place of `matmul`; without its
    /// variant the name of its twin in [`crate::engine::reference::kernels`].
    pub name: &'static str,
    /// The shader's own text.
    pub source: &'static str,
    /// Whether the activation part is joined to it; which activation is chosen when the pipeline is made.
    pub activates: bool,
    /// Whether it can add to what is there; whether it does is chosen when the pipeline is made.
    pub accumulates: bool,
    /// The tensors, from binding 1 on.
    pub bindings: &'static [Access],
    /// Shared parts that are joined to it besides.
    pub parts: [&'static str; 3],
    /// The generated tile that is joined to it.
    pub tile: Option<Generated>,
    /// The uniform struct at binding 0.
    pub uniform: Uniform,
}

/// What is chosen when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Specialisation {
    /// For kernels that activate, and only for them.
    pub activation: Option<Activation>,
    /// Whether results are added to what is there.
    pub accumulate: bool,
    /// Where tensors are read.
    pub memory: Memory,
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

const INDEX_PART: &str = include_str!("../../../shaders/_index.wgsl");
const ACTIVATION_PART: &str = include_str!("../../../shaders/_activation.wgsl");
const TEXTURE_PART: &str = include_str!("../../../shaders/_texture.wgsl");

impl Kernel {
    /// The text that is compiled: the kernel first, so that line numbers in errors are its own.
    pub fn text(&self, memory: Memory, unrolled: Unrolled) -> String {
        let activation = if self.activates { ACTIVATION_PART } else { "" };
        let tile = self.tile.map(|tile| tile.text(unrolled)).unwrap_or_default();
        [self.source, INDEX_PART, activation, &self.parts.join("\n"), &tile, &self.reads(memory)].join("\n")
    }

    /// Whether `gpu` can run it with tensors in `memory`, and whether that is another kernel than with buffers.
    pub fn runs_on(&self, gpu: &Gpu, memory: Memory) -> bool {
        let has_form = memory == Memory::Buffers || self.reads_textures() && gpu.has_textures();
        has_form && (!self.needs_subgroups() || gpu.has_subgroups())
    }

    /// Whether it has a form that reads from textures. What goes through workgroup memory reads so little that it has none.
    pub fn reads_textures(&self) -> bool {
        self.tile != Some(Generated::Shared) && self.bindings.iter().any(|access| access.reads_fours())
    }

    /// Whether it is more than core WGSL.
    pub fn needs_subgroups(&self) -> bool {
        matches!(self.tile, Some(Generated::Broadcast(_)))
    }

    /// Its name without the variant.
    pub fn twin(&self) -> &'static str {
        let variants = ["_sliced_tiled", "_tiled", "_broadcast", "_slices"];
        variants.iter().find_map(|variant| self.name.strip_suffix(variant)).unwrap_or(self.name)
    }

    /// Invocations of a workgroup: those that share a tile, else enough for a GPU.
    pub fn workgroup(&self) -> u32 {
        self.tile.map_or(64, Generated::sharers)
    }

    /// Bindings of textures that hold what an `Update` has been before, behind all others.
    pub(crate) fn updates(&self) -> impl Iterator<Item = (usize, usize, &'static str)> {
        let updates = self.bindings.iter().enumerate().filter_map(|(i, access)| match access {
            Access::Update(name) => Some((i, *name)),
            _ => None,
        });
        let first = self.bindings.len() + 1;
        updates.enumerate().map(move |(number, (tensor, name))| (first + number, tensor, name))
    }

    /// The bindings that are read, and `NAME_at` for each.
    fn reads(&self, memory: Memory) -> String {
        let mut text = String::new();
        for (binding, access) in (1..).zip(self.bindings) {
            if let Access::Read(name, shape) = access {
                text += &declaration(memory, binding, name, shape);
                text += &reader(memory, name, name);
            }
        }
        for (binding, _, name) in self.updates() {
            let before = format!("{name}_before");
            match memory {
                Memory::Buffers => text += &reader(memory, name, name),
                Memory::Textures => {
                    text += &declaration(memory, binding, &before, "as it was");
                    text += &reader(memory, name, &before);
                }
            }
        }
        match memory {
            Memory::Textures if !text.is_empty() => text + TEXTURE_PART,
            _ => text,
        }
    }
}

fn declaration(memory: Memory, binding: usize, name: &str, shape: &str) -> String {
    let variable = match memory {
        Memory::Buffers => format!("var<storage, read> {name}: array<vec4<f32>>"),
        Memory::Textures => format!("var {name}: texture_storage_2d<rgba32float, read>"),
    };
    format!("@group(0) @binding({binding}) {variable};  // {shape}\n")
}

/// Vec4 i of a tensor.
fn reader(memory: Memory, name: &str, from: &str) -> String {
    let value = match memory {
        Memory::Buffers => format!("{from}[i]"),
        Memory::Textures => format!("textureLoad({from}, texel(i))"),
    };
    format!("fn {name}_at(i: u32) -> vec4<f32> {{ return {value}; }}\n")
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
        assert_eq!(kernel.activates, special.activation.is_some(), "{}: activation", kernel.name);
        assert!(kernel.accumulates || !special.accumulate, "{}: accumulation", kernel.name);
        let key = (kernel.name, special);
        if let Some(pipeline) = locked(&self.pipelines.0).get(&key) {
            return Ok(pipeline.clone());
        }
        let what = format!("shader {}", kernel.name);
        let pipeline = self.scoped(&what, || compile(self, kernel, special))?;
        locked(&self.pipelines.0).insert(key, pipeline.clone());
        Ok(pipeline)
    }
}

fn compile(gpu: &Gpu, kernel: &Kernel, special: Specialisation) -> Pipeline {
    let device = &gpu.device;
    let unrolled = if gpu.adapter.is_software() { Unrolled::Four } else { Unrolled::All };
    let label = Some(kernel.name);
    let source = wgpu::ShaderSource::Wgsl(kernel.text(special.memory, unrolled).into());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
    let entries = layout_entries(kernel, special.memory);
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout), Some(&range_layout(device))],
        immediate_size: 0,
    });
    let mut constants = vec![("WORKGROUP", f64::from(kernel.workgroup()))];
    constants.extend(special.activation.map(|activation| ("ACTIVATION", activation_number(activation))));
    constants.extend(kernel.accumulates.then_some(("ACCUMULATE", f64::from(u8::from(special.accumulate)))));
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
    f64::from(activation as u8)
}

fn layout_entries(kernel: &Kernel, memory: Memory) -> Vec<wgpu::BindGroupLayoutEntry> {
    let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
    let storage = |read_only| buffer(wgpu::BufferBindingType::Storage { read_only });
    let texture = wgpu::BindingType::StorageTexture {
        access: wgpu::StorageTextureAccess::ReadOnly,
        format: wgpu::TextureFormat::Rgba32Float,
        view_dimension: wgpu::TextureViewDimension::D2,
    };
    let tensors = kernel.bindings.iter().map(|access| match (access, memory) {
        (Access::Read(..), Memory::Textures) => texture,
        (Access::Read(..), Memory::Buffers) | (Access::Scalars, _) => storage(true),
        (Access::Write | Access::Update(_), _) => storage(false),
    });
    let before = kernel.updates().filter(|_| memory == Memory::Textures).map(|_| texture);
    let types = std::iter::once(buffer(wgpu::BufferBindingType::Uniform)).chain(tensors).chain(before);
    let entry = |(binding, ty)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty,
        count: None,
    };
    (0..).zip(types).map(entry).collect()
}
