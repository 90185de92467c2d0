//! What launchers of sweeps and queues expect: one command line for a run whatever has become of it, flags as programs spell
//! them, settings and errors in JSON, a metric that compares. And what is printed: nothing that a terminal obeys, and an
//! error with a name where nothing can be printed.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use rhohat::data::npy;
use tempfile::tempdir;

use super::{Outcome, die, names, number, rhohat, train};

const RUN: [&str; 14] = [
    "train",
    "--samples",
    "200",
    "--device",
    "cpu",
    "--optimizer",
    "adam",
    "--batch",
    "32",
    "--steps",
    "300",
    "--json",
    "--run",
    "run",
];

fn run(folder: &Path, more: &[&str]) -> Outcome {
    rhohat(folder, &[&RUN[..], more].concat())
}

fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

#[test]
fn one_command_line_begins_a_run_goes_on_with_it_and_prints_its_result() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let settings = ["--checkpoint-every", "10", "--lambda", "1", "--block", "8", "--chunk", "100000"];
    let whole = run(folder, &[&settings[..], &["--run", "whole"]].concat()).json();
    die(folder, "latest-written:2", &[&RUN[..], &settings].concat());
    let second = run(folder, &settings);
    assert!(second.stderr.contains("going on from step-"), "{}", second.stderr);
    let second = second.json();
    assert_eq!((&second["j"], &second["steps"]), (&whole["j"], &300.into()));
    assert!(model(folder, "run") == model(folder, "whole"), "other bits");
    // Finished: its result, and nothing is touched.
    let before = names(&folder.join("run"));
    let third = run(folder, &settings);
    assert!(!third.stderr.contains("going on"), "{}", third.stderr);
    let third = third.json();
    assert_eq!((&third["j"], &third["seconds"]), (&second["j"], &second["seconds"]));
    assert_eq!(names(&folder.join("run")), before);
    let sittings = fs::read_to_string(folder.join("run/resumed.jsonl")).unwrap();
    assert_eq!(sittings.lines().count(), 1);
    assert!(sittings.contains("\"changed\":{}"), "{sittings}");
}

#[test]
fn other_settings_beside_a_run_are_changed_as_with_resume() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    run(folder, &[]).text();
    assert_eq!(number(&run(folder, &["--steps", "310"]).json(), "steps"), 310.0);
    let refused = run(folder, &["--seed", "7"]);
    let Outcome { code, stderr, .. } = refused;
    assert!(code == 2 && stderr.contains("--seed 7: the run has 0"), "{stderr}");
    fs::create_dir(folder.join("full")).unwrap();
    fs::write(folder.join("full/notes"), "mine").unwrap();
    run(folder, &["--run", "full"]).refused(2, &["--run full", "not empty"]);
    assert_eq!(run(folder, &["--out", "x"]).code, 2);
    assert_eq!(run(folder, &["--resume", "run"]).code, 2);
}

#[test]
fn a_file_of_settings_beside_a_run_counts_by_its_values() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("trial.toml"), "lambda = 1\nbeta = 2\nhidden = 9").unwrap();
    fs::write(folder.join("trial.json"), "{\"lambda\": 1.0, \"beta\": 2, \"hidden\": 9, \"seed\": null}")
        .unwrap();
    let first = run(folder, &["--config", "trial.toml"]).json();
    for file in ["trial.toml", "trial.json"] {
        let again = run(folder, &["--config", file]).json();
        assert_eq!((&again["j"], &again["seconds"]), (&first["j"], &first["seconds"]), "{file}");
    }
    assert!(!folder.join("run/resumed.jsonl").exists());
}

