//! The table of kernels: of each its row, and the Rust twin of its uniform struct, field by field as in the shader, where
//! each is explained. `tests/it/shaders.rs` checks every row against its WGSL without a GPU, `verify` runs the cases of every
//! one that an adapter can run.
//!
//! Every field of a uniform is four bytes wide (or an array of vec4 at the end), so that no padding can slip in.
#![allow(missing_docs, reason = "the fields are documented where they are declared in WGSL")]

mod classes;
mod products;

use std::slice::from_ref;
use std::sync::{LazyLock, OnceLock};

use bytemuck::{Pod, Zeroable};

use super::{Kernel, Memory, Uniform, WORKGROUP};
pub use classes::*;
pub use products::*;

/// Most parts of a kernel.
pub const PARTS: usize = 7;

impl Kernel {
    /// A kernel whose invocations share nothing, in a file of its own.
    pub const fn simple(
        name: &'static str,
        source: &'static str,
        parts: [&'static str; 2],
        reference: Option<&'static str>,
        uniform: Uniform,
    ) -> Self {
        let parts = [parts[0], parts[1], "", "", "", "", ""];
        Self {
            name,
            file: name,
            source,
            parts,
            reference,
            product: None,
            feature: None,
            workgroup: WORKGROUP,
            uniform,
            declared: OnceLock::new(),
        }
    }
}

/// The text of a shader.
macro_rules! shader {
    ($file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $file, ".wgsl"))
    };
}
use shader;

/// A kernel that reads buffers, with a reference of the same name.
macro_rules! simple {
    ($name:literal, $uniform:ty) => {
        Kernel::simple($name, shader!($name), ["", ""], Some($name), Uniform::of::<$uniform>())
    };
}

/// A kernel that software adapters run several times as fast from textures: two files that bind, and a part that computes.
macro_rules! in_both_memories {
    ($name:literal, $part:literal, $textures:literal, $uniform:ty) => {
        [
            Kernel::simple(
                $name,
                shader!($name),
                [shader!($part), ""],
                Some($name),
                Uniform::of::<$uniform>(),
            ),
            Kernel::simple(
                $textures,
                shader!($textures),
                [shader!($part), shader!("_texture")],
                Some($name),
                Uniform::of::<$uniform>(),
            ),
        ]
    };
}

/// Uniform of `column_mean`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ColumnMeanUniform {
    pub parts: u32,
    pub stride: u32,
    pub scale: f32,
}

/// `column_mean.wgsl`.
pub static COLUMN_MEAN: Kernel = Kernel::simple(
    "column_mean",
    shader!("column_mean"),
    [shader!("_column_totals"), ""],
    Some("column_mean"),
    Uniform::of::<ColumnMeanUniform>(),
);

/// Uniform of `penalty_grad`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct PenaltyGradUniform {
    pub parts: u32,
    pub stride: u32,
    pub units: u32,
    pub penalty: u32,
    pub scale: f32,
    pub rho: f32,
    pub least: f32,
    pub offset: f32,
    pub factor: f32,
}

/// `penalty_grad.wgsl`.
pub static PENALTY_GRAD: Kernel = Kernel::simple(
    "penalty_grad",
    shader!("penalty_grad"),
    [shader!("_column_totals"), shader!("_penalty")],
    Some("penalty_grad"),
    Uniform::of::<PenaltyGradUniform>(),
);

/// Uniform of `dot`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct DotUniform {
    pub count: u32,
    pub turns: u32,
    pub blocks: u32,
    pub first: u32,
}

/// `dot*.wgsl`.
pub static DOT: [Kernel; 2] = in_both_memories!("dot", "_dot", "dot_textures", DotUniform);

/// Longest list of vectors that one dispatch of `inner_products` takes.
pub const MAX_LISTED: usize = 21;

/// Uniform of `inner_products`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct InnerProductsUniform {
    pub count: u32,
    pub turns: u32,
    pub blocks: u32,
    pub listed: u32,
    pub x0: u32,
    pub x1: u32,
    pub x2: u32,
    pub pad0: u32,
    pub y: [[u32; 4]; MAX_LISTED.div_ceil(4)],
}

