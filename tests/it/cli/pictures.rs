//! Pictures: what they take of memory, measured from outside, and what is told of them.

use std::fs;
use std::io::Write;
use std::path::Path;

use rhohat::data::{Preprocess, Scale, Source};
use serde_json::Value;
use tempfile::tempdir;

use super::{fixture, number, rhohat};

const TRAIN: [&str; 9] =
    ["train", "--device", "cpu", "--samples", "500", "--steps", "2", "--normalize", "none"];

/// A PNG of grey zeros that takes a thousandth of its pixels in bytes.
fn zeros(path: &Path, width: u32, height: u32) {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let row = vec![0; width as usize + 1];
    (0..height).for_each(|_| packed.write_all(&row).unwrap());
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", packed.finish().unwrap()), (b"IEND", Vec::new())] {
        let named = [&name[..], &data].concat();
        let mut checksum = flate2::Crc::new();
        checksum.update(&named);
        file.extend([&(data.len() as u32).to_be_bytes()[..], &named, &checksum.sum().to_be_bytes()].concat());
    }
    fs::write(path, file).unwrap();
}

/// Something like a photograph, in colour.
fn photograph(path: &Path, width: u32, height: u32) {
    let wave = |x: u32, y: u32, k: u32| 128.0 + 100.0 * (f64::from(x * k + 3 * y) / 40.0).sin();
    let pixel = |x, y| image::Rgb([1, 2, 3].map(|k| wave(x, y, k) as u8));
    image::RgbImage::from_fn(width, height, pixel).save(path).unwrap();
}

/// Runs the program and tells its exit code, its output and the most memory that was resident, bytes.
#[cfg(target_os = "linux")]
fn watched(folder: &Path, args: &[&str]) -> (i32, String, u64) {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_rhohat"))
        .current_dir(folder)
        .args(args)
        .env("RHOHAT_CACHE_DIR", folder.join("cache"))
        .env("RAYON_NUM_THREADS", "4")
        .stdout(Stdio::from(fs::File::create(folder.join("out.txt")).unwrap()))
        .stderr(Stdio::from(fs::File::create(folder.join("errors.txt")).unwrap()))
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        // A mark of high water: what was seen last is the peak up to then.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = kib.map_or(peak, |kib| kib << 10);
        match child.try_wait().unwrap() {
            Some(status) => break status.code().expect("no signal ends it"),
            None => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    };
    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    (code, text("out.txt") + &text("errors.txt"), peak)
}

#[cfg(target_os = "linux")]
#[test]
fn short_files_of_huge_pictures_are_refused_under_memory_before_they_are_decoded() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("forty")).unwrap();
    zeros(&folder.join("zeros.png"), 32_768, 8_192);
    assert!(fs::metadata(folder.join("zeros.png")).unwrap().len() < 300_000);
    for number in 0..40 {
        fs::hard_link(folder.join("zeros.png"), folder.join(format!("forty/{number:02}.png"))).unwrap();
    }
    for data in ["zeros.png", "forty"] {
        for flags in [&[][..], &["--whiten"], &["--dry-run"]] {
            let args = [&TRAIN[..], &[data, "--memory", "100MB", "--out", "run"], flags].concat();
            let (code, text, peak) = watched(folder, &args);
            assert_eq!(code, 2, "{text}");
            assert!(text.contains(if data == "forty" { "forty/00.png" } else { "zeros.png" }), "{text}");
            for words in
                ["--memory 100.00 MB", ".png: 32768×8192 pixels take", "or give --memory", "scale it down"]
            {
                assert!(text.contains(words), "no {words:?} in: {text}");
            }
            assert!(peak < 64 << 20, "{peak} bytes at the peak of {args:?}");
            assert!(!folder.join("run").exists());
        }
    }
}

/// The plan of a run, and what it took under it.
#[cfg(target_os = "linux")]
fn keeps_its_plan(folder: &Path, flags: &[&str]) -> (Value, u64) {
    let (code, text, _) = watched(folder, &[&TRAIN[..], flags, &["--dry-run", "--json", "-q"]].concat());
    assert_eq!(code, 0, "{text}");
    let plan: Value = serde_json::from_str(&text).unwrap();
    let (code, text, peak) = watched(folder, &[&TRAIN[..], flags, &["--out", "run"]].concat());
    assert_eq!(code, 0, "{text}");
    assert!(peak as f64 <= number(&plan, "total"), "{peak} bytes at the peak, but the plan was {plan}");
    fs::remove_dir_all(folder.join("run")).unwrap();
    (plan, peak)
}

