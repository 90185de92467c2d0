//! Fuzzes what reads a folder of safetensors files, of which one is damaged.
#![no_main]

rhohat_fuzz::fuzzer!("b.safetensors", read_shards);
