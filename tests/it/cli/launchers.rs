//! What launchers of sweeps and queues expect: one command line for a run whatever has become of it, flags as programs spell
//! them, settings in JSON, names of runs.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use tempfile::tempdir;

use super::{Outcome, adam_in_run, die, names, number, rhohat, train};

fn run(folder: &Path, more: &[&str]) -> Outcome {
    rhohat(folder, &adam_in_run(more))
}

fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

#[test]
fn one_command_line_begins_a_run_goes_on_with_it_and_prints_its_result() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let settings = ["--checkpoint-every", "10", "--lambda", "1", "--block", "8", "--chunk", "100000"];
    let whole = run(folder, &[&settings[..], &["--run", "whole"]].concat()).json();
    die(folder, "latest-written:2", &adam_in_run(&settings));
    let second = run(folder, &settings);
    assert!(second.stderr.contains("going on from step-"), "{}", second.stderr);
    let second = second.json();
    assert_eq!((&second["j"], &second["steps"]), (&whole["j"], &300.into()));
    assert!(model(folder, "run") == model(folder, "whole"), "other bits");
    // Finished: its result, and nothing is touched.
    let before = names(&folder.join("run"));
    let third = run(folder, &settings);
    assert!(!third.stderr.contains("going on"), "{}", third.stderr);
    let third = third.json();
    assert_eq!((&third["j"], &third["seconds"]), (&second["j"], &second["seconds"]));
    assert_eq!(names(&folder.join("run")), before);
    let sittings = fs::read_to_string(folder.join("run/resumed.jsonl")).unwrap();
    assert_eq!(sittings.lines().count(), 1);
    assert!(sittings.contains("\"changed\":{}"), "{sittings}");
}

#[test]
fn other_settings_beside_a_run_are_changed_as_with_resume() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    run(folder, &[]).text();
    assert_eq!(number(&run(folder, &["--steps", "310"]).json(), "steps"), 310.0);
    let refused = run(folder, &["--seed", "7"]);
    let Outcome { code, stderr, .. } = refused;
    assert!(code == 2 && stderr.contains("--seed 7: the run has 0"), "{stderr}");
    fs::create_dir(folder.join("full")).unwrap();
    fs::write(folder.join("full/notes"), "mine").unwrap();
    run(folder, &["--run", "full"]).refused(2, &["--run full", "not empty"]);
    assert_eq!(run(folder, &["--out", "x"]).code, 2);
    assert_eq!(run(folder, &["--resume", "run"]).code, 2);
}

#[test]
fn a_file_of_settings_beside_a_run_counts_by_its_values() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("trial.toml"), "lambda = 1\nbeta = 2\nhidden = 9").unwrap();
    fs::write(folder.join("trial.json"), "{\"lambda\": 1.0, \"beta\": 2, \"hidden\": 9, \"seed\": null}")
        .unwrap();
    let first = run(folder, &["--config", "trial.toml"]).json();
    for file in ["trial.toml", "trial.json"] {
        let again = run(folder, &["--config", file]).json();
        assert_eq!((&again["j"], &again["seconds"]), (&first["j"], &first["seconds"]), "{file}");
    }
    assert!(!folder.join("run/resumed.jsonl").exists());
}

#[test]
fn booleans_take_values_and_names_take_underscores() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let dry = rhohat(
        folder,
        &["train", "--dry_run=True", "--json=true", "--beta_warmup=0", "--optimizer=adam", "--no_tune"],
    );
    assert!(number(&dry.json(), "examples") > 0.0);
    let dry = rhohat(folder, &["train", "--dry-run", "--json", "--json=false"]).text();
    assert!(dry.contains("10000 examples"), "{dry}");
    let flags = ["--whiten=false", "--color=false", "--stream=False", "--dry-run=false", "--rho_hat=exact"];
    train(folder, "run", &flags);
    let config = fs::read_to_string(folder.join("run/config.toml")).unwrap();
    assert!(config.contains("whiten = false") && config.contains("color = false"), "{config}");
    train(folder, "whitened", &["--no-whiten", "--whiten=true"]);
    let config = fs::read_to_string(folder.join("whitened/config.toml")).unwrap();
    assert!(config.contains("whiten = true"), "{config}");
    let outcome = rhohat(folder, &["train", "--dry-run=perhaps"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("--dry-run"), "{}", outcome.stderr);
}

#[test]
fn settings_in_json_are_those_in_toml_and_fail_alike() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.toml"), "hidden = 7\nbeta = 2.5\noptimizer = \"adam\"").unwrap();
    fs::write(folder.join("a.json"), "{\n \"hidden\": 7,\n \"beta\": 2.5,\n \"optimizer\": \"adam\"\n}\n")
        .unwrap();
    let [toml, json] =
        ["a.toml", "a.json"].map(|file| train(folder, file.rsplit('.').next().unwrap(), &["--config", file]));
    assert_eq!(toml["j"], json["j"]);
    assert!(model(folder, "toml") == model(folder, "json"));
    for (text, words) in [
        ("{\n\"hidden\" 7}", &["line 2: expected `:`"][..]),
        ("{\n\n\"hidden\": 7,\n\"hidden\": 8}", &["line 4", "duplicate"]),
        ("{\"hiden\": 7}", &["unknown field `hiden`"]),
        ("{\"hidden\": \"seven\"}", &["invalid type", "hidden"]),
        ("{\"hidden\": 0}", &["hidden"]),
    ] {
        fs::write(folder.join("bad.json"), text).unwrap();
        let outcome = rhohat(folder, &["train", "--config", "bad.json", "--dry-run"]);
        let code = if text.contains("\"hidden\": 0") { 2 } else { 3 };
        outcome.refused(code, words);
    }
}

#[test]
fn a_long_name_of_data_is_cut_for_the_name_of_its_run() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    for stem in ["a".repeat(245), "ü".repeat(120)] {
        let data = format!("{stem}.npy");
        npy::write(&folder.join(&data), 4, 2, &[0.5; 8]).unwrap();
        rhohat(folder, &["train", &data, "--steps", "1", "--device", "cpu"]).text();
    }
    let runs = names(&folder.join("runs"));
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.len() < 140 && run.contains(['a', 'ü'])), "{runs:?}");
}

#[test]
fn a_part_of_a_run_is_told_from_a_run() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", &["--checkpoint-every", "2"]);
    for part in ["run/checkpoints", "run/checkpoints/", "run/checkpoints/step-000000005"] {
        rhohat(folder, &["train", "--resume", part]).refused(3, &["a part of the run run; give that"]);
    }
}
