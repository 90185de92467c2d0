//! Fuzzes what reads sparse codes.
#![no_main]

rhohat_fuzz::fuzzer!("codes.npz", read_sparse);
