//! Models that were named: listed, sent byte by byte, and refused where they are none.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use super::client::{Server, check_policy, outcome};
use crate::cli::{fixture, train};

#[test]
fn models_are_listed_in_their_order_and_come_byte_by_byte() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    // Larger than what is read at once.
    train(path, "run", &["--hidden", "300", "--samples", "20", "--no-report"]);
    let model = fs::read(path.join("run/model.safetensors")).unwrap();
    assert!(model.len() > 1 << 17);
    train(path, "second", &["--hidden", "5"]);
    let other = fs::read(path.join("second/model.safetensors")).unwrap();
    fs::write(path.join("other.safetensors"), &other).unwrap();
    let server = Server::start(path, &["run", "other.safetensors"]);
    let list = server.get("/models.json");
    assert_eq!((list.status, list.header("content-type")), (200, "application/json"));
    check_policy(&list);
    let list: Value = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    for (number, name, bytes) in [(0, "run", &model), (1, "other.safetensors", &other)] {
        let address = format!("/models/{number}.safetensors");
        let listed = &list[number];
        assert_eq!((&listed["name"], &listed["address"]), (&name.into(), &address.as_str().into()));
        assert_eq!(listed["bytes"], bytes.len());
        let answer = server.get(&address);
        assert!(answer.status == 200 && answer.body == **bytes, "{address}: other bytes");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        check_policy(&answer);
        let head = server.ask("HEAD", &address, &[]);
        assert_eq!((head.header("content-length"), head.body.len()), (&*bytes.len().to_string(), 0));
    }
    let settings = &list[0]["settings"];
    assert_eq!((&settings["hidden"], &settings["samples"]), (&300.into(), &20.into()), "{settings}");
    assert_eq!(list[1]["settings"], Value::Null);
    for path in ["/models/2.safetensors", "/models/00.safetensors", "/models/+0.safetensors", "/models/0"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    // What is there when it is asked for: a later result, then nothing.
    fs::rename(path.join("second/model.safetensors"), path.join("run/model.safetensors")).unwrap();
    assert!(server.get("/models/0.safetensors").body == other);
    fs::remove_file(path.join("run/model.safetensors")).unwrap();
    let gone = server.get("/models/0.safetensors");
    assert!(gone.status == 404 && gone.text().contains("gone"), "{gone:?}");
    let list: Value = serde_json::from_slice(&server.get("/models.json").body).unwrap();
    assert_eq!((&list[0]["bytes"], &list[1]["bytes"]), (&Value::Null, &other.len().into()));
}

#[test]
fn without_arguments_there_are_no_models() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.get("/models.json").text(), "[]");
    assert_eq!(server.get("/models/0.safetensors").status, 404);
}

#[cfg(unix)]
#[test]
fn links_that_a_user_names_are_followed_and_those_within_a_run_are_not() {
    use std::os::unix::fs::symlink;
    let folder = tempdir().unwrap();
    let path = folder.path();
    train(path, "run", &[]);
    let model = fs::read(path.join("run/model.safetensors")).unwrap();
    fs::write(path.join("secret"), "of somebody else").unwrap();
    symlink("run", path.join("newest")).unwrap();
    symlink("run/model.safetensors", path.join("model")).unwrap();
    fs::create_dir(path.join("linked")).unwrap();
    fs::copy(path.join("run/config.toml"), path.join("linked/config.toml")).unwrap();
    symlink("../run/model.safetensors", path.join("linked/model.safetensors")).unwrap();
    let words = ["linked/model.safetensors", "a link", "is not served", "name the model file itself"];
    outcome(path, &["linked"]).refused(3, &words);
    let server = Server::start(path, &["newest", "model"]);
    for number in [0, 1] {
        assert!(server.get(&format!("/models/{number}.safetensors")).body == model, "{number}");
    }
    // Put there since.
    fs::remove_file(path.join("run/model.safetensors")).unwrap();
    symlink("../secret", path.join("run/model.safetensors")).unwrap();
    for number in [0, 1] {
        let answer = server.get(&format!("/models/{number}.safetensors"));
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.text().contains("a link") && !answer.text().contains("somebody"), "{answer:?}");
        check_policy(&answer);
    }
    // The name that was given leads elsewhere now: what it led to when the program began is meant.
    fs::remove_file(path.join("newest")).unwrap();
    symlink("/etc", path.join("newest")).unwrap();
    assert_eq!(server.get("/models/0.safetensors").status, 403);
}

#[test]
fn what_is_no_model_for_the_page_is_refused_before_anything_is_served() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    fs::create_dir(path.join("empty")).unwrap();
    fs::write(path.join("text"), "no model at all, only text").unwrap();
    fs::copy(fixture("models/arrays.npz"), path.join("arrays.npz")).unwrap();
    train(path, "unfinished", &[]);
    fs::remove_file(path.join("unfinished/model.safetensors")).unwrap();
    let refused = |name: &str, words: &[&str]| outcome(path, &[name, "--json"]).refused(3, words);
    refused("none.safetensors", &["none.safetensors: no such file or folder"]);
    refused("empty", &["a folder without a model.safetensors"]);
    refused("text", &["text: "]);
    refused("arrays.npz", &["no safetensors file", "rhohat convert arrays.npz -o model.safetensors"]);
    refused("unfinished", &["has no model.safetensors yet", "rhohat train --resume"]);
    #[cfg(unix)]
    {
        assert!(std::process::Command::new("mkfifo").arg(path.join("pipe")).status().unwrap().success());
        refused("pipe", &["a pipe or a device"]);
    }
}
