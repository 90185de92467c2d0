//! How kernels are chosen: by a race, from the cache, by kind; what is recorded and what is refused.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use super::{Outcome, names, rhohat, train};

/// A short run on the software adapter into `folder`/`out`.
fn learn(folder: &Path, out: &str, flags: &[&str]) -> Outcome {
    let args = ["train", "--samples", "200", "--steps", "2", "--device", "software", "-v", "--out", out];
    rhohat(folder, &[&args[..], flags].concat())
}

/// Its messages, once it went well.
fn said(outcome: Outcome) -> String {
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stderr
}

/// Kernels and who chose them, by `env.json`; the former stand in `config.toml` too.
fn kernels(folder: &Path, run: &str) -> (String, String) {
    let read = |name: &str| fs::read_to_string(folder.join(run).join(name)).unwrap();
    let environment: Value = serde_json::from_str(&read("env.json")).unwrap();
    let text = |name: &str| environment["kernels"][name].as_str().unwrap().to_owned();
    let (variant, chosen) = (text("variant"), text("chosen"));
    assert!(read("config.toml").contains(&format!("force_variant = \"{variant}\"")));
    (variant, chosen)
}

#[test]
fn a_race_is_told_kept_and_repeated_bit_for_bit() {
    let folder = tempdir().unwrap();
    let (at, cache) = (folder.path(), folder.path().join("cache/kernels.json"));
    let text = said(learn(at, "raced", &["--retune"]));
    for words in ["kernels for NT: ", "kernels for TN: ", " ms", "timed in ", "with compilation and checks"] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let (variant, chosen) = kernels(at, "raced");
    assert_eq!(chosen, "raced");
    assert!(fs::read_to_string(&cache).unwrap().contains(&variant));

    let text = said(learn(at, "cached", &[]));
    assert!(text.contains(&format!("kernels: {variant}, from {}", cache.display())), "{text}");
    assert_eq!(kernels(at, "cached"), (variant.clone(), "cached".to_owned()));

    fs::remove_file(&cache).unwrap();
    rhohat(at, &["train", "--config", "raced/config.toml", "--out", "again"]).text();
    assert_eq!(kernels(at, "again"), (variant, "forced".to_owned()));
    let model = |run: &str| fs::read(at.join(run).join("model.safetensors")).unwrap();
    assert!(model("raced") == model("again") && model("raced") == model("cached"));
    assert!(!cache.exists());
}

#[test]
fn software_is_not_raced_unasked_and_no_tune_looks_at_no_cache() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let text = said(learn(at, "first", &[]));
    assert!(text.contains("by the kind of the adapter"), "{text}");
    let by_kind = kernels(at, "first");
    assert_eq!(by_kind.1, "preselected");
    assert_eq!(names(at), ["first"], "nothing is kept where nothing was timed");
    // A file that says otherwise.
    said(learn(at, "raced", &["--retune"]));
    let cache = at.join("cache/kernels.json");
    let (variant, _) = kernels(at, "raced");
    let text = fs::read_to_string(&cache).unwrap();
    let other = format!("\"variant\": \"{}\"", "direct/buffers");
    let text = text.replace(&format!("\"variant\": \"{variant}\""), &other);
    fs::write(&cache, &text).unwrap();
    assert!(said(learn(at, "cached", &[])).contains("kernels: direct/buffers, from "));
    said(learn(at, "untuned", &["--no-tune"]));
    assert_eq!(kernels(at, "untuned"), by_kind);
    assert_eq!(fs::read_to_string(&cache).unwrap(), text);
}

#[test]
fn a_cache_that_is_broken_or_cannot_be_written_is_no_error() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("cache")).unwrap();
    fs::write(at.join("cache/kernels.json"), "{\"adapter\": ").unwrap();
    let text = said(learn(at, "broken", &[]));
    assert!(text.contains("no cache of kernels that can be read"), "{text}");
    assert_eq!(kernels(at, "broken").1, "preselected");

    fs::remove_dir_all(at.join("cache")).unwrap();
    fs::write(at.join("cache"), "a file").unwrap();
    let text = said(learn(at, "unwritable", &["--retune"]));
    assert!(
        text.contains("the choice of kernels is not kept") && text.contains("RHOHAT_CACHE_DIR"),
        "{text}"
    );
    assert_eq!(kernels(at, "unwritable").1, "raced");
}

#[test]
fn a_flag_wins_over_the_kernels_of_a_configuration() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    said(learn(at, "forced", &["--force-variant", "direct+tiled+direct/buffers", "--no-tune"]));
    assert_eq!(kernels(at, "forced"), ("direct+tiled+direct/buffers".to_owned(), "forced".to_owned()));
    let config = ["--config", "forced/config.toml"];
    said(learn(at, "kept", &config));
    assert_eq!(kernels(at, "kept"), kernels(at, "forced"));
    said(learn(at, "anew", &[&config[..], &["--retune"]].concat()));
    assert_eq!(kernels(at, "anew").1, "raced");
}

#[test]
fn flags_that_contradict_each_other_or_mean_nothing_are_refused() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let forced = ["--retune", "--force-variant", "direct/buffers"];
    learn(at, "run", &["--no-tune", "--retune"]).refused(2, &["--no-tune and --retune", "give one of them"]);
    learn(at, "run", &forced).refused(2, &["--retune", "--force-variant has chosen", "give one of them"]);
    let on_cpu = ["train", "--samples", "200", "--steps", "2", "--device", "cpu", "--retune"];
    rhohat(at, &on_cpu).refused(2, &["--retune", "no WebGPU device", "leave it out"]);
    assert!(names(at).is_empty());
    let bench = ["bench", "--device", "cpu", "--step", "20:9:50", "--no-tune", "--retune"];
    rhohat(at, &bench).refused(2, &["--no-tune and --retune"]);
    train(at, "run", &["--no-tune"]);
    let text = fs::read_to_string(at.join("run/env.json")).unwrap();
    assert!(text.contains("\"kernels\": null"), "{text}");
}

#[test]
fn bench_names_the_kernels_of_a_step() {
    let folder = tempdir().unwrap();
    let step = |flags: &[&str]| {
        let args = ["bench", "--device", "software", "--step", "20:9:50", "--json"];
        let results = rhohat(folder.path(), &[&args[..], flags].concat()).json();
        let rows = results["rows"].as_array().unwrap();
        let step = rows.iter().find(|row| row["what"] == "step").expect("a step");
        step["variant"].as_str().unwrap().to_owned()
    };
    assert_eq!(step(&[]), "broadcast/textures");
    let raced = step(&["--retune"]);
    assert!(fs::read_to_string(folder.path().join("cache/kernels.json")).unwrap().contains(&raced));
    let args = ["bench", "--device", "software", "--step", "20:9:50", "--markdown"];
    let text = rhohat(folder.path(), &args).text();
    assert!(text.contains(&format!("| 20:9:50 | software | {raced} |")), "{text}");
}
