//! The WebGPU engine: WGSL kernels on wgpu; parameters, examples and optimiser state stay on the device.
//!
//! From the bottom up, each knowing those before it:
//!
//! | module | what it owns |
//! |---|---|
//! | [`device`] | adapters, the opened device, its queue, the submission budget (throttle), sentinels |
//! | [`kernel`] | the table of shaders, their variants, compiled pipelines |
//! | [`memory`] | padded tensors in buffers and textures, the cut into blocks and chunks, lists of allocations |
//! | [`recording`] | a list of dispatches that is built once and replayed |
//! | [`plan`] | recordings as data, for hosts in other languages |
//! | [`ops`] | one shape-checked function a kernel |
//! | [`step`] | training steps as recordings over what is resident |
//! | [`tune`] | the choice of kernels for a shape |
//! | [`network`] | classifiers: all of the above for layers above one another |
//! | [`sharded`] | the engine whose hidden units are spread over ranks |
//! | [`footprint`](mod@footprint) | the memory plan: the sum of the lists of allocations |
//! | [`remote`] | the steps of an engine as actions of a host that has its plan |
//! | [`engine`] | the engine trait |

pub mod device;
pub mod engine;
pub mod footprint;
pub mod kernel;
pub mod memory;
pub mod network;
pub mod ops;
pub mod plan;
pub mod recording;
pub mod remote;
pub mod sharded;
pub mod step;
pub mod tune;
