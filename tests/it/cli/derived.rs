//! Chosen and derived settings of `config.toml`: a repetition has the same bits, and what followed from other data, another
//! width, device, batch, optimiser or memory does not bind.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use tempfile::{TempDir, tempdir};
use toml::Table;

use super::{Outcome, rhohat};

fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    for (name, count, cols) in [("rows.npy", 120, 10), ("more.npy", 400, 10)] {
        let rows: Vec<f32> = (0..count * cols).map(|i| 0.1 + (i * i % 83) as f32 / 104.0).collect();
        npy::write(&folder.path().join(name), count, cols, &rows).unwrap();
    }
    folder
}

fn run(folder: &Path, flags: &str) -> Outcome {
    rhohat(folder, &format!("train {flags} --json").split_whitespace().collect::<Vec<_>>())
}

fn config(folder: &Path, run: &str) -> Table {
    fs::read_to_string(folder.join(run).join("config.toml")).unwrap().parse().unwrap()
}

fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

#[test]
fn what_was_chosen_stands_above_and_what_followed_from_it_in_a_table_of_its_own() {
    let folder = folder();
    run(folder.path(), "rows.npy --hidden 16 --optimizer adam --lr 0.01 --steps 4 --device cpu --out run")
        .text();
    let config = config(folder.path(), "run");
    let derived = config["derived"].as_table().unwrap();
    for name in ["format", "data", "hidden", "optimizer", "lr", "steps", "seed", "rho", "device"] {
        assert!(config.contains_key(name) && !derived.contains_key(name), "{name}: {config}");
    }
    for name in ["chunk", "block", "batch", "warmup", "beta_warmup", "schedule", "normalize", "data_rows"] {
        assert!(derived.contains_key(name) && !config.contains_key(name), "{name}: {config}");
    }
    assert_eq!(config["data_as_given"].as_str(), Some("rows.npy"));
    assert!(Path::new(config["data"].as_str().unwrap()).is_absolute());
}

#[test]
fn a_repetition_takes_both_and_has_the_same_bits() {
    let folder = folder();
    let folder = folder.path();
    let flags =
        "rows.npy --hidden 40 --optimizer adam --batch 50 --chunk 16 --block 16 --epochs 3 --device cpu";
    run(folder, &format!("{flags} --out first")).text();
    run(folder, "--config first/config.toml --out second").text();
    assert!(model(folder, "first") == model(folder, "second"), "other bits");
    assert_eq!(config(folder, "first"), config(folder, "second"));
    // The cut was chosen there: it binds until another is chosen.
    let third = run(folder, "--config first/config.toml --hidden 16 --out third");
    assert!(!third.stderr.contains("chunk found anew"), "{}", third.stderr);
    third.text();
    assert_eq!(config(folder, "third")["chunk"].as_integer(), Some(16));
}

#[test]
fn derived_settings_do_not_bind_once_something_else_is_asked_for() {
    let folder = folder();
    let folder = folder.path();
    run(folder, "rows.npy --hidden 32 --optimizer adam --batch 50 --epochs 2 --device cpu --out first")
        .text();
    for (number, flags) in
        ["--hidden 8", "more.npy", "--batch 20", "--device reference", "--memory 1GB"].iter().enumerate()
    {
        let out = format!("other-{number}");
        let outcome = run(folder, &format!("{flags} --config first/config.toml --out {out}"));
        assert!(outcome.stderr.contains("found anew"), "{flags}: {}", outcome.stderr);
        outcome.text();
        let config = config(folder, &out);
        assert_eq!(config["optimizer"].as_str(), Some("adam"), "{flags}");
    }
    let grown = config(folder, "other-1");
    assert_eq!(grown["derived"]["data_rows"].as_integer(), Some(400));
    assert_eq!(grown["derived"]["chunk"].as_integer(), Some(400));
    // Nothing that differs only in what decides no bit.
    let same = run(folder, "--config first/config.toml --seed 5 --out seeded");
    assert!(!same.stderr.contains("found anew"), "{}", same.stderr);
    same.text();
}

