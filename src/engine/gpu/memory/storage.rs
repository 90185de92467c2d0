//! Storage buffers, and the textures that parts of them are copied into for kernels that read textures faster.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use wgpu::BufferUsages;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::TEXTURE_WIDTH;
use crate::engine::gpu::memory::buffer::{buffer, bytes};
use crate::error::{Error, Result};
use crate::io::lock::locked;

/// Texels at the end of a row of a texture that hold nothing: a row then is 257 lines of a cache long, so that the rows
/// of a matrix whose length is a power of two do not all fall into the same sets of it.
const SPARE: usize = 4;

/// A storage buffer with its textures, which live as long as it does.
#[derive(Clone, Debug)]
pub struct Storage {
    buffer: wgpu::Buffer,
    textures: Arc<Mutex<Vec<Texture>>>,
    constant: Arc<AtomicBool>,
}

impl Deref for Storage {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

/// A texture that takes numbers `offset..offset + len` of a buffer.
#[derive(Clone, Debug)]
pub struct Texture {
    offset: usize,
    len: usize,
    texture: wgpu::Texture,
    /// For bind groups.
    pub view: wgpu::TextureView,
}

impl Storage {
    /// A buffer of `len` zeros.
    pub fn zeros(gpu: &Gpu, name: &str, len: usize) -> Result<Self> {
        let size = bytes(len.max(4));
        let limit = gpu.binding_limit();
        if size > limit {
            return Err(Error::device(format!(
                "{name} needs {size} bytes, {} binds at most {limit}; lower `chunk`, `block` or `hidden`",
                gpu.adapter.info.name
            )));
        }
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let buffer = buffer(gpu, name, size, usage)?;
        Ok(Self { buffer, textures: Arc::default(), constant: Arc::default() })
    }

    /// Promises that its numbers have been uploaded and stay as they are: its textures are filled once.
    pub fn make_constant(&self) {
        self.constant.store(true, Ordering::Relaxed);
    }

    /// Whether its numbers stay as they are.
    pub fn is_constant(&self) -> bool {
        self.constant.load(Ordering::Relaxed)
    }

    /// The texture of a part, made at the first call; filled only if the buffer is constant.
    pub fn texture(&self, gpu: &Gpu, offset: usize, len: usize) -> Result<Texture> {
        let mut textures = locked(&self.textures);
        if let Some(texture) = textures.iter().find(|t| (t.offset, t.len) == (offset, len)) {
            return Ok(texture.clone());
        }
        let made = Texture::new(gpu, offset, len)?;
        if self.is_constant() {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            made.fill(&mut encoder, self);
            gpu.submit(encoder)?;
        }
        textures.push(made.clone());
        Ok(made)
    }
}

impl Texture {
    fn new(gpu: &Gpu, offset: usize, len: usize) -> Result<Self> {
        let texels = len / 4;
        let size = wgpu::Extent3d {
            width: (TEXTURE_WIDTH + SPARE) as u32,
            height: texels.div_ceil(TEXTURE_WIDTH) as u32,
            depth_or_array_layers: 1,
        };
        let descriptor = wgpu::TextureDescriptor {
            label: Some("texture of a tensor"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba32Float,
            usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        };
        let texture = gpu.scoped("a texture", || gpu.device.create_texture(&descriptor))?;
        let view = texture.create_view(&Default::default());
        Ok(Self { offset, len, texture, view })
    }

    /// Copies its part of `from`: whole rows of texels, then what is left.
    pub fn fill(&self, encoder: &mut wgpu::CommandEncoder, from: &wgpu::Buffer) {
        let (rows, rest) = (self.len / 4 / TEXTURE_WIDTH, self.len / 4 % TEXTURE_WIDTH);
        for (first, width, height) in [(0, TEXTURE_WIDTH, rows), (rows, rest, 1)] {
            if width * height == 0 {
                continue;
            }
            let source = wgpu::TexelCopyBufferInfo {
                buffer: from,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: bytes(self.offset + 4 * first * TEXTURE_WIDTH),
                    bytes_per_row: Some(16 * TEXTURE_WIDTH as u32),
                    rows_per_image: None,
                },
            };
            let mut target = self.texture.as_image_copy();
            target.origin.y = first as u32;
            let size =
                wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 };
            encoder.copy_buffer_to_texture(source, target, size);
        }
    }

    /// Whether numbers `offset..offset + len` of its buffer are part of it.
    pub fn overlaps(&self, offset: usize, len: usize) -> bool {
        self.offset < offset + len && offset < self.offset + self.len
    }
}
