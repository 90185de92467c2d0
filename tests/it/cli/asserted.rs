//! Conditions on results, for scripts.

use tempfile::tempdir;

use super::{json, rhohat};

const TRAIN: [&str; 10] =
    ["train", "--device", "cpu", "--samples", "300", "--steps", "3", "--validation", "0.1", "--json"];

#[test]
fn a_result_that_is_not_as_asserted_ends_with_7_and_is_told_all_the_same() {
    let folder = tempdir().unwrap();
    let train = |more: &[&str]| rhohat(folder.path(), &[&TRAIN[..], more].concat());
    let met = train(&["--assert", "j<1000", "--assert", "dead=0", "--assert", "steps = 3", "--out", "met"]);
    assert_eq!((met.code, met.stderr.contains("assert")), (0, false), "{}", met.stderr);
    let unmet = train(&[
        "--assert",
        "j<1000",
        "--assert",
        "explained-variance>=1",
        "--assert",
        "dead>0",
        "--out",
        "unmet",
    ]);
    assert_eq!(unmet.code, 7);
    let summary = json(&unmet.stdout);
    let words = format!(
        "--assert explained_variance>=1: it is {}; --assert dead>0: it is 0",
        summary["explained_variance"]
    );
    assert!(unmet.stderr.contains(&words), "{}", unmet.stderr);
    // The run has its result, and is asked again.
    assert_eq!(rhohat(folder.path(), &["train", "--resume", "unmet", "--assert", "dead>0"]).code, 7);
}

#[test]
fn every_number_that_can_be_asserted_is_in_a_result_and_others_are_refused_before_there_is_one() {
    let folder = tempdir().unwrap();
    let refused = rhohat(folder.path(), &[&TRAIN[..], &["--assert", "jay<1", "--out", "run"]].concat());
    assert_eq!(refused.code, 2);
    assert!(!folder.path().join("run").exists());
    let names = refused.stderr.split("give one of ").nth(1).unwrap().trim().to_owned();
    let mut args: Vec<String> = TRAIN.iter().map(ToString::to_string).collect();
    args.extend(["--out".to_owned(), "run".to_owned()]);
    for name in names.split(", ") {
        // The system may not tell the peak.
        if cfg!(target_os = "linux") || name != "peak_memory" {
            args.extend(["--assert".to_owned(), format!("{name}>-1e300")]);
        }
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let found = rhohat(folder.path(), &args);
    assert_eq!(found.code, 0, "{}", found.stderr);
    std::fs::write(folder.path().join("rows.csv"), "0.1,0.2\n0.3,0.4\n0.5,0.1\n").unwrap();
    rhohat(
        folder.path(),
        &["train", "rows.csv", "--hidden", "2", "--steps", "2", "--device", "cpu", "--out", "small"],
    )
    .text();
    let eval = |condition: &str| {
        rhohat(folder.path(), &["eval", "small", "rows.csv", "--device", "cpu", "--assert", condition]).code
    };
    assert_eq!((eval("mse<100"), eval("mse>100"), eval("steps=2")), (0, 7, 2));
}
