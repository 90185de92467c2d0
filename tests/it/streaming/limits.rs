//! Limits of a normalisation: those that all rows ask for, or a sample of them, wherever the rows are.

use rhohat::data::stream::fit;
use rhohat::data::{Normalize, RowSample, Source};
use rhohat::math::params::Matrix;
use rhohat::verify::compare::Expected;
use tempfile::TempDir;

use super::{COLS, ROWS, at_once, folder, npy, open, pixels, preprocess};

/// What the files of [`folder`] hold, computed from their bytes.
fn in_file(name: &str) -> Matrix<f64> {
    let value = |b: &u8| match name {
        "f16.npy" => 1.0 + f64::from(*b) / 1024.0,
        "f32.npy" => f64::from(f32::from(*b) / 300.0),
        _ => f64::from(*b) / 255.0,
    };
    Matrix::new(ROWS, COLS, pixels(ROWS).iter().map(value).collect())
}

/// The limits that rows ask for, by the words of the lecture: the extremes, or three standard deviations of what is left
/// when every row has lost its mean, in two passes.
fn limits_by_hand(values: &Matrix<f64>, rows: &[usize], normalize: Normalize) -> (f64, f64) {
    if normalize == Normalize::Unit {
        let mut all: Vec<f64> = rows.iter().flat_map(|&row| values.row(row)).copied().collect();
        all.sort_by(f64::total_cmp);
        return (all[0], all[all.len() - 1]);
    }
    let squares = rows.iter().map(|&row| {
        let mean = values.row(row).iter().sum::<f64>() / COLS as f64;
        values.row(row).iter().map(|x| (x - mean).powi(2)).sum::<f64>()
    });
    let deviation = (squares.sum::<f64>() / (rows.len() * COLS) as f64).sqrt();
    (-3.0 * deviation, 3.0 * deviation)
}

#[test]
fn limits_are_those_that_all_rows_or_a_sample_of_them_ask_for() {
    let folder = folder();
    let sample = RowSample { rows: 9, seed: 4 };
    for name in ["u8.npy", "f16.npy", "f32.npy", "shards"] {
        let store = open(&folder.path().join(name));
        let values = in_file(name);
        for normalize in [Normalize::Lecture, Normalize::Unit] {
            let chosen: [(_, Vec<usize>); 2] =
                [(None, (0..ROWS).collect()), (Some(sample), sample.of(ROWS).collect())];
            for (sample, rows) in chosen {
                let fitted = fit(&store, &preprocess(normalize), sample, &|_| {}).unwrap();
                let (low, high) = fitted.limits.unwrap();
                let wanted = limits_by_hand(&values, &rows, normalize);
                let found =
                    Expected::within(vec![wanted.0, wanted.1], |_| 1e-13 * wanted.1).compare(&[low, high]);
                found.unwrap_or_else(|why| panic!("{name} {normalize:?} {sample:?}: {why}"));
            }
        }
    }
}

#[test]
fn limits_of_rows_on_disk_have_the_bits_of_rows_in_memory() {
    let folder = folder();
    let sample = RowSample { rows: 50, seed: 4 };
    for name in ["u8.npy", "f16.npy", "f32.npy", "shards"] {
        let path = folder.path().join(name);
        let Source::Rows(table) = Source::open(&path).unwrap() else { panic!("rows are rows") };
        for normalize in [Normalize::Lecture, Normalize::Unit] {
            let fitted = |sample| fit(&open(&path), &preprocess(normalize), sample, &|_| {}).unwrap().limits;
            assert_eq!(fitted(None), at_once(&path, normalize).1.limits, "{name} {normalize:?}");
            assert_eq!(
                fitted(Some(sample)),
                table.fit(&preprocess(normalize), sample).unwrap().limits,
                "{name} {normalize:?}"
            );
            assert_ne!(fitted(Some(RowSample { rows: 1, seed: 4 })), fitted(None), "{name} {normalize:?}");
        }
    }
}

#[test]
fn a_sample_is_fitted_without_reading_the_other_rows() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("f32.npy");
    let sample = RowSample { rows: 20, seed: 0 };
    let drawn: Vec<usize> = sample.of(50).collect();
    let left_out = (0..50).find(|row| !drawn.contains(row)).unwrap();
    for (bad, is_read) in [(left_out, false), (drawn[7], true)] {
        let mut numbers: Vec<u8> = (0..50 * COLS).flat_map(|i| (i as f32).to_le_bytes()).collect();
        numbers[bad * COLS * 4..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
        npy(&path, "<f4", 50, &numbers);
        let fitted = fit(&open(&path), &preprocess(Normalize::Unit), Some(sample), &|_| {});
        assert_eq!(fitted.is_err(), is_read);
        if let Err(error) = fitted {
            assert!(error.to_string().contains(&format!("row {bad}, column 0")), "{error}");
        }
    }
}
