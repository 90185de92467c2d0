//! `convolve`: what it writes and says of pictures of every kind, and what it refuses.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage};
use rhohat::data::npy;
use tempfile::{TempDir, tempdir};

use super::rhohat;

fn grey(width: u32, height: u32, seed: u32) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([((x * x * seed + 3 * y + x * y) % 251) as u8]))
}

/// A folder with class folders of pictures of 20×17 pixels, and `run`, a model of 4×4 patches of them with 5 hidden
/// units.
fn trained() -> TempDir {
    let folder = tempdir().unwrap();
    let at = folder.path();
    for (class, seeds) in [("cats", [1, 2]), ("dogs", [3, 4])] {
        fs::create_dir_all(at.join("photos").join(class)).unwrap();
        for seed in seeds {
            grey(20, 17, seed).save(at.join("photos").join(class).join(format!("{seed}.png"))).unwrap();
        }
    }
    let args =
        "train photos --recursive --patch 4 --samples 300 --hidden 5 --steps 3 --device cpu --out run -q";
    rhohat(at, &args.split(' ').collect::<Vec<_>>()).text();
    folder
}

fn convolve(at: &Path, args: &str) -> super::Outcome {
    rhohat(at, &["convolve", "--device", "cpu"].into_iter().chain(args.split(' ')).collect::<Vec<_>>())
}

/// The numbers at the end of a `.npy` file.
fn numbers(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let length = u16::from_le_bytes([bytes[8], bytes[9]]);
    let numbers = bytes[10 + usize::from(length)..].as_chunks().0;
    numbers.iter().map(|&number| f32::from_le_bytes(number)).collect()
}

