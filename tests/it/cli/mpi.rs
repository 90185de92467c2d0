//! One model trained by the processes of an MPI job: `--mpi`.

use std::fs;

use rhohat::run::checkpoint::fail_point::NAMES;
use tempfile::tempdir;

use super::several_devices::{ADAM, SMALL};
use super::{is_long, metrics, model, rhohat};
use crate::sharded::mpi::launchers::{Kind, installed};

const FOUR: [&str; 4] = ["--device", "cpu", "--shards", "4"];

#[test]
fn a_job_of_any_number_of_processes_writes_the_files_of_one_and_goes_on_with_another_number() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let flags = [&SMALL[..], &ADAM, &FOUR, &["--validation", "0.2"]].concat();
    rhohat(folder, &[&flags[..], &["--out", "alone"]].concat()).json();
    for launcher in installed("a job of any number of processes") {
        let name = format!("{:?}", launcher.kind);
        for size in [1, 2, 4].into_iter().take(if launcher.kind == Kind::OpenMpi { 3 } else { 2 }) {
            let run = format!("{name}-{size}");
            let ended = launcher.rhohat(size, &[&flags[..], &["--mpi", "--out", &run]].concat(), folder);
            ended.succeeded();
            assert!(model(folder, &run) == model(folder, "alone"), "{run}: other bits\n{}", ended.text);
            assert_eq!(metrics(folder, &run), metrics(folder, "alone"), "{run}");
        }
        let run = format!("{name}-broken");
        let half = [&flags[..], &["--mpi", "--out", &run, "--max-time", "0.001s"]].concat();
        launcher.rhohat(2, &half, folder).succeeded();
        let steps = metrics(folder, &run).len();
        assert!((1..40).contains(&steps), "{steps} steps");
        rhohat(folder, &["train", "--resume", &run, "--max-time", "8h", "--device", "cpu,cpu,cpu,cpu"])
            .text();
        assert!(model(folder, &run) == model(folder, "alone"), "{run}: other bits");
        fs::remove_dir_all(folder.join(&run)).unwrap();
        launcher.rhohat(2, &half, folder).succeeded();
        let goes_on = ["train", "--mpi", "--resume", &run, "--max-time", "8h"];
        launcher.rhohat(1, &goes_on, folder).succeeded();
        assert!(model(folder, &run) == model(folder, "alone"), "{run}: other bits");
    }
}

#[test]
fn what_the_first_process_refuses_ends_the_job_with_its_exit_code_and_words() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    for launcher in installed("what the first process refuses") {
        for (code, flags, words) in [
            (2, &["--shards", "3"][..], "ask for 2 or 4 shards"),
            (2, &["--device", "cpu,cpu"], "each process of an MPI job has one device"),
            (2, &["--rho", "2"], "--rho 2"),
            (3, &["missing.npy"], "missing.npy"),
        ] {
            let ended = launcher.rhohat(2, &[&SMALL[..], &["--mpi", "--out", "run"], flags].concat(), folder);
            ended.failed(code, words);
            assert!(!folder.join("run").exists(), "{flags:?}");
        }
        let planned = [&SMALL[..], &["--mpi", "--device", "cpu", "--dry-run"]].concat();
        launcher.rhohat(2, &planned, folder).succeeded();
    }
}

#[test]
fn a_library_that_is_none_is_refused_and_a_launcher_alone_turns_nothing_on() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let args = [&SMALL[..], &ADAM, &["--device", "cpu"]].concat();
    let refused = rhohat(folder, &[&args[..], &["--mpi=libnothing.so", "--out", "run"]].concat());
    assert!(refused.code == 2 && refused.stderr.contains("libnothing.so"), "{}", refused.stderr);
    for launcher in installed("a launcher alone turns nothing on") {
        let run = format!("{:?}", launcher.kind);
        let ended = launcher.rhohat(1, &[&args[..], &["--out", &run]].concat(), folder);
        ended.succeeded();
        assert!(!ended.text.contains("ranks"), "{}", ended.text);
        let ended = launcher.rhohat(2, &[&args[..], &["--out", &format!("{run}-2")]].concat(), folder);
        let warned =
            "has started 2 processes, each of which trains a model of its own; --mpi trains one with all";
        assert!(ended.text.contains(warned), "{}", ended.text);
    }
}

/// Places at which the first process dies in every run of the tests; with `RHOHAT_ENDURANCE=1` it dies at all of them.
const OF_ALL: [&str; 3] = ["resume-cut", "state-written", "model-written"];

#[test]
fn wherever_the_first_process_is_killed_or_hangs_all_end_and_the_run_goes_on_with_the_bits_of_one_that_never_stopped()
 {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let flags = [&SMALL[..], &ADAM, &FOUR, &["--checkpoint-every", "7"]].concat();
    rhohat(folder, &[&flags[..], &["--out", "alone"]].concat()).json();
    let (resume, begin) = NAMES.iter().partition::<Vec<_>, _>(|name| name.starts_with("resume-"));
    for launcher in installed("a first process that is killed or hangs") {
        let kind = launcher.kind;
        let job = |place: &str, run: &str, patience: &str| {
            let more = ["--mpi", "--mpi-patience", patience, "--run", run];
            launcher.rhohat_to(place, 2, &[&flags[..], &more].concat(), folder)
        };
        let ends = |place: &str, run: &str| {
            let ended = job(place, run, "10m");
            assert!(ended.code != Some(0), "{place} was not reached: {}", ended.text);
        };
        let is_tried = |name: &&&str| {
            kind == Kind::OpenMpi && (is_long() || OF_ALL.contains(*name)) || **name == "renamed"
        };
        for place in begin.iter().filter(is_tried) {
            let run = format!("{kind:?}-{place}");
            // Behind the first checkpoint, where there is one before.
            let again = ["state", "progress", "manifest", "renamed", "published", "latest"];
            let is_again = again.iter().any(|name| place.starts_with(name));
            ends(&format!("{place}{}", if is_again { ":2" } else { "" }), &run);
            job("", &run, "10m").succeeded();
            assert!(model(folder, &run) == model(folder, "alone"), "{run}: other bits");
            assert_eq!(metrics(folder, &run), metrics(folder, "alone"), "{run}");
        }
        for place in resume.iter().filter(is_tried) {
            let run = format!("{kind:?}-{place}");
            ends("latest-written:2", &run);
            ends(place, &run);
            job("", &run, "10m").succeeded();
            assert!(model(folder, &run) == model(folder, "alone"), "{run}: other bits");
        }
        for place in ["state-written", "model-written"].iter().filter(is_tried) {
            let run = format!("{kind:?}-{place}-hangs");
            job(&format!("{place}:hold"), &run, "3s").failed(5, "no answer from rank");
            job("", &run, "10m").succeeded();
            assert!(model(folder, &run) == model(folder, "alone"), "{run}: other bits");
        }
    }
}
