//! What users give by mistake: folders for files, pipes, files of other kinds, names that no terminal should see, shards
//! that do not go together; and data so small that something might divide by nothing.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use rhohat::data::npy;
use tempfile::{TempDir, tempdir};

use super::{fixture, names, rhohat, train};

const TRAIN: [&str; 5] = ["train", "--device", "cpu", "--steps", "2"];

/// Runs `train` with `args`, which must be refused at once and leave nothing behind.
fn refuse(folder: &TempDir, args: &[&str], code: i32, words: &[&str]) {
    let (before, started) = (names(folder.path()), Instant::now());
    rhohat(folder.path(), &[&TRAIN, args].concat()).refused(code, words);
    assert!(started.elapsed() < Duration::from_secs(20), "{args:?} hung");
    assert_eq!(names(folder.path()), before);
}

/// Writes rows of `values`.
fn rows(folder: &Path, name: &str, rows: usize, cols: usize, values: impl Fn(usize) -> f32) {
    let values: Vec<f32> = (0..rows * cols).map(values).collect();
    npy::write(&folder.join(name), rows, cols, &values).unwrap();
}

#[test]
fn folders_where_files_are_needed() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("dir")).unwrap();
    let words = ["dir: a folder, but a file is needed", "name a file in it"];
    refuse(&folder, &["--config", "dir"], 3, &words);
    // A folder as MODEL may be that of a run.
    let words = ["dir: a folder without a model.safetensors", "the folder of a run"];
    refuse(&folder, &["--init", "dir"], 3, &words);
    rhohat(folder.path(), &["eval", "dir", &fixture("grey.png")]).refused(3, &words);
    rhohat(folder.path(), &["features", "dir", "-o", "f.png"]).refused(3, &words);
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_and_not_waited_for() {
    let folder = tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let words = ["pipe: a pipe or a device", "save its content as a file"];
    for args in [&["pipe"][..], &["pipe", "--raw", "u8:4"], &["--config", "pipe"], &["--init", "pipe"]] {
        refuse(&folder, args, 3, &words);
    }
    refuse(&folder, &["/dev/zero"], 3, &["/dev/zero: a pipe or a device"]);
    // Nobody asked for the cache of kernels, so that a bad one is no reason to stop.
    fs::create_dir(folder.path().join("cache")).unwrap();
    fs::rename(folder.path().join("pipe"), folder.path().join("cache/kernels.json")).unwrap();
    let args = ["train", "--device", "software", "--samples", "20", "--steps", "1", "--out", "run"];
    rhohat(folder.path(), &args).text();
}

#[cfg(unix)]
#[test]
fn files_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let path = folder.path().join("secret.npy");
    rows(folder.path(), "secret.npy", 3, 4, |i| i as f32);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&path).is_ok() {
        eprintln!("SKIPPED: this user may read every file");
        return;
    }
    let denied = "read secret.npy: Permission denied (os error 13)\n";
    refuse(&folder, &["secret.npy"], 6, &[denied]);
    refuse(&folder, &["--config", "secret.npy"], 6, &[denied]);
    refuse(&folder, &["--init", "secret.npy"], 6, &[denied]);
}

#[test]
fn errors_of_the_system_are_told_once() {
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &[]);
    let args = ["features", "run/model.safetensors", "-o", "nowhere/features.png"];
    let stderr = rhohat(folder.path(), &args).stderr;
    assert_eq!(stderr.matches("os error").count(), 1, "{stderr}");
}

#[test]
fn configurations_that_are_no_text_or_no_configuration() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), b"\xff\xfe").unwrap();
    refuse(&folder, &["--config", "c.toml"], 3, &["c.toml: not text in UTF-8"]);
    fs::copy(fixture("rows_lf8.npy"), folder.path().join("rows.toml")).unwrap();
    refuse(&folder, &["--config", "rows.toml"], 3, &["rows.toml: "]);
    fs::write(folder.path().join("long.toml"), " ".repeat(100_000)).unwrap();
    let words = ["long.toml: 100000 bytes, but a configuration has at most 65536"];
    refuse(&folder, &["--config", "long.toml"], 3, &words);
    refuse(&folder, &["--threads", "1000000"], 2, &["--threads 1000000: give 1024 at most"]);
}

#[cfg(unix)]
#[test]
fn names_with_control_characters_are_printed_harmlessly() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("a\n\u{1b}[2J.npy"), "no table").unwrap();
    refuse(&folder, &["a\n\u{1b}[2J.npy"], 3, &["a\\n\\u{1b}[2J.npy: "]);
    rows(folder.path(), "räksmörgås 漢字 'x'.npy", 5, 3, |i| i as f32 / 15.0);
    let args = [&TRAIN[..], &["räksmörgås 漢字 'x'.npy", "--out", "run"]].concat();
    rhohat(folder.path(), &args).text();
}

#[test]
fn a_tensor_or_an_array_is_trained_on_by_its_name() {
    let folder = tempdir().unwrap();
    for name in ["several.safetensors:codes", "several.npz:rows"] {
        let data = fixture(name);
        let args = [&TRAIN[..], &[&data, "--dry-run", "--json"]].concat();
        assert_eq!(rhohat(folder.path(), &args).json()["examples"], 6, "{name}");
    }
    refuse(&folder, &[&fixture("several.npz")], 3, &["several.npz: several arrays", "FILE.npz:NAME"]);
}

