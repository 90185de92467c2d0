//! What a device can run of the variants, and which one suits its kind.
//!
//! Software adapters load from storage buffers number by number, but from textures four at a time, and their registers
//! are fast: there a large tile that goes round by broadcast wins, fed from textures.

use crate::engine::gpu::device::Gpu;
use crate::engine::variant::{Memory, Product, Variant};
use crate::error::{Error, Result};

impl Variant {
    /// Those of [`Self::all`] that `gpu` can run.
    pub fn supported(gpu: &Gpu) -> Vec<Self> {
        Self::all().filter(|variant| variant.refusal(gpu).is_none()).collect()
    }

    /// The fastest by experience: settled by measurement on software adapters, where everything else is ten times
    /// slower; on GPUs the one that their makers advise.
    pub fn preselected(gpu: &Gpu) -> Self {
        let product = if gpu.adapter.is_software() { Product::Broadcast } else { Product::Tiled };
        let wanted = Self::of(product, product.memory());
        if wanted.refusal(gpu).is_none() { wanted } else { Self::PLAIN }
    }

    /// Those of [`Self::supported`] that may be the fastest: subgroup broadcast leaves three of four invocations of a
    /// GPU's subgroup idle, and textures gain nothing there.
    pub fn raced(gpu: &Gpu) -> Vec<Self> {
        let of_kind = |variant: &Self| gpu.adapter.is_software() || variant.memory == Memory::Buffers;
        Self::supported(gpu).into_iter().filter(of_kind).collect()
    }

    /// Why `gpu` cannot run it.
    pub fn refusal(self, gpu: &Gpu) -> Option<&'static str> {
        if self.products().iter().any(|product| product.memory() != self.memory) {
            return Some("direct and tiled read buffers alone, broadcast reads textures alone");
        }
        if self.products().contains(&Product::Broadcast) && !gpu.has_subgroups() {
            return Some("it has no subgroups of eight or more invocations");
        }
        (self.memory == Memory::Textures && !gpu.has_textures())
            .then_some("it has no textures of four 32-bit floats that compute shaders can read")
    }

    /// Itself, or a refusal that names the adapter and what it can run.
    pub fn check(self, gpu: &Gpu) -> Result<Self> {
        match self.refusal(gpu) {
            None => Ok(self),
            Some(why) => {
                let names: Vec<String> = Self::supported(gpu).iter().map(Self::to_string).collect();
                let (adapter, names) = (&gpu.adapter.info.name, names.join(", "));
                Err(Error::usage(format!(
                    "`force_variant` {self}: {adapter} cannot run it, {why}; it runs {names}"
                )))
            }
        }
    }
}
