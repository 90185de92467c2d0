//! `eval`, `encode` and `reconstruct` on rows and pictures that come piece by piece: the bits of the whole, whatever memory
//! there is; plans and refusals; what numbers cannot say.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::{number, rhohat};

/// Writes a model of other programs' kind with weights of about `size`.
fn write_model(path: &Path, visible: usize, hidden: usize, size: f32) {
    let shapes: [(_, &[usize]); 4] = [
        ("decoder.bias", &[visible]),
        ("decoder.weight", &[visible, hidden]),
        ("encoder.bias", &[hidden]),
        ("encoder.weight", &[hidden, visible]),
    ];
    let bytes = shapes.map(|(_, shape)| {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * 7919 % 1009) as f32 / 504.5 - 1.0) * size).collect();
        bytemuck::cast_slice::<f32, u8>(&values).to_vec()
    });
    let views = shapes.iter().zip(&bytes);
    let views = views
        .map(|((name, shape), bytes)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap()));
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7907 % 10_007) as f32 / 10_007.0).collect()
}

/// The same rows as `.npy` of f32, of f64, as a folder of three, and bare.
fn write_rows(folder: &Path, rows: usize, cols: usize) {
    let values = values(rows * cols);
    npy::write(&folder.join("rows.npy"), rows, cols, &values).unwrap();
    fs::create_dir(folder.join("shards")).unwrap();
    let third = rows / 3;
    for (name, range) in [("a", 0..third), ("b", third..2 * third + 1), ("c", 2 * third + 1..rows)] {
        let path = folder.join("shards").join(name).with_extension("npy");
        npy::write(&path, range.len(), cols, &values[range.start * cols..range.end * cols]).unwrap();
    }
    fs::write(folder.join("rows.bin"), bytemuck::cast_slice::<f32, u8>(&values)).unwrap();
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    header.extend(std::iter::repeat_n(' ', 117 - header.len()));
    let doubles: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
    let start = [&b"\x93NUMPY\x01\x00"[..], &118_u16.to_le_bytes(), header.as_bytes(), b"\n"].concat();
    fs::write(folder.join("double.npy"), [&start, bytemuck::cast_slice::<f64, u8>(&doubles)].concat())
        .unwrap();
}

/// What the three commands make of `data`: the report, codes, reconstructions.
fn results(folder: &Path, device: &str, data: &[&str]) -> (Value, Vec<u8>, Vec<u8>) {
    let run = |command: &str, more: &[&str]| {
        let args = [&[command, "model.safetensors"], data, &["--device", device, "--json", "--quiet"], more];
        rhohat(folder, &args.concat()).json()
    };
    let mut report = run("eval", &[]);
    report.as_object_mut().unwrap().remove("data");
    run("encode", &["-o", "codes.npy"]);
    run("reconstruct", &["-o", "again.npy"]);
    (report, fs::read(folder.join("codes.npy")).unwrap(), fs::read(folder.join("again.npy")).unwrap())
}

fn check_same_bits(
    device: &str,
    (rows, visible, hidden): (usize, usize, usize),
    normalize: &str,
    more: &[&str],
) {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    write_model(&folder.join("model.safetensors"), visible, hidden, 0.3);
    write_rows(folder, rows, visible);
    let raw = format!("f32:{visible}");
    let common = ["--normalize", normalize];
    let of = |data: &[&str]| results(folder, device, &[data, &common].concat());
    let wanted = of(&["double.npy"]);
    assert_eq!(number(&wanted.0, "examples"), rows as f64);
    assert!(of(&["rows.npy"]) == wanted, "rows on disk");
    assert!(of(&["shards"]) == wanted, "a folder of rows");
    assert!(of(&["rows.bin", "--raw", &raw]) == wanted, "bare rows");
    for memory in more {
        assert!(of(&["rows.npy", "--memory", memory]) == wanted, "{memory}");
    }
}

#[test]
fn rows_in_pieces_have_the_bits_of_rows_in_memory() {
    check_same_bits("cpu", (20_011, 36, 10), "none", &["45MB", "60MB", "1GB"]);
    check_same_bits("cpu", (3_001, 300, 120), "none", &["50MB", "70MB"]);
    check_same_bits("cpu", (1_501, 24, 9), "lecture", &[]);
    check_same_bits("cpu", (1_501, 24, 9), "unit", &[]);
}

#[test]
fn rows_in_pieces_have_the_bits_of_rows_in_memory_on_a_device_and_on_the_reference() {
    check_same_bits("software", (2_003, 36, 20), "none", &[]);
    check_same_bits("reference", (601, 24, 9), "lecture", &[]);
}

/// A folder with a model of 36 to 10 units and many rows.
fn many_rows(rows: usize) -> TempDir {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 36, 10, 0.3);
    npy::write(&folder.path().join("rows.npy"), rows, 36, &values(rows * 36)).unwrap();
    folder
}

