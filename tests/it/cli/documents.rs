//! `docs/schemas` and `docs/json.md`: the real binary writes what they say, all of it and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::data::npy;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::{fixture, labelled, rhohat};
use crate::support::schema::faults;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Checks a value against `docs/schemas/NAME.json`.
pub(super) fn hold(name: &str, value: &Value) {
    let load = |file: &str| read(&docs().join("schemas").join(file));
    let found = faults(value, &load(&format!("{name}.json")), &load);
    assert!(found.is_empty(), "{name}: {found:#?}");
}

#[test]
fn the_checker_sees_every_kind_of_fault() {
    let schema = json!({
        "type": "object", "required": ["a", "b"], "additionalProperties": false,
        "properties": {
            "a": { "type": ["integer", "null"] }, "b": { "enum": ["x", "y"] },
            "c": { "type": "array", "items": { "$ref": "other" } },
            "d": { "type": "object", "additionalProperties": { "type": "integer" } },
        }
    });
    let load = |_: &str| json!({ "type": "string" });
    for (value, wanted) in [
        (json!({ "a": 1, "b": "x", "c": ["z"], "d": { "e": 2 } }), &[][..]),
        (json!({ "a": null, "b": "y" }), &[]),
        (json!({ "a": 1.5, "b": "x" }), &["$.a: "]),
        (json!({ "a": 1, "b": "z" }), &["$.b: "]),
        (json!({ "b": "x" }), &["$.a: missing"]),
        (json!({ "a": 1, "b": "x", "e": 1 }), &["$.e: not in the schema"]),
        (json!({ "a": 1, "b": "x", "c": ["z", 1] }), &["$.c[1]: "]),
        (json!({ "a": 1, "b": "x", "d": { "e": "f" } }), &["$.d.e: "]),
        (json!([]), &["$: "]),
    ] {
        let found = faults(&value, &schema, &load);
        assert_eq!(found.len(), wanted.len(), "{value}: {found:?}");
        assert!(found.iter().zip(wanted).all(|(found, wanted)| found.starts_with(wanted)), "{found:?}");
    }
    let unknown = std::panic::catch_unwind(|| faults(&json!(1), &json!({ "minimum": 2 }), &load));
    assert!(unknown.is_err());
}

#[test]
fn files_of_a_run_and_results_of_training_are_as_documented() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let rows: Vec<f32> = (0..200 * 6).map(|i| (i * i % 97) as f32 / 97.0).collect();
    npy::write(&folder.join("rows.npy"), 200, 6, &rows).unwrap();
    fs::create_dir(folder.join("pictures")).unwrap();
    let picture = image::GrayImage::from_fn(24, 20, |x, y| image::Luma([(x * x + 3 * y) as u8]));
    picture.save(folder.join("pictures/one.png")).unwrap();
    fs::write(folder.join("pictures/note.txt"), "no picture").unwrap();
    let adam = "--optimizer adam --batch 20 --epochs 2 --beta-warmup 3 --revive 5";
    for (run, flags) in [
        ("built-in", "--samples 100 --steps 4"),
        ("rows", &*format!("rows.npy --hidden 5 {adam} --validation 0.1")),
        (
            "judged",
            "rows.npy --hidden 5 --steps 4 --take 100 --validation rows.npy --init rows/model.safetensors",
        ),
        ("of-pictures", "pictures --samples 50 --patch 4 --steps 4 --hidden 6 --no-report"),
        ("several", "rows.npy rows.npy --steps 4 --hidden 5 --normalize standard"),
        ("timed", "rows.npy --steps 100000 --hidden 5 --max-time 0.01s"),
        ("software", "rows.npy --steps 2 --hidden 5 --device software"),
    ] {
        let device = if flags.contains("--device") { "" } else { "--device cpu" };
        let args = format!("train {flags} {device} --out {run} --json");
        let args: Vec<&str> = args.split_whitespace().collect();
        hold("summary", &rhohat(folder, &args).json());
        let at = folder.join(run);
        for name in ["env", "data", "summary"] {
            // A run with something left to do has no result.
            if name != "summary" || run != "timed" {
                hold(name, &read(&at.join(format!("{name}.json"))));
            }
        }
        let metrics = fs::read_to_string(at.join("metrics.jsonl")).unwrap();
        metrics.lines().for_each(|line| hold("metrics", &serde_json::from_str(line).unwrap()));
        assert!(metrics.lines().count() > 0, "{run}");
        let plan = [&args[..args.len() - 3], &["--dry-run", "--json"]].concat();
        hold("train-dry-run", &rhohat(folder, &plan).json());
    }
    let diverges =
        "train rows.npy --optimizer sgd --lr 1e30 --output linear --device cpu --out diverged --json";
    for (args, exit) in [(diverges, 4), ("train --hidden 0 --json", 2), ("train none.npy --json", 3)] {
        let outcome = rhohat(folder, &args.split(' ').collect::<Vec<_>>());
        assert_eq!(outcome.code, exit, "{}", outcome.stderr);
        hold("error", &super::json(&outcome.stdout));
    }
    let listed = rhohat(folder, &["runs", ".", "--json"]).json();
    assert!(listed.as_array().unwrap().len() > 5, "{listed}");
    hold("runs", &listed);
    hold("compare", &rhohat(folder, &["compare", "rows", "judged", "timed", "--json"]).json());
    hold("report", &rhohat(folder, &["report", "rows", "of-pictures", "--json"]).json());
}

