//! `eval`, `encode`, `reconstruct` and `features` on a trained model and on foreign ones.

use std::fs;
use std::path::Path;

use rhohat::data::{Source, npy};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::{TempDir, tempdir};

use super::{fixture, number, rhohat, train};

const MODEL: &str = "run/model.safetensors";
const PHOTO: &str = "photo.png";

/// A folder with a picture of 32×24 pixels and a model of its 4×4 patches in `run`.
fn trained(flags: &[&str]) -> TempDir {
    let folder = tempdir().unwrap();
    // Waves of several directions, so that no two patches are alike.
    let wave =
        |x: u32, y: u32| (f64::from(x * x + 3 * y) / 9.0).sin() + (f64::from(2 * x + y * y) / 17.0).cos();
    let pixel = |x, y| image::Luma([(128.0 + 60.0 * wave(x, y)) as u8]);
    image::GrayImage::from_fn(32, 24, pixel).save(folder.path().join(PHOTO)).unwrap();
    let picture = folder.path().join(PHOTO);
    let common = [picture.to_str().unwrap(), "--patch", "4", "--steps", "100"];
    train(folder.path(), "run", &[&common, flags].concat());
    folder
}

/// The arguments of a command on a model and a fixture, on `device`.
fn on<'a>(command: &'a str, data: &'a str, device: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
    [&[command, MODEL, data, "--device", device], flags].concat()
}

fn rows(path: &Path) -> rhohat::data::Table {
    let Source::Rows(table) = Source::open(path).unwrap() else { panic!("rows are written as rows") };
    table
}

#[test]
fn eval_gives_terms_activity_and_explained_variance() {
    let folder = trained(&[]);
    let args = on("eval", PHOTO, "reference", &["--json"]);
    let report = rhohat(folder.path(), &args).json();
    let sum = ["reconstruction", "decay", "kl"].map(|term| number(&report, term)).iter().sum::<f64>();
    assert!((number(&report, "j") - sum).abs() < 1e-12);
    assert_eq!(number(&report, "examples"), 48.0);
    assert!((0.0..1.0).contains(&number(&report, "explained_variance")), "{report}");
    assert!((number(&report, "mse") - 2.0 * number(&report, "reconstruction") / 16.0).abs() < 1e-12);
    assert!((number(&report, "active") - number(&report, "l0") / 25.0).abs() < 1e-12);
    assert!(number(&report["rho_hat"], "mean") > 0.0 && report["dead"].is_number());
    assert_eq!((number(&report, "collapsed_over"), number(&report, "duplicates_over")), (48.0, 25.0));
    assert!(["saturated", "collapsed", "duplicates"].iter().all(|name| report[name].is_number()), "{report}");
    let doubled = rhohat(folder.path(), &[&args[..], &["--beta", "6"]].concat()).json();
    assert!((number(&doubled, "kl") - 2.0 * number(&report, "kl")).abs() < 1e-12);
    let text = rhohat(folder.path(), &args[..args.len() - 1]).text();
    assert!(text.contains("(over 48 examples), "), "{text}");
    assert!(text.contains("% of the variance") && text.contains("48, on f64 reference"), "{text}");
}

#[test]
fn engines_agree_on_eval() {
    let folder = trained(&["--activation", "tanh"]);
    let on = |device| rhohat(folder.path(), &on("eval", PHOTO, device, &["--json"])).json();
    let (reference, cpu) = (on("reference"), on("cpu"));
    for name in ["j", "reconstruction", "decay", "kl", "explained_variance", "mse"] {
        let (wanted, found) = (number(&reference, name), number(&cpu, name));
        assert!((wanted - found).abs() <= 1e-5 * wanted.abs(), "{name}: {wanted} and {found}");
    }
}

#[test]
fn encode_writes_a_row_of_hidden_activations_an_example() {
    let folder = trained(&[]);
    let args = on("encode", PHOTO, "cpu", &["-o", "codes.npy", "--json"]);
    let report = rhohat(folder.path(), &args).json();
    assert_eq!((&report["examples"], &report["hidden"]), (&48.into(), &25.into()));
    let codes = rows(&folder.path().join("codes.npy"));
    assert_eq!((codes.rows, codes.cols), (48, 25));
    assert!(codes.values.iter().all(|a| (0.0..=1.0).contains(a)));
}

#[test]
fn reconstruct_gives_pixels_back() {
    let folder = trained(&["--lambda", "0", "--beta", "0"]);
    rhohat(folder.path(), &on("reconstruct", PHOTO, "cpu", &["-o", "out.npy"])).text();
    let restored = rows(&folder.path().join("out.npy"));
    assert_eq!((restored.rows, restored.cols), (48, 16));
    let outcome = rhohat(folder.path(), &on("reconstruct", PHOTO, "cpu", &["-o", "out.png"]));
    assert!(!outcome.stderr.contains("whitened"), "{}", outcome.stderr);
    outcome.text();
    let found = image::open(folder.path().join("out.png")).unwrap().to_luma8();
    let wanted = image::open(folder.path().join(PHOTO)).unwrap().to_luma8();
    assert_eq!(found.dimensions(), wanted.dimensions());
    let mean = wanted.iter().map(|&p| f64::from(p)).sum::<f64>() / wanted.len() as f64;
    let spread: f64 = wanted.iter().map(|&p| (f64::from(p) - mean).powi(2)).sum();
    let rest: f64 =
        found.iter().zip(wanted.iter()).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    assert!(rest < 0.1 * spread, "{rest} of {spread} remain");
}

