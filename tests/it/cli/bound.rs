//! A checkpoint knows what it was taken under: settings and data that are others when its run is gone on with, whoever
//! changed them and whenever that sitting died.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use rhohat::run::checkpoint::Checkpoints;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::{Outcome, die, number, rhohat};

const ROWS: usize = 300;

const COLS: usize = 12;

fn values(seed: usize) -> Vec<f32> {
    (0..ROWS * COLS).map(|i| 0.1 + ((i + seed) * (i + 3) % 89) as f32 / 113.0).collect()
}

pub(super) fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    write(folder.path(), ROWS, &values(0));
    folder
}

fn write(folder: &Path, rows: usize, values: &[f32]) {
    npy::write(&folder.join("rows.npy"), rows, COLS, values).unwrap();
}

const COMMON: &str = "train rows.npy --hidden 9 --rho 0.1 --device cpu --json --out";

/// Begins the run `out`.
pub(super) fn begin(folder: &Path, out: &str, flags: &str) -> Outcome {
    rhohat(folder, &words(&format!("{COMMON} {out} {flags}")))
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

pub(super) fn resume(folder: &Path, out: &str, flags: &str) -> Outcome {
    rhohat(folder, &words(&format!("train --json --resume {out} {flags}")))
}

pub(super) fn model(folder: &Path, out: &str) -> Vec<u8> {
    fs::read(folder.join(out).join("model.safetensors")).unwrap()
}

fn copy(folder: &Path, from: &str, to: &str) {
    let (from, to) = (folder.join(from), folder.join(to));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&place).unwrap();
            for step in fs::read_dir(entry.path()).unwrap().map(Result::unwrap) {
                let place = place.join(step.file_name());
                if step.path().is_dir() {
                    fs::create_dir(&place).unwrap();
                    for file in fs::read_dir(step.path()).unwrap().map(Result::unwrap) {
                        fs::copy(file.path(), place.join(file.file_name())).unwrap();
                    }
                } else {
                    fs::copy(step.path(), place).unwrap();
                }
            }
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Checks that a run was refused with these words in its error, whatever it told before.
pub(super) fn refused(outcome: &Outcome, code: i32, words: &[&str]) {
    assert_eq!(outcome.code, code, "{}", outcome.stderr);
    let error = outcome.stderr.lines().find(|line| line.starts_with("error: ")).expect("an error");
    for word in words {
        assert!(error.contains(word), "no {word:?} in {error}");
    }
}

/// Runs, and what is changed of each.
const CHANGES: [(&str, &str, &str); 4] = [
    ("adam", "--optimizer adam --batch 50 --steps 60", "--steps 150"),
    ("cosine", "--optimizer sgd --batch 50 --steps 60 --schedule cosine", "--steps 150 --lr 0.02"),
    ("lbfgs", "--steps 12", "--steps 40 --lambda 0.01"),
    (
        "early",
        "--optimizer adam --batch 50 --steps 3000 --lr 0.05 --lambda 0 --validation 0.3 --patience 2",
        "--patience 40 --steps 3500",
    ),
];

#[test]
fn a_change_survives_the_death_of_its_sitting_at_every_place_before_the_next_checkpoint() {
    let folder = folder();
    let folder = folder.path();
    for (name, flags, change) in CHANGES {
        begin(folder, name, flags).text();
        let whole = format!("{name}-whole");
        copy(folder, name, &whole);
        let wanted = resume(folder, &whole, change).json();
        assert!(model(folder, &whole) != model(folder, name), "{name}: the change changes nothing");
        for place in ["resume-recorded", "resume-unfinished", "resume-configured", "resume-cut"] {
            let run = format!("{name}-{place}");
            copy(folder, name, &run);
            let sitting = format!("train --json --resume {run} {change}");
            die(folder, place, &words(&sitting));
            // Who has seen that nothing was accepted yet asks again.
            let again = if ["resume-recorded", "resume-unfinished"].contains(&place) { change } else { "" };
            let found = resume(folder, &run, again).json();
            assert!(model(folder, &run) == model(folder, &whole), "{run}: {found}, wanted {wanted}");
            assert_eq!((&found["j"], &found["ended"]), (&wanted["j"], &wanted["ended"]), "{run}");
        }
    }
}

#[test]
fn settings_that_somebody_has_edited_are_told_and_those_that_make_another_run_are_refused() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--steps 12").text();
    let path = folder.join("run/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    let edit = |from: &str, to: &str| {
        assert!(config.contains(from), "no {from} in {config}");
        fs::write(&path, config.replace(from, to)).unwrap();
    };
    for (from, to, word) in [
        ("seed = 0", "seed = 3", "seed = 3"),
        ("hidden = 9", "hidden = 8", "hidden = 8"),
        ("activation = \"sigmoid\"", "activation = \"tanh\"", "activation = \"tanh\""),
        ("normalize = \"none\"", "normalize = \"unit\"", "normalize = \"unit\""),
    ] {
        edit(from, to);
        refused(&resume(folder, "run", ""), 2, &["config.toml", word, "put it back"]);
    }
    edit("lambda = 0.0001", "lambda = 0.1");
    let outcome = resume(folder, "run", "");
    assert!(outcome.stderr.contains("lambda: 0.1, was 0.0001"), "{}", outcome.stderr);
    let edited = outcome.json();
    let sittings = fs::read_to_string(folder.join("run/resumed.jsonl")).unwrap();
    let line: Value = serde_json::from_str(sittings.lines().last().unwrap()).unwrap();
    assert_eq!(line["changed"], serde_json::json!({"lambda": ["0.0001", "0.1"]}));
    // The search was of another J: the decay that is told is that of the new one.
    let eval = rhohat(folder, &words("eval run/model.safetensors rows.npy --device cpu --json")).json();
    assert!((number(&eval, "j") - number(&edited, "j")).abs() < 1e-6 * number(&eval, "j"), "{eval} {edited}");
}

