//! The reference: the whole model in plain f64 loops, read beside the formulas. It is the truth that every other
//! engine and every shader is compared with, and is never made faster.

mod engine;
pub mod gradient_check;
pub mod kernels;
mod memory;
pub mod network;
mod sharded;
pub mod step;

pub use engine::Reference;
pub use memory::{footprint, footprint_of_rank};
pub use sharded::ShardedReference;
