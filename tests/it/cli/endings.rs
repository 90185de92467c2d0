//! What a result says of how the run ended: whether J, or J over held-out examples, was still falling.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use super::{adam_in_run, number, rhohat};

#[test]
fn held_out_examples_tell_their_reconstruction_term_and_old_results_need_not() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let flags = ["--validation", "0.2", "--patience", "1000", "--beta", "3", "--verbose"];
    let outcome = rhohat(folder, &adam_in_run(&flags));
    assert!(outcome.stderr.contains("held-out J "), "{}", outcome.stderr);
    let summary = outcome.json();
    let validation = &summary["validation"];
    let (j, term) = (number(validation, "j"), number(validation, "reconstruction"));
    assert!(term > 0.0 && term < j && number(validation, "examples") == 40.0, "{validation}");
    let metrics = fs::read_to_string(folder.join("run/metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert!(number(last, "validation_reconstruction") < number(last, "validation"), "{last}");
    for name in ["explained_variance", "mse", "l0", "active"] {
        assert!(
            validation[name].is_number() && last["validation_measures"][name].is_number(),
            "{name}: {last}"
        );
    }

    let path = folder.join("run/summary.json");
    let mut old: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    old["validation"].as_object_mut().unwrap().remove("reconstruction");
    fs::write(&path, old.to_string()).unwrap();
    let again = rhohat(folder, &["train", "--json", "--resume", "run"]).json();
    assert_eq!((&again["validation"]["j"], &again["j"]), (&validation["j"], &summary["j"]));
    let text = rhohat(folder, &["train", "--resume", "run"]).text();
    assert!(text.contains("held out   J "), "{text}");
}

#[test]
fn a_run_that_ends_while_j_falls_names_the_flag_that_makes_it_longer() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let short = ["train", "--samples", "200", "--device", "cpu", "--steps", "60", "--out", "short"];
    let summary = rhohat(folder, &[&short[..], &["--json"]].concat()).json();
    assert!(number(&summary["fall"], "share") > 0.01 && summary["fall"]["steps"] == 6, "{summary}");
    let text = rhohat(folder, &["train", "--resume", "short"]).text();
    assert!(text.contains("% in the last 6 steps: more --steps (60 now) would lower it"), "{text}");
    let epochs =
        "train --samples 2000 --device cpu --optimizer adam --batch 50 --epochs 3 --lr 0.001 --start lecture";
    let epochs: Vec<&str> = epochs.split(' ').chain(["--schedule", "constant", "--out", "epochs"]).collect();
    let text = rhohat(folder, &epochs).text();
    assert!(text.contains("% in the last epoch: more --epochs (3 now) would lower it"), "{text}");
    // One at rest says nothing.
    let done = ["train", "--samples", "200", "--device", "cpu", "--steps", "1500", "--hidden", "2", "--json"];
    assert_eq!(rhohat(folder, &[&done[..], &["--out", "done"]].concat()).json()["fall"], Value::Null);
    // Held-out examples that were still doing better are no success, either.
    let held_out = [&short[..6], &["10", "--validation", "0.2", "--out", "held"]].concat();
    let outcome = rhohat(folder, &held_out);
    assert!(
        outcome.stdout.contains("it had not stopped falling: more --steps (10 now)"),
        "{}",
        outcome.stdout
    );
    outcome.text();
}
