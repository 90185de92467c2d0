//! Engines whose hidden units are spread over ranks: threads of this process, and processes of their own.

mod bits;
mod bounds;
mod collectives;
mod crew;
mod faults;
mod gpu;
#[cfg(unix)]
pub(crate) mod mpi;
mod seam;
mod traffic;

use std::thread;
use std::time::Duration;

use rhohat::engine::Engine;
use rhohat::engine::collective::threads::Threads;
use rhohat::engine::collective::{Alone, Collective, Ranks};
use rhohat::engine::device::{Choice, Setup};
use rhohat::math::activation::Activation;
use rhohat::math::params::Shape;
use rhohat::verify::steps::Problem;

/// A rank's side of the exchange.
type Rank = Box<dyn Collective>;

/// A group that has not met for so long will not meet: what waits ends with an error, and the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The engines that can be sharded.
const ENGINES: [(&str, Choice); 2] = [("reference", Choice::Reference), ("cpu", Choice::Cpu)];

/// `size` ranks, with nobody between them where there is one.
fn ranks(size: usize) -> Vec<Rank> {
    if size == 1 { vec![Box::new(Alone)] } else { boxed(Threads::group(size, Some(PATIENCE))) }
}

fn boxed<C: Collective + 'static>(group: Vec<C>) -> Vec<Rank> {
    group.into_iter().map(|rank| Box::new(rank) as Rank).collect()
}

/// Does `work` on every rank, each in a thread of its own; what has come of it, rank by rank.
fn on_all<T: Send>(ranks: Vec<Rank>, work: impl Fn(Rank) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = ranks.into_iter().map(|rank| scope.spawn(move || work(rank))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The engine of a rank for a problem in `shards` shards.
fn open(choice: &Choice, problem: &Problem, setup: Setup, rank: Rank, shards: usize) -> Box<dyn Engine> {
    let setup = Setup { objective: problem.objective, threads: 1, ..setup };
    let start = (problem.params.clone(), problem.data.clone());
    choice.open_sharded(&setup, Ranks::new(rank, shards).unwrap(), &start).unwrap()
}

/// A problem with some of the units left over by eight shards.
fn problem(seed: u64) -> Problem {
    let pair = (Activation::Sigmoid, Activation::Sigmoid);
    Problem::of_shape(pair, Shape { visible: 13, hidden: 21 }, 50, seed)
}
