//! `metrics.jsonl` while somebody else has his hands on it.

use std::fs::{self, File};
use std::path::Path;

use rhohat::math::objective::{Activation, Objective, Penalty};
use rhohat::run::metrics::{LinesFile, Mark, MetricsFile};
use rhohat::train::Progress;
use tempfile::{TempDir, tempdir};

fn progress(step: usize) -> Progress {
    let mut progress = Progress::default();
    (progress.step, progress.samples, progress.seconds) = (step, step as u64, step as f64);
    (progress.cost.reconstruction, progress.cost.rho_hat, progress.rate) = (1.0, vec![0.1], 0.1);
    progress
}

fn begun() -> (TempDir, std::path::PathBuf, MetricsFile) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let objective = Objective {
        activation: Activation::Sigmoid,
        output: Activation::Sigmoid,
        penalty: Penalty::kl(0.1),
        beta: 3.0,
        lambda: 0.0,
    };
    let mut metrics = MetricsFile::new(&path, LinesFile::claim(&path).unwrap(), objective);
    (1..=3).for_each(|step| metrics.add(&progress(step)).unwrap());
    (folder, path, metrics)
}

/// The steps of the lines that are whole; anything else must be half a line that somebody has left.
fn steps(path: &Path) -> Vec<u64> {
    let bytes = fs::read(path).unwrap();
    assert!(!bytes.contains(&0), "there is a hole in the file");
    let text = String::from_utf8(bytes).unwrap();
    let step = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["step"].as_u64();
    text.lines().filter_map(step).collect()
}

fn cut(path: &Path, bytes: u64) {
    File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

#[test]
fn lines_go_on_at_the_end_of_a_file_that_was_cut_from_outside_without_a_hole() {
    let (_folder, path, mut metrics) = begun();
    cut(&path, 0);
    (4..=5).for_each(|step| metrics.add(&progress(step)).unwrap());
    assert_eq!(steps(&path), [4, 5]);
    assert_eq!(metrics.mark().bytes, fs::metadata(&path).unwrap().len());
    // In the middle of a line: that is lost to whoever has cut it, no other is.
    cut(&path, metrics.mark().bytes - 10);
    metrics.add(&progress(6)).unwrap();
    assert_eq!(steps(&path), [4, 6]);
    let mark = metrics.mark();
    assert_eq!(mark.bytes, fs::metadata(&path).unwrap().len());
    metrics.add(&progress(7)).unwrap();
    assert!(metrics.cut(mark).unwrap());
    assert_eq!(steps(&path), [4, 6]);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_moved_away_is_begun_again_where_it_is_looked_for() {
    let (folder, path, mut metrics) = begun();
    fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    (4..=5).for_each(|step| metrics.add(&progress(step)).unwrap());
    assert_eq!((steps(&path), steps(&folder.path().join("elsewhere"))), (vec![4, 5], vec![1, 2, 3]));
    let refused = LinesFile::claim(&path).unwrap_err();
    assert!(refused.to_string().contains("another rhohat is training this run"), "{refused}");
}

#[test]
fn what_is_gone_on_with_are_whole_lines_even_where_some_are_missing() {
    let (_folder, path, mut metrics) = begun();
    let mark = metrics.mark();
    cut(&path, mark.bytes - 10);
    assert!(!metrics.cut(mark).unwrap());
    metrics.add(&progress(4)).unwrap();
    assert_eq!(steps(&path), [1, 2, 4]);
    assert!(metrics.cut(Mark::default()).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}
