//! What is printed: errors as JSON where that is asked for, nothing that a terminal obeys, numbers and plurals for people, and an
//! error with a name where nothing can be printed.

use std::fs::{self, File};
use std::process::Command;

use rhohat::data::npy;
use tempfile::tempdir;

use super::{Outcome, rhohat, train};

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
        "units run/model.safetensors rows.npy --device cpu -o units.csv",
        "decode run/model.safetensors codes.npy --device cpu -o back.npy",
        "features run/model.safetensors -o features.png",
        "convert run/model.safetensors -o model.npz",
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
