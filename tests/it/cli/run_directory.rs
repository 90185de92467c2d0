//! What `train` leaves behind, that it can be repeated, and that it survives an interruption.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use super::{names, number, rhohat, train};

#[test]
fn a_run_directory_is_complete() {
    let folder = tempdir().unwrap();
    let summary = train(folder.path(), "run", &[]);
    let run = folder.path().join("run");
    let wanted = [
        "checkpoints",
        "config.toml",
        "data.json",
        "env.json",
        "features.png",
        "metrics.csv",
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
        "summary.json",
    ];
    assert_eq!(names(&run), wanted);
    assert_eq!(image::image_dimensions(run.join("features.png")).unwrap(), (368, 368));
    let environment: Value = serde_json::from_slice(&fs::read(run.join("env.json")).unwrap()).unwrap();
    assert_eq!(environment["adapter"], summary["adapter"]);
    assert_eq!(summary["run"], "run");
}

#[test]
fn the_summary_holds_the_cost_of_the_last_line_of_metrics() {
    let folder = tempdir().unwrap();
    let summary = train(folder.path(), "run", &["--seed", "7"]);
    let metrics = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    let last = &lines[4];
    for name in ["j", "reconstruction", "decay", "kl"] {
        let (found, wanted) = (number(&summary, name), number(last, name));
        assert!((found - wanted).abs() <= 1e-5 * wanted.abs(), "{name}: {found} and {wanted}");
    }
    let sum = number(&summary, "reconstruction") + number(&summary, "decay") + number(&summary, "kl");
    assert!((number(&summary, "j") - sum).abs() < 1e-12);
    for name in ["seconds", "samples_per_second", "startup_seconds"] {
        assert!(number(&summary, name) > 0.0, "{name}");
    }
    for name in
        ["rho_hat_min", "rho_hat_mean", "rho_hat_max", "dead", "saturated", "clamped", "gradient_norm", "lr"]
    {
        assert!(last[name].is_number(), "{name} in {last}");
    }
    for name in ["explained_variance", "mse", "l0", "active"] {
        assert!(summary[name].is_number() && last[name].is_number(), "{name}: {summary} {last}");
    }
    let rho_hat = &summary["rho_hat"];
    assert!(
        number(rho_hat, "min") <= number(rho_hat, "mean")
            && number(rho_hat, "mean") <= number(rho_hat, "max")
    );
    for (name, wanted) in [("collapsed_over", 200.0), ("duplicates_over", 25.0)] {
        assert_eq!(number(&summary, name), wanted, "{name}");
    }
    for name in ["dead", "saturated", "collapsed", "duplicates"] {
        assert!(summary[name].is_number(), "{name} in {summary}");
    }
    assert_eq!((&summary["seed"], &summary["steps"]), (&7.into(), &5.into()));
    assert_eq!((&summary["device"], &summary["ended"]), (&"cpu".into(), &"steps".into()));
}

#[test]
fn the_metrics_tell_beta_where_it_warms_up_and_only_there() {
    let folder = tempdir().unwrap();
    for (run, flags, wanted) in [
        (
            "rising",
            &["--optimizer", "sgd", "--beta", "2", "--beta-warmup", "4"][..],
            &[0.5, 1.0, 1.5, 2.0, 2.0][..],
        ),
        ("whole", &["--optimizer", "sgd"], &[]),
    ] {
        train(folder.path(), run, flags);
        let metrics = fs::read_to_string(folder.path().join(run).join("metrics.jsonl")).unwrap();
        let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let betas: Vec<f64> = lines.filter_map(|line| line["beta"].as_f64()).collect();
        assert_eq!(betas, wanted, "{run}");
    }
}

