//! Fuzzes what reads MATLAB files; behind `mat:`, one variable that is packed.
#![no_main]

rhohat_fuzz::fuzzer!("a.mat", read_array);