#[test]
fn features_are_rows_of_every_kind_with_their_shape_and_labels() {
    let folder = trained();
    let at = folder.path();
    let report = convolve(at, "run photos --recursive --pool 3 -o features.npy --json").json();
    assert_eq!(report["pictures"], 4);
    assert_eq!(report["positions"], serde_json::json!([14, 17]));
    assert_eq!(report["regions"], serde_json::json!([4, 5]));
    assert_eq!(report["left_out"], serde_json::json!([2, 2]));
    assert_eq!((&report["features"], &report["labels"]), (&100.into(), &2.into()));
    let wanted = numbers(&at.join("features.npy"));
    assert_eq!(wanted.len(), 400);
    for kind in ["npz", "csv", "tsv", "mat", "safetensors"] {
        let out = format!("features.{kind}");
        let said = convolve(at, &format!("run photos --recursive --pool 3 -o {out}"));
        let left = "17×14 positions a picture are pooled into 5×4 regions of 3×3: 2 columns of positions at the right and 2 rows at \
                    the bottom are left out";
        assert!(said.stderr.contains(left), "{}", said.stderr);
        assert!(said.text().contains("4 rows of 100 features, 5 hidden units on 4×5 regions"), "{kind}");
        if let "npz" | "safetensors" = kind {
            let read = rhohat::data::Source::open(&at.join(format!("{out}:features")));
            let rhohat::data::Source::Rows(table) = read.unwrap() else { panic!("rows") };
            assert_eq!(table.values.iter().map(|&x| x as f32).collect::<Vec<_>>(), wanted, "{kind}");
        }
        let bytes = fs::read(at.join(&out)).unwrap();
        let has = |words: &str| bytes.windows(words.len()).any(|bytes| bytes == words.as_bytes());
        match kind {
            "npz" => assert!(has("shape.npy") && has("labels.npy")),
            "safetensors" => assert!(has(r#""shape":"[5,4,5]""#) && has("label_names")),
            "mat" => assert!(has("shape") && has("dogs")),
            _ => assert!(has("feature99") && has("dogs")),
        }
    }
    convolve(at, "run photos --recursive --pool 3 -o features.txt").refused(2, &["-o features.txt: only"]);
}

#[test]
fn pictures_of_an_idx_file_are_whole_and_some_of_them_are_taken() {
    let folder = trained();
    let at = folder.path();
    let digits = "digits-idx3-ubyte";
    let header = [0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 14, 0, 0, 0, 12];
    let pixels = (0..5 * 14 * 12).map(|i| (i * i / 5 % 251) as u8);
    fs::write(at.join(digits), header.into_iter().chain(pixels).collect::<Vec<u8>>()).unwrap();
    let all = convolve(at, &format!("run {digits} --pool 7 -o all.npy --json")).json();
    assert_eq!((&all["pictures"], &all["positions"]), (&5.into(), &serde_json::json!([11, 9])));
    convolve(at, &format!("run {digits} --pool 7 -o said.npy --as pictures")).text();
    convolve(at, &format!("run {digits} --pool 7 -o two.npy --as pictures --first 2")).text();
    let (all, two) = (numbers(&at.join("all.npy")), numbers(&at.join("two.npy")));
    assert_eq!(all, numbers(&at.join("said.npy")));
    assert_eq!(two, all[..all.len() / 5 * 2]);
    convolve(at, &format!("run {digits} --pool 7 -o r.npy --as rows"))
        .refused(3, &["these are rows", "--as pictures"]);
}

#[test]
fn colour_is_taken_in_grey_by_a_model_of_grey_patches_and_that_is_told() {
    let folder = trained();
    let at = folder.path();
    let picture = grey(20, 17, 5);
    picture.save(at.join("grey.png")).unwrap();
    RgbImage::from_fn(20, 17, |x, y| Rgb([picture.get_pixel(x, y).0[0]; 3]))
        .save(at.join("colour.png"))
        .unwrap();
    assert!(!convolve(at, "run grey.png --pool 2 -o grey.npy").stderr.contains("grey, of"));
    let said = convolve(at, "run colour.png --pool 2 --step 3 -o colour.npy").stderr;
    assert!(said.contains("1 of 1 picture in colour: taken in grey"), "{said}");
    assert!(
        said.contains("--step of 3 ends before the edge: 1 column of pixels at the right and 1 row"),
        "{said}"
    );
    convolve(at, "run colour.png --pool 2 -o colour.npy").text();
    let (grey, colour) = (numbers(&at.join("grey.npy")), numbers(&at.join("colour.npy")));
    let is_near = |(one, other): (&f32, &f32)| (one - other).abs() <= 1e-6;
    assert!(grey.len() == colour.len() && grey.iter().zip(&colour).all(is_near));
}

#[test]
fn what_cannot_be_convolved_is_refused_before_anything_is_written() {
    let folder = trained();
    let at = folder.path();
    grey(20, 18, 1).save(at.join("higher.png")).unwrap();
    grey(20, 3, 1).save(at.join("flat.png")).unwrap();
    let rows: Vec<f32> = (0..600).map(|i| (i * i % 97) as f32 / 97.0).collect();
    npy::write(&at.join("rows.npy"), 100, 6, &rows).unwrap();
    let train = "train rows.npy --hidden 3 --steps 1 --device cpu --out rows -q";
    rhohat(at, &train.split(' ').collect::<Vec<_>>()).text();
    for (args, code, words) in [
        ("run photos/cats higher.png --pool 2", 3, &["higher.png", "20×18 pixels", "20×17", "one size"][..]),
        (
            "run flat.png --pool 1",
            3,
            &["flat.png", "20×3 pixels are smaller than the model's patches of 4×4"],
        ),
        ("run photos/cats --pool 15", 2, &["--pool 15", "17×14", "at most 14"]),
        ("run photos/cats --pool 0", 2, &["--pool 0"]),
        ("run photos/cats --pool 1 --step 0", 2, &["--step 0"]),
        ("run rows.npy --pool 1", 3, &["rows.npy", "these are rows"]),
        ("rows photos/cats --pool 1", 3, &["trained on rows", "--shape 8x8"]),
        ("run photos/cats --pool 1 --memory 1MB", 3, &["at least", "--memory"]),
    ] {
        convolve(at, &format!("{args} -o features.npy")).refused(code, words);
        assert!(!at.join("features.npy").exists(), "{args}");
    }
    let without = convolve(at, "run photos/cats -o features.npy");
    assert!(without.code == 2 && without.stderr.contains("--pool <P>"), "{}", without.stderr);
    convolve(at, "run photos/cats --pool 2 -o run/model.safetensors").refused(2, &["read as"]);
}

#[test]
fn features_have_the_same_bits_in_any_memory() {
    let folder = trained();
    let at = folder.path();
    fs::create_dir(at.join("many")).unwrap();
    for seed in 0..12 {
        grey(300, 200, seed + 1).save(at.join("many").join(format!("{seed:02}.png"))).unwrap();
    }
    convolve(at, "run many --pool 50 -o free.npy").text();
    let free = fs::read(at.join("free.npy")).unwrap();
    for memory in ["27MB", "30MB", "60MB"] {
        convolve(at, &format!("run many --pool 50 -o tight.npy --memory {memory}")).text();
        assert!(fs::read(at.join("tight.npy")).unwrap() == free, "{memory}");
    }
    // Each activation is a feature, and those of one picture do not fit.
    let args = "run many --pool 1 -o all.npy --memory 27MB";
    convolve(at, args).refused(2, &["features of a picture", "larger regions (--pool)", "--memory says 27"]);
}
