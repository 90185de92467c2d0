//! One model on several devices: `--device a,b` and `--shards`.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use super::{die, metrics, model, rhohat};

/// 200 patches of 64, 25 units.
pub(super) const SMALL: [&str; 5] = ["train", "--samples", "200", "--no-report", "--json"];
pub(super) const ADAM: [&str; 8] =
    ["--optimizer", "adam", "--batch", "32", "--steps", "40", "--revive", "15"];
const SGD: [&str; 8] = ["--optimizer", "sgd", "--batch", "full", "--steps", "20", "--momentum", "0.5"];

fn config(folder: &Path, run: &str) -> toml::Table {
    toml::from_str(&fs::read_to_string(folder.join(run).join("config.toml")).unwrap()).unwrap()
}

/// Trains into `folder`/`out`; the result.
fn train(folder: &Path, out: &str, device: &str, more: &[&str]) -> Value {
    rhohat(folder, &[&SMALL[..], &["--device", device, "--out", out], more].concat()).json()
}

#[test]
fn two_devices_write_the_files_of_one_in_two_shards_with_every_optimiser() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let lbfgs = ["--optimizer", "lbfgs", "--steps", "12", "--validation", "0.2"];
    for (name, flags) in [("adam", &ADAM[..]), ("sgd", &SGD), ("lbfgs", &lbfgs)] {
        for device in ["cpu", "reference", "software"] {
            let [one, two] = ["one", "two"].map(|run| format!("{name}-{device}-{run}"));
            let shards = [flags, &["--shards", "2"]].concat();
            let alone = train(folder, &one, device, &shards);
            let both = train(folder, &two, &format!("{device},{device}"), flags);
            assert!(model(folder, &one) == model(folder, &two), "{name}, {device}: other bits");
            assert_eq!(metrics(folder, &one), metrics(folder, &two), "{name}, {device}");
            for figure in ["cost", "rho_hat", "units", "measures", "validation", "revived"] {
                assert_eq!(alone[figure], both[figure], "{name}, {device}, {figure}");
            }
            assert!(both["adapter"].as_str().unwrap().ends_with("the first of 2 ranks"), "{both}");
            let derived = &config(folder, &two)["derived"];
            assert_eq!(derived["shards"].as_integer(), Some(2), "{derived}");
        }
    }
    let plain = train(folder, "plain", "cpu", &ADAM);
    assert!(model(folder, "plain") != model(folder, "adam-cpu-one"), "two shards sum in another order");
    assert!(plain["rho_hat"] != Value::Null && !config(folder, "plain").contains_key("shards"));
}

#[test]
fn a_run_goes_on_with_other_devices_and_has_the_bits_of_one_that_never_stopped() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let flags = [&ADAM[..], &["--shards", "4", "--checkpoint-every", "7"]].concat();
    train(folder, "whole", "cpu", &flags);
    for (began, goes_on) in [("cpu,cpu", "cpu"), ("cpu", "cpu,cpu,cpu,cpu"), ("cpu,cpu,cpu,cpu", "cpu,cpu")] {
        let run = format!("{} to {}", began.len(), goes_on.len());
        let broken = [&SMALL[..], &["--device", began, "--out", &run], &flags].concat();
        die(folder, "latest-written:2", &broken);
        let outcome = rhohat(folder, &["train", "--json", "--resume", &run, "--device", goes_on]);
        assert!(outcome.stderr.contains("going on from step-0000000"), "{}", outcome.stderr);
        assert_eq!(outcome.json()["steps"], 40);
        assert!(model(folder, &run) == model(folder, "whole"), "{run}: other bits");
        assert_eq!(metrics(folder, &run), metrics(folder, "whole"), "{run}");
    }
}

#[test]
fn a_run_goes_on_with_devices_that_cannot_share_its_shards_and_says_that_bits_differ() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let broken =
        [&SMALL[..], &["--device", "cpu,cpu", "--out", "run", "--checkpoint-every", "7"], &ADAM].concat();
    die(folder, "latest-written:2", &broken);
    let outcome = rhohat(folder, &["train", "--json", "--resume", "run", "--device", "cpu,cpu,cpu"]);
    assert!(outcome.stderr.contains("shards: 3, since 2 cannot be dealt out"), "{}", outcome.stderr);
    assert_eq!(outcome.json()["steps"], 40);
    let chosen = [&SMALL[..], &["--device", "cpu", "--shards", "2", "--out", "chosen"], &ADAM].concat();
    die(folder, "latest-written:1", &chosen);
    let refused = rhohat(folder, &["train", "--resume", "chosen", "--device", "cpu,cpu,cpu"]);
    assert!(refused.code == 2 && refused.stderr.contains("ask for 3 shards"), "{}", refused.stderr);
}

#[test]
fn lists_and_shards_that_cannot_be_are_refused_before_anything_is_made() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    for (flags, why) in [
        (&["--device", "cpu,reference"][..], "drift apart"),
        (&["--device", "cpu,auto"], "auto in a list"),
        (&["--device", "cpu,cpu", "--shards", "3"], "ask for 2 or 4 shards"),
        (&["--device", "cpu,cpu", "--shards", "1"], "ask for 2 shards"),
        (&["--device", "cpu", "--shards", "26"], "give 25 at most"),
        (&["--device", "pci:ffff:ff:1f.7"], "no such adapter"),
    ] {
        let outcome = rhohat(folder, &[&SMALL[..], &["--out", "run"], flags].concat());
        assert!([2, 5].contains(&outcome.code), "{flags:?}: {}", outcome.code);
        assert!(outcome.stderr.contains(why), "{flags:?}: {}", outcome.stderr);
        assert!(!folder.join("run").exists(), "{flags:?}");
    }
    let outcome = rhohat(folder, &["verify", "--device", "cpu,cpu"]);
    assert!(outcome.code == 2 && outcome.stderr.contains("name one of them"), "{}", outcome.stderr);
}
