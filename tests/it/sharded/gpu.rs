//! The sharded WebGPU engine on the software adapter: what the other engines are asked, in sizes that it is fast enough for, and
//! what is a device's own.

use std::sync::Arc;

use proptest::prelude::*;
use rhohat::data::batches::ExampleSet;
use rhohat::engine::collective::{Ranks, VOTES};
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::sharded::ShardedGpu;
use rhohat::engine::{Chunking, Engine, Job, NewUnit, ReusedBuffers, RhoHat, Rows, Step, Update};
use rhohat::math::activation::Activation;
use rhohat::math::objective::RhoHatMode;
use rhohat::math::optim::lbfgs::Lbfgs;
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig, Role};
use rhohat::math::params::Shape;
use rhohat::train::{Recipe, train};
use rhohat::verify::steps::{BATCHES, Problem, Rule, check_updates_of};

use super::bits::{answers, bits, recipe, run, searched};
use super::bounds::check;
use super::collectives::{Call, Fault, Faulty, Traced, calls, summed_bytes};
use super::faults::Unreadable;
use super::{Rank, on_all, open, problem, ranks};
use crate::cpu::cases::{PAIRS, case};
use crate::cpu::search::{PRODUCT, check_walk, walk_asking};
use crate::support;

/// The software adapter, as the ranks of a test share it.
fn software(test: &str) -> Option<(Arc<Gpu>, Choice)> {
    let gpu = Arc::new(support::software(test)?);
    Some((Arc::clone(&gpu), Choice::Gpu(gpu)))
}

const SGD: Update = Update::Sgd { lr: 0.1, momentum: 0.9 };

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
    // A shard of 32 units and one of 33: by itself each would split its sums over the rows into another number of slices.
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

#[test]
fn an_update_waits_for_the_device_once_and_without_other_ranks_not_at_all() {
    let Some((gpu, _)) = software("waits of shards") else { return };
    for (size, waits) in [(1, 0), (2, 1)] {
        let devices: Vec<Arc<Gpu>> = (0..size).map(|_| Arc::new(gpu.another().unwrap())).collect();
        let found = on_all(ranks(size), |rank| {
            let own = Arc::clone(&devices[rank.rank()]);
            let mut engine = open(&Choice::Gpu(own.clone()), &problem(3), Setup::default(), rank, 4);
            let step = Step { rows: Rows::All, update: SGD, beta: 0.5, report: false };
            engine.step(&step).unwrap();
            let before = own.waits();
            engine.step(&step).unwrap();
            let between = own.waits();
            engine.step(&Step { report: true, ..step }).unwrap();
            (between - before, own.waits() - between)
        });
        assert!(found.iter().all(|found| *found == (waits, waits + 1)), "{size} ranks: {found:?}");
    }
}

/// What four ranks of a sharded engine call once they have met.
fn traced(choice: &Choice, chunk: Option<usize>, work: impl Fn(&mut dyn Engine) + Sync) -> Vec<Call> {
    let (group, logs) = Traced::group(ranks(4));
    let setup = Setup { cut: Chunking { chunk, ..Chunking::default() }, ..Setup::default() };
    on_all(group, |rank| work(&mut *open(choice, &problem(3), setup, rank, 8)));
    let mut calls = calls(&logs);
    // They tell each other by what they compute.
    assert_eq!(calls.drain(..2).collect::<Vec<_>>(), [Call::ToFirst, Call::Broadcast(4 * 384)]);
    calls
}

/// Bytes that a rank brings to the sums of one pass over `rows` rows of 13 numbers, padded to 16, in `chunks` chunks.
fn outputs(rows: usize, chunks: usize) -> usize {
    4 * (rows * 16 + chunks * VOTES)
}

#[test]
fn what_ranks_exchange_is_what_the_formula_says() {
    let Some((_, choice)) = software("traffic of shards") else { return };
    let batch = [4, 8, 15, 16, 23, 42];
    for (report, rows, count) in
        [(false, Rows::All, 50), (true, Rows::All, 50), (true, Rows::Listed(&batch), 6)]
    {
        let found = traced(&choice, None, |engine| {
            for _ in 0..3 {
                engine.step(&Step { rows, update: SGD, beta: 0.5, report }).unwrap();
            }
        });
        let scalars = if report { 2 * 8 } else { 0 };
        assert_eq!(summed_bytes(&found), 3 * (outputs(count, 1) + scalars));
        assert_eq!(found.len(), if report { 6 } else { 3 });
    }
    let found = traced(&choice, Some(16), |engine| {
        engine.step(&Step { rows: Rows::All, update: SGD, beta: 0.5, report: false }).unwrap();
    });
    assert_eq!(summed_bytes(&found), outputs(50, 4));
    let found = traced(&choice, Some(16), |engine| {
        engine.encode(0, 50).unwrap();
    });
    assert_eq!(found, [Call::ToFirst, Call::Broadcast(4 * 50 * 21)]);

    let evaluations = std::sync::Mutex::new(0);
    let found = traced(&choice, None, |engine| {
        let mut lbfgs = Lbfgs::new(engine).unwrap();
        for _ in 0..3 {
            lbfgs.iterate(engine).unwrap();
        }
        assert_eq!(lbfgs.pairs().len(), 3, "every pair is kept here");
        *evaluations.lock().unwrap() = lbfgs.evaluations();
    });
    let evaluations = evaluations.into_inner().unwrap();
    let products: usize = 1 + (0..3).map(|kept| 6 + 3 * 2 * kept).sum::<usize>();
    let scalars = 3 * evaluations - 1;
    assert_eq!(summed_bytes(&found), evaluations * outputs(50, 1) + 8 * (scalars + products));
}

