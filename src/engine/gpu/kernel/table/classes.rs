//! The rows of softmax, and their uniforms.

use bytemuck::{Pod, Zeroable};

use super::shader;
use crate::engine::gpu::kernel::{Kernel, Uniform};

/// Uniform of `softmax`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct SoftmaxUniform {
    pub rows: u32,
    pub padded_rows: u32,
    pub classes: u32,
    pub stride: u32,
}

/// `softmax.wgsl`.
pub static SOFTMAX: Kernel = Kernel::simple(
    "softmax",
    shader!("softmax"),
    [shader!("_softmax"), ""],
    Some("softmax"),
    Uniform::of::<SoftmaxUniform>(),
);

/// Uniform of `softmax_losses`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct SoftmaxLossesUniform {
    pub rows: u32,
    pub padded_rows: u32,
    pub classes: u32,
    pub stride: u32,
    pub first: u32,
}

/// `softmax_losses.wgsl`.
pub static SOFTMAX_LOSSES: Kernel = Kernel::simple(
    "softmax_losses",
    shader!("softmax_losses"),
    [shader!("_softmax"), ""],
    Some("softmax_losses"),
    Uniform::of::<SoftmaxLossesUniform>(),
);
