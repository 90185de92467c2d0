//! Races on made-up times.

use super::*;
use crate::engine::gpu::tune::candidate::Fault;
use crate::engine::variant::Product;
use Memory::{Buffers, Textures};
use Product::{Broadcast, Direct, Tiled, Tiled32x32, Tiled64x64};

/// Seconds of a product of the smallest size by a made-up rule; every size is `growth` times the one before.
struct MadeUp<F: Fn(Candidate) -> f64> {
    seconds: F,
    wrong: fn(Candidate) -> bool,
    refused: fn(Candidate) -> bool,
    size: f64,
    sizes: usize,
    clock: f64,
    compiling: f64,
    warming: f64,
    timed: Vec<(Candidate, usize)>,
    checked: Vec<Candidate>,
}

impl<F: Fn(Candidate) -> f64> MadeUp<F> {
    fn new(seconds: F) -> Self {
        let (timed, checked) = (Vec::new(), Vec::new());
        Self {
            seconds,
            wrong: |_| false,
            refused: |_| false,
            size: 1.0,
            sizes: 1,
            clock: 0.0,
            compiling: 0.01,
            warming: 0.0,
            timed,
            checked,
        }
    }

    fn race(&mut self) -> RaceResult {
        self.race_against(TILED, &[])
    }

    fn race_against(&mut self, favourite: Variant, known: &[Verdict]) -> RaceResult {
        let of = |product| [Buffers, Textures].map(|memory| Variant::of(product, memory));
        race(self, Product::ALL.map(of).as_flattened(), favourite, known).unwrap()
    }
}

impl<F: Fn(Candidate) -> f64> Runner for MadeUp<F> {
    fn prepare(&mut self, candidate: Candidate) -> Result<(), Fault> {
        self.clock += self.compiling;
        if (self.refused)(candidate) { Err(Fault::Refused("no such shader".to_owned())) } else { Ok(()) }
    }

    fn check(&mut self, candidate: Candidate) -> Result<(), Fault> {
        self.clock += self.compiling;
        self.checked.push(candidate);
        if (self.wrong)(candidate) { Err(wrong()) } else { Ok(()) }
    }

    fn elapsed(&self) -> f64 {
        self.clock
    }

    fn time(&mut self, candidate: Candidate, count: usize) -> Result<f64> {
        let seconds = (self.seconds)(candidate) * self.size * count as f64;
        self.clock += seconds + self.warming;
        self.timed.push((candidate, count));
        Ok(seconds)
    }

    fn enlarge(&mut self, growth: f64) -> Result<Option<f64>> {
        if self.sizes == 1 {
            return Ok(None);
        }
        self.sizes -= 1;
        self.size *= growth;
        Ok(Some(growth))
    }
}

const TILED: Variant = Variant::of(Tiled, Buffers);

fn wrong() -> Fault {
    Fault::Wrong("element 3 is 7".to_owned())
}

fn candidate(transpose: Transpose, product: Product, memory: Memory) -> Candidate {
    Candidate { transpose, product, memory }
}

#[test]
fn each_product_gets_its_fastest_kernel_in_the_faster_memory() {
    let mut runner =
        MadeUp::new(|candidate| match (candidate.transpose, candidate.product, candidate.memory) {
            (Transpose::Nt, Broadcast, Buffers) | (Transpose::Nn, Direct, Buffers) => 1e-4,
            (_, _, Buffers) => 1.3e-4,
            (_, _, Textures) => 1.2e-4,
        });
    let variant = Variant { nt: Broadcast, nn: Direct, tn: Tiled, memory: Buffers };
    assert_eq!(runner.race().variant, Some(variant));
}

#[test]
fn memories_are_compared_over_all_products_of_a_step() {
    // Textures win one product by far and lose the two that a step has twice.
    let mut runner = MadeUp::new(|candidate| match (candidate.transpose, candidate.memory) {
        (Transpose::Nn, Textures) => 0.7e-4,
        (_, Textures) => 1.2e-4,
        (_, Buffers) => 1e-4,
    });
    assert_eq!(runner.race().variant, Some(TILED));
}

#[test]
fn the_favourite_wins_unless_another_is_clearly_faster() {
    let with = |other: f64| {
        let mut runner = MadeUp::new(move |l| if l.product == Direct { other } else { 1e-4 });
        runner.race().variant.unwrap()
    };
    assert_eq!(with(0.99e-4), TILED);
    assert_eq!(with(0.9e-4), Variant::of(Direct, Buffers));
}