#[test]
fn booleans_take_values_and_names_take_underscores() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let dry = rhohat(
        folder,
        &["train", "--dry_run=True", "--json=true", "--beta_warmup=0", "--optimizer=adam", "--no_tune"],
    );
    assert!(number(&dry.json(), "examples") > 0.0);
    let dry = rhohat(folder, &["train", "--dry-run", "--json", "--json=false"]).text();
    assert!(dry.contains("10000 examples"), "{dry}");
    let flags = ["--whiten=false", "--color=false", "--stream=False", "--dry-run=false", "--rho_hat=exact"];
    train(folder, "run", &flags);
    let config = fs::read_to_string(folder.join("run/config.toml")).unwrap();
    assert!(config.contains("whiten = false") && config.contains("color = false"), "{config}");
    train(folder, "whitened", &["--no-whiten", "--whiten=true"]);
    let config = fs::read_to_string(folder.join("whitened/config.toml")).unwrap();
    assert!(config.contains("whiten = true"), "{config}");
    let outcome = rhohat(folder, &["train", "--dry-run=perhaps"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("--dry-run"), "{}", outcome.stderr);
}

#[test]
fn settings_in_json_are_those_in_toml_and_fail_alike() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("a.toml"), "hidden = 7\nbeta = 2.5\noptimizer = \"adam\"").unwrap();
    fs::write(folder.join("a.json"), "{\n \"hidden\": 7,\n \"beta\": 2.5,\n \"optimizer\": \"adam\"\n}\n")
        .unwrap();
    let [toml, json] =
        ["a.toml", "a.json"].map(|file| train(folder, file.rsplit('.').next().unwrap(), &["--config", file]));
    assert_eq!(toml["j"], json["j"]);
    assert!(model(folder, "toml") == model(folder, "json"));
    for (text, words) in [
        ("{\n\"hidden\" 7}", &["line 2: expected `:`"][..]),
        ("{\n\n\"hidden\": 7,\n\"hidden\": 8}", &["line 4", "duplicate"]),
        ("{\"hiden\": 7}", &["unknown field `hiden`"]),
        ("{\"hidden\": \"seven\"}", &["invalid type", "hidden"]),
        ("{\"hidden\": 0}", &["hidden"]),
    ] {
        fs::write(folder.join("bad.json"), text).unwrap();
        let outcome = rhohat(folder, &["train", "--config", "bad.json", "--dry-run"]);
        let code = if text.contains("\"hidden\": 0") { 2 } else { 3 };
        outcome.refused(code, words);
    }
}

#[test]
fn errors_are_json_too_where_json_is_asked_for() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("bad.npy"), "no array").unwrap();
    for (args, exit, kind) in [
        (&["train", "--json", "--hidden", "0"][..], 2, "usage"),
        (&["train", "--json", "--no-such-flag"], 2, "usage"),
        (&["encode", "--json=true", "m", "d"], 2, "usage"),
        (&["train", "--json", "--hidden", "many"], 2, "usage"),
        (&["train", "bad.npy", "--json"], 3, "input"),
        (&["eval", "none.safetensors", "bad.npy", "--json"], 3, "input"),
        (&["train", "--json", "--device", "no such adapter"], 5, "device"),
        (
            &[
                "train",
                "--json",
                "--samples",
                "50",
                "--steps",
                "1",
                "--out",
                "bad.npy/run",
                "--device",
                "cpu",
            ],
            2,
            "usage",
        ),
    ] {
        let Outcome { code, stdout, stderr } = rhohat(folder, args);
        assert_eq!(code, exit, "{args:?}: {stderr}");
        let told = super::json(&stdout);
        assert_eq!((&told["kind"], &told["exit"]), (&kind.into(), &exit.into()), "{told}");
        let text = told["error"].as_str().unwrap();
        let first: Vec<&str> = text.split(' ').take(3).collect();
        assert!(stderr.contains(&format!("error: {}", first.join(" "))), "{stderr} {text}");
    }
    let silent = rhohat(folder, &["train", "--hidden", "0"]);
    assert_eq!((silent.code, silent.stdout.as_str()), (2, ""));
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_printed_is_an_error_with_the_name_of_stdout() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", &["--save-patches", "rows.npy"]);
    for args in [
        "devices",
        "devices --json",
        "train --dry-run",
        "train --samples 50 --steps 1 --device cpu --out again",
        "train --resume run",
        "eval run/model.safetensors rows.npy --device cpu",
        "encode run/model.safetensors rows.npy --device cpu -o codes.npy",
        "features run/model.safetensors -o features.png",
        "verify --device cpu",
        "--help",
        "train --help",
        "--version",
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
        let full = File::options().write(true).open("/dev/full").unwrap();
        command
            .args(args.split(' '))
            .current_dir(folder)
            .stdout(full)
            .env("RHOHAT_CACHE_DIR", folder.join("cache"));
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(6), "{args}: {stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: write standard output: "), "{args}: {stderr}");
    }
}

