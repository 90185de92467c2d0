//! Tensors on the device: how matrices lie in buffers and textures, the cut into blocks, chunks and parts, the buffers of a
//! pass, and what all of it takes.

pub mod buffer;
pub mod layout;
pub mod plan;
pub mod storage;
pub mod uniform;
pub mod workspace;
