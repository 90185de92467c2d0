//! Calls of the system that fail while a checkpoint is read or written, injected by strace: what fails to be read is not
//! thrown away, what fails to be written leaves the one before, and the exit code says that it was input or output.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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
    ("rename", "checkpoints/step-000000007"),
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
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
    if !strace::is_there("errors while checkpoints are written") {
        return;
    }
    let place = Place::new();
    finished(place.command(&words(&format!("{FLAGS} --out whole"))).output().unwrap());
    let whole = place.result("whole");
    let mut command = place.command(&words(&format!("{FLAGS} --out begun")));
    let status = command.env(fail_point::VARIABLE, "latest-written:3").output().unwrap().status;
    assert_eq!(status.signal(), Some(6));
    let before = files(&place.path("begun/checkpoints"));
    let (mut failed, mut wrong) = (0, Vec::new());
    for (number, (call, target)) in WRITES.into_iter().enumerate() {
        let errors = if is_long() { &WRITING[..] } else { &WRITING[number % WRITING.len()..][..1] };
        for error in errors {
            let run = "tried";
            copy(&place.path("begun"), &place.path(run));
            // Every checkpoint has a thread of its own, and each counts its calls: all fail.
            let options = inject(&place, call, error, "1+", &format!("{run}/{target}"));
            let output = place.traced(&options, &words(&format!("--resume {run}"))).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            let mut fault = |what: &str| wrong.push(format!("{call} of {target}: {error}: {what}: {stderr}"));
            if !has_failed(&place) {
                fault("the call was not made");
            }
            failed += 1;
            // A name that was given may have been made to last or not; what is taken away may stay.
            let is_there_already = ["checkpoints/step-000000007", "checkpoints"].contains(&target);
            match output.status.code() {
                Some(0) if !is_there_already => fault("exit 0, although nothing could be written"),
                Some(0) if place.result(run) != whole => fault("exit 0 with another result"),
                Some(0) | Some(6) => {}
                code => fault(&format!("exit {code:?}")),
            }
            let after = files(&place.path(run).join("checkpoints"));
            let bytes = |files: &[(PathBuf, Vec<u8>)]| -> Vec<Vec<u8>> {
                let of_checkpoint = files.iter().filter(|(path, _)| !path.ends_with("latest"));
                of_checkpoint.map(|(_, bytes)| bytes.clone()).collect()
            };
            if !is_there_already && bytes(&after) != bytes(&before) {
                fault("an older checkpoint is another");
            }
            let again = place.command(&words(&format!("--resume {run}"))).output().unwrap();
            if again.status.code() != Some(0) || place.result(run) != whole {
                fault(&format!("it cannot be gone on with: {}", String::from_utf8_lossy(&again.stderr)));
            }
            fs::remove_dir_all(place.path(run)).unwrap();
        }
    }
    println!("{failed} calls that write failed, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The disk is full for a moment: no file may grow any more, until the limit is taken away again.
#[test]
fn a_disk_that_is_full_for_a_moment_costs_no_checkpoint_no_line_and_no_run() {
    let place = Place::new();
    // So long that it does not end meanwhile, on any machine; it is told to.
    let flags = "rows.npy --optimizer sgd --batch 1 --hidden 1 --rho 0.05 --device cpu --steps 1000000000 \
                 --checkpoint-every 0.02s --out run";
    let script = format!("trap '' XFSZ; exec '{}' train --json {flags}", super::binary());
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(place.path("")).stdout(Stdio::null()).stderr(Stdio::piped());
    let limit = |process: u32, most: &str| {
        let most = format!("--fsize={most}");
        let status = Command::new("prlimit").args(["--pid", &process.to_string(), &most]).status();
        assert!(status.unwrap().success());
    };
    let checkpoint = || !newest_name(&place.path("run")).is_empty();
    let mut child = command.spawn().unwrap();
    until(&mut child, checkpoint);
    limit(child.id(), "1:unlimited");
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut lines = String::new();
    while !lines.contains(" stands, another one is tried") {
        assert!(told.read_line(&mut lines).unwrap() > 0, "it ended: {lines}");
    }
    let before = newest_name(&place.path("run"));
    limit(child.id(), "unlimited:unlimited");
    until(&mut child, || newest_name(&place.path("run")) > before);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    std::io::copy(&mut told, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{lines}");
    let metrics = fs::read_to_string(place.path("run/metrics.jsonl")).unwrap();
    let steps: Vec<u64> = metrics
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("a whole line")["step"].as_u64().unwrap()
        })
        .collect();
    assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
}

/// The name of a run's newest checkpoint, empty where there is none.
fn newest_name(run: &Path) -> String {
    fs::read_to_string(run.join("checkpoints/latest")).unwrap_or_default()
}

/// Waits for something that comes sooner or later, as long as the program is at work.
fn until(child: &mut Child, happens: impl Fn() -> bool) {
    while !happens() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
