//! Some rows or pictures of DATA, rows that are held out wherever they lie, and held-out data of their own, through the program.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use serde_json::Value;
use tempfile::tempdir;

use super::taken_for::has;
use super::{Outcome, die, rhohat};

const COLS: usize = 6;
const SHORT: [&str; 8] = ["--hidden", "4", "--device", "cpu", "--checkpoint-every", "3", "--seed", "4"];
const BATCHES: [&str; 6] = ["--optimizer", "adam", "--batch", "8", "--steps", "24"];
/// One order, held or streamed.
const RUNS: &str = "--shuffle-block=2";

/// Rows of numbers that tell which row of `seed` they are.
fn values(seed: usize, rows: std::ops::Range<usize>) -> Vec<f32> {
    let number = |i: usize| ((i + seed * 1_009) * 7_919 % 251) as f32 / 251.0;
    rows.flat_map(|row| (0..COLS).map(move |col| number(row * COLS + col))).collect()
}

fn rows(path: &Path, seed: usize, count: usize) {
    npy::write(path, count, COLS, &values(seed, 0..count)).unwrap();
}

/// The same numbers as text.
fn table(path: &Path, seed: usize, count: usize) {
    let line =
        |row: &[f32]| row.iter().map(|&x| f64::from(x).to_string()).collect::<Vec<_>>().join(",") + "\n";
    fs::write(path, values(seed, 0..count).chunks(COLS).map(line).collect::<String>()).unwrap();
}

fn train(folder: &Path, flags: &[&str]) -> Outcome {
    rhohat(folder, &[&["train"], &SHORT[..], flags].concat())
}

fn model(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

fn held_out(summary: &Value) -> &Value {
    &summary["validation"]
}

/// The numbers of a file of rows.
fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn the_first_rows_train_to_the_bits_of_a_file_that_has_no_others_held_or_streamed() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(&folder.join("all.npy"), 0, 70);
    rows(&folder.join("few.npy"), 0, 40);
    let flags = [&BATCHES[..], &["--normalize", "unit", RUNS]].concat();
    train(folder, &[&["few.npy"], &flags[..], &["--out", "few"]].concat()).text();
    for (more, out) in [("--no-stream", "held"), ("--stream", "streamed")] {
        let told =
            train(folder, &[&["all.npy", "--first=40", more, "--json", "--out", out], &flags[..]].concat());
        has(&told, "all.npy: 40 of 70 rows of 6 numbers (f32)");
        let summary = told.json();
        assert_eq!((&summary["data"]["count"], &summary["data"]["of"]), (&40.into(), &70.into()));
        assert!(model(folder, out) == model(folder, "few"), "{more}");
    }
    let config = fs::read_to_string(folder.join("held/config.toml")).unwrap();
    assert!(config.contains("first = 40") && config.contains("data_rows = 40"), "{config}");
}

