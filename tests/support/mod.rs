//! What several test binaries share: the software adapter, without which the tests fail.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod schema;

use rhohat::engine::device::Selector;
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::device::adapter::{adapters, select};

/// Set to 1 to run the tests where no adapter can be had. Each test that is left out says so.
const SKIP: &str = "RHOHAT_SKIP_GPU_TESTS";

/// The software adapter; `None` only where the environment asks to leave such tests out.
///
/// # Panics
/// Without an adapter: a test that did not run must not look like one that passed.
pub fn software(test: &str) -> Option<Gpu> {
    if std::env::var(SKIP).is_ok_and(|value| value == "1") {
        eprintln!("SKIPPED because of {SKIP}: {test}");
        return None;
    }
    let adapter = match select(&Selector::Software, &adapters()) {
        Ok(Some(adapter)) => adapter,
        Ok(None) => unreachable!("a software adapter is an adapter"),
        Err(error) => panic!("{error}; or set {SKIP}=1 to leave the tests of the kernels out"),
    };
    Some(Gpu::open(adapter).unwrap())
}
