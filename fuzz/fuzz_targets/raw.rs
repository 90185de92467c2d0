//! Fuzzes what reads files without a header.
#![no_main]

rhohat_fuzz::fuzzer!("a.u8", read_raw);
