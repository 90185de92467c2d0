//! The table of kernels, one row each. `tests/it/shaders.rs` checks every one against its WGSL without a GPU, `verify` runs
//! the cases of every one that an adapter can run.

mod products;

use std::sync::OnceLock;

use super::{Kernel, Memory, Uniform, WORKGROUP};
use crate::engine::gpu::memory::uniform;
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

/// `column_sums*.wgsl`.
pub static COLUMN_SUMS: [Kernel; 2] =
    in_both_memories!("column_sums", "_column_sums", "column_sums_textures", uniform::ColumnSums);

/// `column_mean.wgsl`.
pub static COLUMN_MEAN: Kernel = simple!("column_mean", uniform::ColumnMean);

/// `penalty_grad.wgsl`.
pub static PENALTY_GRAD: Kernel = Kernel::simple(
    "penalty_grad",
    shader!("penalty_grad"),
    [shader!("_penalty"), ""],
    Some("penalty_grad"),
    Uniform::of::<uniform::PenaltyGrad>(),
);

/// `weight_gradient.wgsl`.
pub static WEIGHT_GRADIENT: Kernel = simple!("weight_gradient", uniform::WeightGradient);

/// `dot*.wgsl`.
pub static DOT: [Kernel; 2] = in_both_memories!("dot", "_dot", "dot_textures", uniform::Dots);

/// `max_exponent.wgsl`.
pub static MAX_EXPONENT: Kernel = simple!("max_exponent", uniform::MaxExponent);

/// `axpy.wgsl`.
pub static AXPY: Kernel = simple!("axpy", uniform::Axpy);

/// `linear_combination*.wgsl`.
pub static LINEAR_COMBINATION: [Kernel; 2] = in_both_memories!(
    "linear_combination",
    "_linear_combination",
    "linear_combination_textures",
    uniform::LinearCombination
);

/// `sgd.wgsl`.
pub static SGD: Kernel = simple!("sgd", uniform::Sgd);

/// `adam.wgsl`.
pub static ADAM: Kernel = simple!("adam", uniform::Adam);

/// `gather.wgsl`.
pub static GATHER: Kernel = simple!("gather", uniform::Gather);

/// `dequantize.wgsl`.
pub static DEQUANTIZE: Kernel = simple!("dequantize", uniform::Dequantize);

/// The kernel of two that reads where it is wanted.
pub fn of_memory(kernels: &'static [Kernel; 2], memory: Memory) -> &'static Kernel {
    match memory {
        Memory::Buffers => &kernels[0],
        Memory::Textures => &kernels[1],
    }
}

/// Every kernel, in the order of a training step.
pub static ALL: &[&Kernel] = &[
    &products::MATMUL_NT[0],
    &products::MATMUL_NT[1],
    &products::MATMUL_NT[2],
    &products::LAYER_NT[0],
    &products::LAYER_NT[1],
    &products::LAYER_NT[2],
    &products::HIDDEN_DELTA_NT[0],
    &products::HIDDEN_DELTA_NT[1],
    &products::HIDDEN_DELTA_NT[2],
    &products::MATMUL_NN[0],
    &products::MATMUL_NN[1],
    &products::MATMUL_NN[2],
    &products::LAYER_NN[0],
    &products::LAYER_NN[1],
    &products::LAYER_NN[2],
    &products::OUTPUT_DELTA_NN[0],
    &products::OUTPUT_DELTA_NN[1],
    &products::OUTPUT_DELTA_NN[2],
    &products::MATMUL_TN[0],
    &products::MATMUL_TN[1],
    &products::MATMUL_TN[2],
    &products::SPLIT_K_NT,
    &products::SPLIT_K_NN,
    &products::SPLIT_K_SUM,
    &products::LAYER_SPLIT_K_SUM,
    &products::HIDDEN_DELTA_SPLIT_K_SUM,
    &products::OUTPUT_DELTA_SPLIT_K_SUM,
    &COLUMN_SUMS[0],
    &COLUMN_SUMS[1],
    &COLUMN_MEAN,
    &PENALTY_GRAD,
    &WEIGHT_GRADIENT,
    &DOT[0],
    &DOT[1],
    &MAX_EXPONENT,
    &AXPY,
    &LINEAR_COMBINATION[0],
    &LINEAR_COMBINATION[1],
    &SGD,
    &ADAM,
    &GATHER,
    &DEQUANTIZE,
];
