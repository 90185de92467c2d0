//! A kernel as the host knows it: one row of the table names the texts that are joined, the features that it needs and
//! the reference that it is checked against. Bindings and constants are read from the text itself (`declarations`),
//! where alone they are described; `pipeline` compiles.

mod declarations;
mod pipeline;
mod table;
mod tile;
pub mod variant;

use std::fmt::Debug;
use std::sync::OnceLock;

use bytemuck::Pod;

use super::device::Gpu;
use crate::engine::variant::{Memory, Product};
use crate::math::transpose::Transpose;
pub use declarations::{Access, Binding, Constant};
pub(crate) use pipeline::Pipelines;
pub use pipeline::{Layers, Pipeline, Specialisation};
pub use table::*;

/// Texels in a row of a texture that holds a tensor, as `texel` in `_texture.wgsl` has it.
pub const TEXTURE_WIDTH: usize = 1024;

/// One row of the table.
#[derive(Debug)]
pub struct Kernel {
    /// Its own name.
    pub name: &'static str,
    /// Its shader in `shaders/`, without `.wgsl`; products with different epilogues share one.
    pub file: &'static str,
    /// The text of that file.
    pub source: &'static str,
    /// The texts of the parts that are joined to it, besides the one that every kernel has.
    pub parts: [&'static str; PARTS],
    /// The function of [`crate::engine::reference::kernels`] that it is checked against; none for those that measure.
    pub reference: Option<&'static str>,
    /// The kernel of a product and which factor is transposed, if it computes one.
    pub product: Option<(Product, Transpose)>,
    /// The feature beyond core WGSL that it needs, as `enable` names it.
    pub feature: Option<&'static str>,
    /// Invocations of a workgroup.
    pub workgroup: u32,
    /// The uniform struct at binding 0.
    pub uniform: Uniform,
    /// Its declarations, once they have been read.
    pub declared: OnceLock<Vec<Binding>>,
}

/// Invocations of a workgroup that share nothing: enough for a GPU.
pub const WORKGROUP: u32 = 64;

/// The Rust twin of a uniform struct.
#[derive(Debug)]
pub struct Uniform {
    /// Size in bytes.
    pub size: usize,
    /// Its `Debug` form, from which a test takes the names of the fields in order.
    pub debug: fn() -> String,
}

impl Uniform {
    /// That of a type whose fields are those of the struct.
    pub const fn of<T: Pod + Debug>() -> Self {
        Self { size: size_of::<T>(), debug: || format!("{:?}", T::zeroed()) }
    }
}

/// How many k of a piece of the tiled kernels are written out one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrolled {
    /// All sixteen: for GPUs.
    All,
    /// Four in each turn of a loop: for the compilers of software adapters.
    Four,
}

/// The implementation of WebGPU that a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// What its compiler takes in reasonable time.
    pub unrolled: Unrolled,
    /// Whether it wants `enable` directives, as the specification does; naga refuses those that it does not know.
    pub directives: bool,
}

impl Host {
    /// Any implementation by the specification, on a GPU.
    pub const SPECIFIED: Self = Self { unrolled: Unrolled::All, directives: true };
    /// naga, on a GPU.
    pub const NAGA: Self = Self { unrolled: Unrolled::All, directives: false };
    /// Any implementation by the specification, on a software adapter.
    pub const SOFTWARE: Self = Self { unrolled: Unrolled::Four, directives: true };

    /// That of an opened device: wgpu hands texts to naga, in a browser to the browser.
    pub fn of(gpu: &Gpu) -> Self {
        let unrolled = if gpu.adapter.is_software() { Unrolled::Four } else { Unrolled::All };
        Self { unrolled, directives: gpu.adapter.info.backend == wgpu::Backend::BrowserWebGpu }
    }
}

const INDEX_PART: &str = include_str!("../../../shaders/_index.wgsl");

impl Kernel {
    /// The text that is compiled: the kernel first, so that line numbers in errors are its own. A directive stands in
    /// the first line.
    pub fn text(&self, host: Host) -> String {
        let directive = self.feature.filter(|_| host.directives).map(|feature| format!("enable {feature}; "));
        let parts = self.texts(host.unrolled).collect::<Vec<_>>();
        directive.unwrap_or_default() + &parts.join("\n")
    }

    /// Itself, its parts, and what is generated for its tile.
    fn texts(&self, unrolled: Unrolled) -> impl Iterator<Item = &'static str> {
        let generated = self.product.and_then(|(product, _)| tile::text(product, unrolled));
        let parts = [self.source, INDEX_PART].into_iter().chain(self.parts);
        parts.filter(|part| !part.is_empty()).chain(generated)
    }

    /// Whether its text depends on [`Host::unrolled`].
    pub fn is_unrolled(&self) -> bool {
        self.product.is_some_and(|(product, _)| product.is_tiled())
    }

    /// All bindings by group and number: in group 0 the uniform and the tensors, in group 1 the range.
    pub fn bindings(&self) -> &[Binding] {
        self.declared.get_or_init(|| {
            let mut bindings: Vec<_> = self.texts(Unrolled::All).flat_map(declarations::bindings).collect();
            bindings.sort_by_key(|binding| (binding.group, binding.number));
            bindings
        })
    }

    /// The bindings of tensors, in the order in which a dispatch takes them.
    pub fn tensors(&self) -> impl Iterator<Item = &Binding> {
        self.bindings().iter().filter(|binding| binding.access != Access::Uniform)
    }

    /// The constants, whose values are chosen when a pipeline is made.
    pub fn constants(&self) -> Vec<Constant> {
        self.texts(Unrolled::All).flat_map(declarations::constants).collect()
    }

    /// Whether it has a constant.
    pub fn has_constant(&self, name: &str) -> bool {
        self.constants().iter().any(|constant| constant.name == name)
    }

    /// Where it reads.
    pub fn memory(&self) -> Memory {
        let in_texture = self.tensors().any(|binding| binding.access == Access::Texture);
        if in_texture { Memory::Textures } else { Memory::Buffers }
    }

    /// Whether `gpu` can run it.
    pub fn runs_on(&self, gpu: &Gpu) -> bool {
        (self.memory() == Memory::Buffers || gpu.has_textures())
            && (self.feature.is_none() || gpu.has_subgroups())
    }
}
