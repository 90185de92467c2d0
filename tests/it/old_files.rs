//! What version 0.1.0 has written (`tests/fixtures/v0.1.0`, made by its `make.sh`) is evaluated, repeated and gone on
//! with by this one, through the real binary.
//!
//! Bits are those of a kind of processor: another may have other instructions and add up in another order. On one of
//! the kind that made the files they are compared, on others numbers within what rounding can do.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use rhohat::data::npy;
use rhohat::math::params::Params;
use rhohat::run::checkpoint::fail_point;
use rhohat::run::model_file::ModelFile;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::support;

/// Relative difference of a J in f64 from another rounding of `exp`, `tanh` and `ln`: a unit in the last place each,
/// some hundred of them in a sum, with a margin of 10⁴ for iterations of a search.
const DOUBLE: f64 = 1e-9;
/// The same in f32, for one pass: 2⁻²⁴ for each of some hundred roundings behind a number.
const PASS: f64 = 6e-6;
/// The same after some twenty updates, each of which moves parameters by a rounding or two of theirs.
const TRAINED: f64 = 6e-4;
/// Of a code, which lies between −1 and 1: seven terms, an activation.
const CODE: f32 = 1e-6;

/// Runs that came to their end, with what they learned from.
const RUNS: [(&str, &str); 5] = [
    ("lbfgs-rows", "rows.npy"),
    ("sgd-counts", "counts.npy"),
    ("adam-patches", "grey.png"),
    ("adam-tanh", "rows.npy"),
    ("lbfgs-reference", "rows.npy"),
];
/// Runs that died, with the steps that they had in mind.
const UNFINISHED: [(&str, u64); 8] = [
    ("sgd-streamed", 24),
    ("adam-validation", 24),
    ("lbfgs-counts", 14),
    ("adam-counts-streamed", 24),
    ("sgd-unit", 14),
    ("lbfgs-reference", 12),
    ("sgd-software", 20),
    ("adam-tiles", 24),
];

fn old(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v0.1.0").join(name)
}

/// Whether this processor is of the kind that made the files.
fn same_processor() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        let known = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("avx512bw", is_x86_feature_detected!("avx512bw")),
            ("avx512cd", is_x86_feature_detected!("avx512cd")),
            ("avx512dq", is_x86_feature_detected!("avx512dq")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512vl", is_x86_feature_detected!("avx512vl")),
            ("fma", is_x86_feature_detected!("fma")),
        ];
        let here: Vec<_> = known.into_iter().filter_map(|(name, there)| there.then_some(name)).collect();
        let there = fs::read_to_string(old("processor")).unwrap();
        here == there.lines().collect::<Vec<_>>()
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

/// A folder with a copy of all that is old, as it lay when it was written.
fn place() -> TempDir {
    let place = tempdir().unwrap();
    copy(&old(""), place.path());
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/grey.png");
    fs::copy(picture, place.path().join("grey.png")).unwrap();
    place
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let place = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &place) } else { fs::copy(&entry, &place).map(|_| ()).unwrap() }
    }
}

