//! Adapters.

/// An opened adapter.
#[derive(Debug)]
pub struct Gpu;
