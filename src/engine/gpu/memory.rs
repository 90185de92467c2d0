//! Tensors on the device: how matrices lie in buffers and textures, the cut into blocks, chunks and parts, the tensors of
//! a pass, and the lists that all of them are allocated from.

pub(crate) mod allocation;
pub mod buffer;
pub mod partition;
pub mod segment;
pub mod storage;
pub mod workspace;
