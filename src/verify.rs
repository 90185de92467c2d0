//! Verification: is this machine's adapter computing the right thing?
//!
//! One list of [`checks`] serves `cargo test`, `rhohat verify` and `rhohat bench`. [`compare`] is the comparer,
//! [`running_error`] derives its bounds; [`gradients`] checks the reference itself, [`kernels`] each shader on a
//! [`rig`], [`cpu_kernels`] what the CPU engine has in their place, [`steps`] whole passes and updates, [`networks`] those of classifiers, [`training`] short runs. [`witness`] hands whole steps to a
//! host in another language.

pub mod checks;
pub mod compare;
pub mod cpu_kernels;
pub mod gradients;
pub mod kernels;
pub mod networks;
pub mod numbers;
pub mod rig;
pub mod running_error;
pub mod steps;
pub mod training;
#[cfg(feature = "gpu")]
pub mod witness;
