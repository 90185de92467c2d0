//! The CPU engine: f32, all cores, the same bits for any number of threads.
//!
//! Work is cut into pieces that never depend on the number of threads: panels of rows for what is computed example by
//! example, panels of hidden units for the weight gradients. Each piece is computed by one thread in a fixed order.

mod engine;
mod pass;

pub use engine::Cpu;
pub(crate) use engine::processor;
