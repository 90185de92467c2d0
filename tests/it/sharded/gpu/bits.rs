//! The same bits for any number of ranks on the software adapter, whatever is asked.

use std::sync::Arc;

use rhohat::data::batches::ExampleSet;
use rhohat::engine::collective::Ranks;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::sharded::ShardedGpu;
use rhohat::engine::{Chunking, Engine, ReusedBuffers, RhoHat, Rows, Step, Update};
use rhohat::math::objective::RhoHatMode;
use rhohat::math::optim::Optimizer;
use rhohat::math::optim::lbfgs::Lbfgs;
use rhohat::math::params::Shape;
use rhohat::train::train;
use rhohat::verify::steps::Problem;

use super::software;
use crate::cpu::cases::PAIRS;
use crate::sharded::bits::{answers, bits, recipe, run, searched};
use crate::sharded::{on_all, open, problem, ranks};

#[test]
fn one_two_and_four_ranks_of_four_shards_give_the_same_bits_with_every_optimiser() {
    let Some((_, choice)) = software("bits over ranks") else { return };
    for optimizer in Optimizer::ALL {
        let alone = run(&choice, ranks(1), optimizer, 4).remove(0);
        for size in [2, 4] {
            for (rank, found) in run(&choice, ranks(size), optimizer, 4).into_iter().enumerate() {
                assert!(found == alone, "{optimizer:?}, rank {rank} of {size}");
            }
        }
    }
}

#[test]
fn ranks_with_devices_of_their_own_have_the_bits_of_ranks_that_share_one() {
    let Some((gpu, choice)) = software("devices of their own") else { return };
    let devices = [Arc::clone(&gpu), Arc::new(gpu.another().unwrap())].map(Choice::Gpu);
    for optimizer in Optimizer::ALL {
        let shared = run(&choice, ranks(1), optimizer, 2).remove(0);
        let problem = if optimizer == Optimizer::Lbfgs { searched() } else { problem(4) };
        let apart = on_all(ranks(2), |rank| {
            let own = &devices[rank.rank()];
            let mut engine = open(own, &problem, Setup::default(), rank, 2);
            let outcome = train(&mut *engine, &recipe(optimizer), &mut ()).unwrap();
            let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
            (outcome.cost.total().to_bits(), bits(&state))
        });
        assert!(apart.iter().all(|found| *found == shared), "{optimizer:?}");
    }
}

#[test]
fn shards_that_are_padded_otherwise_have_the_same_output_bias_to_the_bit() {
    let Some((gpu, _)) = software("padding of shards") else { return };
    // A shard of 32 units and one of 33: by itself each would split its sums over the rows into another number of
    // slices.
    for (variant, visible, rows) in [("broadcast/textures", 512, 1_800), ("tiled32x32/buffers", 64, 1_100)] {
        let choice = Choice::Gpu(Arc::new(gpu.another().unwrap()));
        choice.force(variant.parse().unwrap()).unwrap();
        let problem = Problem::of_shape(PAIRS[0], Shape { visible, hidden: 65 }, rows, 8);
        let run = |size| {
            on_all(ranks(size), |rank| {
                let mut engine = open(&choice, &problem, Setup::default(), rank, 2);
                for step in 1..=2 {
                    let update = Update::Adam { lr: 0.01, step };
                    engine.step(&Step { rows: Rows::All, update, beta: 0.5, report: false }).unwrap();
                }
                bits(&engine.state(None, &mut ReusedBuffers::default()).unwrap())
            })
        };
        let alone = run(1).remove(0);
        assert!(run(2).into_iter().all(|found| found == alone), "{variant}");
    }
}

#[test]
fn one_shard_on_one_rank_is_the_engine_of_ever() {
    let Some((_, choice)) = software("one shard") else { return };
    let problem = problem(4);
    let setup = Setup { objective: problem.objective, threads: 1, ..Setup::default() };
    let mut engine = choice.open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap();
    let outcome = train(&mut *engine, &recipe(Optimizer::Adam), &mut ()).unwrap();
    let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
    let sharded = run(&choice, ranks(1), Optimizer::Adam, 1).remove(0);
    assert!(sharded == (outcome.cost.total().to_bits(), bits(&state)));
    let mut engine = open(&choice, &problem, Setup::default(), ranks(1).remove(0), 1);
    assert!(engine.ranks().is_none(), "it has nobody to exchange with");
}

