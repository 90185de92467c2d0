//! Pages of runs, and runs beside one another.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use super::{names, rhohat};

/// A run of the lecture's experiment, a few steps long.
fn run(folder: &Path, out: &str, more: &[&str]) -> Value {
    let args = ["train", "--device", "cpu", "--samples", "500", "--steps", "8", "--out", out, "--json"];
    rhohat(folder, &[&args[..], more].concat()).json()
}

fn page(folder: &Path, run: &str) -> String {
    fs::read_to_string(folder.join(run).join("report.html")).unwrap()
}

/// What the script of a page is given of units and examples.
fn shown(page: &str) -> Value {
    let text =
        page.split("id=\"data\" type=\"application/json\">").nth(1).expect("data").split("</script>").next();
    serde_json::from_str(text.unwrap()).unwrap()
}

#[test]
fn every_run_has_a_page_that_holds_all_it_shows_unless_none_is_asked_for() {
    let folder = tempdir().unwrap();
    let summary = run(folder.path(), "run", &["--validation", "0.1"]);
    assert_eq!(summary["report"], "run/report.html");
    let text = page(folder.path(), "run");
    assert!(text.starts_with("<!DOCTYPE html>"));
    for address in ["http://", "https://", "src=", "@import", "url(//"] {
        assert!(!text.contains(address), "{address}");
    }
    assert_eq!(text.matches("class=\"tile sf\"").count(), 25);
    for words in [
        "64 inputs, 25 hidden units",
        "held-out examples",
        "lambda",
        "rhohat train --config config.toml",
        "may pass them on",
    ] {
        assert!(text.contains(words), "{words}");
    }
    let data = shown(&text);
    assert_eq!(
        (data["units"].as_array().unwrap().len(), data["examples"].as_array().unwrap().len()),
        (25, 450)
    );
    let without = run(folder.path(), "without", &["--no-report"]);
    assert!(without.get("report").is_none());
    assert!(!names(&folder.path().join("without")).contains(&"report.html".to_owned()));
}

#[test]
fn names_that_would_be_markup_stand_as_text() {
    let folder = tempdir().unwrap();
    let name = "<script>alert(1)<!--&'\"";
    let data = format!("{name}.csv");
    fs::write(
        folder.path().join(&data),
        (0..60).map(|i| format!("{i},{},{}\n", i * 2, 60 - i)).collect::<String>(),
    )
    .unwrap();
    let args = [
        "train",
        &data,
        "--normalize",
        "minmax",
        "--hidden",
        "2",
        "--steps",
        "3",
        "--device",
        "cpu",
        "--out",
        name,
    ];
    rhohat(folder.path(), &args).text();
    let text = page(folder.path(), name);
    assert!(!text.contains("<script>alert") && !text.contains("<!--"));
    assert!(text.contains("&lt;script&gt;alert(1)"));
    // Rows that are no pictures have a table.
    assert!(text.contains("<table id=\"units\">") && !text.contains("id=\"grid\""));
}