#[test]
fn kernels_of_a_favourite_that_is_a_mixture_race_once_and_first() {
    let mixed = Variant { nt: Tiled32x32, nn: Tiled64x64, tn: Tiled, memory: Buffers };
    let with = |seconds: fn(Candidate) -> f64| {
        let mut runner = MadeUp::new(seconds);
        let result = runner.race_against(mixed, &[]);
        let mut candidates: Vec<Candidate> = result.timings.iter().map(|timing| timing.candidate).collect();
        assert!(candidates[..3].iter().all(|candidate| candidate.is_of(mixed)), "{candidates:?}");
        assert_eq!(candidates.len(), 3 * 2 * Product::ALL.len());
        while let Some(candidate) = candidates.pop() {
            assert!(!candidates.contains(&candidate), "{candidate}");
        }
        result.variant
    };
    assert_eq!(with(|_| 1e-4), Some(mixed), "the favourite wins ties");
    let seconds = |candidate: Candidate| if candidate.product == Tiled64x64 { 0.9e-4 } else { 1e-4 };
    assert_eq!(with(seconds), Some(Variant::of(Tiled64x64, Buffers)));
}

#[test]
fn a_wrong_kernel_loses_to_the_next_however_fast_it_is() {
    let seconds = |candidate: Candidate| match candidate.product {
        Tiled => 1e-4,
        Tiled64x64 => 1.2e-4,
        _ => 1.3e-4,
    };
    let mut runner = MadeUp::new(seconds);
    runner.wrong = |l| l == candidate(Transpose::Nn, Tiled, Buffers) || l.memory == Textures;
    let result = runner.race();
    let next = Variant { nn: Tiled64x64, ..TILED };
    assert_eq!(result.variant, Some(next));
    let of = |it| result.timings.iter().find(|timing| timing.candidate == it).unwrap();
    assert_eq!(of(candidate(Transpose::Nn, Tiled, Buffers)).status, Status::Faulty(wrong()));
    let checks = |it| runner.checked.iter().filter(|checked| **checked == it).count();
    assert_eq!(checks(candidate(Transpose::Nn, Tiled64x64, Buffers)), 1);
}

#[test]
fn what_was_checked_before_is_not_checked_again_and_a_faulty_kernel_not_even_timed() {
    let seconds = |candidate: Candidate| match (candidate.product, candidate.memory) {
        (Tiled, Buffers) => 1e-4,
        _ => 1.2e-4,
    };
    let mut runner = MadeUp::new(seconds);
    let [nt, nn, tn] = PRODUCTS.map(|(transpose, _)| Candidate::of(TILED, transpose));
    let result = runner.race_against(TILED, &[(nt, Ok(())), (nn, Err(wrong())), (tn, Ok(()))]);
    let winner = result.variant.unwrap();
    assert_eq!((winner.nt, winner.tn, winner.nn == Tiled), (Tiled, Tiled, false));
    let next = Candidate::of(winner, Transpose::Nn);
    assert_eq!((&runner.checked[..], &result.right[..]), (&[next][..], &[nt, tn, next][..]));
    assert!(runner.timed.iter().all(|(candidate, _)| *candidate != nn));
    assert!(
        result
            .timings
            .iter()
            .any(|timing| timing.candidate == nn && timing.status == Status::Faulty(wrong()))
    );
}

#[test]
fn only_winners_are_checked_and_each_once() {
    let mut runner = MadeUp::new(|candidate| if candidate.product == Tiled32x32 { 1e-4 } else { 1.4e-4 });
    let winner = Variant::of(Tiled32x32, Buffers);
    assert_eq!(runner.race_against(winner, &[]).variant, Some(winner));
    assert_eq!(runner.checked, PRODUCTS.map(|(transpose, _)| Candidate::of(winner, transpose)));
}

#[test]
fn where_a_wrong_kernel_has_driven_out_all_others_the_favourite_stays() {
    // The wrong one is a hundred times as fast, so that the others drop out in the first round.
    let seconds = |candidate: Candidate| match candidate.product {
        Direct => 1e-6,
        Tiled64x64 => 0.9e-4,
        _ => 1e-4,
    };
    let mut runner = MadeUp::new(seconds);
    runner.wrong = |candidate| candidate.product == Direct;
    assert_eq!(runner.race().variant, Some(TILED));
}

#[test]
fn where_the_favourite_is_wrong_too_the_fastest_of_those_that_dropped_out_wins() {
    let seconds = |candidate: Candidate| match candidate.product {
        Direct => 1e-6,
        Tiled64x64 => 0.9e-4,
        _ => 1e-4,
    };
    let mut runner = MadeUp::new(seconds);
    runner.wrong = |candidate| matches!(candidate.product, Direct | Tiled);
    assert_eq!(runner.race().variant, Some(Variant::of(Tiled64x64, Buffers)));
}

