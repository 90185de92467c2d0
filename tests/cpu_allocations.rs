//! Steps of the CPU engine allocate nothing of their own. Counted by the global allocator, which sees all threads:
//! hence one test, in a program of its own.

use std::alloc::System;

use rhohat::cpu::Cpu;
use rhohat::device::Setup;
use rhohat::engine::{Cut, Engine, RhoHat, Rows, Update};
use rhohat::model::{Matrix, Params, Shape};
use rhohat::objective::{Objective, RhoHatMode};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const STEPS: usize = 200;

/// What the pool's queue may allocate over that many steps: every step is handed to the pool once, and the queue that
/// it passes through takes a block of memory, below 4 KiB, for every 63 of them. None depends on the shapes.
const QUEUE_BLOCKS: usize = STEPS.div_ceil(63) + 1;
const QUEUE_BYTES: usize = QUEUE_BLOCKS * 4096;

/// Allocations and bytes of steps with SGD and Adam, over all rows and over batches, once all of them have run twice.
fn allocations((n, h, m): (usize, usize, usize), cut: Cut) -> (usize, usize) {
    let rho_hat = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
    let setup = Setup { objective: Objective::default(), cut, rho_hat, threads: 3 };
    let params = Params::random(Shape { visible: n, hidden: h }, 1);
    let mut cpu = Cpu::new(&setup, params, Matrix::new(m, n, vec![0.3; m * n])).expect("the threads start");
    let batch: Vec<u32> = (0..m as u32 / 2).collect();
    let mut step = |number: usize| {
        let rows = if number.is_multiple_of(2) { Rows::All } else { Rows::Listed(&batch[number % 5..]) };
        let update = match number % 4 / 2 {
            0 => Update::Sgd { lr: 1e-3, momentum: 0.9 },
            _ => Update::Adam { lr: 1e-3, step: 1 + number as u64 },
        };
        cpu.step(rows, &update, false).expect("a step");
    };
    (0..20).for_each(&mut step);
    let region = Region::new(ALLOCATOR);
    (0..STEPS).for_each(&mut step);
    let change = region.change();
    (change.allocations + change.reallocations, change.bytes_allocated)
}

#[test]
fn steps_allocate_nothing_but_blocks_of_the_pools_queue_whatever_the_shape() {
    let whole = Cut::default();
    let pieces = Cut { chunk: Some(30), block: Some(20) };
    for (shape, cut) in
        [((3, 2, 16), whole), ((64, 25, 1000), whole), ((150, 90, 400), whole), ((150, 90, 400), pieces)]
    {
        let (count, bytes) = allocations(shape, cut);
        println!("{shape:?}, {cut:?}: {count} allocations, {bytes} bytes in {STEPS} steps");
        assert!(count <= QUEUE_BLOCKS && bytes <= QUEUE_BYTES, "{shape:?}, {cut:?}: {count}, {bytes} bytes");
    }
}
