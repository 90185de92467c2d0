//! The CPU engine with its hidden units in shards, of which each rank has some.
//!
//! A shard is a layer of its own through all products, on all threads of its rank. Its Z3 is a part: parts are added up in
//! the tree of the shards, here and then over the ranks, and the end of the way forward (bias, g, δ3, sums over rows)
//! waits for the whole. So rows are cut alike in all shards, by the shape of the largest one, and no bit depends on the
//! number of ranks. `shard` is one shard, `layers` takes rows through all of them, `output` is the end behind the exchange,
//! `evaluate` J and its gradient, `engine` and `search` the traits, `memory` what all of it takes.

mod engine;
mod evaluate;
mod layers;
mod memory;
mod output;
mod search;
mod shard;

pub use engine::ShardedCpu;
pub use memory::footprint;
