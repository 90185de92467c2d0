//! Verification: is this machine's adapter computing the right thing?
//!
//! One case list serves `cargo test`, `rhohat verify` and `rhohat bench`. The comparer stands in [`compare`].

pub mod compare;
