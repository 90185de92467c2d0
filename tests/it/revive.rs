//! Dead units that are given new weights.

use std::sync::Arc;

use rhohat::data::shuffle::Shuffle;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Chunking, Engine, Layer, RhoHat};
use rhohat::math::objective::{Activation, Objective, Penalty, RhoHatMode};
use rhohat::math::optim::{DescentConfig, OptimizerConfig};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::math::random::Stream;
use rhohat::train::diagnostics::{dead, is_dead};
use rhohat::train::resample::{LENGTH, resample};
use rhohat::train::{Outcome, Recipe, Resampling, train};

use crate::support;

const SHAPE: Shape = Shape { visible: 16, hidden: 12 };
/// Units from this one on are dead at first.
const LIVING: usize = 4;
const EXAMPLES: usize = 240;

fn engines(test: &str) -> Vec<(&'static str, Choice)> {
    let software = support::software(test).map(|gpu| ("software", Choice::Gpu(Arc::new(gpu))));
    [("reference", Choice::Reference), ("cpu", Choice::Cpu)].into_iter().chain(software).collect()
}

/// Each example is one of eight waves, brighter or darker; four units are too few for them.
fn waves() -> Matrix<f32> {
    let mut stream = Stream::new(9, "waves");
    let row = |row: usize| {
        let height = 0.1 + 0.3 * stream.unit();
        let wave = move |col: usize| (0.4 * (row % 8 + 1) as f64 * col as f64).sin();
        (0..SHAPE.visible).map(move |col| (0.5 + height * wave(col)) as f32)
    };
    Matrix::new(EXAMPLES, SHAPE.visible, (0..EXAMPLES).flat_map(row).collect())
}

/// Random weights, but for biases so low that most units never become active and have no gradient, not even one that
/// Adam would enlarge.
fn mostly_dead(f: Activation) -> (Setup, (Params<f32>, Matrix<f32>)) {
    let mut params: Params<f32> = Params::random(SHAPE, 1);
    params.b1[LIVING..].fill(-60.0);
    let objective = Objective {
        activation: f,
        penalty: Penalty::kl(0.2),
        beta: 0.1,
        lambda: 1e-4,
        ..Objective::default()
    };
    let rho_hat = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
    let setup = Setup {
        objective,
        cut: Chunking { chunk: Some(96), block: Some(5), ..Chunking::default() },
        rho_hat,
        threads: 0,
    };
    (setup, (params, waves()))
}

fn run(
    choice: &Choice,
    setup: &Setup,
    start: &(Params<f32>, Matrix<f32>),
    recipe: &Recipe,
) -> (Outcome, Params<f32>) {
    let mut engine = choice.open(setup, start).unwrap();
    let outcome = train(&mut *engine, recipe, &mut ()).unwrap();
    let params = engine.params().unwrap();
    (outcome, params)
}

fn recipe(resampling: Option<Resampling>) -> Recipe {
    Recipe {
        yardstick: None,
        optimizer: OptimizerConfig::Adam {
            descent: DescentConfig { batch: Some(60), ..DescentConfig::constant(0.01) },
        },
        resampling,
        steps: 400,
        shuffle: Shuffle::rows(3),
        report_every: 100,
    }
}

#[test]
fn dead_units_come_alive_and_lower_the_error_on_every_engine() {
    for (name, choice) in engines("revival") {
        for f in [Activation::Sigmoid, Activation::Tanh] {
            let (setup, start) = mostly_dead(f);
            let objective = setup.objective;
            let (without, _) = run(&choice, &setup, &start, &recipe(None));
            let (with, _) = run(&choice, &setup, &start, &recipe(Some(Resampling { every: 50, objective })));
            let left = dead(&without.cost.rho_hat, &objective);
            assert_eq!((left, without.revived), (SHAPE.hidden - LIVING, 0), "{name}, {f:?}: they stay dead");
            assert_eq!(dead(&with.cost.rho_hat, &objective), 0, "{name}, {f:?}");
            assert!(with.revived >= SHAPE.hidden - LIVING, "{name}, {f:?}: {}", with.revived);
            let (before, after) = (without.cost.reconstruction, with.cost.reconstruction);
            println!(
                "{name}, {f:?}: reconstruction {before:.4} without, {after:.4} with, {} revived",
                with.revived
            );
            assert!(after < 0.8 * before, "{name}, {f:?}: {before} and {after}");
        }
    }
}

#[test]
fn one_seed_gives_the_same_bits_and_another_one_others() {
    for (name, choice) in engines("revival twice") {
        let (setup, start) = mostly_dead(Activation::Sigmoid);
        let resampling = Some(Resampling { every: 3, objective: setup.objective });
        let optimizer = OptimizerConfig::Adam { descent: DescentConfig::constant(0.01) };
        let params = |seed| {
            run(
                &choice,
                &setup,
                &start,
                &Recipe { optimizer, shuffle: Shuffle::rows(seed), steps: 8, ..recipe(resampling) },
            )
            .1
        };
        assert_eq!(params(1), params(1), "{name}");
        assert_ne!(params(1), params(2), "{name}");
    }
}

