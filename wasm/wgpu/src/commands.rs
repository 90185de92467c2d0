//! Commands of an encoder, which reach the tape when they are submitted.

use std::marker::PhantomData;
use std::ops::Range;

use wgpu_types::TexelCopyTextureInfo;

use crate::tape::{Command, Dispatch};
use crate::{BindGroup, Buffer, ComputePipeline, Extent3d, Label, QuerySet, TexelCopyBufferInfo, Texture};

/// See wgpu.
#[derive(Debug, Default)]
pub struct CommandEncoder(pub(crate) Vec<Command>);

/// See wgpu.
#[derive(Debug)]
pub struct CommandBuffer(pub(crate) Vec<Command>);

/// See wgpu.
#[derive(Clone, Debug, Default)]
pub struct ComputePassDescriptor<'a> {
    /// Its name.
    pub label: Label<'a>,
    /// There is no clock.
    pub timestamp_writes: Option<ComputePassTimestampWrites<'a>>,
}

/// See wgpu.
#[derive(Clone, Debug)]
pub struct ComputePassTimestampWrites<'a> {
    /// See wgpu.
    pub query_set: &'a QuerySet,
    /// See wgpu.
    pub beginning_of_pass_write_index: Option<u32>,
    /// See wgpu.
    pub end_of_pass_write_index: Option<u32>,
}

impl CommandEncoder {
    /// Copies bytes.
    pub fn copy_buffer_to_buffer(&mut self, from: &Buffer, first: u64, to: &Buffer, offset: u64, size: impl Into<Option<u64>>) {
        let size = size.into().unwrap_or(from.size() - first);
        self.0.push(Command::Copy { from: from.id(), first, to: to.id(), offset, size });
    }

    /// Never called: kernels of a page read no textures.
    pub fn copy_buffer_to_texture(&mut self, _: TexelCopyBufferInfo<'_>, _: TexelCopyTextureInfo<&Texture>, _: Extent3d) {}

    /// Never called: there is no clock.
    pub fn resolve_query_set(&mut self, _: &QuerySet, _: Range<u32>, _: &Buffer, _: u64) {}

    /// Begins a pass.
    pub fn begin_compute_pass(&mut self, _: &ComputePassDescriptor<'_>) -> ComputePass<'_> {
        ComputePass { encoder: self, pipeline: 0, groups: Vec::new(), dispatches: Vec::new(), life: PhantomData }
    }

    /// What it has come to.
    pub fn finish(self) -> CommandBuffer {
        CommandBuffer(self.0)
    }
}

/// See wgpu.
#[derive(Debug)]
pub struct ComputePass<'a> {
    encoder: &'a mut CommandEncoder,
    pipeline: usize,
    groups: Vec<(usize, Vec<u32>)>,
    dispatches: Vec<Dispatch>,
    life: PhantomData<&'a ()>,
}

impl ComputePass<'_> {
    /// The pipeline of the dispatches that follow.
    pub fn set_pipeline(&mut self, pipeline: &ComputePipeline) {
        self.pipeline = pipeline.id();
    }

    /// A bind group of the dispatches that follow.
    pub fn set_bind_group(&mut self, index: u32, group: &BindGroup, offsets: &[u32]) {
        let index = index as usize;
        if self.groups.len() <= index {
            self.groups.resize(index + 1, (0, Vec::new()));
        }
        self.groups[index] = (group.id(), offsets.to_vec());
    }

    /// A dispatch.
    pub fn dispatch_workgroups(&mut self, x: u32, y: u32, z: u32) {
        let (pipeline, groups) = (self.pipeline, self.groups.clone());
        self.dispatches.push(Dispatch { pipeline, groups, workgroups: [x, y, z] });
    }
}

impl Drop for ComputePass<'_> {
    fn drop(&mut self) {
        self.encoder.0.push(Command::Pass { dispatches: std::mem::take(&mut self.dispatches) });
    }
}