#[test]
fn codes_outputs_gradients_and_states_are_whole_on_every_rank_and_have_the_same_bits() {
    let Some((_, choice)) = software("answers of shards") else { return };
    for chunk in [None, Some(16)] {
        let problem = problem(5);
        let cut = Chunking { chunk, block: Some(3), ..Chunking::default() };
        let rho_hat = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
        let setup = Setup { cut, rho_hat, ..Setup::default() };
        let of =
            |size| on_all(ranks(size), |rank| answers(open(&choice, &problem, setup, rank, 4), &problem));
        let alone = of(1).remove(0);
        assert!(of(2).iter().all(|found| *found == alone), "{chunk:?}");
    }
}

#[test]
fn codes_that_are_handed_in_give_the_outputs_of_their_rows() {
    let Some((_, choice)) = software("handed codes") else { return };
    let problem = problem(5);
    let cut = Chunking { chunk: Some(16), block: Some(2), ..Chunking::default() };
    for size in [1, 2] {
        on_all(ranks(size), |rank| {
            let setup = Setup { cut, ..Setup::default() };
            let mut engine = open(&choice, &problem, setup, rank, 4);
            let codes = engine.encode(0, 50).unwrap();
            assert!(engine.encode_rows(&problem.data.values).unwrap() == codes, "{size} ranks: codes");
            let outputs = engine.reconstruct(0, 50).unwrap();
            assert!(engine.decode_rows(&codes).unwrap() == outputs, "{size} ranks: outputs");
        });
    }
}

#[test]
fn a_search_that_was_put_back_goes_on_with_the_same_bits() {
    let Some((_, choice)) = software("searches that were put back") else { return };
    let problem = searched();
    let run = |size, breaks: bool| {
        on_all(ranks(size), |rank| {
            let mut engine = open(&choice, &problem, Setup::default(), rank, 4);
            let mut lbfgs = Lbfgs::new(&mut *engine).unwrap();
            for iteration in 0..6 {
                if breaks && iteration == 3 {
                    let state = engine.state(Some(lbfgs.pairs()), &mut ReusedBuffers::default()).unwrap();
                    engine.set_params(&problem.params).unwrap();
                    engine.set_state(&state).unwrap();
                }
                lbfgs.iterate(&mut *engine).unwrap();
            }
            let state = engine.state(Some(lbfgs.pairs()), &mut ReusedBuffers::default()).unwrap();
            (lbfgs.cost().total().to_bits(), bits(&state))
        })
    };
    let whole = run(1, false);
    assert!(run(1, true) == whole);
    assert!(run(2, true).iter().all(|found| *found == whole[0]), "two ranks");
}

#[test]
fn rows_that_are_fetched_move_no_bit_of_the_parameters() {
    let Some((gpu, _)) = software("fetched rows of shards") else { return };
    let problem = problem(7);
    let run = |size: usize, is_streamed: bool| {
        on_all(ranks(size), |rank| {
            let cut = Chunking { chunk: Some(16), ..Chunking::default() };
            let setup = Setup { objective: problem.objective, cut, threads: 1, ..Setup::default() };
            let rows = Box::new(problem.data.clone());
            let rows = if is_streamed { ExampleSet::Streamed(rows) } else { ExampleSet::Resident(rows) };
            let ranks = Ranks::new(rank, 2).unwrap();
            let mut engine = ShardedGpu::new(gpu.clone(), &setup, ranks, &problem.params, rows).unwrap();
            for (step, rows) in (1..).zip([Rows::All, Rows::Listed(&[4, 8, 15, 16, 23, 42]), Rows::All]) {
                let update = Update::Adam { lr: 0.01, step };
                engine.step(&Step { rows, update, beta: 0.5, report: step == 2 }).unwrap();
            }
            let (sampled, over) = engine.sampled_cost(20).unwrap();
            assert_eq!(over, if is_streamed { 20 } else { 50 });
            let costs = [engine.cost().unwrap().total(), engine.gradient().unwrap().0.total()];
            let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
            (costs.map(f64::to_bits), bits(&state), engine.encode(3, 40).unwrap(), sampled.total())
        })
    };
    let alone = run(1, false).remove(0);
    let mut of_sample = Vec::new();
    for size in [1, 2] {
        for (costs, state, codes, sampled) in run(size, true) {
            assert!((costs, &state, &codes) == (alone.0, &alone.1, &alone.2), "{size} ranks");
            of_sample.push(sampled);
        }
    }
    assert!(of_sample.iter().all(|sampled| *sampled == of_sample[0] && *sampled != alone.3));
}
