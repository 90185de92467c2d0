//! Fuzzes what reads checkpoints and goes on with them.
#![no_main]

rhohat_fuzz::fuzzer!("a.checkpoint", read_checkpoint);
