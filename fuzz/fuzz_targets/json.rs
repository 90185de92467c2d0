//! Fuzzes what reads the cache of kernels.
#![no_main]

rhohat_fuzz::fuzzer!("kernels.json", read_cache);
