//! Fuzzes what reads tables of text.
#![no_main]

rhohat_fuzz::fuzzer!("a.csv", read_table);
