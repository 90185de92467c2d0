//! The seam by itself: sums of threads, votes, refusals.

use proptest::prelude::*;
use rhohat::engine::collective::{Ranks, TreeSum, VOTES, Vote};
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Rows, Step, Update};
use rhohat::math::random::Stream;

use super::{Rank, on_all, open, problem, ranks};

/// Numbers of so many magnitudes that every other order of summation has other bits.
pub(super) fn numbers(rank: usize, len: usize) -> Vec<f64> {
    let mut stream = Stream::numbered(1, "ranks", rank as u64);
    (0..len).map(|_| (stream.unit() - 0.5) * 2.0_f64.powi(stream.below(40) as i32)).collect()
}

/// The sum of the numbers of `size` ranks in the order of the tree.
pub(super) fn tree(size: usize, len: usize) -> Vec<f64> {
    let mut tree = TreeSum::default();
    (0..size).for_each(|rank| tree.push_numbers(numbers(rank, len)));
    tree.total_numbers().unwrap()
}

#[test]
fn threads_sum_any_numbers_in_the_order_of_the_tree_call_after_call() {
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(size in 1..9usize, lengths in proptest::collection::vec(0..70usize, 1..5))| {
        let found = on_all(ranks(size), |mut rank| {
            let sum = |len: &usize| {
                let mut wide = numbers(rank.rank(), *len);
                rank.sum_f64(&mut wide).unwrap();
                let mut single: Vec<f32> = vec![rank.rank() as f32 + 1.0; len + 1];
                rank.sum(&mut single).unwrap();
                (wide, single)
            };
            lengths.iter().map(sum).collect::<Vec<_>>()
        });
        for sums in found {
            for ((wide, single), &len) in sums.into_iter().zip(&lengths) {
                prop_assert!(wide == tree(size, len), "{size} ranks, {len} numbers");
                prop_assert!(single == vec![(size * (size + 1) / 2) as f32; len + 1]);
            }
        }
    });
}

#[test]
fn bytes_of_any_length_come_to_the_first_rank_and_from_it_to_all() {
    let found = on_all(ranks(5), |mut rank| {
        let own = vec![rank.rank() as u8 + 1; 7 * rank.rank()];
        let mut taken = Vec::new();
        let take = &mut |rank: usize, bytes: &[u8]| {
            taken.push((rank, bytes.to_vec()));
            Ok(())
        };
        rank.to_first(&own, take).unwrap();
        let mut all = vec![rank.rank() as u8; 13];
        rank.broadcast(&mut all).unwrap();
        (taken, all)
    });
    let wanted: Vec<_> = (0..5).map(|rank| (rank, vec![rank as u8 + 1; 7 * rank])).collect();
    assert_eq!(found[0].0, wanted);
    assert!(found[1..].iter().all(|(taken, _)| taken.is_empty()));
    assert!(found.iter().all(|(_, all)| *all == [0; 13]));
}

#[test]
fn ranks_that_make_different_calls_end_with_an_error_that_says_which() {
    let differing: [fn(&mut Rank) -> rhohat::Result<()>; 3] = [
        |rank| rank.sum(&mut [1.0; 4]),
        |rank| rank.sum_f64(&mut [1.0; 3]),
        |rank| rank.broadcast(&mut [1; 12]),
    ];
    for other in differing {
        let ended =
            on_all(
                ranks(3),
                |mut rank| {
                    if rank.rank() == 1 { other(&mut rank) } else { rank.sum(&mut [1.0; 3]) }
                },
            );
        for ended in ended {
            let text = ended.unwrap_err().to_string();
            assert!(text.contains("Sum(4, 3)") && text.contains("rank 1"), "{text}");
        }
    }
}

#[test]
fn votes_ride_on_a_sum_and_are_counted_alike_on_all_ranks() {
    let found = on_all(ranks(4), |rank| {
        let mut ranks = Ranks::new(rank, 4).unwrap();
        let sum = |ranks: &mut Ranks| {
            let mut outputs = [1.0_f32; 3 + VOTES];
            ranks.outputs(&mut outputs).unwrap();
            assert_eq!(outputs[..3], [4.0; 3]);
            [Vote::Stop, Vote::Save].map(|vote| ranks.tally().of(vote))
        };
        if ranks.rank() % 2 == 1 {
            ranks.ask(Vote::Stop);
        }
        if ranks.rank() == 3 {
            ranks.ask(Vote::Save);
        }
        [sum(&mut ranks), sum(&mut ranks)]
    });
    assert!(found.into_iter().all(|tallies| tallies == [[2, 1], [0, 0]]));
}

#[test]
fn a_rank_that_asks_for_an_error_ends_all_in_the_same_sum() {
    let ended = on_all(ranks(3), |rank| {
        let mut ranks = Ranks::new(rank, 3).unwrap();
        ranks.outputs(&mut [1.0_f64; 2 + VOTES]).unwrap();
        if ranks.rank() == 1 {
            ranks.ask(Vote::Error);
        }
        ranks.outputs(&mut [1.0_f64; 2 + VOTES]).unwrap_err().to_string()
    });
    for (rank, text) in ended.into_iter().enumerate() {
        assert_eq!(text, format!("rank {rank} of 3, step 0: 1 of the ranks cannot go on"));
    }
}

#[test]
fn ranks_at_different_steps_notice_it_with_the_next_outputs() {
    let ended = on_all(ranks(2), |rank| {
        let mut ranks = Ranks::new(rank, 2).unwrap();
        (0..=ranks.rank()).for_each(|_| ranks.begin_step());
        ranks.outputs(&mut [1.0_f64; 2 + VOTES])
    });
    for ended in ended {
        assert!(ended.unwrap_err().to_string().contains("the ranks are at different steps"));
    }
}

#[test]
fn the_votes_of_an_engine_are_those_of_its_last_step() {
    for choice in [Choice::Reference, Choice::Cpu] {
        let found = on_all(ranks(2), |rank| {
            let mut engine = open(&choice, &problem(3), Setup::default(), rank, 2);
            if engine.units().start > 0 {
                engine.ranks().unwrap().ask(Vote::Stop);
            }
            let update = Update::Sgd { lr: 0.1, momentum: 0.9 };
            engine.step(&Step { rows: Rows::All, update, beta: 0.5, report: false }).unwrap();
            engine.ranks().unwrap().tally().of(Vote::Stop)
        });
        assert_eq!(found, [1, 1], "{choice:?}");
    }
}

#[test]
fn more_shards_than_units_are_refused_with_what_works() {
    for choice in [Choice::Reference, Choice::Cpu] {
        let problem = problem(3);
        let start = (problem.params.clone(), problem.data.clone());
        let setup = Setup::default();
        let alone = |shards| Ranks::new(ranks(1).remove(0), shards).unwrap();
        let refused = choice.open_sharded(&setup, alone(22), &start).map(|_| ());
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("`hidden` 21 in 22 shards") && text.contains("1 to 21 shards"), "{text}");
        assert!(choice.open_sharded(&setup, alone(21), &start).is_ok());
    }
}