#[test]
fn other_data_are_refused_with_what_differs_and_gone_on_with_on_request() {
    let (first, other) = (values(0), values(5));
    let mut swapped = first.clone();
    swapped.rotate_left(COLS);
    let more: Vec<f32> = first.iter().chain(&other[..20 * COLS]).copied().collect();
    let cases = [
        ("other values", ROWS, other.clone(), "other numbers"),
        ("rows in another order", ROWS, swapped, "other numbers"),
        ("fewer rows", 100, first[..100 * COLS].to_vec(), "100 rows of 12"),
        ("appended rows", ROWS + 20, more, "20 rows more"),
    ];
    for flags in
        ["--steps 9", "--optimizer adam --batch 50 --steps 30 --stream", "--steps 9 --validation 0.2"]
    {
        for (what, rows, values, word) in &cases {
            let folder = folder();
            let folder = folder.path();
            begin(folder, "run", flags).text();
            let before = model(folder, "run");
            write(folder, *rows, values);
            let refusal = resume(folder, "run", "--steps 40");
            refused(&refusal, 3, &["rows.npy", word, "--data-changed"]);
            let held_out = refusal.stderr.contains("held-out rows are drawn anew");
            assert_eq!(held_out, flags.contains("validation"), "{}", refusal.stderr);
            assert!(model(folder, "run") == before, "{what}: something was touched");
            let outcome = resume(folder, "run", "--steps 40 --data-changed");
            assert!(outcome.stderr.contains(word), "{what}: {}", outcome.stderr);
            let told = outcome.json();
            assert_eq!(told["steps"], 40, "{what}");
            // From then on they are the data of the run.
            resume(folder, "run", "--steps 41").json();
        }
    }
}

#[test]
fn data_that_were_accepted_are_those_of_the_run_although_that_sitting_died() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--steps 9").text();
    write(folder, ROWS, &values(5));
    copy(folder, "run", "whole");
    resume(folder, "whole", "--steps 30 --data-changed").text();
    die(folder, "resume-cut", &words("train --json --resume run --steps 30 --data-changed"));
    let outcome = resume(folder, "run", "");
    assert!(outcome.stderr.contains("--data-changed was given"), "{}", outcome.stderr);
    outcome.text();
    assert!(model(folder, "run") == model(folder, "whole"), "other bits");
}

#[test]
fn a_run_that_has_no_checkpoint_yet_starts_with_the_data_that_it_was_begun_with_or_not() {
    let folder = folder();
    let folder = folder.path();
    let begun = format!("{COMMON} run --steps 9");
    die(folder, "folder-made", &words(&begun));
    let checkpoints = <Checkpoints>::of(&folder.join("run"));
    assert!(checkpoints.find().unwrap().newest.is_none());
    write(folder, ROWS, &values(5));
    refused(&resume(folder, "run", ""), 3, &["other numbers"]);
    write(folder, ROWS, &values(0));
    resume(folder, "run", "").text();
}

#[test]
fn data_are_found_from_any_folder_and_where_they_were_moved_to() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--optimizer adam --batch 50 --steps 9").text();
    let elsewhere = tempdir().unwrap();
    let run = folder.join("run");
    let resume = |more: &[&str]| {
        let run = run.to_str().unwrap();
        rhohat(elsewhere.path(), &[&["train", "--json", "--resume", run][..], more].concat())
    };
    assert_eq!(resume(&["--steps", "12"]).json()["steps"], 12);
    // Another file of that name where one happens to be is another file.
    npy::write(&elsewhere.path().join("rows.npy"), ROWS, COLS, &values(5)).unwrap();
    assert_eq!(resume(&["--steps", "15"]).json()["steps"], 15);
    fs::rename(folder.join("rows.npy"), folder.join("moved.npy")).unwrap();
    refused(&resume(&["--steps", "18"]), 3, &["other numbers"]);
    fs::remove_file(elsewhere.path().join("rows.npy")).unwrap();
    refused(&resume(&["--steps", "18"]), 3, &["rows.npy", "train DATA --resume"]);
    let moved = folder.join("moved.npy");
    assert_eq!(resume(&[moved.to_str().unwrap(), "--steps", "18"]).json()["steps"], 18);
}

