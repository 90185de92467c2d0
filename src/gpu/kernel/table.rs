//! The rows of the table of shaders. `tests/shaders.rs` checks every one against its WGSL without a GPU.

use super::Access::{Read, Write};
use super::{Kernel, Uniform};
use crate::gpu::uniform;

/// `shaders/matmul_nt.wgsl`.
pub static MATMUL_NT: Kernel = Kernel {
    name: "matmul_nt",
    source: include_str!("../../../shaders/matmul_nt.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Product>(),
};

/// `shaders/matmul_nn.wgsl`.
pub static MATMUL_NN: Kernel = Kernel {
    name: "matmul_nn",
    source: include_str!("../../../shaders/matmul_nn.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Product>(),
};

/// `shaders/matmul_tn.wgsl`.
pub static MATMUL_TN: Kernel = Kernel {
    name: "matmul_tn",
    source: include_str!("../../../shaders/matmul_tn.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::SlicedProduct>(),
};

/// `shaders/bias_activation.wgsl`.
pub static BIAS_ACTIVATION: Kernel = Kernel {
    name: "bias_activation",
    source: include_str!("../../../shaders/bias_activation.wgsl"),
    activates: true,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::Layer>(),
};

/// `shaders/column_sums.wgsl`.
pub static COLUMN_SUMS: Kernel = Kernel {
    name: "column_sums",
    source: include_str!("../../../shaders/column_sums.wgsl"),
    activates: false,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::ColumnSums>(),
};

/// `shaders/column_mean.wgsl`.
pub static COLUMN_MEAN: Kernel = Kernel {
    name: "column_mean",
    source: include_str!("../../../shaders/column_mean.wgsl"),
    activates: false,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::ColumnMean>(),
};

/// `shaders/kl_slope.wgsl`.
pub static KL_SLOPE: Kernel = Kernel {
    name: "kl_slope",
    source: include_str!("../../../shaders/kl_slope.wgsl"),
    activates: false,
    bindings: &[Read, Write, Write],
    uniform: Uniform::of::<uniform::Penalty>(),
};

/// `shaders/output_delta.wgsl`.
pub static OUTPUT_DELTA: Kernel = Kernel {
    name: "output_delta",
    source: include_str!("../../../shaders/output_delta.wgsl"),
    activates: true,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::Elements>(),
};

/// `shaders/hidden_delta.wgsl`.
pub static HIDDEN_DELTA: Kernel = Kernel {
    name: "hidden_delta",
    source: include_str!("../../../shaders/hidden_delta.wgsl"),
    activates: true,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::HiddenDelta>(),
};

/// `shaders/weight_gradient.wgsl`.
pub static WEIGHT_GRADIENT: Kernel = Kernel {
    name: "weight_gradient",
    source: include_str!("../../../shaders/weight_gradient.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::WeightGradient>(),
};

/// `shaders/squared_error.wgsl`.
pub static SQUARED_ERROR: Kernel = Kernel {
    name: "squared_error",
    source: include_str!("../../../shaders/squared_error.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::BlockSums>(),
};

/// `shaders/dot.wgsl`.
pub static DOT: Kernel = Kernel {
    name: "dot",
    source: include_str!("../../../shaders/dot.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Dots>(),
};

/// `shaders/axpy.wgsl`.
pub static AXPY: Kernel = Kernel {
    name: "axpy",
    source: include_str!("../../../shaders/axpy.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Axpy>(),
};

/// `shaders/combine.wgsl`.
pub static COMBINE: Kernel = Kernel {
    name: "combine",
    source: include_str!("../../../shaders/combine.wgsl"),
    activates: false,
    bindings: &[Read, Write],
    uniform: Uniform::of::<uniform::Combination>(),
};

/// `shaders/sgd.wgsl`.
pub static SGD: Kernel = Kernel {
    name: "sgd",
    source: include_str!("../../../shaders/sgd.wgsl"),
    activates: false,
    bindings: &[Read, Write, Write],
    uniform: Uniform::of::<uniform::Sgd>(),
};

/// `shaders/adam.wgsl`.
pub static ADAM: Kernel = Kernel {
    name: "adam",
    source: include_str!("../../../shaders/adam.wgsl"),
    activates: false,
    bindings: &[Read, Write, Write, Write],
    uniform: Uniform::of::<uniform::Adam>(),
};

/// `shaders/gather.wgsl`.
pub static GATHER: Kernel = Kernel {
    name: "gather",
    source: include_str!("../../../shaders/gather.wgsl"),
    activates: false,
    bindings: &[Read, Read, Write],
    uniform: Uniform::of::<uniform::Gather>(),
};

/// Every kernel, in the order of a training step.
pub static ALL: &[&Kernel] = &[
    &MATMUL_NT,
    &MATMUL_NN,
    &MATMUL_TN,
    &BIAS_ACTIVATION,
    &COLUMN_SUMS,
    &COLUMN_MEAN,
    &KL_SLOPE,
    &OUTPUT_DELTA,
    &HIDDEN_DELTA,
    &WEIGHT_GRADIENT,
    &SQUARED_ERROR,
    &DOT,
    &AXPY,
    &COMBINE,
    &SGD,
    &ADAM,
    &GATHER,
];