#[test]
fn reconstructions_of_whitened_images_say_so() {
    let folder = trained(&["--whiten"]);
    let args = on("reconstruct", PHOTO, "cpu", &["-o", "out.png", "--json"]);
    let outcome = rhohat(folder.path(), &args);
    assert!(outcome.stderr.contains("whitened space"), "{}", outcome.stderr);
    assert_eq!(outcome.json()["whitened"], true);
}

#[test]
fn what_is_no_single_picture_is_not_written_as_one() {
    let folder = trained(&[]);
    let photos = folder.path().join("photos");
    fs::create_dir(&photos).unwrap();
    for name in ["grey.png", "color.png"] {
        fs::copy(fixture(name), photos.join(name)).unwrap();
    }
    let args = on("reconstruct", "photos", "cpu", &["-o", "out.png"]);
    rhohat(folder.path(), &args).refused(2, &["-o out.png: one PNG, but DATA are 2 pictures"]);
    assert!(!folder.path().join("out.png").exists());
}

#[test]
fn features_are_as_large_as_asked_for() {
    let folder = trained(&[]);
    let args = ["features", MODEL, "-o", "features.png"];
    let report = rhohat(folder.path(), &[&args[..], &["--json", "--zoom", "3"]].concat()).json();
    assert_eq!((&report["width"], &report["height"]), (&78.into(), &78.into()));
    rhohat(folder.path(), &args).text();
    assert_eq!(image::image_dimensions(folder.path().join("features.png")).unwrap(), (208, 208));
    rhohat(folder.path(), &[&args[..], &["--zoom", "0"]].concat()).refused(2, &["--zoom 0: "]);
    // The old name of it is still taken.
    let report = rhohat(folder.path(), &[&args[..], &["--json", "--scale", "2"]].concat()).json();
    assert_eq!(report["width"], 52);
}

/// Writes a model of zeros without metadata, as another program would.
fn write_foreign(path: &Path, hidden: usize, visible: usize) {
    let zeros = vec![0; 4 * hidden * visible];
    let view = |shape: &[usize]| {
        TensorView::new(Dtype::F32, shape.to_vec(), &zeros[..4 * shape.iter().product::<usize>()]).unwrap()
    };
    let tensors = [
        ("encoder.weight", view(&[hidden, visible])),
        ("encoder.bias", view(&[hidden])),
        ("decoder.weight", view(&[visible, hidden])),
        ("decoder.bias", view(&[visible])),
    ];
    fs::write(path, safetensors::serialize(tensors, None).unwrap()).unwrap();
}

#[test]
fn foreign_models_count_as_sigmoid_without_preprocessing_and_it_is_said() {
    let folder = tempdir().unwrap();
    write_foreign(&folder.path().join("foreign.safetensors"), 2, 3);
    npy::write(&folder.path().join("rows.npy"), 2, 3, &[0.5, 0.5, 1.5, 0.5, 0.5, 0.5]).unwrap();
    let eval = ["eval", "foreign.safetensors", "rows.npy", "--json", "--device", "reference"];
    let outcome = rhohat(folder.path(), &eval);
    let words = "foreign.safetensors: no rhohat metadata; taken as sigmoid to sigmoid without preprocessing";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    // sigmoid(0) = ½ everywhere: one squared error of 1 in two examples.
    assert_eq!(number(&outcome.json(), "reconstruction"), 0.25);
    let tanh = rhohat(folder.path(), &[&eval[..], &["--output", "tanh"]].concat()).json();
    assert_eq!(number(&tanh, "reconstruction"), (5.0 * 0.25 + 2.25) / 4.0);
    let args = ["features", "foreign.safetensors", "-o", "features.png"];
    rhohat(folder.path(), &args).refused(3, &["rows of 3 numbers are no square"]);
    let init = ["train", "rows.npy", "--init", "foreign.safetensors", "--steps", "1", "--device", "cpu"];
    let outcome = rhohat(folder.path(), &init);
    assert!(outcome.stderr.contains("no rhohat metadata"), "{}", outcome.stderr);
    outcome.text();
}

#[test]
fn foreign_models_of_a_square_width_see_grey_patches() {
    let folder = tempdir().unwrap();
    write_foreign(&folder.path().join("foreign.safetensors"), 5, 16);
    let drawn = rhohat(folder.path(), &["features", "foreign.safetensors", "-o", "features.png"]);
    assert!(drawn.stderr.contains("16 numbers are taken for pictures of 4x4"), "{}", drawn.stderr);
    drawn.text();
    let picture = fixture("grey.png");
    let args = ["encode", "foreign.safetensors", &picture, "-o", "codes.npy", "--device", "cpu"];
    rhohat(folder.path(), &args).text();
    assert_eq!(rows(&folder.path().join("codes.npy")).rows, 12);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    use std::process::{Command, Stdio};

    let folder = trained(&[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_rhohat"))
        .current_dir(folder.path())
        .args(["features", MODEL, "-o", "features.png"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
