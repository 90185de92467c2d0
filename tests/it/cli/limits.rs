//! What is too many or too much for a list, a process or the memory: rows, files, bytes of address space.

use std::fs::{self, File};
use std::path::Path;

use rhohat::data::npy;
use tempfile::tempdir;

use super::{Outcome, number, outcome, rhohat};

const DESCENT: [&str; 7] =
    ["train", "--optimizer=adam", "--batch=100", "--steps=3", "--device=cpu", "--hidden=3", "--json"];

fn train(folder: &Path, more: &[&str]) -> Outcome {
    rhohat(folder, &[&DESCENT[..], more].concat())
}

/// `rhohat` under a limit of the shell.
#[cfg(unix)]
fn under(limit: &str, folder: &Path, args: &[&str]) -> Outcome {
    let script = format!("ulimit {limit}; exec \"$0\" \"$@\"");
    outcome(folder, "sh", &[&["-c", &script, env!("CARGO_BIN_EXE_rhohat")][..], args].concat())
}

fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

fn config(folder: &Path, run: &str) -> String {
    fs::read_to_string(folder.join(run).join("config.toml")).unwrap()
}

/// The line of a configuration that says how many rows are computed at a time.
fn chunk(config: &str) -> Option<&str> {
    config.lines().find(|line| line.starts_with("chunk"))
}

/// A file of so many bytes of which none takes room.
fn sparse(path: &Path, bytes: u64) {
    File::create(path).unwrap().set_len(bytes).unwrap();
}

#[cfg(unix)]
#[test]
fn ten_thousand_files_are_learned_from_where_256_may_be_open_streamed_and_held() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("shards")).unwrap();
    for number in 0..10_000 {
        let values = [0, 1, 2, 3].map(|i| ((number * 4 + i) % 97) as f32 / 97.0);
        npy::write(&folder.join(format!("shards/{number:05}.npy")), 1, 4, &values).unwrap();
    }
    for (run, stream) in [("streamed", "--stream"), ("held", "--no-stream")] {
        let args =
            [&DESCENT[..], &["shards", "--shuffle-block=3", stream, "--out", run, "--checkpoint-every=1"]]
                .concat();
        let summary = under("-n 256", folder, &args).json();
        assert_eq!(summary["examples"], 10_000);
    }
    assert!(model(folder, "streamed") == model(folder, "held"), "other bits");
}

#[test]
fn rows_that_32_bits_do_not_count_are_streamed_and_never_held() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let rows = (1_u64 << 32) + 5;
    sparse(&folder.join("rows.bin"), rows);
    let raw = ["rows.bin", "--raw=u8:1"];
    for (run, more) in [("drawn", &[][..]), ("computed", &["--shuffle-block=1", "--memory=80MB"])] {
        let summary =
            train(folder, &[&raw[..], more, &["--out", run, "--checkpoint-every=1"]].concat()).json();
        assert_eq!((summary["examples"].as_u64(), summary["steps"].as_u64()), (Some(rows), Some(3)));
        let computed = config(folder, run).contains("shuffle_order = \"computed\"");
        assert_eq!(computed, run == "computed", "{}", config(folder, run));
        // A run that goes on finds its place in the order at once.
        let resumed = rhohat(folder, &["train", "--resume", run, "--steps=5", "--json"]).json();
        assert_eq!(resumed["steps"], 5);
    }
    let refused = |more: &[&str], words: &[&str]| {
        train(folder, &[&raw[..], &["--quiet"], more].concat()).refused(2, words);
    };
    refused(&["--no-stream"], &["4294967301 rows", "4294967295", "--stream"]);
    // A number of 64 bits for each row that one is drawn from.
    refused(&["--validation=1e-12", "--memory=1GB"], &["start 3", "GB"]);
    refused(&["--shuffle-block=300000000"], &["--shuffle-block", "268435455"]);
    let plan = train(folder, &[&raw[..], &["--dry-run", "--memory=200MB"]].concat()).json();
    assert!(plan["stream"] == true && number(&plan, "total") <= 200e6);
    // A window of sixteen runs of 2²⁰ rows.
    refused(&["--memory=80MB"], &["order 67", "lower --shuffle-block 1048576"]);
}

