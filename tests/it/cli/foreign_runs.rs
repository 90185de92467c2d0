//! A run directory that came from somebody: whatever lies in the place of its files, nothing hangs, nothing outside is read
//! or written, and no more memory is taken than a run needs.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

use super::{die, is_long, rhohat, train};

/// Files of a run, temporaries and what is rejected included; the newest checkpoint is `STEP`.
const FILES: [&str; 18] = [
    "config.toml",
    "data.json",
    "env.json",
    "summary.json",
    "diverged.json",
    "resumed.jsonl",
    "metrics.jsonl",
    "metrics.csv",
    "model.safetensors",
    "features.png",
    "preprocess.safetensors",
    "report.html",
    "checkpoints/latest",
    "checkpoints/STEP/manifest.json",
    "checkpoints/STEP/progress.json",
    "checkpoints/STEP/state.bin",
    ".rhohat-left",
    "checkpoints/.rhohat-left",
];
/// Its folders.
const FOLDERS: [&str; 5] =
    ["checkpoints", "checkpoints/STEP", "rejected", ".checkpoint-new", ".checkpoint-old"];
/// What lies in the place of one.
const IMPOSTORS: [&str; 6] = ["pipe", "link out", "link to zero", "folder", "sparse", "deep"];
/// Longest that anything may take: far beyond any machine, far below for ever.
const LONGEST: Duration = Duration::from_secs(120);
/// Most that a small run may take, KiB: a sparse file of a GiB is not read.
const MOST: u64 = 500 << 10;

/// A folder with a finished run and one that died, and what is nobody else's business.
fn place() -> (TempDir, String) {
    let folder = tempdir().unwrap();
    train(folder.path(), "finished", &["--steps", "9", "--checkpoint-every", "4"]);
    let flags = "train --samples 200 --device cpu --steps 9 --checkpoint-every 4 --out begun";
    die(folder.path(), "latest-written:2", &flags.split(' ').collect::<Vec<_>>());
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/file"), vec![b'x'; 100_000]).unwrap();
    fs::create_dir(folder.path().join("mine/step-000000001")).unwrap();
    fs::write(folder.path().join("mine/.rhohat-mine"), "precious").unwrap();
    let steps = fs::read_dir(folder.path().join("begun/checkpoints")).unwrap();
    let steps = steps.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let newest = steps.filter(|name| name.starts_with("step-")).max().unwrap();
    (folder, newest)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let place = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &place) } else { fs::copy(&entry, &place).map(|_| ()).unwrap() }
    }
}