/// What the program prints; it has to come to a good end.
fn rhohat(folder: &Path, arguments: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
    command.current_dir(folder).args(arguments.split_whitespace()).env_remove("XDG_RUNTIME_DIR");
    let output = command.env("RHOHAT_CACHE_DIR", folder.join("cache")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn close(what: &str, is: &Value, was: &Value, within: f64) {
    let (is, was) = (is["j"].as_f64().unwrap(), was["j"].as_f64().unwrap());
    assert!(((is - was) / was).abs() <= within, "{what}: J {is}, but 0.1.0 had {was}");
}

fn params(model: &Path) -> Params<f32> {
    ModelFile::open(model).unwrap().params().unwrap()
}

/// The lines of metrics, of which this version may know more.
fn same_lines(what: &str, is: &Path, was: &Path) {
    let lines = |path: &Path| -> Vec<Value> { fs::read_to_string(path).unwrap().lines().map(json).collect() };
    let (is, was) = (lines(is), lines(was));
    assert_eq!(is.len(), was.len(), "{what}: lines of metrics");
    for (is, was) in is.iter().zip(&was) {
        for (name, value) in was.as_object().unwrap() {
            let is_time = ["seconds", "samples_per_second"].contains(&name.as_str());
            assert!(is_time || is[name] == *value, "{what}: {name} in {is}, but 0.1.0 had {was}");
        }
    }
}

/// A run's model and metrics are those that 0.1.0 came to, as far as this processor can tell.
fn same_result(what: &str, run: &Path, summary: &Value, (model, metrics): (&Path, &Path)) {
    let last = json(fs::read_to_string(metrics).unwrap().lines().last().unwrap());
    let steps = &last["step"];
    assert_eq!(summary["steps"], *steps, "{what}");
    // On the reference and on devices, bits are the system's and the driver's.
    let bits = same_processor() && !what.contains("reference") && !what.contains("software");
    if bits {
        assert!(params(&run.join("model.safetensors")) == params(model), "{what}: other bits");
        same_lines(what, &run.join("metrics.jsonl"), metrics);
    }
    let within = if what.contains("reference") { DOUBLE } else { TRAINED };
    let is = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    close(what, &json(is.lines().last().unwrap()), &last, within);
}

#[test]
fn old_models_have_the_cost_and_the_codes_that_they_had() {
    let place = place();
    for (name, data) in RUNS {
        let model = format!("runs/{name}/model.safetensors");
        for (device, within) in [("cpu", PASS), ("reference", DOUBLE)] {
            let is = json(&rhohat(place.path(), &format!("eval {model} {data} --device {device} --json")));
            let was = fs::read_to_string(old(&format!("evaluated/{name}-{device}.json"))).unwrap();
            close(&format!("{name} on {device}"), &is, &json(&was), within);
        }
        rhohat(place.path(), &format!("encode {model} {data} --device cpu -o {name}.npy"));
        let (is, was) = (place.path().join(format!("{name}.npy")), old(&format!("codes/{name}.npy")));
        if same_processor() {
            assert!(fs::read(is).unwrap() == fs::read(was).unwrap(), "{name}: other codes");
        } else {
            let (is, was) = (numbers(&is), numbers(&was));
            assert_eq!(is.len(), was.len(), "{name}");
            let worst = is.iter().zip(&was).map(|(is, was)| (is - was).abs()).fold(0.0, f32::max);
            assert!(worst <= CODE, "{name}: a code differs by {worst}");
        }
    }
}

/// The numbers of an .npy that this program has written, behind its header.
fn numbers(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[header..].chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

#[test]
fn settings_of_old_runs_repeat_them() {
    let place = place();
    for (name, _) in RUNS {
        let run = place.path().join(name);
        let text =
            rhohat(place.path(), &format!("train --config runs/{name}/config.toml --out {name} --json"));
        let there = old(&format!("runs/{name}"));
        let was = (&*there.join("model.safetensors"), &*there.join("metrics.jsonl"));
        same_result(name, &run, &json(&text), was);
    }
}

#[test]
fn old_runs_that_are_finished_tell_their_result_and_are_not_touched() {
    let place = place();
    for (name, _) in RUNS {
        let run = place.path().join("runs").join(name);
        let before = all(&run);
        let summary = json(&rhohat(place.path(), &format!("train --resume runs/{name} --json")));
        let was = json(&fs::read_to_string(run.join("summary.json")).unwrap());
        assert_eq!((&summary["j"], &summary["steps"]), (&was["j"], &was["steps"]), "{name}");
        assert!(all(&run) == before, "{name}: something was written");
    }
    // One with a checkpoint goes on where it is given more to do.
    let longer = json(&rhohat(place.path(), "train --resume runs/lbfgs-rows --steps 17 --json"));
    assert_eq!(longer["steps"], 17);
}

/// All files of a folder with their content.
fn all(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(
            |path| if path.is_dir() { all(&path) } else { vec![(path.clone(), fs::read(path).unwrap())] },
        )
        .collect();
    found.sort();
    found
}

#[test]
fn old_runs_that_died_go_on_to_the_bits_that_they_would_have_had() {
    let place = place();
    for (name, steps) in UNFINISHED {
        if name.contains("software") && support::software(name).is_none() {
            continue;
        }
        let summary = json(&rhohat(place.path(), &format!("train --resume unfinished/{name} --json")));
        assert_eq!(summary["steps"], steps, "{name}");
        let was = (old(&format!("whole/{name}.safetensors")), old(&format!("whole/{name}.jsonl")));
        same_result(name, &place.path().join("unfinished").join(name), &summary, (&was.0, &was.1));
    }
}

#[test]
fn a_change_to_an_old_run_survives_the_death_of_its_sitting() {
    let wanted = place();
    let change = "train --resume unfinished/lbfgs-counts --lambda 0.1 --json";
    let wanted = json(&rhohat(wanted.path(), change));
    for point in ["resume-recorded", "resume-unfinished", "resume-configured", "resume-cut"] {
        let place = place();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
        command.current_dir(place.path()).args(change.split(' ')).env(fail_point::VARIABLE, point);
        assert!(!command.output().unwrap().status.success(), "{point} was not reached");
        // Who has seen that nothing was accepted yet asks again.
        let accepted = ["resume-configured", "resume-cut"].contains(&point);
        let again = if accepted { "train --resume unfinished/lbfgs-counts --json" } else { change };
        let found = json(&rhohat(place.path(), again));
        assert_eq!((&found["j"], &found["steps"]), (&wanted["j"], &wanted["steps"]), "{point}");
    }
}

#[test]
fn pictures_that_0_1_0_drew_with_replacement_are_drawn_so_in_what_it_has_begun() {
    let place = place();
    let was = (old("whole/adam-tiles.safetensors"), old("whole/adam-tiles.jsonl"));
    let mut config = "unfinished/adam-tiles/config.toml".to_owned();
    for out in ["once", "twice"] {
        let text = rhohat(place.path(), &format!("train --config {config} --out {out} --json"));
        same_result(out, &place.path().join(out), &json(&text), (&was.0, &was.1));
        config = format!("{out}/config.toml");
    }
    // A second sitting does as the first.
    for steps in [18, 24] {
        rhohat(place.path(), &format!("train --resume unfinished/adam-tiles --steps {steps}"));
        let config = fs::read_to_string(place.path().join("unfinished/adam-tiles/config.toml")).unwrap();
        assert!(config.contains("replacement = true") && config.contains("samples = 30"), "{config}");
    }
    let is = place.path().join("unfinished/adam-tiles/model.safetensors");
    assert!(!same_processor() || params(&is) == params(&was.0));
}

#[test]
fn bytes_that_0_1_0_divided_by_255_are_divided_in_what_it_has_begun() {
    let place = place();
    // The same numbers, divided as 0.1.0 did it.
    let bytes = fs::read(place.path().join("counts.npy")).unwrap();
    let values: Vec<f32> = bytes[bytes.len() - 240..].iter().map(|&byte| f32::from(byte) / 255.0).collect();
    npy::write(&place.path().join("divided.npy"), 40, 6, &values).unwrap();
    let of = |data: &str| {
        let model = "runs/sgd-counts/model.safetensors";
        json(&rhohat(place.path(), &format!("eval {model} {data} --device reference --json")))
    };
    close("bytes", &of("counts.npy"), &of("divided.npy"), PASS);
}

#[test]
fn an_old_cache_of_kernels_is_no_obstacle() {
    if support::software("an old cache of kernels").is_none() {
        return;
    }
    let place = place();
    fs::create_dir(place.path().join("cache")).unwrap();
    let cache = place.path().join("cache/kernels.json");
    fs::copy(old("kernels.json"), &cache).unwrap();
    rhohat(
        place.path(),
        "train rows.npy --hidden 5 --device software --optimizer sgd --batch 8 --steps 2 --out new",
    );
    let entries = json(&fs::read_to_string(cache).unwrap());
    assert!(!entries.as_array().unwrap().is_empty());
}