#[test]
fn a_rank_looks_for_numbers_that_are_not_finite_among_its_own_and_asks_nobody() {
    let Some((_, choice)) = software("finiteness of shards") else { return };
    let found = traced(&choice, None, |engine| {
        let mut params = problem(3).params;
        params.b1[20] = f32::NAN;
        assert_eq!(engine.first_not_finite().unwrap(), None);
        engine.set_params(&params).unwrap();
        let wanted = engine.units().contains(&20).then(|| "encoder.bias".to_owned());
        assert_eq!(engine.first_not_finite().unwrap(), wanted);
    });
    assert_eq!(found, []);
}

#[test]
fn an_error_or_a_wrong_bit_of_a_rank_ends_all() {
    const SIZE: usize = 2;
    let Some((_, choice)) = software("faults of shards") else { return };
    let train = |rank: Rank| -> rhohat::Result<()> {
        let problem = problem(3);
        let setup = Setup { objective: problem.objective, ..Setup::default() };
        let start = (problem.params.clone(), problem.data.clone());
        let mut engine = choice.open_sharded(&setup, Ranks::new(rank, SIZE)?, &start)?;
        for _ in 0..3 {
            engine.step(&Step { rows: Rows::All, update: SGD, beta: 0.5, report: true })?;
        }
        engine.params().map(|_| ())
    };
    // Two calls where they meet, two a step, two for the parameters.
    let step_of = |call: usize| (call / 2).min(3);
    for at in 0..2 + 3 * 2 + 2 {
        for rank in 0..SIZE {
            let mut group = ranks(SIZE);
            let inner = group.remove(rank);
            group.insert(rank, Faulty::at(inner, at, Fault::Error));
            for (other, ended) in on_all(group, train).into_iter().enumerate() {
                let (text, step) = (ended.unwrap_err().to_string(), step_of(at));
                let fault = if other == rank { String::new() } else { format!("rank {rank}, step {step}: ") };
                let wanted = format!("rank {other} of {SIZE}, step {step}: {fault}injected fault");
                assert_eq!(text, wanted, "call {at}");
            }
        }
    }
    for at in [2, 4, 6] {
        let mut group = ranks(SIZE);
        let inner = group.remove(1);
        group.push(Faulty::at(inner, at, Fault::Flip));
        let ended = on_all(group, train);
        if at < 6 {
            for ended in ended {
                let text = ended.unwrap_err().to_string();
                assert!(text.contains("were given different sums"), "call {at}: {text}");
            }
        } else {
            assert!(ended.iter().all(Result::is_ok), "what the last sum brought is never compared");
        }
    }
}

#[test]
fn ranks_whose_devices_round_otherwise_are_refused_with_both_named() {
    let Some((gpu, choice)) = software("unlike ranks") else { return };
    let other = Choice::Gpu(Arc::new(gpu.another().unwrap()));
    other.force("direct/buffers".parse().unwrap()).unwrap();
    let problem = problem(3);
    let start = (problem.params.clone(), problem.data.clone());
    let refused = on_all(ranks(3), |rank| {
        let own = if rank.rank() == 2 { &other } else { &choice };
        let ranks = Ranks::new(rank, 3).unwrap();
        own.open_sharded(&Setup::default(), ranks, &start).map(|_| ()).unwrap_err()
    });
    for error in refused {
        let text = error.to_string();
        assert!(matches!(error, rhohat::Error::Usage(_)), "{text}");
        assert!(text.contains("rank 2 by direct/buffers") && text.contains("rank 0 computes by"), "{text}");
    }
}

/// Allocations of a device that no plan counts: small ones of recordings, of the queue and of wgpu.
const ASIDE: [&str; 6] = ["uniforms", "uploads", "largest exponents", "lists", "places", "terms"];
/// Bytes that an adapter may round a buffer up by: in all less than the smallest tensor of a unit's numbers.
const ROUNDED: u64 = 64;

