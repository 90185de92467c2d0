//! What DATA was taken for is told, in words and in JSON, by every command that reads it; and files of other programs are
//! named with the line that makes rows of them.

use std::fs;
use std::path::Path;

use rhohat::data::{Source, npy};
use serde_json::Value;
use tempfile::tempdir;

use super::{Outcome, fixture, rhohat};

const SHORT: [&str; 8] = ["--hidden", "3", "--steps", "2", "--device", "cpu", "--out", "run"];

const MODEL: &str = "run/model.safetensors";

/// An `.npy` of bytes.
fn bytes(path: &Path, shape: &str, numbers: &[u8]) {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
    let start = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    fs::write(path, [&start, numbers].concat()).unwrap();
}

fn numbers(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 7919 % 251) as u8).collect()
}

fn train(folder: &Path, data: &str, flags: &[&str]) -> Outcome {
    rhohat(folder, &[&["train", data], &SHORT[..], flags].concat())
}

pub(super) fn has(outcome: &Outcome, words: &str) {
    assert!(outcome.stderr.contains(words), "no {words:?} in: {}", outcome.stderr);
}

fn values(path: &Path) -> Vec<f64> {
    let Source::Rows(table) = Source::open(path).unwrap() else { panic!("rows are rows") };
    table.values
}

#[test]
fn every_command_tells_what_data_were_taken_for() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    bytes(&folder.join("rows.npy"), "(50, 6)", &numbers(300));
    let line = "note: rows.npy: 50 rows of 6 numbers (u8), divided by 255\n";
    let is_told = |report: &Value| {
        let data = &report["data"];
        assert_eq!(
            (&data["kind"], &data["count"], &data["dtype"]),
            (&"rows".into(), &50.into(), &"u8".into())
        );
        assert_eq!((&data["divide"], &data["axes"]), (&255.0.into(), &"count,length".into()));
        assert_eq!(data["shape"], serde_json::json!([50, 6]));
        assert_eq!(data["scale"], "divided by 255");
        assert_eq!(data["left_out"], serde_json::json!([]));
    };
    let learned = train(folder, "rows.npy", &["--divide", "255", "--json"]);
    has(&learned, "50 rows of 6 numbers (u8), divided by 255");
    is_told(&learned.json());
    let planned = rhohat(folder, &["train", "rows.npy", "--divide", "255", "--dry-run", "--json"]);
    let planned = planned.json();
    is_told(&serde_json::json!({ "data": planned["source"] }));
    // What the examples take, as ever.
    assert!(planned["data"].as_u64() > Some(0), "{planned}");
    for command in [
        &["eval", MODEL, "rows.npy"][..],
        &["encode", MODEL, "rows.npy", "-o", "codes.npy"],
        &["reconstruct", MODEL, "rows.npy", "-o", "again.npy"],
    ] {
        let outcome = rhohat(folder, &[command, &["--json", "--device", "cpu"]].concat());
        has(&outcome, line);
        is_told(&outcome.json());
    }
    let outcome =
        rhohat(folder, &["train", "--samples", "20", "--steps", "1", "--device", "cpu", "--out", "built"]);
    has(&outcome, "note: built-in pictures: 10 pictures in grey, 512×512");
    // Of a run that is over the line is in its summary.
    let again = rhohat(folder, &["train", "--resume", "run", "--json"]).json();
    is_told(&again);
}

#[test]
fn bytes_of_rows_are_as_they_are_and_the_remedy_is_named_where_outputs_cannot_reach_them() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    bytes(&folder.join("pixels.npy"), "(50, 6)", &numbers(300));
    let binary: Vec<u8> = numbers(300).iter().map(|byte| byte % 2).collect();
    bytes(&folder.join("binary.npy"), "(50, 6)", &binary);
    fs::write(folder.join("bare.u8"), numbers(300)).unwrap();
    let hint = "use --divide 255 where these are bytes of pixels";
    let saved = |name: &str| values(&folder.join(name));
    for (data, raw) in [("pixels.npy", &[][..]), ("bare.u8", &["--raw", "u8:6"])] {
        let flags = [raw, &["--save-patches", "seen.npy"]].concat();
        let outcome = train(folder, data, &flags);
        has(&outcome, "taken as they are");
        has(&outcome, hint);
        outcome.text();
        assert_eq!(saved("seen.npy"), numbers(300).iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
        let outcome = rhohat(folder, &[&["eval", MODEL, data, "--device", "cpu"], raw].concat());
        has(&outcome, hint);
        outcome.text();
        fs::remove_file(folder.join("seen.npy")).unwrap();
        fs::remove_dir_all(folder.join("run")).unwrap();
    }
    let outcome = train(folder, "binary.npy", &["--save-patches", "seen.npy"]);
    assert!(!outcome.stderr.contains("--divide"), "{}", outcome.stderr);
    outcome.text();
    assert_eq!(saved("seen.npy"), binary.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
}

#[test]
fn reconstructions_have_the_scale_of_the_data() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    // Rows that are all alike, so that the bias alone reconstructs them.
    let row = [10, 60, 110, 160, 210, 240];
    bytes(&folder.join("rows.npy"), "(40, 6)", &row.repeat(40));
    fs::write(
        folder.join("rows.idx"),
        [&[0, 0, 8, 2, 0, 0, 0, 40, 0, 0, 0, 6][..], &row.repeat(40)].concat(),
    )
    .unwrap();
    for (data, flags) in
        [("rows.npy", &["--divide", "255"][..]), ("rows.idx", &[]), ("rows.npy", &["--output", "linear"])]
    {
        let more = ["--steps", "300", "--beta", "0", "--lambda", "0"];
        train(folder, data, &[&more[..], flags].concat()).text();
        rhohat(folder, &["reconstruct", MODEL, data, "-o", "again.npy", "--device", "cpu"]).text();
        let again = values(&folder.join("again.npy"));
        for (&wanted, found) in row.iter().zip(&again) {
            assert!((f64::from(wanted) - found).abs() < 5.0, "{data} {flags:?}: {again:?}");
        }
        fs::remove_dir_all(folder.join("run")).unwrap();
    }
}

