//! The command line through the real binary.

mod asserted;
mod auto;
mod bad_files;
mod bench;
mod bound;
mod catalog;
mod classify;
mod classify_labels;
mod classify_resume;
mod convert;
mod convolve;
mod data_commands;
mod derived;
mod documents;
mod drawn;
mod endings;
mod few_threads;
mod finished;
mod fit_rows;
mod following;
#[cfg(unix)]
mod foreign_runs;
mod labelled;
mod launchers;
mod limits;
mod lost_checkpoints;
mod manual;
mod memory;
mod models;
#[cfg(unix)]
mod mpi;
mod names_of_any_bytes;
mod other_programs;
mod outputs;
mod pictures;
mod predict;
mod printed;
mod refusals;
mod reports;
mod resume;
mod run_directory;
mod settings;
mod several;
mod several_devices;
#[cfg(target_os = "linux")]
mod signals;
mod stack;
mod streamed_commands;
mod subsets;
mod sweeps;
mod taken_for;
mod tune;
mod units;
mod verify_and_devices;
mod web;
mod whitening;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use rhohat::run::checkpoint::fail_point;
use serde_json::Value;

/// What a run of the program came to.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs `rhohat` in `folder`, whose `cache` is that of the user.
fn rhohat(folder: &Path, args: &[&str]) -> Outcome {
    outcome(folder, env!("CARGO_BIN_EXE_rhohat"), args)
}

/// Runs `rhohat`, which dies at a named place.
fn die(folder: &Path, place: &str, args: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
    let output = command.current_dir(folder).args(args).env(fail_point::VARIABLE, place).output().unwrap();
    assert!(!output.status.success(), "{place} was not reached");
}

/// The same as [`rhohat`] of another program, which may run it.
fn outcome(folder: &Path, program: &str, args: &[&str]) -> Outcome {
    let output = Command::new(program)
        .current_dir(folder)
        .args(args)
        .env_remove("XDG_RUNTIME_DIR")
        .env("RHOHAT_CACHE_DIR", folder.join("cache"))
        .output()
        .expect("the binary runs");
    Outcome {
        code: output.status.code().expect("no signal ends it"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

impl Outcome {
    /// Stdout of a run that went well.
    fn text(self) -> String {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout
    }

    /// Stdout of a run with `--json` that went well: one value on one line.
    fn json(self) -> Value {
        json(&self.text())
    }

    /// Checks that the run was refused with this code, one line on stderr besides notes, warnings and progress, all of `words` there, and
    /// nothing on stdout but the same as JSON, where that was asked for.
    fn refused(self, code: i32, words: &[&str]) {
        let Self { code: found, stdout, stderr } = self;
        assert_eq!(found, code, "{stderr}");
        let others = ["note: ", "warning: ", "step "];
        let is_error = |line: &&str| !others.iter().any(|start| line.starts_with(start));
        let errors: Vec<&str> = stderr.lines().filter(is_error).collect();
        if !stdout.is_empty() {
            let told = json(&stdout);
            assert_eq!(format!("error: {}", told["error"].as_str().expect("a text")), errors.join("\n"));
            assert_eq!(told["exit"], code);
        }
        assert!(errors.len() == 1 && errors[0].starts_with("error: ") && stderr.ends_with('\n'), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "no {word:?} in: {stderr}");
        }
    }
}

fn json(stdout: &str) -> Value {
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    assert!(stdout.ends_with('\n'), "{stdout}");
    serde_json::from_str(stdout).expect(stdout)
}

/// A run of Adam on patches of the built-in pictures, without its length.
const ADAM: [&str; 10] =
    ["train", "--samples", "200", "--device", "cpu", "--optimizer", "adam", "--batch", "32", "--json"];

/// The same of 300 updates in the run directory `run`, as often as it is called, with more flags.
fn adam_in_run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&ADAM[..], &["--steps", "300", "--run", "run"], more].concat()
}

/// A small run of the lecture's experiment into `folder`/`out`, with more flags; its JSON.
fn train(folder: &Path, out: &str, flags: &[&str]) -> Value {
    let common = ["train", "--samples", "200", "--device", "cpu", "--json", "--out", out];
    let length: &[&str] = if flags.contains(&"--epochs") { &[] } else { &["--steps", "5"] };
    rhohat(folder, &[&common, length, flags].concat()).json()
}

/// The model of a run, as it lies on the disk.
fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

/// The lines of `metrics.jsonl`, times left out.
fn metrics(folder: &Path, run: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap();
    let line = |line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let object = line.as_object_mut().unwrap();
        object.remove("seconds");
        object.remove("samples_per_second");
        line
    };
    text.lines().map(line).collect()
}

/// Whether every case is asked for, as by `.ci/long`, and not a share.
fn is_long() -> bool {
    std::env::var("RHOHAT_ENDURANCE").is_ok_and(|value| value == "1")
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

/// The path of a file of tests/fixtures.
fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A number of a JSON object.
fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {value}"))
}
