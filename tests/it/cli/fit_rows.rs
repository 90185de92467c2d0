//! Normalisations that are fitted on a sample of the rows.

use std::fs;
use std::path::Path;

use rhohat::data::{RowSample, npy};
use rhohat::run::model_file::ModelFile;
use tempfile::tempdir;

use super::rhohat;

const ROWS: usize = 500;
const COLS: usize = 20;

/// Numbers of which few are large. Highest byte first they can only be held, lowest first they may stay on disk.
fn rows(folder: &Path) -> Vec<f32> {
    let values: Vec<f32> = (0..ROWS * COLS).map(|i| ((i * 7_919 % 10_007) as f32 / 900.0).powi(3)).collect();
    npy::write(&folder.join("little.npy"), ROWS, COLS, &values).unwrap();
    let mut big = fs::read(folder.join("little.npy")).unwrap();
    let numbers = big.len() - 4 * values.len();
    big[numbers..].as_chunks_mut::<4>().0.iter_mut().for_each(|number| number.reverse());
    let order = big.iter().position(|&byte| byte == b'<').unwrap();
    big[order] = b'>';
    fs::write(folder.join("big.npy"), big).unwrap();
    values
}

fn train(folder: &Path, out: &str, data: &str, more: &[&str]) -> super::Outcome {
    let common =
        ["train", data, "--hidden=7", "--optimizer=adam", "--batch=50", "--steps=12", "--device=cpu"];
    let order = ["--shuffle-block", "4", "--normalize", "unit", "--json", "--out", out];
    rhohat(folder, &[&common[..], &order, more].concat())
}

fn range<'a>(values: impl IntoIterator<Item = &'a f32>) -> (f64, f64) {
    values
        .into_iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x.into()), high.max(x.into())))
}

#[test]
fn streamed_held_and_repeated_runs_on_a_sample_leave_one_model_with_the_limits_of_the_sample() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let values = rows(folder);
    let fit = ["--fit-rows", "30", "--seed", "9"];
    let model = |out: &str| fs::read(folder.join(out).join("model.safetensors")).unwrap();
    for (out, data, more) in [
        ("streamed", "little.npy", &["--stream"][..]),
        ("resident", "little.npy", &["--no-stream"]),
        ("held", "big.npy", &[]),
    ] {
        train(folder, out, data, &[&fit[..], more].concat()).json();
        assert!(model(out) == model("streamed"), "{out}");
    }
    rhohat(folder, &["train", "--config", "held/config.toml", "--out", "again", "-q"]).text();
    assert!(model("again") == model("held"));

    let sample = RowSample { rows: 30, seed: 9 };
    let limits = range(sample.of(ROWS).flat_map(|row| &values[row * COLS..][..COLS]));
    assert_ne!(limits, range(&values));
    let file = ModelFile::open(&folder.join("held/model.safetensors")).unwrap();
    assert_eq!(file.meta().unwrap().preprocess.limits, Some(limits));
    let config = fs::read_to_string(folder.join("held/config.toml")).unwrap();
    assert!(config.contains("fit_rows = 30"), "{config}");
}

#[test]
fn values_beyond_the_limits_of_a_sample_are_kept_and_told() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let values = rows(folder);
    let sample = RowSample { rows: 3, seed: 0 };
    let (low, high) = range(sample.of(ROWS).flat_map(|row| &values[row * COLS..][..COLS]));
    assert!(range(&values).1 > high);
    for data in ["little.npy", "big.npy"] {
        let run = train(folder, &data[..3], data, &["--fit-rows", "3", "--save-patches", "seen.npy"]);
        for word in ["--fit-rows 3", "--output linear"] {
            assert!(run.stderr.contains(word), "{}", run.stderr);
        }
        run.json();
        let seen = fs::read(folder.join("seen.npy")).unwrap();
        let seen = seen[seen.len() - 4 * values.len()..].as_chunks().0.iter().map(|x| f32::from_le_bytes(*x));
        for (x, y) in values.iter().zip(seen) {
            let wanted = (f64::from(*x) - low) / (high - low);
            assert!((f64::from(y) - wanted).abs() <= 1e-6 * wanted.abs().max(1.0), "{x}: {y}, not {wanted}");
        }
    }
}

#[test]
fn a_sample_where_nothing_is_fitted_or_of_too_many_rows_is_refused() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(folder);
    let refused = |args: &[&str], words: &[&str]| {
        let args = [&["train"], args].concat();
        rhohat(folder, &args).refused(2, &[&["--fit-rows"], words].concat());
    };
    refused(&["--fit-rows", "30"], &["images", "--samples", "leave it out"]);
    refused(&["little.npy", "--fit-rows", "30"], &["--normalize none", "leave it out"]);
    for rows in ["0", "501"] {
        let args = ["little.npy", "--normalize", "unit", "--fit-rows", rows];
        refused(&args, &["500 rows", "1 to 500"]);
    }
    train(folder, "first", "little.npy", &[]).json();
    let init = ["little.npy", "--init", "first/model.safetensors", "--fit-rows", "30"];
    refused(&init, &["--init", "leave it out"]);
    // With another normalisation there are limits to fit.
    let other = ["--normalize", "lecture", "--steps", "2", "--device", "cpu", "--out", "second", "--json"];
    rhohat(folder, &[&["train"], &init[..], &other].concat()).json();
}
