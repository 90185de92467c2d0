//! Where the labels of `rhohat classify` come from: files of every kind, columns, folders, records; and the classes that are taken.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::classify::{judged, lasting};
use super::labelled::{CLASSIFY, OTHERS, ROWS, folder_with_encoder, label, model, run};
use super::number;

#[test]
fn rows_of_their_own_judge_it_by_labels_of_their_own() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let line = format!("{CLASSIFY} --test other.npy --test-labels others.idx --json --out of-files");
    let summary = run(folder, &line).json();
    assert_eq!((&summary["examples"], &summary["test_examples"]), (&ROWS.into(), &OTHERS.into()));
    assert_eq!(judged(&summary), OTHERS as u64);
    let predicted = run(folder, "predict of-files other.npy --labels others.idx --json").json();
    assert_eq!(predicted["accuracy"], summary["before"]["test"]);
    assert_eq!(predicted["confusion"], summary["confusion"]["counts"]);
    // A column of a table is that of both; classes that the test lacks are classes all the same.
    let table = fs::read_to_string(folder.join("other.csv")).unwrap();
    let without: Vec<&str> = table.lines().filter(|line| !line.ends_with(",0")).collect();
    fs::write(folder.join("fewer.csv"), without.join("\n")).unwrap();
    let line =
        "classify rows.csv --label-column kind --encoder encoder --test fewer.csv --json --out of-tables";
    let tables = run(folder, line).json();
    assert_eq!(tables["test_examples"], without.len() - 1);
    assert_eq!(tables["confusion"]["counts"][0], serde_json::json!([0, 0, 0]));
    assert_eq!(tables["confusion"]["counts"][1], summary["confusion"]["counts"][1]);
    assert_eq!(tables["confusion"]["counts"][2], summary["confusion"]["counts"][2]);
}

#[test]
fn labels_are_the_same_from_every_kind_of_file() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let rest = "--encoder encoder --softmax-lambda 1e-3 --json --out";
    let wanted = lasting(run(folder, &format!("classify rows.npy --labels labels.idx {rest} idx")).json());
    assert_eq!(wanted["classes"], serde_json::json!(["0", "1", "2"]));
    let counts: Vec<u64> =
        (0..3).map(|class| (0..ROWS).filter(|&row| label(row) == class).count() as u64).collect();
    for (class, &count) in counts.iter().enumerate() {
        let row = wanted["confusion"]["counts"][class].as_array().unwrap();
        assert_eq!(row.iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), count);
    }
    for data in
        ["rows.npy --labels labels.npy", "rows.npy --labels labels.txt", "rows.csv --label-column kind"]
    {
        let out = data.replace(' ', "_");
        let found = lasting(run(folder, &format!("classify {data} {rest} {out}")).json());
        assert_eq!(found, wanted, "{data}");
        assert!(model(folder, &out) == model(folder, "idx"), "{data}: other bits");
    }
}

/// Pictures of 8×8 pixels in a folder for each class.
fn pictures(folder: &Path, of_a_class: u32) {
    for (class, name) in ["across", "down", "slanting"].into_iter().enumerate() {
        fs::create_dir_all(folder.join("photos").join(name)).unwrap();
        for number in 0..of_a_class {
            let at = |x: u32, y: u32| [y, x, x + y][class] + number % 2;
            let picture = image::GrayImage::from_fn(8, 8, |x, y| {
                image::Luma([(40 + 120 * (at(x, y) / 2 % 2) + 7 * ((number * (x + 3) * (y + 5)) % 11)) as u8])
            });
            picture.save(folder.join(format!("photos/{name}/{number}.png"))).unwrap();
        }
    }
}

