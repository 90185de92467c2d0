//! Layers, cost and gradient over shapes, activations and cuts.

use proptest::prelude::*;
use rhohat::engine::{Engine, Rows, Step, Update};

use super::bounds::bounds;
use super::cases::{Case, PAIRS, Sigmoid, Size, case};

/// How close J comes to the reference's: its sums end in f64, so that only the roundings of single activations are
/// left, which average out.
const COST: f64 = 1e-6;

/// Below, at and above lines, tiles, panels and pieces; primes; single rows, units and inputs.
const SIZES: [Size; 14] = [
    (1, 1, 1),
    (1, 7, 9),
    (7, 1, 13),
    (8, 8, 8),
    (9, 13, 1),
    (13, 9, 7),
    (15, 16, 17),
    (63, 31, 33),
    (64, 25, 130),
    (65, 33, 32),
    (47, 49, 31),
    (48, 97, 65),
    (101, 127, 37),
    (513, 65, 9),
];

/// Layers, J and ∇J of a case against the reference.
fn check(case: &Case) {
    let (mut cpu, mut reference) = (case.cpu(), case.reference());
    let expected = bounds(&case.setup.objective, &case.params, &case.data);
    let told = format!("{:?}, {} examples, {:?}", case.params.shape, case.data.rows, case.setup);

    let compare = |what: &str, expected: &rhohat::verify::compare::Expected, got: &[f64]| {
        expected.compare(got).unwrap_or_else(|difference| panic!("{what}: {difference}\n{told}"));
    };
    let wide = |values: Vec<f32>| -> Vec<f64> { values.into_iter().map(f64::from).collect() };
    compare("A2", &expected.a2, &wide(cpu.encode(0, case.data.rows).unwrap()));
    compare("A3", &expected.a3, &wide(cpu.reconstruct(0, case.data.rows).unwrap()));

    let (cost, gradient) = cpu.gradient().unwrap();
    compare("rho_hat", &expected.rho_hat, &cost.rho_hat);
    for (expected, (name, got)) in expected.gradient.iter().zip(gradient.tensors()) {
        compare(name, expected, got);
    }
    let truth = reference.cost().unwrap();
    for got in [cost, cpu.cost().unwrap()] {
        for (got, truth) in [
            (got.total(), truth.total()),
            (got.reconstruction, truth.reconstruction),
            (got.decay, truth.decay),
        ] {
            let is_close = (got - truth).abs() <= COST * truth.abs();
            assert!(is_close, "J is {got:e}, expected {truth:e}\n{told}");
        }
    }
}

#[test]
fn every_pair_of_activations_agrees_with_the_reference() {
    for pair in PAIRS {
        check(&case((20, 13, 70), pair));
    }
}

#[test]
fn every_awkward_size_agrees_with_the_reference() {
    for (i, size) in SIZES.into_iter().enumerate() {
        check(&case(size, PAIRS[i % PAIRS.len()]));
    }
}

#[test]
fn long_sums_agree_with_the_reference() {
    check(&case((5, 3, 1000), PAIRS[0]));
    check(&case((2, 3, 2600), PAIRS[3]));
    check(&case((1030, 5, 11), PAIRS[1]));
    check(&case((5, 600, 11), PAIRS[5]));
}

#[test]
fn every_chunk_and_block_agrees_with_the_reference() {
    for chunk in [1, 7, 8, 97, 99, 100] {
        for block in [1, 16, 17, 50] {
            let case = case((11, 50, 100), PAIRS[(chunk + block) % PAIRS.len()]).cut(chunk, block);
            assert_eq!(case.cpu().plan().chunk, chunk);
            check(&case);
        }
    }
}

#[test]
fn blocks_are_whole_panels_of_sixteen_units_but_for_the_last() {
    for (asked, block) in [(1, 16), (16, 16), (17, 32), (48, 48), (49, 50), (usize::MAX, 50)] {
        let plan = case((11, 50, 30), PAIRS[0]).cut(30, asked).cpu().plan();
        assert_eq!(plan.block, block, "{asked} asked for");
    }
}

