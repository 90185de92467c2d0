//! The names of kernels: variants of the products, the memory that they read, and how a variant was chosen. What a device
//! can run of them is said in `gpu/kernel/variant.rs`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::engine::setup::Chunking;
use crate::error::{Error, Result};
use crate::math::params::Shape;

/// Where a kernel reads large tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Memory {
    /// Storage buffers.
    Buffers,
    /// Textures into which the host copies the buffers: software adapters read these many times faster.
    Textures,
}

/// A kernel for a product. Each reads one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// Register tiles: 8×8 an invocation, from buffers; needs nothing.
    Direct,
    /// Shared-memory tiles: 128×64 for 128 invocations, 8×8 each, from buffers; needs nothing either.
    Tiled,
    /// The same with tiles of 64×64 for 64 invocations, 8×8 each.
    Tiled64x64,
    /// The same with tiles of 32×32 for 64 invocations, 4×4 each.
    Tiled32x32,
    /// Subgroup broadcast: 32×32 for eight invocations, from textures; needs subgroups of at least eight.
    Broadcast,
}

/// The tile of a kernel for a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Rows of C.
    pub rows: usize,
    /// Columns of C.
    pub cols: usize,
    /// Invocations that share it.
    pub sharers: usize,
}

impl Product {
    /// All that there are.
    pub const ALL: [Self; 5] =
        [Self::Direct, Self::Tiled, Self::Tiled64x64, Self::Tiled32x32, Self::Broadcast];
    /// Those of shared-memory tiles, the largest first.
    pub const TILED: [Self; 3] = [Self::Tiled, Self::Tiled64x64, Self::Tiled32x32];

    /// Where it reads.
    pub const fn memory(self) -> Memory {
        match self {
            Self::Broadcast => Memory::Textures,
            _ => Memory::Buffers,
        }
    }

    /// Whether its tiles lie in workgroup memory.
    pub const fn is_tiled(self) -> bool {
        matches!(self, Self::Tiled | Self::Tiled64x64 | Self::Tiled32x32)
    }

    /// The feature beyond core WGSL that it needs.
    pub(crate) const fn feature(self) -> Option<&'static str> {
        match self {
            Self::Broadcast => Some("subgroups"),
            _ => None,
        }
    }

    /// Its tile, as the shaders have it; those of the tiled kernels are generated from it.
    pub(crate) const fn tile(self) -> Tile {
        match self {
            Self::Direct => Tile { rows: 8, cols: 8, sharers: 1 },
            Self::Tiled => Tile { rows: 128, cols: 64, sharers: 128 },
            Self::Tiled64x64 => Tile { rows: 64, cols: 64, sharers: 64 },
            Self::Tiled32x32 => Tile { rows: 32, cols: 32, sharers: 64 },
            Self::Broadcast => Tile { rows: 32, cols: 32, sharers: 8 },
        }
    }
}

/// The kernels of an adapter: one for each of the three products, and the memory that all of them and the kernels beside
/// them read.
///
/// Names of combinations that no longer exist are still parsed, since configurations of earlier versions have them;
/// [`Variant::refusal`] says that nothing runs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Variant {
    /// The kernel of A·Bᵀ.
    pub nt: Product,
    /// The kernel of A·B.
    pub nn: Product,
    /// The kernel of Aᵀ·B.
    pub tn: Product,
    /// Where kernels read.
    pub memory: Memory,
}

impl Variant {
    /// What runs on every adapter.
    pub const PLAIN: Self = Self::of(Product::Direct, Memory::Buffers);

    /// One kernel for all three products.
    pub const fn of(product: Product, memory: Memory) -> Self {
        Self { nt: product, nn: product, tn: product, memory }
    }

    /// All that have one kernel for all three products.
    pub fn all() -> impl Iterator<Item = Self> {
        Product::ALL.into_iter().map(|product| Self::of(product, product.memory()))
    }