#[test]
fn class_folders_of_square_pictures_are_told_apart_without_an_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    pictures(folder, 16);
    let line = "classify photos --recursive --test 0.25 --json --out run";
    let summary = run(folder, line).json();
    assert_eq!(summary["widths"], serde_json::json!([64, 3]));
    assert_eq!(summary["classes"], serde_json::json!(["across", "down", "slanting"]));
    assert_eq!((&summary["examples"], &summary["test_examples"]), (&36.into(), &12.into()));
    assert_eq!((&summary["baseline"], &summary["fine_tuned"]), (&Value::Null, &Value::Null));
    assert!(number(&summary["before"], "test") > 0.9, "{summary}");
    let text = run(folder, &line.replace("--json ", "").replace("run", "again")).text();
    assert!(text.contains("softmax on inputs") && !text.contains("softmax on codes"), "{text}");
    // Pixels go through what the run went through: a picture on its own is told as those of the folder are.
    let predicted = run(folder, "predict run photos/down --json").json();
    assert_eq!(predicted["predicted"][1], 16, "{predicted}");
    // Pictures that are cut into several examples have no class each.
    run(folder, "train photos --recursive --patch 4 --samples 50 --hidden 5 --steps 2 --out patches").text();
    run(folder, "classify photos --recursive --encoder patches")
        .refused(2, &["48 labels for", "patches", "rhohat convolve"]);
    let wide = image::GrayImage::from_fn(9, 8, |x, _| image::Luma([x as u8]));
    wide.save(folder.join("photos/down/wide.png")).unwrap();
    run(folder, "classify photos --recursive").refused(2, &["no squares of one size", "--encoder"]);
}

#[test]
fn records_of_cifar_bring_their_labels() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let record = |row: usize| {
        let label = row % 3;
        let pixel = move |at: usize| (30 * label + at % 7 + (row * at) % 5) as u8;
        [label as u8].into_iter().chain((0..3072).map(pixel)).collect::<Vec<_>>()
    };
    fs::write(folder.join("data_batch_1.bin"), (0..24).flat_map(record).collect::<Vec<_>>()).unwrap();
    let summary =
        run(folder, "classify data_batch_1.bin --softmax-lambda 1e-4 --iterations 20 --json --out run")
            .json();
    assert_eq!(summary["widths"], serde_json::json!([3072, 10]));
    assert_eq!(summary["classes"][9], "9");
    for (class, row) in summary["confusion"]["counts"].as_array().unwrap().iter().enumerate() {
        let of = |taken_for: usize| if taken_for == class && class < 3 { 8 } else { 0 };
        assert_eq!(*row, serde_json::json!((0..10).map(of).collect::<Vec<_>>()));
    }
}

#[test]
fn classes_that_are_named_are_the_only_ones() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let rest = "--softmax-lambda 1e-3 --json --out";
    let some = run(
        folder,
        &format!("{CLASSIFY} --classes 0,2 --test other.npy --test-labels others.idx {rest} two"),
    )
    .json();
    assert_eq!(some["classes"], serde_json::json!(["0", "2"]));
    let of = |rows: usize| (0..rows).filter(|&row| label(row) != 1).count();
    assert_eq!((&some["examples"], &some["test_examples"]), (&of(ROWS).into(), &of(OTHERS).into()));
    let ranged = run(folder, &format!("{CLASSIFY} --classes 0-1 {rest} ranged")).json();
    assert_eq!(ranged["classes"], serde_json::json!(["0", "1"]));
    run(folder, &format!("{CLASSIFY} --classes 0,7")).refused(2, &["--classes", "no label is 7", "0, 1, 2"]);
    run(folder, &format!("{CLASSIFY} --classes 1")).refused(2, &["all labels are 1", "two classes"]);
    run(folder, "classify rows.npy --classes 0,1").refused(2, &["--classes 0,1", "no labels", "--labels"]);
    // The classifier does not know those that it was not shown.
    run(folder, "predict two other.npy --labels others.idx")
        .refused(2, &["the label 1", "it knows 0, 2", "--classes"]);
    run(folder, "predict two other.npy --labels others.idx --classes 0,2").text();
}
