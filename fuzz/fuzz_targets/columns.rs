//! Fuzzes what reads the columns of a preprocessing.
#![no_main]

rhohat_fuzz::fuzzer!("preprocess.safetensors", read_columns);
