//! The WebGPU engine: WGSL kernels on wgpu, everything resident on the device.
//!
//! From the outside in: [`device`] opens adapters and waits for them without ever hanging, [`buffer`] lays matrices
//! out, [`kernel`] is the table of shaders, [`recording`] a list of dispatches built once and replayed, [`ops`] one
//! shape-checked function a kernel, [`layout`] the cut into blocks, chunks and parts, [`pass`] a step as recorded
//! kernels, [`engine`] the engine trait,
//! [`search`] the vectors of L-BFGS.

pub mod buffer;
pub mod device;
pub mod engine;
pub mod kernel;
pub mod layout;
pub mod ops;
pub mod pass;
pub mod recording;
pub mod search;
pub mod uniform;
