//! The one adapter, its device and its queue.

use std::future::{Future, ready};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use crate::tape::{self, Bound, Command, LayoutEntry};
use crate::*;

/// See wgpu.
#[derive(Clone, Debug)]
pub struct Instance;

/// See wgpu.
#[derive(Clone, Debug)]
pub struct Adapter;

/// See wgpu.
#[derive(Clone, Debug)]
pub struct Device(Limits, Features);

/// See wgpu.
#[derive(Clone, Debug)]
pub struct Queue;

/// See wgpu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubmissionIndex;

/// See wgpu.
#[derive(Debug)]
pub struct ErrorScopeGuard(PhantomData<*mut ()>);

/// What the page says of its adapter.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// Whether it is a software adapter.
    pub is_software: bool,
    /// Its limits.
    pub limits: Limits,
}

static DESCRIBED: Mutex<Option<Described>> = Mutex::new(None);

/// Says what the adapter is; without it one has WebGPU's default limits and no name.
pub fn describe(adapter: Described) {
    *DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner) = Some(adapter);
}

fn described() -> Option<Described> {
    DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Instance {
    /// See wgpu.
    pub fn new(_: InstanceDescriptor) -> Self {
        Self
    }

    /// The one adapter, whatever is asked for.
    pub fn enumerate_adapters(&self, _: Backends) -> impl Future<Output = Vec<Adapter>> + use<> {
        ready(vec![Adapter])
    }
}

impl Adapter {
    /// See wgpu.
    pub fn limits(&self) -> Limits {
        described().map_or_else(Limits::default, |described| described.limits)
    }

    /// None: kernels of a page need none.
    pub fn features(&self) -> Features {
        Features::empty()
    }

    /// See wgpu.
    pub fn get_info(&self) -> AdapterInfo {
        let (name, kind) = match described() {
            Some(Described { name, is_software: true, .. }) => (name, DeviceType::Cpu),
            Some(Described { name, .. }) => (name, DeviceType::Other),
            None => (String::new(), DeviceType::Other),
        };
        AdapterInfo { name, ..AdapterInfo::new(kind, Backend::BrowserWebGpu) }
    }

    /// No texture can be read.
    pub fn get_texture_format_features(&self, _: TextureFormat) -> TextureFormatFeatures {
        TextureFormatFeatures { allowed_usages: TextureUsages::empty(), flags: TextureFormatFeatureFlags::empty() }
    }

    /// See wgpu.
    pub fn request_device(
        &self,
        descriptor: &DeviceDescriptor<'_>,
    ) -> impl Future<Output = Result<(Device, Queue), RequestDeviceError>> + use<> {
        let DeviceDescriptor { required_limits, required_features, .. } = descriptor;
        ready(Ok((Device(required_limits.clone(), *required_features), Queue)))
    }
}

impl Device {
    /// See wgpu.
    pub fn limits(&self) -> Limits {
        self.0.clone()
    }

    /// See wgpu.
    pub fn features(&self) -> Features {
        self.1
    }

    /// Nothing is waited for.
    pub fn poll(&self, _: PollType) -> Result<PollStatus, PollError> {
        Ok(PollStatus::QueueEmpty)
    }

    /// The host has its own way.
    pub fn on_uncaptured_error(&self, _: Arc<dyn Fn(Error) + Send + Sync + 'static>) {}

    /// The host has its own way.
    pub fn set_device_lost_callback(&self, _: impl Fn(DeviceLostReason, String) + Send + 'static) {}

    /// The host has its own way.
    pub fn push_error_scope(&self, _: ErrorFilter) -> ErrorScopeGuard {
        ErrorScopeGuard(PhantomData)
    }

    /// See wgpu.
    pub fn create_buffer(&self, descriptor: &BufferDescriptor<'_>) -> Buffer {
        Buffer::new(descriptor.size, descriptor.usage)
    }

    /// See wgpu.
    pub fn create_texture(&self, _: &TextureDescriptor<'_>) -> Texture {
        Texture
    }

    /// See wgpu.
    pub fn create_query_set(&self, _: &QuerySetDescriptor<'_>) -> QuerySet {
        QuerySet
    }

    /// See wgpu.
    pub fn create_shader_module(&self, descriptor: ShaderModuleDescriptor<'_>) -> ShaderModule {
        let id = tape::resource();
        let ShaderSource::Wgsl(text) = descriptor.source;
        let label = descriptor.label.unwrap_or_default().to_owned();
        tape::add(|| Command::Module { id, label, text: text.into_owned() });
        ShaderModule::new(id)
    }

    /// See wgpu.
    pub fn create_bind_group_layout(&self, descriptor: &BindGroupLayoutDescriptor<'_>) -> BindGroupLayout {
        let id = tape::resource();
        let entry = |entry: &BindGroupLayoutEntry| {
            let (kind, dynamic) = match entry.ty {
                BindingType::Buffer { ty: BufferBindingType::Uniform, has_dynamic_offset, .. } => {
                    ("uniform", has_dynamic_offset)
                }
                BindingType::Buffer { ty: BufferBindingType::Storage { read_only: true }, .. } => {
                    ("read-only-storage", false)
                }
                _ => ("storage", false),
            };
            LayoutEntry { binding: entry.binding, kind, dynamic }
        };
        tape::add(|| Command::Layout { id, entries: descriptor.entries.iter().map(entry).collect() });
        BindGroupLayout::new(id)
    }

    /// See wgpu.
    pub fn create_pipeline_layout(&self, descriptor: &PipelineLayoutDescriptor<'_>) -> PipelineLayout {
        PipelineLayout(descriptor.bind_group_layouts.iter().flatten().map(|layout| layout.id()).collect())
    }

    /// See wgpu.
    pub fn create_compute_pipeline(&self, descriptor: &ComputePipelineDescriptor<'_>) -> ComputePipeline {
        let id = tape::resource();
        let constants = descriptor.compilation_options.constants.iter();
        tape::add(|| Command::Pipeline {
            id,
            label: descriptor.label.unwrap_or_default().to_owned(),
            module: descriptor.module.id(),
            layouts: descriptor.layout.map(|layout| layout.0.clone()).unwrap_or_default(),
            constants: constants.map(|&(name, value)| (name.to_owned(), value)).collect(),
        });
        ComputePipeline::new(id)
    }

    /// See wgpu.
    pub fn create_bind_group(&self, descriptor: &BindGroupDescriptor<'_>) -> BindGroup {
        let id = tape::resource();
        let bound = |entry: &BindGroupEntry<'_>| match &entry.resource {
            BindingResource::Buffer(BufferBinding { buffer, offset, size }) => Some(Bound {
                binding: entry.binding,
                buffer: buffer.id(),
                offset: *offset,
                size: size.map(Into::into),
            }),
            BindingResource::TextureView(_) => None,
        };
        tape::add(|| Command::Group {
            id,
            layout: descriptor.layout.id(),
            entries: descriptor.entries.iter().filter_map(bound).collect(),
        });
        BindGroup::new(id)
    }

    /// See wgpu.
    pub fn create_command_encoder(&self, _: &CommandEncoderDescriptor<'_>) -> CommandEncoder {
        CommandEncoder::default()
    }
}

impl ErrorScopeGuard {
    /// There is none.
    pub fn pop(self) -> impl Future<Output = Option<Error>> {
        ready(None)
    }
}

impl Queue {
    /// See wgpu.
    pub fn write_buffer(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) {
        tape::write(buffer.id(), offset, bytes);
    }

    /// See wgpu.
    pub fn submit(&self, buffers: impl IntoIterator<Item = CommandBuffer>) -> SubmissionIndex {
        for CommandBuffer(commands) in buffers {
            commands.into_iter().for_each(|command| tape::add(|| command));
        }
        tape::add(|| Command::Submit);
        SubmissionIndex
    }

    /// Whatever was submitted counts as done.
    pub fn on_submitted_work_done(&self, callback: impl FnOnce() + Send + 'static) {
        callback();
    }

    /// There is no clock.
    pub fn get_timestamp_period(&self) -> f32 {
        1.0
    }
}