#[test]
#[cfg(target_os = "linux")]
fn no_limit_of_the_process_ends_a_command_without_a_word() {
    let folder = many_rows(120_000);
    let program = env!("CARGO_BIN_EXE_rhohat");
    let mut done = 0;
    for limit in (320_000..=680_000).step_by(60_000) {
        for command in ["eval", "encode -o c.npy", "reconstruct -o c.npy"] {
            let (name, more) = command.split_once(' ').unwrap_or((command, ""));
            let line = format!(
                "ulimit -v {limit}; exec {program} {name} model.safetensors rows.npy {more} --device cpu --quiet"
            );
            let outcome = super::outcome(folder.path(), "sh", &["-c", &line]);
            assert!([0, 2, 3].contains(&outcome.code), "{command} at {limit}: {}", outcome.stderr);
            assert!(outcome.code == 0 || outcome.stderr.contains("ulimit -v"), "{}", outcome.stderr);
            done += usize::from(outcome.code == 0);
        }
    }
    assert!(done > 0, "no limit was enough");
}

#[test]
fn a_budget_that_is_too_small_is_refused_with_the_numbers_and_a_budget_that_works() {
    let folder = many_rows(30_000);
    for command in ["eval", "encode", "reconstruct"] {
        let out: &[&str] = if command == "eval" { &[] } else { &["-o", "c.npy"] };
        let run = |memory: &str| {
            let common = ["model.safetensors", "rows.npy", "--device", "cpu", "--quiet", "--memory", memory];
            rhohat(folder.path(), &[&[command], &common[..], out].concat())
        };
        if command != "eval" {
            // A row at a time is enough; the pieces of the sums of J are not cut.
            run("26MB").text();
            continue;
        }
        let outcome = run("26MB");
        let said = outcome.stderr.clone();
        outcome
            .refused(2, &["are needed (", "rows at a time", "but --memory says 26.00 MB", "give --memory "]);
        let enough = said.trim_end().rsplit(' ').next().unwrap();
        run(enough).text();
    }
}

#[test]
fn rows_that_can_only_be_held_are_named_where_they_do_not_fit() {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 36, 10, 0.3);
    write_rows(folder.path(), 200_000, 36);
    let on = |data: &str| {
        let args = ["eval", "model.safetensors", data, "--device", "cpu", "--quiet", "--memory", "100MB"];
        rhohat(folder.path(), &args)
    };
    // An archive is unpacked from its beginning on.
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    let (mut entry, config) = archive.new_file("rows.npy").start().unwrap();
    let mut writer = config.wrap(&mut entry);
    std::io::Write::write_all(&mut writer, &fs::read(folder.path().join("rows.npy")).unwrap()).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
    fs::write(folder.path().join("rows.npz"), archive.finish().unwrap()).unwrap();
    on("rows.npz").refused(2, &["data 115.20 MB", ".npy or safetensors, which is read piece by piece"]);
    on("rows.npy").text();
    on("double.npy").text();
}

#[test]
fn data_that_do_not_vary_have_no_variance_to_explain() {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 9, 4, 0.3);
    for (value, rows) in [(0.1_f32, 1_000), (0.7, 3), (0.3, 77_777)] {
        npy::write(&folder.path().join("flat.npy"), rows, 9, &vec![value; 9 * rows]).unwrap();
        let eval = |more: &[&str]| {
            let args = ["eval", "model.safetensors", "flat.npy", "--device", "cpu", "--quiet"];
            rhohat(folder.path(), &[&args[..], more].concat())
        };
        assert_eq!(eval(&["--json"]).json()["explained_variance"], Value::Null, "{value}, {rows}");
        assert!(
            eval(&[]).text().contains("explained  undefined (the data do not vary); mean squared error ")
        );
        eval(&["--normalize", "unit"]).refused(3, &["all values are the same"]);
        // What rounding leaves of flat rows is no scale.
        eval(&["--normalize", "lecture"]).refused(3, &["every example is flat"]);
    }
    let values: Vec<f32> = (0..900).map(|i| if i / 9 % 2 == 0 { 0.1 } else { 0.7 }).collect();
    npy::write(&folder.path().join("rows.npy"), 100, 9, &values).unwrap();
    let args = ["train", "rows.npy", "--normalize", "lecture", "--device", "cpu", "--steps", "1", "--quiet"];
    rhohat(folder.path(), &args).refused(3, &["every example is flat"]);
}

#[test]
fn a_j_that_is_no_number_is_an_error_with_its_term() {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 9, 4, 0.3);
    let large: Vec<f32> = values(90).iter().map(|x| (x - 0.5) * 1e30).collect();
    npy::write(&folder.path().join("large.npy"), 10, 9, &large).unwrap();
    let eval = |device: &str| {
        let args = ["eval", "model.safetensors", "large.npy", "--output", "linear", "--json", "--quiet"];
        rhohat(folder.path(), &[&args[..], &["--device", device]].concat())
    };
    let words = ["the reconstruction term of J is inf", "e29", "--device reference", "--normalize unit"];
    eval("software").refused(3, &words);
    for device in ["cpu", "reference"] {
        assert!(number(&eval(device).json(), "j") > 1e55);
    }
}