#[test]
fn results_of_the_other_commands_are_as_documented() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let rows: Vec<f32> = (0..200 * 6).map(|i| (i * i % 97) as f32 / 97.0).collect();
    npy::write(&folder.join("rows.npy"), 200, 6, &rows).unwrap();
    npy::write(&folder.join("bad.npy"), 2, 3, &[f32::NAN, 1.0, f32::INFINITY, 0.0, 1.0, 2.0]).unwrap();
    let flower = |i: usize| format!("{},{}.5,{}\n", i % 5, i % 7, ["setosa", "virginica"][i % 2]);
    let flowers: String = (0..60).map(flower).collect();
    fs::write(folder.join("iris.csv"), format!("length,width,species\n{flowers}")).unwrap();
    let picture = image::GrayImage::from_fn(24, 20, |x, y| image::Luma([(x * x + 3 * y) as u8]));
    picture.save(folder.join("one.png")).unwrap();
    for run in [
        "rows.npy --out run",
        "iris.csv --label-column species --out iris",
        "one.png --patch 4 --out patches",
    ] {
        let args = format!("train {run} --hidden 5 --steps 2 --device cpu -q");
        rhohat(folder, &args.split(' ').collect::<Vec<_>>()).text();
    }
    let digits = fixture("images-idx3-ubyte.gz");
    for (schema, args) in [
        ("data-look", "data rows.npy -o samples.png"),
        ("data-look", "data bad.npy"),
        ("data-look", "data iris.csv --label-column species"),
        ("data-look", "data one.png"),
        ("data-look", &*format!("data {digits}")),
        ("eval", "eval run rows.npy --device cpu"),
        ("eval", "eval patches one.png --device cpu"),
        ("encode", "encode run rows.npy --device cpu -o codes.npy"),
        ("encode", "encode iris iris.csv --label-column species --device cpu -o of_iris.npz"),
        ("encode", "encode run rows.npy --device cpu --top-k 2 -o codes.npz"),
        ("encode", "encode run rows.npy --layer 1 --device cpu -o layer.npy"),
        ("convolve", "convolve patches one.png --pool 5 --device cpu -o features.npy"),
        ("decode", "decode run codes.npy --device cpu -o decoded.npy"),
        ("decode", "decode run codes.npz --device cpu -o decoded.npy"),
        ("units", "units run rows.npy --device cpu -o units.csv"),
        ("units", "units run rows.npy --layer 1 --device cpu -o units.csv"),
        ("reconstruct", "reconstruct run rows.npy --device cpu -o again.npy"),
        ("reconstruct", "reconstruct patches one.png --device cpu -o again.png"),
        ("features", "features patches -o features.png"),
        ("features", "features run -o features.npy"),
        ("convert", "convert run -o model.npz"),
        ("convert", "convert patches -o model.safetensors"),
        ("devices", "devices"),
        ("verify", "verify --device cpu"),
        ("verify", "verify --device cpu --quick"),
        ("bench", "bench --device cpu --ladder 8:4:50 --quick --export bench.json"),
        ("bench-compare", "bench --compare bench.json bench.json"),
    ] {
        let args: Vec<&str> = args.split(' ').chain(["--json"]).collect();
        let value = rhohat(folder, &args).json();
        hold(schema, &value);
    }
}

