//! Which of several kernels for the same product an adapter gets, and where kernels read.
//!
//! Software adapters load from storage buffers number by number, but from textures four at a time, and their registers
//! are fast: there a large tile that goes round by broadcast wins, fed from textures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::device::Gpu;
use super::kernel::Memory;
use crate::error::{Error, Result};

/// A kernel for the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// A tile of 8×8 an invocation; needs nothing.
    Direct,
    /// A tile of 64×64 for 64 invocations, from workgroup memory; needs nothing either.
    Tiled,
    /// A tile of 32×32 for eight invocations; needs subgroups of at least eight.
    Broadcast,
}

impl Product {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Tiled, Self::Broadcast];
}

/// What an adapter uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Variant {
    /// The products' kernel.
    pub product: Product,
    /// Where kernels read.
    pub memory: Memory,
}

impl Variant {
    /// What runs on every adapter.
    pub const PLAIN: Self = Self { product: Product::Direct, memory: Memory::Buffers };

    /// All that there are.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |product| [Memory::Buffers, Memory::Textures].map(|memory| Self { product, memory });
        Product::ALL.into_iter().flat_map(of)
    }

    /// Those that `gpu` can run.
    pub fn supported(gpu: &Gpu) -> Vec<Self> {
        Self::all().filter(|variant| variant.refusal(gpu).is_none()).collect()
    }

    /// What is fastest by experience: settled by measurement on software adapters, where everything else is ten times
    /// slower; on GPUs what their makers advise.
    pub fn preselected(gpu: &Gpu) -> Self {
        let wanted = if gpu.adapter.is_software() {
            [(Product::Broadcast, Memory::Textures), (Product::Direct, Memory::Textures)].as_slice()
        } else {
            [(Product::Tiled, Memory::Buffers)].as_slice()
        };
        let wanted = wanted.iter().map(|&(product, memory)| Self { product, memory });
        wanted.into_iter().find(|variant| variant.refusal(gpu).is_none()).unwrap_or(Self::PLAIN)
    }

    /// Why `gpu` cannot run it.
    pub fn refusal(self, gpu: &Gpu) -> Option<&'static str> {
        if self.product == Product::Broadcast && !gpu.has_subgroups() {
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
                    "--force-variant {self}: {adapter} cannot run it, {why}; it runs {names}"
                )))
            }
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = match self.product {
            Product::Direct => "direct",
            Product::Tiled => "tiled",
            Product::Broadcast => "broadcast",
        };
        let memory = match self.memory {
            Memory::Buffers => "buffers",
            Memory::Textures => "textures",
        };
        write!(f, "{product}/{memory}")
    }
}

impl TryFrom<String> for Variant {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Variant> for String {
    fn from(variant: Variant) -> Self {
        variant.to_string()
    }
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::all().find(|variant| variant.to_string() == text).ok_or_else(|| {
            let names: Vec<String> = Self::all().map(|variant| variant.to_string()).collect();
            Error::usage(format!("no such variant {text:?}; there are {}", names.join(", ")))
        })
    }
}
