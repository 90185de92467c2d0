//! Several DATA on the command line, in `config.toml`, and in a run that goes on.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use serde_json::Value;
use tempfile::tempdir;

use super::taken_for::has;
use super::{Outcome, rhohat};

const SHORT: [&str; 8] = ["--hidden", "3", "--device", "cpu", "--checkpoint-every", "3", "--seed", "4"];

/// Rows of seven numbers from the number `first` on.
fn rows(path: &Path, first: usize, rows: usize) {
    let values: Vec<f32> = (first * 7..(first + rows) * 7).map(|i| (i * 7919 % 251) as f32 / 251.0).collect();
    npy::write(path, rows, 7, &values).unwrap();
}

fn train(folder: &Path, data: &[&str], flags: &[&str]) -> Outcome {
    rhohat(folder, &[&["train"], data, &SHORT[..], flags].concat())
}

fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

/// `whole.npy`, and the same rows in `a.npy`, `b.npy` and the folder `c`.
fn parts(folder: &Path) {
    rows(&folder.join("whole.npy"), 0, 60);
    rows(&folder.join("a.npy"), 0, 20);
    rows(&folder.join("b.npy"), 20, 7);
    fs::create_dir(folder.join("c")).unwrap();
    rows(&folder.join("c/0.npy"), 27, 30);
    rows(&folder.join("c/1.npy"), 57, 3);
}

const PARTS: [&str; 3] = ["a.npy", "b.npy", "c"];

#[test]
fn several_data_train_to_the_bits_of_one_file_of_all_rows_held_or_streamed() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    parts(folder);
    let flags = ["--optimizer", "adam", "--batch", "8", "--epochs", "2"];
    for more in [&["--no-stream"][..], &["--stream", "--shuffle-block", "4"]] {
        let _ = (fs::remove_dir_all(folder.join("one")), fs::remove_dir_all(folder.join("all")));
        train(folder, &["whole.npy"], &[&flags[..], more, &["--out", "one"]].concat()).text();
        let told = train(folder, &PARTS, &[&flags[..], more, &["--out", "all", "--json"]].concat());
        has(&told, "a.npy and 2 others: 4 files, 60 rows of 7 numbers (f32)");
        assert_eq!(told.json()["data"]["paths"].as_array().map(Vec::len), Some(3));
        assert!(model(folder, "one") == model(folder, "all"), "{more:?}");
    }
    for command in ["encode", "reconstruct"] {
        let made = |data: &[&str], out: &str| {
            let args = [&[command, "all/model.safetensors"], data, &["-o", out, "--device", "cpu"]].concat();
            rhohat(folder, &args).text();
            fs::read(folder.join(out)).unwrap()
        };
        assert!(made(&["whole.npy"], "one.out.npy") == made(&PARTS, "all.out.npy"), "{command}");
    }
    let cost = |data: &[&str]| -> Value {
        let args = [&["eval", "all/model.safetensors"], data, &["--json", "--device", "cpu"]].concat();
        rhohat(folder, &args).json()["cost"].clone()
    };
    assert_eq!(cost(&["whole.npy"]), cost(&PARTS));
}

#[test]
fn a_run_on_several_data_goes_on_from_any_folder_and_is_repeated_by_its_config() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    parts(folder);
    train(folder, &PARTS, &["--steps", "12", "--out", "whole"]).text();
    train(folder, &PARTS, &["--steps", "6", "--out", "run"]).text();
    let config: toml::Table = fs::read_to_string(folder.join("run/config.toml")).unwrap().parse().unwrap();
    let list = |name: &str| {
        config[name].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(list("data_as_given"), PARTS);
    assert!(list("data").iter().all(|path| Path::new(path).is_absolute()), "{config}");
    let other = tempdir().unwrap();
    let run = folder.join("run");
    let resume = ["train", "--resume", run.to_str().unwrap(), "--steps", "12"];
    rhohat(other.path(), &resume).text();
    assert!(model(folder, "run") == model(folder, "whole"));
    let config = folder.join("whole/config.toml");
    rhohat(other.path(), &["train", "--config", config.to_str().unwrap(), "--out", "again"]).text();
    assert!(model(other.path(), "again") == model(folder, "whole"));
    // Moved with all that it learns from, and gone on with from there.
    let moved = folder.with_file_name(format!("{}-moved", folder.file_name().unwrap().to_string_lossy()));
    fs::rename(folder, &moved).unwrap();
    let told = rhohat(&moved, &["train", "--resume", "run", "--steps", "15"]);
    let is_there = moved.exists();
    fs::rename(&moved, folder).unwrap();
    assert!(is_there);
    has(&told, "a.npy: not there; taken from a.npy");
    told.text();
}

#[test]
fn a_file_more_behind_the_others_is_rows_that_were_appended() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    parts(folder);
    train(folder, &["a.npy", "b.npy"], &["--steps", "6", "--out", "run"]).text();
    let more = ["train", "a.npy", "b.npy", "c", "--resume", "run", "--steps", "9"];
    rhohat(folder, &more).refused(
        3,
        &["33 rows more than the run has learned from stand behind its 27", "2 new (0.npy, 1.npy)"],
    );
    let swapped = ["train", "b.npy", "a.npy", "--resume", "run", "--steps", "9"];
    rhohat(folder, &swapped).refused(3, &["other numbers stand in them", "b.npy and "]);
    rhohat(folder, &[&more[..], &["--data-changed"]].concat()).text();
}

#[test]
fn one_of_several_data_that_is_at_fault_is_named_alone() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    parts(folder);
    fs::write(folder.join("bad.npy"), "text").unwrap();
    let train = |data: &[&str]| train(folder, data, &["--steps", "1", "--out", "run"]);
    train(&["a.npy", "bad.npy"]).refused(3, &["bad.npy: named like a NumPy array"]);
    train(&["a.npy", "gone"]).refused(3, &["gone: no such file or folder"]);
    rhohat(folder, &["encode", "a.npy", "b.npy", "-o", "b.npy"]).refused(3, &["MODEL comes before DATA"]);
    train(&["a.npy"]).text();
    let model = "run/model.safetensors";
    let told = rhohat(folder, &["encode", model, "a.npy", "b.npy", "-o", "b.npy"]);
    told.refused(2, &["it is read as b.npy"]);
    fs::write(folder.join("list.toml"), "data = []\n").unwrap();
    let told = rhohat(folder, &["train", "--config", "list.toml"]);
    told.refused(3, &["list.toml", "an empty list"]);
}
