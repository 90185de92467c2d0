//! `--resume`, `--max-time`, and what is left of a run that diverged.

use std::fs;
use std::path::Path;

use rhohat::run::checkpoint::Checkpoints;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::{ADAM, Outcome, die, fixture, metrics, model, names, number, rhohat, train};

/// A run `whole`, and `broken`, the same, which died when it had checkpoints of steps 4 and 8 (and more).
fn broken() -> TempDir {
    let folder = tempdir().unwrap();
    let run = |out: &'static str| {
        [&ADAM[..], &["--steps", "2000", "--checkpoint-every", "4", "--out", out]].concat()
    };
    rhohat(folder.path(), &run("whole")).text();
    die(folder.path(), "latest-written:2", &run("broken"));
    folder
}

fn resume(folder: &Path, more: &[&str]) -> Outcome {
    rhohat(folder, &[&["train", "--json", "--resume", "broken"][..], more].concat())
}

/// Lines of metrics behind the checkpoint, the last one torn.
fn add_lines(folder: &Path) {
    let path = folder.join("broken/metrics.jsonl");
    let lines = fs::read_to_string(&path).unwrap();
    fs::write(&path, lines + "{\"step\":99}\n{\"st").unwrap();
}

fn sittings(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("broken/resumed.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_resumed_run_has_the_bytes_and_the_metrics_of_one_that_never_stopped() {
    let folder = broken();
    let folder = folder.path();
    add_lines(folder);
    let outcome = resume(folder, &[]);
    assert!(outcome.stderr.contains("going on from step-000000008"), "{}", outcome.stderr);
    let summary = outcome.json();
    assert_eq!((&summary["steps"], &summary["ended"]), (&2000.into(), &"steps".into()));
    assert!(model(folder, "broken") == model(folder, "whole"), "other bits");
    assert_eq!(metrics(folder, "broken"), metrics(folder, "whole"));
    let sittings = sittings(folder);
    assert_eq!(sittings.len(), 1);
    assert!(sittings[0]["step"].as_u64().unwrap() >= 8 && sittings[0]["changed"] == serde_json::json!({}));

    // Finished: the answer comes at once, and nothing is touched.
    let before = names(&folder.join("broken"));
    let again = resume(folder, &[]).json();
    assert_eq!((&again["j"], &again["seconds"]), (&summary["j"], &summary["seconds"]));
    assert_eq!(names(&folder.join("broken")), before);
    assert!(rhohat(folder, &["train", "--resume", "broken"]).text().starts_with("J  "));
}

#[test]
fn damaged_checkpoints_are_named_and_put_aside_and_the_newest_valid_one_is_taken() {
    let folder = broken();
    let folder = folder.path();
    let checkpoints = <Checkpoints>::of(&folder.join("broken"));
    let steps: Vec<String> = names(&checkpoints.path()).into_iter().filter(|name| name != "latest").collect();
    let state = checkpoints.path().join(&steps[1]).join("state.bin");
    let mut bytes = fs::read(&state).unwrap();
    bytes[100] ^= 1;
    fs::write(&state, bytes).unwrap();
    let outcome = resume(folder, &[]);
    for word in [&steps[1], "rejected", "state.bin", "hash", &format!("going on from {}", steps[0])] {
        assert!(outcome.stderr.contains(word), "no {word} in {}", outcome.stderr);
    }
    outcome.text();
    assert!(model(folder, "broken") == model(folder, "whole"), "other bits");
    assert_eq!(metrics(folder, "broken"), metrics(folder, "whole"));
    assert_eq!(names(&folder.join("broken/rejected")), [steps[1].clone()]);
    assert_eq!(sittings(folder)[0]["rejected"].as_array().unwrap().len(), 1);
}

#[test]
fn a_run_without_a_valid_checkpoint_starts_again_from_its_settings_on_request() {
    let folder = broken();
    let folder = folder.path();
    for path in names(&folder.join("broken/checkpoints")) {
        let _ = fs::remove_file(folder.join("broken/checkpoints").join(path).join("manifest.json"));
    }
    add_lines(folder);
    let refusal = resume(folder, &[]);
    assert_eq!(refusal.code, 3, "{}", refusal.stderr);
    assert!(refusal.stderr.contains("--from-scratch"), "{}", refusal.stderr);
    let outcome = resume(folder, &["--from-scratch"]);
    assert!(outcome.stderr.contains("starting from its config.toml"), "{}", outcome.stderr);
    outcome.text();
    assert!(model(folder, "broken") == model(folder, "whole"), "other bits");
    assert_eq!(metrics(folder, "broken"), metrics(folder, "whole"));
}

#[test]
fn changed_settings_are_told_recorded_and_those_of_the_run_from_then_on() {
    let folder = broken();
    let folder = folder.path();
    let outcome = resume(folder, &["--lr", "0.05", "--schedule", "constant"]);
    assert!(outcome.stderr.contains("lr: 0.05, was 0.01"), "{}", outcome.stderr);
    outcome.text();
    assert!(model(folder, "broken") != model(folder, "whole"), "the rate changes nothing");
    assert_eq!(
        sittings(folder)[0]["changed"],
        serde_json::json!({"lr": ["0.01", "0.05"], "schedule": ["\"cosine\"", "\"constant\""]})
    );
    assert!(fs::read_to_string(folder.join("broken/config.toml")).unwrap().contains("lr = 0.05"));
    let last = metrics(folder, "broken").pop().unwrap();
    assert_eq!(number(&last, "lr"), 0.05);
    // A finished run goes on where it is given more to do.
    let longer = resume(folder, &["--steps", "2010"]).json();
    assert_eq!(longer["steps"], 2010);
    assert_eq!(sittings(folder).len(), 2);
    for (flags, word) in [
        (&["--hidden", "9"][..], "--hidden"),
        (&["--optimizer", "sgd"], "--optimizer"),
        (&["--seed", "4"], "--seed"),
        (&["--patch", "9"], "--patch"),
    ] {
        resume(folder, flags).refused(2, &[word, "the run has", "--config"]);
    }
    resume(folder, &["--out", "elsewhere"]).code_is(2);
}

impl Outcome {
    fn code_is(&self, code: i32) {
        assert_eq!(self.code, code, "{}", self.stderr);
    }
}

#[test]
fn a_search_begins_anew_under_another_objective_and_goes_on_under_the_same() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    train(folder, "broken", &[]);
    let longer = resume(folder, &["--steps", "9"]).json();
    let whole = train(folder, "whole", &["--steps", "9"]);
    assert_eq!(longer["j"], whole["j"]);
    let other = resume(folder, &["--steps", "12", "--beta", "0.5"]).json();
    assert!(number(&other, "j") < number(&longer, "j"), "{other}");
}

