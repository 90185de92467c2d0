//! `rhohat classify`: the two commands of self-taught learning, where labels come from, what is printed and kept, and what is
//! refused.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::labelled::{CLASSIFY, COLS, OTHERS, ROWS, folder, folder_with_encoder, idx, label, model, run};
use super::{names, number};

/// A result without what differs from run to run.
fn lasting(mut summary: Value) -> Value {
    let members = summary.as_object_mut().unwrap();
    for name in ["softmax_seconds", "fine_tune_seconds", "run", "model", "confusion_picture", "report"] {
        assert!(members.remove(name).is_some(), "no {name}");
    }
    summary
}

/// All rows of a confusion matrix together.
fn judged(summary: &Value) -> u64 {
    let rows = summary["confusion"]["counts"].as_array().unwrap();
    rows.iter().flat_map(|row| row.as_array().unwrap()).map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn two_commands_learn_an_encoder_and_a_classifier_and_tell_what_the_codes_are_worth() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let line = format!("{CLASSIFY} --test 0.5 --fine-tune 8 --run waves");
    let text = run(folder, &line).text();
    // The model alone is the same encoder as the run.
    let of_a_file = line
        .replace("encoder encoder", "encoder encoder/model.safetensors")
        .replace("--run waves", "--run file");
    run(folder, &of_a_file).text();
    assert!(model(folder, "file") == model(folder, "waves"), "other bits");
    for words in [
        "classifier  16 → 12 → 3 of 3 classes, trained on 119 rows, tested on 121",
        "softmax on inputs",
        "softmax on codes",
        "best of 5 on held-out rows: ",
        "fine-tuned",
        "8 steps in ",
        "= cross-entropy ",
        "mistaken ",
        "model       waves/model.safetensors",
        "confusion   waves/confusion.svg",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    // The run has its result: the same command tells it again.
    let summary = run(folder, &format!("{line} --json")).json();
    assert_eq!(summary["widths"], serde_json::json!([16, 12, 3]));
    assert_eq!((&summary["examples"], &summary["test_examples"]), (&119.into(), &121.into()));
    assert_eq!((&summary["steps"], &summary["ended"]), (&8.into(), &"steps".into()));
    assert_eq!(judged(&summary), 121, "the confusion matrix is that of the test");
    for stage in ["baseline", "before", "fine_tuned"] {
        for rows in ["training", "test"] {
            assert!(number(&summary[stage], rows) > 0.7, "{stage}, {rows}: {summary}");
        }
    }
    assert!(number(&summary, "j") > number(&summary, "cross_entropy"), "weight decay counts");
    let percent = format!("{:.2} %", 100.0 * number(&summary["fine_tuned"], "test"));
    let line = text.lines().find(|line| line.starts_with("fine-tuned")).unwrap();
    assert!(line.contains(&percent), "{line}");
    let files = [
        "before.json",
        "before.safetensors",
        "checkpoints",
        "classify.toml",
        "confusion.csv",
        "confusion.svg",
        "data.json",
        "env.json",
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
        "summary.json",
    ];
    assert_eq!(names(&folder.join("waves")), files);
    let metrics = fs::read_to_string(folder.join("waves/metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(number(lines.last().unwrap(), "j") < number(&lines[0], "j"), "{metrics}");
    assert_eq!(lines.last().unwrap()["step"], 8);
}

#[test]
fn weight_decay_is_chosen_by_held_out_rows_where_there_is_a_choice() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let of = |flags: &str, out: &str| {
        run(folder, &format!("{CLASSIFY} {flags} --no-baseline --json --out {out}")).json()
    };
    let one = of("--softmax-lambda 0.01", "one");
    assert_eq!((&one["softmax_lambda"], &one["tried"]), (&0.01.into(), &serde_json::json!([])));
    assert_eq!(
        (&one["baseline"], &one["fine_tuned"], &one["ended"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(judged(&one), ROWS as u64, "without a test by what was learned from");
    let three = of("--softmax-lambda 1e-4,10,1e-2", "three");
    let tried = |summary: &Value| -> Vec<(f64, f64)> {
        let tried = summary["tried"].as_array().unwrap();
        tried.iter().map(|tried| (number(tried, "lambda"), number(tried, "accuracy"))).collect()
    };
    let found = tried(&three);
    assert_eq!(found.iter().map(|tried| tried.0).collect::<Vec<_>>(), [10.0, 1e-2, 1e-4]);
    assert!(found[0].1 < found[1].1, "λ = 10 leaves no weights to tell by: {found:?}");
    let best = found.iter().map(|tried| tried.1).fold(0.0, f64::max);
    let chosen = found.iter().find(|tried| tried.1 == best).unwrap().0;
    assert_eq!(number(&three, "softmax_lambda"), chosen, "the largest of the best");
    assert_eq!(tried(&of("", "usual")).len(), 5);
    let held = of("--hold-out 0.5 --seed 3 --iterations 5", "other");
    assert_ne!(
        tried(&held),
        tried(&of("--hold-out 0.5 --seed 4 --iterations 5", "seed")),
        "other rows are held out"
    );
}

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

#[test]
fn what_cannot_be_learned_from_is_refused_with_the_reason_and_a_way_out() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    fs::write(folder.join("short.idx"), idx([0, 1, 2].into_iter())).unwrap();
    let lonely = (0..ROWS).map(|row| if row == 5 { 9 } else { label(row) as u8 });
    fs::write(folder.join("lonely.idx"), idx(lonely)).unwrap();
    fs::write(folder.join("half.txt"), "1\n\n2\n").unwrap();
    let five: Vec<f32> = (0..50 * 5).map(|at| (at % 13) as f32 / 13.0).collect();
    rhohat::data::npy::write(&folder.join("five.npy"), 50, 5, &five).unwrap();
    run(folder, "train five.npy --hidden 3 --steps 2 --normalize none --out of-five").text();
    for (line, code, words) in [
        (
            "classify rows.npy --encoder encoder",
            2,
            &["rows.npy", "no labels", "--labels", "--label-column"][..],
        ),
        ("classify rows.npy --labels short.idx", 3, &["short.idx", "3 labels", "240 rows", "one for each"]),
        ("classify rows.npy --labels half.txt", 3, &["half.txt", "line 2"]),
        ("classify rows.npy --labels other.npy", 3, &["other.npy", "not of labels"]),
        ("classify rows.npy --labels gone.idx", 3, &["gone.idx"]),
        ("classify rows.npy --labels lonely.idx", 2, &["class 9", "one row", "--softmax-lambda"]),
        ("classify rows.npy --labels labels.idx --test other.npy", 2, &["other.npy", "no labels"]),
        (
            "classify rows.npy --labels labels.idx --classes 0,1 --encoder encoder --test five.npy --test-labels others.idx",
            3,
            &["90 labels", "50 rows"],
        ),
        ("classify rows.npy --labels labels.idx --test 1.5", 2, &["--test 1.5", "share", "DATA"]),
        ("classify rows.npy --labels labels.idx --test 0", 2, &["--test 0", "share"]),
        (
            "classify rows.npy --labels labels.idx --test 0.5 --test-labels others.idx",
            2,
            &["--test-labels", "DATA"],
        ),
        ("classify rows.npy --labels labels.idx --encoder of-five", 3, &["rows.npy", "16", "5"]),
        (
            "classify rows.npy --labels labels.idx --encoder encoder --encoder of-five",
            2,
            &["--encoder", "encoder 2 reads 5 numbers", "gives 12"],
        ),
        ("classify rows.npy --labels labels.idx --fine-tune 5", 2, &["--fine-tune 5", "--encoder"]),
        (
            "classify rows.npy --labels labels.idx --encoder encoder --fine-tune 5 --lr 0.1",
            2,
            &["--lr", "L-BFGS"],
        ),
        ("classify rows.npy --labels labels.idx --softmax-lambda -1", 2, &["--softmax-lambda", "0 or more"]),
        ("classify rows.npy --labels labels.idx --hold-out 1", 2, &["--hold-out 1"]),
        ("classify rows.npy --labels labels.idx --iterations 0", 2, &["--iterations 0"]),
        ("classify rows.npy --labels labels.idx --encoder gone", 3, &["gone"]),
        ("classify rows.npy --labels labels.idx --encoder rows.npy", 3, &["rows.npy"]),
    ] {
        run(folder, line).refused(code, words);
    }
    for line in ["classify", "classify rows.npy --labels labels.idx --test-labels others.idx"] {
        assert_eq!(run(folder, line).code, 2, "{line}");
    }
    assert!(!folder.join("runs").exists(), "what is refused leaves no run");
    // One λ needs no rows to choose it by.
    run(folder, "classify rows.npy --labels lonely.idx --softmax-lambda 1e-3").text();
    // An unknown class in the test is one that nobody could tell.
    let strange = (0..OTHERS).map(|row| if row == 7 { 5 } else { label(row) as u8 });
    fs::write(folder.join("strange.idx"), idx(strange)).unwrap();
    let line = format!("{CLASSIFY} --test other.npy --test-labels strange.idx");
    run(folder, &line).refused(2, &["other.npy", "the label 5", "it knows 0, 1, 2", "--classes"]);
}

#[test]
fn classifiers_and_autoencoders_are_not_taken_for_each_other() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    run(folder, &format!("{CLASSIFY} --softmax-lambda 1e-3 --out run")).text();
    run(folder, "classify rows.npy --labels labels.idx --softmax-lambda 1e-3 --out alone").text();
    for classifier in ["run", "alone"] {
        for line in [
            format!("classify rows.npy --labels labels.idx --encoder {classifier}"),
            format!("eval {classifier} rows.npy"),
            format!("encode {classifier} rows.npy -o codes.npy"),
            format!("reconstruct {classifier} rows.npy -o again.npy"),
            format!("train rows.npy --init {classifier} --steps 1"),
        ] {
            run(folder, &line).refused(3, &[&format!("{classifier}/model.safetensors"), "classifier"]);
        }
    }
    run(folder, "predict encoder rows.npy")
        .refused(3, &["encoder/model.safetensors", "no classifier", "rhohat classify"]);
    run(folder, "predict rows.npy rows.npy").refused(3, &["rows.npy", "no model"]);
    run(folder, "predict gone rows.npy").refused(3, &["gone"]);
    for name in ["codes.npy", "again.npy", "runs"] {
        assert!(!folder.join(name).exists(), "{name}");
    }
}

#[test]
fn a_directory_has_one_run_which_is_told_again_and_goes_on_for_longer() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let line = format!("{CLASSIFY} --test 0.3 --fine-tune 4");
    let first = run(folder, &format!("{line} --json --run run")).json();
    let before = (model(folder, "run"), fs::read(folder.join("run/metrics.jsonl")).unwrap());
    assert_eq!(run(folder, &format!("{line} --json --run run")).json(), first);
    assert_eq!(run(folder, "classify --resume run --json").json(), first);
    assert!(
        before == (model(folder, "run"), fs::read(folder.join("run/metrics.jsonl")).unwrap()),
        "it is touched"
    );
    run(folder, &format!("{line} --out run")).refused(2, &["--out run", "not empty"]);

    // What is asked of it otherwise is another run.
    for (flags, words) in [
        ("--softmax-lambda 1e-3", &["softmax-lambda", "the run has", "--out"][..]),
        ("--optimizer adam", &["optimizer", "lbfgs"]),
        ("--seed 4", &["seed"]),
        ("--hidden-lambda 0.1", &["hidden-lambda"]),
        ("--no-baseline", &["baseline"]),
        ("--labels labels.idx", &["--resume run", "data", "--out"]),
        ("--classes 0,1", &["--resume run", "data"]),
        ("--encoder encoder", &["--resume run", "data"]),
        ("--test 0.5", &["--resume run", "data"]),
        ("--divide 2", &["--resume run", "data"]),
    ] {
        run(folder, &format!("classify --resume run {flags}")).refused(2, words);
    }
    assert_eq!(run(folder, "classify --resume run --out elsewhere").code, 2);
    for (line, what) in [
        (line.replace("labels.idx", "labels.idx --classes 0,1"), "examples"),
        (line.replace("0.3", "0.5"), "examples"),
        (format!("{} --encoder encoder", line.replace("--encoder encoder", "--encoder again")), "encoders"),
    ] {
        if what == "encoders" {
            let again = "train rows.npy --hidden 12 --steps 3 --normalize none --out again";
            run(folder, again).text();
            let line = line.replace(" --encoder encoder", "");
            run(folder, &format!("{line} --run run")).refused(2, &["run", "other encoders", "--out"]);
        } else {
            run(folder, &format!("{line} --run run"))
                .refused(2, &["run", "has learned from other", what, "--out"]);
        }
    }
    assert!(
        before == (model(folder, "run"), fs::read(folder.join("run/metrics.jsonl")).unwrap()),
        "it is touched"
    );

    // Longer: as if it had been asked for at once.
    let longer = run(folder, "classify --resume run --fine-tune 9 --json").json();
    assert_eq!((&longer["steps"], &longer["run"]), (&9.into(), &"run".into()));
    let whole =
        run(folder, &format!("{} --json --out whole", line.replace("--fine-tune 4", "--fine-tune 9"))).json();
    assert_eq!(lasting(longer), lasting(whole));
    assert!(model(folder, "run") == model(folder, "whole"), "other bits");
    run(folder, "classify --resume nowhere").refused(3, &["nowhere", "no run of a classifier"]);
    run(folder, "classify --resume rows.npy").refused(3, &["rows.npy", "no run of a classifier"]);
    run(folder, &format!("{line} --run rows.npy")).refused(2, &["--run rows.npy"]);
    run(folder, "classify --resume encoder").refused(3, &["encoder", "no run of a classifier"]);
    run(folder, "train --resume run").refused(3, &["run"]);
}

#[test]
fn a_run_that_was_killed_before_it_had_settings_can_be_begun_again() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    fs::create_dir(folder.join("run")).unwrap();
    for (name, text) in [(".rhohat-x", "half"), ("env.json", "{}"), ("data.json", "{"), ("metrics.jsonl", "")]
    {
        fs::write(folder.join("run").join(name), text).unwrap();
    }
    run(folder, &format!("{CLASSIFY} --softmax-lambda 1e-3 --run run")).text();
    assert!(folder.join("run/summary.json").exists());
}

#[test]
fn a_model_that_is_gone_is_made_again_and_is_the_same() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let line = format!("{CLASSIFY} --fine-tune 3 --run run");
    run(folder, &line).text();
    let bits = model(folder, "run");
    for damage in [true, false] {
        let path = folder.join("run/model.safetensors");
        if damage {
            fs::write(path, "other").unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        let outcome = run(folder, &line);
        assert!(outcome.stderr.contains("made again"), "{}", outcome.stderr);
        outcome.text();
        assert!(model(folder, "run") == bits, "other bits");
    }
}

#[test]
fn softmax_on_numbers_as_they_are_is_that_of_the_reference() {
    let folder = folder();
    let folder = folder.path();
    let of = |device: &str| {
        let line = format!(
            "classify rows.npy --labels labels.idx --softmax-lambda 1e-2 --device {device} --json --out {device}"
        );
        run(folder, &line).json()
    };
    let (reference, cpu, software) = (of("reference"), of("cpu"), of("software"));
    assert_eq!(reference["widths"], serde_json::json!([COLS, 3]));
    for (name, found) in [("cpu", &cpu), ("software", &software)] {
        // J is convex: all searches end at its only minimum.
        let off = number(found, "j") / number(&reference, "j") - 1.0;
        assert!(off.abs() < 1e-5, "{name}: {off}");
        assert_eq!(found["confusion"], reference["confusion"], "{name}");
    }
}
