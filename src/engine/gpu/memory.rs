//! Tensors on the device: how matrices lie in buffers and textures, the cut into blocks, chunks and parts, the buffers of a
//! pass, and what all of it takes.

pub(crate) mod allocation;
pub mod buffer;
pub mod layout;
pub mod segment;
pub mod storage;
pub mod uniform;
pub mod workspace;
