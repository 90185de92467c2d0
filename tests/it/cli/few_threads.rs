//! Threads that a variable of the system asks for, and processes that a limit of it allows.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rhohat::data::npy;
use tempfile::tempdir;

use super::Outcome;

/// The outcome of a small run under a value of RAYON_NUM_THREADS.
fn with_threads(folder: &Path, value: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
    command.args("train --samples 50 --steps 2 --device cpu --json --quiet=false".split(' '));
    let output = command.current_dir(folder).env("RAYON_NUM_THREADS", value).output().unwrap();
    Outcome {
        code: output.status.code().expect("no signal ends it"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn absurd_numbers_of_threads_are_told_and_train_all_the_same() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let told = |value| {
        let outcome = with_threads(folder, value);
        (outcome.stderr.contains(&format!("warning: RAYON_NUM_THREADS={value}")), outcome.json()["j"].clone())
    };
    let (silent, j) = told("2");
    assert!(!silent);
    for (value, is_told) in [("0", false), ("abc", true), ("-1", true), ("20000", true)] {
        assert_eq!(told(value), (is_told, j.clone()), "{value}");
    }
}

/// Runs `program` as a user that may have so many processes; exit code and stderr, `None` where that cannot be done.
#[cfg(target_os = "linux")]
fn with_processes(program: &Path, most: usize, args: &str) -> Option<(i32, String)> {
    let folder = program.parent().unwrap();
    let mut command = Command::new("prlimit");
    command.arg(format!("--nproc={most}:{most}"));
    // Root has no limits, so that it has to be nobody in particular.
    if std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").ok()?) == 0 {
        command.args(["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]);
    }
    command
        .arg(program)
        .args(args.split(' '))
        .current_dir(folder)
        .env("RHOHAT_CACHE_DIR", folder.join("cache"));
    let output = command.stdin(Stdio::null()).output().ok()?;
    let stderr = String::from_utf8(output.stderr).unwrap();
    // As the tools say that they could not.
    output.status.code().filter(|code| ![126, 127].contains(code)).map(|code| (code, stderr))
}

#[test]
#[cfg(target_os = "linux")]
fn a_limit_of_processes_is_worked_within_or_told_never_a_panic() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    npy::write(&folder.join("rows.npy"), 300, 4, &[0.5; 1200]).unwrap();
    let program = folder.join("rhohat");
    fs::copy(env!("CARGO_BIN_EXE_rhohat"), &program).unwrap();
    if with_processes(&program, 1, "--version").is_none() {
        eprintln!("SKIPPED because prlimit or setpriv are not there, or not allowed: limits of processes");
        return;
    }
    for most in 1..=6 {
        for (data, streams) in
            [("--samples 50", false), ("rows.npy --stream --optimizer sgd --batch 10", true)]
        {
            let args = "--steps 2 --device cpu --checkpoint-every 1";
            let args = format!("train {data} {args} --out run-{most}-{streams}");
            let (code, stderr) = with_processes(&program, most, &args).expect("it did before");
            // Rows are read ahead by two threads.
            let is_told = streams && code == 5 && stderr.contains("ulimit -u");
            assert!(
                (code == 0 || is_told) && !stderr.contains("panicked"),
                "{most}, {args}: {code} {stderr}"
            );
        }
    }
}