#[test]
fn a_long_name_of_data_is_cut_for_the_name_of_its_run() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    for stem in ["a".repeat(245), "ü".repeat(120)] {
        let data = format!("{stem}.npy");
        npy::write(&folder.join(&data), 4, 2, &[0.5; 8]).unwrap();
        rhohat(folder, &["train", &data, "--steps", "1", "--device", "cpu"]).text();
    }
    let runs = names(&folder.join("runs"));
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.len() < 140 && run.contains(['a', 'ü'])), "{runs:?}");
}

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

#[test]
fn nothing_that_a_terminal_obeys_is_printed_whatever_arguments_hold() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let evil = "o\u{1b}[2J\u{9b}31m\u{7}";
    let forged = "x\nerror: forged";
    fs::create_dir(folder.join(evil)).unwrap();
    fs::write(folder.join(evil).join("file"), "x").unwrap();
    for args in [
        &["train", "--out", evil][..],
        &["train", evil],
        &["train", "--optimizer", evil],
        &["train", "--optimizer", forged],
        &["train", "--hidden", forged],
        &["train", "--resume", evil],
        &["train", "--device", evil],
        &["train", &format!("--{evil}")],
        &[evil],
        &[forged],
        &["eval", evil, evil],
        &["bench", "--step", evil],
        &["bench", "--chart", evil],
        &["train", "--json", "--optimizer", evil],
        &["train", "--json", evil],
    ] {
        let Outcome { code, stdout, stderr } = rhohat(folder, args);
        assert!([2, 3, 5].contains(&code), "{args:?}: {stderr}");
        for text in [stdout, stderr] {
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{args:?}: {text:?}");
            assert!(!text.lines().any(|line| line == "error: forged"), "{text}");
        }
    }
    // And where all goes well.
    train(folder, "run\u{1b}[2J", &[]);
    for json in [&[][..], &["--json"]] {
        let args = [&["train", "--resume", "run\u{1b}[2J"][..], json].concat();
        let text = rhohat(folder, &args).text();
        assert!(!text.contains('\u{1b}') && text.contains("run"), "{text:?}");
    }
}

#[test]
fn one_is_no_plural_and_warnings_have_few_digits() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    npy::write(&folder.join("rows.npy"), 2, 2, &[1.0 / 3.0, 10.0 / 3.0, 0.0, -1.0 / 7.0]).unwrap();
    let outcome = rhohat(folder, &["train", "rows.npy", "--steps", "1", "--device", "cpu", "--threads", "1"]);
    assert!(outcome.stderr.contains("range from -0.1429 to 3.333, but"), "{}", outcome.stderr);
    let text = outcome.text();
    assert!(text.contains(" 1 step in ") && text.contains("1 thread "), "{text}");
}

#[test]
fn what_is_wrong_with_data_names_the_file() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    npy::write(&folder.join("flat.npy"), 4, 2, &[0.5; 8]).unwrap();
    npy::write(&folder.join("wide.npy"), 4, 3, &[0.5; 12]).unwrap();
    let common = ["--steps", "1", "--device", "cpu", "--normalize", "unit"];
    rhohat(folder, &[&["train", "flat.npy"][..], &common].concat())
        .refused(3, &["flat.npy: all values are the same"]);
    train(folder, "run", &[]);
    let eval = ["eval", "run/model.safetensors", "wide.npy", "--device", "cpu"];
    rhohat(folder, &eval).refused(3, &["wide.npy: rows of 3 numbers"]);
}

#[test]
fn a_part_of_a_run_is_told_from_a_run() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    train(folder, "run", &["--checkpoint-every", "2"]);
    for part in ["run/checkpoints", "run/checkpoints/", "run/checkpoints/step-000000005"] {
        rhohat(folder, &["train", "--resume", part]).refused(3, &["a part of the run run; give that"]);
    }
}
