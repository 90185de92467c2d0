//! Resources: numbers on the tape, with what is asked of them here.

use std::ops::{Bound, Deref, RangeBounds};
use std::sync::{Arc, Mutex, PoisonError};

use crate::tape;
use crate::{BufferAsyncError, BufferUsages, MapMode, MapRangeError, TextureViewDescriptor};

macro_rules! resource {
    ($($(#[$text:meta])* $name:ident),* $(,)?) => {
        $($(#[$text])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub(crate) Arc<usize>);

        impl $name {
            pub(crate) fn new(id: usize) -> Self {
                Self(Arc::new(id))
            }

            /// Its number on the tape.
            pub(crate) fn id(&self) -> usize {
                *self.0
            }
        })*
    };
}

resource!(
    /// See wgpu.
    BindGroup,
    /// See wgpu.
    BindGroupLayout,
    /// See wgpu.
    ComputePipeline,
    /// See wgpu.
    ShaderModule,
);

/// See wgpu: kernels of a page read no textures.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Texture;

/// See wgpu.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TextureView;

/// See wgpu: there is no clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuerySet;

/// See wgpu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineLayout(pub(crate) Vec<usize>);

/// See wgpu.
#[derive(Clone, Debug)]
pub struct Buffer(Arc<Held>);

#[derive(Debug)]
struct Held {
    id: usize,
    size: u64,
    usage: BufferUsages,
    mapped: Mutex<Option<Vec<u8>>>,
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Buffer {}

impl Buffer {
    pub(crate) fn new(size: u64, usage: BufferUsages) -> Self {
        let id = tape::resource();
        tape::add(|| tape::Command::Buffer { id, size, usage: usage.bits() });
        Self(Arc::new(Held { id, size, usage, mapped: Mutex::default() }))
    }

    pub(crate) fn id(&self) -> usize {
        self.0.id
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// What it may be used for.
    pub fn usage(&self) -> BufferUsages {
        self.0.usage
    }

    /// Its bytes from the first on.
    pub fn slice(&self, bounds: impl RangeBounds<u64>) -> BufferSlice<'_> {
        assert!(matches!(bounds.start_bound(), Bound::Unbounded | Bound::Included(0)), "bytes from the first on");
        let size = match bounds.end_bound() {
            Bound::Excluded(&end) => end,
            Bound::Included(&end) => end + 1,
            Bound::Unbounded => self.size(),
        };
        BufferSlice { buffer: self, size }
    }

    /// Ends a mapping.
    pub fn unmap(&self) {
        *self.0.mapped.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The first bytes of a buffer.
#[derive(Clone, Copy, Debug)]
pub struct BufferSlice<'a> {
    buffer: &'a Buffer,
    size: u64,
}

impl BufferSlice<'_> {
    /// Answers at once: with the bytes, where they are known.
    pub fn map_async(&self, _: MapMode, callback: impl FnOnce(Result<(), BufferAsyncError>) + Send + 'static) {
        let bytes = tape::read(self.buffer.id(), self.size);
        let answer = if bytes.is_some() { Ok(()) } else { Err(BufferAsyncError) };
        *self.buffer.0.mapped.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        callback(answer);
    }

    /// The bytes.
    pub fn get_mapped_range(&self) -> Result<BufferView, MapRangeError> {
        let mapped = self.buffer.0.mapped.lock().unwrap_or_else(PoisonError::into_inner);
        mapped.clone().map(BufferView).ok_or(MapRangeError)
    }
}

/// Bytes of a buffer.
#[derive(Debug)]
pub struct BufferView(Vec<u8>);

impl Deref for BufferView {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Texture {
    /// A view of all of it.
    pub fn create_view(&self, _: &TextureViewDescriptor) -> TextureView {
        TextureView
    }

    /// Where a copy goes.
    pub fn as_image_copy(&self) -> wgpu_types::TexelCopyTextureInfo<&Self> {
        wgpu_types::TexelCopyTextureInfo {
            texture: self,
            mip_level: 0,
            origin: wgpu_types::Origin3d::ZERO,
            aspect: wgpu_types::TextureAspect::All,
        }
    }
}