#[test]
fn what_the_device_refuses_is_neither_timed_nor_checked() {
    let mut runner = MadeUp::new(|candidate| if candidate.product == Direct { 1e-6 } else { 1e-4 });
    runner.refused = |candidate| candidate.product == Direct;
    let result = runner.race();
    assert_eq!(result.variant, Some(TILED));
    let direct: Vec<&Timing> =
        result.timings.iter().filter(|timing| timing.candidate.product == Direct).collect();
    let refused = Status::Faulty(Fault::Refused("no such shader".to_owned()));
    assert!(direct.iter().all(|timing| timing.status == refused && timing.seconds.is_none()), "{direct:?}");
    assert!(runner.checked.iter().all(|candidate| candidate.product != Direct));
}

#[test]
fn kernels_of_a_memory_without_a_right_one_for_some_product_drive_nobody_out() {
    let mut runner = MadeUp::new(|candidate| if candidate.memory == Textures { 1e-4 } else { 1e-2 });
    runner.wrong = |l| l.memory == Textures && l.transpose == Transpose::Nt;
    assert_eq!(runner.race().variant, Some(TILED));
}

#[test]
fn without_a_right_kernel_for_a_product_nobody_wins() {
    let mut runner = MadeUp::new(|_| 1e-4);
    runner.wrong = |candidate| candidate.transpose == Transpose::Tn;
    assert_eq!(runner.race().variant, None);
}

#[test]
fn the_hopeless_are_timed_twice_and_never_on_a_larger_piece() {
    let mut runner = MadeUp::new(|candidate| if candidate.product == Direct { 5e-3 } else { 1e-3 });
    runner.sizes = 3;
    let result = runner.race();
    let direct = runner.timed.iter().filter(|(candidate, _)| candidate.product == Direct).count();
    assert_eq!(direct, 2 * 2 * PRODUCTS.len());
    let statuses = result
        .timings
        .iter()
        .filter(|timing| timing.candidate.product == Direct)
        .map(|timing| &timing.status);
    assert!(statuses.into_iter().all(|status| *status == Status::Slow));
}

#[test]
fn a_hiccup_throws_nobody_out() {
    let first = std::cell::Cell::new(true);
    let direct = candidate(Transpose::Nt, Direct, Buffers);
    let mut runner = MadeUp::new(move |l| match l {
        l if l == direct && first.take() => 0.2,
        l if l.product == Direct => 1e-3,
        _ => 2e-3,
    });
    assert_eq!(runner.race().variant, Some(Variant::of(Direct, Buffers)));
}

#[test]
fn sizes_grow_until_products_are_long_enough() {
    let mut runner = MadeUp::new(|_| 1e-6);
    runner.sizes = 100;
    runner.race();
    assert!(runner.size >= LONG_ENOUGH / 1e-6 && runner.size < GROWTH * LONG_ENOUGH / 1e-6);
}

#[test]
fn the_budget_holds_however_slow_the_device_is() {
    for seconds in [1e-6, 1e-4, 1e-3, 0.01, 0.09, 0.4] {
        let mut runner =
            MadeUp::new(|candidate| if candidate.product == Tiled { seconds } else { 3.0 * seconds });
        runner.sizes = 3;
        let result = runner.race();
        // At most the measurement at which it ran out lies beyond it.
        assert!(result.spent < BUDGET + 3.0 * seconds, "{seconds}: {}", result.spent);
        assert_eq!(result.variant, Some(TILED), "{seconds}");
    }
}

#[test]
fn who_comes_too_late_is_left_out_and_the_favourite_never_is() {
    let mut runner = MadeUp::new(|_| 1e-4);
    runner.compiling = 2.0;
    let result = runner.race();
    assert_eq!(result.variant, Some(TILED));
    let late = result.timings.iter().filter(|timing| timing.status == Status::Late).count();
    assert_eq!(late, 3 * 2 * Product::ALL.len() - 3);
    assert!(PRODUCTS.iter().all(|&(form, _)| runner.timed.iter().any(|(l, _)| l.transpose == form)));
}

#[test]
fn compilation_between_measurements_does_not_go_on_for_ever() {
    let mut runner = MadeUp::new(|_| 1e-3);
    (runner.sizes, runner.warming) = (100, 0.5);
    assert_eq!(runner.race().variant, Some(TILED));
    assert!(runner.clock < PATIENCE + BUDGET + 1.0, "{} s", runner.clock);
}

#[test]
fn a_device_on_which_nothing_can_be_timed_in_time_keeps_the_favourite() {
    let mut runner = MadeUp::new(|_| 10.0);
    let result = runner.race();
    assert_eq!(result.variant, Some(TILED));
    assert_eq!(runner.timed.len(), 1);
}
