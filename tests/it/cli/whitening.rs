//! Runs whose columns are decorrelated: gone on with from the numbers in their folder, which are fitted anew where they are lost,
//! and models that hold them.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use tempfile::tempdir;

use super::rhohat;

/// Rows that depend on one another.
fn data(folder: &Path) {
    let number = |i: usize| {
        let (row, col) = ((i / 6) as f32, (i % 6) as f32);
        (row * 0.7).sin() * (col + 1.0) + (row * 1.3 + col).cos()
    };
    npy::write(&folder.join("rows.npy"), 200, 6, &(0..1200).map(number).collect::<Vec<f32>>()).unwrap();
}

/// A run of so many steps, at a rate that its length does not change.
fn train(folder: &Path, steps: &str, more: &[&str]) {
    let args =
        ["train", "rows.npy", "--whitening", "pca", "--variance", "0.95", "--hidden", "4", "--device", "cpu"];
    let descent = ["--optimizer", "adam", "--batch", "50", "--schedule", "constant", "--steps", steps];
    rhohat(folder, &[&args[..], &descent, more].concat()).text();
}

#[test]
fn a_run_goes_on_with_the_bits_of_one_without_a_break_whether_its_columns_are_there_or_fitted_anew() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    data(at);
    train(at, "40", &["--out", "whole"]);
    let model = |run: &str| fs::read(at.join(run).join("model.safetensors")).unwrap();
    for name in ["kept", "lost", "damaged"] {
        train(at, "20", &["--out", name]);
        let columns = at.join(name).join("preprocess.safetensors");
        match name {
            "lost" => fs::remove_file(&columns).unwrap(),
            "damaged" => {
                let mut bytes = fs::read(&columns).unwrap();
                let last = bytes.len() - 3;
                bytes[last] ^= 1;
                fs::write(&columns, bytes).unwrap();
            }
            _ => {}
        }
        let resumed = rhohat(at, &["train", "--resume", name, "--steps", "40"]);
        assert_eq!(resumed.code, 0, "{name}: {}", resumed.stderr);
        assert_eq!(resumed.stderr.contains("fitted anew"), name != "kept", "{name}: {}", resumed.stderr);
        assert!(model(name) == model("whole"), "{name}: another model");
        assert!(columns.is_file());
    }
}

#[test]
fn rows_are_coded_in_components_and_come_back_as_wide_as_they_were() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    data(at);
    train(at, "20", &["--shape", "2x3", "--out", "run"]);
    let reconstructed = rhohat(at, &["reconstruct", "run", "rows.npy", "-o", "again.npy", "--device", "cpu"]);
    assert!(reconstructed.text().contains("200 rows of 6 numbers"));
    let features = rhohat(at, &["features", "run", "-o", "features.png", "--scale", "1"]);
    // Two by two features of three by two pixels, framed.
    assert!(features.text().contains("9×7 pixels"));
    // Of the kind that is written, but the run's.
    let columns = ["encode", "run", "rows.npy", "-o", "run/preprocess.safetensors", "--device", "cpu"];
    rhohat(at, &columns).refused(2, &["a file of a run stands there", "--force"]);
    let sheet = rhohat(at, &["reconstruct", "run", "rows.npy", "-o", "sheet.png", "--device", "cpu"]);
    assert!(sheet.text().contains("200 pictures of 2x3"));
}

#[test]
fn a_model_whose_columns_are_damaged_is_refused() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    data(at);
    train(at, "20", &["--out", "run"]);
    let path = at.join("run/model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    // Tensors of eight bytes come first.
    bytes[8 + header] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = rhohat(at, &["encode", "run", "rows.npy", "-o", "codes.npy"]);
    refused.refused(3, &["model.safetensors", "not those that were fitted", "damaged"]);
}