#[test]
fn auto_goes_on_with_the_newest_unfinished_run_and_says_so_where_there_is_none() {
    let folder = broken();
    let folder = folder.path();
    let auto = ["train", "--json", "--resume", "auto"];
    rhohat(folder, &auto).refused(2, &["auto", "no unfinished run in runs/"]);
    fs::create_dir(folder.join("runs")).unwrap();
    for run in ["broken", "whole"] {
        fs::rename(folder.join(run), folder.join("runs").join(run)).unwrap();
    }
    // One that is older, although its name comes later.
    let older = folder.join("runs/older");
    fs::create_dir(&older).unwrap();
    let config = fs::File::create(older.join("config.toml")).unwrap();
    config.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    let summary = rhohat(folder, &auto).json();
    assert_eq!(summary["run"], "runs/broken");
    fs::remove_dir_all(older).unwrap();
    rhohat(folder, &auto).refused(2, &["auto", "no unfinished run in runs/"]);
    rhohat(folder, &["train", "--resume", "nowhere"]).refused(3, &["nowhere", "no such run"]);
    rhohat(folder, &["train", "--resume", "runs"]).refused(3, &["runs", "config.toml"]);
}

#[test]
fn a_run_that_was_killed_before_it_had_settings_can_be_started_again() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("run")).unwrap();
    for (name, text) in [(".rhohat-x", "half"), ("env.json", "{}"), ("metrics.jsonl", "")] {
        fs::write(folder.join("run").join(name), text).unwrap();
    }
    train(folder, "run", &[]);
    rhohat(folder, &["train", "--out", "run"]).refused(2, &["run", "not empty"]);
}

#[test]
fn a_run_that_is_being_trained_is_not_gone_on_with_by_another_program() {
    let folder = broken();
    let file = fs::File::options().write(true).open(folder.path().join("broken/metrics.jsonl")).unwrap();
    file.lock().unwrap();
    resume(folder.path(), &[]).refused(2, &["metrics.jsonl", "another rhohat is training"]);
    drop(file);
    resume(folder.path(), &[]).text();
}

