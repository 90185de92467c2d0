//! Folders of runs that are not all finished, whole or of the same data, and the orders that they are listed in.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use serde_json::Value;
use tempfile::tempdir;

use super::{rhohat, train};

/// The names of the runs that are listed, in their order.
fn listed(folder: &Path, args: &[&str]) -> Vec<String> {
    let listed = rhohat(folder, &[&["runs", "--json"], args].concat()).json();
    let name = |run: &Value| run["run"].as_str().unwrap().rsplit(['/', '\\']).next().unwrap().to_owned();
    listed.as_array().unwrap().iter().map(name).collect()
}

/// Has a run say that it was begun at another time.
fn begin_at(run: &Path, started: &str) {
    let path = run.join("env.json");
    let mut environment: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    environment["started"] = started.into();
    fs::write(&path, environment.to_string()).unwrap();
}

#[test]
fn the_worst_run_comes_first_in_reverse_and_equal_ones_by_when_they_were_begun() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    for (out, beta) in [("runs/a", "3"), ("runs/b", "30"), ("runs/c", "0.1")] {
        train(at, out, &["--beta", beta, "--no-report"]);
    }
    let best = listed(at, &[]);
    let worst = listed(at, &["--reverse"]);
    assert!(best.iter().rev().eq(&worst) && best.len() == 3, "{best:?}, {worst:?}");
    for order in ["bca", "acb"] {
        for (day, name) in order.chars().enumerate() {
            begin_at(&at.join(format!("runs/{name}")), &format!("2026-01-0{}T00:00:00Z", day + 1));
        }
        assert_eq!(listed(at, &["--sort", "state"]).concat(), order);
    }
    rhohat(at, &["runs", "-o", "runs.tsv"]).text();
    let table = fs::read_to_string(at.join("runs.tsv")).unwrap();
    assert!(table.starts_with("run\tstate\tbegun\t"), "{table}");
}

#[test]
fn that_runs_have_learned_from_different_data_is_said_where_they_are_ranked() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let words = "they learned from different data";
    train(at, "runs/a", &["--no-report"]);
    train(at, "runs/b", &["--no-report", "--beta", "1"]);
    assert!(!rhohat(at, &["runs"]).text().contains(words));
    let rows: Vec<f32> = (0..300).map(|i| 0.5 + 0.4 * (i as f32 * 0.7).sin()).collect();
    npy::write(&at.join("rows.npy"), 100, 3, &rows).unwrap();
    let args = [
        "train",
        "rows.npy",
        "--hidden",
        "2",
        "--steps",
        "2",
        "--device",
        "cpu",
        "--no-report",
        "--out",
        "runs/c",
    ];
    rhohat(at, &args).text();
    assert!(rhohat(at, &["runs"]).text().contains(words));
    assert!(!rhohat(at, &["runs", "--sort", "beta"]).text().contains(words));
}

#[test]
fn runs_that_have_diverged_are_listed_and_do_not_decide_the_ranking_and_damaged_ones_are_left_out() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    for (out, beta) in [("runs/a", "3"), ("runs/b", "30")] {
        train(at, out, &["--beta", beta, "--no-report", "--validation", "0.2"]);
    }
    let diverges = [
        "train",
        "--device",
        "cpu",
        "--samples",
        "200",
        "--optimizer",
        "sgd",
        "--lr",
        "1e20",
        "--batch",
        "50",
    ];
    assert_eq!(rhohat(at, &[&diverges[..], &["--out", "runs/gone"]].concat()).code, 4);
    fs::create_dir(at.join("runs/damaged")).unwrap();
    for name in ["config.toml", "env.json"] {
        fs::copy(at.join("runs/a").join(name), at.join("runs/damaged").join(name)).unwrap();
    }
    fs::write(at.join("runs/damaged/summary.json"), "{").unwrap();
    let found = rhohat(at, &["runs", "--json"]);
    assert!(found.stderr.contains("damaged") && found.stderr.contains("left out"), "{}", found.stderr);
    let found = found.json();
    let states: Vec<&str> =
        found.as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["finished", "finished", "diverged"]);
    let text = rhohat(at, &["runs"]).text();
    assert!(text.contains("by validation.reconstruction"), "{text}");
    // A condition on a result that a run lacks is not met.
    assert_eq!(listed(at, &["--where", "validation.reconstruction>0"]).len(), 2);
}
