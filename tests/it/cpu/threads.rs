//! The same bits for any number of threads.

use rhohat::data::shuffle::Shuffle;
use rhohat::engine::{Engine, Rows, Step, Update};
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig, Role, SearchSpace};
use rhohat::train::{Recipe, train};

use super::cases::{Case, PAIRS, case};

/// Everything that an engine computes, as bits: after SGD and Adam on batches and on all rows, and an L-BFGS trial.
fn bits(case: &Case) -> Vec<u64> {
    let mut cpu = case.cpu();
    let batch: Vec<usize> = (0..case.data.rows).rev().step_by(2).collect();
    let mut numbers = Vec::new();
    for step in 1..=3 {
        for update in [Update::Sgd { lr: 0.05, momentum: 0.9 }, Update::Adam { lr: 0.01, step }] {
            for rows in [Rows::All, Rows::Listed(&batch)] {
                let cost = cpu
                    .step(&Step { rows, update, beta: case.setup.objective.beta, report: true })
                    .unwrap()
                    .unwrap();
                numbers.extend([cost.reconstruction, cost.decay, cost.penalty]);
                numbers.extend(cost.rho_hat);
            }
        }
    }
    cpu.begin_search(2).unwrap();
    cpu.set_direction(&[(-0.5, Role::Gradient)]).unwrap();
    let trial = cpu.evaluate(0.1).unwrap();
    numbers.extend([trial.cost.total(), trial.slope]);
    cpu.accept(1).unwrap();
    numbers.extend(cpu.dots(&[(Role::Step(1), Role::Change(1)), (Role::Gradient, Role::Gradient)]).unwrap());
    numbers.extend(cpu.params().unwrap().to_flat().into_iter().map(f64::from));
    numbers.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn one_two_three_and_eight_threads_give_the_same_bits() {
    let cases = [
        case((64, 25, 3000), PAIRS[0]),
        case((200, 300, 150), PAIRS[2]),
        case((33, 70, 500), PAIRS[3]).cut(97, 17),
        case((1, 1, 700), PAIRS[4]),
    ];
    for case in cases {
        let truth = bits(&case.clone().threads(1));
        for threads in [2, 3, 8] {
            assert!(
                bits(&case.clone().threads(threads)) == truth,
                "{:?} on {threads} threads",
                case.params.shape
            );
        }
    }
}

#[test]
fn two_runs_give_the_same_bits() {
    let case = case((200, 300, 150), PAIRS[0]).threads(3);
    assert!(bits(&case) == bits(&case));
}

#[test]
fn a_hundred_steps_of_every_optimiser_have_the_same_bits_on_one_two_three_and_eight_threads() {
    for optimizer in Optimizer::ALL {
        let recipe = Recipe {
            yardstick: None,
            optimizer: OptimizerConfig::of(
                optimizer,
                0.9,
                DescentConfig { batch: Some(128), ..DescentConfig::constant(0.01) },
            ),
            resampling: None,
            steps: 100,
            shuffle: Shuffle::rows(2),
            report_every: 10,
        };
        for case in [case((64, 100, 1_000), PAIRS[0]), case((33, 70, 500), PAIRS[3]).cut(97, 17)] {
            let bits = |threads| {
                let mut cpu = case.clone().threads(threads).cpu();
                let outcome = train(&mut cpu as &mut dyn Engine, &recipe, &mut ()).unwrap();
                let params = cpu.params().unwrap().to_flat();
                (outcome.steps, params.into_iter().map(f32::to_bits).collect::<Vec<_>>())
            };
            let truth = bits(1);
            assert!(optimizer == Optimizer::Lbfgs || truth.0 == 100);
            for threads in [2, 3, 8] {
                assert!(
                    bits(threads) == truth,
                    "{optimizer:?}, {:?} on {threads} threads",
                    case.params.shape
                );
            }
        }
    }
}
