//! The part of wgpu's interface that rhohat uses, on no device: what is asked of it is written on a [`tape`](mod@tape), and results that
//! are read back come from whoever has carried the tape out. A page needs WebGPU's promises for a read; code that waits for one
//! is run again from its beginning, with all results that are known by then.

mod commands;
mod descriptors;
mod device;
mod resources;
pub mod tape;

pub use commands::{
    CommandBuffer, CommandEncoder, ComputePass, ComputePassDescriptor, ComputePassTimestampWrites,
};
pub use descriptors::*;
pub use device::{Adapter, Described, describe, Device, ErrorScopeGuard, Instance, Queue, SubmissionIndex};
pub use resources::{
    BindGroup, BindGroupLayout, Buffer, BufferSlice, BufferView, ComputePipeline, PipelineLayout, QuerySet,
    ShaderModule, Texture, TextureView,
};
pub use wgpu_types::{
    AdapterInfo, Backend, Backends, BindGroupLayoutEntry, BindingType, BufferBindingType, BufferUsages,
    DeviceLostReason, DeviceType, ExperimentalFeatures, Extent3d, Features, InstanceDescriptor, Limits,
    MemoryHints, Origin3d, PollError, PollStatus, QueryType, ShaderStages, StorageTextureAccess,
    TexelCopyBufferLayout, TextureDimension, TextureFormat, TextureFormatFeatureFlags, TextureFormatFeatures,
    TextureUsages, TextureViewDimension, Trace,
};
