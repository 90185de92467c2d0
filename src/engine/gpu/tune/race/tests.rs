//! Races on made-up times.

use super::*;
use Memory::{Buffers, Textures};
use Product::{Broadcast, Direct, Tiled};

/// Seconds of a product on the smallest piece by a made-up rule; every piece is `growth` times the one before.
struct Made<F: Fn(Lane) -> f64> {
    seconds: F,
    wrong: fn(Lane) -> bool,
    size: f64,
    pieces: usize,
    clock: f64,
    compiling: f64,
    warming: f64,
    timed: Vec<(Lane, usize)>,
}

impl<F: Fn(Lane) -> f64> Made<F> {
    fn new(seconds: F) -> Self {
        let timed = Vec::new();
        Self {
            seconds,
            wrong: |_| false,
            size: 1.0,
            pieces: 1,
            clock: 0.0,
            compiling: 0.01,
            warming: 0.0,
            timed,
        }
    }

    fn race(&mut self) -> Finish {
        race(self, &Variant::all().collect::<Vec<_>>(), TILED).unwrap()
    }
}

impl<F: Fn(Lane) -> f64> Course for Made<F> {
    fn check(&mut self, lane: Lane) -> Result<(), Failure> {
        self.clock += self.compiling;
        if (self.wrong)(lane) { Err(Failure::Wrong("element 3 is 7".to_owned())) } else { Ok(()) }
    }

    fn elapsed(&self) -> f64 {
        self.clock
    }

    fn time(&mut self, lane: Lane, count: usize) -> Result<f64> {
        let seconds = (self.seconds)(lane) * self.size * count as f64;
        self.clock += seconds + self.warming;
        self.timed.push((lane, count));
        Ok(seconds)
    }

    fn enlarge(&mut self, growth: f64) -> Result<Option<f64>> {
        if self.pieces == 1 {
            return Ok(None);
        }
        self.pieces -= 1;
        self.size *= growth;
        Ok(Some(growth))
    }
}

const TILED: Variant = Variant::of(Tiled, Buffers);

fn lane(form: Form, product: Product, memory: Memory) -> Lane {
    Lane { form, product, memory }
}

#[test]
fn each_product_gets_its_fastest_kernel_in_the_faster_memory() {
    let mut course = Made::new(|lane| match (lane.form, lane.product, lane.memory) {
        (Form::Nt, Broadcast, Buffers) | (Form::Nn, Direct, Buffers) => 1e-4,
        (_, _, Buffers) => 1.3e-4,
        (_, _, Textures) => 1.2e-4,
    });
    let variant = Variant { nt: Broadcast, nn: Direct, tn: Tiled, memory: Buffers };
    assert_eq!(course.race().variant, Some(variant));
}

#[test]
fn memories_are_compared_over_all_products_of_a_step() {
    // Textures win one product by far and lose the two that a step has twice.
    let mut course = Made::new(|lane| match (lane.form, lane.memory) {
        (Form::Nn, Textures) => 0.7e-4,
        (_, Textures) => 1.2e-4,
        (_, Buffers) => 1e-4,
    });
    assert_eq!(course.race().variant, Some(TILED));
}

#[test]
fn the_favourite_wins_unless_another_is_clearly_faster() {
    let with = |other: f64| {
        let mut course = Made::new(move |l| if l.product == Direct { other } else { 1e-4 });
        course.race().variant.unwrap()
    };
    assert_eq!(with(0.99e-4), TILED);
    assert_eq!(with(0.9e-4), Variant::of(Direct, Buffers));
}

#[test]
fn a_wrong_kernel_is_never_timed_and_never_wins() {
    let mut course = Made::new(|lane| if lane.product == Tiled { 1e-6 } else { 1e-3 });
    course.wrong = |l| l == lane(Form::Nn, Tiled, Buffers) || l.memory == Textures;
    let finish = course.race();
    assert_eq!(finish.variant.map(|v| (v.nt, v.nn == Tiled, v.tn)), Some((Tiled, false, Tiled)));
    assert!(course.timed.iter().all(|&(lane, _)| !(course.wrong)(lane)));
    let wrong = finish.laps.iter().find(|lap| lap.lane == lane(Form::Nn, Tiled, Buffers)).unwrap();
    assert_eq!(wrong.place, Place::Wrong("element 3 is 7".to_owned()));
}

#[test]
fn without_a_right_kernel_for_a_product_nobody_wins() {
    let mut course = Made::new(|_| 1e-4);
    course.wrong = |lane| lane.form == Form::Tn;
    assert_eq!(course.race().variant, None);
}

#[test]
fn the_hopeless_are_timed_twice_and_never_on_a_larger_piece() {
    let mut course = Made::new(|lane| if lane.product == Direct { 5e-3 } else { 1e-3 });
    course.pieces = 3;
    let finish = course.race();
    let direct = course.timed.iter().filter(|(lane, _)| lane.product == Direct).count();
    assert_eq!(direct, 2 * 2 * FORMS.len());
    let places = finish.laps.iter().filter(|lap| lap.lane.product == Direct).map(|lap| &lap.place);
    assert!(places.into_iter().all(|place| *place == Place::Slow));
}

#[test]
fn a_hiccup_throws_nobody_out() {
    let first = std::cell::Cell::new(true);
    let direct = lane(Form::Nt, Direct, Buffers);
    let mut course = Made::new(move |l| match l {
        l if l == direct && first.take() => 0.2,
        l if l.product == Direct => 1e-3,
        _ => 2e-3,
    });
    assert_eq!(course.race().variant, Some(Variant::of(Direct, Buffers)));
}

#[test]
fn pieces_grow_until_products_are_long_enough() {
    let mut course = Made::new(|_| 1e-6);
    course.pieces = 100;
    course.race();
    assert!(course.size >= LONG_ENOUGH / 1e-6 && course.size < GROWTH * LONG_ENOUGH / 1e-6);
}

#[test]
fn the_budget_holds_however_slow_the_device_is() {
    for seconds in [1e-6, 1e-4, 1e-3, 0.01, 0.09, 0.4] {
        let mut course = Made::new(|lane| if lane.product == Tiled { seconds } else { 3.0 * seconds });
        course.pieces = 3;
        let finish = course.race();
        // At most the measurement at which it ran out lies beyond it.
        assert!(finish.spent < BUDGET + 3.0 * seconds, "{seconds}: {}", finish.spent);
        assert_eq!(finish.variant, Some(TILED), "{seconds}");
    }
}

#[test]
fn who_comes_too_late_is_left_out_and_the_favourite_never_is() {
    let mut course = Made::new(|_| 1e-4);
    course.compiling = 2.0;
    let finish = course.race();
    assert_eq!(finish.variant, Some(TILED));
    let late = finish.laps.iter().filter(|lap| lap.place == Place::Late).count();
    assert_eq!(late, 18 - 3);
}

#[test]
fn compilation_between_measurements_does_not_go_on_for_ever() {
    let mut course = Made::new(|_| 1e-3);
    (course.pieces, course.warming) = (100, 0.5);
    assert_eq!(course.race().variant, Some(TILED));
    assert!(course.clock < PATIENCE + BUDGET + 1.0, "{} s", course.clock);
}

#[test]
fn a_device_on_which_nothing_can_be_timed_in_time_keeps_the_favourite() {
    let mut course = Made::new(|_| 10.0);
    let finish = course.race();
    assert_eq!(finish.variant, Some(TILED));
    assert_eq!(course.timed.len(), 1);
}