#[test]
fn what_is_learned_from_stays_what_it_is_while_data_are_the_same() {
    let folder = folder();
    let folder = folder.path();
    let bytes: Vec<u8> = (0..1200).map(|i| (i * i % 251) as u8).collect();
    fs::write(folder.join("rows.u8"), bytes).unwrap();
    run(folder, "rows.u8 --raw u8:10 --divide 255 --steps 2 --device cpu --out first").text();
    // As if the scale had followed from something: that of a run of 0.1.0, say.
    let path = folder.join("first/config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let derived = text.replace("divide = 255.0\n", "").replace("[derived]\n", "[derived]\ndivide = 255.0\n");
    assert!(derived != text, "{text}");
    fs::write(&path, derived).unwrap();
    let outcome = run(folder, "--config first/config.toml --hidden 8 --out second");
    assert!(outcome.stderr.contains("divided by 255"), "{}", outcome.stderr);
    outcome.text();
    assert_eq!(config(folder, "second")["derived"]["divide"].as_float(), Some(255.0));
}

#[test]
fn a_rate_that_follows_from_a_setting_is_found_anew_once_that_is_another() {
    let folder = folder();
    let folder = folder.path();
    run(folder, "rows.npy --optimizer adam --hidden 900 --steps 20 --device cpu --out first").text();
    let rate = |out: &str| config(folder, out)["derived"]["lr"].as_float().unwrap();
    for (number, flag) in ["--steps 60", "--beta 30", "--output linear"].into_iter().enumerate() {
        let out = format!("other{number}");
        let outcome = run(folder, &format!("--config first/config.toml {flag} --out {out}"));
        assert!(outcome.stderr.contains("lr found anew"), "{}", outcome.stderr);
        outcome.text();
        assert_ne!(rate(&out), rate("first"), "{flag}");
    }
    run(folder, "--config first/config.toml --lambda 0.5 --out same").text();
    assert_eq!(rate("same"), rate("first"));
}

#[test]
fn another_optimiser_over_the_settings_of_a_run_leaves_out_what_is_not_its_own() {
    let folder = folder();
    let folder = folder.path();
    let adam =
        "rows.npy --optimizer adam --lr 0.01 --batch 50 --epochs 2 --beta-warmup 3 --device cpu --out adam";
    run(folder, adam).text();
    let outcome = run(folder, "--config adam/config.toml --optimizer lbfgs --steps 3 --out lbfgs");
    assert!(outcome.stderr.contains("of the file left out"), "{}", outcome.stderr);
    outcome.text();
    assert_eq!(config(folder, "lbfgs")["optimizer"].as_str(), Some("lbfgs"));
    run(folder, "--config adam/config.toml --optimizer sgd --out sgd").text();
    assert_eq!(config(folder, "sgd")["derived"]["lr"].as_float(), Some(0.3), "the default of sgd");
    // A flag is meant: it is refused as ever.
    run(folder, "--config adam/config.toml --optimizer lbfgs --lr 0.1 --out no")
        .refused_after_notes(2, "--lr");
}

impl Outcome {
    fn refused_after_notes(&self, code: i32, word: &str) {
        assert_eq!(self.code, code, "{}", self.stderr);
        let error = self.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_configuration_of_a_later_version_is_refused() {
    let folder = folder();
    fs::write(folder.path().join("c.toml"), "format = 3\nhidden = 7\n").unwrap();
    run(folder.path(), "rows.npy --config c.toml").refused(3, &["c.toml", "format 3", "reads 2"]);
    fs::write(folder.path().join("c.toml"), "format = 2\n[derived]\nhidden = 7\n").unwrap();
    run(folder.path(), "rows.npy --config c.toml").refused(3, &["c.toml", "derived.hidden"]);
}
