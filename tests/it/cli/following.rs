//! Files by which other programs follow a run: the table of its metrics and events for TensorBoard.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use super::{ADAM, names, rhohat, train};

fn events(run: &Path) -> Vec<String> {
    names(run).into_iter().filter(|name| name.starts_with("events.out.tfevents.")).collect()
}

/// The steps and the tags of an event file, with the frames' lengths taken at their word; `None` for the start of a session.
fn frames(path: &Path) -> Vec<(u64, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        let event = &bytes[at + 12..at + 12 + length];
        // Behind the time: the field of the step, and its number in one or two bytes.
        assert_eq!((event[0], event[9]), (0x09, 0x10));
        let long = event[10] & 0x80 != 0;
        let step = u64::from(event[10] & 0x7f) | if long { u64::from(event[11]) << 7 } else { 0 };
        found.push((step, event[11 + usize::from(long)..].to_vec()));
        at += 16 + length;
    }
    found
}

#[test]
fn the_table_has_a_row_for_each_line_of_the_metrics_and_a_column_for_each_name() {
    let folder = tempdir().unwrap();
    train(
        folder.path(),
        "run",
        &["--optimizer", "adam", "--batch", "20", "--epochs", "3", "--validation", "0.1"],
    );
    let read = |name: &str| fs::read_to_string(folder.path().join("run").join(name)).unwrap();
    let lines: Vec<Value> =
        read("metrics.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let table = read("metrics.csv");
    let mut rows = table.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let columns = rows.next().unwrap();
    let rows: Vec<Vec<&str>> = rows.collect();
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        for (column, cell) in columns.iter().zip(row) {
            let value = column.split('.').fold(line, |value, name| &value[name]);
            let wanted = if value.is_null() { String::new() } else { value.to_string() };
            assert_eq!(*cell, wanted, "{column} in {line}");
        }
    }
    assert!(columns.contains(&"validation_measures.mse") && columns.contains(&"rho_hat_mean"), "{columns:?}");
}

#[test]
fn lines_say_after_which_step_held_out_examples_were_looked_at() {
    let folder = tempdir().unwrap();
    train(
        folder.path(),
        "run",
        &["--optimizer", "adam", "--batch", "20", "--epochs", "3", "--validation", "0.1"],
    );
    let metrics = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // 180 examples are nine batches: looks follow the steps 9, 18 and 27, whose own reports know nothing of them.
    for line in &lines {
        let step = line["step"].as_u64().unwrap();
        let looked = (step - 1) / 9 * 9;
        assert_eq!(line["validation_step"].as_u64(), Some(looked).filter(|step| *step > 0), "{line}");
        assert_eq!(line["validation"].is_number(), looked > 0, "{line}");
    }
    assert_eq!(lines.len(), 27);
}

#[test]
fn events_are_written_where_they_are_asked_for_and_a_later_sitting_cuts_what_it_repeats() {
    let folder = tempdir().unwrap();
    train(folder.path(), "without", &[]);
    assert!(events(&folder.path().join("without")).is_empty());
    let run = folder.path().join("run");
    let args = |more: &[&'static str]| {
        [&ADAM[..], &["--steps", "40", "--out", "run", "--tensorboard"], more].concat()
    };
    super::die(folder.path(), "latest-written:1", &args(&["--checkpoint-every", "20"]));
    let first = events(&run);
    assert_eq!(first.len(), 1);
    // The flag need not be given again.
    rhohat(folder.path(), &["train", "--resume", "run", "--json"]).json();
    let both = events(&run);
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    let version = b"\x1a\x0dbrain.Event:2".to_vec();
    let starts = b"\x3a\x02\x08\x01".to_vec();
    let begun = frames(&run.join(&both[0]));
    assert_eq!(begun[..2], [(0, version.clone()), (1, starts.clone())]);
    let resumed = frames(&run.join(&both[1]));
    assert_eq!(resumed[..2], [(0, version), (21, starts)]);
    let steps: Vec<u64> = resumed[2..].iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (21..=40).collect::<Vec<_>>());
    let tags = &resumed[2].1;
    for tag in ["\u{1}j", "reconstruction", "rho_hat/min", "lr", "explained_variance"] {
        assert!(tags.windows(tag.len()).any(|window| window == tag.as_bytes()), "{tag}");
    }
}

#[test]
fn a_file_of_events_and_the_table_belong_to_the_run() {
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &["--tensorboard", "--save-patches", "rows.npy"]);
    let of_events = format!("run/{}", events(&folder.path().join("run"))[0]);
    let rename = |name: &str| {
        fs::rename(folder.path().join(&of_events), folder.path().join("run").join(name)).unwrap();
    };
    let encode = ["encode", "run", "rows.npy", "--device", "cpu", "-o", "run/metrics.csv"];
    rhohat(folder.path(), &encode).refused(2, &["run/metrics.csv: a file of a run stands there"]);
    // A folder with events is no place for another run.
    fs::remove_file(folder.path().join("run/config.toml")).unwrap();
    rename("events.out.tfevents.1.rhohat");
    let args = ["train", "--samples", "50", "--steps", "1", "--device", "cpu", "--out", "run"];
    rhohat(folder.path(), &args).refused(2, &["the directory is not empty"]);
}

#[cfg(unix)]
#[test]
fn events_that_cannot_be_written_are_warned_of_and_training_goes_on() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let args = [&ADAM[..], &["--steps", "40", "--out", "run", "--checkpoint-every", "20"]].concat();
    super::die(folder.path(), "latest-written:1", &args);
    std::os::unix::fs::symlink("/dev/full", run.join(format!("events.out.tfevents.{}.rhohat", u64::MAX)))
        .unwrap();
    let outcome = rhohat(folder.path(), &["train", "--resume", "run", "--json"]);
    assert!(outcome.stderr.contains("goes on without events"), "{}", outcome.stderr);
    assert_eq!(outcome.json()["steps"], 40);
}