#[test]
fn settings_and_models_of_0_1_0_keep_their_reading_and_it_is_told() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    bytes(&folder.join("rows.npy"), "(50, 6)", &numbers(300));
    train(folder, "rows.npy", &["--divide", "255"]).text();
    let divided = fs::read(folder.join(MODEL)).unwrap();
    // Version 0.1.0 knew neither the format nor the table of derived settings.
    let config = fs::read_to_string(folder.join("run/config.toml")).unwrap();
    assert!(config.contains("divide = 255.0"), "{config}");
    let old =
        |line: &&str| !["format", "divide", "[derived]", "data_"].iter().any(|new| line.starts_with(new));
    let mut old: String = config.lines().filter(old).map(|line| format!("{line}\n")).collect();
    if !old.contains("\nchunk") {
        old += "chunk = 50\nblock = 3\n";
    }
    fs::write(folder.join("old.toml"), &old).unwrap();
    let outcome = rhohat(folder, &["train", "--config", "old.toml", "--out", "old"]);
    has(&outcome, "divided by 255, as version 0.1.0 did");
    has(&outcome, "--divide 1");
    outcome.text();
    assert!(fs::read(folder.join("old/model.safetensors")).unwrap() == divided);
    // Its models said nothing of a scale.
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let divide = "\\\"divide\\\":255.0,";
    assert!(text(&divided).contains(divide), "{}", text(&divided[..600]));
    let (length, numbers) =
        (u64::from_le_bytes(divided[..8].try_into().unwrap()) as usize, 4 * (2 * 6 * 3 + 3 + 6));
    let header =
        text(&divided[8..8 + length]).replace(divide, "").replace("\\\"format\\\":2", "\\\"format\\\":1");
    let start = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let old = [&start[..], &divided[divided.len() - numbers..]].concat();
    fs::write(folder.join("old/model.safetensors"), old).unwrap();
    let codes = |model: &str, out: &str| {
        let outcome = rhohat(folder, &["encode", model, "rows.npy", "-o", out, "--device", "cpu"]);
        has(&outcome, "divided by 255");
        outcome.text();
        fs::read(folder.join(out)).unwrap()
    };
    assert!(codes("old/model.safetensors", "old.npy") == codes(MODEL, "new.npy"));
    let outcome = rhohat(folder, &["eval", "old/model.safetensors", "rows.npy", "--device", "cpu"]);
    has(&outcome, "as version 0.1.0 did, of which these settings or this model are");
    outcome.text();
    // A start model goes on with its scale, whether it says it or not.
    let init = ["train", "rows.npy", "--init", "old/model.safetensors", "--steps", "1", "--device", "cpu"];
    let outcome = rhohat(folder, &[&init[..], &["--out", "on"]].concat());
    has(&outcome, "divided by 255");
    outcome.text();
    // A flag wins over both.
    let outcome = rhohat(folder, &["eval", MODEL, "rows.npy", "--divide", "1", "--device", "cpu"]);
    has(&outcome, "taken as they are");
    outcome.text();
}

#[test]
fn what_was_said_of_shapes_is_kept_for_repetitions_and_can_be_said_to_every_command() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    bytes(&folder.join("columns.npy"), "(6, 50)", &numbers(300));
    let outcome = train(folder, "columns.npy", &["--axes", "length,count", "--output", "linear"]);
    has(&outcome, "50 rows of 6 numbers (u8), an array of shape [6, 50] as length,count, taken as they are");
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    outcome.text();
    let again = rhohat(folder, &["train", "--config", "run/config.toml", "--out", "again"]);
    has(&again, "as length,count");
    again.text();
    assert!(
        fs::read(folder.join(MODEL)).unwrap() == fs::read(folder.join("again/model.safetensors")).unwrap()
    );
    let eval = ["eval", MODEL, "columns.npy", "--device", "cpu"];
    let words = ["rows of 50 numbers", "6 visible units", "--axes length,count"];
    rhohat(folder, &eval).refused(3, &words);
    rhohat(folder, &[&eval[..], &["--axes", "length,count"]].concat()).text();
    // The same array without a word is doubted.
    fs::remove_dir_all(folder.join("run")).unwrap();
    let outcome = train(folder, "columns.npy", &["--output", "linear"]);
    has(&outcome, "warning: ");
    has(&outcome, "--axes length,count");
    outcome.text();
    for (flags, words) in [
        (&["--as", "rows"][..], "--as rows says what DATA is"),
        (&["--axes", "h,w"], "--axes h,w says what DATA is"),
        (&["--divide", "255"], "--divide is for rows"),
    ] {
        rhohat(folder, &[&["train"], flags].concat()).refused(2, &[words, "leave it out"]);
    }
}