#[test]
fn the_smallest_data_are_trained_on_and_smaller_ones_refused() {
    let folder = tempdir().unwrap();
    rows(folder.path(), "row.npy", 1, 5, |i| i as f32 / 5.0);
    rows(folder.path(), "column.npy", 5, 1, |i| i as f32 / 5.0);
    rows(folder.path(), "no_rows.npy", 0, 5, |_| 0.0);
    rows(folder.path(), "no_columns.npy", 5, 0, |_| 0.0);
    let adam = ["--optimizer", "adam", "--batch", "1", "--stream"];
    for (number, name) in ["row.npy", "column.npy"].into_iter().enumerate() {
        for (way, flags) in [&[][..], &adam].into_iter().enumerate() {
            let out = format!("run{number}{way}");
            rhohat(folder.path(), &[&TRAIN[..], &[name, "--out", &out], flags].concat()).text();
        }
    }
    refuse(&folder, &["no_rows.npy"], 3, &["no_rows.npy: ", "[0, 5] holds no numbers"]);
    refuse(&folder, &["no_columns.npy"], 3, &["no_columns.npy: ", "[5, 0] holds no numbers"]);
    refuse(&folder, &["column.npy", "--normalize", "lecture"], 3, &["flat", "--normalize none"]);
    fs::write(folder.path().join("empty.npy"), "").unwrap();
    refuse(&folder, &["empty.npy"], 3, &["empty.npy: ", "its content is empty"]);
    refuse(&folder, &["empty.npy", "--raw", "u8:4"], 3, &["0 bytes are no whole number of rows"]);
}

#[test]
fn numbers_that_are_not_finite_stop_training_on_files_of_every_kind() {
    let folder = tempdir().unwrap();
    rows(folder.path(), "nan.npy", 6, 3, |i| if i == 10 { f32::NAN } else { 0.5 });
    let words = ["nan.npy: row 3, column 1 (counted from 0)", "replace it or leave its row out"];
    let adam = ["--optimizer", "adam", "--batch", "2", "--stream"];
    for flags in [&[][..], &["--normalize", "unit"], &["--normalize", "lecture"], &adam] {
        refuse(&folder, &[&["nan.npy"], flags].concat(), 3, &words);
    }
    let bytes: Vec<u8> = [1.0, f32::INFINITY, 3.0, 4.0].into_iter().flat_map(f32::to_le_bytes).collect();
    fs::write(folder.path().join("rows.f32"), bytes).unwrap();
    refuse(&folder, &["rows.f32", "--raw", "f32:2"], 3, &["rows.f32: row 0, column 1"]);
}

#[test]
fn shards_and_bare_numbers_that_do_not_go_together() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("shards")).unwrap();
    rows(&folder.path().join("shards"), "a.npy", 4, 3, |_| 0.5);
    rows(&folder.path().join("shards"), "b.npy", 4, 2, |_| 0.5);
    refuse(&folder, &["shards"], 3, &["b.npy: rows of 2 numbers", "a.npy have 3", "rows of one width"]);
    fs::write(folder.path().join("shards/b.npy"), "text").unwrap();
    refuse(&folder, &["shards"], 3, &["b.npy: named like a NumPy array, but its content is none"]);
    fs::write(folder.path().join("rows.u8"), [0; 10]).unwrap();
    refuse(
        &folder,
        &["rows.u8", "--raw", "u8:3"],
        3,
        &["10 bytes are no whole number of rows of 3", "--raw"],
    );
    // 4·(2⁶² + 4) is 16 where products wrap around.
    fs::write(folder.path().join("rows.f32"), [0; 16]).unwrap();
    refuse(&folder, &["rows.f32", "--raw", "f32:4611686018427387908"], 3, &["no whole number of rows"]);
}

#[test]
fn models_with_metadata_that_would_lead_astray() {
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &["--patch", "4"]);
    let bytes = fs::read(folder.path().join("run/model.safetensors")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let channels = text.find("channels\\\":1").expect("metadata name the channels") + 11;
    let mut damaged = bytes.clone();
    damaged[channels] = b'0';
    fs::write(folder.path().join("bad.safetensors"), damaged).unwrap();
    let words = ["bad.safetensors: its metadata rhohat: ", "Some(0) channels"];
    rhohat(folder.path(), &["eval", "bad.safetensors", &fixture("color.png")]).refused(3, &words);
    rhohat(folder.path(), &["train", "--init", "bad.safetensors"]).refused(3, &words);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_larger_than_memory_is_refused_before_it_is_read() {
    let folder = tempdir().unwrap();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (21474836480, 8, 8)}";
    let start = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    let path = folder.path().join("huge.npy");
    fs::write(&path, &start).unwrap();
    // 10 TiB without a block on disk.
    let sparse = File::options().write(true).open(&path).unwrap();
    sparse.set_len(start.len() as u64 + 8 * 1_374_389_534_720).unwrap();
    refuse(
        &folder,
        &["huge.npy"],
        3,
        &["huge.npy: ", "of memory are needed", "train on rows as .npy or safetensors"],
    );
}
