//! Dead, saturated, collapsed and duplicate units, on weights and activations whose faults are known.

use std::sync::Arc;

use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Chunking, Engine, Layer};
use rhohat::error::Error;
use rhohat::math::objective::{Activation, Cost, Objective, Penalty};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::math::random::Stream;
use rhohat::train::diagnostics::{
    Duplicates, Spread, UnitDiagnostics, dead, duplicates, duplicates_within, saturated, spaced,
};

use crate::support;

fn engines(test: &str) -> Vec<(&'static str, Choice)> {
    let software = support::software(test).map(|gpu| ("software", Choice::Gpu(Arc::new(gpu))));
    [("reference", Choice::Reference), ("cpu", Choice::Cpu)].into_iter().chain(software).collect()
}

/// Rows of numbers in (−1, 1): far from alike once they are longer than a few.
fn random_rows(units: usize, visible: usize, seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed, "rows");
    (0..units * visible).map(|_| (2.0 * stream.unit() - 1.0) as f32).collect()
}

/// What is found where so many units are compared with all earlier ones.
fn found(pairs: Vec<(usize, usize)>, compared: usize) -> Duplicates {
    Duplicates { count: pairs.len(), compared, pairs }
}

#[test]
fn rows_of_the_same_direction_are_duplicates_whatever_their_length_and_opposite_ones_are_not() {
    let rows = [[3.0, 0.0], [0.0, 1.0], [1e-3, 0.0], [-3.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1e4]];
    assert_eq!(duplicates(&rows.concat(), 2), found(vec![(2, 0), (6, 1)], 7));
}

#[test]
fn the_cosine_decides_at_its_threshold() {
    let at = |cosine: f32| [1.0, 0.0, cosine, (1.0 - cosine * cosine).sqrt()];
    assert_eq!(duplicates(&at(0.979), 2).count, 0);
    assert_eq!(duplicates(&at(0.981), 2).count, 1);
}

#[test]
fn every_copy_of_an_earlier_row_is_found_once_wherever_it_stands() {
    for (units, visible) in [(1, 9), (2, 8), (5, 16), (63, 17), (131, 23), (200, 33)] {
        let mut rows = random_rows(units, visible, 1);
        for (from, to) in [(0, 1), (0, 3), (1, 64), (62, 64), (64, 65), (2, 130), (128, 130), (3, 199)] {
            if to < units {
                let copy: Vec<f32> = rows[from * visible..][..visible].iter().map(|w| 0.7 * w).collect();
                rows[to * visible..][..visible].copy_from_slice(&copy);
            }
        }
        let row = |unit: usize| &rows[unit * visible..][..visible];
        let first = |unit: usize| (0..unit).find(|&earlier| is_like(row(earlier), row(unit)));
        let planted = (0..units).filter_map(|unit| Some((unit, first(unit)?))).collect();
        assert_eq!(duplicates(&rows, visible), found(planted, units), "{units} rows of {visible}");
    }
}

