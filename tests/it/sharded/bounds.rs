//! Sharded engines against the formulas, within the bounds of `running_error`.

use proptest::prelude::*;
use rhohat::engine::collective::Ranks;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Chunking, RhoHat};
use rhohat::math::activation::Activation;
use rhohat::math::params::Shape;
use rhohat::verify::steps::{BATCHES, Problem, Rule, check_pass_of, check_updates_of};

use super::{ENGINES, on_all, open, ranks};
use crate::cpu::cases::{PAIRS, case};
use crate::cpu::search::{PRODUCT, check_walk, walk};

/// Passes and updates of every rank.
pub fn check(
    (name, choice): &(&str, Choice),
    problem: &Problem,
    (shards, size): (usize, usize),
    cut: Chunking,
) -> Result<(), String> {
    let found = on_all(ranks(size), |rank| {
        let setup = Setup { cut, rho_hat: RhoHat::default(), ..Setup::default() };
        check_pass_of(&mut *open(choice, problem, setup, rank, shards), problem).map_err(|f| f.to_string())
    });
    found.into_iter().enumerate().try_for_each(|(rank, found)| {
        found
            .map(|_| ())
            .map_err(|failure| format!("{name}, rank {rank} of {size}, {shards} shards: {failure}"))
    })
}

#[test]
fn any_shape_in_any_shards_on_any_ranks_gives_the_pass_of_the_formulas() {
    let sizes = (1..24usize, 0..24usize, 1..30usize, 0..6usize, any::<u64>());
    let dealt = proptest::sample::select(vec![(1, 1), (2, 1), (2, 2), (7, 1), (8, 2), (8, 8), (12, 3)]);
    let cuts = (proptest::option::of(1..40usize), proptest::option::of(1..45usize));
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((visible, more, rows, pair, seed) in sizes, dealt in dealt, (chunk, block) in cuts)| {
        let shape = Shape { visible, hidden: dealt.0 + more };
        let problem = Problem::of_shape(Activation::pairs()[pair], shape, rows, seed);
        for engine in ENGINES {
            let passed = check(&engine, &problem, dealt, Chunking { chunk, block, ..Chunking::default() });
            prop_assert!(passed.is_ok(), "{}", passed.unwrap_err());
        }
    });
}

#[test]
fn updates_of_every_rule_stay_within_their_bounds_on_every_rank() {
    for (name, choice) in ENGINES {
        for pair in [Activation::pairs()[0], Activation::pairs()[5]] {
            let problem = Problem::of_shape(pair, Shape { visible: 13, hidden: 10 }, 50, 6);
            for (rule_name, rule) in Rule::all() {
                for chunk in [None, Some(16)] {
                    let cut = Chunking { chunk, ..Chunking::default() };
                    let setup = Setup { cut, rho_hat: rule.rho_hat, ..Setup::default() };
                    let found = on_all(ranks(2), |rank| {
                        let mut engine = open(&choice, &problem, setup, rank, 4);
                        check_updates_of(&mut *engine, &problem, rule, BATCHES).map_err(|f| f.to_string())
                    });
                    let failed = found.into_iter().find_map(Result::err);
                    assert_eq!(failed, None, "{name}, {rule_name}, {chunk:?}");
                }
            }
        }
    }
}

/// Bounds of f64 for the walk: its sums have some thousand terms, and differences lose a few digits.
const WIDE: f64 = 1e-10;

#[test]
fn the_vectors_of_a_search_meet_those_of_the_reference_in_one_piece() {
    for pair in [PAIRS[0], PAIRS[5]] {
        for chunk in [0, 33] {
            let case = case((20, 13, 70), pair).cut(chunk, 0);
            let truth = walk(&mut case.reference());
            for ((name, choice), share) in ENGINES.into_iter().zip([WIDE, PRODUCT]) {
                for found in on_all(ranks(4), |rank| {
                    let start = (case.params.clone(), case.data.clone());
                    let ranks = Ranks::new(rank, 8).unwrap();
                    walk(&mut *choice.open_sharded(&case.setup, ranks, &start).unwrap())
                }) {
                    println!("{name}, {pair:?}, chunk {chunk}");
                    check_walk(&found, &truth, share);
                }
            }
        }
    }
}
