//! `rhohat classify`: the two commands of self-taught learning, what is printed and kept, and what is refused.

use std::fs;

use serde_json::Value;

use super::labelled::{CLASSIFY, COLS, OTHERS, ROWS, folder, folder_with_encoder, idx, label, model, run};
use super::{names, number};

/// A result without what differs from run to run.
pub(super) fn lasting(mut summary: Value) -> Value {
    let members = summary.as_object_mut().unwrap();
    for name in ["softmax_seconds", "fine_tune_seconds", "run", "model", "confusion_picture", "report"] {
        assert!(members.remove(name).is_some(), "no {name}");
    }
    summary
}

/// All rows of a confusion matrix together.
pub(super) fn judged(summary: &Value) -> u64 {
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
fn a_weight_decay_at_the_end_of_those_tried_is_told_with_values_beyond() {
    let folder = folder_with_encoder();
    let folder = folder.path();
    let line = |lambdas: &str, out: &str| {
        format!("{CLASSIFY} --softmax-lambda {lambdas} --iterations 40 --run {out}")
    };
    for (lambdas, end, beyond) in [
        // Under the largest no weights are left to tell by.
        ("1e1,1e-2", "smallest", Some("--softmax-lambda 1e-2,1e-3,1e-4")),
        // Under neither, and of equal ones the largest is taken.
        ("1e4,1e5", "largest", Some("--softmax-lambda 1e5,1e6,1e7")),
        ("1e1,0", "", None),
        ("1e-2", "", None),
    ] {
        let out = format!("run-{lambdas}");
        let summary = run(folder, &format!("{} --json", line(lambdas, &out))).json();
        let expected = if end.is_empty() { Value::Null } else { end.into() };
        assert_eq!(summary["softmax_lambda_end"], expected, "{lambdas}");
        assert_eq!(summary["baseline"]["softmax_lambda_end"], expected, "{lambdas}");
        let text = run(folder, &line(lambdas, &out)).text();
        let page = fs::read_to_string(folder.join(&out).join("report.html")).unwrap();
        let told = "of those tried, the best may lie beyond; try ";
        let Some(beyond) = beyond else {
            assert!(!text.contains("lie beyond") && !page.contains("lie beyond"), "{lambdas}: {text}");
            continue;
        };
        for layer in ["softmax on codes", "softmax on inputs"] {
            let told = format!("of {layer} is the {end} {told}");
            assert!(text.contains(&format!("{told}{beyond}\n")), "{lambdas}: {text}");
            assert!(page.contains(&told), "{lambdas}: {page}");
        }
        assert!(page.contains(&beyond.replace("--softmax-lambda", "softmax_lambda")), "{lambdas}: {page}");
    }
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
