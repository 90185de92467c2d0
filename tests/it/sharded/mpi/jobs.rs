//! What the processes of a job do.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use rhohat::engine::collective::mpi::{Mpi, launched, leave};
use rhohat::engine::collective::{Collective, TreeSum};
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Engine, ReusedBuffers, Rows, Step, Update};
use rhohat::math::optim::Optimizer;
use rhohat::train::{Recipe, train};
use rhohat::{Error, Result};

use crate::sharded::bits::{bits, recipe};
use crate::sharded::seam::{numbers, tree};
use crate::sharded::{ENGINES, Rank, open, problem};

/// What is to be done; behind a colon, the seconds that ranks wait for each other.
pub const JOB: &str = "RHOHAT_TEST_MPI_JOB";
/// Where results go.
pub const FOLDER: &str = "RHOHAT_TEST_MPI_FOLDER";
/// The library, if it is not to be found.
pub const LIBRARY: &str = "RHOHAT_TEST_MPI_LIBRARY";
/// V, whatever the number of ranks.
const SHARDS: usize = 8;

/// Does the work of a process, if it is one of a job, and ends as a program has to.
pub fn work_if_any() {
    let Ok(job) = std::env::var(JOB) else { return };
    let rank = launched(|name| std::env::var(name).ok()).map_or(0, |launch| launch.rank);
    let ended = work(&job);
    if let Err(error) = ended.and_then(|()| leave(0)) {
        eprintln!("rank {rank}: {error}");
        leave(error.exit_code()).unwrap();
        // The library was refused before MPI has started.
        process::exit(error.exit_code().into());
    }
}

fn work(job: &str) -> Result<()> {
    let library = std::env::var(LIBRARY).ok();
    let (job, patience) = match job.split_once(':') {
        Some((job, seconds)) => (job, Some(Duration::from_secs(seconds.parse().unwrap()))),
        None => (job, None),
    };
    let mut mpi = Mpi::open(library.as_deref(), patience)?;
    assert!(Mpi::open(library.as_deref(), None).is_err(), "MPI starts once");
    match job {
        "bits" => all_bits(&mut mpi),
        "calls" => calls(&mut mpi),
        "times" => times(&mut mpi),
        fault => faulty(mpi, fault),
    }
}

/// The bits of all vectors after twenty steps, and of J.
pub fn twenty_steps(choice: &Choice, rank: Rank, optimizer: Optimizer) -> Vec<u64> {
    let mut engine = open(choice, &problem(4), Setup::default(), rank, SHARDS);
    let recipe = Recipe { steps: 20, ..recipe(optimizer) };
    let outcome = train(&mut *engine, &recipe, &mut ()).unwrap();
    let mut found = bits(&engine.state(None, &mut ReusedBuffers::default()).unwrap());
    found.push(outcome.cost.total().to_bits());
    found
}

/// Bits as text.
pub fn lines(runs: &[Vec<u64>]) -> String {
    runs.iter().fold(String::new(), |mut text, run| {
        writeln!(text, "{run:x?}").unwrap();
        text
    })
}

/// Every engine with every optimiser, each with a collective of its own.
fn all_bits(mpi: &mut Mpi) -> Result<()> {
    let mut found = Vec::new();
    for (_, choice) in ENGINES {
        for optimizer in Optimizer::ALL {
            found.push(twenty_steps(&choice, Box::new(mpi.another()?), optimizer));
        }
    }
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    fs::write(folder.join(format!("rank-{}", mpi.rank())), lines(&found)).unwrap();
    Ok(())
}

