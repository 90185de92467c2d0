//! `--resume auto` chooses among runs that it can go on with, and says which it passes over.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::{TempDir, tempdir};

use super::{Outcome, die, rhohat};

const RUN: &str = "train --samples 200 --device cpu --steps 9 --checkpoint-every 3 --json --out";

/// An unfinished run in `runs/`, begun at this time as it says itself.
fn unfinished(folder: &Path, name: &str, started: &str) {
    let command = format!("{RUN} runs/{name}");
    die(folder, "latest-written", &command.split(' ').collect::<Vec<_>>());
    let path = folder.join("runs").join(name).join("env.json");
    let mut environment: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    environment["started"] = json!(started);
    fs::write(path, environment.to_string()).unwrap();
}

fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("runs")).unwrap();
    unfinished(folder.path(), "older", "2026-01-01T00:00:00Z");
    unfinished(folder.path(), "newer", "2026-02-01T00:00:00Z");
    folder
}

fn auto(folder: &Path) -> Outcome {
    rhohat(folder, &["train", "--json", "--resume", "auto"])
}

#[test]
fn the_run_that_was_begun_last_is_gone_on_with_whatever_the_times_of_files_are() {
    let folder = folder();
    let config = fs::File::options().write(true).open(folder.path().join("runs/older/config.toml")).unwrap();
    config.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(3600)).unwrap();
    assert_eq!(auto(folder.path()).json()["run"], "runs/newer");
    assert_eq!(auto(folder.path()).json()["run"], "runs/older");
    auto(folder.path()).refused(2, &["no unfinished run"]);
}

#[test]
fn a_run_that_another_program_trains_is_passed_over() {
    let folder = folder();
    let file = fs::File::options().write(true).open(folder.path().join("runs/newer/metrics.jsonl")).unwrap();
    file.lock().unwrap();
    let outcome = auto(folder.path());
    assert!(outcome.stderr.contains("another rhohat is training") && outcome.stderr.contains("passed over"));
    assert_eq!(outcome.json()["run"], "runs/older");
}

#[test]
fn folders_of_strangers_are_passed_over_and_left_alone() {
    let folder = folder();
    let runs = folder.path().join("runs");
    for (name, text) in
        [("empty", ""), ("theirs", "title = \"mine\"\n"), ("noise", "\0\u{1}{{"), ("few", "seed = 4\n")]
    {
        fs::create_dir(runs.join(name)).unwrap();
        fs::write(runs.join(name).join("config.toml"), text).unwrap();
    }
    // One that has all files of a run, but settings that no run has written.
    fs::create_dir(runs.join("alike")).unwrap();
    for (name, text) in [("config.toml", "seed = 4\n"), ("metrics.jsonl", ""), ("env.json", "{}")] {
        fs::write(runs.join("alike").join(name), text).unwrap();
    }
    fs::create_dir_all(runs.join("nested/config.toml")).unwrap();
    fs::write(runs.join("file"), "x").unwrap();
    let outcome = auto(folder.path());
    assert!(
        outcome.stderr.contains("theirs") && outcome.stderr.contains("passed over"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.json()["run"], "runs/newer");
    for (name, held) in [("empty", 1), ("theirs", 1), ("noise", 1), ("few", 1), ("nested", 1), ("alike", 3)] {
        assert_eq!(fs::read_dir(runs.join(name)).unwrap().count(), held, "{name}");
    }
}

#[test]
fn a_run_that_has_diverged_is_passed_over_until_somebody_changes_it() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("runs")).unwrap();
    let begun = "train --samples 200 --device cpu --optimizer sgd --momentum 0 --output linear --lr 1e-6 --warmup 0 \
                 --steps 1 --out runs/wild";
    rhohat(folder, &begun.split_whitespace().collect::<Vec<_>>()).text();
    // No checkpoint on the way, which could be one that nothing can go on from.
    let wild = "train --resume runs/wild --lr 1e30 --steps 1000 --checkpoint-every 1000";
    assert_eq!(rhohat(folder, &wild.split(' ').collect::<Vec<_>>()).code, 4);
    let outcome = auto(folder);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("diverged at step"), "{}", outcome.stderr);
    let change = "train --json --resume runs/wild --lr 1e-6 --steps 50";
    rhohat(folder, &change.split(' ').collect::<Vec<_>>()).json();
    assert!(!folder.join("runs/wild/diverged.json").exists());
}
