//! Verification: is this machine's adapter computing the right thing?
//!
//! One case list serves `cargo test`, `rhohat verify` and `rhohat bench`. [`compare`] is the comparer, [`running_error`]
//! derives the bounds, [`rig`] runs single kernels, [`kernels`] lists their cases.

pub mod compare;
pub mod kernels;
pub mod numbers;
pub mod rig;
pub mod running_error;
