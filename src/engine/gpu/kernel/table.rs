//! The rows of the table of shaders. `tests/it/shaders.rs` checks every one against its WGSL without a GPU.

mod products;

use super::Access::{Read, Scalars, Update, Write};
use super::{Kernel, NO_PARTS, Uniform};
use crate::engine::gpu::memory::uniform;
pub use products::*;

/// `shaders/column_sums.wgsl`.
pub static COLUMN_SUMS: Kernel = Kernel {
    name: "column_sums",
    source: include_str!("../../../../shaders/column_sums.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("a", "[rows, cols]"), Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::ColumnSums>(),
};

/// `shaders/column_mean.wgsl`.
pub static COLUMN_MEAN: Kernel = Kernel {
    name: "column_mean",
    source: include_str!("../../../../shaders/column_mean.wgsl"),
    activates: false,
    accumulates: true,
    bindings: &[Read("sums", "[blocks, cols]"), Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::ColumnMean>(),
};

/// `shaders/penalty_grad.wgsl`.
pub static PENALTY_GRAD: Kernel = Kernel {
    name: "penalty_grad",
    source: include_str!("../../../../shaders/penalty_grad.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Scalars, Write, Write],
    parts: [include_str!("../../../../shaders/_penalty.wgsl"), "", ""],
    tile: None,
    uniform: Uniform::of::<uniform::PenaltyGrad>(),
};

/// `shaders/weight_gradient.wgsl`.
pub static WEIGHT_GRADIENT: Kernel = Kernel {
    name: "weight_gradient",
    source: include_str!("../../../../shaders/weight_gradient.wgsl"),
    activates: false,
    accumulates: true,
    bindings: &[Read("products", "[slices, h, n]"), Read("w", "[h, n]"), Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::WeightGradient>(),
};

/// `shaders/dot.wgsl`.
pub static DOT: Kernel = Kernel {
    name: "dot",
    source: include_str!("../../../../shaders/dot.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("x", "[vectors, count]"), Read("y", "[vectors, count]"), Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Dots>(),
};

/// `shaders/exponents.wgsl`.
pub static EXPONENTS: Kernel = Kernel {
    name: "exponents",
    source: include_str!("../../../../shaders/exponents.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Scalars, Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Exponents>(),
};

/// `shaders/axpy.wgsl`.
pub static AXPY: Kernel = Kernel {
    name: "axpy",
    source: include_str!("../../../../shaders/axpy.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("x", "[count]"), Read("y", "[count]"), Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Axpy>(),
};

/// `shaders/combine.wgsl`.
pub static COMBINE: Kernel = Kernel {
    name: "combine",
    source: include_str!("../../../../shaders/combine.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("stack", "[vectors, count]"), Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Combination>(),
};

/// `shaders/sgd.wgsl`.
pub static SGD: Kernel = Kernel {
    name: "sgd",
    source: include_str!("../../../../shaders/sgd.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("gradient", "[count]"), Update("w"), Update("velocity")],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Sgd>(),
};

/// `shaders/adam.wgsl`.
pub static ADAM: Kernel = Kernel {
    name: "adam",
    source: include_str!("../../../../shaders/adam.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Read("gradient", "[count]"), Update("w"), Update("first"), Update("second")],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Adam>(),
};

/// `shaders/gather.wgsl`.
pub static GATHER: Kernel = Kernel {
    name: "gather",
    source: include_str!("../../../../shaders/gather.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Scalars, Read("part", "[part_rows, n]"), Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Gather>(),
};

/// `shaders/expand.wgsl`.
pub static EXPAND: Kernel = Kernel {
    name: "expand",
    source: include_str!("../../../../shaders/expand.wgsl"),
    activates: false,
    accumulates: false,
    bindings: &[Scalars, Scalars, Write],
    parts: NO_PARTS,
    tile: None,
    uniform: Uniform::of::<uniform::Expand>(),
};

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
    &products::SLICED_NT,
    &products::SLICED_NN,
    &products::MATMUL_SLICES,
    &products::LAYER_SLICES,
    &products::HIDDEN_DELTA_SLICES,
    &products::OUTPUT_DELTA_SLICES,
    &COLUMN_SUMS,
    &COLUMN_MEAN,
    &PENALTY_GRAD,
    &WEIGHT_GRADIENT,
    &DOT,
    &EXPONENTS,
    &AXPY,
    &COMBINE,
    &SGD,
    &ADAM,
    &GATHER,
    &EXPAND,
];
