//! Fuzzes what reads models, in the files of other programs too.
#![no_main]

rhohat_fuzz::fuzzer!("model.safetensors", read_model);
