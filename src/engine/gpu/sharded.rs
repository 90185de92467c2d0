//! The WebGPU engine with its hidden units in shards, of which each rank has some.
//!
//! A shard has blocks of its own, with a copy of the output bias, and goes through the kernels of the engine that is
//! not sharded. Only Z3 is another: each shard leaves a part, the parts are added up on the device in the tree of the
//! shards, the host brings the sum to the other ranks and back, and the end of the way forward (bias, g, δ3, sums over
//! rows) is the kernel that elsewhere adds up the slices of a product. All cuts follow from the shape of the largest
//! shard, so that no bit depends on the number of ranks; `alike` refuses ranks whose devices would compute other bits.
//!
//! From the bottom up: `outputs` is Z3, `resident` all that stays on the device, `pass` and `legs` take rows through
//! the shards, `cost` is J, `full`, `first_order`, `search` and `layers` are the steps, `state` their vectors, `engine`
//! the trait, `footprint` the memory plan.

mod alike;
mod cost;
mod engine;
mod first_order;
pub mod footprint;
mod full;
mod layers;
mod legs;
mod outputs;
mod pass;
mod resident;
mod search;
mod search_space;
mod state;

pub use engine::ShardedGpu;
