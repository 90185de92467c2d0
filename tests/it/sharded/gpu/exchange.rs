//! What ranks on a device exchange, wait for and refuse.

use std::sync::Arc;

use rhohat::data::batches::ExampleSet;
use rhohat::engine::collective::{Ranks, VOTES};
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::sharded::ShardedGpu;
use rhohat::engine::{Chunking, Engine, Rows, Step};
use rhohat::math::optim::lbfgs::Lbfgs;

use super::{SGD, software};
use crate::sharded::collectives::{Call, Fault, Faulty, Traced, calls, summed_bytes};
use crate::sharded::faults::Unreadable;
use crate::sharded::{Rank, on_all, open, problem, ranks};

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
