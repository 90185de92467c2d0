//! Fuzzes what reads classifiers, and has them tell classes.
#![no_main]

rhohat_fuzz::fuzzer!("model.safetensors", read_classifier);
