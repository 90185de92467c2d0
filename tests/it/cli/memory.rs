//! Memory plans, and rows that stay on disk.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use tempfile::tempdir;

use super::{die, rhohat};

fn rows(folder: &Path) {
    let values: Vec<f32> = (0..3_000 * 20).map(|i| (i * i % 97) as f32 / 97.0).collect();
    npy::write(&folder.join("rows.npy"), 3_000, 20, &values).unwrap();
}

const DESCENT: [&str; 9] =
    ["train", "rows.npy", "--optimizer", "adam", "--batch", "100", "--steps", "30", "--device=cpu"];

fn train(folder: &Path, more: &[&str]) -> super::Outcome {
    rhohat(folder, &[&DESCENT[..], more].concat())
}

#[test]
fn streamed_and_held_rows_leave_the_same_model() {
    let folder = tempdir().unwrap();
    rows(folder.path());
    let model = |name: &str, more: &[&str]| {
        let shared = ["--shuffle-block", "16", "--out", name, "--json"];
        let summary = train(folder.path(), &[&shared[..], more].concat()).json();
        assert_eq!(summary["measured"], 3_000);
        fs::read(folder.path().join(name).join("model.safetensors")).unwrap()
    };
    assert_eq!(model("streamed", &["--stream"]), model("held", &["--no-stream"]));
    // The configuration of one is that of the other but for where the rows are.
    let config = |name| fs::read_to_string(folder.path().join(name).join("config.toml")).unwrap();
    assert_eq!(config("streamed").replace("stream = true", "stream = false"), config("held"));
}

#[test]
fn a_streamed_run_that_dies_goes_on_in_the_same_order_to_the_model_of_rows_in_memory() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(folder);
    // Three epochs and a third of one; windows of 256 rows, so that breaks come within windows and epochs.
    let flags = ["--steps", "100", "--shuffle-block", "16", "--checkpoint-every", "7", "--quiet"];
    let begun =
        |out: &'static str, stream| [&DESCENT[..6], &flags, &["--device=cpu", stream, "--out", out]].concat();
    rhohat(folder, &begun("held", "--no-stream")).text();
    let whole = fs::read(folder.join("held/model.safetensors")).unwrap();
    for (run, deaths) in [("once", &[1][..]), ("often", &[2, 3, 4]), ("late", &[13])] {
        for (sitting, checkpoint) in deaths.iter().enumerate() {
            let arguments =
                if sitting == 0 { begun(run, "--stream") } else { vec!["train", "--resume", run] };
            die(folder, &format!("latest-written:{checkpoint}"), &arguments);
        }
        let outcome = rhohat(folder, &["train", "--resume", run, "--json"]);
        let step = format!("going on from step-{:09}", 7 * deaths.iter().sum::<usize>());
        assert!(outcome.stderr.contains(&step), "{run}: {}", outcome.stderr);
        assert_eq!(outcome.json()["steps"], 100);
        assert!(fs::read(folder.join(run).join("model.safetensors")).unwrap() == whole, "{run}: other bits");
    }
}

#[test]
fn a_plan_says_what_is_held_and_a_cap_makes_it_smaller_until_nothing_fits() {
    let folder = tempdir().unwrap();
    let values = vec![0.5; 200_000 * 40];
    npy::write(&folder.path().join("rows.npy"), 200_000, 40, &values).unwrap();
    let plan = |more: &[&str]| train(folder.path(), &[&["--dry-run", "--json"][..], more].concat());
    let free = plan(&[]).json();
    assert_eq!(free["stream"], false);
    let parts = [
        "parameters",
        "optimizer_state",
        "activations",
        "data",
        "order",
        "textures",
        "start",
        "saving",
        "program",
    ];
    let sum: u64 = parts.iter().map(|part| free[part].as_u64().unwrap()).sum();
    assert_eq!(free["total"].as_u64().unwrap(), sum);

    let capped = plan(&["--memory", "60MB"]).json();
    assert_eq!(capped["stream"], true);
    assert!(capped["total"].as_u64().unwrap() <= 60_000_000);
    assert!(capped["chunk"].as_u64().unwrap() < free["chunk"].as_u64().unwrap());
    plan(&["--memory", "20MB"]).refused(2, &["--memory", "are needed", "activations", "--hidden"]);
    plan(&["--memory", "60MB", "--no-stream"]).refused(2, &["--memory", "--stream"]);
}

#[test]
fn settings_of_rows_on_disk_that_mean_nothing_are_refused() {
    let folder = tempdir().unwrap();
    rows(folder.path());
    fs::write(folder.path().join("rows.bin"), vec![7; 90]).unwrap();
    let refused = |args: &[&str], words: &[&str]| rhohat(folder.path(), args).refused(2, words);
    refused(&["train", "--stream"], &["--stream", ".npy"]);
    refused(&["train", "--raw", "u8:9"], &["--raw", "DATA"]);
    refused(&["train", "rows.npy", "--shuffle-block", "5"], &["--shuffle-block", "mini-batches"]);
    refused(&["train", "rows.npy", "--stream", "--device", "reference"], &["--stream", "reference"]);
    let raw = ["train", "rows.bin", "--raw", "f32:100"];
    rhohat(folder.path(), &raw).refused(3, &["rows.bin", "90 bytes", "--raw"]);
    let raw = ["train", "rows.bin", "--raw", "u8:9", "--steps", "2", "--hidden", "3", "--json"];
    assert_eq!(rhohat(folder.path(), &raw).json()["examples"], 10);
}

/// `rhohat train` that may have this much address space.
#[cfg(target_os = "linux")]
fn confined(folder: &Path, kib: u64, args: &[&str]) -> super::Outcome {
    let limit = format!("ulimit -v {kib}; exec \"$0\" \"$@\"");
    let program = ["-c", limit.as_str(), env!("CARGO_BIN_EXE_rhohat")];
    super::outcome(folder, "sh", &[&program[..], &DESCENT, args].concat())
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_the_system_refuses_is_an_error_of_the_device_and_no_abort() {
    let folder = tempdir().unwrap();
    rows(folder.path());
    let args = ["--hidden=1000000", "--memory=50GB", "-q", "--out=refused"];
    let words = ["out of memory", "--hidden", "ulimit"];
    confined(folder.path(), 500_000, &args).refused(5, &words);
    assert!(!folder.path().join("refused").exists(), "a run that never began leaves nothing");
    // Whatever the limit, a run ends well or is refused.
    let plan = train(folder.path(), &["--hidden=100000", "--dry-run", "--json"]).json();
    let planned = plan["total"].as_u64().unwrap() / 1024;
    for more in [0, 100_000, 200_000, 300_000, 400_000, 600_000] {
        let out = format!("--out=with{more}");
        let code = confined(folder.path(), planned + more, &["--hidden=100000", "-q", &out]).code;
        assert!(code == 5 || code == 0 && more > 300_000, "{code} with {more} KiB more than planned");
        assert!(code == 0 || more < 600_000, "{code} with {more} KiB more than planned");
    }
}