#[test]
fn a_page_can_be_made_again_with_the_same_units_and_examples_and_without_them_where_the_data_are_gone() {
    let folder = tempdir().unwrap();
    let rows: Vec<f32> = (0..400 * 9).map(|i| 0.5 + 0.4 * (i as f32 * 0.7).sin()).collect();
    rhohat::data::npy::write(&folder.path().join("rows.npy"), 400, 9, &rows).unwrap();
    let args = ["train", "rows.npy", "--hidden", "5", "--steps", "20", "--device", "cpu", "--out", "run"];
    rhohat(folder.path(), &[&args[..], &["--shape", "3x3"]].concat()).text();
    let first = page(folder.path(), "run");
    fs::remove_file(folder.path().join("run/report.html")).unwrap();
    let made = rhohat(folder.path(), &["report", "run", "--json"]).json();
    assert_eq!((&made[0]["report"], &made[0]["without_units"]), (&"run/report.html".into(), &Value::Null));
    assert_eq!(made[0]["bytes"], first.len());
    assert_eq!(shown(&page(folder.path(), "run")), shown(&first));
    fs::remove_file(folder.path().join("rows.npy")).unwrap();
    let made = rhohat(folder.path(), &["report", "run", "-o", "other.html"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stderr.contains("without features and examples") && made.stderr.contains("rows.npy"));
    let text = fs::read_to_string(folder.path().join("other.html")).unwrap();
    assert!(
        text.contains("J and its terms")
            && !text.contains("id=\"grid\"")
            && !text.contains("may pass them on")
    );
    assert_eq!(shown(&page(folder.path(), "run")), shown(&first));
}

/// Rows of waves that are no pictures, more than are judged.
fn write_many(path: &Path) {
    let rows: Vec<f32> = (0..2500 * 7).map(|i| 0.5 + 0.4 * (i as f32 * i as f32 * 1e-4).sin()).collect();
    rhohat::data::npy::write(path, 2500, 7, &rows).unwrap();
}

#[test]
fn a_page_made_again_is_that_of_the_run_byte_for_byte() {
    let folder = tempdir().unwrap();
    write_many(&folder.path().join("many.npy"));
    let adam = ["--optimizer", "adam", "--batch", "50", "--normalize", "minmax", "--validation", "0.02"];
    let many = ["many.npy", "--hidden", "6"];
    let cases: [(&str, &[&str]); 4] = [
        ("plain", &[]),
        ("whitened", &["--whiten"]),
        ("rows", &adam),
        ("patience", &["--patience", "1", "--validation", "0.1"]),
    ];
    for (name, flags) in cases {
        let flags: Vec<&str> = match name {
            "rows" => many.iter().chain(flags).copied().collect(),
            _ => flags.to_vec(),
        };
        let args = ["train", "--device", "cpu", "--steps", "8", "--out", name];
        let samples: &[&str] = if name == "rows" { &[] } else { &["--samples", "2200"] };
        rhohat(folder.path(), &[&args[..], samples, &flags].concat()).text();
        let first = page(folder.path(), name);
        let made = rhohat(folder.path(), &["report", name, "--device", "cpu", "--json"]);
        assert!(!made.stderr.contains("warning"), "{}", made.stderr);
        assert_eq!(made.json()[0]["without_result"], Value::Null);
        assert!(page(folder.path(), name) == first, "{name}: another page");
        let judged = if name == "patience" { "over all 1980 examples" } else { "over 2000 examples of 2" };
        assert!(first.contains(judged), "{name}");
    }
}

#[test]
fn a_result_is_shown_beside_its_own_model_and_settings_alone() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    run(at, "run", &[]);
    run(at, "other", &["--seed", "1"]);
    let (model, config) = (at.join("run/model.safetensors"), at.join("run/config.toml"));
    let [own, settings] = [&model, &config].map(|path| fs::read(path).unwrap());
    let made = |words: &str| {
        let made = rhohat(at, &["report", "run", "--json"]);
        let text = page(at, "run");
        assert!(made.stderr.contains(words), "{}", made.stderr);
        assert!(text.contains(words) && !text.contains("explained variance"), "{words}");
        assert!(made.json()[0]["without_result"].as_str().unwrap().contains(words));
        assert_eq!(shown(&text)["units"].as_array().unwrap().len(), 25);
    };
    fs::copy(at.join("other/model.safetensors"), &model).unwrap();
    made("its model has been changed since");
    fs::write(&model, own).unwrap();
    fs::write(&config, [&settings[..], b"# mine\n"].concat()).unwrap();
    made("config.toml has been changed since");
    fs::write(&config, settings).unwrap();
    // Those of 0.1.0 have no hashes.
    let path = at.join("run/summary.json");
    let mut summary: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    summary.as_object_mut().unwrap().remove("seal");
    fs::write(&path, summary.to_string()).unwrap();
    rhohat(at, &["report", "run"]).text();
    let text = page(at, "run");
    assert!(text.contains("runs of 0.1.0 keep no hash") && text.contains("explained variance"));
}

#[test]
fn other_data_than_those_of_a_run_are_not_shown_as_those_that_it_has_learned_from() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    write_many(&at.join("rows.npy"));
    let args = ["train", "rows.npy", "--hidden", "5", "--steps", "3", "--device", "cpu", "--out", "run"];
    rhohat(at, &args).text();
    rhohat::data::npy::write(&at.join("rows.npy"), 2500, 7, &[0.25; 2500 * 7]).unwrap();
    let made = rhohat(at, &["report", "run", "--json"]);
    assert!(made.stderr.contains("without features and examples"), "{}", made.stderr);
    let made = made.json();
    assert!(made[0]["without_units"].as_str().unwrap().contains("rows.npy"), "{made}");
    assert!(!page(at, "run").contains("id=\"units\""));
}

