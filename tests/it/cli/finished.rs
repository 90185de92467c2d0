//! A finished run prints its result as long as that is still true.

use std::fs;
use std::path::Path;

use rhohat::run::checkpoint::fail_point;
use tempfile::tempdir;

use super::{Outcome, rhohat, train};

fn resume(folder: &Path, run: &str) -> Outcome {
    rhohat(folder, &["train", "--json", "--resume", run])
}

#[test]
fn a_finished_run_whose_model_is_gone_or_changed_makes_it_anew() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let told = train(folder, "run", &[]);
    let path = folder.join("run/model.safetensors");
    let model = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let outcome = resume(folder, "run");
    assert!(outcome.stderr.contains("model is gone"), "{}", outcome.stderr);
    assert_eq!(outcome.json()["j"], told["j"]);
    assert!(fs::read(&path).unwrap() == model, "other bits");
    for damaged in [&model[..model.len() - 4], &[&model[..model.len() - 4], &[1, 2, 3, 4]].concat()] {
        fs::write(&path, damaged).unwrap();
        let outcome = resume(folder, "run");
        assert!(outcome.stderr.contains("has been changed"), "{}", outcome.stderr);
        outcome.text();
        assert!(fs::read(&path).unwrap() == model, "other bits");
    }
}

#[test]
fn a_finished_run_that_was_moved_names_the_place_where_it_is() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let told = train(folder, "run", &[]);
    fs::rename(folder.join("run"), folder.join("moved")).unwrap();
    let found = resume(folder, "moved").json();
    assert_eq!((&found["j"], &found["seconds"]), (&told["j"], &told["seconds"]));
    assert_eq!((&found["run"], &found["model"]), (&"moved".into(), &"moved/model.safetensors".into()));
    assert_eq!(found["features"], "moved/features.png");
}

#[test]
fn patches_that_are_asked_of_a_finished_run_are_saved() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let told = train(folder, "run", &["--save-patches", "first.npy"]);
    let again = rhohat(folder, &["train", "--json", "--resume", "run", "--save-patches", "again.npy"]).json();
    assert_eq!(again["j"], told["j"]);
    assert!(fs::read(folder.join("first.npy")).unwrap() == fs::read(folder.join("again.npy")).unwrap());
}

#[test]
fn a_run_is_locked_until_its_last_file_has_been_written() {
    for place in ["end-kept:hold", "model-written:hold"] {
        let folder = tempdir().unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rhohat"));
        command.args("train --samples 200 --device cpu --steps 5 --json --out run".split(' '));
        let mut child = command.current_dir(folder.path()).env(fail_point::VARIABLE, place).spawn().unwrap();
        let file = if place.starts_with("end") { "checkpoints/latest" } else { "model.safetensors" };
        while !folder.path().join("run").join(file).exists() {
            assert!(child.try_wait().unwrap().is_none(), "{place} was not reached");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        resume(folder.path(), "run").refused(2, &["another rhohat is training"]);
        child.kill().unwrap();
        child.wait().unwrap();
        resume(folder.path(), "run").text();
    }
}