#[test]
fn the_metrics_and_the_summary_count_revived_units_where_dead_ones_are_revived() {
    let folder = tempdir().unwrap();
    for (run, flags, wanted) in [
        ("with", &["--optimizer", "sgd", "--revive", "2"][..], true),
        ("without", &["--optimizer", "sgd"], false),
    ] {
        let summary = train(folder.path(), run, flags);
        let metrics = fs::read_to_string(folder.path().join(run).join("metrics.jsonl")).unwrap();
        let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
        assert_eq!((last["revived"].is_number(), summary["revived"].is_number()), (wanted, wanted), "{run}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let folder = tempdir().unwrap();
    let adam = ["--optimizer", "adam", "--batch", "64"];
    for flags in [&[][..], &adam] {
        let name = flags.len().to_string();
        let model = |run: &str, more: &[&str]| {
            let run = format!("{run}{name}");
            train(folder.path(), &run, &[flags, more].concat());
            fs::read(folder.path().join(run).join("model.safetensors")).unwrap()
        };
        let first = model("first", &[]);
        assert_eq!(first, model("second", &[]));
        assert_eq!(first, model("threads", &["--threads", "1"]));
        assert_ne!(first, model("third", &["--seed", "1"]));
    }
}

#[test]
fn config_toml_repeats_a_run_bit_for_bit() {
    let folder = tempdir().unwrap();
    let sgd = "--optimizer sgd --batch 50 --epochs 2 --rho-hat ema --schedule cosine --warmup 2 --beta-warmup 3 --revive 2 --hidden 9 --patch 5 \
               --activation tanh --output linear --no-whiten --beta 0.5 --seed 3";
    for (name, flags) in [("lbfgs", vec![]), ("sgd", sgd.split(' ').collect())] {
        let again = format!("{name}-again");
        train(folder.path(), name, &flags);
        let config = format!("{name}/config.toml");
        rhohat(folder.path(), &["train", "--config", &config, "--out", &again]).text();
        for file in ["model.safetensors", "config.toml"] {
            let read = |run: &str| fs::read(folder.path().join(run).join(file)).unwrap();
            assert_eq!(read(name), read(&again), "{file} of {name}");
        }
    }
}

#[test]
fn without_out_runs_are_named_by_time_and_data() {
    let folder = tempdir().unwrap();
    let args = ["train", "--samples", "50", "--steps", "1", "--device", "cpu", "-q"];
    rhohat(folder.path(), &args).text();
    rhohat(folder.path(), &args).text();
    let names = names(&folder.path().join("runs"));
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.contains("Z-dead-leaves")), "{names:?}");
}