#[cfg(target_os = "linux")]
#[test]
fn pictures_take_no_more_memory_than_is_planned_decoded_or_whitened() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    photograph(&folder.join("photo.png"), 3_000, 2_000);
    photograph(&folder.join("photo.jpg"), 3_000, 2_000);
    for data in ["photo.png", "photo.jpg"] {
        for flags in [&[][..], &["--whiten"], &["--color"], &["--whiten", "--color"]] {
            let (plan, peak) = keeps_its_plan(folder, &[&[data, "--memory", "2GB"], flags].concat());
            // 6 Mpixel twice, less what the run takes later: what is planned is not much more than is taken.
            assert!(
                number(&plan, "pictures") >= 12e6 && peak as f64 > 0.6 * number(&plan, "total"),
                "{plan}"
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn as_many_pictures_are_under_way_as_fit_and_the_model_is_the_same() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("photos")).unwrap();
    for number in 0..6 {
        photograph(&folder.join(format!("photos/{number}.png")), 1_500 + 10 * number, 1_000);
    }
    let Source::Images(pictures) = Source::open(&folder.join("photos")).unwrap() else { panic!("pictures") };
    let preprocess = Preprocess {
        patch: Some(8),
        channels: Some(1),
        scale: Scale::Pixels,
        whiten: true,
        ..Preprocess::AS_IS
    };
    let need = pictures.largest(&preprocess);
    assert_eq!(need.picture.width, 1_550);
    // The program, patches and one picture; a little less is refused.
    let least = (24 << 20) + 500 * (8 * 64 + 24) + need.bytes.0;
    let mut models = Vec::new();
    for memory in [least, least + need.bytes.0, 8 * need.bytes.0] {
        let memory = format!("{memory}B");
        keeps_its_plan(folder, &["photos", "--whiten", "--memory", &memory]);
        let args = [&TRAIN[..], &["photos", "--whiten", "--memory", &memory, "--out", "run", "-q"]].concat();
        rhohat(folder, &args).text();
        models.push(fs::read(folder.join("run/model.safetensors")).unwrap());
        fs::remove_dir_all(folder.join("run")).unwrap();
    }
    assert!(models.iter().all(|model| *model == models[0]));
    let less = format!("{}B", least - 1);
    let args = [&TRAIN[..], &["photos", "--whiten", "--memory", &less]].concat();
    let outcome = rhohat(folder, &args);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    for words in ["photos/5.png: 1550×1000 pixels take", "whitened", "or give --memory"] {
        assert!(outcome.stderr.contains(words), "no {words:?} in {}", outcome.stderr);
    }
}

#[test]
fn whole_pictures_are_taken_once_each_and_that_is_told_and_kept() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("tiles")).unwrap();
    for number in 0..30u32 {
        let pixel = |x, y| image::Luma([(x * 7 + y * 13 + number * 29) as u8]);
        let path = folder.path().join(format!("tiles/{number:02}.png"));
        image::GrayImage::from_fn(6, 6, pixel).save(path).unwrap();
    }
    let args =
        ["train", "tiles", "--patch", "6", "--device", "cpu", "--steps", "2", "--out", "run", "--json"];
    let outcome = rhohat(folder.path(), &args);
    assert!(outcome.stderr.contains("each of the 30 is taken once"), "{}", outcome.stderr);
    assert_eq!(number(&outcome.json(), "examples"), 30.0);
    let config = fs::read_to_string(folder.path().join("run/config.toml")).unwrap();
    assert!(config.contains("samples = 30\n"), "{config}");
    // Mini-batches are those of so many examples, too.
    let adam = [&args[..7], &["3", "--optimizer", "adam", "--out", "adam", "--json"]].concat();
    assert_eq!(number(&rhohat(folder.path(), &adam).json(), "examples"), 30.0);
}

#[test]
fn the_line_that_began_a_run_of_whole_pictures_goes_on_with_it() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("tiles")).unwrap();
    for number in 0..12u32 {
        let path = folder.path().join(format!("tiles/{number:02}.png"));
        image::GrayImage::from_fn(6, 6, |x, y| image::Luma([(x * 7 + y * 13 + number * 19) as u8]))
            .save(path)
            .unwrap();
    }
    let line = |patch, samples| {
        let args =
            ["train", "tiles", "--patch", patch, "--samples", samples, "--device", "cpu", "--steps", "2"];
        rhohat(folder.path(), &[&args[..], &["--run", "D", "--json"]].concat())
    };
    let first = line("6", "40").json();
    assert_eq!(number(&first, "examples"), 12.0);
    assert_eq!(line("6", "40").json()["j"], first["j"]);
    line("6", "12").text();
    line("6", "11").refused(2, &["--samples 11: the run has 12"]);
    line("4", "40").refused(2, &["--patch 4: the run has 6"]);
}

