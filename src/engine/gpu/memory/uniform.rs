//! The Rust twins of the uniform structs, field by field as in the shaders, where each is explained.
//!
//! Every field is four bytes wide (or an array of vec4 at the end), so that no padding can slip in;
//! `tests/it/shaders.rs` compares names, order, offsets and sizes with the WGSL.
#![allow(missing_docs, reason = "the fields are documented where they are declared in WGSL")]

use bytemuck::{Pod, Zeroable};

/// Longest list of pairs or terms in one dispatch of `dot` and `linear_combination`.
pub const MAX_LIST: usize = 64;

/// Uniform of `matmul_nt` and `matmul_nn` with any epilogue.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Product {
    pub tiles_m: u32,
    pub tiles_n: u32,
    pub k_first: u32,
    pub k_end: u32,
    pub stride_a: u32,
    pub stride_b: u32,
    pub stride_c: u32,
    pub rows: u32,
    pub examples: u32,
    pub units: u32,
    pub sums: u32,
    pub first_sum: u32,
    pub slice: u32,
    pub slices: u32,
}

/// Uniform of `matmul_tn`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct SlicedProduct {
    pub tiles_m: u32,
    pub tiles_n: u32,
    pub k: u32,
    pub slice: u32,
    pub slices: u32,
    pub stride_a: u32,
    pub stride_b: u32,
    pub stride_c: u32,
}

/// Uniform of `column_sums`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ColumnSums {
    pub rows: u32,
    pub block: u32,
    pub blocks: u32,
    pub stride: u32,
}

/// Uniform of `column_mean`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct ColumnMean {
    pub blocks: u32,
    pub stride: u32,
    pub scale: f32,
}

/// Uniform of `penalty_grad`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct PenaltyGrad {
    pub units: u32,
    pub padded: u32,
    pub penalty: u32,
    pub rho: f32,
    pub beta: f32,
    pub decay: f32,
    pub least: f32,
    pub offset: f32,
    pub factor: f32,
}

/// Uniform of `weight_gradient`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct WeightGradient {
    pub count: u32,
    pub slices: u32,
    pub scale: f32,
    pub lambda: f32,
}

/// Uniform of `dot`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Dots {
    pub count: u32,
    pub block: u32,
    pub blocks: u32,
    pub pairs: u32,
    pub first: u32,
    pub pad0: u32,
    pub pad1: u32,
    pub pad2: u32,
    pub pair: [[u32; 4]; MAX_LIST],
}

/// Uniform of `max_exponent`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct MaxExponent {
    pub count: u32,
    pub block: u32,
    pub blocks: u32,
    pub first: u32,
}

/// Uniform of `axpy`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Axpy {
    pub count: u32,
    pub alpha: f32,
    pub gamma: f32,
}

/// Uniform of `linear_combination`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct LinearCombination {
    pub count: u32,
    pub terms: u32,
    pub pad0: u32,
    pub pad1: u32,
    pub term: [[u32; 4]; MAX_LIST],
}

/// Uniform of `sgd`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Sgd {
    pub count: u32,
    pub lr: f32,
    pub momentum: f32,
}

/// Uniform of `adam`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Adam {
    pub count: u32,
    pub lr: f32,
    pub beta1: f32,
    pub beta2: f32,
    pub rest1: f32,
    pub rest2: f32,
    pub epsilon: f32,
    pub correction1: f32,
    pub correction2: f32,
}

/// Uniform of `gather`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Gather {
    pub first: u32,
    pub rows: u32,
    pub padded_rows: u32,
    pub part_first: u32,
    pub part_rows: u32,
    pub stride: u32,
}

/// Uniform of `dequantize`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Dequantize {
    pub rows: u32,
    pub padded_rows: u32,
    pub cols: u32,
    pub stride: u32,
    pub bytes: u32,
}
