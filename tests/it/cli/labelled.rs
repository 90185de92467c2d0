//! Small labelled data for the tests of classifiers: rows of three kinds of waves under noise, with their labels in every kind of
//! file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rhohat::data::npy;
use rhohat::math::random::Stream;
use tempfile::{TempDir, tempdir};

use super::{Outcome, rhohat};

/// Rows of `rows.npy`.
pub const ROWS: usize = 240;
/// Rows of `other.npy`.
pub const OTHERS: usize = 90;
/// Numbers of each.
pub const COLS: usize = 16;

/// The class of a row; classes have different numbers of rows.
pub fn label(row: usize) -> usize {
    (row * row + row / 3) % 3
}

/// Rows `[rows, COLS]`, multiples of 1/64 so that text holds them exactly.
pub fn values(rows: usize, name: &str) -> Vec<f32> {
    let mut noise = Stream::new(4, name);
    let mut value = |row: usize, x: usize| {
        let wave = (0.4 * (1 + label(row)) as f64 * x as f64).sin();
        (32.0 + 12.0 * wave + 19.0 * (2.0 * noise.unit() - 1.0)).round() as f32 / 64.0
    };
    (0..rows * COLS).map(|at| value(at / COLS, at % COLS)).collect()
}

/// An IDX file of labels.
pub fn idx(labels: impl ExactSizeIterator<Item = u8>) -> Vec<u8> {
    let count = labels.len() as u32;
    [0, 0, 8, 1].into_iter().chain(count.to_be_bytes()).chain(labels).collect()
}

/// A folder with `rows.npy`, its labels in `labels.idx`, `labels.npy` and `labels.txt`, both in `rows.csv` with the column `kind`,
/// and the same of `other.npy`, whose labels are in `others.idx`.
pub fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, rows) in [("rows", ROWS), ("other", OTHERS)] {
        let values = values(rows, name);
        npy::write(&at(&format!("{name}.npy")), rows, COLS, &values).unwrap();
        let names: Vec<String> = (0..COLS).map(|x| format!("x{x}")).collect();
        let mut table = names.join(",") + ",kind\n";
        for (row, values) in values.chunks(COLS).enumerate() {
            values.iter().for_each(|x| write!(table, "{x},").unwrap());
            writeln!(table, "{}", label(row)).unwrap();
        }
        fs::write(at(&format!("{name}.csv")), table).unwrap();
    }
    let labels = |rows: usize| (0..rows).map(|row| label(row) as u8);
    fs::write(at("labels.idx"), idx(labels(ROWS))).unwrap();
    fs::write(at("others.idx"), idx(labels(OTHERS))).unwrap();
    let column: Vec<f32> = labels(ROWS).map(f32::from).collect();
    npy::write(&at("labels.npy"), ROWS, 1, &column).unwrap();
    let lines: Vec<String> = labels(ROWS).map(|label| label.to_string()).collect();
    fs::write(at("labels.txt"), lines.join("\n")).unwrap();
    folder
}

/// Runs a command line, parted by spaces, on the CPU where it names no device.
pub fn run(folder: &Path, line: &str) -> Outcome {
    let words = words(line);
    rhohat(folder, &words)
}

/// The words of a command line, on the CPU where it names no device.
pub fn words(line: &str) -> Vec<&str> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if !words.contains(&"--device") {
        words.extend(["--device", "cpu"]);
    }
    words
}

/// Trains an autoencoder of `rows.npy` into `encoder`.
pub fn encoder(folder: &Path) {
    run(folder, "train rows.npy --hidden 12 --rho 0.3 --steps 30 --normalize none --no-report --out encoder")
        .text();
}

/// The folder with the encoder.
pub fn folder_with_encoder() -> TempDir {
    let folder = folder();
    encoder(folder.path());
    folder
}

/// What learns from labelled rows by the encoder.
pub const CLASSIFY: &str = "classify rows.npy --labels labels.idx --encoder encoder";

/// The classifier of a run.
pub fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}
