//! Checkpoints on disk: whole or not there, two kept, and whatever happens to their files found out.

use std::fs;
use std::path::{Path, PathBuf};

use rhohat::engine::cpu::Cpu;
use rhohat::engine::device::Setup;
use rhohat::engine::{Engine, ReusedBuffers, State, VectorData};
use rhohat::error::Error;
use rhohat::math::optim::lbfgs::Lbfgs;
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::math::random::Stream;
use rhohat::run::checkpoint::{Checkpoint, CheckpointWriter, Checkpoints};
use rhohat::run::every::Every;
use rhohat::run::metrics::Mark;
use rhohat::train::{EarlyStoppingState, TrainProgress};
use tempfile::{TempDir, tempdir};

/// One of L-BFGS, which holds everything there is.
fn checkpoint(steps: usize) -> Checkpoint {
    let shape = Shape { visible: 5, hidden: 7 };
    let values = (0..60).map(|i| (i * i % 17) as f32 / 17.0).collect();
    let examples = Matrix::new(12, 5, values);
    let mut cpu = Cpu::new(&Setup::default(), Params::random(shape, 1), examples).unwrap();
    let mut lbfgs = Lbfgs::new(&mut cpu).unwrap();
    for _ in 0..3 {
        lbfgs.iterate(&mut cpu).unwrap();
    }
    let mut state = cpu.state(Some(lbfgs.pairs()), &mut ReusedBuffers::default()).unwrap();
    state.average = Some(vec![0.25; 7]);
    let position = TrainProgress { steps, samples: 120, search: Some(lbfgs), ..TrainProgress::default() };
    let metrics = Mark { bytes: 9, samples: 8, seconds: 0.1, validation: Some(0.7), ..Mark::default() };
    let patience = Some(EarlyStoppingState {
        best: 0.1 + 0.2,
        reconstruction: Some(0.2),
        measures: None,
        step: 2,
        waited: 1,
    });
    Checkpoint { position, state, metrics, patience, provenance: None }
}

