//! Steps of SGD and Adam, mini-batches and the moving average of ρ̂, against the reference.

use rhohat::engine::{Engine, Rows, Step, Update};
use rhohat::math::objective::RhoHatMode;
use rhohat::math::params::Params;
use rhohat::verify::compare::UNIT;

use super::bounds::bounds;
use super::cases::{Case, PAIRS, case};

/// How far the parameters may lie from the reference's after some steps, as a share of the way they went: a gradient
/// in f32 is off by some ten units of its length (sums of hundreds of terms, whose roundings partly cancel), and every
/// parameter by a unit a step. A rule that is off by as little as a bias correction is off by more than a tenth.
const WAY: f64 = 1e-5;
/// J of a step, as in the tests of gradients.
const COST: f64 = 1e-6;

const STEPS: u64 = 12;

fn distance(x: &Params<f32>, y: &Params<f32>) -> f64 {
    let squares = x.to_flat().into_iter().zip(y.to_flat()).map(|(x, y)| f64::from(x - y).powi(2));
    squares.sum::<f64>().sqrt()
}

/// Takes both engines along the same steps, on all rows or on batches of 17 and fewer.
fn follow(case: &Case, update: impl Fn(u64) -> Update, batches: bool) {
    let (mut cpu, mut reference) = (case.cpu(), case.reference());
    let order: Vec<usize> = (0..case.data.rows).map(|i| i * 29 % case.data.rows).collect();
    let mut lists = order.chunks(17).cycle();
    for step in 1..=STEPS {
        let rows = if batches { Rows::Listed(lists.next().unwrap()) } else { Rows::All };
        let got = cpu
            .step(&Step { rows, update: update(step), beta: case.setup.objective.beta, report: true })
            .unwrap()
            .expect("a report");
        let truth = reference
            .step(&Step { rows, update: update(step), beta: case.setup.objective.beta, report: true })
            .unwrap()
            .expect("a report");
        let is_close = (got.total() - truth.total()).abs() <= COST * truth.total();
        assert!(is_close, "step {step}: J is {}, expected {}", got.total(), truth.total());
    }
    let (got, truth) = (cpu.params().unwrap(), reference.params().unwrap());
    let (off, way) = (distance(&got, &truth), distance(&truth, &case.params));
    assert!(way > 0.05, "the steps went {way:e}");
    assert!(off <= WAY * way, "off by {off:e} after {way:e}, {:?}", case.setup);
}

fn sgd(_: u64) -> Update {
    Update::Sgd { lr: 0.05, momentum: 0.9 }
}

fn adam(step: u64) -> Update {
    Update::Adam { lr: 0.01, step }
}

#[test]
fn steps_over_all_rows_follow_the_reference() {
    for pair in PAIRS {
        follow(&case((20, 13, 70), pair), sgd, false);
        follow(&case((20, 13, 70), pair), adam, false);
    }
}

#[test]
fn steps_in_chunks_and_blocks_follow_the_reference() {
    for (chunk, block) in [(0, 5), (9, 0), (64, 3)] {
        follow(&case((20, 13, 70), PAIRS[0]).cut(chunk, block), sgd, false);
        follow(&case((20, 13, 70), PAIRS[3]).cut(chunk, block), adam, false);
    }
}

#[test]
fn mini_batches_follow_the_reference() {
    for mode in [RhoHatMode::Exact, RhoHatMode::Batch] {
        for chunk in [0, 5] {
            let case = case((20, 13, 70), PAIRS[1]).rho_hat(mode, 0.99).cut(chunk, 0);
            follow(&case, sgd, true);
            follow(&case, adam, true);
        }
    }
}

#[test]
fn the_moving_average_of_rho_hat_follows_the_reference() {
    for (chunk, decay) in [(0, 0.9), (0, 0.5), (4, 0.9)] {
        follow(&case((20, 13, 70), PAIRS[4]).rho_hat(RhoHatMode::Ema, decay).cut(chunk, 0), sgd, true);
    }
}

#[test]
fn a_first_step_without_momentum_is_the_gradient() {
    let case = case((20, 13, 70), PAIRS[0]);
    let mut cpu = case.cpu();
    cpu.step(&Step {
        rows: Rows::All,
        update: Update::Sgd { lr: 1.0, momentum: 0.0 },
        beta: case.setup.objective.beta,
        report: false,
    })
    .unwrap();
    let mut expected = bounds(&case.setup.objective, &case.params, &case.data).gradient;
    let (before, after) = (case.params.tensors(), cpu.params().unwrap());
    for ((expected, (name, before)), (_, after)) in expected.iter_mut().zip(before).zip(after.tensors()) {
        for ((value, bound), w) in expected.values.iter_mut().zip(&mut expected.bounds).zip(before) {
            *value = f64::from(*w) - *value;
            *bound += UNIT * (value.abs() + *bound);
        }
        expected.compare(after).unwrap_or_else(|difference| panic!("{name}: {difference}"));
    }
}

#[test]
fn nothing_is_reported_unless_asked_for_and_reports_change_no_bits() {
    let case = case((20, 13, 70), PAIRS[0]);
    let (mut silent, mut telling) = (case.cpu(), case.cpu());
    for step in 1..4 {
        assert!(
            silent
                .step(&Step {
                    rows: Rows::All,
                    update: adam(step),
                    beta: case.setup.objective.beta,
                    report: false
                })
                .unwrap()
                .is_none()
        );
        assert!(
            telling
                .step(&Step {
                    rows: Rows::All,
                    update: adam(step),
                    beta: case.setup.objective.beta,
                    report: true
                })
                .unwrap()
                .is_some()
        );
    }
    assert_eq!(silent.params().unwrap(), telling.params().unwrap());
}

#[test]
fn new_parameters_forget_momentum_and_moving_average() {
    let case = case((20, 13, 70), PAIRS[0]).rho_hat(RhoHatMode::Ema, 0.9);
    let (mut used, mut fresh) = (case.cpu(), case.cpu());
    let rows: Vec<usize> = (0..20).collect();
    for step in 1..4 {
        used.step(&Step {
            rows: Rows::Listed(&rows),
            update: adam(step),
            beta: case.setup.objective.beta,
            report: false,
        })
        .unwrap();
    }
    used.set_params(&case.params).unwrap();
    assert_eq!(used.params().unwrap(), case.params);
    for engine in [&mut used, &mut fresh] {
        engine
            .step(&Step {
                rows: Rows::Listed(&rows[3..]),
                update: sgd(1),
                beta: case.setup.objective.beta,
                report: false,
            })
            .unwrap();
    }
    assert_eq!(used.params().unwrap(), fresh.params().unwrap());
}
