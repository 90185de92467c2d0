//! Bad input: one clear line, the right exit code, nothing half-written.

use std::fs;

use tempfile::{TempDir, tempdir};

use super::{fixture, names, rhohat, train};

/// Runs `train` with `args`, which must be refused and leave nothing behind.
fn refuse(folder: &TempDir, args: &[&str], code: i32, words: &[&str]) {
    let before = names(folder.path());
    let common = ["train", "--device", "cpu", "--steps", "5"];
    rhohat(folder.path(), &[&common, args].concat()).refused(code, words);
    assert_eq!(names(folder.path()), before);
}

/// A folder that holds one file.
fn holding(name: &str, bytes: &[u8]) -> TempDir {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    folder
}

#[test]
fn a_missing_file() {
    refuse(&tempdir().unwrap(), &["nowhere.npy"], 3, &["nowhere.npy: no such file"]);
}

#[test]
fn an_empty_folder() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("photos")).unwrap();
    refuse(&folder, &["photos"], 3, &["photos: no PNG, JPEG"]);
}

#[test]
fn a_picture_of_one_pixel_and_a_patch_larger_than_the_picture() {
    let folder = tempdir().unwrap();
    refuse(&folder, &[&fixture("dot.png")], 3, &["dot.png: 1×1 pixels", "--patch"]);
    refuse(&folder, &[&fixture("grey.png"), "--patch", "13"], 3, &["16×12", "13×13"]);
    refuse(&folder, &["--patch", "513", "--samples", "10"], 3, &["512×512", "513×513"]);
}

#[test]
fn text_named_npy() {
    refuse(&holding("rows.npy", b"no table\nat all\n"), &["rows.npy"], 3, &["rows.npy: ", "text"]);
}

#[test]
fn truncated_files() {
    for name in ["images-idx3-ubyte", "grey.png", "rows_lf4.npy", "one.safetensors"] {
        let bytes = fs::read(fixture(name)).unwrap();
        refuse(&holding(name, &bytes[..bytes.len() - 5]), &[name], 3, &[name]);
    }
}

#[test]
fn data_that_are_not_finite() {
    let mut bytes = fs::read(fixture("rows_lf8.npy")).unwrap();
    let last = bytes.len() - 8;
    bytes[last..].copy_from_slice(&f64::NAN.to_le_bytes());
    refuse(&holding("rows.npy", &bytes), &["rows.npy"], 3, &["rows.npy: row ", "NaN"]);
}