/// A run with checkpoints of steps 1 and 2.
fn run() -> (TempDir, Checkpoints, [PathBuf; 2]) {
    let folder = tempdir().unwrap();
    let checkpoints = <Checkpoints>::of(folder.path());
    let paths = [1, 2].map(|steps| checkpoints.publish(&checkpoint(steps)).unwrap());
    (folder, checkpoints, paths)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_read_is_what_was_written_to_the_last_bit() {
    let (_folder, checkpoints, paths) = run();
    let (path, found) = checkpoints.find().unwrap().newest.unwrap();
    assert_eq!((path, &found), (paths[1].clone(), &checkpoint(2)));
    // Numbers of slots that are not in use may be anything.
    let json = serde_json::to_string(&found.position.search.unwrap()).unwrap();
    let wild: Lbfgs = serde_json::from_str(&json.replacen(":[0,0,", ":[9218868437227405312,0,", 1)).unwrap();
    assert!(serde_json::to_string(&wild).is_ok());
}

#[test]
fn two_are_kept_the_newest_is_named_and_nothing_else_is_left() {
    let (folder, checkpoints, _) = run();
    checkpoints.publish(&checkpoint(10)).unwrap();
    assert_eq!(names(&checkpoints.path()), ["latest", "step-000000002", "step-000000010"]);
    assert_eq!(fs::read_to_string(checkpoints.path().join("latest")).unwrap(), "step-000000010\n");
    assert_eq!(names(folder.path()), ["checkpoints"]);
    // One of the same step takes the place of the other.
    checkpoints.publish(&checkpoint(10)).unwrap();
    assert_eq!(names(&checkpoints.path()), ["latest", "step-000000002", "step-000000010"]);
}

#[test]
fn any_change_of_any_file_is_found_out_and_the_older_one_is_taken() {
    let (_folder, checkpoints, [older, newer]) = run();
    let files = ["manifest.json", "progress.json", "state.bin"];
    let mut stream = Stream::new(1, "damage");
    for file in files.map(|file| newer.join(file)) {
        let whole = fs::read(&file).unwrap();
        for number in 0..400 {
            let mut bytes = whole.clone();
            let at = stream.below(bytes.len() as u64) as usize;
            match number % 4 {
                0 => bytes[at] ^= 1 << stream.below(8),
                1 => bytes.truncate(at),
                2 => bytes.insert(at, stream.below(256) as u8),
                _ => {
                    let end = bytes.len().min(at + 1 + stream.below(64) as usize);
                    bytes[at..end].iter_mut().for_each(|byte| *byte = !*byte);
                }
            }
            fs::write(&file, &bytes).unwrap();
            let found = checkpoints.find().unwrap();
            let (path, taken) = found.newest.unwrap();
            // A manifest may say the same in other words: white space, or a version for people.
            if path == newer {
                assert!(file.ends_with("manifest.json") && taken == checkpoint(2), "{file:?}, {number}");
                continue;
            }
            assert_eq!((path, taken), (older.clone(), checkpoint(1)), "{file:?}, change {number} at {at}");
            // What a manifest says of another file shows there.
            let name = file.file_name().unwrap().to_str().unwrap();
            let named = found.rejected[0].reason.contains(name) || name == "manifest.json";
            assert!(named, "{:?}", found.rejected);
        }
        fs::write(&file, &whole).unwrap();
    }
    assert!(checkpoints.find().unwrap().rejected.is_empty());
}

#[test]
fn files_that_are_missing_or_no_files_are_found_out_and_put_aside() {
    for file in ["manifest.json", "progress.json", "state.bin"] {
        for folder_instead in [false, true] {
            let (folder, checkpoints, [older, newer]) = run();
            fs::remove_file(newer.join(file)).unwrap();
            if folder_instead {
                fs::create_dir(newer.join(file)).unwrap();
            }
            let found = checkpoints.find().unwrap();
            assert_eq!(found.newest.unwrap().0, older);
            assert_eq!(found.rejected[0].path, newer);
            checkpoints.put_aside(&found.rejected).unwrap();
            assert_eq!(names(&checkpoints.path()), ["latest", "step-000000001"]);
            assert_eq!(names(&folder.path().join("rejected")), ["step-000000002"]);
        }
    }
}

/// Writes `progress.json` of another content, with the hash that the manifest wants.
fn forge(checkpoint: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(checkpoint.join(name)).unwrap()).unwrap()
    };
    let mut progress = read("progress.json");
    change(&mut progress);
    let bytes = serde_json::to_vec(&progress).unwrap();
    let mut manifest = read("manifest.json");
    manifest["progress"] = serde_json::json!({
        "bytes": bytes.len(),
        "xxh3": format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes)),
    });
    fs::write(checkpoint.join("progress.json"), bytes).unwrap();
    fs::write(checkpoint.join("manifest.json"), manifest.to_string()).unwrap();
}

#[test]
fn absurd_contents_with_the_right_hashes_are_refused_without_being_allocated() {
    let (_folder, checkpoints, [older, newer]) = run();
    forge(&newer, |_| {});
    assert_eq!(checkpoints.find().unwrap().newest.unwrap().0, newer, "forging alone is accepted");
    let whole = fs::read(newer.join("progress.json")).unwrap();
    let absurd: [(&str, &str, serde_json::Value); 12] = [
        ("/shape/visible", "state.bin", (u64::MAX / 3).into()),
        ("/shape/hidden", "state.bin", (1u64 << 40).into()),
        ("/shape/hidden", "state.bin", 0.into()),
        ("/order", "state.bin", "rows".into()),
        ("/vectors", "state.bin", serde_json::json!([])),
        ("/vectors/1/role", "state.bin", "params".into()),
        ("/vectors/0/role", "state.bin", serde_json::json!({"step": 99})),
        ("/vectors/0/double", "state.bin", true.into()),
        ("/average", "state.bin", false.into()),
        ("/position/search/pairs", "history", serde_json::json!([77])),
        ("/position/search/pairs", "Step(9)", serde_json::json!([9])),
        ("/position/steps", "step", 3.into()),
    ];
    for (place, word, value) in absurd {
        fs::write(newer.join("progress.json"), &whole).unwrap();
        forge(&newer, |progress| *progress.pointer_mut(place).expect(place) = value.clone());
        let found = checkpoints.find().unwrap();
        assert_eq!(found.newest.unwrap().0, older, "{place} = {value}");
        assert!(found.rejected[0].reason.contains(word), "{place} = {value}: {:?}", found.rejected);
    }
}

