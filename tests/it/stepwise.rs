//! Runs in memory whose steps the caller takes, and pictures in memory.

use proptest::prelude::*;
use rhohat::{Data, Ended, Error, Model, Optimizer, Picture, Schedule, Trainer};

const STEPS: usize = 20;

/// 200 rows of 9 numbers in [0.1, 0.9].
fn rows() -> Data {
    let row = |i: u32| -> Vec<f32> { (0..9).map(|j| 0.5 + 0.4 * ((i * 7 + j) as f32 * 0.3).sin()).collect() };
    Data::collect_rows((0..200).map(row)).unwrap()
}

fn trainer(optimizer: Optimizer, device: &str) -> Trainer {
    let trainer =
        Trainer::new(5).rho(0.1).optimizer(optimizer).steps(STEPS).device(device).threads(1).seed(3);
    match optimizer {
        Optimizer::Lbfgs => trainer,
        // The rate of the whole run falls, and dead units are given new weights: both have to know where it stands.
        _ => trainer.schedule(Schedule::Cosine).batch(64).lr(0.02).resample(7),
    }
}

/// The bytes of the model after steps in these parts, and J.
fn in_parts(trainer: &Trainer, parts: &[usize]) -> (Vec<u8>, f64) {
    let mut training = trainer.begin(&rows()).unwrap();
    for &part in parts {
        let done = training.steps();
        let ended = training.advance(part).unwrap();
        assert_eq!(training.steps(), STEPS.min(done + part));
        assert_eq!(ended.is_some(), training.steps() == STEPS);
        // A look at the run leaves no trace in it.
        training.cost().unwrap();
        training.model().unwrap();
    }
    assert_eq!(training.advance(STEPS).unwrap(), Some(Ended::Steps));
    (training.model().unwrap().to_bytes(), training.cost().unwrap().total())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn steps_have_the_bits_of_a_run_of_one_go_however_they_are_parted(parts in prop::collection::vec(1..9_usize, 0..5)) {
        for optimizer in [Optimizer::Lbfgs, Optimizer::Adam, Optimizer::Sgd] {
            for device in ["cpu", "reference"] {
                let trainer = trainer(optimizer, device);
                let whole = trainer.fit(&rows()).unwrap();
                let (model, j) = in_parts(&trainer, &parts);
                prop_assert!(model == whole.model.to_bytes(), "{} on {}, {:?}", optimizer.name(), device, parts);
                // J of the reference is told of what its file holds, which has fewer digits.
                let close = if device == "reference" { 1e-5 } else { 0.0 };
                prop_assert!((j - whole.summary.terms.j).abs() <= close, "{} {}", j, whole.summary.terms.j);
            }
        }
    }
}

#[test]
fn steps_on_a_webgpu_device_have_the_bits_of_a_run_of_one_go() {
    let Some(_) = crate::support::software("steps one by one") else { return };
    for optimizer in [Optimizer::Lbfgs, Optimizer::Adam] {
        let trainer = trainer(optimizer, "software");
        let whole = trainer.fit(&rows()).unwrap();
        assert!(in_parts(&trainer, &[1, 6, 2]).0 == whole.model.to_bytes(), "{}", optimizer.name());
    }
}

#[test]
fn reports_are_heard_while_steps_are_taken() {
    let mut heard = Vec::new();
    let mut training = trainer(Optimizer::Lbfgs, "cpu").begin(&rows()).unwrap();
    training.advance(2).unwrap();
    training.advance_with(3, |progress| heard.push((progress.step, progress.cost.total()))).unwrap();
    assert_eq!(heard.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(heard[2].1, training.cost().unwrap().total());
}

#[test]
fn a_run_whose_step_has_failed_takes_no_other_and_knows_how_far_it_had_come() {
    let trainer = trainer(Optimizer::Sgd, "cpu").lr(1e30);
    let mut training = trainer.begin(&rows()).unwrap();
    let failed = (0..STEPS).find_map(|_| training.advance(1).err()).expect("a rate of 10³⁰ diverges");
    assert!(matches!(failed, Error::Diverged { .. }), "{failed}");
    let steps = training.steps();
    let again = training.advance(1).unwrap_err();
    assert!(matches!(again, Error::Usage(_)) && again.to_string().contains("begin another"), "{again}");
    assert_eq!(training.steps(), steps);
}

#[test]
fn a_run_that_ends_by_itself_or_has_a_directory_is_not_taken_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let plain = || trainer(Optimizer::Adam, "cpu");
    let refused = [
        (plain().begin(&rows().hold_out(0.2)), "`validation`"),
        (plain().max_time(std::time::Duration::from_secs(9)).begin(&rows()), "`max_time`"),
        (plain().run_dir(folder.path().join("run")).begin(&rows()), "run directory"),
    ];
    for (begun, word) in refused {
        let error = begun.unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.to_string().contains(word), "{error}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

fn picture(side: usize, pixels: Vec<f32>) -> Picture {
    Picture { name: "waves".into(), width: side, height: side, channels: 1, pixels }
}

#[test]
fn pictures_in_memory_are_learned_from_as_those_of_a_file() {
    let side = 40;
    let bytes: Vec<u8> = (0..side * side).map(|at| ((at % side * 7 + at / side * 13) % 256) as u8).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waves.pgm");
    let head = format!("P5 {side} {side} 255\n").into_bytes();
    std::fs::write(&path, [head, bytes.clone()].concat()).unwrap();
    let pixels = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let in_memory = Data::from_pictures([picture(side, pixels)]).unwrap().patches(6, 300);
    assert_eq!(in_memory.to_string(), "pictures in memory: 1 picture in grey, 40×40, black 0 and white 1");
    let on_disk = Data::open(&path).unwrap().patches(6, 300);
    let model = |data: &Data| trainer(Optimizer::Lbfgs, "cpu").fit(data).unwrap().model.to_bytes();
    assert!(model(&in_memory) == model(&on_disk));
    assert!(Model::from_bytes(&model(&in_memory)).is_ok());
}

#[test]
fn pictures_that_are_none_are_refused_with_the_reason() {
    let refused: [(Vec<Picture>, &str); 5] = [
        (vec![], "there is none"),
        (vec![picture(3, vec![0.5; 8])], "8 numbers for 3×3"),
        (vec![picture(0, vec![])], "at least one"),
        (vec![Picture { channels: 2, ..picture(2, vec![0.5; 8]) }], "2 channels"),
        (vec![picture(2, vec![0.1, f32::NAN, 0.2, 0.3])], "number 1 is NaN"),
    ];
    for (pictures, word) in refused {
        let error = Data::from_pictures(pictures).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains(word), "{error}");
    }
}