#[test]
fn drawn_rows_are_those_of_the_seed_wherever_they_lie_and_a_run_keeps_them() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(&folder.join("all.npy"), 0, 70);
    table(&folder.join("all.csv"), 0, 70);
    let patches = |data: &str, out: &str, flags: &[&str]| {
        let saved = format!("--save-patches={out}");
        train(folder, &[&[data, "--steps=1", &saved, "--out", out.trim_end_matches(".npy")], flags].concat())
            .text();
        read(folder, out)
    };
    let drawn = patches("all.npy", "a.npy", &["--take=30"]);
    assert!(drawn == patches("all.csv", "b.npy", &["--take=30"]), "rows in memory are others");
    assert!(drawn == patches("all.npy", "c.npy", &["--take=30", "--stream"]), "streamed rows are others");
    assert!(drawn != patches("all.npy", "d.npy", &["--take=30", "--seed=5"]), "the seed draws");
    // All of them stand in the file in this order.
    let all = values(0, 0..70);
    let numbers: Vec<f32> =
        drawn[128..].chunks_exact(4).map(|x| f32::from_le_bytes(x.try_into().unwrap())).collect();
    let places: Vec<usize> =
        numbers.chunks(COLS).map(|row| all.chunks(COLS).position(|other| other == row).unwrap()).collect();
    assert!(places.len() == 30 && places.is_sorted_by(|a, b| a < b), "{places:?}");
    // A model is given the rows that it was trained on.
    let codes = |flags: &[&str], out: &str| {
        let args = [&["encode", "a/model.safetensors", "all.npy", "-o", out, "--device=cpu"], flags].concat();
        assert_eq!(rhohat(folder, &args).json()["examples"], if flags.len() > 1 { 30 } else { 70 });
        read(folder, out)[128..].to_vec()
    };
    let (some, whole) = (codes(&["--json", "--take=30"], "some.npy"), codes(&["--json"], "whole.npy"));
    let row = some.len() / 30;
    let picked: Vec<u8> = places.iter().flat_map(|&place| &whole[place * row..][..row]).copied().collect();
    assert!(some == picked);
    assert!(codes(&["--json", "--first=30"], "first.npy") == whole[..30 * row]);

    rhohat(folder, &["train", "--resume", "a", "--steps=3", "--take=29"]).refused(2, &["--take 29", "30"]);
    rhohat(folder, &["train", "--resume", "a", "--steps=3"]).text();
    for (flags, words) in [
        (["--take=71", "--steps=1"], "--take 71: there are 70 rows; give 1 to 70"),
        (["--first=0", "--steps=1"], "--first 0: there are 70 rows"),
        (["--first=3", "--take=3"], "give one of them"),
    ] {
        train(folder, &[&["all.npy"], &flags[..]].concat()).refused(2, &[words]);
    }
    rhohat(folder, &["train", "--take=3"]).refused(2, &["--take 3", "there is none"]);
    rhohat(folder, &["eval", "a", "all.npy", "--first=99"]).refused(2, &["--first 99: there are 70 rows"]);
}

#[test]
fn some_pictures_are_taken_before_patches_are_cut() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("photos")).unwrap();
    for number in 0..6_u32 {
        let pixel = |x: u32, y: u32| image::Luma([(x * 31 + y * 17 + number * 40) as u8]);
        image::GrayImage::from_fn(8, 8, pixel).save(folder.join(format!("photos/{number}.png"))).unwrap();
    }
    let told = train(folder, &["photos", "--first=4", "--steps=2", "--json", "--out=run"]);
    has(&told, "4 of 6 pictures in grey, 8×8");
    // Pictures of one patch each are taken once.
    assert_eq!(told.json()["examples"], 4);
    let record = fs::read_to_string(folder.join("run/data.json")).unwrap();
    assert!(record.contains("3.png") && !record.contains("4.png"), "{record}");
    train(folder, &["photos", "--take=7"]).refused(2, &["--take 7: there are 6 pictures"]);
    // Held-out pictures are cut with the recipe of the others.
    let told = train(
        folder,
        &["--validation=photos", "--patch=4", "--samples=200", "--steps=20", "--json", "--out=held"],
    );
    has(&told, "photos: 6 pictures in grey, 8×8");
    let summary = told.json();
    assert_eq!((&held_out(&summary)["examples"], &summary["examples"]), (&20.into(), &200.into()));
    let whole =
        train(folder, &["--validation=photos", "--samples=200", "--steps=20", "--json", "--out=whole"])
            .json();
    assert_eq!(held_out(&whole)["examples"], 6);
}

