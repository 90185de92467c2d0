//! Every command of the README and of `docs/`, in its order, through the real binary.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use assert_cmd::Command;
use image::{GrayImage, Luma, Rgb, RgbImage};
use rhohat::data::npy;
use tempfile::{TempDir, tempdir};

use crate::verify::report;

/// The commands of all `sh` blocks and of the workflow of a text, without the words before `rhohat`'s own arguments.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut language = "";
    let mut commands = Vec::new();
    for line in text.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            language = fence;
        } else if language == "sh" {
            commands.push(line);
        } else if let ("yaml", Some((_, command))) = (language, line.split_once("- run: ")) {
            commands.push(command);
        }
    }
    commands.into_iter().filter_map(arguments).collect()
}

/// What is given to `rhohat`; `None` for the commands that install and test.
fn arguments(command: &str) -> Option<Vec<String>> {
    const OTHERS: [&str; 3] =
        ["cargo test --release", "cargo install --locked --path rhohat", "sudo apt-get "];
    if OTHERS.iter().any(|other| command.starts_with(other)) {
        return None;
    }
    let rest = command.strip_prefix("rhohat ").or_else(|| command.strip_prefix("cargo run --release -- "));
    let rest = rest.unwrap_or_else(|| panic!("no test knows how to run: {command}"));
    let rest = rest.split(" > ").next().unwrap();
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// The files that the commands speak of.
fn prepare(folder: &Path) {
    let photos = folder.join("photos");
    fs::create_dir(&photos).unwrap();
    let value = |x: u32, y: u32| ((x * x + 3 * y + x * y) % 251) as u8;
    GrayImage::from_fn(64, 48, |x, y| Luma([value(x, y)])).save(photos.join("one.png")).unwrap();
    RgbImage::from_fn(40, 64, |x, y| Rgb([value(x, y), value(y, x), 9]))
        .save(photos.join("two.jpg"))
        .unwrap();
    for class in ["cats", "dogs"] {
        fs::create_dir_all(folder.join("classes").join(class)).unwrap();
        fs::copy(photos.join("one.png"), folder.join("classes").join(class).join("1.png")).unwrap();
    }
    let record = |i: usize| [i as u8].into_iter().chain((0..3072).map(move |at| (at * (i + 3) % 251) as u8));
    fs::write(folder.join("data_batch_1.bin"), (0..10).flat_map(record).collect::<Vec<u8>>()).unwrap();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images-idx3-ubyte.gz");
    fs::copy(digits, folder.join("train-images-idx3-ubyte.gz")).unwrap();
    let clothes = (0..4 * 784).map(|i| (i * i / 7 % 251) as u8);
    let header = [0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 28, 0, 0, 0, 28];
    fs::write(folder.join("clothes-idx3-ubyte"), header.into_iter().chain(clothes).collect::<Vec<u8>>())
        .unwrap();
    let rows: Vec<f32> = (0..600 * 12).map(|i| (i * i % 97) as f32 / 97.0).collect();
    npy::write(&folder.join("rows.npy"), 600, 12, &rows).unwrap();
    let bytes: Vec<u8> = (0..600 * 12).map(|i| (i * i % 251) as u8).collect();
    fs::write(folder.join("rows.u8"), bytes).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fs::copy(fixtures.join("mat/pictures.mat"), folder.join("IMAGES.mat")).unwrap();
    fs::copy(fixtures.join("mat/columns.mat"), folder.join("patches.mat")).unwrap();
    let flower = |i: usize| format!("{},{}.5,{},{}\n", i % 5, i % 7, i % 3, ["setosa", "virginica"][i % 2]);
    let flowers: String = (0..60).map(flower).collect();
    for name in ["iris.csv", "flowers-train.csv", "flowers-labelled.csv"] {
        fs::write(folder.join(name), format!("length,width,depth,species\n{flowers}")).unwrap();
    }
}

/// Runs the commands of a text in a folder of their own, which is returned.
fn run_all(text: &str) -> (TempDir, usize) {
    let folder = tempdir().unwrap();
    prepare(folder.path());
    let commands = commands(text);
    let count = commands.len();
    for mut arguments in commands {
        let shown = arguments.join(" ");
        if let [_, _, device] = &arguments[..]
            && shown.starts_with("verify --device ")
        {
            assert_eq!(report(device)["passed"], true, "rhohat {shown}");
            continue;
        }
        if arguments[0] == "web" {
            check_served(folder.path(), &arguments);
            continue;
        }
        // The first is run as it stands, the others in a few steps.
        if arguments[0] == "train" && arguments.len() > 1 && !shown.contains("--epochs") {
            arguments.extend(["--steps".to_owned(), "2".to_owned()]);
        }
        // For a look: the numbers are nobody's.
        let is_measuring =
            arguments[0] == "bench" && !shown.contains("--step") && !shown.contains("--compare");
        if is_measuring && !shown.contains("--quick") {
            arguments.extend(["--quick", "--ladder", "8:4:50"].map(str::to_owned));
        }
        if shown.contains("theirs.json") {
            fs::copy(folder.path().join("mine.json"), folder.path().join("theirs.json")).unwrap();
        }
        let output = Command::new(env!("CARGO_BIN_EXE_rhohat"))
            .current_dir(folder.path())
            .args(&arguments)
            .env("RHOHAT_CACHE_DIR", folder.path().join("cache"))
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rhohat {shown}: {stderr}");
        assert!(
            !output.stdout.is_empty() || arguments.iter().any(|a| a == "-o"),
            "rhohat {shown} said nothing"
        );
    }
    (folder, count)
}

/// A server says where it is, and would go on for ever.
fn check_served(folder: &Path, arguments: &[String]) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rhohat"));
    let mut server = command.current_dir(folder).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let told = BufReader::new(server.stdout.take().unwrap()).read_line(&mut line);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(told.is_ok() && line.starts_with("http://127.0.0.1:"), "rhohat {}: {line}", arguments.join(" "));
}

fn assert_written(folder: &TempDir, files: &[&str]) {
    for file in files {
        assert!(folder.path().join(file).is_file(), "{file} was not written");
    }
}

#[test]
fn every_command_of_the_readme_does_what_it_is_shown_for() {
    let (folder, count) = run_all(include_str!("../../README.md"));
    assert!(count > 3, "the README lost its commands");
    assert_written(&folder, &["runs/photos/features.png", "codes.npy", "runs/digits/model.safetensors"]);
}

#[test]
fn every_command_of_the_guide_does_what_it_is_shown_for() {
    let (folder, count) = run_all(include_str!("../../docs/guide.md"));
    assert!(count > 20, "the guide lost its commands");
    let files =
        ["runs/photos/features.png", "codes.npy", "again.png", "features.png", "runs/ci/model.safetensors"];
    assert_written(&folder, &files);
}

#[test]
fn every_command_of_the_other_pages_does_what_it_is_shown_for() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let pages = fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().path());
    // Those of the exercises take minutes and real data: `.ci/exercises` runs them.
    let elsewhere = ["guide.md", "exercises.md"];
    let is_page = |page: &Path| page.extension().is_some_and(|md| md == "md");
    let others = pages.filter(|page| is_page(page) && !elsewhere.iter().any(|name| page.ends_with(name)));
    let texts: Vec<String> = others.map(|page| fs::read_to_string(page).unwrap()).collect();
    assert!(texts.len() > 5, "the pages are gone");
    for text in texts {
        run_all(&text);
    }
}
