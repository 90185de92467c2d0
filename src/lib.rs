//! Sparse autoencoders with a Kullback–Leibler penalty, trained on WebGPU compute shaders.
#![doc = ""]

pub mod config;
pub mod cpu;
pub mod data;
pub mod device;
pub mod durable;
pub mod engine;
pub mod error;
pub mod gpu;
pub mod metrics;
pub mod model;
pub mod objective;
pub mod optim;
pub mod picture;
pub mod random;
pub mod reference;
pub mod run;
pub mod train;
pub mod verify;

pub use error::{Error, Result};