#[test]
fn a_rank_holds_what_its_plan_says() {
    let Some((gpu, _)) = software("memory plans of ranks") else { return };
    let problem = Problem::of_shape(PAIRS[0], Shape { visible: 40, hidden: 3_001 }, 200, 9);
    for (optimizer, batch, chunk) in
        [(Optimizer::Sgd, Some(50), None), (Optimizer::Adam, None, Some(64)), (Optimizer::Lbfgs, None, None)]
    {
        let cut = Chunking { chunk, ..Chunking::default() };
        let shape = problem.params.shape;
        let job =
            Job { shape, examples: 200, batch, optimizer, cut, fetched: None, row_bytes: 0, kernels: None };
        let devices: Vec<Arc<Gpu>> = (0..2).map(|_| Arc::new(gpu.another().unwrap())).collect();
        on_all(ranks(2), |rank| {
            let own = &devices[rank.rank()];
            // Without textures, whose sizes an adapter rounds up.
            own.force("direct/buffers".parse().unwrap()).unwrap();
            let choice = Choice::Gpu(Arc::clone(own));
            let held = || {
                let report = own.device.generate_allocator_report().expect("Vulkan reports");
                let is_planned = |name: &str| !name.starts_with("(wgpu") && !ASIDE.contains(&name);
                let planned =
                    report.allocations.into_iter().filter(|allocation| is_planned(&allocation.name));
                planned.fold((0, 0), |(sum, count), allocation| (sum + allocation.size, count + 1))
            };
            let ranks = Ranks::new(rank, 4).unwrap();
            let (plan, footprint) = choice.footprint_of_rank(&job, &ranks).unwrap().unwrap();
            let before = held();
            let setup = Setup { objective: problem.objective, cut, ..Setup::default() };
            let start = (problem.params.clone(), problem.data.clone());
            let mut engine = choice.open_sharded(&setup, ranks, &start).unwrap();
            assert_eq!(engine.plan(), plan);
            let descent = DescentConfig { batch, ..DescentConfig::constant(1e-3) };
            let optimizer = OptimizerConfig::of(optimizer, 0.9, descent);
            train(&mut *engine, &Recipe { optimizer, steps: 2, ..recipe(job.optimizer) }, &mut ()).unwrap();
            let after = held();
            // Z3 comes back through memory of the queue, which is gone again.
            let back = (plan.chunk * 40 * 4) as u64;
            let (found, buffers) = (after.0 - before.0 + back, after.1 - before.1);
            let planned = footprint.total()..=footprint.total() + ROUNDED * buffers;
            assert!(
                planned.contains(&found),
                "{optimizer:?}: {found} bytes in {buffers} buffers, {footprint:?}"
            );
        });
    }
}

#[test]
fn a_plan_of_a_rank_is_refused_as_its_engine_is() {
    let Some((_, choice)) = software("refused plans of ranks") else { return };
    let shape = Shape { visible: 4, hidden: 3 };
    let (optimizer, cut) = (Optimizer::Sgd, Chunking::default());
    let job =
        Job { shape, examples: 9, batch: None, optimizer, cut, fetched: None, row_bytes: 0, kernels: None };
    let alone = |shards| Ranks::new(ranks(1).remove(0), shards).unwrap();
    let text = choice.footprint_of_rank(&job, &alone(4)).unwrap_err().to_string();
    assert!(text.contains("`hidden` 3 in 4 shards"), "{text}");
    assert_eq!(choice.footprint_of_rank(&job, &alone(1)).unwrap(), Some(choice.footprint(&job).unwrap()));
    assert_eq!(Choice::Cpu.footprint_of_rank(&job, &alone(3)).unwrap(), None, "it tells of no plan");
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

#[test]
fn a_rank_whose_rows_cannot_be_read_ends_all_with_its_own_error() {
    let Some((gpu, _)) = software("unreadable rows of shards") else { return };
    let problem = problem(3);
    let ended = on_all(ranks(2), |rank| {
        let left = if rank.rank() == 1 { 1 } else { usize::MAX };
        let rows = Unreadable { rows: problem.data.clone(), left };
        let setup = Setup { objective: problem.objective, ..Setup::default() };
        let ranks = Ranks::new(rank, 2).unwrap();
        let examples = ExampleSet::Streamed(Box::new(rows));
        let mut engine = ShardedGpu::new(gpu.clone(), &setup, ranks, &problem.params, examples).unwrap();
        let step = Step { rows: Rows::All, update: SGD, beta: 0.5, report: true };
        (0..3).try_for_each(|_| engine.step(&step).map(|_| ())).unwrap_err()
    });
    assert!(matches!(&ended[1], rhohat::Error::Io { .. }), "{}", ended[1]);
    let wanted = "rank 0 of 2, step 2: rank 1, step 2: read rows.npy: the disk is gone";
    assert_eq!(ended[0].to_string(), wanted);
}

#[test]
fn ranks_that_hold_different_output_biases_are_found_out_where_parameters_are_gathered() {
    for choice in
        [Choice::Reference, Choice::Cpu].into_iter().chain(software("biases of ranks").map(|all| all.1))
    {
        let found = on_all(ranks(3), |rank| {
            let mut problem = problem(3);
            if rank.rank() == 2 {
                problem.params.b2[4] += 1e-6;
            }
            let mut engine = open(&choice, &problem, Setup::default(), rank, 3);
            engine.params().unwrap_err().to_string()
        });
        assert!(found.iter().all(|text| text.contains("rank 2 holds another output bias")), "{found:?}");
    }
}
