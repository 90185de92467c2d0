//! Fuzzes what reads checkpoints of classifiers and goes on with them.
#![no_main]

rhohat_fuzz::fuzzer!("a.checkpoint", read_network_checkpoint);
