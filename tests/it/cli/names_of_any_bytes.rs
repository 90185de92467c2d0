//! Names that are no UTF-8, wherever a path is given.

#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;

use assert_cmd::Command;
use rhohat::data::npy;
use tempfile::tempdir;

fn name(text: &[u8]) -> OsString {
    OsString::from_vec(text.to_vec())
}

#[test]
fn data_models_and_runs_may_have_names_of_any_bytes() {
    let folder = tempdir().unwrap();
    let folder = folder.path().join(name(b"stra\xdfe"));
    fs::create_dir(&folder).unwrap();
    let rows: Vec<f32> = (0..600).map(|i| 0.1 + (i * i % 83) as f32 / 104.0).collect();
    let (data, run) = (name(b"caf\xe9.npy"), name(b"l\xe4uft"));
    npy::write(&folder.join(&data), 60, 10, &rows).unwrap();
    let command = |arguments: &[&OsStr]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
        let output = command.current_dir(&folder).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = OsStr::new;
    let train = ["train", "--hidden", "4", "--steps", "3", "--device", "cpu", "--json"].map(text);
    let told = command(&[&train[..], &[&data, text("--out"), &run]].concat());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["run"]["hex"], "6ce4756674", "{told}");
    // Finished, longer, repeated, and started from.
    let again = command(&[text("train"), text("--json"), text("--resume"), &run]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again).unwrap()["j"], told["j"]);
    command(&[text("train"), text("--resume"), &run, text("--steps"), text("5")]);
    let mut config = run.clone();
    config.push("/config.toml");
    command(&[text("train"), text("--config"), &config, text("--out"), text("again")]);
    let mut model = run.clone();
    model.push("/model.safetensors");
    command(
        &[&train[..1], &train[3..], &[&data, text("--init"), &model, text("--out"), text("on")]].concat(),
    );
    command(&[text("train"), text("--resume"), text("on"), text("--steps"), text("6")]);
}