#[test]
fn a_run_that_was_interrupted_or_has_diverged_has_a_page_of_its_course() {
    let folder = tempdir().unwrap();
    let args = [
        "train",
        "--device",
        "cpu",
        "--samples",
        "500",
        "--optimizer",
        "sgd",
        "--lr",
        "1e20",
        "--batch",
        "50",
        "--out",
        "run",
    ];
    assert_eq!(rhohat(folder.path(), &args).code, 4);
    let made = rhohat(folder.path(), &["report", "run"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(page(folder.path(), "run").contains("has not come to a result"));
}

#[test]
fn reports_go_where_they_may_and_a_file_holds_one() {
    let folder = tempdir().unwrap();
    run(folder.path(), "run", &[]);
    run(folder.path(), "other", &[]);
    let refused = |args: &[&str], words: &[&str]| rhohat(folder.path(), args).refused(2, words);
    refused(
        &["report", "run", "other", "-o", "both.html"],
        &["-o names one file, but 2 runs", "leave it out"],
    );
    refused(&["report", "run", "-o", "run.pdf"], &["-o run.pdf", "a page (.html)", "run.html"]);
    fs::write(folder.path().join("notes.html"), "mine").unwrap();
    refused(&["report", "run", "-o", "notes.html"], &["notes.html", "--force"]);
    rhohat(folder.path(), &["report", "nothing"]).refused(3, &["nothing", "no such run"]);
    rhohat(folder.path(), &["report", "run", "other"]).text();
}

/// Three runs, of which the one of β 1 explains most.
fn three(folder: &Path) {
    for (out, beta) in [("runs/a", "3"), ("runs/b", "1"), ("runs/c", "30")] {
        run(folder, out, &["--beta", beta, "--no-report"]);
    }
}

#[test]
fn runs_are_listed_with_what_tells_them_apart_the_best_first_whatever_their_j() {
    let folder = tempdir().unwrap();
    three(folder.path());
    fs::create_dir(folder.path().join("runs/nothing")).unwrap();
    let listed = rhohat(folder.path(), &["runs", "--json"]).json();
    let explained: Vec<f64> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["result"]["explained_variance"].as_f64().unwrap())
        .collect();
    assert!(explained.len() == 3 && explained.is_sorted_by(|a, b| a >= b), "{explained:?}");
    let text = rhohat(folder.path(), &["runs"]).text();
    let first = text.lines().next().unwrap();
    assert!(
        first.contains("beta") && !first.contains("rho ") && first.contains("explained_variance"),
        "{text}"
    );
    assert!(text.contains("3 runs of 3, by explained_variance"), "{text}");
    let order = |args: &[&str]| -> String {
        let listed = rhohat(folder.path(), &[&["runs", "--json"], args].concat()).json();
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["run"].as_str().unwrap().rsplit(['/', '\\']).next().unwrap())
            .collect()
    };
    assert_eq!(order(&["--sort", "beta"]), "bac");
    assert_eq!(order(&["--sort", "beta", "--reverse"]), "cab");
    assert_eq!(order(&["--where", "beta<=3", "--sort", "beta"]), "ba");
    assert_eq!(order(&["--where", "beta>1", "--where", "beta<30"]), "a");
    rhohat(folder.path(), &["runs", "--where", "bta=3"]).refused(2, &["bta: no run has", "beta"]);
    let refused = rhohat(folder.path(), &["runs", "--where", "beta"]);
    assert!(refused.code == 2 && refused.stderr.contains("no condition; give a name"), "{}", refused.stderr);
    rhohat(folder.path(), &["runs", "nowhere"]).refused(3, &["nowhere: no such folder"]);
}

#[test]
fn a_table_of_runs_holds_every_setting_and_result() {
    let folder = tempdir().unwrap();
    three(folder.path());
    rhohat(folder.path(), &["runs", "-o", "runs.csv"]).text();
    let mut reader = csv::Reader::from_path(folder.path().join("runs.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 3);
    let summary = fs::read(folder.path().join("runs/b/summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    let row = rows.iter().find(|row| row["beta"] == "1.0").unwrap();
    assert_eq!(row["j"].parse::<f64>().unwrap(), summary["j"].as_f64().unwrap());
    assert_eq!(
        (row["state"].as_str(), row["optimizer"].as_str(), row["rho_hat.mean"].is_empty()),
        ("finished", "lbfgs", false)
    );
}

#[test]
fn compared_runs_stand_side_by_side_and_over_each_other() {
    let folder = tempdir().unwrap();
    three(folder.path());
    let compared =
        rhohat(folder.path(), &["compare", "runs/a", "runs/c", "-o", "both.html", "--json"]).json();
    assert_eq!(compared["differing"], serde_json::json!(["beta"]));
    let text = fs::read_to_string(folder.path().join("both.html")).unwrap();
    assert!(text.contains("Settings that differ") && text.contains("Reconstruction"), "{text}");
    let text = rhohat(folder.path(), &["compare", "runs/a", "runs/b", "runs/c"]).text();
    let beta = text.lines().find(|line| line.starts_with("beta")).unwrap();
    assert_eq!(beta.split_whitespace().collect::<Vec<_>>(), ["beta", "3", "1", "30"]);
    rhohat(folder.path(), &["compare", "runs/a"]).refused(2, &["two or more", "rhohat report"]);
    rhohat(folder.path(), &["compare", "runs/a", "runs/nothing"]).refused(3, &["runs/nothing"]);
}
