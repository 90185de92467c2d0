//! Layers, batches and vectors that are larger than a binding: steps stay those of the reference, however small the
//! limit, and any cut gives the same parameters.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rhohat::data::shuffle::Shuffle;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::memory::partition::Partition;
use rhohat::engine::{Chunking, Rows, Step, Update};
use rhohat::error::Error;
use rhohat::math::objective::Activation;
use rhohat::math::optim::{Optimizer, OptimizerConfig};
use rhohat::math::params::{Params, Shape};
use rhohat::train::{Recipe, train};
use rhohat::verify::compare::{Expected, UNIT};
use rhohat::verify::running_error::exact;
use rhohat::verify::running_error::step::{cost_and_gradient, exact_weights};
use rhohat::verify::steps::{Problem, Rule, check_pass, check_updates_on};
use rhohat::verify::training;

use crate::support;

const SIGMOIDS: (Activation, Activation) = (Activation::Sigmoid, Activation::Sigmoid);

fn device(test: &str) -> Option<Arc<Gpu>> {
    support::software(test).map(Arc::new)
}

fn limited(bytes: u64) -> Chunking {
    Chunking { binding_limit: Some(bytes), ..Chunking::default() }
}

/// All rows from the last to the first, every other one, and one.
fn batches(rows: usize) -> [Vec<usize>; 3] {
    [(0..rows).rev().collect(), (0..rows).step_by(2).collect(), vec![rows - 1]]
}

fn check_all(choice: &Choice, problem: &Problem, cut: Chunking) {
    let batches = batches(problem.data.rows);
    let batches = batches.each_ref().map(Vec::as_slice);
    check_pass(choice, problem, cut).unwrap_or_else(|failure| panic!("{cut:?}: {failure}"));
    for (name, rule) in Rule::all() {
        let passed = check_updates_on(choice, problem, rule, cut, batches);
        passed.unwrap_or_else(|failure| panic!("{name}, {cut:?}: {failure}"));
    }
}

#[test]
fn steps_in_bindings_of_64_kib_are_those_of_the_reference() {
    let Some(gpu) = device("64 KiB") else { return };
    let shape = Shape { visible: 40, hidden: 400 };
    let layout = Partition::new(&gpu, shape, 300, limited(1 << 16)).unwrap();
    let (blocks, chunks) = (layout.blocks.len(), layout.chunks(300).len());
    assert!(blocks >= 3 && chunks >= 3, "{blocks} blocks, {chunks} chunks");
    let problem = Problem::of_shape(SIGMOIDS, shape, 300, 4);
    check_all(&Choice::Gpu(gpu), &problem, limited(1 << 16));
}

#[test]
fn sums_and_lists_longer_than_a_binding_are_cut_too() {
    let Some(gpu) = device("long sums") else { return };
    let problem = Problem::of_shape(SIGMOIDS, Shape { visible: 72, hidden: 20 }, 2_000, 5);
    check_all(&Choice::Gpu(gpu), &problem, limited(6_000));
}

#[test]
fn training_in_the_smallest_bindings_arrives_where_the_reference_does() {
    let Some(gpu) = device("training") else { return };
    for optimizer in Optimizer::ALL {
        let trained = training::check(&Choice::Gpu(gpu.clone()), optimizer, limited(5_376), 1);
        trained.unwrap_or_else(|failure| panic!("{optimizer:?}: {failure}"));
    }
}

#[test]
fn a_search_whose_every_tensor_is_cut_many_times_takes_the_way_of_the_reference() {
    const ITERATIONS: usize = 12;
    let Some(gpu) = device("a search") else { return };
    let (shape, rows) = (Shape { visible: 72, hidden: 600 }, 500);
    let cut = limited(1 << 16);
    let layout = Partition::new(&gpu, shape, rows, cut).unwrap();
    // Of 2·10 + 1 vectors that a search keeps, a binding holds 780 numbers each, a block has 15 080.
    assert!(layout.blocks.len() >= 5 && layout.chunks(rows).len() >= 4 && layout.limit == 1 << 14);
    let problem = Problem::of_shape(SIGMOIDS, shape, rows, 9);
    let run = |choice: &Choice, cut| {
        let setup = Setup { objective: problem.objective, cut, ..Setup::default() };
        let mut engine = choice.open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap();
        let before = engine.cost().unwrap().total();
        let recipe = Recipe {
            yardstick: None,
            optimizer: OptimizerConfig::Lbfgs,
            resampling: None,
            steps: ITERATIONS,
            shuffle: Shuffle::rows(0),
            report_every: 1,
        };
        let outcome = train(&mut *engine, &recipe, &mut ()).unwrap();
        assert_eq!(outcome.steps, ITERATIONS);
        (before, outcome.cost.total(), engine.params().unwrap())
    };
    let (before, wanted, _) = run(&Choice::Reference, Chunking::default());
    let (_, found, params) = run(&Choice::Gpu(gpu), cut);
    assert!(wanted < 0.5 * before, "J has only fallen from {before} to {wanted}");
    let bound = training::BOUND * wanted;
    let close = Expected::within(vec![wanted], |_| bound).compare(&[found]).unwrap();
    // J is that of the parameters, which a piece left out of an update would not change.
    let own =
        cost_and_gradient(&problem.objective, &exact_weights(&params), &exact(&problem.data.values), None);
    let own = Expected::from(vec![own.total()]).compare(&[found]).unwrap();
    println!("J {before} to {wanted}, {found}: {:.3} and {:.3} of the bounds", close.share, own.share);
}