#[test]
fn a_revived_unit_points_at_the_error_of_an_example_of_its_own_and_is_as_active_as_wanted() {
    for (name, choice) in engines("one revival") {
        for f in [Activation::Sigmoid, Activation::Tanh] {
            let (setup, start) = mostly_dead(f);
            let mut engine = choice.open(&setup, &start).unwrap();
            let (before, errors) = (engine.cost().unwrap(), residuals(&mut *engine));
            let revived =
                resample(&mut *engine, &setup.objective, &before.rho_hat, &mut Stream::new(5, "test"))
                    .unwrap();
            assert_eq!(revived, SHAPE.hidden - LIVING, "{name}");
            let (params, after) = (engine.params().unwrap(), engine.cost().unwrap());
            let mut owners = Vec::new();
            for unit in 0..SHAPE.hidden {
                let (w1, old) = (row(&params.w1, unit), row(&start.0.w1, unit));
                if !is_dead(before.rho_hat[unit], &setup.objective) {
                    assert_eq!(w1, old, "{name}: unit {unit} lives");
                    continue;
                }
                let cosines = errors.iter().map(|error| cosine(error, w1)).enumerate();
                let (owner, nearest) = cosines.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
                assert!(nearest > 1.0 - 1e-9, "{name}: unit {unit} points elsewhere, {nearest}");
                owners.push(owner);
                assert!(cosine(row(&params.d, unit), w1) > 1.0 - 1e-5, "{name}: decoder of {unit}");
                let length = |rows: &[f32]| -> f64 {
                    (0..LIVING).map(|unit| norm(row(rows, unit))).sum::<f64>() / LIVING as f64 * LENGTH
                };
                assert!((norm(w1) / length(&start.0.w1) - 1.0).abs() < 1e-5, "{name}: length of {unit}");
                let rho_hat = after.rho_hat[unit];
                assert!((rho_hat - 0.2).abs() < 1e-4, "{name}, {f:?}: ρ̂ of {unit} is {rho_hat}");
            }
            owners.sort_unstable();
            owners.dedup();
            assert_eq!(owners.len(), revived, "{name}: each has an example of its own");
        }
    }
}

#[test]
fn examples_are_drawn_in_proportion_to_their_squared_error() {
    // A decoder of zeros reconstructs nothing: the error is the example. Every second one is five times as long.
    let (visible, hidden, rows) = (8, 100, 1_000);
    let mut stream = Stream::new(8, "examples");
    let mut number = |row: usize| [0.2, 1.0][row % 2] * (2.0 * stream.unit() - 1.0);
    let values = (0..rows * visible).map(|i| number(i / visible) as f32).collect();
    let shape = Shape { visible, hidden };
    let params = Params { w1: vec![0.5; hidden * visible], ..Params::zeros(shape) };
    let data = Matrix::new(rows, visible, values);
    let objective = Objective { output: Activation::Linear, ..Objective::default() };
    let setup = Setup { objective, ..Setup::default() };
    let mut engine = Choice::Cpu.open(&setup, &(params, data.clone())).unwrap();
    let all_dead = vec![0.0; hidden];
    assert_eq!(resample(&mut *engine, &objective, &all_dead, &mut Stream::new(5, "test")).unwrap(), hidden);

    let w1 = engine.params().unwrap().w1;
    let owner =
        |w1: &[f32]| (0..rows).max_by(|&a, &b| cosine(data.row(a), w1).total_cmp(&cosine(data.row(b), w1)));
    let short = w1.chunks(visible).filter(|w1| owner(w1).unwrap() % 2 == 0).count();
    // 1 in 26 by squared errors: 4 ± 2 of a hundred. By errors it would be 17 ± 4, by chance alone 50 ± 5.
    assert!(short < 10, "{short} of {hidden} begin with a short error");
}

fn residuals(engine: &mut dyn Engine) -> Vec<Vec<f32>> {
    let rows: Vec<usize> = (0..EXAMPLES).collect();
    let x = engine.activations(Layer::Input, &rows).unwrap();
    let a3 = engine.activations(Layer::Output, &rows).unwrap();
    assert_eq!(x, waves().values, "the input layer holds the examples");
    assert_eq!(a3, engine.reconstruct(0, EXAMPLES).unwrap(), "the output layer holds their reconstructions");
    let errors: Vec<f32> = x.iter().zip(&a3).map(|(x, a3)| x - a3).collect();
    errors.chunks(SHAPE.visible).map(<[f32]>::to_vec).collect()
}

fn row(rows: &[f32], unit: usize) -> &[f32] {
    &rows[unit * SHAPE.visible..][..SHAPE.visible]
}

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    dot / (norm(a) * norm(b))
}

#[test]
fn living_units_are_left_alone() {
    let (setup, mut start) = mostly_dead(Activation::Sigmoid);
    start.0 = Params::random(SHAPE, 1);
    let mut engine = Choice::Cpu.open(&setup, &start).unwrap();
    let rho_hat = engine.cost().unwrap().rho_hat;
    assert_eq!(resample(&mut *engine, &setup.objective, &rho_hat, &mut Stream::new(5, "test")).unwrap(), 0);
    assert_eq!(engine.params().unwrap(), start.0);
}
