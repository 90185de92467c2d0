//! Descriptors and errors, as wgpu has them.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;

use crate::{BindGroupLayout, Buffer, PipelineLayout, ShaderModule, TextureView};

/// A name for messages.
pub type Label<'a> = Option<&'a str>;
/// See wgpu.
pub type BufferDescriptor<'a> = wgpu_types::BufferDescriptor<Label<'a>>;
/// See wgpu.
pub type CommandEncoderDescriptor<'a> = wgpu_types::CommandEncoderDescriptor<Label<'a>>;
/// See wgpu.
pub type DeviceDescriptor<'a> = wgpu_types::DeviceDescriptor<Label<'a>>;
/// See wgpu.
pub type QuerySetDescriptor<'a> = wgpu_types::QuerySetDescriptor<Label<'a>>;
/// See wgpu.
pub type TextureDescriptor<'a> = wgpu_types::TextureDescriptor<Label<'a>, &'a [wgpu_types::TextureFormat]>;
/// See wgpu.
pub type TexelCopyBufferInfo<'a> = wgpu_types::TexelCopyBufferInfo<&'a Buffer>;
/// See wgpu.
pub type PollType = wgpu_types::PollType<crate::SubmissionIndex>;

/// See wgpu.
#[derive(Debug, Default)]
pub struct TextureViewDescriptor;

/// See wgpu.
#[derive(Debug)]
pub enum ShaderSource<'a> {
    /// WGSL.
    Wgsl(Cow<'a, str>),
}

/// See wgpu.
#[derive(Debug)]
pub struct ShaderModuleDescriptor<'a> {
    /// Its name.
    pub label: Label<'a>,
    /// Its text.
    pub source: ShaderSource<'a>,
}

/// See wgpu.
#[derive(Debug)]
pub struct BindGroupLayoutDescriptor<'a> {
    /// Its name.
    pub label: Label<'a>,
    /// Its bindings.
    pub entries: &'a [wgpu_types::BindGroupLayoutEntry],
}

/// See wgpu.
#[derive(Debug)]
pub struct PipelineLayoutDescriptor<'a> {
    /// Its name.
    pub label: Label<'a>,
    /// The layout of each bind group.
    pub bind_group_layouts: &'a [Option<&'a BindGroupLayout>],
    /// None.
    pub immediate_size: u32,
}

/// See wgpu.
#[derive(Clone, Debug, Default)]
pub struct PipelineCompilationOptions<'a> {
    /// Values of constants.
    pub constants: &'a [(&'a str, f64)],
    /// Left to the implementation here.
    pub zero_initialize_workgroup_memory: bool,
}

/// See wgpu.
#[derive(Debug)]
pub struct ComputePipelineDescriptor<'a> {
    /// Its name.
    pub label: Label<'a>,
    /// Its layout.
    pub layout: Option<&'a PipelineLayout>,
    /// Its text.
    pub module: &'a ShaderModule,
    /// Its entry.
    pub entry_point: Option<&'a str>,
    /// Its constants.
    pub compilation_options: PipelineCompilationOptions<'a>,
    /// None.
    pub cache: Option<&'a ()>,
}

/// See wgpu.
#[derive(Clone, Debug)]
pub struct BufferBinding<'a> {
    /// The buffer.
    pub buffer: &'a Buffer,
    /// Its first byte.
    pub offset: u64,
    /// Bytes; all that follow where there is none.
    pub size: Option<NonZeroU64>,
}

/// See wgpu.
#[derive(Clone, Debug)]
pub enum BindingResource<'a> {
    /// A range of a buffer.
    Buffer(BufferBinding<'a>),
    /// A texture, which a page's kernels have none of.
    TextureView(&'a TextureView),
}

/// See wgpu.
#[derive(Clone, Debug)]
pub struct BindGroupEntry<'a> {
    /// `@binding`.
    pub binding: u32,
    /// What is bound.
    pub resource: BindingResource<'a>,
}

/// See wgpu.
#[derive(Debug)]
pub struct BindGroupDescriptor<'a> {
    /// Its name.
    pub label: Label<'a>,
    /// Its layout.
    pub layout: &'a BindGroupLayout,
    /// Its bindings.
    pub entries: &'a [BindGroupEntry<'a>],
}

/// See wgpu.
#[derive(Clone, Copy, Debug)]
pub enum MapMode {
    /// To read.
    Read,
}

/// See wgpu.
#[derive(Clone, Copy, Debug)]
pub enum ErrorFilter {
    /// See wgpu.
    Validation,
    /// See wgpu.
    OutOfMemory,
    /// See wgpu.
    Internal,
}

/// An error that the tape never has: the host that carries it out has its own.
#[derive(Debug)]
pub enum Error {
    /// See wgpu.
    OutOfMemory {},
    /// See wgpu.
    Validation {
        /// In words.
        description: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory {} => f.write_str("out of memory"),
            Self::Validation { description } => f.write_str(description),
        }
    }
}

/// A result that is not known yet: whoever waits for it ends, and is run again.
#[derive(Clone, Copy, Debug)]
pub struct BufferAsyncError;

impl fmt::Display for BufferAsyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the result is not known yet")
    }
}

/// A result that was not asked for.
#[derive(Clone, Copy, Debug)]
pub struct MapRangeError;

impl fmt::Display for MapRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the buffer is not mapped")
    }
}

/// A device that cannot be opened, which the tape's always can.
#[derive(Clone, Copy, Debug)]
pub struct RequestDeviceError;

impl fmt::Display for RequestDeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no device")
    }
}
