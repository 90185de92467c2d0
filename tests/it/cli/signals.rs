//! Signals as queues, shells and people send them, to the real program. Nothing here depends on how fast it is: each signal
//! is sent once the program is seen to be where it shall meet it.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rhohat::run::checkpoint::Checkpoints;
use serde_json::Value;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};
use tempfile::tempdir;

use super::labelled::{CLASSIFY, ROWS, folder, folder_with_encoder, model};
use super::{json, names, number, rhohat};

mod paused;

/// Longest time that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run that would take for ever, and reports often.
const ENDLESS: &str = "train --samples 200 --optimizer adam --batch 32 --steps 1000000000 --max-time 10m --json --out run --device";

/// A run whose first step takes longer than any test.
const SLOW: &str =
    "train --samples 20000 --hidden 2000 --optimizer lbfgs --device reference --memory 100GB --out run";

/// A program that is under way.
struct Running(Child);

/// Starts `rhohat` in `folder`, by way of `shell` where that is not empty: `$@` is the command.
fn start(folder: &Path, shell: &str, args: &str) -> Running {
    let program = env!("CARGO_BIN_EXE_rhohat");
    let mut command = if shell.is_empty() {
        Command::new(program)
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", shell, "sh", program]);
        command
    };
    command.args(args.split(' ')).current_dir(folder).env("RHOHAT_CACHE_DIR", folder.join("cache"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    Running(child)
}

impl Running {
    fn send(&self, signal: i32) {
        send(self.0.id(), signal);
    }

    /// Exit code, stdout and stderr; the code of a shell for one that was killed.
    fn end(mut self) -> (i32, String, String) {
        wait_for("the end", || self.0.try_wait().unwrap().is_some());
        let status = self.0.wait().unwrap();
        let [mut stdout, mut stderr] = [String::new(), String::new()];
        self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (status.code().unwrap_or(-1), stdout, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that fails leaves nothing running.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn send(process: u32, signal: i32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status().unwrap();
    assert!(status.success(), "signal {signal} cannot be sent");
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_there() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        sleep(Duration::from_millis(5));
    }
}

/// Whether a program takes the signal.
fn takes(process: u32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
}

/// Reports of the run so far.
fn reports(folder: &Path) -> usize {
    fs::read_to_string(folder.join("run/metrics.jsonl")).map_or(0, |text| text.lines().count())
}

/// Waits until the run has made more reports than there are now.
fn wait_for_reports(folder: &Path) {
    let before = reports(folder);
    wait_for("a report", || reports(folder) > before);
}

/// The one checkpoint of a run that was interrupted has the steps that it tells of.
fn check_saved(folder: &Path, stdout: &str, stderr: &str) {
    let summary: Value = json(stdout);
    assert_eq!(summary["ended"], "stopped", "{stderr}");
    let found = <Checkpoints>::of(&folder.join("run")).find().unwrap();
    let (_, checkpoint) = found.newest.unwrap_or_else(|| panic!("nothing was saved: {stderr}"));
    assert_eq!(summary["steps"], checkpoint.position.steps);
    let all = names(&folder.join("run/checkpoints"));
    assert_eq!(all.iter().filter(|name| name.starts_with("step-")).count(), 1, "{all:?}");
    assert!(stderr.contains("finishing this step, then saving"), "{stderr}");
}

#[test]
fn each_of_five_signals_saves_one_checkpoint_and_ends_with_its_number() {
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2] {
        let folder = tempdir().unwrap();
        let run = start(folder.path(), "", &format!("{ENDLESS} cpu"));
        wait_for_reports(folder.path());
        run.send(signal);
        let (code, stdout, stderr) = run.end();
        assert_eq!(code, 128 + signal, "{stderr}");
        check_saved(folder.path(), &stdout, &stderr);
    }
}

#[test]
fn two_signals_a_moment_apart_are_one() {
    let pairs =
        [(SIGTERM, SIGTERM, 0), (SIGTERM, SIGTERM, 2), (SIGTERM, SIGTERM, 20), (SIGTERM, SIGTERM, 50)];
    for (first, second, milliseconds) in pairs.into_iter().chain([(SIGINT, SIGINT, 2), (SIGUSR1, SIGTERM, 2)])
    {
        let folder = tempdir().unwrap();
        let run = start(folder.path(), "", &format!("{ENDLESS} cpu"));
        wait_for_reports(folder.path());
        // From one shell: the second may come when the program has ended.
        let both = format!("kill -{first} $0; sleep 0.{milliseconds:03}; kill -{second} $0");
        let sent =
            Command::new("sh").args(["-c", &both, &run.0.id().to_string()]).stderr(Stdio::null()).status();
        sent.unwrap();
        let (code, stdout, stderr) = run.end();
        assert_eq!(code, 128 + first, "{milliseconds} ms: {stderr}");
        check_saved(folder.path(), &stdout, &stderr);
    }
}

#[test]
fn a_run_on_a_device_saves_as_well() {
    let folder = tempdir().unwrap();
    let run = start(folder.path(), "", &format!("{ENDLESS} software --no-tune"));
    wait_for_reports(folder.path());
    run.send(SIGTERM);
    run.send(SIGTERM);
    let (code, stdout, stderr) = run.end();
    assert_eq!(code, 128 + SIGTERM, "{stderr}");
    check_saved(folder.path(), &stdout, &stderr);
}

#[test]
fn nohup_keeps_a_hangup_away() {
    let folder = tempdir().unwrap();
    let run = start(folder.path(), "exec nohup \"$@\"", &format!("{ENDLESS} cpu"));
    wait_for_reports(folder.path());
    run.send(SIGHUP);
    // It goes on.
    wait_for_reports(folder.path());
    wait_for_reports(folder.path());
    run.send(SIGTERM);
    let (code, stdout, stderr) = run.end();
    assert_eq!(code, 128 + SIGTERM, "{stderr}");
    check_saved(folder.path(), &stdout, &stderr);
}

#[test]
fn a_run_in_the_background_of_a_script_keeps_an_interrupt_away() {
    let folder = tempdir().unwrap();
    let shell = "\"$@\" & echo $! > pid; wait $!; exit $?";
    let run = start(folder.path(), shell, &format!("{ENDLESS} cpu"));
    wait_for_reports(folder.path());
    let process: u32 = fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
    send(process, SIGINT);
    wait_for_reports(folder.path());
    wait_for_reports(folder.path());
    send(process, SIGTERM);
    let (code, stdout, stderr) = run.end();
    assert_eq!(code, 128 + SIGTERM, "{stderr}");
    check_saved(folder.path(), &stdout, &stderr);
}

#[test]
fn a_second_interrupt_at_a_terminal_ends_at_once_and_says_that_nothing_was_saved() {
    let folder = tempdir().unwrap();
    let (path, program) = (folder.path(), env!("CARGO_BIN_EXE_rhohat"));
    let at_terminal = format!("echo $$ > pid; exec {program} {SLOW} 2> stderr");
    let mut script = Command::new("script");
    script.args(["-qec", &at_terminal, "/dev/null"]).current_dir(path);
    let child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let run = Running(child);
    wait_for("the run", || path.join("run/config.toml").exists());
    let process: u32 = fs::read_to_string(path.join("pid")).unwrap().trim().parse().unwrap();
    let stderr = || fs::read_to_string(path.join("stderr")).unwrap_or_default();
    send(process, SIGINT);
    wait_for("the note", || {
        stderr().contains("SIGINT: finishing this step, then saving; Ctrl-C again ends it at once")
    });
    // Others are as patient as ever.
    send(process, SIGTERM);
    // Later than one press of the keys that is handed on.
    sleep(Duration::from_millis(300));
    send(process, SIGINT);
    let (code, _, _) = run.end();
    assert_eq!(code, 128 + SIGINT, "{}", stderr());
    let last = "error: ended by SIGINT at once: no checkpoint was saved; rhohat train --resume run begins it again\n";
    assert!(stderr().ends_with(last), "{}", stderr());
}

#[test]
fn a_signal_five_seconds_after_the_first_ends_at_once() {
    let folder = tempdir().unwrap();
    let run = start(folder.path(), "", &format!("{SLOW} --json"));
    wait_for("the run", || folder.path().join("run/config.toml").exists());
    run.send(SIGUSR1);
    sleep(Duration::from_millis(5500));
    run.send(SIGTERM);
    let (code, stdout, stderr) = run.end();
    assert_eq!(code, 128 + SIGTERM, "{stderr}");
    let told = json(&stdout);
    assert_eq!((&told["kind"], &told["exit"]), (&"signal".into(), &(128 + SIGTERM).into()));
    assert!(
        stderr.contains("SIGUSR1: finishing this step") && stderr.contains("no checkpoint was saved"),
        "{stderr}"
    );
}

#[test]
fn a_signal_before_training_ends_at_once_and_leaves_no_run() {
    let folder = tempdir().unwrap();
    // Nobody reads from it, so that the program waits.
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    for signal in [SIGTERM, SIGUSR2] {
        let run = start(folder.path(), "", &format!("{ENDLESS} cpu --save-patches pipe"));
        wait_for("a handler", || takes(run.0.id(), SIGTERM));
        run.send(signal);
        let (code, stdout, stderr) = run.end();
        assert_eq!(code, 128 + signal, "{stderr}");
        assert_eq!(json(&stdout)["kind"], "signal");
        // A line of the main thread may come behind it.
        assert!(stderr.contains(" before training began: nothing was saved\n"), "{stderr}");
        assert!(!folder.path().join("run").exists());
    }
}

#[test]
fn a_command_that_is_ended_takes_its_temporary_files_with_it() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let wide = "train --samples 10 --hidden 8000 --steps 0 --device cpu --out run";
    rhohat(folder, &wide.split(' ').collect::<Vec<_>>()).text();
    let rows = "train --samples 10000 --steps 0 --device cpu --save-patches rows.npy --out rows";
    rhohat(folder, &rows.split(' ').collect::<Vec<_>>()).text();
    let temporary = || names(folder).into_iter().any(|name| name.starts_with(".rhohat-"));
    for signal in [SIGTERM, SIGHUP] {
        let encode = "encode run/model.safetensors rows.npy --normalize none --device cpu -o codes.npy";
        let run = start(folder, "", encode);
        wait_for("a temporary file", temporary);
        // It cannot come to its end before the signal is on its way.
        run.send(SIGSTOP);
        let was_there = temporary();
        run.send(signal);
        run.send(SIGCONT);
        let (code, _, stderr) = run.end();
        assert!(!temporary(), "{:?}", names(folder));
        assert!(code == 128 + signal || !was_there || folder.join("codes.npy").exists(), "{code}: {stderr}");
        assert!(code != 128 + signal || stderr.contains("error: ended by SIG"), "{stderr}");
        let _ = fs::remove_file(folder.join("codes.npy"));
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_with_a_name() {
    let folder = tempdir().unwrap();
    let train = "train --samples 200 --hidden 200 --steps 3 --device cpu --out run";
    let (code, _, stderr) = start(folder.path(), "ulimit -f 8; exec \"$@\"", train).end();
    assert_eq!(code, 6, "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("error: write ") && last.contains("run/") && last.contains("too large"),
        "{stderr}"
    );
}

#[test]
fn fine_tuning_that_is_interrupted_goes_on_to_the_bits_of_one_that_was_not() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    for device in ["cpu", "software"] {
        let tuned = |epochs: usize, out: &str| {
            let rest =
                "--no-baseline --softmax-lambda 1e-3 --optimizer adam --batch 16 --checkpoint-every 3 --json";
            format!("{CLASSIFY} {rest} --fine-tune {epochs} --device {device} --out {out}-{device}")
        };
        let run = start(folder, "", &tuned(1_000_000, "run"));
        let broken = format!("run-{device}");
        wait_for("a checkpoint", || folder.join(&broken).join("checkpoints/latest").exists());
        run.send(SIGINT);
        let (code, stdout, stderr) = run.end();
        assert_eq!(code, 128 + SIGINT, "{stderr}");
        let told = json(&stdout);
        assert_eq!(told["ended"], "stopped");
        assert!(stderr.contains(&format!("rhohat classify --resume {broken} goes on with it")), "{stderr}");
        assert!(!folder.join(&broken).join("summary.json").exists(), "what goes on has no result");
        let steps = number(&told, "steps") as usize;
        let newest = fs::read_to_string(folder.join(&broken).join("checkpoints/latest")).unwrap();
        assert_eq!(newest.trim(), format!("step-{steps:09}"));
        let epochs = steps / (ROWS / 16) + 2;
        let resume = ["classify", "--resume", &broken, "--fine-tune", &epochs.to_string(), "--json"];
        let summary = rhohat(folder, &resume).json();
        assert_eq!(summary["steps"], epochs * (ROWS / 16));
        rhohat(folder, &tuned(epochs, "whole").split(' ').collect::<Vec<_>>()).text();
        assert!(model(folder, &broken) == model(folder, &format!("whole-{device}")), "{device}: other bits");
    }
}

#[test]
fn a_stack_that_is_interrupted_in_a_layer_says_how_to_go_on() {
    let folder = folder();
    let folder = folder.path();
    let text = "optimizer = \"adam\"\nbatch = 32\nsteps = 4\n[[layer]]\nhidden = 8\n[[layer]]\nhidden = 4\nsteps = 1000000000\n";
    fs::write(folder.join("given.toml"), text).unwrap();
    let line =
        "stack --config given.toml rows.npy --checkpoint-every 3 --device cpu --no-report --json --out run";
    let run = start(folder, "", line);
    wait_for("a checkpoint", || folder.join("run/layer-2/checkpoints/latest").exists());
    run.send(SIGTERM);
    let (code, _, stderr) = run.end();
    assert_eq!(code, 128 + SIGTERM, "{stderr}");
    assert!(stderr.contains("rhohat stack --resume run goes on with the stack"), "{stderr}");
    assert!(folder.join("run/layer-1/summary.json").exists() && folder.join("run/codes-1.npy").exists());
    assert!(!folder.join("run/layer-2/summary.json").exists());
}
