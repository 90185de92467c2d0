//! `rhohat predict`: classes of rows, their probabilities and confusion matrix as files, with labels and without.

use std::fs;
use std::path::Path;

use rhohat::{Classifier, Data, Labels, Model};
use tempfile::TempDir;

use super::labelled::{CLASSIFY, COLS, OTHERS, folder_with_encoder, label, run};
use super::number;

/// The folder with the run `run` of a classifier that was fine-tuned.
fn classified() -> TempDir {
    let folder = folder_with_encoder();
    run(folder.path(), &format!("{CLASSIFY} --softmax-lambda 1e-3 --fine-tune 3 --no-baseline --out run"))
        .text();
    folder
}

/// What the library makes of the other rows.
fn probabilities(folder: &Path) -> rhohat::Matrix<f32> {
    let classifier = Classifier::load(folder.join("run")).unwrap().device("cpu");
    classifier.probabilities(&Data::open(folder.join("other.npy")).unwrap()).unwrap()
}

/// The place of the largest of each row.
fn largest(probabilities: &rhohat::Matrix<f32>) -> Vec<usize> {
    let of = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    probabilities.values.chunks(probabilities.cols).map(of).collect()
}

#[test]
fn classes_accuracy_and_mistakes_are_told_of_labelled_rows() {
    let folder = classified();
    let folder = folder.path();
    let predicted = largest(&probabilities(folder));
    let mut counts = [[0_u64; 3]; 3];
    predicted.iter().enumerate().for_each(|(row, &taken_for)| counts[label(row)][taken_for] += 1);
    let right = (0..OTHERS).filter(|&row| predicted[row] == label(row)).count();
    assert!(right < OTHERS, "some are mistaken, or the test sees nothing of mistakes");

    let line = "predict run other.npy --labels others.idx";
    let report = run(folder, &format!("{line} --json")).json();
    assert_eq!(report["examples"], OTHERS);
    assert_eq!(report["classes"], serde_json::json!(["0", "1", "2"]));
    let of = |class: usize| predicted.iter().filter(|&&taken_for| taken_for == class).count();
    assert_eq!(report["predicted"], serde_json::json!([of(0), of(1), of(2)]));
    assert_eq!(report["confusion"], serde_json::json!(counts));
    assert_eq!(number(&report, "accuracy"), right as f64 / OTHERS as f64);
    assert_eq!(
        (&report["out"], &report["confusion_out"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );

    let text = run(folder, line).text();
    for words in [
        format!("classes     0 {}, 1 {}, 2 {}", of(0), of(1), of(2)),
        format!("accuracy    {:.2} % of {OTHERS} rows", 100.0 * right as f64 / OTHERS as f64),
        format!("mistaken    {} of {OTHERS}: ", OTHERS - right),
    ] {
        assert!(text.contains(&words), "no {words:?} in {text}");
    }
    let too_much = format!("{line} --assert accuracy>0.9999");
    let refused = run(folder, &too_much);
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    assert!(refused.stderr.contains("accuracy"), "{}", refused.stderr);
    run(folder, &format!("{line} --assert accuracy>0.5")).text();
}

#[test]
fn rows_without_labels_have_classes_and_no_accuracy() {
    let folder = classified();
    let folder = folder.path();
    let report = run(folder, "predict run other.npy --json").json();
    assert_eq!(
        (&report["accuracy"], &report["confusion"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    assert_eq!(report["predicted"].as_array().unwrap().len(), 3);
    let text = run(folder, "predict run/model.safetensors other.npy --first 7").text();
    assert!(text.starts_with("classes     ") && text.lines().count() == 1, "{text}");
    run(folder, "predict run other.npy --confusion c.svg")
        .refused(2, &["--confusion", "--labels", "--label-column"]);
    run(folder, "predict run other.npy --labels labels.idx")
        .refused(3, &["labels.idx", "240 labels", "90 rows"]);
    assert!(!folder.join("c.svg").exists());
}

#[test]
fn files_hold_the_probabilities_of_the_library_and_the_class_as_the_label() {
    let folder = classified();
    let folder = folder.path();
    let wanted = probabilities(folder);
    assert_eq!((wanted.rows, wanted.cols), (OTHERS, 3));
    for row in wanted.values.chunks(3) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
    }
    let predicted = largest(&wanted);
    for out in ["p.csv", "p.tsv", "p.npz", "p.npy", "p.safetensors", "p.mat"] {
        let line = format!("predict run other.npy -o {out}");
        let text = run(folder, &line).text();
        assert!(text.contains(&format!("written     {out}")), "{text}");
    }
    let table = fs::read_to_string(folder.join("p.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("p0,p1,p2,label"));
    for (row, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let numbers: Vec<f32> = cells[..3].iter().map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(numbers, wanted.values[3 * row..][..3], "row {row}");
        assert_eq!(cells[3], predicted[row].to_string(), "row {row}");
    }
    assert_eq!(table.lines().count(), 1 + OTHERS);
    assert_eq!(fs::read_to_string(folder.join("p.tsv")).unwrap(), table.replace(',', "\t"));
    // The same numbers as rows of data, whatever the file.
    for (number, out) in ["p.npy", "p.npz:probabilities", "p.mat:probabilities"].into_iter().enumerate() {
        let line = format!(
            "train {out} --hidden 2 --steps 0 --normalize none --save-patches again.npy --out of-{number}"
        );
        run(folder, &line).text();
        let bytes = fs::read(folder.join("again.npy")).unwrap();
        let numbers: Vec<f32> = bytes[bytes.len() - 4 * wanted.values.len()..]
            .as_chunks::<4>()
            .0
            .iter()
            .map(|x| f32::from_le_bytes(*x))
            .collect();
        assert_eq!(numbers, wanted.values, "{out}");
    }
    let npz = fs::read(folder.join("p.npz")).unwrap();
    for name in ["probabilities.npy", "labels.npy", "label_names.npy"] {
        assert!(npz.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
    }
    let file = fs::read(folder.join("p.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&file).unwrap();
    let labels = file.tensor("labels").unwrap();
    let labels: Vec<i64> = labels.data().as_chunks::<8>().0.iter().map(|x| i64::from_le_bytes(*x)).collect();
    assert!(labels.iter().map(|&label| label as usize).eq(predicted));
    // What belongs to a run, or is none of these, is not written over.
    run(folder, "predict run other.npy -o other.npy").refused(2, &["other.npy"]);
    run(folder, "predict run other.npy -o run/model.safetensors").refused(2, &["model.safetensors"]);
    run(folder, "predict run other.npy -o p.xyz").refused(2, &["p.xyz", ".csv"]);
}

#[test]
fn a_confusion_matrix_is_a_picture_and_a_table() {
    let folder = classified();
    let folder = folder.path();
    let line = "predict run other.npy --labels others.idx --json --confusion";
    let report = run(folder, &format!("{line} c.svg")).json();
    assert_eq!(report["confusion_out"], "c.svg");
    let svg = fs::read_to_string(folder.join("c.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    run(folder, &format!("{line} c.csv")).text();
    let table = fs::read_to_string(folder.join("c.csv")).unwrap();
    for (class, row) in report["confusion"].as_array().unwrap().iter().enumerate() {
        let counts: Vec<String> = row.as_array().unwrap().iter().map(ToString::to_string).collect();
        let line = table.lines().nth(1 + class).unwrap();
        assert_eq!(line, format!("\"{class}\",{}", counts.join(",")), "{table}");
        let largest = counts.iter().max_by_key(|count| count.parse::<u64>().unwrap()).unwrap();
        assert!(svg.contains(&format!(">{largest}</text>")), "{largest} is not in {svg}");
    }
    run(folder, &format!("{line} c.png")).refused(2, &["c.png", ".svg"]);
}

#[test]
fn devices_agree_and_rows_of_another_width_are_refused() {
    let folder = classified();
    let folder = folder.path();
    let wanted = probabilities(folder);
    let classifier = |device: &str| Classifier::load(folder.join("run")).unwrap().device(device);
    let data = Data::open(folder.join("other.npy")).unwrap();
    for device in ["reference", "software"] {
        let found = classifier(device).probabilities(&data).unwrap();
        let off = found.values.iter().zip(&wanted.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-5, "{device}: {off}");
    }
    let five: Vec<f32> = (0..50).map(|at| at as f32 / 50.0).collect();
    rhohat::data::npy::write(&folder.join("five.npy"), 10, 5, &five).unwrap();
    run(folder, "predict run five.npy").refused(3, &["five.npy", "16", "5"]);
}

#[test]
fn the_library_trains_the_classifier_of_the_command_and_gives_codes_of_its_layers() {
    let folder = classified();
    let folder = folder.path();
    let model = Model::load(folder.join("encoder")).unwrap();
    let data = Data::open(folder.join("rows.npy")).unwrap();
    let data = data.label(Labels::open(folder.join("labels.idx")).unwrap()).unwrap();
    let trainer = rhohat::ClassifierTrainer::default()
        .on(&model)
        .softmax_lambda([1e-3])
        .fine_tune(3)
        .baseline(false)
        .device("cpu");
    let trained = trainer.fit(&data).unwrap();
    trained.classifier.save(folder.join("library.safetensors")).unwrap();
    let of_the_command = fs::read(folder.join("run/model.safetensors")).unwrap();
    assert!(fs::read(folder.join("library.safetensors")).unwrap() == of_the_command, "other bits");
    // Before fine-tuning the codes are those of the encoder.
    let trained = trainer.fine_tune(0).fit(&data).unwrap();
    let codes = trained.classifier.encode(&data, 1).unwrap();
    assert_eq!(codes, model.device("cpu").encode(&data).unwrap());
    assert_eq!(trained.classifier.encode(&data, 2).unwrap_err().exit_code(), 2);
    let shape = trained.classifier.shape();
    assert_eq!((shape.inputs, &shape.hidden[..], shape.classes), (COLS, &[12][..], 3));
    let confusion = trained.classifier.confusion(&data).unwrap();
    assert_eq!(confusion.accuracy(), trained.summary.before.training);
}
