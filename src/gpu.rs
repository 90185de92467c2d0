//! The WebGPU engine.

pub mod device;
