//! Fuzzes what reads arrays: NumPy, IDX, safetensors, and what gzip and zip pack, held and on disk.
#![no_main]

rhohat_fuzz::fuzzer!("a.npy", read_array);