#[test]
fn held_out_rows_are_the_same_and_a_run_has_the_same_bits_held_or_streamed_and_after_a_break() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(&folder.join("all.npy"), 0, 70);
    for (order, more) in [
        ("rows", &["--shuffle-block=1"][..]),
        ("runs", &["--shuffle-block=3"]),
        ("some", &["--take=50", "--shuffle-block=2"]),
    ] {
        let run = |flags: &[&'static str], out: &str| {
            let out = format!("--out={out}-{order}");
            let flags =
                [&["all.npy", "--validation=0.2", "--json", &out], &BATCHES[..], more, flags].concat();
            flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>()
        };
        let train = |flags: &[String]| {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            train(folder, &flags).json()
        };
        let held = train(&run(&["--no-stream"], "held"));
        let streamed = train(&run(&["--stream"], "streamed"));
        let examples = if order == "some" { 10 } else { 14 };
        assert_eq!(held_out(&held)["examples"], examples);
        assert_eq!(held_out(&held), held_out(&streamed), "{order}");
        for name in ["j", "examples", "explained_variance"] {
            assert_eq!(held[name], streamed[name], "{order}: {name}");
        }
        let bits = |out: &str| model(folder, &format!("{out}-{order}"));
        assert!(bits("held") == bits("streamed"), "{order}");
        let broken = run(&["--stream"], "broken");
        let broken: Vec<&str> = broken.iter().map(String::as_str).collect();
        die(folder, "latest-written:2", &[&["train"], &SHORT[..], &broken].concat());
        rhohat(folder, &["train", "--resume", &format!("broken-{order}"), "--json"]).json();
        assert!(bits("broken") == bits("streamed"), "{order}: other bits after a break");
    }
    let lbfgs = |flag: &str, out: &str| {
        train(folder, &["all.npy", "--validation=0.2", "--steps=12", flag, "--json", "--out", out]).json()
    };
    assert_eq!(held_out(&lbfgs("--stream", "lbfgs-streamed")), held_out(&lbfgs("--no-stream", "lbfgs-held")));
    assert!(model(folder, "lbfgs-streamed") == model(folder, "lbfgs-held"));
}

#[test]
fn rows_that_have_changed_since_are_found_by_the_sums_of_both_parts() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    // Too many bytes for samples to see all of them.
    npy::write(&folder.join("all.npy"), 500_000, COLS, &values(0, 0..500_000)).unwrap();
    let flags = [
        "all.npy",
        "--validation=0.2",
        "--stream",
        "--optimizer=sgd",
        "--batch=40000",
        "--checkpoint-every=10",
    ];
    let kept = [&flags[..], &["--steps=20", "--out=run"]].concat();
    train(folder, &[&kept[..], &["--quiet"]].concat()).text();
    let mut bytes = read(folder, "all.npy");
    // Between two of the blocks that are looked at.
    let at = 128 + 1_150_000;
    bytes[at] ^= 1;
    fs::write(folder.join("all.npy"), bytes).unwrap();
    rhohat(folder, &["train", "--resume", "run", "--steps=60"])
        .refused(3, &["500000 rows are not those that the run has learned from"]);
}

#[test]
fn held_out_data_of_their_own_are_judged_as_eval_judges_them() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(&folder.join("all.npy"), 0, 50);
    rows(&folder.join("other.npy"), 9, 17);
    table(&folder.join("other.csv"), 9, 17);
    let mut found = Vec::new();
    for (name, more) in [("held", "--no-stream"), ("streamed", "--stream"), ("table", "--stream")] {
        let judge = if name == "table" { "other.csv" } else { "other.npy" };
        let flags = ["all.npy", "--validation", judge, "--normalize=unit", "--whitening=zca", more, "--json"];
        let told = train(folder, &[&flags[..], &BATCHES, &[RUNS, "--out", name]].concat());
        has(&told, "note: held out: ");
        let summary = told.json();
        assert_eq!((&summary["examples"], &held_out(&summary)["examples"]), (&50.into(), &17.into()));
        assert_eq!(summary["ended"], "steps");
        let eval = rhohat(folder, &["eval", name, judge, "--device=cpu", "--json"]).json();
        for term in ["j", "reconstruction", "explained_variance"] {
            let (is, was) = (held_out(&summary)[term].as_f64().unwrap(), eval[term].as_f64().unwrap());
            assert!((is - was).abs() <= 1e-6 * was.abs(), "{name}: {term} {is}, but eval says {was}");
        }
        found.push((held_out(&summary)["j"].clone(), model(folder, name)));
    }
    assert!(found.iter().all(|other| *other == found[0]), "held, streamed or a table: other bits");
    // Nothing of them is learned from.
    let alone = ["all.npy", "--normalize=unit", "--whitening=zca"];
    train(folder, &[&alone[..], &BATCHES, &[RUNS, "--out=alone"]].concat()).text();
    let lines =
        |run: &str| fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap().lines().count();
    assert_eq!(lines("alone"), lines("held"));
    let config = fs::read_to_string(folder.join("held/config.toml")).unwrap();
    assert!(config.contains("validation_as_given = \"other.npy\""), "{config}");
    // It is read, and stays.
    let save = ["all.npy", "--validation=other.npy", "--steps=1", "--save-patches=other.npy"];
    let before = read(folder, "other.npy");
    train(folder, &save).refused(2, &["other.npy"]);
    assert!(before == read(folder, "other.npy"));
}

