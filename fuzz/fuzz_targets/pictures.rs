//! Fuzzes what reads pictures of every kind.
#![no_main]

rhohat_fuzz::fuzzer!("a.png", read_data);
