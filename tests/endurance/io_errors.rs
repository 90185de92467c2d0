//! Calls of the system that fail while a checkpoint is read or written, injected by strace: what fails to be read is not
//! thrown away, what fails to be written leaves the one before, and the exit code says that it was input or output.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use super::{Place, copy, fail_point, finished, is_long, strace};

/// What a system may answer where nothing is wrong with the file.
const READING: [&str; 6] = ["EIO", "ENOMEM", "EMFILE", "ENFILE", "ESTALE", "EACCES"];
/// The same of writing.
const WRITING: [&str; 4] = ["ENOSPC", "EIO", "EDQUOT", "ENOMEM"];
/// Calls that open, look at and read files and folders.
const READS: [&str; 4] = ["openat", "read", "statx", "getdents64"];
/// Calls that write, each with what it is done to, in the run: files of a new checkpoint, its folder, renames, syncs.
const WRITES: [(&str, &str); 15] = [
    ("mkdir", ".checkpoint-new"),
    ("openat", ".checkpoint-new/state.bin"),
    ("write", ".checkpoint-new/state.bin"),
    ("fsync", ".checkpoint-new/state.bin"),
    ("openat", ".checkpoint-new/progress.json"),
    ("write", ".checkpoint-new/progress.json"),
    ("fsync", ".checkpoint-new/progress.json"),
    ("openat", ".checkpoint-new/manifest.json"),
    ("write", ".checkpoint-new/manifest.json"),
    ("fsync", ".checkpoint-new/manifest.json"),
    ("fsync", ".checkpoint-new"),
    ("rename", ".checkpoint-new"),
    ("fsync", "checkpoints"),
    ("rename", ".checkpoint-old"),
    ("write", "metrics.jsonl"),
];

const FLAGS: &str =
    "rows.npy --optimizer adam --batch 64 --steps 40 --checkpoint-every 7 --hidden 4 --rho 0.05 --device cpu";

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// All files of a run that were there before a sitting, with their content.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()))
        }
    }
    found.sort();
    found
}

/// Options that make `call` fail for a path of a run; both its names, since files are opened by the first and known by the
/// second afterwards.
fn inject(place: &Place, call: &str, error: &str, when: &str, path: &str) -> Vec<String> {
    let whole = fs::canonicalize(place.path("")).unwrap().join(path);
    let whole = whole.to_str().unwrap();
    words(&format!(
        "-f -o {} -P {path} -P {whole} -e trace={call} -e inject={call}:error={error}:when={when}",
        place.path("log").display()
    ))
}

/// Whether the call was made and failed.
fn has_failed(place: &Place) -> bool {
    fs::read_to_string(place.path("log")).unwrap().contains("(INJECTED)")
}

#[test]
fn a_checkpoint_that_cannot_be_read_just_now_is_kept_and_nothing_is_touched() {
    if !strace::is_there("errors while checkpoints are read") {
        return;
    }
    let place = Place::new();
    finished(place.command(&words(&format!("{FLAGS} --out whole"))).output().unwrap());
    let whole = place.result("whole");
    let mut command = place.command(&words(&format!("{FLAGS} --out begun")));
    let status = command.env(fail_point::VARIABLE, "latest-written:3").output().unwrap().status;
    assert_eq!(status.signal(), Some(6));
    let steps: Vec<_> =
        fs::read_dir(place.path("begun/checkpoints")).unwrap().map(|e| e.unwrap().file_name()).collect();
    let newest =
        steps.iter().filter_map(|name| name.to_str()).filter(|name| name.starts_with("step")).max().unwrap();
    let targets: Vec<String> = ["manifest.json", "progress.json", "state.bin"]
        .iter()
        .map(|file| format!("checkpoints/{newest}/{file}"))
        .chain(["checkpoints".to_owned(), format!("checkpoints/{newest}"), "metrics.jsonl".to_owned()])
        .chain(["config.toml".to_owned(), "data.json".to_owned()])
        .collect();
    let (mut number, mut failed, mut wrong) = (0, 0, Vec::new());
    for target in &targets {
        for call in READS {
            // A small share: one error after the other.
            let errors = if is_long() { &READING[..] } else { &READING[number % READING.len()..][..1] };
            number += 1;
            for error in errors {
                let run = "tried";
                copy(&place.path("begun"), &place.path(run));
                let before = files(&place.path(run));
                let options = inject(&place, call, error, "1", &format!("{run}/{target}"));
                let output = place.traced(&options, &words(&format!("--resume {run}"))).output().unwrap();
                let stderr = String::from_utf8_lossy(&output.stderr);
                let mut fault =
                    |what: &str| wrong.push(format!("{call} of {target}: {error}: {what}: {stderr}"));
                if has_failed(&place) {
                    failed += 1;
                    match output.status.code() {
                        Some(0) if place.result(run) != whole => fault("exit 0 with another result"),
                        Some(0) => {}
                        Some(6) if files(&place.path(run)) != before => fault("something was touched"),
                        Some(6) => {}
                        code => fault(&format!("exit {code:?}")),
                    }
                }
                if place.path(run).join("rejected").exists() {
                    fault("a good checkpoint was rejected");
                }
                let again = place.command(&words(&format!("--resume {run}"))).output().unwrap();
                if again.status.code() != Some(0) || place.result(run) != whole {
                    fault("it cannot be gone on with");
                }
                fs::remove_dir_all(place.path(run)).unwrap();
            }
        }
    }
    println!("{failed} calls that read failed, {} wrong", wrong.len());
    assert!(failed > 10, "only {failed} calls were made to fail");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before_and_is_tried_again() {
    if !strace::is_there("errors while checkpoints are written") {
        return;
    }
    let place = Place::new();
    finished(place.command(&words(&format!("{FLAGS} --out whole"))).output().unwrap());
    let whole = place.result("whole");
    let (mut failed, mut wrong) = (0, Vec::new());
    for (number, (call, target)) in WRITES.into_iter().enumerate() {
        let errors = if is_long() { &WRITING[..] } else { &WRITING[number % WRITING.len()..][..1] };
        for error in errors {
            // Once, in the second checkpoint; from then on until the end.
            for (when, lasts) in [("2", false), ("2+", true)] {
                let run = "tried";
                let options = inject(&place, call, error, when, &format!("{run}/{target}"));
                let mut command = place.traced(&options, &words(&format!("{FLAGS} --out {run}")));
                let output = command.output().unwrap();
                let stderr = String::from_utf8_lossy(&output.stderr);
                let mut fault =
                    |what: &str| wrong.push(format!("{call} of {target}: {error}:{when}: {what}: {stderr}"));
                if has_failed(&place) {
                    failed += 1;
                    // What is taken away of an old one, or fails behind the rename, may not matter.
                    let matters = lasts && target != ".checkpoint-old";
                    match output.status.code() {
                        Some(0) if place.result(run) != whole => fault("exit 0 with another result"),
                        Some(0) if matters => fault("exit 0, although nothing could be written"),
                        Some(0) => {}
                        Some(6) if lasts => {}
                        code => fault(&format!("exit {code:?}")),
                    }
                }
                let again = place.command(&words(&format!("--resume {run}"))).output().unwrap();
                if again.status.code() != Some(0) || place.result(run) != whole {
                    fault(&format!("it cannot be gone on with: {}", String::from_utf8_lossy(&again.stderr)));
                }
                fs::remove_dir_all(place.path(run)).unwrap();
            }
        }
    }
    println!("{failed} calls that write failed, {} wrong", wrong.len());
    assert!(failed > 20, "only {failed} calls were made to fail");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
