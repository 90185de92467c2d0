//! Steps of the CPU engine allocate nothing of their own. Counted by the global allocator, which sees all threads:
//! hence one test at a time.

use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::Setup;
use rhohat::engine::{Chunking, Engine, RhoHat, Rows, Step, Update};
use rhohat::math::objective::{Objective, RhoHatMode};
use rhohat::math::params::{Matrix, Params, Shape};
use stats_alloc::Region;

use super::{ALLOCATOR, alone};

const STEPS: usize = 200;

const THREADS: usize = 3;

/// What the pool may allocate over that many steps, whatever the shapes. Every step is handed to it once, through a
/// queue that takes a block of memory for every 63 of them; a thread that takes part for the first time, which on a busy
/// machine may be late, registers with the queue (two allocations were seen), and so may a block that is given back.
/// An allocation of ours in every step would be 200.
const ALLOCATIONS: usize = STEPS.div_ceil(63) + 1 + 3 * THREADS;
/// None of them was seen to exceed 2.3 KiB.
const BYTES: usize = ALLOCATIONS * 4096;

/// Allocations and bytes of steps with SGD and Adam, over all rows and over batches, once all of them have run twice.
fn allocations((n, h, m): (usize, usize, usize), cut: Chunking) -> (usize, usize) {
    let rho_hat = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
    let setup = Setup { objective: Objective::default(), cut, rho_hat, threads: THREADS };
    let params = Params::random(Shape { visible: n, hidden: h }, 1);
    let mut cpu = Cpu::new(&setup, params, Matrix::new(m, n, vec![0.3; m * n])).expect("the threads start");
    let batch: Vec<usize> = (0..m / 2).collect();
    let mut step = |number: usize| {
        let rows = if number.is_multiple_of(2) { Rows::All } else { Rows::Listed(&batch[number % 5..]) };
        let update = match number % 4 / 2 {
            0 => Update::Sgd { lr: 1e-3, momentum: 0.9 },
            _ => Update::Adam { lr: 1e-3, step: 1 + number as u64 },
        };
        cpu.step(&Step { rows, update, beta: 3.0, report: false }).expect("a step");
    };
    (0..20).for_each(&mut step);
    let region = Region::new(ALLOCATOR);
    (0..STEPS).for_each(&mut step);
    let change = region.change();
    (change.allocations + change.reallocations, change.bytes_allocated)
}

#[test]
fn steps_allocate_nothing_but_what_the_pool_of_threads_needs_whatever_the_shape() {
    let _alone = alone();
    let whole = Chunking::default();
    let pieces = Chunking { chunk: Some(30), block: Some(20), ..Chunking::default() };
    for (shape, cut) in
        [((3, 2, 16), whole), ((64, 25, 1000), whole), ((150, 90, 400), whole), ((150, 90, 400), pieces)]
    {
        let (count, bytes) = allocations(shape, cut);
        println!("{shape:?}, {cut:?}: {count} allocations, {bytes} bytes in {STEPS} steps");
        assert!(count <= ALLOCATIONS && bytes <= BYTES, "{shape:?}, {cut:?}: {count}, {bytes} bytes");
    }
}
