//! All tests that can share a process. Beside them stand those that cannot: `allocations` replaces the allocator,
//! `temporaries` removes all temporary files of its process, `hostile` measures itself, `endurance` kills what it starts.

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod checkpoint_cost;
mod checkpoints;
mod cli;
mod comparer;
mod convolve;
mod cpu;
mod data;
mod device_search;
mod durable;
mod engines;
mod folder;
mod front_door;
mod going_on;
mod golden;
mod kernels;
mod layers;
mod metrics_file;
mod model_file;
mod network;
mod no_panics;
mod old_files;
mod optimisers;
mod picture;
mod plan;
mod random;
mod readme;
mod reference;
mod resume;
mod revive;
mod scale;
mod shaders;
mod sharded;
mod start;
mod stepwise;
mod streaming;
mod submissions;
mod texts;
mod training;
mod tune;
mod units;
mod unsafe_code;
mod verify;