#[test]
fn time_that_is_over_ends_a_sitting_and_the_next_ones_give_the_same_bits() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let digits = fixture("images-idx3-ubyte.gz");
    let flags = [
        "--optimizer",
        "sgd",
        "--batch",
        "1",
        "--hidden",
        "16",
        "--steps",
        "3000",
        "--device",
        "cpu",
        "--json",
    ];
    let run = |out: &'static str, more: &[&'static str]| {
        rhohat(folder, &[&["train", &digits, "--out", out][..], &flags, more].concat()).json()
    };
    run("whole", &[]);
    let first = run("broken", &["--max-time", "0.001s"]);
    assert_eq!(first["ended"], "time");
    let mut steps = number(&first, "steps");
    assert!(steps < 3000.0, "{first}");
    let second = resume(folder, &[]).json();
    assert!(number(&second, "steps") > steps && second["ended"] == "time", "{second}");
    steps = number(&resume(folder, &["--max-time", "1h"]).json(), "steps");
    assert_eq!(steps, 3000.0);
    assert!(model(folder, "broken") == model(folder, "whole"), "other bits");
    assert_eq!(metrics(folder, "broken"), metrics(folder, "whole"));
}

#[test]
fn a_divergence_says_where_and_what_to_lower_and_the_run_goes_on_from_the_checkpoint_before() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    // A good checkpoint, and then a rate of sgd that is too much, before another checkpoint is due.
    let flags = "train --samples 200 --device cpu --optimizer sgd --momentum 0 --output linear --lr 1e-6 --steps 3 \
                 --out broken";
    rhohat(folder, &flags.split_whitespace().collect::<Vec<_>>()).text();
    let outcome = resume(folder, &["--lr", "1e7", "--steps", "1000", "--checkpoint-every", "100000"]);
    outcome.code_is(4);
    for word in
        ["error: diverged at step ", " is not finite", "--lr 10000000", "--resume broken", "step-00000"]
    {
        assert!(outcome.stderr.contains(word), "no {word} in {}", outcome.stderr);
    }
    let found = <Checkpoints>::of(&folder.join("broken")).find().unwrap();
    let (_, checkpoint) = found.newest.expect("one was good");
    assert_eq!((found.rejected.len(), checkpoint.state.first_not_finite()), (0, None));
    // The same again diverges again; a smaller rate may not.
    resume(folder, &[]).code_is(4);
    resume(folder, &["--lr", "1e-6", "--steps", "50"]).json();
}

#[test]
fn held_out_examples_end_training_early_keep_the_best_model_and_survive_a_break() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let mut stream = rhohat::math::random::Stream::new(3, "noise");
    let noise: Vec<f32> = (0..80 * 12).map(|_| stream.unit() as f32).collect();
    rhohat::data::npy::write(&folder.join("noise.npy"), 80, 12, &noise).unwrap();
    // Nothing in noise is worth learning: what is learned makes held-out rows worse before long.
    let flags = "train noise.npy --optimizer adam --lr 0.02 --batch 20 --hidden 60 --beta 0 --lambda 0 --steps 4000 \
                 --validation 0.25 --patience 3 --checkpoint-every 4 --device cpu --json --out";
    let flags = |out: &'static str| -> Vec<&str> { flags.split_whitespace().chain([out]).collect() };
    let whole = rhohat(folder, &flags("whole")).json();
    assert_eq!((&whole["ended"], &whole["examples"]), (&"early".into(), &60.into()));
    let validation = &whole["validation"];
    assert_eq!(validation["examples"], 20);
    let (best, steps) = (number(validation, "step"), number(&whole, "steps"));
    // Three epochs of three updates later.
    assert_eq!(steps, best + 9.0, "{whole}");
    let seen: Vec<f64> =
        metrics(folder, "whole").iter().filter_map(|line| line["validation"].as_f64()).collect();
    assert!(seen.iter().all(|j| *j >= number(validation, "j")) && seen.len() > 3, "{seen:?}");

    die(folder, "latest-written:2", &flags("broken"));
    let broken = resume(folder, &[]).json();
    assert_eq!((&broken["validation"], &broken["ended"]), (validation, &whole["ended"]));
    assert!(model(folder, "broken") == model(folder, "whole"), "other bits");
    assert_eq!(metrics(folder, "broken"), metrics(folder, "whole"));
    rhohat(folder, &["train", "noise.npy", "--patience", "3"]).refused(2, &["--patience", "--validation"]);
    rhohat(folder, &["train", "noise.npy", "--validation", "1"])
        .refused(2, &["--validation 1", "between 0 and 1"]);
}
