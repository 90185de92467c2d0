//! One function a kernel: checks the shapes of its tensors, fills in its uniform and records the dispatch.
//!
//! Shapes are checked with assertions: a mismatch is a defect of the engine, never of the user's input. The formula of a
//! kernel stands in its shader and in its twin in [`crate::engine::reference::kernels`].

mod classes;
mod gradients;
mod layers;
mod products;
mod split_k;
mod sums;
mod vectors;

pub use gradients::{AppliedEnd, GradientEnd, GradientFactors, GradientScale, RATES, adam_rates, sgd_rates};
pub use layers::{
    HiddenEpilogue, HiddenLayerEpilogue, LayerEpilogue, OutputEpilogue, PENALTY_RATES, PenaltyPlace,
    penalty_rates,
};
pub(crate) use split_k::{GRADIENTS, invocations_of_sum, tiles};
pub use split_k::{Gemm, SplitK};

pub use sums::{EXPONENT_BLOCK, exponent_blocks, inner_products_uniform, sum_block, sum_blocks};
pub use vectors::{axpy_uniform, keep_uniform, linear_combination_uniform};

/// A count as the shaders take it. Limits on bindings keep all of them far below 2³².
pub fn word(n: usize) -> u32 {
    u32::try_from(n).expect("counts of one binding fit 32 bits")
}
