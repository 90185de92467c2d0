//! Shards on the software adapter against the formulas, within the bounds of `running_error`.

use proptest::prelude::*;
use rhohat::engine::collective::Ranks;
use rhohat::engine::device::Setup;
use rhohat::engine::{Chunking, Engine, NewUnit, ReusedBuffers, RhoHat, Rows, Step};
use rhohat::math::activation::Activation;
use rhohat::math::objective::RhoHatMode;
use rhohat::math::optim::Role;
use rhohat::math::params::Shape;
use rhohat::verify::steps::{BATCHES, Problem, Rule, check_updates_of};

use super::{SGD, software};
use crate::cpu::cases::{PAIRS, case};
use crate::cpu::search::{PRODUCT, check_walk, walk_asking};
use crate::sharded::bounds::check;
use crate::sharded::{on_all, open, problem, ranks};

#[test]
fn any_shape_in_any_shards_on_any_ranks_gives_the_pass_of_the_formulas() {
    let Some((_, choice)) = software("passes of shards") else { return };
    let sizes = (1..24usize, 0..24usize, 1..30usize, 0..6usize, any::<u64>());
    let dealt = proptest::sample::select(vec![(2, 1), (2, 2), (7, 1), (4, 4), (8, 2), (12, 3)]);
    let cuts = (proptest::option::of(1..40usize), proptest::option::of(1..45usize));
    let config = ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((visible, more, rows, pair, seed) in sizes, dealt in dealt, (chunk, block) in cuts)| {
        let shape = Shape { visible, hidden: dealt.0 + more };
        let problem = Problem::of_shape(Activation::pairs()[pair], shape, rows, seed);
        let cut = Chunking { chunk, block, ..Chunking::default() };
        let passed = check(&("software", choice.clone()), &problem, dealt, cut);
        prop_assert!(passed.is_ok(), "{}", passed.unwrap_err());
    });
}

#[test]
fn updates_of_every_rule_stay_within_their_bounds_on_every_rank() {
    let Some((_, choice)) = software("updates of shards") else { return };
    let problem = Problem::of_shape(PAIRS[5], Shape { visible: 13, hidden: 10 }, 50, 6);
    for (rule_name, rule) in Rule::all() {
        for chunk in [None, Some(16)] {
            let cut = Chunking { chunk, block: Some(2), ..Chunking::default() };
            let setup = Setup { cut, rho_hat: rule.rho_hat, ..Setup::default() };
            let found = on_all(ranks(2), |rank| {
                let mut engine = open(&choice, &problem, setup, rank, 4);
                check_updates_of(&mut *engine, &problem, rule, BATCHES).map_err(|f| f.to_string())
            });
            let failed = found.into_iter().find_map(Result::err);
            assert_eq!(failed, None, "{rule_name}, {chunk:?}");
        }
    }
}

#[test]
fn the_vectors_of_a_search_meet_those_of_the_reference_in_one_piece() {
    let Some((_, choice)) = software("searches of shards") else { return };
    for (pair, chunk) in [(PAIRS[0], 0), (PAIRS[5], 33)] {
        let case = case((20, 13, 70), pair).cut(chunk, 0);
        // A device is never asked for products of the direction.
        let roles = [Role::Gradient, Role::Step(1), Role::Change(1)];
        let truth = walk_asking(&mut case.reference(), &roles);
        for found in on_all(ranks(2), |rank| {
            let start = (case.params.clone(), case.data.clone());
            let ranks = Ranks::new(rank, 4).unwrap();
            walk_asking(&mut *choice.open_sharded(&case.setup, ranks, &start).unwrap(), &roles)
        }) {
            check_walk(&found, &truth, PRODUCT);
        }
    }
}

#[test]
fn a_replaced_unit_begins_with_a_moving_average_of_rho_on_the_rank_that_has_it() {
    let Some((_, choice)) = software("averages of replaced units") else { return };
    let problem = problem(3);
    let rho_hat = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
    let averages = on_all(ranks(2), |rank| {
        let setup = Setup { rho_hat, ..Setup::default() };
        let mut engine = open(&choice, &problem, setup, rank, 4);
        engine.step(&Step { rows: Rows::All, update: SGD, beta: 0.5, report: false }).unwrap();
        let average = |engine: &mut dyn Engine| {
            engine.state(None, &mut ReusedBuffers::default()).unwrap().average.unwrap()
        };
        let before = average(&mut *engine);
        let new = |unit| NewUnit { unit, w1: vec![0.5; 13], b1: 0.0, d: vec![0.25; 13] };
        engine.replace_units(&[new(2), new(12)]).unwrap();
        let params = engine.params().unwrap();
        assert!(params.d[12 * 13..13 * 13].iter().all(|&d| d == 0.25));
        (before, average(&mut *engine))
    });
    for (mut wanted, found) in averages {
        let rho = f64::from(problem.objective.penalty.rho as f32);
        (wanted[2], wanted[12]) = (rho, rho);
        assert_eq!(found, wanted);
    }
}