#[test]
fn settings_out_of_range() {
    let folder = tempdir().unwrap();
    for (args, words) in [
        (["--rho", "0"], "--rho 0: "),
        (["--rho", "1"], "--rho 1: "),
        (["--rho", "NaN"], "--rho NaN: "),
        (["--beta", "-1"], "--beta -1: "),
        (["--lambda", "inf"], "--lambda inf: "),
        (["--hidden", "0"], "--hidden 0: "),
        (["--samples", "0"], "--samples 0: "),
        (["--patch", "0"], "--patch 0: "),
        (["--chunk", "0"], "--chunk 0: "),
        (["--block", "26"], "--block 26: "),
        (["--device", "gpu:x"], "--device gpu:x: "),
    ] {
        let args = [&["train"], &args[..]].concat();
        rhohat(folder.path(), &args).refused(2, &[words]);
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn settings_that_contradict_each_other_or_would_do_nothing() {
    let folder = tempdir().unwrap();
    for (args, words) in [
        ("--epochs 2 --optimizer adam", "--epochs and --steps"),
        ("--batch 10", "--batch 10: lbfgs takes all rows"),
        ("--lr 0.1", "--lr means nothing to lbfgs"),
        ("--schedule cosine", "--schedule means nothing to lbfgs"),
        ("--warmup 3", "--warmup means nothing to lbfgs"),
        ("--beta-warmup 3", "--beta-warmup means nothing to lbfgs"),
        ("--optimizer adam --beta-warmup 6", "--beta-warmup 6: the run has only 5 updates"),
        ("--optimizer adam --beta-warmup 2 --beta 0", "--beta-warmup 2: --beta 0 leaves nothing"),
        ("--resample 2", "--resample means nothing to lbfgs"),
        ("--optimizer adam --resample 0", "--resample 0: the run has 5 updates"),
        ("--optimizer adam --resample 5", "--resample 5: the run has 5 updates"),
        ("--momentum 0.5", "--momentum means nothing to lbfgs"),
        ("--optimizer adam --momentum 0.5", "--momentum is for sgd"),
        ("--optimizer adam --lr 0", "--lr 0: "),
        ("--optimizer sgd --momentum 1", "--momentum 1: "),
        ("--optimizer adam --warmup 6", "--warmup 6: the run has only 5 updates"),
        ("--optimizer adam --samples 50 --batch 51", "--batch 51: there are 50 examples"),
        ("--rho-hat ema", "--rho-hat ema averages over mini-batches"),
        ("--optimizer adam --batch full --rho-hat ema", "--rho-hat ema averages over mini-batches"),
        ("--rho-hat-decay 0.5", "--rho-hat-decay is for --rho-hat ema"),
        ("--optimizer adam --rho-hat ema --rho-hat-decay 1", "--rho-hat-decay 1: "),
    ] {
        refuse(&folder, &args.split(' ').collect::<Vec<_>>(), 2, &[words]);
    }
}

#[test]
fn flags_for_images_with_rows() {
    let (folder, rows) = (tempdir().unwrap(), fixture("rows_lf4.npy"));
    for flags in [&["--patch", "2"][..], &["--samples", "9"], &["--color"], &["--whiten"]] {
        let args = [&[rows.as_str()], flags].concat();
        refuse(&folder, &args, 2, &[flags[0], "is for images"]);
    }
    // Rows are not whitened, whoever says so.
    for flags in [&["--no-whiten"][..], &["--whitening", "none"]] {
        let args = [&["train", "--device", "cpu", &rows, "--dry-run"], flags].concat();
        assert_eq!(rhohat(folder.path(), &args).code, 0);
    }
}

#[test]
fn an_unknown_device() {
    let folder = tempdir().unwrap();
    let outcome = rhohat(folder.path(), &["train", "--device", "abacus"]);
    outcome.refused(5, &["--device abacus: no such adapter", "rhohat devices"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_run_directory_that_is_not_empty() {
    let folder = holding("out", b"");
    refuse(&folder, &["--out", "out"], 2, &["--out out: there is a file"]);
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &[]);
    let model = fs::read(folder.path().join("run/model.safetensors")).unwrap();
    refuse(&folder, &["--out", "run"], 2, &["--out run: the directory is not empty"]);
    assert_eq!(fs::read(folder.path().join("run/model.safetensors")).unwrap(), model);
}

#[test]
fn configuration_files() {
    let folder = tempdir().unwrap();
    refuse(&folder, &["--config", "none.toml"], 3, &["none.toml: no such file"]);
    for (text, words) in [
        ("hiden = 3", "unknown field `hiden`"),
        ("hidden = 3\nrho 0.1", "line 2: "),
        ("hidden = \"many\"", "in `hidden`"),
        ("batch = \"half\"", "a number of rows or `full`"),
        ("output = \"relu\"", "unknown variant `relu`"),
        ("data = \"nowhere.npy\"", "nowhere.npy: no such file"),
    ] {
        refuse(&holding("c.toml", text.as_bytes()), &["--config", "c.toml"], 3, &[words]);
    }
    let folder = holding("c.toml", b"activation = \"linear\"");
    refuse(&folder, &["--config", "c.toml"], 2, &["--activation linear: "]);
}

#[test]
fn start_models_that_do_not_fit() {
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &[]);
    let init = ["--init", "run/model.safetensors"];
    refuse(&folder, &[&init[..], &["--hidden", "24"]].concat(), 2, &["--hidden 24: ", "25 hidden units"]);
    refuse(&folder, &[&init[..], &["--patch", "9"]].concat(), 2, &["81 numbers", "64 visible units"]);
    refuse(
        &folder,
        &["--init", "run/metrics.jsonl"],
        3,
        &["run/metrics.jsonl: text, no whole safetensors file"],
    );
}

#[test]
fn models_and_data_that_do_not_fit() {
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &[]);
    let rows = fixture("rows_lf4.npy");
    let on = |command, model, data: &str, out| {
        let args = [command, model, data, "--device", "cpu", "-o", out];
        rhohat(folder.path(), &args)
    };
    let model = "run/model.safetensors";
    on("encode", model, &rows, "codes.npy").refused(3, &["rows of ", "8×8×1 = 64"]);
    on("encode", "run/config.toml", &rows, "codes.npy").refused(3, &["no whole safetensors file"]);
    on("encode", "none.safetensors", &rows, "codes.npy").refused(3, &["none.safetensors: no such file"]);
    on("reconstruct", model, &fixture("stack_grey.npy"), "out.png").refused(3, &["smaller than one patch"]);
    let picture = fixture("grey.png");
    let args = ["eval", model, &picture, "--rho", "2", "--device", "cpu"];
    rhohat(folder.path(), &args).refused(2, &["--rho 2: "]);
    assert_eq!(names(folder.path()), ["run"]);
}

#[test]
fn an_output_folder_that_does_not_exist() {
    let folder = tempdir().unwrap();
    train(folder.path(), "run", &[]);
    let args = ["features", "run/model.safetensors", "-o", "nowhere/features.png"];
    rhohat(folder.path(), &args).refused(6, &["write nowhere/features.png: "]);
}

#[test]
fn divergence_keeps_the_metrics_before_it_and_no_model() {
    let folder = tempdir().unwrap();
    let flags = ["--optimizer", "sgd", "--lr", "1e30", "--output", "linear", "--steps", "50", "-q"];
    refuse_diverged(&folder, &flags);
    assert_eq!(
        names(&folder.path().join("run")),
        ["config.toml", "data.json", "diverged.json", "env.json", "metrics.csv", "metrics.jsonl"]
    );
    let metrics = fs::read_to_string(folder.path().join("run/metrics.jsonl")).unwrap();
    assert!(metrics.lines().count() > 0);
    assert!(!metrics.contains("null,\"dead\"") && !metrics.contains("NaN"), "{metrics}");
}

fn refuse_diverged(folder: &TempDir, flags: &[&str]) {
    let common = ["train", "--device", "cpu", "--samples", "200", "--out", "run"];
    rhohat(folder.path(), &[&common, flags].concat()).refused(4, &["diverged at step ", "--lr"]);
}

#[test]
fn a_binding_limit_where_nothing_is_bound() {
    let args = ["--samples", "20", "--binding-limit", "65536"];
    refuse(&tempdir().unwrap(), &args, 2, &["--binding-limit 65536", "no WebGPU device", "leave it out"]);
}