#[test]
fn a_state_that_is_not_finite_is_never_kept() {
    let folder = tempdir().unwrap();
    let metrics = || fs::File::create(folder.path().join("metrics.jsonl")).unwrap();
    let checkpoints = <Checkpoints>::of(folder.path());
    let mut keeper = CheckpointWriter::new(checkpoints.clone(), Every::Steps(1), None, "`lr` 7".to_owned());
    assert!(keeper.is_due(1).unwrap());
    keeper.keep(checkpoint(1), Ok(metrics())).unwrap();
    keeper.wait().unwrap();
    let mut bad = checkpoint(2);
    let State { vectors, .. } = &mut bad.state;
    let VectorData::Single(values) = &mut vectors[2].1 else { panic!("the CPU computes in f32") };
    values[3] = f32::from_bits(0xffc0_0001);
    keeper.keep(bad, Ok(metrics())).unwrap();
    let error = keeper.wait().unwrap_err();
    let Error::Diverged { step: 2, what, remedy } = &error else { panic!("{error}") };
    assert!(what.ends_with("encoder.weight") && remedy == "`lr` 7", "{what}, {remedy}");
    assert_eq!(checkpoints.find().unwrap().newest.unwrap().1.position.steps, 1);
}

#[test]
fn a_first_checkpoint_that_cannot_be_written_is_an_error_of_the_next_step() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("checkpoints"), "in the way").unwrap();
    let metrics = fs::File::create(folder.path().join("metrics.jsonl")).unwrap();
    let mut keeper =
        CheckpointWriter::new(<Checkpoints>::of(folder.path()), Every::Steps(1), None, String::new());
    keeper.keep(checkpoint(1), Ok(metrics)).unwrap();
    let error = loop {
        match keeper.is_due(2) {
            Ok(_) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.exit_code(), 3, "{error}");
    assert!(error.to_string().contains("checkpoints"), "{error}");
    assert_eq!(names(folder.path()), ["checkpoints", "metrics.jsonl"]);
}

#[test]
fn a_later_checkpoint_that_cannot_be_written_is_tried_again_and_ends_nothing() {
    let folder = tempdir().unwrap();
    let [place, aside] = ["checkpoints", "aside"].map(|name| folder.path().join(name));
    let metrics = || fs::File::create(folder.path().join("metrics.jsonl")).unwrap();
    let checkpoints = <Checkpoints>::of(folder.path());
    let every = "0.001s".parse().unwrap();
    let mut keeper = CheckpointWriter::new(checkpoints.clone(), every, None, String::new());
    let due = |keeper: &mut CheckpointWriter, steps| {
        while !keeper.is_due(steps).unwrap() {
            std::thread::yield_now();
        }
    };
    keeper.keep(checkpoint(1), Ok(metrics())).unwrap();
    due(&mut keeper, 2);
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, "in the way").unwrap();
    keeper.keep(checkpoint(2), Ok(metrics())).unwrap();
    due(&mut keeper, 3);
    assert!(!keeper.has(2), "it was not written");
    // As long as it is in the way.
    keeper.keep(checkpoint(3), Ok(metrics())).unwrap();
    due(&mut keeper, 4);
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    keeper.keep(checkpoint(4), Ok(metrics())).unwrap();
    keeper.wait().unwrap();
    assert!(keeper.has(4));
    assert_eq!(checkpoints.find().unwrap().newest.unwrap().1, checkpoint(4));
    assert_eq!(names(&checkpoints.path()), ["latest", "step-000000001", "step-000000004"]);
}
