//! Completions, and the manual.

use std::fs;

use assert_cmd::Command;
use tempfile::tempdir;

use super::rhohat;

#[test]
#[cfg(unix)]
fn bash_completes_commands_flags_and_values() {
    let folder = tempdir().unwrap();
    let script = rhohat(folder.path(), &["completions", "bash"]);
    assert_eq!(script.code, 0, "{}", script.stderr);
    fs::write(folder.path().join("rhohat.bash"), &script.stdout).unwrap();
    for (words, expected) in [
        ("rhohat tr", "train"),
        ("rhohat train --optimizer l", "lbfgs"),
        ("rhohat train --hid", "--hidden"),
        ("rhohat completions z", "zsh"),
    ] {
        let last = words.rsplit(' ').next().unwrap();
        let before = words.rsplit(' ').nth(1).unwrap();
        let count = words.split(' ').count() - 1;
        let ask = format!(
            "source ./rhohat.bash; COMP_WORDS=({words}); COMP_CWORD={count}; _rhohat rhohat {last} {before}; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").current_dir(folder.path()).args(["-c", &ask]).output().unwrap();
        let replies = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(replies.lines().any(|reply| reply == expected), "{words}: {replies} {errors}");
    }
}

#[test]
fn every_shell_has_completions() {
    let folder = tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = rhohat(folder.path(), &["completions", shell]);
        assert!(script.code == 0 && script.stdout.contains("reconstruct"), "{shell}: {}", script.stderr);
    }
    assert_eq!(rhohat(folder.path(), &["completions", "tcsh"]).code, 2);
}

#[test]
fn the_manual_has_a_page_for_the_program_and_for_every_command() {
    let folder = tempdir().unwrap();
    let whole = rhohat(folder.path(), &["manual"]).stdout;
    assert!(whole.contains(".SH NAME") && whole.contains("rhohat\\-train"), "{whole}");
    for command in [
        "train",
        "stack",
        "classify",
        "predict",
        "data",
        "eval",
        "units",
        "encode",
        "convolve",
        "decode",
        "reconstruct",
        "features",
        "convert",
        "report",
        "runs",
        "compare",
        "verify",
        "bench",
        "devices",
        "web",
        "manual",
    ] {
        let page = rhohat(folder.path(), &["manual", command]);
        assert!(page.code == 0 && page.stdout.contains(".SH OPTIONS"), "{command}: {}", page.stderr);
        assert!(page.stdout.contains(&format!("rhohat\\-{command}")), "{command}");
    }
    let unknown = rhohat(folder.path(), &["manual", "tarin"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("there are train, data"), "{}", unknown.stderr);
}

#[test]
fn the_short_help_of_train_has_the_usual_settings_under_headings_and_the_long_one_has_all() {
    let folder = tempdir().unwrap();
    let (short, long) =
        (rhohat(folder.path(), &["train", "-h"]), rhohat(folder.path(), &["train", "--help"]));
    let headings =
        ["Data:", "Model:", "Objective:", "Optimiser:", "Memory:", "Run directory:", "Device:", "Output:"];
    for heading in headings {
        assert!(short.stdout.lines().any(|line| line == heading), "{heading} is missing: {}", short.stdout);
        assert!(long.stdout.lines().any(|line| line == heading), "{heading} is missing");
    }
    for usual in ["--hidden", "--rho ", "--epochs", "--out"] {
        assert!(short.stdout.contains(usual), "{usual}");
    }
    for rare in ["--rho-hat-decay", "--shuffle-block", "--binding-limit", "--resample", "--retune"] {
        assert!(!short.stdout.contains(rare) && long.stdout.contains(rare), "{rare}");
    }
    assert!(!long.stdout.contains("revive"), "the old name is still taken, and told no more");
}

#[test]
fn the_old_name_of_resampling_is_still_taken() {
    let folder = tempdir().unwrap();
    for name in ["--resample", "--revive"] {
        let refused = rhohat(folder.path(), &["train", "--optimizer", "lbfgs", name, "5", "--dry-run"]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("--resample means nothing to lbfgs"), "{}", refused.stderr);
    }
}
