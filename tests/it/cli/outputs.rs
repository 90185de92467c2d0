//! Files that results go to: named for what they are, never an input, replacing nothing but their own kind.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use rhohat::data::Preprocess;
use rhohat::data::npy;
use rhohat::math::objective::Objective;
use rhohat::math::params::{Params, Shape};
use rhohat::run::model_file::{Meta, save};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::{names, number, rhohat, train};

/// A folder with a model of 4×4 patches, a picture, and rows.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    let picture = image::GrayImage::from_fn(9, 8, |x, y| image::Luma([(40 + 20 * x + 3 * y) as u8]));
    picture.save(folder.path().join("photo.png")).unwrap();
    let values: Vec<f32> = (0..20 * 16).map(|i| (i * i % 17) as f32 / 17.0).collect();
    npy::write(&folder.path().join("rows.npy"), 20, 16, &values).unwrap();
    let preprocess = serde_json::json!({
        "patch": 4, "channels": 1, "whiten": false, "normalize": "none", "limits": null
    });
    let preprocess: Preprocess = serde_json::from_value(preprocess).unwrap();
    let meta = Meta { objective: Objective::default(), preprocess, seed: 0 };
    let params = Params::random(Shape { visible: 16, hidden: 5 }, 1);
    save(&folder.path().join("model.safetensors"), &params, &meta).unwrap();
    folder
}

const CPU: [&str; 2] = ["--device", "cpu"];

fn encode<'a>(data: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["encode", "model.safetensors", data, "-o", out][..], &CPU, more].concat()
}

#[test]
fn a_name_that_says_something_else_is_refused_before_anything_is_computed() {
    let folder = folder();
    let before = names(folder.path());
    for out in ["c.txt", "c.h5", "c.png", "c", "c.NPY.gz"] {
        let words =
            ["only a NumPy array (.npy), .npz, .csv, .tsv, MATLAB (.mat) or .safetensors can be written"];
        rhohat(folder.path(), &encode("rows.npy", out, &[])).refused(2, &words);
    }
    let on = |command: &str, out: &str| {
        let data: &[&str] = if command == "features" { &[] } else { &["photo.png", "--device", "cpu"] };
        let args = [&[command, "model.safetensors", "-o", out], data].concat();
        rhohat(folder.path(), &args)
    };
    on("reconstruct", "c.jpg").refused(2, &[".safetensors or PNG (.png) can be written", "name it c.npy"]);
    on("features", "f.pdf").refused(2, &["only PNG (.png), SVG (.svg), a NumPy array", "name it f.png"]);
    for command in ["reconstruct", "features", "encode"] {
        on(command, "-").refused(2, &["-o -: results are files"]);
    }
    on("features", ".").refused(2, &["-o .: a folder; name a file in it"]);
    on("features", "none/f.png").refused(6, &["write none/f.png"]);
    let save =
        ["train", "rows.npy", "--device", "cpu", "--steps", "1", "--out", "r", "--save-patches", "p.txt"];
    rhohat(folder.path(), &save).refused(2, &["--save-patches p.txt: only a NumPy array (.npy)"]);
    // DATA is not even opened.
    rhohat(folder.path(), &encode("nowhere.npy", "c.txt", &[])).refused(2, &["c.txt"]);
    assert_eq!(names(folder.path()), before);
    on("features", "F.PNG").text();
    rhohat(folder.path(), &encode("rows.npy", "C.NPY", &[])).text();
}

/// The rows that a file holds, as the program itself reads them back.
fn read(path: &Path) -> (usize, Vec<f64>) {
    match rhohat::data::Opened::new(path, &rhohat::data::Reading::default()).unwrap().source {
        rhohat::data::Source::Rows(table) => (table.cols, table.values),
        rhohat::data::Source::Stored(store) => (store.cols, store.table().unwrap().values),
        rhohat::data::Source::Images(_) => panic!("no rows"),
    }
}