#[test]
fn people_get_a_summary_with_units_and_paths() {
    let folder = tempdir().unwrap();
    let args = ["train", "--samples", "50", "--steps", "2", "--device", "cpu", "--out", "run", "-v"];
    let outcome = rhohat(folder.path(), &args);
    assert!(outcome.stderr.contains("2/2  J "), "{}", outcome.stderr);
    let text = outcome.text();
    for word in [
        "J  ",
        "rho-hat ",
        "0 of 25 units dead, 0 saturated",
        "over 50 examples",
        " s, ",
        "samples/s",
        "seed 0",
        "run/model.safetensors",
    ] {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_saves_and_ends_the_run() {
    use std::process::{Command, Stdio};

    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rhohat"))
            .args([
                "train",
                "--device",
                "cpu",
                "--steps",
                "1000000",
                "--optimizer",
                "adam",
                "--json",
                "--out",
            ])
            .arg(folder.path().join("run"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_metrics(&folder.path().join("run/metrics.jsonl"));
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        let summary = super::json(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(summary["ended"], "stopped");
        rhohat::run::model_file::ModelFile::open(&folder.path().join("run/model.safetensors")).unwrap();
    }
}

/// Waits until a first line is there.
#[cfg(unix)]
fn wait_for_metrics(path: &std::path::Path) {
    let started = std::time::Instant::now();
    while fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0 {
        assert!(started.elapsed().as_secs() < 60, "no metrics after a minute");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What a terminal gets of a run, through `script`, which makes one.
#[cfg(target_os = "linux")]
fn on_a_terminal(folder: &std::path::Path, columns: u16, out: &str, more: &str) -> String {
    let program = env!("CARGO_BIN_EXE_rhohat");
    let train = format!("'{program}' train --samples 2000 --device cpu --out {out} {more}");
    let run = format!("stty cols {columns} rows 24; {train}");
    super::outcome(folder, "script", &["-qec", &run, "/dev/null"]).text()
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_at_a_terminal_sees_a_bar_and_what_comes_after_it_unless_they_ask_for_quiet() {
    let folder = tempdir().unwrap();
    let seen = on_a_terminal(folder.path(), 80, "shown", "--steps 300");
    for words in [
        "/300  J ",
        ": reconstruction 0.",
        ", decay 0.",
        ", kl ",
        " left",
        "taking J over the examples",
        "training   300 steps",
    ] {
        assert!(seen.contains(words), "no {words:?} in {seen}");
    }
    let seen = on_a_terminal(folder.path(), 80, "quiet", "--steps 300 --quiet");
    assert!(!seen.contains("/300") && seen.contains("training   300 steps"), "{seen}");
}

/// The lines that a terminal was told to draw, without what colours and clears them.
#[cfg(target_os = "linux")]
fn drawn(seen: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = seen.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => {
                rest.by_ref().find(|c| c.is_ascii_alphabetic());
                text.push('\n');
            }
            '\r' => text.push('\n'),
            c => text.push(c),
        }
    }
    text.lines().map(str::to_owned).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn progress_fits_a_terminal_in_whole_items_with_what_matters_most() {
    let folder = tempdir().unwrap();
    let run = "--optimizer adam --batch 50 --epochs 8 --validation 0.1";
    for (columns, out, wanted, left_out) in [
        (
            200,
            "wide",
            &["epoch ", ": reconstruction ", "held-out J ", " samples/s", " elapsed", "dead "][..],
            &[][..],
        ),
        (80, "usual", &["held-out J ", " left", "█"], &["elapsed"]),
        (40, "narrow", &["  J ", " left"], &["reconstruction"]),
    ] {
        let seen = on_a_terminal(folder.path(), columns, out, run);
        let drawn = drawn(&seen);
        let of_progress: Vec<&String> = drawn.iter().filter(|line| line.contains("/288  ")).collect();
        assert!(of_progress.len() > 1, "{columns}: {seen}");
        let last = of_progress[of_progress.len() - 1].trim_end();
        for words in wanted {
            assert!(last.contains(words), "{columns}, no {words:?}: {last}");
        }
        for line in of_progress.iter().map(|line| line.trim_end()) {
            assert!(
                line.chars().filter(|c| *c != '\u{302}').count() < usize::from(columns),
                "{columns}: {line}"
            );
            assert!(!left_out.iter().any(|words| line.contains(words)), "{columns}: {line}");
        }
    }
}

#[test]
fn where_there_is_no_terminal_the_first_report_and_the_last_are_lines_unless_all_is_quiet() {
    let folder = tempdir().unwrap();
    let run = |out: &str, more: &[&str]| {
        let args = ["train", "--samples", "50", "--steps", "20", "--device", "cpu", "--out", out];
        rhohat(folder.path(), &[&args, more].concat())
    };
    let lines = |stderr: &str| -> Vec<String> {
        stderr.lines().filter(|line| line.starts_with("step ")).map(str::to_owned).collect()
    };
    let told = lines(&run("told", &[]).stderr);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("step 1/20  J ") && told[0].ends_with(" left"), "{told:?}");
    assert!(told[1].starts_with("step 20/20  J ") && told[1].contains(": reconstruction "), "{told:?}");
    let json = run("json", &["--json"]);
    assert_eq!(lines(&json.stderr).len(), 2);
    assert_eq!(json.json()["steps"], 20);
    assert!(run("quiet", &["-q"]).stderr.is_empty());
}