/// `inner_products*.wgsl`.
pub static INNER_PRODUCTS: [Kernel; 2] =
    in_both_memories!("inner_products", "_inner_products", "inner_products_textures", InnerProductsUniform);

/// Uniform of `keep`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct KeepUniform {
    pub count: u32,
    pub s: u32,
    pub y: u32,
    pub gradient: u32,
}

/// `keep.wgsl`.
pub static KEEP: Kernel = simple!("keep", KeepUniform);

/// Uniform of `max_exponent`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MaxExponentUniform {
    pub count: u32,
    pub block: u32,
    pub blocks: u32,
    pub first: u32,
}

/// `max_exponent.wgsl`.
pub static MAX_EXPONENT: Kernel = simple!("max_exponent", MaxExponentUniform);

/// Uniform of `axpy`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct AxpyUniform {
    pub count: u32,
    pub alpha: f32,
    pub gamma: f32,
}

/// `axpy.wgsl`.
pub static AXPY: Kernel = simple!("axpy", AxpyUniform);

/// Most terms of one dispatch of `linear_combination`.
pub const MAX_TERMS: usize = 64;

/// Uniform of `linear_combination`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct LinearCombinationUniform {
    pub count: u32,
    pub terms: u32,
    pub pad0: u32,
    pub pad1: u32,
    pub term: [[u32; 4]; MAX_TERMS],
}

/// `linear_combination*.wgsl`.
pub static LINEAR_COMBINATION: [Kernel; 2] = in_both_memories!(
    "linear_combination",
    "_linear_combination",
    "linear_combination_textures",
    LinearCombinationUniform
);

/// Uniform of `gather`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct GatherUniform {
    pub first: u32,
    pub rows: u32,
    pub padded_rows: u32,
    pub part_first: u32,
    pub part_rows: u32,
    pub stride: u32,
}

/// `gather.wgsl`.
pub static GATHER: Kernel = simple!("gather", GatherUniform);

/// Uniform of `dequantize`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct DequantizeUniform {
    pub rows: u32,
    pub padded_rows: u32,
    pub cols: u32,
    pub stride: u32,
    pub bytes: u32,
}

/// `dequantize.wgsl`.
pub static DEQUANTIZE: Kernel = simple!("dequantize", DequantizeUniform);

/// The kernel of two that reads where it is wanted.
pub fn of_memory(kernels: &'static [Kernel; 2], memory: Memory) -> &'static Kernel {
    match memory {
        Memory::Buffers => &kernels[0],
        Memory::Textures => &kernels[1],
    }
}

/// Every kernel, in the order of a training step.
pub static ALL: LazyLock<Vec<&'static Kernel>> = LazyLock::new(|| {
    let groups: &[&'static [Kernel]] = &[
        &MATMUL_NT,
        &LAYER_NT,
        &DENSE_NT,
        &HIDDEN_DELTA_NT,
        &MATMUL_NN,
        &LAYER_NN,
        &OUTPUT_DELTA_NN,
        &HIDDEN_DELTA_NN,
        &GRADIENT_SLICES,
        &GRADIENT,
        &GRADIENT_SGD,
        &GRADIENT_ADAM,
        from_ref(&GRADIENT_SUM),
        from_ref(&GRADIENT_SUM_SGD),
        from_ref(&GRADIENT_SUM_ADAM),
        &SPLIT_K_NT,
        &SPLIT_K_NN,
        from_ref(&SPLIT_K_SUM),
        from_ref(&HIDDEN_LAYER_SPLIT_K_SUM),
        from_ref(&LAYER_SPLIT_K_SUM),
        from_ref(&HIDDEN_DELTA_SPLIT_K_SUM),
        from_ref(&OUTPUT_DELTA_SPLIT_K_SUM),
        from_ref(&COLUMN_MEAN),
        from_ref(&PENALTY_GRAD),
        &DOT,
        from_ref(&KEEP),
        &INNER_PRODUCTS,
        from_ref(&MAX_EXPONENT),
        from_ref(&AXPY),
        &LINEAR_COMBINATION,
        from_ref(&GATHER),
        from_ref(&DEQUANTIZE),
        from_ref(&SOFTMAX),
        from_ref(&SOFTMAX_LOSSES),
    ];
    groups.iter().copied().flatten().collect()
});