#[test]
fn results_of_every_kind_hold_the_same_numbers() {
    let folder = folder();
    let results = [("encode", 5), ("reconstruct", 16), ("features", 16)];
    for (command, cols) in results {
        let mut first = None;
        for ending in ["npy", "npz", "csv", "tsv", "mat", "safetensors"] {
            let out = format!("{command}.{ending}");
            let data: &[&str] = if command == "features" { &[] } else { &["rows.npy", "--device", "cpu"] };
            let args = [&[command, "model.safetensors", "-o", &out], data].concat();
            // The second replaces the first.
            (0..2).for_each(|_| drop(rhohat(folder.path(), &args).text()));
            let (found, values) = read(&folder.path().join(&out));
            assert_eq!(found, cols, "{out}");
            // Text is read in f64, and is the f32 that was written.
            let values: Vec<f32> = values.iter().map(|&x| x as f32).collect();
            assert_eq!(first.get_or_insert(values.clone()), &values, "{out}");
        }
    }
    let save =
        ["train", "rows.npy", "--device", "cpu", "--steps", "1", "--out", "r", "--save-patches", "p.mat"];
    rhohat(folder.path(), &save).text();
    assert_eq!(read(&folder.path().join("p.mat")).1, read(&folder.path().join("rows.npy")).1);
    rhohat(folder.path(), &["features", "model.safetensors", "-o", "f.svg"]).text();
    let svg = fs::read_to_string(folder.path().join("f.svg")).unwrap();
    assert!(svg.contains("<title>unit 4</title>") && !svg.contains("unit 5"));
    rhohat(folder.path(), &["features", "model.safetensors", "-o", "f.svg", "--scale", "2"])
        .refused(2, &["--zoom enlarges the pixels of a PNG"]);
}

#[test]
fn labels_of_a_table_lie_beside_its_codes() {
    let folder = folder();
    let row = |i: usize| (0..16).map(|j| format!("0.{}", (i * j) % 10)).collect::<Vec<_>>().join(",");
    let text: String = (0..6).map(|i| format!("{},{}\n", row(i), ["odd", "even"][i % 2])).collect();
    fs::write(folder.path().join("rows.csv"), text).unwrap();
    let report =
        rhohat(folder.path(), &encode("rows.csv", "c.csv", &["--label-column", "16", "--json"])).json();
    assert_eq!((report["labels"].as_u64(), report["data"]["labels"].as_u64()), (Some(2), Some(2)));
    let codes = fs::read_to_string(folder.path().join("c.csv")).unwrap();
    let last: Vec<&str> = codes.lines().map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(last, ["label", "odd", "even", "odd", "even", "odd", "even"]);
    rhohat(folder.path(), &encode("rows.csv", "d.csv", &[])).refused(3, &["--use-columns", "--label-column"]);
}

