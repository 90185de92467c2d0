//! The programs in `examples/`: each runs and says what it promises. `cargo test` builds them; alone, this test needs
//! `cargo build --examples` in the same profile first.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::tempdir;

/// Runs an example in a folder; what it prints.
fn run(name: &str, folder: &Path, args: &[&str]) -> String {
    let here = std::env::current_exe().unwrap();
    let program: PathBuf = here.ancestors().nth(2).unwrap().join("examples").join(name);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.is_file(), "{}: not built; cargo build --examples", program.display());
    let mut command = Command::new(program);
    let done = command.current_dir(folder).env("TMPDIR", folder).args(args).output().unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn train_writes_a_model_that_encode_reads() {
    let folder = tempdir().unwrap();
    let said = run("train", folder.path(), &[]);
    assert!(
        said.starts_with("built-in pictures: 10 pictures in grey, 512×512") && said.contains("after 100")
    );
    let model = folder.path().join("rhohat-example.safetensors");
    let features = folder.path().join("rhohat-example.png");
    assert!(model.is_file() && features.is_file());
    let args = [model.to_str().unwrap(), features.to_str().unwrap()];
    let said = run("encode", folder.path(), &args);
    assert!(said.contains("rows of 25 codes, and back to 64 numbers"), "{said}");
}

#[test]
fn resume_goes_on_with_its_run() {
    let folder = tempdir().unwrap();
    let said = run("resume", folder.path(), &[]);
    assert!(said.contains("after 30 updates") && said.contains("after 60 updates"), "{said}");
    assert!(folder.path().join("runs/example/resumed.jsonl").is_file());
}

#[test]
fn observer_stops_its_run() {
    let said = run("observer", tempdir().unwrap().path(), &[]);
    assert!(said.contains("making examples\n") && said.contains("Stopped after "), "{said}");
}

#[test]
fn own_data_learns_from_rows_in_memory() {
    let said = run("own_data", tempdir().unwrap().path(), &[]);
    assert!(said.contains("over 120 held-out rows") && said.contains("600 rows, 12 codes each"), "{said}");
}