/// All calls with lengths below, at and above all that they are cut by.
fn calls(mpi: &mut Mpi) -> Result<()> {
    let (rank, size) = (mpi.rank(), mpi.size());
    let (mut other, mut taken) = (mpi.another()?, Vec::new());
    for len in [0, 1, 2, 3, 124, 125, 126, 250, 251, 1000, 4099] {
        let mut wide = numbers(rank, len);
        mpi.sum_f64(&mut wide)?;
        assert!(wide == tree(size, len), "{len} numbers");
        let mut single: Vec<f32> = numbers(rank, len).into_iter().map(|x| x as f32).collect();
        other.sum(&mut single)?;
        assert!(single == tree_of_singles(size, len), "{len} single numbers");
        let of = |rank: usize| (0..len * rank).map(move |i| (i * 7 + rank) as u8).collect::<Vec<_>>();
        mpi.to_first(&of(rank), &mut |rank, bytes| {
            assert!(bytes == of(rank), "{len} bytes of rank {rank}");
            taken.push(rank);
            Ok(())
        })?;
        assert_eq!(std::mem::take(&mut taken), if rank == 0 { (0..size).collect() } else { vec![] });
        let mut sent = if rank == 0 { of(3) } else { vec![0; len * 3] };
        other.broadcast(&mut sent)?;
        assert!(sent == of(3), "{} bytes from the first", 3 * len);
        if rank == 1 && len == 3 {
            // Longer than anybody waits without a nap.
            thread::sleep(Duration::from_millis(300));
        }
    }
    // Messages that are cut: the longest has 2²² bytes.
    let len = (9 << 17) * size + 1;
    let mut long: Vec<f32> = (0..len).map(|i| (i % 509 + rank) as f32).collect();
    mpi.sum(&mut long)?;
    let ranks = size * (size - 1) / 2;
    assert!(long.iter().enumerate().all(|(i, x)| *x == (size * (i % 509) + ranks) as f32));
    let whole: Vec<u8> = (0..4 * len).map(|i| (i % 251) as u8).collect();
    let mut long = if rank == 0 { whole.clone() } else { vec![0; whole.len()] };
    mpi.broadcast(&mut long)?;
    assert!(long == whole);
    mpi.to_first(&long, &mut |_, bytes| {
        assert!(bytes == whole);
        Ok(())
    })
}

/// The sum of the numbers of `size` ranks in f32, in the order of the tree.
fn tree_of_singles(size: usize, len: usize) -> Vec<f32> {
    let mut tree = TreeSum::default();
    (0..size).for_each(|rank| tree.push_numbers(numbers(rank, len).into_iter().map(|x| x as f32).collect()));
    tree.total_numbers().unwrap()
}

/// µs of sums, on the first rank.
fn times(mpi: &mut Mpi) -> Result<()> {
    for (kib, turns) in [(1, 2000), (64, 500), (1024, 100), (4096, 60)] {
        let mut x = vec![1.0_f32; kib * 256];
        let mut times = Vec::new();
        for _ in 0..turns {
            let since = Instant::now();
            mpi.sum(&mut x)?;
            times.push(since.elapsed().as_secs_f64() * 1e6);
            x.fill(1.0);
        }
        times.sort_by(f64::total_cmp);
        if mpi.rank() == 0 {
            println!("{kib} KiB: best {:.1}, median {:.1} µs", times[0], times[turns / 2]);
        }
    }
    Ok(())
}

/// Four steps; the second rank has a fault before the third.
fn faulty(mpi: Mpi, fault: &str) -> Result<()> {
    let (rank, size) = (mpi.rank(), mpi.size());
    let mut engine = open(&Choice::Reference, &problem(3), Setup::default(), Box::new(mpi), size);
    for step in 1..=4 {
        if rank == 1 && step == 3 {
            fail(&mut *engine, fault)?;
        }
        let update = Update::Sgd { lr: 0.1, momentum: 0.9 };
        engine.step(&Step { rows: Rows::All, update, beta: 0.5, report: false })?;
    }
    Ok(())
}

fn fail(engine: &mut dyn Engine, fault: &str) -> Result<()> {
    let ranks = engine.ranks().unwrap();
    match fault {
        "exits" => process::exit(7),
        "panics" => panic!("injected"),
        "is-killed" => {
            process::Command::new("kill").args(["-KILL", &process::id().to_string()]).status().unwrap();
            sleep_for_ever()
        }
        "hangs" => sleep_for_ever(),
        "errs" => ranks.of_this_rank(Err(Error::input("rows.npy", "the header is damaged"))),
        "gathers" => ranks.all(&[1_u8], |_| 1).map(|_| ()),
        "sums-fewer" => ranks.outputs(&mut [1.0_f32; 1000]),
        "leaves" => leave(0),
        other => panic!("{other}: no such job"),
    }
}

fn sleep_for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}