#[test]
#[cfg(unix)]
fn an_input_is_never_replaced_whatever_it_is_called() {
    use std::os::unix::fs::symlink;

    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("shards")).unwrap();
    fs::create_dir(path("photos")).unwrap();
    fs::copy(path("rows.npy"), path("shards/a.npy")).unwrap();
    fs::copy(path("photo.png"), path("photos/a.png")).unwrap();
    fs::copy(path("model.safetensors"), path("model.npy")).unwrap();
    symlink("rows.npy", path("link.npy")).unwrap();
    fs::hard_link(path("rows.npy"), path("hard.npy")).unwrap();
    symlink(".", path("here")).unwrap();
    let whole = path("rows.npy").canonicalize().unwrap();
    let (rows, picture, model) =
        ["rows.npy", "photo.png", "model.npy"].map(|name| fs::read(path(name)).unwrap()).into();
    let names = ["rows.npy", "./rows.npy", "link.npy", "hard.npy", "here/rows.npy", whole.to_str().unwrap()];
    for out in names {
        for more in [&[][..], &["--force"]] {
            let words = ["it is read as rows.npy", "give another name"];
            rhohat(folder.path(), &encode("rows.npy", out, more)).refused(2, &words);
        }
    }
    let folders = [("shards", "shards/a.npy"), ("here/shards", "shards/a.npy")];
    for (data, out) in folders {
        rhohat(folder.path(), &encode(data, out, &["--force"])).refused(2, &["it is read as"]);
    }
    rhohat(folder.path(), &encode("link.npy", "rows.npy", &[])).refused(2, &["it is read as link.npy"]);
    let args = ["encode", "model.npy", "rows.npy", "-o", "model.npy", "--force", "--device", "cpu"];
    rhohat(folder.path(), &args).refused(2, &["it is read as model.npy"]);
    for data in ["photo.png", "photos"] {
        let out = if data == "photos" { "photos/a.png" } else { data };
        let args = ["reconstruct", "model.safetensors", data, "-o", out, "--force", "--device", "cpu"];
        rhohat(folder.path(), &args).refused(2, &["it is read as"]);
    }
    let train = |more: &[&str]| {
        let args = ["train", "rows.npy", "--device", "cpu", "--steps", "1", "--out", "r"];
        rhohat(folder.path(), &[&args[..], more].concat())
    };
    train(&["--save-patches", "hard.npy"])
        .refused(2, &["--save-patches hard.npy: it is read as ", "rows.npy, which would be lost"]);
    train(&["--init", "model.npy", "--save-patches", "model.npy"])
        .refused(2, &["it is read as ", "model.npy, which would be lost"]);
    assert!(!path("r").exists());
    let now: [Vec<u8>; 3] = ["rows.npy", "photo.png", "model.npy"].map(|name| fs::read(path(name)).unwrap());
    assert_eq!(now, [rows, picture, model]);
}

#[test]
fn an_older_file_of_the_kind_is_replaced_and_another_only_by_force() {
    let folder = folder();
    let out = folder.path().join("codes.npy");
    npy::write(&out, 1, 1, &[1.0]).unwrap();
    rhohat(folder.path(), &encode("rows.npy", "codes.npy", &[])).text();
    let codes = fs::read(&out).unwrap();
    assert!(codes.len() > 4 * 20 * 5);
    fs::write(&out, "").unwrap();
    rhohat(folder.path(), &encode("rows.npy", "codes.npy", &[])).text();
    for other in ["a letter\n", "a", "\u{89}PNG"] {
        fs::write(&out, other).unwrap();
        let words = ["-o codes.npy: what stands there is no .npy", "--force"];
        rhohat(folder.path(), &encode("rows.npy", "codes.npy", &[])).refused(2, &words);
        assert_eq!(fs::read_to_string(&out).unwrap(), other);
    }
    rhohat(folder.path(), &encode("rows.npy", "codes.npy", &["--force"])).text();
    assert_eq!(fs::read(&out).unwrap(), codes);
    // A picture by a picture; the picture of a run only by force.
    let features = |out: &str, more: &[&str]| {
        rhohat(folder.path(), &[&["features", "model.safetensors", "-o", out], more].concat())
    };
    fs::copy(folder.path().join("photo.png"), folder.path().join("f.png")).unwrap();
    features("f.png", &[]).text();
    features("rows.dat", &[]).refused(2, &["only PNG"]);
    fs::copy(folder.path().join("rows.npy"), folder.path().join("g.png")).unwrap();
    features("g.png", &[]).refused(2, &["what stands there is no .png"]);
    train(folder.path(), "run", &["photo.png", "--patch", "4"]);
    features("run/features.png", &[]).refused(2, &["a file of a run stands there", "--force"]);
    features("run/features.png", &["--force"]).text();
    fs::write(folder.path().join("p.npy"), "a letter\n").unwrap();
    let save =
        ["train", "rows.npy", "--device", "cpu", "--steps", "1", "--out", "r", "--save-patches", "p.npy"];
    rhohat(folder.path(), &save)
        .refused(2, &["what stands there is no .npy; give another name, or remove it"]);
}

