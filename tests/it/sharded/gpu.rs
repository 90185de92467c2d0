//! The sharded WebGPU engine on the software adapter: what the other engines are asked, in sizes that it is fast enough
//! for, and what is a device's own.

mod bits;
mod bounds;
mod exchange;
mod memory;

use std::sync::Arc;

use rhohat::engine::Update;
use rhohat::engine::device::Choice;
use rhohat::engine::gpu::device::Gpu;

use crate::support;

const SGD: Update = Update::Sgd { lr: 0.1, momentum: 0.9 };

/// The software adapter, as the ranks of a test share it.
fn software(test: &str) -> Option<(Arc<Gpu>, Choice)> {
    let gpu = Arc::new(support::software(test)?);
    Some((Arc::clone(&gpu), Choice::Gpu(gpu)))
}