#[test]
fn settings_that_were_taken_out_of_a_file_are_missed_and_not_filled_in() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--steps 9 --seed 3 --validation 0.2 --patience 4").text();
    let path = folder.join("run/config.toml");
    let config = fs::read_to_string(&path).unwrap();
    for (name, word) in [("seed", "was"), ("validation", "validation")] {
        let without: Vec<&str> = config.lines().filter(|line| !line.starts_with(name)).collect();
        fs::write(&path, without.join("\n")).unwrap();
        let outcome = resume(folder, "run", "--steps 20");
        assert_eq!(outcome.code, 2, "{name}, {word}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(name), "{name}: {}", outcome.stderr);
    }
}

#[test]
fn streaming_at_a_resume_changes_no_bit_and_no_order() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--optimizer adam --batch 50 --steps 20 --checkpoint-every 7").text();
    copy(folder, "run", "whole");
    resume(folder, "whole", "--steps 45").text();
    resume(folder, "run", "--steps 45 --stream").text();
    assert!(model(folder, "run") == model(folder, "whole"), "other bits");
    resume(folder, "run", "--steps 50").text();
}

#[test]
fn a_start_model_may_be_moved_with_its_run_or_be_gone_once_there_is_a_checkpoint() {
    let folder = folder();
    let folder = folder.path();
    let here = folder.join("here");
    fs::create_dir(&here).unwrap();
    fs::rename(folder.join("rows.npy"), here.join("rows.npy")).unwrap();
    begin(&here, "first", "--steps 3").text();
    fs::copy(here.join("first/model.safetensors"), here.join("start.safetensors")).unwrap();
    begin(&here, "run", "--steps 9 --init start.safetensors").text();
    let there = folder.join("there");
    fs::rename(&here, &there).unwrap();
    assert_eq!(resume(&there, "run", "--steps 12").json()["steps"], 12);
    let start = there.join("start.safetensors");
    fs::copy(there.join("run/model.safetensors"), &start).unwrap();
    let outcome = resume(&there, "run", "--steps 15");
    assert!(outcome.stderr.contains("model of --init has changed"), "{}", outcome.stderr);
    outcome.text();
    fs::remove_file(&start).unwrap();
    assert_eq!(resume(&there, "run", "--steps 18").json()["steps"], 18);
}

#[test]
fn a_moving_average_can_be_left_at_a_resume_and_in_a_repetition() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--optimizer sgd --batch 50 --rho-hat ema --steps 20").text();
    resume(folder, "run", "--steps 30 --rho-hat batch").text();
    resume(folder, "run", "--steps 40 --batch full").text();
    let again = "train --config run/config.toml --rho-hat exact --out again --json";
    rhohat(folder, &words(again)).text();
}

#[test]
fn rows_that_were_accepted_unseen_are_taken_at_their_word_although_that_sitting_died() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--optimizer adam --batch 50 --steps 30 --stream").text();
    let sitting = "train --json --resume run --steps 60 --data-changed";
    die(folder, "resume-cut", &words(sitting));
    let outcome = resume(folder, "run", "");
    assert!(outcome.stderr.contains("--data-changed was given"), "{}", outcome.stderr);
    outcome.text();
    // From the next checkpoint on they are the data of the run.
    assert!(!resume(folder, "run", "--steps 70").stderr.contains("--data-changed"));
}

#[test]
fn rows_that_a_run_has_held_are_the_same_where_they_stay_on_disk_and_others_are_told() {
    let folder = folder();
    let folder = folder.path();
    // Of an archive all rows are held, as they were of more files once.
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    let (mut entry, config) = archive.new_file("rows.npy").start().unwrap();
    let mut writer = config.wrap(&mut entry);
    std::io::Write::write_all(&mut writer, &fs::read(folder.join("rows.npy")).unwrap()).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
    fs::write(folder.join("rows.npz"), archive.finish().unwrap()).unwrap();
    begin(folder, "whole", "--steps 14").text();
    for (out, rows) in [("run", ROWS), ("other", ROWS), ("more", ROWS + 5)] {
        let flags = "--steps 6";
        rhohat(folder, &words(&format!("{COMMON} {out} {flags}").replace("rows.npy", "rows.npz"))).text();
        let changed = if out == "other" { 1 } else { 0 };
        let more = (0..(rows - ROWS) * COLS).map(|i| i as f32 / 97.0);
        write(folder, rows, &values(changed).into_iter().chain(more).collect::<Vec<f32>>());
        let told = rhohat(folder, &words(&format!("train rows.npy --resume {out} --steps 14")));
        match out {
            "run" => {
                told.text();
                assert!(model(folder, "run") == model(folder, "whole"));
            }
            "other" => told.refused(3, &["300 rows of 12 numbers", "other numbers stand in them"]),
            _ => told.refused(3, &["5 rows more than the run has learned from stand behind its 300"]),
        }
    }
}
