//! The CPU engine: f32, all cores, the same bits for any number of threads.
//!
//! What is a piece of some sum is cut by shape alone, never by the number of threads (`cut`); each piece is computed by
//! one thread in a fixed order, and sums over pieces are added up in order. From the outside in: `engine` is the engine
//! trait, `evaluate` J and its gradient over chunks of rows, `pass` a chunk's way through the hidden blocks, `thin`
//! through a small layer, `rows` what follows each product, `matmul` and `kernel` the products themselves ([`products`]
//! for dense matrices), `sharded` the same with units spread over ranks, `buffer` how matrices lie in panels, [`activation`] sigmoid and tanh, `update` what becomes of
//! a gradient, `memory` what all of it takes.

pub mod activation;
mod backward;
pub(crate) mod buffer;
mod cut;
mod engine;
mod evaluate;
mod examples;
mod forward;
mod kernel;
mod matmul;
pub(crate) mod memory;
pub mod network;
mod pass;
mod penalty;
pub mod products;
mod rows;
mod search;
mod sharded;
mod simd;
mod state;
mod sums;
mod thin;
mod update;

pub use engine::Cpu;
pub(crate) use engine::processor;
pub use sharded::{ShardedCpu, footprint as sharded_footprint};