/// All files below a folder with their content.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.push((path.clone(), Vec::new()));
            found.extend(content(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Puts an impostor in the place of a file or a folder.
fn replace(path: &Path, impostor: &str, mine: &Path, is_folder: bool) {
    let _ = fs::remove_dir_all(path);
    let _ = fs::remove_file(path);
    match impostor {
        "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "link out" if is_folder => symlink(mine, path).unwrap(),
        "link out" => symlink(mine.join("file"), path).unwrap(),
        "link to zero" => symlink("/dev/zero", path).unwrap(),
        "folder" if !is_folder => fs::create_dir(path).unwrap(),
        "deep" if !is_folder => fs::create_dir_all(path.join("file")).unwrap(),
        _ => File::create(path).unwrap().set_len(1 << 30).unwrap(),
    }
}

/// The exit code of `rhohat train --resume RUN` and what it says; it ends in time and takes little memory.
fn resume(folder: &Path, run: &str, what: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
    command
        .args(["train", "--resume", run])
        .current_dir(folder)
        .env("RHOHAT_CACHE_DIR", folder.join("cache"));
    let errors = folder.join("stderr");
    let mut child = command.stdout(Stdio::null()).stderr(File::create(&errors).unwrap()).spawn().unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("{what}: it hangs");
        }
        let peak = peak(child.id());
        if peak > MOST {
            child.kill().unwrap();
            panic!("{what}: {peak} KiB");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.signal(), None, "{what}");
    (status.code(), fs::read_to_string(errors).unwrap())
}

/// The most memory that a process has had, KiB, where the system tells.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[test]
fn nothing_in_the_place_of_a_runs_file_hangs_reads_writes_or_removes_what_is_outside() {
    let (folder, newest) = place();
    let folder = folder.path();
    let mine = folder.join("mine");
    let before = content(&mine);
    let all = FILES.map(|file| (file, false)).into_iter().chain(FOLDERS.map(|folder| (folder, true)));
    let mut number = 0;
    for (name, is_folder) in all {
        for impostor in IMPOSTORS {
            for source in ["begun", "finished"] {
                // Every fifth has each name, each impostor and both runs; `.ci/long` runs all.
                number += 1;
                if !is_long() && number % 5 != 0 {
                    continue;
                }
                let what = format!("{impostor} as {name} of a run that is {source}");
                let run = folder.join("run");
                copy(&folder.join(source), &run);
                let newest = if source == "begun" { newest.as_str() } else { "step-000000009" };
                replace(&run.join(name.replace("STEP", newest)), impostor, &mine, is_folder);
                let (code, stderr) = resume(folder, "run", &what);
                assert!([0, 2, 3, 6].map(Some).contains(&code), "{what}: {code:?} {stderr}");
                assert!(code == Some(0) || stderr.contains("error: "), "{what}: {stderr}");
                assert!(content(&mine) == before, "{what}: something outside was changed");
                let _ = Command::new("rm").arg("-rf").arg(&run).status().unwrap();
            }
        }
    }
}

#[test]
fn texts_of_a_run_are_printed_without_what_moves_a_cursor_or_forges_a_line() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", &[]);
    let path = folder.join("run/summary.json");
    let mut summary: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let evil = "\u{1b}[2J\u{1b}]0;evil\u{7}\nmodel      forged\u{202e}";
    for name in ["adapter", "device"] {
        summary[name] = evil.into();
    }
    fs::write(&path, summary.to_string()).unwrap();
    let outcome = rhohat(folder, &["train", "--resume", "run"]);
    assert!(!outcome.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", outcome.stdout);
    assert!(!outcome.stdout.lines().any(|line| line.contains("forged") && line.starts_with("model")));
    // As JSON it is what it is, escaped.
    let json = rhohat(folder, &["train", "--resume", "run", "--json"]);
    assert_eq!(json.json()["adapter"], evil);
    let strange = "o\u{1b}[2J\nerror: forged";
    fs::create_dir_all(folder.join(strange).join("something")).unwrap();
    let refused = rhohat(folder, &["train", "--samples", "200", "--device", "cpu", "--out", strange]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(!refused.stderr.contains('\u{1b}'), "{:?}", refused.stderr);
    assert!(!refused.stderr.lines().any(|line| line.starts_with("error: forged")), "{:?}", refused.stderr);
}

#[test]
fn codes_that_are_being_written_into_a_run_are_not_taken_for_its_leftovers() {
    let (folder, _) = place();
    let folder = folder.path();
    let held = File::create(folder.join("begun/.rhohat-held")).unwrap();
    held.lock().unwrap();
    fs::write(folder.join("begun/.rhohat-dead"), "half").unwrap();
    rhohat(folder, &["train", "--resume", "begun"]).text();
    let left = |name: &str| folder.join("begun").join(name).exists();
    assert_eq!((left(".rhohat-held"), left(".rhohat-dead")), (true, false));
}

#[test]
fn programs_that_choose_kernels_at_once_keep_all_that_they_came_to() {
    if crate::support::software("kernels that are chosen at once").is_none() {
        return;
    }
    let folder = tempdir().unwrap();
    let start = |hidden: usize| {
        let flags = format!(
            "-q train --samples 60 --patch 4 --device software --retune --steps 1 --hidden {hidden} --out run-{hidden}"
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
        command.args(flags.split(' ')).current_dir(folder.path()).stdout(Stdio::null());
        command
            .env("RHOHAT_CACHE_DIR", folder.path().join("cache"))
            .env_remove("XDG_RUNTIME_DIR")
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (3..7).map(start).collect();
    let count = children.len();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let kept = fs::read_to_string(folder.path().join("cache/kernels.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let races = kept.as_array().unwrap().iter().filter(|entry| entry.get("milliseconds").is_some());
    assert_eq!(races.count(), count);
}
