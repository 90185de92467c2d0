//! Rows that are drawn: as pictures where they look like some or somebody says so, whatever the command.

use std::fs;
use std::path::Path;

use rhohat::data::npy;
use rhohat::math::random::Stream;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::tempdir;

use super::{Outcome, rhohat};

fn run(folder: &Path, line: &str) -> Outcome {
    rhohat(folder, &line.split(' ').collect::<Vec<_>>())
}

/// 200 rows of noise, and of waves in any direction, as pictures of `side`² pixels.
fn write_rows(folder: &Path, side: usize) {
    let mut stream = Stream::new(1, "drawn");
    let noise: Vec<f32> = (0..200 * side * side).map(|_| stream.unit() as f32).collect();
    let mut waves = Vec::new();
    for _ in 0..200 {
        let [a, b, phase] = [0; 3].map(|_| stream.unit() - 0.5);
        let pixel =
            |i: usize| 0.5 + 0.4 * ((i / side) as f64 * a + (i % side) as f64 * b + 9.0 * phase).sin();
        waves.extend((0..side * side).map(|i| pixel(i) as f32));
    }
    for (name, rows) in [("noise.npy", noise), ("waves.npy", waves)] {
        npy::write(&folder.join(name), 200, side * side, &rows).unwrap();
    }
}

fn size(path: &Path) -> (u32, u32) {
    image::image_dimensions(path).unwrap()
}

#[test]
fn rows_are_drawn_by_every_command_where_features_are_and_refused_with_the_same_reason_elsewhere() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    write_rows(at, 8);
    let why = "do not look like pictures";
    for name in ["noise", "waves"] {
        let train = format!("train {name}.npy --hidden 5 --steps 3 --device cpu --no-report --out {name}");
        run(at, &train).text();
        run(at, &format!("encode {name} {name}.npy --device cpu -o {name}-codes.npy")).text();
    }
    for line in [
        "reconstruct noise noise.npy --device cpu -o out.png",
        "decode noise noise-codes.npy --device cpu -o out.png",
    ] {
        run(at, line).refused(2, &["-o out.png: ", why, "--shape", ".npy"]);
        assert!(!at.join("out.png").exists());
    }
    for line in [
        "reconstruct waves waves.npy --device cpu -o a.png",
        "decode waves waves-codes.npy --device cpu -o b.png",
    ] {
        let drawn = run(at, line);
        assert!(!drawn.stderr.contains("taken for pictures"), "{}", drawn.stderr);
        let text = drawn.text();
        assert!(text.contains("200 pictures of 8x8"), "{text}");
    }
    // 15 across with a border of one pixel.
    assert_eq!((size(&at.join("a.png")), size(&at.join("b.png"))), ((136, 127), (136, 127)));
    run(at, "train noise.npy --hidden 5 --steps 3 --device cpu --no-report --shape 8x8 --out shaped").text();
    run(at, "reconstruct shaped noise.npy --device cpu -o c.png").text();
}

#[test]
fn samples_of_rows_that_do_not_look_like_pictures_are_lines_and_it_is_said_why() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    write_rows(at, 8);
    let noise = run(at, "data noise.npy -o noise.png");
    for words in ["64 numbers do not look like pictures", "drawn as a line each", "--shape"] {
        assert!(noise.stderr.contains(words), "{}", noise.stderr);
    }
    noise.text();
    let waves = run(at, "data waves.npy -o waves.png");
    assert!(!waves.stderr.contains("look like pictures"), "{}", waves.stderr);
    waves.text();
    let shaped = run(at, "data noise.npy --shape 8x8 -o shaped.png");
    assert!(!shaped.stderr.contains("look like pictures"), "{}", shaped.stderr);
    shaped.text();
    // Two hundred lines of 64 pixels, and ten pictures across and down.
    assert_eq!(size(&at.join("noise.png")), (64 * 8, 200 * 8));
    assert_eq!((size(&at.join("waves.png")), size(&at.join("shaped.png"))), ((364, 364), (364, 364)));
}

#[test]
fn rows_of_a_model_that_says_nothing_of_their_form_are_drawn_as_squares_and_it_is_told() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    let zeros = [0; 4 * 16 * 5];
    let view = |shape: &[usize]| {
        TensorView::new(Dtype::F32, shape.to_vec(), &zeros[..4 * shape.iter().product::<usize>()]).unwrap()
    };
    let tensors = [
        ("encoder.weight", view(&[5, 16])),
        ("encoder.bias", view(&[5])),
        ("decoder.weight", view(&[16, 5])),
        ("decoder.bias", view(&[16])),
    ];
    fs::write(at.join("foreign.safetensors"), safetensors::serialize(tensors, None).unwrap()).unwrap();
    npy::write(&at.join("rows.npy"), 4, 16, &[0.25; 64]).unwrap();
    npy::write(&at.join("codes.npy"), 4, 5, &[0.25; 20]).unwrap();
    for line in [
        "features foreign.safetensors",
        "reconstruct foreign.safetensors rows.npy",
        "decode foreign.safetensors codes.npy",
    ] {
        let device = if line.starts_with("features") { "" } else { " --device cpu" };
        let drawn = run(at, &format!("{line}{device} -o out.png --force"));
        assert!(
            drawn.stderr.contains("16 numbers are taken for pictures of 4x4, which nothing says"),
            "{}",
            drawn.stderr
        );
        drawn.text();
    }
}