    /// The kernels of A·Bᵀ, A·B and Aᵀ·B.
    pub fn products(self) -> [Product; 3] {
        [self.nt, self.nn, self.tn]
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Tiled => "tiled",
            Self::Tiled64x64 => "tiled64x64",
            Self::Tiled32x32 => "tiled32x32",
            Self::Broadcast => "broadcast",
        })
    }
}

/// `tiled/buffers`, or where the products differ `tiled+direct+tiled/buffers`.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = match self.memory {
            Memory::Buffers => "buffers",
            Memory::Textures => "textures",
        };
        match self.products() {
            [nt, nn, tn] if nt == nn && nn == tn => write!(f, "{nt}/{memory}"),
            [nt, nn, tn] => write!(f, "{nt}+{nn}+{tn}/{memory}"),
        }
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
        parse(text).ok_or_else(|| {
            let names: Vec<String> = Self::all().map(|variant| variant.to_string()).collect();
            Error::usage(format!(
                "no such variant {text:?}; there are {}, and tiled+direct+tiled/buffers for one kernel each for A·Bᵀ, \
                 A·B and Aᵀ·B",
                names.join(", ")
            ))
        })
    }
}

fn parse(text: &str) -> Option<Variant> {
    let (products, memory) = text.split_once('/')?;
    let memory = match memory {
        "buffers" => Memory::Buffers,
        "textures" => Memory::Textures,
        _ => return None,
    };
    let product = |name: &str| Product::ALL.into_iter().find(|product| product.to_string() == name);
    match *products.split('+').map(product).collect::<Option<Vec<_>>>()? {
        [product] => Some(Variant::of(product, memory)),
        [nt, nn, tn] => Some(Variant { nt, nn, tn, memory }),
        _ => None,
    }
}

/// Whether kernels are timed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TuneMode {
    /// The winners of a race in the cache; else the choice by kind and shape, which on a GPU is checked once. A race only where a
    /// check fails.
    #[default]
    Auto,
    /// The choice by kind and shape, unchecked; the cache is neither read nor written.
    Never,
    /// A race, whatever the cache knows.
    Always,
}

/// Where a choice comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// By `--force-variant` or a configuration.
    Forced,
    /// By the kind of the adapter and the shape; not checked.
    Preselected,
    /// By the kind of the adapter and the shape, and right by a check on this adapter, then or earlier.
    Checked,
    /// By an earlier race.
    Cached,
    /// By a race.
    Raced,
}

/// The kernels of a run, and where the choice comes from; part of `env.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kernels {
    /// Their names.
    pub variant: Variant,
    /// The source of the choice.
    pub chosen: Origin,
}

/// A piece of the work, for which each product is one dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductSize {
    /// n.
    pub visible: usize,
    /// Units of a block.
    pub hidden: usize,
    /// Rows of a chunk.
    pub rows: usize,
}

/// The work that kernels are chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Visible and hidden units.
    pub shape: Shape,
    /// Examples held.
    pub examples: usize,
    /// Rows of an update; `None` for all.
    pub batch: Option<usize>,
    /// How the work is cut.
    pub cut: Chunking,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_is_read_from_its_own_name() {
        for memory in [Memory::Buffers, Memory::Textures] {
            for (nt, nn, tn) in Product::ALL.into_iter().flat_map(|nt| {
                Product::ALL.into_iter().flat_map(move |nn| Product::ALL.map(move |tn| (nt, nn, tn)))
            }) {
                let variant = Variant { nt, nn, tn, memory };
                assert_eq!(variant.to_string().parse::<Variant>().unwrap(), variant);
            }
        }
        assert_eq!(Variant::PLAIN.to_string(), "direct/buffers");
    }

    #[test]
    fn other_names_are_refused() {
        for text in
            ["", "tiled", "tiled/", "/buffers", "tiled+tiled/buffers", "tiled/buffers/x", "fast/buffers"]
        {
            let error = text.parse::<Variant>().unwrap_err().to_string();
            assert!(error.contains("broadcast/textures"), "{error}");
        }
    }
}