#[test]
fn results_of_classifiers_and_stacks_are_as_documented() {
    let folder = labelled::folder_with_encoder();
    let folder = folder.path();
    let classify = labelled::CLASSIFY;
    let rest = "--softmax-lambda 1e-2,1e-3";
    for (run, line) in [
        ("usual", &*format!("{classify} {rest} --test 0.5 --fine-tune 3")),
        ("by-adam", &format!("{classify} {rest} --no-baseline --fine-tune 1 --optimizer adam")),
        ("alone", "classify rows.npy --labels labels.idx --softmax-lambda 1e-3"),
    ] {
        hold("classify", &labelled::run(folder, &format!("{line} --json --out {run}")).json());
        hold("classify", &read(&folder.join(run).join("summary.json")));
        hold("env", &read(&folder.join(run).join("env.json")));
        let metrics = fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap();
        metrics.lines().for_each(|line| hold("classify-metrics", &serde_json::from_str(line).unwrap()));
        assert_eq!(metrics.is_empty(), run == "alone", "{metrics}");
    }
    hold("predict", &labelled::run(folder, "predict usual rows.npy --json").json());
    let line = "predict usual rows.npy --labels labels.idx --json -o p.csv --confusion c.svg";
    hold("predict", &labelled::run(folder, line).json());
    hold("stack", &labelled::run(folder, "stack rows.npy --layers 6,4 --steps 2 --json --out stack").json());
}

/// A type in the words of the tables.
fn words(schema: &Value) -> String {
    if let Some(file) = schema["$ref"].as_str() {
        return format!("[{}](schemas/{file})", file.trim_end_matches(".json"));
    }
    if let Some(values) = schema["enum"].as_array() {
        let word = |value: &Value| value.as_str().map_or("null".to_owned(), |text| format!("`{text}`"));
        let values: Vec<String> = values.iter().map(word).collect();
        return values.join(", ");
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        kind => vec![kind.as_str().unwrap()],
    };
    let text = kinds.join(" or ");
    match schema.get("items") {
        Some(items) if items.get("properties").is_some() => text + " of objects",
        Some(items) if kinds[0] == "array" => format!("{text} of {}", words(items)),
        _ => text,
    }
}

/// The rows of a table, members of objects behind the object.
fn rows_of(schema: &Value, prefix: &str, into: &mut Vec<String>) {
    if schema["items"].get("properties").is_some() {
        return rows_of(&schema["items"], &format!("{prefix}[]."), into);
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let there = if required.iter().any(|always| always == name) { "" } else { "not always" };
        let meaning =
            member["description"].as_str().unwrap_or_else(|| panic!("{prefix}{name}: no description"));
        into.push(format!("| `{prefix}{name}` | {} | {there} | {meaning} |", words(member)));
        if member.get("properties").is_some() {
            rows_of(member, &format!("{prefix}{name}."), into);
        } else if member["items"].get("properties").is_some() {
            rows_of(member, &format!("{prefix}{name}"), into);
        }
    }
}

#[test]
fn the_page_has_every_member_of_every_schema() {
    let page = fs::read_to_string(docs().join("json.md")).unwrap();
    let schemas: Vec<PathBuf> =
        fs::read_dir(docs().join("schemas")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(schemas.len() > 15, "the schemas are gone");
    let mut wanted = 0;
    for path in schemas {
        let (schema, name) = (read(&path), path.file_name().unwrap().to_str().unwrap());
        let title = schema["title"].as_str().unwrap();
        let section = page.split("\n### ").find(|section| section.starts_with(&format!("{title}\n")));
        let section = section.unwrap_or_else(|| panic!("{name}: no section {title:?}"));
        assert!(section.contains(&format!("[schema](schemas/{name})")), "{name}");
        let mut rows = Vec::new();
        rows_of(&schema, "", &mut rows);
        // In any order: a JSON object has none.
        for row in &rows {
            assert!(section.contains(row.as_str()), "{name}: docs/json.md lacks\n{row}");
        }
        wanted += rows.len();
    }
    assert_eq!(page.lines().filter(|line| line.starts_with("| `")).count(), wanted);
}