#[test]
fn a_chunk_longer_than_the_data_and_a_block_wider_than_the_layer_are_cut_down_to_them() {
    let case = case((11, 20, 30), PAIRS[0]).cut(1000, 1000);
    let plan = case.cpu().plan();
    assert_eq!((plan.chunk, plan.block), (30, 20));
    check(&case);
}

#[test]
fn left_to_itself_the_engine_takes_all_rows_and_all_units_at_a_time() {
    let plan = case((64, 25, 1000), PAIRS[0]).cpu().plan();
    assert_eq!((plan.chunk, plan.block), (1000, 25));
}

#[test]
fn left_to_itself_the_engine_cuts_activations_that_would_not_fit_in_memory() {
    // A row takes 1008 numbers for A2, as many for delta2 and 16 for delta3: 33 026 rows to 256 MiB.
    let plan = case((1, 1000, 60_000), PAIRS[0]).cpu().plan();
    assert_eq!((plan.chunk, plan.block), (33_032, 1000));
}

#[test]
fn some_examples_are_encoded_and_reconstructed_as_among_all() {
    let case = case((10, 6, 40), PAIRS[0]).cut(7, 0);
    let mut cpu = case.cpu();
    let (all_codes, all_outputs) = (cpu.encode(0, 40).unwrap(), cpu.reconstruct(0, 40).unwrap());
    assert_eq!(cpu.encode(11, 20).unwrap(), all_codes[11 * 6..31 * 6]);
    assert_eq!(cpu.reconstruct(11, 20).unwrap(), all_outputs[11 * 10..31 * 10]);
    assert_eq!(cpu.encode(39, 1).unwrap(), all_codes[39 * 6..]);
    assert!(cpu.encode(40, 0).unwrap().is_empty());
}

#[test]
fn saturated_units_have_a_finite_cost_and_are_counted() {
    let mut case = case((4, 3, 50), PAIRS[5]);
    case.params.b1[1] = -40.0;
    let cost = case.cpu().cost().unwrap();
    assert_eq!(cost.rho_hat[1], 0.0);
    assert_eq!(cost.clamped(), 1);
    assert!(cost.total().is_finite());
}

#[test]
fn nan_in_any_tensor_makes_the_cost_and_the_step_not_finite() {
    type Tensor = fn(&mut rhohat::math::params::Params<f32>) -> &mut Vec<f32>;
    let tensors: [Tensor; 4] = [|p| &mut p.w1, |p| &mut p.b1, |p| &mut p.d, |p| &mut p.b2];
    for pair in PAIRS {
        for tensor in tensors {
            let mut case = case((20, 13, 30), pair);
            *tensor(&mut case.params).last_mut().unwrap() = f32::NAN;
            assert!(!case.cpu().cost().unwrap().total().is_finite());
            assert!(!case.cpu().gradient().unwrap().0.total().is_finite());
            let update = Update::Sgd { lr: 0.1, momentum: 0.9 };
            let cost = case
                .cpu()
                .step(&Step { rows: Rows::All, update, beta: case.setup.objective.beta, report: true })
                .unwrap()
                .expect("a report");
            assert!(!cost.total().is_finite());
        }
    }
}

#[test]
fn nan_in_one_example_makes_the_cost_not_finite() {
    let mut case = case((20, 13, 30), (Sigmoid, Sigmoid));
    case.data.values[599] = f32::NAN;
    assert!(!case.cpu().cost().unwrap().total().is_finite());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_shape_and_cut_agrees_with_the_reference(
        size in (1..70usize, 1..70usize, 1..90usize),
        pair in 0..PAIRS.len(),
        chunk in 0..100usize,
        block in 0..80usize,
    ) {
        check(&case(size, PAIRS[pair]).cut(chunk, block));
    }
}
