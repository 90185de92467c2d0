//! The library as other programs use it: data, trainer, model.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use rhohat::data::Source;
use rhohat::{
    Activation, Data, Ended, Error, Matrix, Model, Normalize, Optimizer, Progress, ProgressObserver,
    Schedule, Stage, Trainer,
};
use tempfile::tempdir;

/// 300 rows of 13 numbers in [0.1, 0.9].
fn rows() -> Data {
    let row = |i: u32| -> Vec<f32> {
        (0..13).map(|j| 0.5 + 0.4 * ((i * 7 + j) as f32 * 0.3 + (i % 5) as f32).sin()).collect()
    };
    Data::collect_rows((0..300).map(row)).unwrap()
}

/// Adam in batches on one thread.
fn adam(steps: usize) -> Trainer {
    let trainer = Trainer::new(9).rho(0.1).optimizer(Optimizer::Adam).lr(0.02).batch(64);
    // The steps of a longer run are those of a shorter one first.
    let trainer = trainer.schedule(Schedule::Constant);
    trainer.steps(steps).device("cpu").threads(1).seed(3)
}

/// The codes that the program makes of a file of rows.
fn codes_of_the_program(model: &Path, rows: &Path, out: &Path) -> Vec<f32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
    let status = command.arg("encode").args([model, rows]).args(["--device", "cpu", "-q", "-o"]).arg(out);
    assert!(status.status().unwrap().success());
    let Source::Rows(table) = Source::open(out).unwrap() else { panic!("codes are rows") };
    table.values.iter().map(|&x| x as f32).collect()
}

#[test]
fn a_run_in_memory_is_that_of_a_directory_and_its_model_is_its_file() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let in_memory = adam(40).fit(&rows()).unwrap();
    let on_disk = adam(40).run_dir(&run).fit(&rows()).unwrap();
    assert_eq!(in_memory.model.params(), on_disk.model.params());
    assert_eq!(in_memory.summary.terms.j, on_disk.summary.terms.j);
    assert!(in_memory.summary.files.is_none());
    let model = folder.path().join("model.safetensors");
    in_memory.model.save(&model).unwrap();
    let files = on_disk.summary.files.unwrap();
    assert_eq!(std::fs::read(&model).unwrap(), std::fs::read(&*files.model).unwrap());
    assert_eq!(Model::load(&run).unwrap().params(), in_memory.model.params());
}

#[test]
fn a_run_that_is_resumed_has_the_bits_of_one_without_a_break() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let whole = adam(50).fit(&rows()).unwrap();
    adam(20).run_dir(&run).fit(&rows()).unwrap();
    let resumed = Trainer::resume(&run).steps(50).fit(&rows()).unwrap();
    assert_eq!(resumed.model.params(), whole.model.params());
    assert_eq!(resumed.summary.steps, 50);
    // Nothing is left to do: the result is there.
    let again = Trainer::resume(&run).fit(&rows()).unwrap();
    assert_eq!(again.model.params(), whole.model.params());
    // Other rows are no data of this run, and no file holds those that are.
    let others = Data::from_rows(vec![0.25; 13 * 300], 13).unwrap();
    let refused = Trainer::resume(&run).steps(60).fit(&others).unwrap_err();
    assert!(refused.to_string().contains("other numbers stand in them"), "{refused}");
    assert!(Data::of_run(&run).is_err());
}

#[test]
fn a_run_on_files_is_resumed_from_its_directory_alone() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let pictures = Data::built_in().patches(4, 200).normalize(Normalize::Unit);
    let trainer = Trainer::new(4).device("cpu").threads(1);
    let whole = trainer.clone().steps(12).fit(&pictures).unwrap();
    trainer.steps(5).run_dir(&run).fit(&pictures).unwrap();
    let resumed = Trainer::resume(&run).steps(12).fit(&Data::of_run(&run).unwrap()).unwrap();
    assert_eq!(resumed.model.params(), whole.model.params());
}