#[test]
fn held_out_data_that_do_not_fit_are_refused_with_both_facts() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(&folder.join("all.npy"), 0, 50);
    npy::write(&folder.join("wide.npy"), 3, 7, &[0.5; 21]).unwrap();
    fs::create_dir(folder.join("photos")).unwrap();
    image::GrayImage::from_pixel(9, 9, image::Luma([7])).save(folder.join("photos/a.png")).unwrap();
    for (data, validation, words) in [
        ("all.npy", "wide.npy", "wide.npy: rows of 7 numbers, but those of DATA have 6"),
        ("all.npy", "photos", "photos: pictures, but DATA are rows"),
        ("photos", "all.npy", "all.npy: rows, but DATA are pictures"),
        ("all.npy", "gone.npy", "gone.npy"),
    ] {
        let code = if validation == "gone.npy" { 6 } else { 3 };
        let told = train(
            folder,
            &[data, "--validation", validation, "--patch=4"][..if data == "photos" { 4 } else { 3 }],
        );
        assert!(told.code == code || told.code == 3, "{}", told.stderr);
        let code = told.code;
        told.refused(code, &[words]);
    }
    let plan = train(folder, &["all.npy", "--validation=all.npy", "--dry-run", "--json"]).json();
    assert!(plan["validation"].as_u64() > Some(0) && plan["examples"] == 50, "{plan}");
}

#[test]
fn a_run_that_goes_on_asks_for_the_held_out_data_that_it_had_wherever_they_lie_now() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    rows(&folder.join("all.npy"), 0, 50);
    rows(&folder.join("other.npy"), 9, 17);
    let flags = |out: &'static str| {
        [&["all.npy", "--validation=other.npy", "--patience=99"], &BATCHES[..], &["--out", out]].concat()
    };
    train(folder, &flags("whole")).text();
    die(folder, "latest-written:3", &[&["train"], &SHORT[..], &flags("broken")].concat());
    let resume = |flags: &[&str]| rhohat(folder, &[&["train", "--resume", "broken"], flags].concat());
    // Others in their place.
    fs::rename(folder.join("other.npy"), folder.join("moved.npy")).unwrap();
    rows(&folder.join("other.npy"), 8, 17);
    resume(&[]).refused(3, &["other.npy", "other numbers stand in them", "--data-changed"]);
    fs::remove_file(folder.join("other.npy")).unwrap();
    let gone = resume(&[]);
    assert!(gone.stderr.contains("--validation"), "{}", gone.stderr);
    resume(&["--validation=0.1"]).refused(2, &["--validation 0.1", "keeps"]);
    resume(&["--validation=moved.npy"]).text();
    assert!(model(folder, "broken") == model(folder, "whole"), "other bits");
    // Others on request: what was lowest is not compared with them.
    rows(&folder.join("new.npy"), 3, 11);
    let told = resume(&["--validation=new.npy", "--data-changed", "--steps=48", "--json"]);
    has(&told, "early stopping begins anew");
    let summary = told.json();
    assert_eq!(held_out(&summary)["examples"], 11);
    assert!(held_out(&summary)["step"].as_u64() >= Some(24), "{summary}");
}
