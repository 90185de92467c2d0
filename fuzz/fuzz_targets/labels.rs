//! Fuzzes what reads labels; behind `gz:`, packed.
#![no_main]

rhohat_fuzz::fuzzer!("a.labels", read_labels);
