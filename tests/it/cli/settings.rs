//! Defaults and what changes them: data, flags over a file, a start model.

use std::fs;

use rhohat::data::npy;
use tempfile::tempdir;
use toml::Table;

use super::{fixture, number, rhohat, train};

#[test]
fn a_dry_run_tells_the_memory_and_leaves_nothing() {
    let folder = tempdir().unwrap();
    let plan = rhohat(folder.path(), &["train", "--dry-run", "--json"]).json();
    assert_eq!((number(&plan, "examples"), number(&plan, "visible")), (10_000.0, 64.0));
    // Engines pad rows and columns.
    let parameters = 4.0 * (2.0 * 64.0 * 25.0 + 25.0 + 64.0);
    assert!((parameters..1.3 * parameters).contains(&number(&plan, "parameters")), "{plan}");
    assert_eq!(number(&plan, "data"), 4.0 * 10_000.0 * 64.0);
    let text = rhohat(folder.path(), &["train", "--dry-run"]).text();
    assert!(text.contains("10000 examples, 64 visible, 25 hidden") && text.contains("MiB"), "{text}");
    assert!(super::names(folder.path()).is_empty());
}

#[test]
fn many_rows_are_learned_from_in_batches_and_it_is_said() {
    let folder = tempdir().unwrap();
    npy::write(&folder.path().join("rows.npy"), 50_001, 2, &[0.5; 100_002]).unwrap();
    let args = ["train", "rows.npy", "--steps", "1", "--device", "cpu", "--out", "run"];
    let outcome = rhohat(folder.path(), &args);
    let words = "50001 examples: learning with adam in batches; --optimizer lbfgs";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    outcome.text();
    let config = config(folder.path(), "run");
    assert_eq!(config["optimizer"].as_str(), Some("adam"));
    assert_eq!(config["batch"].as_integer(), Some(250));
    assert_eq!(config["rho_hat"].as_str(), Some("batch"));
    assert_eq!(config["normalize"].as_str(), Some("none"));
    assert!(!config.contains_key("patch") && !config.contains_key("whiten"));
}

#[test]
fn rows_that_the_output_cannot_reach_are_told_of_with_the_flag() {
    let folder = tempdir().unwrap();
    npy::write(&folder.path().join("rows.npy"), 3, 2, &[0.0, 3.5, 1.0, -2.0, 0.5, 0.5]).unwrap();
    let common = ["train", "rows.npy", "--steps", "1", "--device", "cpu"];
    for (flags, warned) in
        [(&[][..], true), (&["--output", "linear"], false), (&["--normalize", "unit"], false)]
    {
        let outcome = rhohat(folder.path(), &[&common, flags].concat());
        let words = "warning: the data range from -2 to 3.5, but a sigmoid output reaches only 0 to 1; use --normalize";
        assert_eq!(outcome.stderr.contains(words), warned, "{}", outcome.stderr);
        outcome.text();
    }
}

#[test]
fn flags_win_over_the_file_and_the_file_over_defaults() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), "hidden = 7\nbeta = 2\nepochs = 3\noptimizer = \"adam\"")
        .unwrap();
    train(folder.path(), "run", &["--config", "c.toml", "--hidden", "6", "--steps", "2"]);
    let config = config(folder.path(), "run");
    assert_eq!(config["hidden"].as_integer(), Some(6));
    assert_eq!(config["beta"].as_float(), Some(2.0));
    assert_eq!(config["steps"].as_integer(), Some(2));
    assert!(config["lr"].as_float().is_some_and(|lr| lr > 0.001 && lr <= 0.01), "{config}");
    assert!(!config.contains_key("epochs"));
}

#[test]
fn a_start_model_brings_its_weights_and_its_settings() {
    let folder = tempdir().unwrap();
    let flags = ["--hidden", "9", "--patch", "5", "--activation", "tanh", "--rho", "0.2", "--no-whiten"];
    let first = train(folder.path(), "first", &flags);
    train(folder.path(), "second", &["--init", "first/model.safetensors", "--steps", "0"]);
    let read = |run: &str| fs::read(folder.path().join(run).join("model.safetensors")).unwrap();
    assert_eq!(read("first"), read("second"));
    let further = train(folder.path(), "third", &["--init", "first/model.safetensors"]);
    assert!(number(&further, "j") < number(&first, "j"));
    let config = config(folder.path(), "second");
    assert_eq!(config["activation"].as_str(), Some("tanh"));
    assert_eq!(config["whiten"].as_bool(), Some(false));
    assert_eq!(config["patch"].as_integer(), Some(5));
}

#[test]
fn saved_patches_and_the_model_give_the_j_that_was_reported() {
    let folder = tempdir().unwrap();
    for (device, tolerance) in [("cpu", 0.0), ("reference", 1e-6)] {
        let (run, rows) = (device, format!("{device}.npy"));
        let first = train(folder.path(), run, &["--save-patches", &rows, "--device", device]);
        let model = format!("{run}/model.safetensors");
        let args = ["eval", &model, &rows, "--normalize", "none", "--device", device, "--json"];
        let again = rhohat(folder.path(), &args).json();
        // The reference learned from the patches in f64, the file holds them in f32.
        for name in ["j", "reconstruction", "decay", "kl", "examples"] {
            let (told, found) = (number(&first, name), number(&again, name));
            assert!((told - found).abs() <= tolerance * told.abs(), "{name} on {device}: {told} and {found}");
        }
        assert_eq!(first["decay"], again["decay"], "the same weights");
    }
}

#[test]
fn chunks_and_blocks_do_not_change_the_result() {
    let folder = tempdir().unwrap();
    let whole = number(&train(folder.path(), "whole", &[]), "j");
    let cut = number(&train(folder.path(), "cut", &["--chunk", "17", "--block", "8"]), "j");
    assert!((whole - cut).abs() < 1e-4 * whole, "{whole} and {cut}");
}

#[test]
fn pictures_of_the_user_are_cut_and_normalised_but_not_whitened() {
    let folder = tempdir().unwrap();
    let picture = fixture("color.png");
    train(folder.path(), "grey", &[&picture]);
    assert_eq!(config(folder.path(), "grey")["whiten"].as_bool(), Some(false));
    train(folder.path(), "color", &[&picture, "--color", "--patch", "4"]);
    let args = ["features", "color/model.safetensors", "-o", "features.png", "--scale", "2"];
    rhohat(folder.path(), &args).text();
    let features = image::open(folder.path().join("features.png")).unwrap();
    assert_eq!(features.color(), image::ColorType::Rgb8);
    assert_eq!((features.width(), features.height()), (2 * 26, 2 * 26));
}

/// The settings of a run, chosen and derived.
fn config(folder: &std::path::Path, run: &str) -> Table {
    let text = fs::read_to_string(folder.join(run).join("config.toml")).unwrap();
    let mut table: Table = text.parse().unwrap();
    let derived = table.remove("derived").unwrap();
    table.extend(derived.as_table().unwrap().clone());
    table
}
