//! `rhohat convert`: models in the files of other programs, which are the same models.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use tempfile::{TempDir, tempdir};

use super::{names, rhohat};

/// A folder with rows and a run on them with these flags.
fn folder(flags: &[&str]) -> TempDir {
    let folder = tempdir().unwrap();
    let values: Vec<f32> = (0..60 * 6).map(|i| ((i * i + i / 6) % 31) as f32 / 31.0).collect();
    npy::write(&folder.path().join("rows.npy"), 60, 6, &values).unwrap();
    let train = ["train", "rows.npy", "--hidden", "4", "--steps", "5", "--out", "run", "--device", "cpu"];
    rhohat(folder.path(), &[&train[..], flags].concat()).text();
    folder
}

/// The numbers that a command makes of the rows, and what was said.
fn made(folder: &Path, command: &str, model: &str) -> (Vec<f32>, String) {
    let args = [command, model, "rows.npy", "-o", "out.npy", "--device", "cpu"];
    let outcome = rhohat(folder, &args);
    assert_eq!(outcome.code, 0, "{model}: {}", outcome.stderr);
    let bytes = fs::read(folder.join("out.npy")).unwrap();
    (bytemuck::pod_collect_to_vec(&bytes[128..]), outcome.stderr)
}

#[test]
fn a_converted_model_is_the_same_in_every_kind_of_file() {
    let folder = folder(&["--normalize", "lecture", "--activation", "tanh"]);
    let folder = folder.path();
    let wanted = made(folder, "encode", "run").0;
    for (out, flags) in [
        ("own.safetensors", &[][..]),
        ("sequential.safetensors", &["--names", "sequential"]),
        ("model.npz", &[]),
        ("model.mat", &[]),
    ] {
        let outcome = rhohat(folder, &[&["convert", "run", "-o", out][..], flags].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(outcome.stdout.contains("a model of 6 visible and 4 hidden units"), "{}", outcome.stdout);
        let words = "other programs have to do to their data what rhohat does: its mean taken from each example; then values clipped";
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
        assert_eq!(made(folder, "encode", out).0, wanted, "{out}");
        // Back again, it is the file that it was.
        rhohat(folder, &["convert", out, "-o", "back.safetensors"]).text();
        assert_eq!(
            fs::read(folder.join("back.safetensors")).unwrap(),
            fs::read(folder.join("run/model.safetensors")).unwrap()
        );
    }
}

#[test]
fn a_folded_model_takes_the_values_of_the_source() {
    for flags in [
        &["--normalize", "unit"][..],
        &["--normalize", "standard", "--whitening", "pca", "--variance", "0.9"],
    ] {
        let folder = folder(&[flags, &["--output", "linear"]].concat());
        let folder = folder.path();
        let outcome = rhohat(
            folder,
            &["convert", "run", "-o", "f.safetensors", "--names", "sequential", "--fold", "--json"],
        );
        assert!(!outcome.stderr.contains("other programs"), "{}", outcome.stderr);
        let report = outcome.json();
        assert_eq!((&report["folded"], &report["visible"]), (&true.into(), &6.into()));
        assert_eq!(report["preprocessing"], serde_json::json!([]));
        for command in ["encode", "reconstruct"] {
            let (wanted, found) = (made(folder, command, "run").0, made(folder, command, "f.safetensors").0);
            assert_eq!(wanted.len(), found.len());
            let farthest = wanted.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(farthest < 1e-5, "{command} of {flags:?}: {farthest}");
        }
    }
}

#[test]
fn columns_that_a_sequential_module_has_no_place_for_are_told() {
    let folder = folder(&["--normalize", "standard"]);
    let args = ["convert", "run", "-o", "s.safetensors", "--names", "sequential"];
    let outcome = rhohat(folder.path(), &args);
    assert!(outcome.stderr.contains("each column shifted and divided (standard)"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("takes it as a model without preprocessing"), "{}", outcome.stderr);
    let wanted = made(folder.path(), "encode", "run").0;
    assert_ne!(made(folder.path(), "encode", "s.safetensors").0, wanted);
    rhohat(folder.path(), &["convert", "run", "-o", "m.npz"]).text();
    assert_eq!(made(folder.path(), "encode", "m.npz").0, wanted);
}

#[test]
fn what_cannot_be_converted_is_refused_before_anything_is_written() {
    let folder = folder(&["--normalize", "lecture"]);
    let folder = folder.path();
    let before = names(folder);
    let on =
        |out: &str, flags: &[&str]| rhohat(folder, &[&["convert", "run", "-o", out][..], flags].concat());
    on("m.csv", &[])
        .refused(2, &["only .safetensors, .npz or MATLAB (.mat) can be written", "name it m.safetensors"]);
    on("m.npz", &["--names", "sequential"]).refused(2, &["--names sequential", "-o is .npz; leave it out"]);
    on("m.mat", &["--fold"]).refused(3, &["--normalize lecture clips values", "leave --fold out"]);
    on("run/model.safetensors", &[]).refused(2, &["it is read as run/model.safetensors"]);
    let unknown = on("m.safetensors", &["--names", "keras"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("own, sequential"), "{}", unknown.stderr);
    assert_eq!(names(folder), before);
    rhohat(folder, &["convert", "rows.npy", "-o", "m.npz"])
        .refused(3, &["a NumPy array", "MODEL is all that is read: rhohat convert MODEL"]);
}
