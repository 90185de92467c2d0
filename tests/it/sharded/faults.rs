//! A rank that fails, hangs, is given a wrong number or cannot read its rows: all ranks end with an error that names it.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rhohat::data::batches::{Dataset, ExampleSet, RowSelection};
use rhohat::engine::collective::Ranks;
use rhohat::engine::collective::threads::Threads;
use rhohat::engine::cpu::ShardedCpu;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Engine, Rows, Step, Update};
use rhohat::math::params::Matrix;
use rhohat::{Error, Result};

use super::collectives::{Call, Fault, Faulty, Traced, calls};
use super::{ENGINES, Rank, boxed, on_all, open, problem, ranks};

const SIZE: usize = 4;

/// Three updates with J, J over all rows, and the parameters.
fn run(choice: &Choice, rank: Rank) -> Result<()> {
    let mut engine = open(choice, &problem(3), Setup::default(), rank, SIZE);
    train(&mut *engine)?;
    engine.params().map(|_| ())
}

fn train(engine: &mut dyn Engine) -> Result<()> {
    for step in 1..=3 {
        let update = Update::Adam { lr: 0.01, step };
        engine.step(&Step { rows: Rows::All, update, beta: 0.5, report: true })?;
    }
    engine.cost().map(|_| ())
}

/// The calls of such a run.
fn calls_of(choice: &Choice) -> Vec<Call> {
    let (group, logs) = Traced::group(ranks(SIZE));
    on_all(group, |rank| run(choice, rank).unwrap());
    calls(&logs)
}

/// A group with a fault at call `at` of a rank.
fn faulty(mut group: Vec<Rank>, rank: usize, at: usize, fault: Fault) -> Vec<Rank> {
    let inner = group.remove(rank);
    group.insert(rank, Faulty::at(inner, at, fault));
    group
}

/// The step at which a call is made: two calls a step, and what follows the last.
fn step_of(call: usize) -> usize {
    (call / 2 + 1).min(3)
}

#[test]
fn an_error_at_any_call_of_any_rank_ends_all_and_names_rank_and_step() {
    for (name, choice) in ENGINES {
        let count = calls_of(&choice).len();
        assert_eq!(count, 3 * 2 + 2 + 2);
        for (rank, at) in (0..SIZE).flat_map(|rank| (0..count).map(move |at| (rank, at))) {
            let ended = on_all(faulty(ranks(SIZE), rank, at, Fault::Error), |rank| run(&choice, rank));
            let step = step_of(at);
            for (other, ended) in ended.into_iter().enumerate() {
                let text = ended.unwrap_err().to_string();
                let wanted = if other == rank {
                    format!("rank {rank} of {SIZE}, step {step}: injected fault")
                } else {
                    format!("rank {other} of {SIZE}, step {step}: rank {rank}, step {step}: injected fault")
                };
                assert_eq!(text, wanted, "{name}, call {at}");
            }
        }
    }
}

#[test]
fn a_rank_that_hangs_is_waited_for_no_longer_than_patience_lasts() {
    let choice = Choice::Reference;
    let count = calls_of(&choice).len();
    for (rank, at) in (0..count).map(|at| (at % SIZE, at)) {
        let (tell, told) = channel();
        let group = boxed(Threads::group(SIZE, Some(Duration::from_millis(200))));
        let group = faulty(group, rank, at, Fault::Hang(told));
        let ended: Vec<Result<()>> = thread::scope(|scope| {
            let choice = &choice;
            let mut threads: Vec<_> =
                group.into_iter().map(|rank| scope.spawn(move || run(choice, rank))).collect();
            let hung = threads.remove(rank);
            let mut ended: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            drop(tell);
            ended.push(hung.join().unwrap());
            ended
        });
        for ended in ended {
            // A machine that is slow for so long lets ranks miss others, too.
            let text = ended.unwrap_err().to_string();
            assert!(text.contains(" of 4, step ") && text.contains("no answer from rank"), "{text}");
        }
    }
}

#[test]
fn a_bit_that_one_rank_gets_wrong_in_any_sum_ends_all_at_the_next_outputs() {
    for (name, choice) in ENGINES {
        let calls = calls_of(&choice);
        let is_outputs =
            |call: &Call| matches!(call, Call::Sum(_)) || matches!(call, Call::SumF64(n) if *n > 2);
        let last = calls.iter().rposition(is_outputs).unwrap();
        for (rank, at) in (0..last).map(|at| (at % SIZE, at)) {
            let ended = on_all(faulty(ranks(SIZE), rank, at, Fault::Flip), |rank| run(&choice, rank));
            for ended in ended {
                let text = ended.unwrap_err().to_string();
                assert!(text.contains("were given different sums"), "{name}, call {at}: {text}");
                assert!(text.contains(" of 4, step "), "{name}, call {at}: {text}");
            }
        }
    }
}

/// Rows that can be read so many times.
#[derive(Debug)]
pub struct Unreadable {
    pub rows: Matrix<f32>,
    pub left: usize,
}

impl Dataset for Unreadable {
    fn size(&self) -> (usize, usize) {
        self.rows.size()
    }

    fn numbers(&mut self, rows: &RowSelection<'_>, out: &mut [f32]) -> Result<()> {
        if self.left == 0 {
            return Err(Error::io("read", "rows.npy", std::io::Error::other("the disk is gone")));
        }
        self.left -= 1;
        self.rows.numbers(rows, out)
    }
}

#[test]
fn rows_that_one_rank_cannot_read_end_all_and_its_own_error_keeps_its_kind() {
    let problem = problem(3);
    let ended = on_all(ranks(SIZE), |rank| {
        let left = if rank.rank() == 2 { 1 } else { usize::MAX };
        let rows = Unreadable { rows: problem.data.clone(), left };
        let setup = Setup { objective: problem.objective, threads: 1, ..Setup::default() };
        let ranks = Ranks::new(rank, SIZE).unwrap();
        let examples = ExampleSet::Streamed(Box::new(rows));
        let mut engine = ShardedCpu::new(&setup, ranks, &problem.params, examples).unwrap();
        train(&mut engine).unwrap_err()
    });
    for (rank, error) in ended.iter().enumerate() {
        let text = error.to_string();
        if rank == 2 {
            assert!(matches!(error, Error::Io { .. }), "{text}");
        } else {
            let wanted = format!("rank {rank} of 4, step 2: rank 2, step 2: read rows.npy: the disk is gone");
            assert_eq!(text, wanted);
        }
    }
}

#[test]
fn a_rank_that_leaves_early_ends_those_that_go_on() {
    for (name, choice) in ENGINES {
        let ended = on_all(ranks(SIZE), |rank| if rank.rank() == 3 { Ok(()) } else { run(&choice, rank) });
        for (rank, ended) in ended.into_iter().enumerate().take(3) {
            let text = ended.unwrap_err().to_string();
            assert_eq!(text, format!("rank {rank} of 4, step 1: rank 3 has ended"), "{name}");
        }
    }
}