#[test]
fn a_result_in_the_folder_of_the_data_is_warned_of() {
    let folder = folder();
    fs::create_dir(folder.path().join("shards")).unwrap();
    fs::copy(folder.path().join("rows.npy"), folder.path().join("shards/a.npy")).unwrap();
    let outcome = rhohat(folder.path(), &encode("shards", "shards/codes.npy", &[]));
    let words = "it lies in shards, and will be read as a part of it the next time";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert!(outcome.text().contains("20 rows"));
}

#[test]
#[cfg(unix)]
fn pipes_and_devices_are_written_in_place_and_stdout_is_left_to_the_report() {
    let folder = folder();
    rhohat(folder.path(), &encode("rows.npy", "codes.npy", &[])).text();
    let program = env!("CARGO_BIN_EXE_rhohat");
    let sh = |line: &str| {
        let line = line.replace("RHOHAT", program);
        let output = Command::new("sh").current_dir(folder.path()).args(["-c", &line]).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let command = "RHOHAT encode model.safetensors rows.npy --device cpu -q -o";
    let (code, said) = sh(&format!("mkfifo pipe && (cat pipe > piped.npy &) && {command} pipe && sleep 0.2"));
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert!(fs::symlink_metadata(folder.path().join("pipe")).is_ok_and(|pipe| !pipe.is_file()));
    let wanted = fs::read(folder.path().join("codes.npy")).unwrap();
    let mut piped = Vec::new();
    for _ in 0..600 {
        piped = fs::read(folder.path().join("piped.npy")).unwrap();
        if piped.len() == wanted.len() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(piped, wanted);
    assert_eq!(sh(&format!("{command} /dev/null > /dev/null")), (Some(0), String::new()));
    let (code, said) = sh(&format!("{command} /dev/stdout | cat"));
    assert!(code == Some(0) && said.contains("stdout holds the report"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_no_text_work_everywhere_and_are_told_whole() {
    use std::os::unix::ffi::OsStrExt;

    let folder = folder();
    let name = |end: &str| OsStr::from_bytes(&[b"caf\xe9", end.as_bytes()].concat()).to_owned();
    for (old, end) in [("rows.npy", ".npy"), ("model.safetensors", ".safetensors"), ("photo.png", ".png")] {
        fs::copy(folder.path().join(old), folder.path().join(name(end))).unwrap();
    }
    let run = |args: &[&OsStr]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_rhohat")).current_dir(folder.path()).args(args).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report
    };
    let (model, rows, photo) = (name(".safetensors"), name(".npy"), name(".png"));
    let device = ["--device", "cpu", "--json"].map(OsStr::new);
    let report = run(&[&[OsStr::new("eval"), &model, &rows], &device[..]].concat());
    assert_eq!(number(&report, "examples"), 20.0);
    for (command, data, out) in [("encode", &rows, "-codes.npy"), ("reconstruct", &photo, "-again.png")] {
        let out = name(out);
        let args = [OsStr::new(command), &model, data, OsStr::new("-o"), &out];
        let report = run(&[&args, &device[..]].concat());
        assert!(report["out"]["text"].as_str().unwrap().starts_with("caf\u{fffd}-"), "{report}");
        let hex: String = out.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(report["out"]["hex"], Value::from(hex));
        assert!(folder.path().join(&out).is_file());
    }
    let out = name("-f.png");
    run(&[OsStr::new("features"), &model, OsStr::new("-o"), &out, OsStr::new("--json")]);
    assert!(folder.path().join(&out).is_file());
    let again = run(&["features", "model.safetensors", "-o", "f.png", "--json"].map(OsStr::new));
    assert_eq!(again["out"], "f.png");
    assert!(Path::new("f.png").extension().is_some());
}
