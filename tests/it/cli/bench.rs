//! `bench`: its answer, its JSON, the files that it exports, how two of them are compared, and what it refuses.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use super::documents::hold;
use super::{number, rhohat};

/// The object of a benchmark with `--json`.
fn results(args: &[&str]) -> Value {
    let folder = tempdir().unwrap();
    rhohat(folder.path(), &[&["bench", "--json"], args].concat()).json()
}

/// The rows of a kind.
fn rows<'a>(results: &'a Value, what: &str) -> Vec<&'a Value> {
    results["rows"].as_array().unwrap().iter().filter(|row| row["what"] == what).collect()
}

#[test]
fn a_step_of_the_cpu_is_a_row_without_j_and_one_with_it_and_its_ceilings() {
    let results = results(&["--device", "cpu", "--step", "20:9:50"]);
    let (steps, with_j) = (rows(&results, "step"), rows(&results, "step_with_j"));
    assert_eq!((steps.len(), with_j.len(), rows(&results, "ceiling").len()), (1, 1, 2), "{results}");
    for row in steps.into_iter().chain(with_j) {
        assert_eq!((&row["device"], &row["variant"]), (&"cpu".into(), &"default".into()));
        assert_eq!(row["shape"], serde_json::json!({"n": 20, "h": 9, "m": 50}));
        let (median, best) = (number(row, "median_ms"), number(row, "best_ms"));
        assert!(0.0 < best && best <= median, "{row}");
        let flops = 10.0 * 20.0 * 9.0 * 50.0;
        assert!((number(row, "gflops") / (flops / median / 1e6) - 1.0).abs() < 1e-9, "{row}");
        // A busy machine may have slowed the ceiling down, then nothing is said.
        assert!(row["share_of_ceiling"].as_f64().is_none_or(|share| 0.0 < share && share <= 1.0), "{row}");
    }
}

#[test]
fn results_tell_the_machine_the_version_and_the_date() {
    let results = results(&["--device", "cpu", "--step", "20:9:50"]);
    assert_eq!(results["rhohat"], env!("CARGO_PKG_VERSION"));
    assert!(results["started"].as_str().is_some_and(|date| date.len() == 20 && date.ends_with('Z')));
    let host = &results["host"];
    assert!(number(host, "threads") > 0.0 && !host["system"].as_str().unwrap().is_empty(), "{host}");
    assert_eq!(
        (&results["devices"][0]["engine"], &results["devices"][0]["software"]),
        (&"cpu".into(), &false.into())
    );
    // Results are shown to others: the name of the machine is nobody's business.
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    assert!(name.len() < 4 || !results.to_string().contains(name), "{name} in {results}");
}

#[test]
fn a_step_of_the_software_adapter_with_other_activations() {
    let args = ["--device", "software", "--step", "20:9:50", "--activation", "tanh", "--output", "linear"];
    let results = results(&args);
    assert_eq!(
        (&results["devices"][0]["engine"], &results["devices"][0]["software"]),
        (&"gpu".into(), &true.into())
    );
    assert_eq!(results["settings"], serde_json::json!({"activation": "tanh", "output": "linear"}));
    assert!(number(rows(&results, "step")[0], "median_ms") > 0.0);
}

#[test]
fn the_first_line_answers_which_device_is_faster() {
    let folder = tempdir().unwrap();
    let text = rhohat(folder.path(), &["bench", "--quick", "--step", "20:9:50"]).text();
    let first = text.lines().next().unwrap();
    let answers = ["times as fast as", "within the noise"];
    assert!(answers.iter().any(|words| first.contains(words)) && first.contains("20:9:50"), "{text}");
    assert!(first.contains("cpu") && text.contains("tell nothing of the speed of a GPU"), "{text}");
    let text = rhohat(folder.path(), &["bench", "--quick", "--step", "20:9:50", "--markdown"]).text();
    assert!(text.starts_with("# ") && text.contains("| 20:9:50 | cpu |"), "{text}");
}

#[test]
fn a_benchmark_is_short_and_exports_every_form_in_one_run() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let exports = ["--export", "a.json", "--export", "a.csv", "--export", "a.md", "--chart", "a.svg"];
    let args =
        [&["bench", "--device", "cpu", "--quick", "--ladder", "20:9:50,9:5:20"], &exports[..]].concat();
    let text = rhohat(folder.path(), &args).text();
    assert!(text.lines().count() < 20, "{text}");
    assert!(
        text.contains("reaches J ≤") && !text.contains("Products") && !text.contains("Element-wise"),
        "{text}"
    );
    // From the smallest up, whatever the order given.
    assert!(text.find("9:5:20") < text.find("20:9:50"), "{text}");

    let results: Value = serde_json::from_str(&fs::read_to_string(at("a.json")).unwrap()).unwrap();
    let measured = results["rows"].as_array().unwrap().len();
    let table = fs::read_to_string(at("a.csv")).unwrap();
    let mut table = csv::Reader::from_reader(table.as_bytes());
    let names = table.headers().unwrap().clone();
    let column =
        |name: &str| names.iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name}"));
    let records: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), measured);
    for (record, row) in records.iter().zip(results["rows"].as_array().unwrap()) {
        assert_eq!(row["what"], record[column("what")]);
        assert_eq!(row["median_ms"].as_f64(), record[column("median_ms")].parse().ok());
        assert_eq!(row["shape"]["h"].as_u64(), record[column("shape.h")].parse().ok());
        assert_eq!(
            (&record[column("engine")], &record[column("rhohat")]),
            ("cpu", env!("CARGO_PKG_VERSION"))
        );
    }
    let page = fs::read_to_string(at("a.md")).unwrap();
    assert!(page.starts_with(&format!("# {}\n", results["verdict"].as_str().unwrap())), "{page}");
    let chart = fs::read_to_string(at("a.svg")).unwrap();
    well_formed(&chart);
    assert!(
        chart.contains(">20:9:50</text>") && chart.contains("at best") && !chart.contains("NaN"),
        "{chart}"
    );
}

