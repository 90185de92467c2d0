//! Bytes and allocations, counted by a global allocator that sees all threads: a program of its own, whose tests run one
//! at a time.

#[path = "../support/mod.rs"]
mod support;

mod plan;
mod steps;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static ALONE: Mutex<()> = Mutex::new(());

/// Keeps the other tests from allocating until it is dropped.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
