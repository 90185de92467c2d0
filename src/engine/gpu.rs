//! The WebGPU engine: WGSL kernels on wgpu, everything resident on the device.
//!
//! From the outside in: [`adapter`] lists and selects, [`device`] opens an adapter, `queue` hands it work and waits for
//! it without ever hanging, [`pace`] says how much work a submission takes, `canary` proves that it ran, [`variant`]
//! names the kernels, [`tune`] chooses them, [`buffer`] lays matrices out, [`storage`] holds buffers and their textures,
//! [`kernel`] is the table of shaders, [`uniform`] their parameters, [`recording`] a list of dispatches built once and
//! replayed, [`ops`] one shape-checked function a kernel, [`layout`] the cut into blocks, chunks and parts,
//! [`workspace`] the buffers of a pass, [`pass`] a step as recorded kernels, `evaluation` one over resident `examples` or,
//! through `stream`, over fetched ones, [`engine`] the engine trait, `descent` the steps of SGD and Adam, [`search`] those
//! of L-BFGS, `finite` a look at whether vectors are.

pub mod device;
pub mod engine;
pub mod footprint;
pub mod kernel;
pub mod memory;
pub mod ops;
pub mod recording;
pub mod step;
pub mod tune;
