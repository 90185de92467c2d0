//! The vectors of L-BFGS against the reference.

use rhohat::engine::Engine;
use rhohat::math::optim::lbfgs::{Iteration, Lbfgs};
use rhohat::math::optim::{Role, SearchSpace};

use super::cases::{PAIRS, case};

/// Inner products of gradients and of their differences, relative to the lengths of the factors: the factors are off
/// by some ten units each, a difference by that share of what it was taken from.
pub const PRODUCT: f64 = 1e-4;

const ALL: [Role; 4] = [Role::Gradient, Role::Direction, Role::Step(1), Role::Change(1)];

/// Two accepted points along combinations of all kinds of vectors; then all inner products.
pub fn walk(space: &mut dyn SearchSpace) -> Vec<f64> {
    walk_asking(space, &ALL)
}

/// The same, asked for the inner products of some vectors.
pub fn walk_asking(space: &mut dyn SearchSpace, roles: &[Role]) -> Vec<f64> {
    let mut numbers = vec![space.begin_search(3).unwrap().total()];
    space.set_direction(&[(-1.0, Role::Gradient)]).unwrap();
    let trial = space.evaluate(0.5).unwrap();
    numbers.extend([trial.cost.total(), trial.slope]);
    space.evaluate(0.25).unwrap();
    space.accept(0).unwrap();
    space.set_direction(&[(-0.7, Role::Gradient), (0.1, Role::Step(0)), (-0.2, Role::Change(0))]).unwrap();
    let trial = space.evaluate(0.3).unwrap();
    numbers.extend([trial.cost.total(), trial.slope]);
    space.accept(1).unwrap();
    let pairs: Vec<(Role, Role)> = roles.iter().flat_map(|&x| roles.iter().map(move |&y| (x, y))).collect();
    numbers.extend(space.dots(&pairs).unwrap());
    numbers
}

/// Compares two walks: costs and slopes, and inner products by the lengths of their factors.
pub fn check_walk(got: &[f64], truth: &[f64], share: f64) {
    assert_eq!(got.len(), truth.len());
    let (costs, products) = truth.split_at(5);
    for (got, truth) in got.iter().zip(costs) {
        assert!((got - truth).abs() <= share * truth.abs(), "{got:e}, expected {truth:e}");
    }
    let roles = products.len().isqrt();
    for (at, (got, truth)) in got[5..].iter().zip(products).enumerate() {
        let length = |i: usize| products[i * roles + i].sqrt();
        let bound = share * length(at / roles) * length(at % roles);
        assert!((got - truth).abs() <= bound, "{got:e}, expected {truth:e} ± {bound:e} ({at})");
    }
}

#[test]
fn a_walk_along_given_directions_meets_the_reference() {
    for (i, pair) in PAIRS.into_iter().enumerate() {
        let case = case((20, 13, 70), pair).cut(if i % 2 == 0 { 0 } else { 33 }, 0);
        check_walk(&walk(&mut case.cpu()), &walk(&mut case.reference()), PRODUCT);
    }
}

#[test]
fn a_trial_leaves_the_parameters_alone_until_it_is_accepted() {
    let case = case((20, 13, 70), PAIRS[0]);
    let mut cpu = case.cpu();
    cpu.begin_search(1).unwrap();
    cpu.set_direction(&[(-1.0, Role::Gradient)]).unwrap();
    cpu.evaluate(0.5).unwrap();
    assert_eq!(cpu.params().unwrap(), case.params);
    cpu.accept(0).unwrap();
    assert_ne!(cpu.params().unwrap(), case.params);
}

#[test]
fn the_cost_of_a_trial_is_that_of_the_accepted_parameters() {
    let case = case((20, 13, 70), PAIRS[0]);
    let mut cpu = case.cpu();
    cpu.begin_search(1).unwrap();
    cpu.set_direction(&[(-1.0, Role::Gradient)]).unwrap();
    let trial = cpu.evaluate(0.5).unwrap();
    cpu.accept(0).unwrap();
    assert_eq!(cpu.cost().unwrap(), trial.cost);
}

#[test]
fn lbfgs_comes_down_to_the_same_cost_as_on_the_reference() {
    // 30 iterations on a small problem go far below the start; rounding may lead them along slightly other ways.
    let case = case((8, 5, 60), PAIRS[0]);
    let descend = |engine: &mut dyn Engine| {
        let start = engine.cost().unwrap().total();
        let mut lbfgs = Lbfgs::new(engine).unwrap();
        for _ in 0..30 {
            if lbfgs.iterate(engine).unwrap() == Iteration::Converged {
                break;
            }
        }
        (start, engine.cost().unwrap().total())
    };
    let ((start, got), (_, truth)) = (descend(&mut case.cpu()), descend(&mut case.reference()));
    assert!(truth < start / 2.0, "{start} → {truth}");
    assert!((got - truth).abs() < 1e-3 * (start - truth), "{got}, expected {truth}");
}
