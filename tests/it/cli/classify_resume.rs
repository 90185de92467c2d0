//! Fine-tuning that dies and goes on: the same bits, on every device, by every optimiser, wherever it died.

use std::fs;
use std::path::Path;

use rhohat::run::checkpoint::fail_point::{NAMES, OF_CLASSIFIERS};
use serde_json::Value;

use super::labelled::{CLASSIFY, folder_with_encoder, model, run, words};
use super::{die, is_long, names, rhohat};

/// Devices and what fine-tunes on them: some steps, a checkpoint after every second one.
const KINDS: [(&str, &str); 4] = [
    ("cpu", "--fine-tune 9"),
    ("cpu", "--optimizer adam --batch 60 --fine-tune 3"),
    ("software", "--fine-tune 9"),
    ("software", "--optimizer adam --batch 60 --fine-tune 3"),
];

/// A command that begins a run, goes on with it, or tells its result.
fn line((device, flags): (&str, &str), out: &str) -> String {
    let rest = "--no-baseline --softmax-lambda 1e-3 --iterations 30 --checkpoint-every 2 --json";
    format!("{CLASSIFY} {flags} {rest} --device {device} --run {out}")
}

/// The lines of `metrics.jsonl` and the result, without times and places.
fn told(folder: &Path, run: &str) -> Vec<Value> {
    let without_times = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        let members = value.as_object_mut().unwrap();
        for name in [
            "seconds",
            "softmax_seconds",
            "fine_tune_seconds",
            "run",
            "model",
            "confusion_picture",
            "report",
            "seal",
        ] {
            members.remove(name);
        }
        value
    };
    let metrics = fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap();
    let summary = fs::read_to_string(folder.join(run).join("summary.json")).unwrap();
    metrics.lines().map(without_times).chain([without_times(&summary)]).collect()
}

#[test]
fn a_run_that_dies_at_any_place_goes_on_to_the_same_bits() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    for (number, &kind) in KINDS.iter().enumerate() {
        run(folder, &line(kind, &format!("whole-{number}"))).text();
    }
    let of_it = NAMES.iter().position(|name| *name == "folder-made").unwrap();
    for (at, name) in OF_CLASSIFIERS.iter().chain(&NAMES[of_it..]).enumerate() {
        for (number, &kind) in KINDS.iter().enumerate() {
            // A small share: each place with one kind of run after the other.
            if !is_long() && number != at % KINDS.len() {
                continue;
            }
            let once = ["softmax-step", "before-written", "end-kept", "model-written", "summary-written"]
                .contains(name)
                || name.starts_with("old");
            let broken = format!("broken-{name}-{number}");
            let begins = line(kind, &broken);
            die(folder, &format!("{name}:{}", if once { 1 } else { 2 }), &words(&begins));
            let had_result = folder.join(&broken).join("summary.json").exists();
            assert_eq!(had_result, *name == "summary-written", "{name}");
            let checkpoints = folder.join(&broken).join("checkpoints");
            let has_checkpoint =
                checkpoints.exists() && names(&checkpoints).iter().any(|name| name.starts_with("step-"));
            let outcome = match at % 2 {
                0 => run(folder, &begins),
                _ => rhohat(folder, &["classify", "--json", "--resume", &broken]),
            };
            let goes_on = outcome.stderr.contains("going on after step");
            assert_eq!(goes_on, has_checkpoint && !had_result, "{name}, {kind:?}: {}", outcome.stderr);
            outcome.text();
            let whole = format!("whole-{number}");
            assert!(model(folder, &broken) == model(folder, &whole), "{name}, {kind:?}: other bits");
            assert_eq!(told(folder, &broken), told(folder, &whole), "{name}, {kind:?}");
            let left = names(&folder.join(&broken));
            assert_eq!(left, names(&folder.join(&whole)), "{name}, {kind:?}");
        }
    }
}

#[test]
fn a_checkpoint_that_is_damaged_is_put_aside_and_the_one_before_gives_the_same_bits() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    for (number, &kind) in KINDS[..2].iter().enumerate() {
        let (whole, broken) = (format!("whole-{number}"), format!("broken-{number}"));
        run(folder, &line(kind, &whole)).text();
        die(folder, "latest-written:2", &words(&line(kind, &broken)));
        let checkpoints = folder.join(&broken).join("checkpoints");
        let state = checkpoints.join("step-000000004/state.bin");
        let mut bytes = fs::read(&state).unwrap();
        bytes[70] ^= 1;
        fs::write(state, bytes).unwrap();
        let outcome = run(folder, &line(kind, &broken));
        for words in ["step-000000004", "put aside", "going on after step 2"] {
            assert!(outcome.stderr.contains(words), "no {words:?} in {}", outcome.stderr);
        }
        outcome.text();
        assert_eq!(names(&folder.join(&broken).join("rejected")), ["step-000000004"]);
        assert!(model(folder, &broken) == model(folder, &whole), "{kind:?}: other bits");
        assert_eq!(told(folder, &broken), told(folder, &whole));
    }
}

#[test]
fn the_classifier_before_fine_tuning_that_is_damaged_is_named() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    die(folder, "published:1", &words(&line(KINDS[0], "run")));
    let path = folder.join("run/before.safetensors");
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() - 9]).unwrap();
    run(folder, &line(KINDS[0], "run")).refused(3, &["run/before.safetensors"]);
    fs::write(&path, good).unwrap();
    fs::write(folder.join("run/before.json"), "{").unwrap();
    run(folder, &line(KINDS[0], "run")).refused(3, &["run/before.json", "damaged", "another run"]);
}

#[test]
fn a_checkpoint_of_other_widths_is_not_gone_on_with() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let other = "train rows.npy --hidden 7 --steps 20 --normalize none --no-report --out other";
    run(folder, other).text();
    run(folder, &line(KINDS[0], "whole")).text();
    run(folder, &line(KINDS[0], "narrow").replace("--encoder encoder", "--encoder other")).text();
    die(folder, "latest-written:2", &words(&line(KINDS[0], "broken")));
    // Those of an autoencoder, and of a classifier on another encoder.
    for from in ["encoder", "narrow"] {
        let checkpoints = folder.join("broken/checkpoints");
        fs::remove_dir_all(&checkpoints).unwrap();
        fs::create_dir(&checkpoints).unwrap();
        let theirs = folder.join(from).join("checkpoints");
        let newest = names(&theirs).into_iter().rfind(|name| name.starts_with("step-")).unwrap();
        fs::create_dir(checkpoints.join(&newest)).unwrap();
        for file in names(&theirs.join(&newest)) {
            fs::copy(theirs.join(&newest).join(&file), checkpoints.join(&newest).join(&file)).unwrap();
        }
        let outcome = run(folder, &line(KINDS[0], "broken"));
        assert_eq!(outcome.code, 0, "{from}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("put aside"), "{from}: {}", outcome.stderr);
        assert!(model(folder, "broken") == model(folder, "whole"), "{from}: other bits");
        fs::remove_file(folder.join("broken/summary.json")).unwrap();
    }
}

#[test]
fn a_run_that_is_being_trained_is_not_gone_on_with_by_another_program() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    die(folder, "published:1", &words(&line(KINDS[0], "run")));
    let file = fs::File::options().write(true).open(folder.join("run/metrics.jsonl")).unwrap();
    file.lock().unwrap();
    run(folder, &line(KINDS[0], "run")).refused(2, &["metrics.jsonl", "another rhohat is training"]);
    drop(file);
    run(folder, &line(KINDS[0], "run")).text();
}