#[test]
fn small_pictures_are_rows_where_it_is_said() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    bytes(&folder.join("digits.npy"), "(70, 8, 9)", &numbers(70 * 72));
    let outcome = train(folder, "digits.npy", &["--as", "rows", "--divide", "255"]);
    has(
        &outcome,
        "70 rows of 72 numbers (u8), an array of shape [70, 8, 9] as count,length,length, divided by 255",
    );
    outcome.text();
    let outcome = rhohat(folder, &["eval", MODEL, "digits.npy", "--device", "cpu"]);
    outcome.refused(3, &["trained on rows", "--as rows"]);
    rhohat(folder, &["eval", MODEL, "digits.npy", "--as", "rows", "--device", "cpu"]).text();
}

#[test]
fn a_picture_that_is_all_patch_too_small_is_no_advice_to_cut_smaller_ones_where_the_shape_is_doubted() {
    let folder = tempdir().unwrap();
    bytes(&folder.path().join("hwc.npy"), "(20, 16, 3)", &numbers(960));
    let outcome = train(folder.path(), "hwc.npy", &["--samples", "10"]);
    has(&outcome, "--axes h,w,c");
    assert_eq!(outcome.code, 3);
    let outcome = train(folder.path(), "hwc.npy", &["--samples", "10", "--axes", "h,w,c"]);
    has(&outcome, "1 picture in colour, 16×20 (u8), an array of shape [20, 16, 3] as h,w,c, divided by 255");
    outcome.text();
}

#[test]
fn floats_that_a_model_of_bytes_would_divide_again_are_warned_of() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    bytes(&folder.join("rows.npy"), "(50, 6)", &numbers(300));
    train(folder, "rows.npy", &["--divide", "255"]).text();
    npy::write(&folder.join("floats.npy"), 2, 6, &[0.5; 12]).unwrap();
    let outcome = rhohat(folder, &["eval", MODEL, "floats.npy", "--device", "cpu"]);
    has(&outcome, "the data do not go beyond 1, but are divided by 255");
    has(&outcome, "--divide 1");
    outcome.text();
    let init = ["train", "floats.npy", "--init", MODEL, "--steps", "1", "--device", "cpu", "--out"];
    let outcome = rhohat(folder, &[&init[..], &["on"]].concat());
    has(&outcome, "warning: the data do not go beyond 1, but are divided by 255");
    outcome.text();
    let outcome = rhohat(folder, &[&init[..], &["as-is", "--divide", "1"]].concat());
    assert!(!outcome.stderr.contains("do not go beyond"), "{}", outcome.stderr);
    outcome.text();
}

#[test]
fn rows_that_can_only_be_read_at_once_cannot_be_streamed_and_those_in_columns_can() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    bytes(&folder.join("columns.npy"), "(6, 50)", &numbers(300));
    train(folder, "columns.npy", &["--axes", "length,count", "--stream"]).text();
    let outcome = train(folder, &fixture("images-idx3-ubyte.gz"), &["--stream", "--out", "other"]);
    outcome.refused(2, &["--stream", "numpy.ascontiguousarray(a, '<f4')"]);
}

#[test]
fn pictures_are_never_divided_by_what_rows_were_divided_by() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let args = [
        "train",
        "--patch",
        "4",
        "--samples",
        "30",
        "--normalize",
        "none",
        "--steps",
        "2",
        "--device",
        "cpu",
    ];
    rhohat(folder, &[&args[..], &["--out", "pictures"]].concat()).text();
    bytes(&folder.join("patches.npy"), "(50, 16)", &numbers(800));
    let args =
        ["train", "patches.npy", "--init", "pictures/model.safetensors", "--divide", "255", "--steps", "1"];
    rhohat(folder, &[&args[..], &["--device", "cpu", "--out", "run"]].concat()).text();
    fs::copy(fixture("grey.png"), folder.join("photo.png")).unwrap();
    let reconstruct = ["reconstruct", MODEL, "photo.png", "--device", "cpu"];
    rhohat(folder, &[&reconstruct[..], &["-o", "again.npy"]].concat()).text();
    // Outputs of a sigmoid: white is 1.
    assert!(values(&folder.join("again.npy")).iter().all(|&x| x <= 1.0));
    for command in [&["eval"][..], &["encode", "-o", "x.npy"], &["reconstruct", "-o", "x.png"]] {
        let args =
            [&command[..1], &[MODEL, "photo.png", "--device", "cpu", "--divide", "255"], &command[1..]];
        rhohat(folder, &args.concat()).refused(2, &["--divide is for rows", "leave it out"]);
    }
}