#[test]
fn products_and_kernels_are_timed_where_they_are_asked_for() {
    let results = results(&["--device", "software", "--quick", "--kernels", "--ladder", "20:9:50"]);
    hold("bench", &results);
    let calls = ["dispatch", "submission and wait", "read-back of 256 bytes"];
    let ceilings: Vec<&str> =
        rows(&results, "ceiling").iter().map(|row| row["variant"].as_str().unwrap()).collect();
    assert!(calls.iter().all(|call| ceilings.contains(call)), "{ceilings:?}");
    assert!(rows(&results, "product").len() >= 3 && rows(&results, "kernel").len() > 3, "{results}");
    assert_eq!(rows(&results, "time_to_cost").len(), 1);
}

#[test]
fn two_results_are_compared_by_what_both_have_measured() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, ladder) in
        [("mine.json", "20:9:50,9:5:20"), ("theirs.json", "20:9:50"), ("none.json", "7:5:20")]
    {
        let args = ["bench", "--device", "cpu", "--quick", "--ladder", ladder, "--export", name];
        rhohat(folder.path(), &args).text();
    }
    // Twice as fast, whatever this machine does meanwhile.
    let mut theirs: Value = serde_json::from_str(&fs::read_to_string(at("mine.json")).unwrap()).unwrap();
    theirs["rows"].as_array_mut().unwrap().retain(|row| row["shape"]["n"] == 20);
    for row in theirs["rows"].as_array_mut().unwrap() {
        for name in ["median_ms", "q1_ms", "q3_ms", "best_ms"] {
            row[name] = (number(row, name) / 2.0).into();
        }
    }
    fs::write(at("half.json"), theirs.to_string()).unwrap();
    let compared = rhohat(folder.path(), &["bench", "--compare", "mine.json", "half.json", "--json"]).json();
    let pairs = compared["pairs"].as_array().unwrap();
    let whats: Vec<&Value> = pairs.iter().map(|pair| &pair["what"]).collect();
    assert_eq!(whats, ["step", "step_with_j"], "{compared}");
    assert!(pairs.iter().all(|pair| (number(pair, "speed") - 2.0).abs() < 1e-9), "{compared}");
    let text = rhohat(folder.path(), &["bench", "--compare", "mine.json", "theirs.json"]).text();
    assert!(text.lines().next().unwrap().contains("theirs.json") && text.contains("20:9:50"), "{text}");
    let text = rhohat(folder.path(), &["bench", "--compare", "mine.json", "none.json"]).text();
    assert!(text.contains("no step of one shape in common") && text.contains("copy"), "{text}");
    // Nothing is measured, so nothing can say how.
    for flags in [&["--quick"][..], &["--kernels"], &["--export", "x.json"], &["--device", "cpu"]] {
        let args = [&["bench", "--compare", "mine.json", "theirs.json"], flags].concat();
        let refused = rhohat(folder.path(), &args);
        assert!(refused.code == 2 && refused.stderr.contains(flags[0]), "{}", refused.stderr);
    }
    fs::write(at("old.json"), "[]").unwrap();
    rhohat(folder.path(), &["bench", "--compare", "mine.json", "old.json"])
        .refused(3, &["old.json", "--export"]);
    rhohat(folder.path(), &["bench", "--compare", "mine.json", "gone.json"]).refused(3, &["gone.json"]);
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
        (&["--export", "roof.png"], &["roof.png", "only JSON (.json)", "SVG (.svg)"]),
        (&["--export", "a.svg", "--export", "a.svg"], &["--export a.svg is given twice"]),
        (&["--device", "reference"], &["reference", "time cpu"]),
        (&["--device", "cpu", "--device", "cpu"], &["--device cpu is given twice"]),
        (&["--device", ""], &["--device needs a value"]),
    ] {
        rhohat(folder.path(), &[&["bench"], args].concat()).refused(2, words);
    }
    rhohat(folder.path(), &["bench", "--export", "no/a.svg"]).refused(6, &["no/a.svg"]);
    rhohat(folder.path(), &["bench", "--device", "no such thing"]).refused(5, &["no such adapter"]);
}
