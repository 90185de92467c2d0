//! `bench`: its JSON, its tables, its chart, and what it refuses.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use super::{number, rhohat};

/// The array of a benchmark with `--json`.
fn rows(args: &[&str]) -> Vec<Value> {
    let folder = tempdir().unwrap();
    let rows = rhohat(folder.path(), &[&["bench", "--json"], args].concat()).json();
    rows.as_array().unwrap_or_else(|| panic!("no array: {rows}")).clone()
}

#[test]
fn a_step_of_the_cpu_is_a_row_without_j_and_one_with_it_and_the_stated_fields() {
    let rows = rows(&["--device", "cpu", "--step", "20:9:50"]);
    let whats: Vec<&Value> = rows.iter().map(|row| &row["what"]).collect();
    assert_eq!(whats, ["step", "step_with_j"], "{rows:?}");
    for row in &rows {
        assert_eq!((&row["engine"], &row["device"]), (&"cpu".into(), &"cpu".into()));
        assert_eq!(row["shape"], serde_json::json!({"n": 20, "h": 9, "m": 50}));
        assert!(row["variant"].is_string());
        let (median, best) = (number(row, "median_ms"), number(row, "best_ms"));
        assert!(0.0 < best && best <= median, "{row}");
        let flops = 10.0 * 20.0 * 9.0 * 50.0;
        assert!((number(row, "gflops") / (flops / median / 1e6) - 1.0).abs() < 1e-9, "{row}");
        assert!(number(row, "share_of_ceiling") > 0.0);
    }
}

#[test]
fn a_step_of_the_software_adapter_with_other_activations() {
    let args = ["--device", "software", "--step", "20:9:50", "--activation", "tanh", "--output", "linear"];
    let rows = rows(&args);
    assert_eq!((rows.len(), &rows[0]["engine"]), (2, &"gpu".into()), "{rows:?}");
    assert!(number(&rows[0], "median_ms") > 0.0 && number(&rows[0], "share_of_ceiling") > 0.0);
}

#[test]
fn without_a_device_the_cpu_is_measured_against_the_best_adapter() {
    let folder = tempdir().unwrap();
    let text = rhohat(folder.path(), &["bench", "--quick", "--step", "20:9:50", "--markdown"]).text();
    assert!(text.contains("| 20:9:50 | cpu |") && text.contains("speed of cpu"), "{text}");
    assert!(text.contains("is faster than") || text.contains("within the noise"), "{text}");
}

#[test]
fn a_whole_benchmark_has_ceilings_steps_and_the_experiment_and_draws_a_chart() {
    let folder = tempdir().unwrap();
    let args = ["bench", "--device", "cpu", "--quick", "--ladder", "20:9:50,9:5:20"];
    let text = rhohat(folder.path(), &[&args[..], &["--chart", "roof.svg"]].concat()).text();
    for words in ["multiply-adds in registers", "copying", "best dense product", "20:9:50", "until J ≤"] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    // From the smallest up, whatever the order given.
    assert!(text.find("9:5:20") < text.find("20:9:50"), "{text}");
    let chart = fs::read_to_string(folder.path().join("roof.svg")).unwrap();
    well_formed(&chart);
    assert!(chart.contains("step 20:9:50") && chart.contains("multiply-adds") && !chart.contains("NaN"));
}

/// Every tag is closed in its order, every attribute quoted, and there is one root.
fn well_formed(text: &str) {
    let mut open = Vec::new();
    let mut roots = 0;
    let mut rest = text.trim();
    while let Some(start) = rest.find('<') {
        assert!(!open.is_empty() || rest[..start].trim().is_empty(), "text outside: {}", &rest[..start]);
        let end = start + rest[start..].find('>').expect("every tag ends");
        let tag = &rest[start + 1..end];
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else {
            roots += usize::from(open.is_empty());
            if !tag.ends_with('/') {
                open.push(tag.split_whitespace().next().expect("a name"));
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && roots == 1 && rest.trim().is_empty(), "{roots} roots, open: {open:?}");
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is() {
    let folder = tempdir().unwrap();
    for (args, words) in [
        (&["--ladder", "medium"][..], &["--ladder", "\"medium\"", "lecture"][..]),
        (&["--ladder", "64:25"], &["2 instead of 3", "784:196:1000"]),
        (&["--ladder", "64:0:10"], &["a length of 0"]),
        (&["--step", "64:x:10"], &["--step", "\"x\" is no whole number"]),
        (&["--step", "9999999:9999999:9"], &["GiB", "free"]),
        (&["--chart", "roof.png"], &["roof.png", "only SVG"]),
        (&["--device", "reference"], &["reference", "time cpu"]),
        (&["--device", "cpu", "--device", "cpu"], &["--device cpu is given twice"]),
        (&["--device", ""], &["--device needs a value"]),
    ] {
        rhohat(folder.path(), &[&["bench"], args].concat()).refused(2, words);
    }
    rhohat(folder.path(), &["bench", "--device", "no such thing"]).refused(5, &["no such adapter"]);
}
