//! Runs that are killed, run out of disk or go on for long, through the real binary. `cargo test` runs a small share of
//! each; `RHOHAT_ENDURANCE=1 cargo test --release --test endurance -- --nocapture` runs all: 200 kills, every fail point
//! on every device with every optimiser, 40 full disks.

#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod changed;
#[cfg(target_os = "linux")]
mod disk;
mod full_disk;
#[cfg(target_os = "linux")]
mod io_errors;
mod kills;
mod memory;
#[cfg(target_os = "linux")]
mod power_loss;
#[cfg(target_os = "linux")]
mod strace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rhohat::data::npy;
use rhohat::run::checkpoint::{Checkpoints, fail_point};
use tempfile::{TempDir, tempdir};

/// Whether everything is asked for.
fn is_long() -> bool {
    std::env::var("RHOHAT_ENDURANCE").is_ok_and(|value| value == "1")
}

/// The program that is tried: another one where `RHOHAT_BINARY` names it.
fn binary() -> String {
    std::env::var("RHOHAT_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_rhohat").to_owned())
}

/// Copies a folder with all that it holds.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let place = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &place) } else { fs::copy(&entry, &place).map(|_| ()).unwrap() }
    }
}

/// The devices that there are: the CPU, and the software adapter unless such tests are left out.
fn devices(test: &str) -> Vec<&'static str> {
    let software = support::software(test).map(|_| "software");
    std::iter::once("cpu").chain(software).collect()
}

/// A kind of run: a device and an optimiser with its flags.
#[derive(Clone, Copy, Debug)]
struct Kind {
    device: &'static str,
    optimizer: &'static str,
}

impl Kind {
    fn all(devices: &[&'static str]) -> Vec<Self> {
        let optimizers = ["sgd", "adam", "lbfgs"];
        let of = |&device| optimizers.map(|optimizer| Self { device, optimizer });
        devices.iter().flat_map(of).collect()
    }

    /// The flags of a run of this kind that takes about half a second, most of it in steps.
    fn flags(self) -> Vec<String> {
        let steps = match (self.device, self.optimizer) {
            ("cpu", "lbfgs") => "steps=300 checkpoint-every=5",
            ("cpu", _) => "steps=4000 checkpoint-every=40 batch=64 rho-hat=ema",
            (_, "lbfgs") => "steps=60 checkpoint-every=3",
            _ => "steps=250 checkpoint-every=7 batch=64 rho-hat=ema",
        };
        let own = match self.optimizer {
            "sgd" => " beta-warmup=100 revive=30",
            "adam" => " schedule=cosine warmup=20",
            _ => "",
        };
        let common =
            format!("device={} optimizer={} hidden=40 rho=0.05 {steps}{own}", self.device, self.optimizer);
        common.split(' ').map(|flag| format!("--{flag}")).collect()
    }
}

/// A folder with rows to learn from, in which runs are made.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        for (name, count) in [("rows.npy", 400), ("many-rows.npy", 2_000)] {
            let rows: Vec<f32> = (0..count * 16).map(|i| 0.1 + (i * i % 97) as f32 / 121.0).collect();
            npy::write(&folder.path().join(name), count, 16, &rows).unwrap();
        }
        Self(folder)
    }

    fn path(&self, run: &str) -> PathBuf {
        self.0.path().join(run)
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(binary());
        command.args(["-q", "train", "--json"]);
        self.set(command, arguments)
    }

    /// The same under strace with some options.
    #[cfg(target_os = "linux")]
    fn traced(&self, options: &[String], arguments: &[String]) -> Command {
        let mut command = Command::new("strace");
        command.args(options).arg(binary()).args(["-q", "train", "--json"]);
        self.set(command, arguments)
    }

    fn set(&self, mut command: Command, arguments: &[String]) -> Command {
        command.args(arguments).current_dir(self.0.path());
        command.env("RHOHAT_CACHE_DIR", self.path("cache")).env_remove("XDG_RUNTIME_DIR");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts `run`, or goes on with it where it has begun.
    fn begin_or_go_on(&self, kind: Kind, run: &str) -> Command {
        if self.path(run).join("config.toml").exists() {
            return self.command(&["--resume".to_owned(), run.to_owned()]);
        }
        let rows =
            if (kind.device, kind.optimizer) == ("cpu", "lbfgs") { "many-rows.npy" } else { "rows.npy" };
        let begin = [rows.to_owned(), "--out".to_owned(), run.to_owned()];
        self.command(&[&begin[..], &kind.flags()].concat())
    }

    /// The model and the metrics of a run that was never broken off.
    fn uninterrupted(&self, kind: Kind) -> (Vec<u8>, Vec<String>) {
        let run = format!("whole-{}-{}", kind.device, kind.optimizer);
        finished(self.begin_or_go_on(kind, &run).output().unwrap());
        self.result(&run)
    }

    /// Model and metrics, times left out.
    fn result(&self, run: &str) -> (Vec<u8>, Vec<String>) {
        let metrics = fs::read_to_string(self.path(run).join("metrics.jsonl")).unwrap();
        let timeless = metrics.lines().map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            let object = line.as_object_mut().unwrap();
            object.remove("seconds");
            object.remove("samples_per_second");
            line.to_string()
        });
        (fs::read(self.path(run).join("model.safetensors")).unwrap(), timeless.collect())
    }
}

/// Checks that a run came to its end.
fn finished(output: Output) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
}

/// Checks that all that is published of a run can be loaded; the steps of the newest, 0 if there is none.
fn newest(run: &Path) -> usize {
    let found = <Checkpoints>::of(run).find().unwrap();
    assert!(found.rejected.is_empty(), "{}: {:?}", run.display(), found.rejected);
    let steps = found.newest.map_or(0, |(_, checkpoint)| checkpoint.position.steps);
    // Those behind the newest, too: a checkpoint is there whole or not at all.
    let folder = <Checkpoints>::of(run).path();
    let names = fs::read_dir(&folder).map_or(Vec::new(), |all| all.map(|e| e.unwrap().path()).collect());
    for path in names.iter().filter(|path| path.is_dir()) {
        for file in ["manifest.json", "progress.json", "state.bin"] {
            assert!(path.join(file).is_file(), "{}: {file}", path.display());
        }
    }
    steps
}