#[test]
fn any_shape_and_limit_gives_the_steps_of_the_reference() {
    let Some(gpu) = device("shapes and limits") else { return };
    let sizes = (1..60usize, 1..80usize, 1..200usize, 0..6usize, any::<u64>());
    let cuts = (0..12_000u64, proptest::option::of(1..90usize), proptest::option::of(1..45usize));
    let rng_seed = RngSeed::Fixed(7);
    let config = ProptestConfig { cases: 12, failure_persistence: None, rng_seed, ..Default::default() };
    proptest!(config, |((visible, hidden, rows, pair, seed) in sizes, (above, chunk, block) in cuts)| {
        let smallest = (4 * (17 * visible.next_multiple_of(8) + 264)).max(5_376) as u64;
        let cut = Chunking { chunk, block, binding_limit: Some(smallest + above) };
        let problem = Problem::of_shape(Activation::pairs()[pair], Shape { visible, hidden }, rows, seed);
        check_all(&Choice::Gpu(gpu.clone()), &problem, cut);
    });
}

#[test]
fn a_last_block_that_wants_more_slices_than_the_others_finds_room() {
    let Some(gpu) = device("a narrow last block") else { return };
    let problem = Problem::of_shape(SIGMOIDS, Shape { visible: 784, hidden: 328 }, 300, 6);
    let cut = Chunking { block: Some(168), ..Chunking::default() };
    check_pass(&Choice::Gpu(gpu), &problem, cut).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_limit_that_is_too_small_or_none_is_refused_with_the_way_out() {
    let Some(gpu) = device("refusals") else { return };
    let problem = Problem::of_shape(SIGMOIDS, Shape { visible: 784, hidden: 30 }, 20, 6);
    let open = |choice: &Choice, limit: u64| {
        let setup = Setup { cut: limited(limit), ..Setup::default() };
        match choice.open(&setup, &(problem.params.clone(), problem.data.clone())) {
            Ok(_) => String::new(),
            Err(Error::Usage(text)) => text,
            Err(other) => panic!("{other}"),
        }
    };
    let choice = Choice::Gpu(gpu.clone());
    assert_eq!(open(&choice, 54_368), "");
    let refused = open(&choice, 54_367);
    assert!(refused.contains("784 visible units") && refused.contains("give 54368 or more"), "{refused}");
    let most = gpu.binding_limit();
    let refused = open(&choice, most + 1);
    assert!(refused.contains(&format!("at most {most} bytes")), "{refused}");
    for other in [Choice::Cpu, Choice::Reference] {
        let refused = open(&other, 65_536);
        assert!(refused.contains("no WebGPU device; leave it out"), "{refused}");
    }
}

/// Updates of the test below, and their rate.
const STEPS: usize = 20;
const RATE: f64 = 1e-4;

fn trained(choice: &Choice, problem: &Problem, blocks: usize, chunk: usize) -> (f64, Params<f32>) {
    let block = Some(problem.params.shape.hidden.div_ceil(blocks));
    let cut = Chunking { chunk: Some(chunk), block, ..Chunking::default() };
    let setup = Setup { objective: problem.objective, cut, ..Setup::default() };
    let mut engine = choice.open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap();
    for _ in 0..STEPS {
        engine
            .step(&Step {
                rows: Rows::All,
                update: Update::Sgd { lr: RATE, momentum: 0.0 },
                beta: problem.objective.beta,
                report: false,
            })
            .unwrap();
    }
    (engine.cost().unwrap().total(), engine.params().unwrap())
}

/// How far two runs may drift apart in a tensor whose largest start value is `largest`. With sigmoids, data in [0, 1] and
/// decoder weights that sum up to less than 4 an input, the magnitudes in an element of the gradient add up to less than
/// 2. It takes sums over n, h and m in sequence, each with an error of its length · 2⁻²⁴ of that. An update moves by the
/// rate times the gradient, and rounds a weight once. Two runs drift twice as far; drift feeds back with n/4 · rate a
/// step, which makes less than 1.5 of it in all.
fn drift(problem: &Problem, largest: f64) -> f64 {
    let Shape { visible, hidden } = problem.params.shape;
    let gradient = 2.0 * (visible + hidden + problem.data.rows) as f64 * UNIT;
    2.0 * 1.5 * STEPS as f64 * (RATE * gradient + UNIT * largest)
}

/// How far they drift in the root mean square, if roundings are as often up as down (Higham & Mary 2019, *A new approach
/// to probabilistic rounding error analysis*). An error is uniform within ±2⁻²⁴ of what is rounded, so its deviation is
/// 1/√3 of that; partial sums of k terms grow evenly to their whole S, so that the squares of their errors add up to
/// k/3 · (2⁻²⁴ S)²/3: √k/3 instead of k. All updates may err alike in the gradient, whose data stay the same, but round
/// weights anew: √STEPS. Two runs are √2 apart.
fn typical_drift(problem: &Problem, largest: f64) -> f64 {
    let Shape { visible, hidden } = problem.params.shape;
    let terms = (visible + hidden + problem.data.rows) as f64;
    let gradient = 2.0 * terms.sqrt() / 3.0 * UNIT;
    let of_weights = (STEPS as f64).sqrt() * UNIT * largest / 3.0_f64.sqrt();
    2.0_f64.sqrt() * 1.5 * (STEPS as f64 * RATE * gradient + of_weights)
}

/// Deviations that none of 6.4 million normal numbers exceeds in one of 60 000 such tests.
const DEVIATIONS: f64 = 7.0;

fn root_mean_square(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    (squares.sum::<f64>() / a.len() as f64).sqrt()
}

#[test]
fn twenty_updates_of_a_wide_layer_do_not_depend_on_blocks_and_chunks() {
    let Some(gpu) = device("blocks and chunks") else { return };
    let (choice, shape) = (Choice::Gpu(gpu), Shape { visible: 784, hidden: 4096 });
    let problem = Problem::of_shape(SIGMOIDS, shape, 112, 8);
    let (cost, whole) = trained(&choice, &problem, 1, 4096);
    assert_ne!(whole, problem.params);
    for (blocks, chunk) in [(1, 97), (3, 4096), (17, 97)] {
        let (cut_cost, cut) = trained(&choice, &problem, blocks, chunk);
        let start = &problem.params;
        let tensors = [
            ("w1", &start.w1, &whole.w1, &cut.w1),
            ("b1", &start.b1, &whole.b1, &cut.b1),
            ("d", &start.d, &whole.d, &cut.d),
            ("b2", &start.b2, &whole.b2, &cut.b2),
        ];
        for (name, start, whole, cut) in tensors {
            let what = format!("{blocks} blocks of {chunk} rows, {name}");
            let expected = whole.iter().map(|&w| f64::from(w)).collect();
            let largest = start.iter().fold(0.0, |largest: f64, &w| largest.max(f64::from(w.abs())));
            let typical = typical_drift(&problem, largest);
            let bound = drift(&problem, largest).min(DEVIATIONS * typical);
            let drifted = Expected::within(expected, |_| bound).compare(cut);
            let closeness = drifted.unwrap_or_else(|why| panic!("{what}: {why}"));
            let mean = root_mean_square(whole, cut);
            println!("{what}: {:.3} of the bound, {:.3} in the mean", closeness.share, mean / typical);
            assert!(mean <= typical, "{what}: {mean:e} apart in the mean, {typical:e} allowed");
        }
        // Every sum of J is as long as those of the gradient at most, and its errors average out over the rows.
        let terms = (shape.visible + shape.hidden + problem.data.rows) as f64;
        let apart = (cut_cost - cost).abs() / cost;
        println!("{blocks} blocks of {chunk} rows, J: {:.3} of the bound", apart / (terms.sqrt() * UNIT));
        assert!(apart <= terms.sqrt() * UNIT, "{blocks} blocks of {chunk} rows: J {cut_cost}, not {cost}");
    }
}