#[test]
fn codes_are_those_of_the_program_in_pieces_of_any_length() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("rows.npy");
    // More rows than are handed to an engine at a time.
    let values: Vec<f32> = (0..5 * 4100).map(|i| (i % 97) as f32 / 97.0).collect();
    let mut out = std::fs::File::create(&file).unwrap();
    rhohat::data::npy::write_header(&mut out, 4100, 5).unwrap();
    rhohat::data::npy::write_values(&mut out, &values).unwrap();
    drop(out);
    let data = Data::from_rows(values, 5).unwrap().normalize(Normalize::Unit);
    let trained = Trainer::new(3).rho(0.2).steps(10).device("cpu").fit(&data).unwrap();
    let model = folder.path().join("model.safetensors");
    trained.model.save(&model).unwrap();
    let wanted = codes_of_the_program(&model, &file, &folder.path().join("codes.npy"));
    let codes = trained.model.encode(&data).unwrap();
    assert_eq!((codes.rows, codes.cols), (4100, 3));
    assert!(codes.values == wanted, "codes differ");
    assert!(Model::load(&model).unwrap().device("cpu").encode(&Data::open(&file).unwrap()).unwrap() == codes);
    // Back again: what was normalised by limits alone comes back from codes as from rows.
    assert!(trained.model.decode(&codes).unwrap() == trained.model.reconstruct(&data).unwrap());
    let narrow = Matrix::new(1, 2, vec![0.0; 2]);
    assert!(matches!(trained.model.decode(&narrow), Err(Error::Usage(_))));
}

#[test]
fn an_evaluation_is_that_of_the_program_and_pieces_are_all_of_the_codes() {
    let folder = tempdir().unwrap();
    let (file, model) = (folder.path().join("rows.npy"), folder.path().join("model.safetensors"));
    let values: Vec<f32> = (0..5 * 5000).map(|i| (i % 97) as f32 / 97.0).collect();
    let mut out = std::fs::File::create(&file).unwrap();
    rhohat::data::npy::write_header(&mut out, 5000, 5).unwrap();
    rhohat::data::npy::write_values(&mut out, &values).unwrap();
    drop(out);
    let data = Data::from_rows(values, 5).unwrap();
    let trained = Trainer::new(3).rho(0.2).steps(10).device("cpu").fit(&data).unwrap().model;
    trained.save(&model).unwrap();
    for device in ["cpu", "reference"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rhohat"));
        command.arg("eval").args([&model, &file]).args(["--device", device, "-q", "--json"]);
        let told: serde_json::Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        let loaded = Model::load(&model).unwrap().device(device);
        for data in [&data, &Data::open(&file).unwrap()] {
            let evaluation = serde_json::to_value(loaded.evaluate(data).unwrap()).unwrap();
            for (name, value) in evaluation.as_object().unwrap() {
                assert_eq!(value, &told[name], "{name} on {device}");
            }
        }
    }
    let mut on_data = trained.on(&data).unwrap();
    assert_eq!((on_data.examples(), on_data.shape()), (5000, trained.shape()));
    let pieces: Vec<_> = on_data.pieces().collect();
    assert!(pieces.len() > 1 && pieces.last().unwrap().end == 5000, "{pieces:?}");
    let codes: Vec<f32> = pieces.iter().flat_map(|rows| on_data.encode(rows).unwrap()).collect();
    let again: Vec<f32> = pieces.iter().flat_map(|rows| on_data.reconstruct(rows).unwrap()).collect();
    assert!(codes == trained.encode(&data).unwrap().values);
    assert!(again == trained.reconstruct(&data).unwrap().values);
    let narrow = Data::from_rows(vec![0.5; 8], 4).unwrap();
    assert!(matches!(trained.evaluate(&narrow), Err(Error::Input { .. })));
}

/// Counts reports and stages, and stops after some steps.
struct Follower<'a> {
    reports: &'a mut usize,
    stages: &'a mut Vec<String>,
    most: usize,
}

impl ProgressObserver for Follower<'_> {
    fn report(&mut self, progress: &Progress) -> ControlFlow<()> {
        *self.reports = progress.step;
        ControlFlow::Continue(())
    }

    fn stage(&mut self, stage: Stage) {
        self.stages.push(stage.to_string());
    }

    fn stops(&mut self) -> bool {
        *self.reports >= self.most
    }
}

