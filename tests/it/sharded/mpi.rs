//! Ranks as processes under the launchers of real MPI libraries. The processes of a job are this binary of tests, started with
//! the name of one test and, in the environment, of what each of them is to do.

mod jobs;
pub(crate) mod launchers;

use std::fs;

use rhohat::engine::device::Choice;
use rhohat::math::optim::Optimizer;
use tempfile::tempdir;

use super::{ENGINES, on_all, ranks};
use launchers::{Kind, Launcher, installed};

/// What a process of a job does; without a job there is nothing to do.
#[test]
fn a_process_of_a_job_that_another_test_has_started() {
    jobs::work_if_any();
}

/// Bits of twenty steps on threads of this process, the same on all of them.
fn on_threads(choice: &Choice, optimizer: Optimizer, size: usize) -> Vec<u64> {
    let mut found = on_all(ranks(size), |rank| jobs::twenty_steps(choice, rank, optimizer));
    assert!(found.iter().all(|bits| *bits == found[0]), "{choice:?}, {optimizer:?}, {size} threads");
    found.remove(0)
}

#[test]
fn processes_have_the_bits_of_one_process_and_of_threads() {
    let mut wanted = Vec::new();
    for (name, choice) in &ENGINES {
        for optimizer in Optimizer::ALL {
            let alone = on_threads(choice, optimizer, 1);
            assert!(on_threads(choice, optimizer, 4) == alone, "{name}, {optimizer:?}");
            wanted.push(alone);
        }
    }
    let wanted = jobs::lines(&wanted);
    for launcher in installed("bits of processes") {
        let sizes = if launcher.kind == Kind::OpenMpi { &[1, 2, 4, 8][..] } else { &[1, 2] };
        for &size in sizes {
            let folder = tempdir().unwrap();
            launcher.run(size, "bits", folder.path()).succeeded();
            for rank in 0..size {
                let found = fs::read_to_string(folder.path().join(format!("rank-{rank}"))).unwrap();
                assert!(found == wanted, "{launcher:?}, rank {rank} of {size}:\n{found}\nthreads:\n{wanted}");
            }
        }
    }
}

#[test]
fn sums_broadcasts_and_gathers_of_any_length_are_those_of_the_tree() {
    for launcher in installed("calls of processes") {
        for size in [1, 2, 3] {
            let folder = tempdir().unwrap();
            launcher.run(size, "calls", folder.path()).succeeded();
        }
    }
}

/// Runs three ranks of which the second has a fault at the third step.
fn faulty(launcher: &Launcher, fault: &str) -> launchers::Ended {
    launcher.run(3, fault, tempdir().unwrap().path())
}

#[test]
fn a_process_that_ends_without_leaving_ends_the_job_and_is_no_success() {
    for launcher in installed("processes that end") {
        for (fault, own) in [("exits", 7), ("panics", 101), ("is-killed", 137)] {
            let code = faulty(&launcher, fault).code;
            // MPICH gives that of any process, and ends the others by signal 9.
            let wanted = code == Some(own) || launcher.kind == Kind::Mpich && code == Some(9);
            assert!(wanted, "{launcher:?}, {fault}: {code:?}");
        }
    }
}

#[test]
fn the_error_of_one_process_is_printed_and_its_exit_code_is_that_of_the_job() {
    for launcher in installed("processes that fail") {
        let ended = faulty(&launcher, "errs");
        ended.failed(3, "rank 1: rows.npy: the header is damaged");
    }
}

#[test]
fn a_process_that_hangs_is_named_when_patience_ends() {
    for launcher in installed("processes that hang") {
        // A machine that is slow for so long lets ranks miss others, too: then with more patience.
        let is_named = [2, 8, 32, 128].into_iter().any(|seconds| {
            let ended = faulty(&launcher, &format!("hangs:{seconds}"));
            ended.failed(5, "no answer from rank");
            // Of the others, the first to notice ends the job.
            let named = |rank| {
                format!("rank {rank}: rank {rank} of 3, step 3: no answer from rank 1 for {seconds} s")
            };
            [0, 2].iter().any(|rank| ended.text.contains(&named(rank)))
        });
        assert!(is_named, "{launcher:?}");
    }
}

#[test]
fn a_process_that_makes_another_call_ends_all_before_a_number_is_wrong() {
    for launcher in installed("processes that call otherwise") {
        faulty(&launcher, "gathers").failed(5, " sends bytes to the first rank");
        faulty(&launcher, "sums-fewer").failed(5, "1000 numbers of 4 bytes");
    }
}

#[test]
fn a_process_that_leaves_early_ends_those_that_go_on() {
    for launcher in installed("processes that leave") {
        let ended = faulty(&launcher, "leaves");
        let told = ["rank 1 has ended, rank ", " where rank 1 ends"];
        assert!(told.iter().any(|told| ended.text.contains(told)), "{launcher:?}: {}", ended.text);
        ended.failed(5, "rank 1");
    }
}

#[test]
fn the_library_of_another_launcher_is_refused_and_the_right_one_named() {
    let installed = installed("libraries of another launcher");
    let find = |kind| installed.iter().find(|launcher| launcher.kind == kind && launcher.library.is_none());
    let (Some(open), Some(mpich)) = (find(Kind::OpenMpi), find(Kind::Mpich)) else { return };
    let folder = tempdir().unwrap();
    let ended = open.with_library("libmpich.so.12").run(2, "calls", folder.path());
    ended.failed(2, "mpirun of Open MPI has started 2 processes, but libmpich.so.12 (MPICH ");
    ended.failed(2, "such as libmpi.so.40");
    let ended = mpich.with_library("libmpi.so.40").run(2, "calls", folder.path());
    ended.failed(2, "mpiexec of MPICH has started 2 processes, but libmpi.so.40 (Open MPI ");
    ended.failed(2, "such as libmpi_abi.so.1 or libmpich.so.12");
}

#[test]
#[ignore = "it measures, and asserts nothing: it prints the figures of the notebook"]
fn sums_are_timed() {
    for launcher in installed("times of sums") {
        let ended = launcher.run(2, "times", tempdir().unwrap().path());
        ended.succeeded();
        let times = ended.text.lines().filter(|line| line.contains(" µs"));
        times.for_each(|line| println!("{launcher:?}: {line}"));
    }
}