#[test]
fn results_that_are_no_numbers_are_refused_with_their_place_and_nothing_is_written() {
    let folder = tempdir().unwrap();
    // Sums of four of these leave the 32-bit numbers.
    write_model(&folder.path().join("model.safetensors"), 9, 4, 3.0e38);
    npy::write(&folder.path().join("rows.npy"), 10, 9, &values(90)).unwrap();
    for device in ["cpu", "software", "reference"] {
        let args =
            ["reconstruct", "model.safetensors", "rows.npy", "-o", "c.npy", "--quiet", "--device", device];
        let words =
            ["error: rows.npy: ", " of example 0 (counted from 0) is ", "too large for 32-bit numbers"];
        rhohat(folder.path(), &[&args[..], &["--output", "linear"]].concat()).refused(3, &words);
        assert!(super::names(folder.path()).iter().all(|name| !name.contains("npy") || name == "rows.npy"));
    }
}

#[test]
fn fewer_rows_at_a_time_are_taken_where_many_hidden_units_leave_no_room_for_more() {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 9, 200_000, 0.3);
    npy::write(&folder.path().join("rows.npy"), 40, 9, &values(360)).unwrap();
    let codes = |memory: &[&str]| {
        let args = ["encode", "model.safetensors", "rows.npy", "-o", "c.npy", "--device", "cpu", "--quiet"];
        rhohat(folder.path(), &[&args[..], memory].concat()).text();
        fs::read(folder.path().join("c.npy")).unwrap()
    };
    let free = codes(&[]);
    assert!(codes(&["--memory", "85MB"]) == free, "other bits");
}

#[test]
fn a_picture_of_the_results_is_planned_and_its_patches_are_the_way_out() {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 16, 4, 0.3);
    image::GrayImage::from_fn(2_000, 1_500, |x, y| image::Luma([(x * 7 + y * 5) as u8]))
        .save(folder.path().join("photo.png"))
        .unwrap();
    let reconstruct = |out: &str, memory: &str| {
        let args = ["reconstruct", "model.safetensors", "photo.png", "--device", "cpu", "--quiet", "-o", out];
        rhohat(folder.path(), &[&args[..], &["--memory", memory]].concat())
    };
    let outcome = reconstruct("again.png", "50MB");
    outcome.refused(2, &["picture of the results 27.00 MB", "-o FILE.npy", "give --memory "]);
    reconstruct("again.npy", "50MB").text();
    reconstruct("again.png", "1GB").text();
}

#[test]
fn what_patches_leave_out_of_pictures_is_told() {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 16, 4, 0.3);
    let picture =
        |width, height| image::GrayImage::from_fn(width, height, |x, y| image::Luma([(x * 7 + y * 5) as u8]));
    picture(18, 13).save(folder.path().join("odd.png")).unwrap();
    picture(16, 12).save(folder.path().join("even.png")).unwrap();
    let reconstruct = |data: &str| {
        let args = ["reconstruct", "model.safetensors", data, "-o", "out.png", "--device", "cpu", "--json"];
        rhohat(folder.path(), &args)
    };
    let odd = reconstruct("odd.png");
    assert!(odd.stderr.contains("18×13 pixels") && odd.stderr.contains("16×12 are taken"), "{}", odd.stderr);
    assert!(odd.json()["left_out"].as_str().unwrap().contains("16×12"));
    let even = reconstruct("even.png");
    assert!(!even.stderr.contains("left out"), "{}", even.stderr);
    assert_eq!(even.json()["left_out"], Value::Null);
    let eval = ["eval", "model.safetensors", "odd.png", "--device", "cpu"];
    assert!(rhohat(folder.path(), &eval).stderr.contains("16×12 are taken"));
}

#[test]
fn pictures_come_one_by_one_with_the_bits_of_all_at_once() {
    let folder = tempdir().unwrap();
    write_model(&folder.path().join("model.safetensors"), 16, 4, 0.3);
    fs::create_dir(folder.path().join("photos")).unwrap();
    let mut patches = Vec::new();
    for number in 0..3_u32 {
        let picture = image::GrayImage::from_fn(16 + 4 * number, 12, |x, y| {
            image::Luma([(x * (7 + number) + y * 5) as u8])
        });
        picture.save(folder.path().join(format!("photos/{number}.png"))).unwrap();
        for place in 0..(4 + number) * 3 {
            let (left, top) = (place % (4 + number) * 4, place / (4 + number) * 4);
            let pixel = |i: u32| f32::from(picture.get_pixel(left + i % 4, top + i / 4).0[0]) / 255.0;
            patches.extend((0..16).map(pixel));
        }
    }
    npy::write(&folder.path().join("patches.npy"), patches.len() / 16, 16, &patches).unwrap();
    for normalize in ["none", "unit", "lecture"] {
        let of = |data| results(folder.path(), "cpu", &[data, "--normalize", normalize]);
        let (photos, rows) = (of("photos"), of("patches.npy"));
        assert!(photos == rows, "{normalize}: {} and {}", photos.0, rows.0);
    }
}
