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

/// A storage buffer, and the textures that its parts are copied into.
#[derive(Clone, Debug)]
pub struct Storage {
    buffer: wgpu::Buffer,
    textures: Textures,
    constant: Arc<AtomicBool>,
}

/// The textures of a buffer.
#[derive(Clone, Debug)]
enum Textures {
    /// One a part, which live as long as the buffer does.
    Own(Arc<Mutex<Vec<TextureCopy>>>),
    /// One for all parts and for other buffers.
    Shared(SharedTexture),
}

/// A texture that several tensors are copied into, one after the other, made at the first copy: tensors of hidden blocks, of
/// which the kernels read one at a time.
#[derive(Clone, Debug)]
pub struct SharedTexture {
    /// Numbers of the longest of them.
    len: usize,
    made: Arc<Mutex<Option<Texture>>>,
}

impl Deref for Storage {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

/// A texture that takes numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Texture {
    texture: wgpu::Texture,
    /// For bind groups.
    pub view: wgpu::TextureView,
}

/// Numbers `offset..offset + len` of a buffer, and the texture that they are copied into.
#[derive(Clone, Debug, PartialEq)]
pub struct TextureCopy {
    from: wgpu::Buffer,
    offset: usize,
    len: usize,
    /// The texture.
    pub to: Texture,
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
        Ok(Self { buffer, textures: Textures::Own(Arc::default()), constant: Arc::default() })
    }

    /// The same buffer, whose parts are copied into `texture`.
    pub fn copied_into(&self, texture: &SharedTexture) -> Self {
        assert!(!self.is_constant(), "constant data is copied once, and into textures of its own");
        Self { textures: Textures::Shared(texture.clone()), ..self.clone() }
    }

    /// Promises that its numbers have been uploaded and stay as they are: its textures are filled once.
    pub fn make_constant(&self) {
        self.constant.store(true, Ordering::Relaxed);
    }

    /// Whether its numbers stay as they are.
    pub fn is_constant(&self) -> bool {
        self.constant.load(Ordering::Relaxed)
    }

    /// The copy of a part, whose texture is made at the first call; done already if the buffer is constant.
    pub fn copy(&self, gpu: &Gpu, offset: usize, len: usize) -> Result<TextureCopy> {
        let copy = |to| TextureCopy { from: self.buffer.clone(), offset, len, to };
        let textures = match &self.textures {
            Textures::Own(textures) => textures,
            Textures::Shared(shared) => return shared.texture(gpu, len).map(copy),
        };
        let mut textures = locked(textures);
        if let Some(known) = textures.iter().find(|known| (known.offset, known.len) == (offset, len)) {
            return Ok(known.clone());
        }
        let made = copy(Texture::new(gpu, len)?);
        if self.is_constant() {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            made.encode(&mut encoder);
            gpu.submit(encoder)?;
        }
        textures.push(made.clone());
        Ok(made)
    }
}

impl SharedTexture {
    /// For tensors of at most `len` numbers.
    pub fn new(len: usize) -> Self {
        Self { len, made: Arc::default() }
    }

    fn texture(&self, gpu: &Gpu, len: usize) -> Result<Texture> {
        assert!(len <= self.len, "a texture of {} numbers for {len}", self.len);
        let made = &mut *locked(&self.made);
        if made.is_none() {
            *made = Some(Texture::new(gpu, self.len)?);
        }
        Ok(made.clone().expect("just made"))
    }
}

impl Texture {
    fn new(gpu: &Gpu, len: usize) -> Result<Self> {
        let texels = len / 4;
        let rows = texels.div_ceil(TEXTURE_WIDTH);
        // A software adapter compiles a kernel once for sides that are powers of two and once for others.
        let height = (rows + usize::from(rows.is_power_of_two())).max(3);
        let size = wgpu::Extent3d {
            width: (TEXTURE_WIDTH + SPARE) as u32,
            height: height as u32,
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
        Ok(Self { texture, view })
    }
}

impl TextureCopy {
    /// Copies: whole rows of texels, then what is left.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let (rows, rest) = (self.len / 4 / TEXTURE_WIDTH, self.len / 4 % TEXTURE_WIDTH);
        for (first, width, height) in [(0, TEXTURE_WIDTH, rows), (rows, rest, 1)] {
            if width * height == 0 {
                continue;
            }
            let source = wgpu::TexelCopyBufferInfo {
                buffer: &self.from,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: bytes(self.offset + 4 * first * TEXTURE_WIDTH),
                    bytes_per_row: Some(16 * TEXTURE_WIDTH as u32),
                    rows_per_image: None,
                },
            };
            let mut target = self.to.texture.as_image_copy();
            target.origin.y = first as u32;
            let size =
                wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 };
            encoder.copy_buffer_to_texture(source, target, size);
        }
    }

    /// Whether numbers `offset..offset + len` of `buffer` are part of it.
    pub fn reads(&self, buffer: &wgpu::Buffer, offset: usize, len: usize) -> bool {
        self.from == *buffer && self.offset < offset + len && offset < self.offset + self.len
    }
}