/// A picture of the fixtures with an EXIF orientation.
fn turned(path: &Path, name: &str) {
    let whole = fs::read(fixture(name)).unwrap();
    let named =
        [&b"eXIfMM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[6, 0, 0, 0, 0, 0, 0]].concat();
    let mut checksum = flate2::Crc::new();
    checksum.update(&named);
    let length = (named.len() as u32 - 4).to_be_bytes();
    let parts = [&whole[..33], &length, &named, &checksum.sum().to_be_bytes(), &whole[33..]];
    fs::write(path, parts.concat()).unwrap();
}

#[test]
fn a_checkpoint_of_version_0_1_0_is_not_gone_on_with_on_pictures_that_exif_turns() {
    let folder = tempdir().unwrap();
    let old = Path::new(&fixture("v0.1.0/unfinished/adam-tiles")).to_owned();
    let run = folder.path().join("old");
    let step = "checkpoints/step-000000012";
    fs::create_dir_all(run.join(step)).unwrap();
    for name in ["manifest.json", "progress.json", "state.bin"].map(|name| format!("{step}/{name}")) {
        fs::copy(old.join(&name), run.join(&name)).unwrap();
    }
    for name in ["checkpoints/latest", "env.json", "metrics.jsonl"] {
        fs::copy(old.join(name), run.join(name)).unwrap();
    }
    let config = fs::read_to_string(old.join("config.toml")).unwrap();
    fs::write(run.join("config.toml"), config.replace("tiles.npy", "photo.png")).unwrap();
    turned(&folder.path().join("photo.png"), "grey.png");
    let resume = |more: &[&str]| {
        let args = ["train", "--resume", "old", "--steps", "13", "--json"];
        rhohat(folder.path(), &[&args[..], more].concat())
    };
    let words = ["photo.png: 1 of 1 pictures are turned", "EXIF", "version 0.1.0", "--data-changed"];
    resume(&[]).refused(3, &words);
    assert_eq!(number(&resume(&["--data-changed"]).json(), "steps"), 13.0);
}

#[test]
fn what_a_folder_holds_besides_pictures_is_told_in_one_line() {
    let folder = tempdir().unwrap();
    let photos = folder.path().join("photos");
    fs::create_dir_all(photos.join("more")).unwrap();
    for name in ["a.png", "more/b.png", "more/c.png"] {
        fs::copy(fixture("grey.png"), photos.join(name)).unwrap();
    }
    fs::write(photos.join("d.heic"), b"\0\0\0\x18ftypheic\0\0\0\0").unwrap();
    fs::write(photos.join(".DS_Store"), b"\0\0\0\x01Bud1").unwrap();
    let args = [&TRAIN[..], &["photos", "--patch", "4", "--out", "run"]].concat();
    let outcome = rhohat(folder.path(), &args);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let told: Vec<&str> = outcome.stderr.lines().filter(|line| line.contains("left out:")).collect();
    let [line] = told[..] else { panic!("{}", outcome.stderr) };
    for words in
        ["photos: left out:", "1 HEIC picture (d.heic)", "2 pictures in subfolders (more)", "convert to PNG"]
    {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
}

#[test]
fn class_folders_are_read_when_that_is_said_and_a_run_keeps_it() {
    let folder = tempdir().unwrap();
    for name in ["classes/cats/1.png", "classes/dogs/1.png", "classes/dogs/old/2.png"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fixture("grey.png"), path).unwrap();
    }
    let args = [&TRAIN[..], &["classes", "--patch", "4", "--out", "run"]].concat();
    let outcome = rhohat(folder.path(), &args);
    assert_eq!(outcome.code, 3, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("3 pictures in subfolders (cats, dogs)"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("say --recursive, or give one of them"), "{}", outcome.stderr);
    let outcome = rhohat(folder.path(), &[&args[..], &["--recursive"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("2 labels: cats 1, dogs 2"), "{}", outcome.stderr);
    assert!(fs::read_to_string(folder.path().join("run/config.toml")).unwrap().contains("recursive = true"));
    let again = ["train", "--config", "run/config.toml", "--out", "again"];
    let outcome = rhohat(folder.path(), &again);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("3 pictures in grey"), "{}", outcome.stderr);
    let outcome = rhohat(folder.path(), &["eval", "run/model.safetensors", "classes", "--recursive"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("3 pictures in grey"), "{}", outcome.stderr);
}