#[test]
fn observers_hear_of_stages_and_reports_and_stop_a_run() {
    let (mut reports, mut stages) = (0, Vec::new());
    let follower = Follower { reports: &mut reports, stages: &mut stages, most: 7 };
    let stopped = Trainer::new(5).device("cpu").fit_with(&rows(), follower).unwrap();
    assert_eq!((stopped.summary.steps, stopped.summary.ended, reports), (7, Ended::Stopped, 7));
    assert!(stages.iter().any(|stage| stage == "making examples"), "{stages:?}");
    let at_three = |progress: &Progress| match progress.step {
        3 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let stopped = Trainer::new(5).device("cpu").fit_with(&rows(), at_three).unwrap();
    assert_eq!((stopped.summary.steps, stopped.summary.ended), (3, Ended::Stopped));
}

#[test]
fn held_out_rows_end_a_run_early_with_the_best_parameters() {
    let data = rows().hold_out(0.2);
    let trained = adam(2_000).lr(0.3).patience(2).fit(&data).unwrap();
    let held_out = trained.summary.validation.unwrap();
    assert_eq!((trained.summary.ended, held_out.examples), (Ended::Early, 60));
    assert!(held_out.step < trained.summary.steps, "the best came before the end");
    assert!(held_out.j < trained.summary.terms.j * 10.0);
}

#[test]
fn rows_of_a_program_are_checked() {
    for (values, width) in [(vec![], 3), (vec![0.0; 4], 3), (vec![0.0; 4], 0), (vec![0.0, f32::NAN], 2)] {
        assert!(matches!(Data::from_rows(values, width), Err(Error::Input { .. })), "{width}");
    }
    assert!(matches!(Data::collect_rows([vec![0.0; 2], vec![0.0; 3]]), Err(Error::Input { .. })));
    assert!(matches!(Data::collect_rows(Vec::<Vec<f32>>::new()), Err(Error::Input { .. })));
}

#[test]
fn settings_that_are_out_of_range_are_errors_when_training_begins() {
    let refused = |trainer: Trainer| matches!(trainer.fit(&rows()), Err(Error::Usage(_)));
    assert!(refused(Trainer::new(5).rho(1.5)));
    let text = Trainer::new(5).beta(-1.0).fit(&rows()).unwrap_err().to_string();
    assert!(text.starts_with("`beta` -1: "), "settings go by their names: {text}");
    assert!(refused(Trainer::new(5).seed(u64::MAX)));
    assert!(refused(Trainer::new(5).lr(0.1)), "L-BFGS has no learning rate");
    assert!(refused(Trainer::new(5).activation(Activation::Linear)));
    assert!(refused(Trainer::new(5).device("cpu").memory(1)));
    assert!(Trainer::new(5).device("cpu").memory_plan(&rows()).unwrap().is_some());
}

#[test]
fn data_trainers_and_models_go_from_thread_to_thread() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Data>();
    is_send::<Trainer>();
    is_send::<Model>();
    is_sync::<Model>();
    let model = Trainer::new(3).steps(3).device("cpu").fit(&rows()).unwrap().model;
    let codes = model.encode(&rows()).unwrap();
    let on_another =
        std::thread::scope(|scope| scope.spawn(|| model.encode(&rows()).unwrap()).join().unwrap());
    assert!(on_another == codes);
}

#[test]
fn decorrelated_rows_are_coded_in_components_and_come_back_in_their_own_values() {
    let wave = |row: usize| (0..12).map(move |i| 5.0 + ((i * row) as f32 * 0.3).sin() + (row as f32).cos());
    let rows = rhohat::Data::collect_rows((0..80).map(|row| wave(row).collect::<Vec<f32>>())).unwrap();
    let data = rows.whitening(rhohat::WhiteningKind::Pca).variance(0.9).shape("3x4".parse().unwrap());
    let model = rhohat::Trainer::new(4).steps(30).device("cpu").fit(&data).unwrap().model;
    assert!(model.shape().visible < 12, "{:?}", model.shape());
    let again = model.reconstruct(&data).unwrap();
    assert_eq!((again.rows, again.cols), (80, 12));
    let mean = again.values.iter().sum::<f32>() / 960.0;
    assert!((mean - 5.0).abs() < 0.5, "{mean}");
}