fn is_like(a: &[f32], b: &[f32]) -> bool {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) > 0.98 * (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn a_sample_estimates_the_duplicates_and_says_how_many_it_compared() {
    let (units, visible) = (4_000, 20);
    let mut rows = random_rows(units, visible, 2);
    // The later half repeats the earlier one, in another order.
    for unit in 0..units / 2 {
        let twin = (units / 2 + (unit * 7) % (units / 2)) * visible;
        rows.copy_within(unit * visible..(unit + 1) * visible, twin);
    }
    let Duplicates { count, compared, pairs } = duplicates(&rows, visible);
    assert_eq!((count, compared, pairs.len()), (2_000, 4_000, 2_000));
    assert!(pairs.is_sorted() && pairs.iter().all(|&(unit, earlier)| unit == 2_000 + earlier * 7 % 2_000));
    let estimate = duplicates_within(&rows, visible, 2_000_000);
    assert_eq!(estimate.compared, 1_000);
    // 500 of the sample are duplicates, give or take √(1000/4 · 3/4), each of which stands for four units.
    assert!(estimate.count.abs_diff(2_000) < 4 * 4 * 14, "{estimate:?}");
    assert_eq!(duplicates_within(&rows, visible, 2_000_000), estimate, "the sample is seeded");
}

#[test]
fn dead_and_saturated_units_are_told_by_their_rho_hat() {
    let objective = Objective { penalty: Penalty::kl(0.2), ..Objective::default() };
    let rho_hat = [0.0, 0.0199, 0.0201, 0.5, 0.8999, 0.9001, 1.0];
    assert_eq!((dead(&rho_hat, &objective), saturated(&rho_hat)), (2, 2));
}

#[test]
fn the_spread_of_activations_in_pieces_is_that_of_all_and_keeps_its_digits_near_one() {
    // More units than a task takes; unit j spreads by about 10⁻⁶ j about 1.
    let (rows, hidden) = (50, 1_100);
    let mut stream = Stream::new(3, "activations");
    let a2: Vec<f32> =
        (0..rows * hidden).map(|i| (1.0 - 1e-6 * (i % hidden) as f64 * stream.unit()) as f32).collect();
    let mut spread = Spread::new(hidden, Activation::Sigmoid);
    a2.chunks(7 * hidden).for_each(|piece| spread.add(piece));
    for (unit, deviation) in spread.deviations().enumerate() {
        let column = || a2.iter().skip(unit).step_by(hidden).map(|&a| f64::from(a));
        let mean = column().sum::<f64>() / rows as f64;
        let wanted = (column().map(|a| (a - mean).powi(2)).sum::<f64>() / rows as f64).sqrt();
        assert!((deviation - wanted).abs() <= 1e-12, "unit {unit}: {deviation:e}, not {wanted:e}");
    }
}

/// Half of the examples are 1, half −1; unit j has weight `w1[j]` and no bias, so that its activations are f(±w).
fn two_points(f: Activation, w1: &[f32], rows: usize) -> (Setup, (Params<f32>, Matrix<f32>)) {
    let shape = Shape { visible: 1, hidden: w1.len() };
    let params = Params { w1: w1.to_vec(), ..Params::zeros(shape) };
    let x = (0..rows).map(|row| if row % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let objective = Objective { activation: f, ..Objective::default() };
    let setup = Setup {
        objective,
        cut: Chunking { chunk: Some(16), block: Some(3), ..Chunking::default() },
        ..Setup::default()
    };
    (setup, (params, Matrix::new(rows, 1, x)))
}

#[test]
fn collapsed_units_are_those_whose_active_fraction_hardly_spreads_on_every_engine() {
    // About a mean of 1/2 f(±w) spreads by tanh(w/2)/2 for the sigmoid, the active fraction of tanh by (tanh w)/2: a twentieth
    // of the mean at w = 0.1 and 0.05.
    let cases = [
        (Activation::Sigmoid, [0.0, 0.0995, -0.0995, 0.101, 1.0, 9.0], 3),
        (Activation::Tanh, [0.0, 0.0498, -0.0498, 0.0503, 0.1, 9.0], 3),
    ];
    for (name, choice) in engines("collapsed units") {
        for (f, w1, wanted) in cases {
            let (setup, start) = two_points(f, &w1, 40);
            let mut engine = choice.open(&setup, &start).unwrap();
            let health = measure(&mut *engine, &setup.objective, &start.0, &spaced(40, usize::MAX));
            assert_eq!((health.collapsed, health.collapsed_over), (wanted, 40), "{name}, {f:?}");
        }
    }
}

fn measure(
    engine: &mut dyn Engine,
    objective: &Objective,
    params: &Params<f32>,
    rows: &[usize],
) -> UnitDiagnostics {
    let cost: Cost = engine.cost().unwrap();
    UnitDiagnostics::measure(engine, objective, &cost, params, rows, &mut |_, _| {}).unwrap().0
}

#[test]
fn a_rare_unit_is_not_collapsed_and_a_constant_one_is_whatever_its_value() {
    let rows = 1_000;
    // A constant of any size, one that is active once in a hundred rows, one that is so all but once, one that swings by
    // half of its small mean.
    let unit = |unit: usize, row: usize| match unit {
        0 => 0.01,
        1 => 0.999,
        2 => 1e-6,
        3 => f32::from(row.is_multiple_of(100)),
        4 => f32::from(!row.is_multiple_of(100)),
        _ => 0.001 + 0.0005 * f32::from(row.is_multiple_of(2)),
    };
    let a2: Vec<f32> = (0..rows).flat_map(|row| (0..6).map(move |j| unit(j, row))).collect();
    let mut spread = Spread::new(6, Activation::Sigmoid);
    a2.chunks(60).for_each(|piece| spread.add(piece));
    let (objective, params) = (Objective::default(), Params::zeros(Shape { visible: 1, hidden: 6 }));
    let mut cost = Cost::default();
    cost.rho_hat = vec![0.1; 6];
    assert_eq!(UnitDiagnostics::of(&objective, &cost, &params, &spread).0.collapsed, 3);
    // Two of the six are above one half: 0.999 always, the last but one in all rows but ten, the fourth in ten.
    assert!((spread.l0() - 2.0).abs() < 1e-12, "{}", spread.l0());
}

#[test]
fn collapse_is_judged_on_the_named_examples_alone() {
    let (setup, start) = two_points(Activation::Sigmoid, &[1.0, 2.0], 40);
    let mut engine = Choice::Cpu.open(&setup, &start).unwrap();
    let ones: Vec<usize> = (0..20).map(|i| 2 * i).collect();
    let health = measure(&mut *engine, &setup.objective, &start.0, &ones);
    assert_eq!((health.collapsed, health.collapsed_over), (2, 20));
}

#[test]
fn a_spaced_sample_reaches_from_the_first_to_nearly_the_last_example() {
    assert_eq!(spaced(10, 4), [0, 2, 5, 7]);
    assert_eq!(spaced(3, 4), [0, 1, 2]);
}

#[test]
fn listed_examples_are_encoded_as_in_their_place_on_every_engine() {
    let shape = Shape { visible: 5, hidden: 11 };
    let data = Matrix::new(50, 5, random_rows(50, 5, 4));
    let setup = Setup {
        cut: Chunking { chunk: Some(16), block: Some(3), ..Chunking::default() },
        ..Setup::default()
    };
    for (name, choice) in engines("listed examples") {
        let mut engine = choice.open(&setup, &(Params::random(shape, 5), data.clone())).unwrap();
        let all = engine.encode(0, 50).unwrap();
        let rows: Vec<usize> = (0..37).map(|i| i * 29 % 50).chain([3, 3]).collect();
        let wanted: Vec<f32> = rows.iter().flat_map(|&row| all[row * 11..][..11].to_vec()).collect();
        assert_eq!(engine.activations(Layer::Hidden, &rows).unwrap(), wanted, "{name}");
        assert!(engine.activations(Layer::Hidden, &[]).unwrap().is_empty(), "{name}");
        let error = engine.activations(Layer::Hidden, &[7, 50]).unwrap_err();
        assert!(matches!(&error, Error::Usage(text) if text.contains("example 50 of 50")), "{name}: {error}");
    }
}

#[test]
fn rows_whose_squares_leave_32_bits_are_compared_all_the_same() {
    // The second is twice the first, the third points elsewhere, the last is zero.
    let rows = [[1.0_f32, 2.0, -1.0], [2.0, 4.0, -2.0], [2.0, -1.0, 0.0], [0.0; 3]];
    for size in [1e-41_f32, 1e-25, 1e-3, 1.0, 1e25, 8e37] {
        let w1: Vec<f32> = rows.iter().flatten().map(|x| x * size).collect();
        assert_eq!(duplicates(&w1, 3).count, 1, "{size}");
    }
}