#[test]
fn the_list_of_an_order_is_part_of_the_plan_and_refused_with_a_way_out() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    sparse(&folder.join("rows.bin"), 200_000_000);
    // A configuration of 0.1.0, which knows no other order than a list.
    fs::write(
        folder.join("old.toml"),
        "raw = \"u8:2\"\ndata = \"rows.bin\"\nshuffle_block = 1\nstream = true\n",
    )
    .unwrap();
    let plan = train(folder, &["--config=old.toml", "--dry-run"]).json();
    // Two lists of 10⁸ numbers of four bytes.
    assert!(number(&plan, "order") >= 800e6, "{plan}");
    train(folder, &["--config=old.toml", "--memory=200MB"])
        .refused(2, &["order 80", "--shuffle-block", "another order"]);
    let plan =
        train(folder, &["rows.bin", "--raw=u8:2", "--shuffle-block=1", "--memory=60MB", "--dry-run"]).json();
    assert!(number(&plan, "order") < 1e6, "{plan}");
}

#[test]
fn memory_decides_neither_the_order_nor_the_bits_of_a_run() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let values: Vec<f32> = (0..200_000 * 40).map(|i| (i % 8_191) as f32 / 8_191.0).collect();
    npy::write(&folder.join("rows.npy"), 200_000, 40, &values).unwrap();
    let run = |out: &str, more: &[&str]| {
        let shared = ["rows.npy", "--out", out];
        rhohat(folder, &[&DESCENT[..6], &shared, more].concat())
    };
    let told = run("little", &["--memory=45MB"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("one by one") && told.stderr.contains("--shuffle-block"), "{}", told.stderr);
    let told = run("much", &["--no-stream"]);
    assert!(told.code == 0 && !told.stderr.contains("one by one"), "{}", told.stderr);
    assert!(model(folder, "little") == model(folder, "much"), "other bits");
    assert!(config(folder, "little").contains("stream = true"), "{}", config(folder, "little"));
    assert_ne!(chunk(&config(folder, "little")), chunk(&config(folder, "much")));
    // What cannot keep the bits says so.
    let told =
        rhohat(folder, &["train", "rows.npy", "--batch=full", "--steps=1", "--device=cpu", "--memory=45MB"]);
    assert!(told.code == 0 && told.stderr.contains("last digits"), "{}", told.stderr);
    for run in ["little", "much"] {
        assert!(!config(folder, run).contains("shuffle_block"), "{}", config(folder, run));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn examples_are_saved_piece_by_piece_and_held_out_rows_stay_on_disk() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    // 64 MiB, which would be 512 in f64.
    sparse(&folder.join("rows.bin"), 1 << 26);
    let raw = ["rows.bin", "--raw=u8:64", "--memory=45MB"];
    let saved = [&DESCENT[..], &raw, &["--save-patches=/dev/null", "--out=saved"]].concat();
    assert_eq!(under("-v 700000", folder, &saved).json()["examples"], 1 << 20);
    let held = train(folder, &[&raw[..2], &["--validation=0.5", "--dry-run"]].concat()).json();
    // As the engines take them, half of them each.
    assert!(number(&held, "total") > 4.0 * 64e6, "{held}");
    let streamed = train(folder, &[&raw[..], &["--validation=0.5", "--dry-run"]].concat()).json();
    // A number of 32 bits for each row that is held out, twice.
    assert!(streamed["stream"] == true && number(&streamed, "order") >= 4e6, "{streamed}");
    let saved = [&DESCENT[..], &raw, &["--validation=0.5", "--out=held"]].concat();
    assert_eq!(under("-v 700000", folder, &saved).json()["examples"], 1 << 19);
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_ends_the_run_with_its_name() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let values: Vec<f32> = (0..2_000 * 4).map(|i| (i % 97) as f32 / 97.0).collect();
    npy::write(&folder.join("rows.npy"), 2_000, 4, &values).unwrap();
    let before = fs::read(folder.join("rows.npy")).unwrap();
    let args =
        [&DESCENT[..3], &DESCENT[4..], &["rows.npy", "--stream", "--steps=100000000", "--max-time=60s"]]
            .concat();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_rhohat"))
        .current_dir(folder)
        .args(&args)
        .args(["--out=changed"])
        .env("RHOHAT_CACHE_DIR", folder.join("cache"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Once there are metrics there has been an epoch, or there will be two of other rows.
    while fs::metadata(folder.join("changed/metrics.jsonl")).map_or(true, |file| file.len() == 0) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    use std::io::{Read, Seek, SeekFrom, Write};
    let mut file = File::options().write(true).open(folder.join("rows.npy")).unwrap();
    file.seek(SeekFrom::Start(before.len() as u64 - 8)).unwrap();
    file.write_all(&0.25_f32.to_le_bytes()).unwrap();
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("rows.npy") && stderr.contains("changed while it was read"), "{stderr}");
}
