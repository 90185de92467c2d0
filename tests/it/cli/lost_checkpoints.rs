//! Runs whose checkpoints are not there, damaged or of a later version: what begins again, and only on request.

use std::fs;
use std::path::{Path, PathBuf};

use super::bound::{begin, folder, model, refused, resume};

#[test]
fn checkpoints_of_a_later_version_end_the_sitting_and_nothing_is_touched() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--steps 9 --checkpoint-every 3").text();
    for path in steps(folder) {
        let manifest = path.join("manifest.json");
        let text = fs::read_to_string(&manifest).unwrap().replace("\"format\": 2", "\"format\": 3");
        fs::write(manifest, text).unwrap();
    }
    let metrics = fs::read(folder.join("run/metrics.jsonl")).unwrap();
    for flags in ["--steps 20", "--steps 20 --from-scratch"] {
        refused(&resume(folder, "run", flags), 3, &["manifest.json", "format 3", "later version", "touched"]);
    }
    assert_eq!(steps(folder).len(), 2);
    assert!(!folder.join("run/rejected").exists());
    assert_eq!(fs::read(folder.join("run/metrics.jsonl")).unwrap(), metrics);
}

fn steps(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("run/checkpoints")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
}

#[test]
fn a_run_whose_checkpoints_are_all_damaged_begins_again_on_request_alone() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--steps 9 --checkpoint-every 3").text();
    let whole = model(folder, "run");
    refused(
        &resume(folder, "run", "--from-scratch"),
        2,
        &["--from-scratch", "step-000000009", "can be used"],
    );
    for path in steps(folder) {
        let bytes = fs::read(path.join("state.bin")).unwrap();
        fs::write(path.join("state.bin"), &bytes[1..]).unwrap();
    }
    fs::remove_file(folder.join("run/summary.json")).unwrap();
    for _ in 0..2 {
        let refusal = resume(folder, "run", "");
        refused(&refusal, 3, &["none of its checkpoints", "step-000000009", "state.bin", "--from-scratch"]);
        assert_eq!(steps(folder).len(), 2, "something was moved");
    }
    resume(folder, "run", "--from-scratch").text();
    assert!(model(folder, "run") == whole, "other bits");
    assert_eq!(fs::read_dir(folder.join("run/rejected")).unwrap().count(), 2, "they are kept");
    // Those of an earlier sitting count, too.
    fs::remove_dir_all(folder.join("run/checkpoints")).unwrap();
    fs::remove_file(folder.join("run/summary.json")).unwrap();
    refused(&resume(folder, "run", ""), 3, &["rejected/", "--from-scratch"]);
}

#[test]
fn a_run_whose_checkpoints_were_taken_away_begins_again_on_request_alone() {
    let folder = folder();
    let folder = folder.path();
    begin(folder, "run", "--steps 9").text();
    let (whole, metrics) = (model(folder, "run"), fs::read(folder.join("run/metrics.jsonl")).unwrap());
    fs::remove_dir_all(folder.join("run/checkpoints")).unwrap();
    // The result is still there to be told.
    resume(folder, "run", "").text();
    refused(&resume(folder, "run", "--steps 20"), 3, &["has had a result", "--from-scratch"]);
    assert!(model(folder, "run") == whole);
    assert_eq!(fs::read(folder.join("run/metrics.jsonl")).unwrap(), metrics);
    assert_eq!(resume(folder, "run", "--steps 20 --from-scratch").json()["steps"], 20);
}
