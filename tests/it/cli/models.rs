//! Models of other programs, and what is given in the place of a model.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use rhohat::data::npy;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::{TempDir, tempdir};

use super::{fixture, names, rhohat};

const VISIBLE: usize = 6;
const HIDDEN: usize = 4;

/// A tensor by name, shape and numbers.
type Named<'a> = (&'a str, Vec<usize>, Vec<f32>);

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 + seed * 11) % 23) as f32 / 23.0 - 0.5).collect()
}

fn transposed(values: &[f32], cols: usize) -> Vec<f32> {
    (0..cols).flat_map(|col| values[col..].iter().step_by(cols).copied()).collect()
}

/// The four tensors of a model under these names, as PyTorch lays them out.
fn four(names: [&str; 4]) -> Vec<Named<'_>> {
    let shapes = [vec![HIDDEN, VISIBLE], vec![HIDDEN], vec![VISIBLE, HIDDEN], vec![VISIBLE]];
    let tensor = |(i, (name, shape)): (usize, (_, Vec<usize>))| {
        let values = numbers(shape.iter().product(), i);
        (name, shape, values)
    };
    names.into_iter().zip(shapes).enumerate().map(tensor).collect()
}

fn write(path: &Path, tensors: &[Named<'_>]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(.., values)| bytemuck::cast_slice(values).to_vec()).collect();
    let views = tensors.iter().zip(&bytes);
    let views = views
        .map(|((name, shape, _), bytes)| (*name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

const OWN: [&str; 4] = ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"];

/// A folder with rows and a model under the usual names.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    npy::write(&folder.path().join("rows.npy"), 5, VISIBLE, &numbers(5 * VISIBLE, 9)).unwrap();
    write(&folder.path().join("own.safetensors"), &four(OWN));
    folder
}

/// The reconstructions by a model, and what was said.
fn reconstructed(folder: &Path, model: &str) -> (Vec<u8>, String) {
    let args = ["reconstruct", model, "rows.npy", "-o", "out.npy", "--device", "cpu"];
    let outcome = rhohat(folder, &args);
    assert_eq!(outcome.code, 0, "{model}: {}", outcome.stderr);
    (fs::read(folder.join("out.npy")).unwrap(), outcome.stderr)
}

#[test]
fn names_of_other_programs_are_taken_for_the_four_tensors_and_it_is_said() {
    let folder = folder();
    let (wanted, _) = reconstructed(folder.path(), "own.safetensors");
    let schemes = [
        ["0.weight", "0.bias", "2.weight", "2.bias"],
        ["encoder.0.weight", "encoder.0.bias", "decoder.0.weight", "decoder.0.bias"],
        ["module.encoder.weight", "module.encoder.bias", "module.decoder.weight", "module.decoder.bias"],
        ["_orig_mod.0.weight", "_orig_mod.0.bias", "_orig_mod.2.weight", "_orig_mod.2.bias"],
        ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"],
    ];
    for names in schemes {
        write(&folder.path().join("other.safetensors"), &four(names));
        let (found, said) = reconstructed(folder.path(), "other.safetensors");
        assert_eq!(found, wanted, "{names:?}");
        let words = format!("taken {} as encoder.weight, {} as encoder.bias", names[0], names[1]);
        assert!(said.contains(&words), "{said}");
    }
}

#[test]
fn tied_weights_missing_biases_and_transposed_decoders_are_read_and_it_is_said() {
    let folder = folder();
    let read = |tensors: &[Named<'_>], words: &str| {
        write(&folder.path().join("other.safetensors"), tensors);
        let (found, said) = reconstructed(folder.path(), "other.safetensors");
        assert!(said.contains(words), "no {words:?} in: {said}");
        found
    };
    let plain = |tensors: &[Named<'_>]| {
        write(&folder.path().join("plain.safetensors"), tensors);
        reconstructed(folder.path(), "plain.safetensors").0
    };
    let without = |name: &str| four(OWN).into_iter().filter(|tensor| tensor.0 != name).collect::<Vec<_>>();
    let mut tied = four(OWN);
    tied[2].2 = transposed(&tied[0].2, VISIBLE);
    let words = "no decoder.weight, so tied: the transpose of encoder.weight";
    assert_eq!(read(&without("decoder.weight"), words), plain(&tied));
    for (at, bias) in [(1, "encoder.bias"), (3, "decoder.bias")] {
        let mut zeros = four(OWN);
        zeros[at].2.fill(0.0);
        assert_eq!(read(&without(bias), &format!("no {bias}, so zeros")), plain(&zeros));
    }
    let mut turned = four(OWN);
    (turned[2].1, turned[2].2) = (vec![HIDDEN, VISIBLE], transposed(&turned[2].2, HIDDEN));
    assert_eq!(read(&turned, "by their shapes the weights of decoder transposed"), plain(&four(OWN)));
    let shifted: Vec<_> = four(["encoder.weight", "encoder.bias", "decoder.weight", "bias"]);
    read(&shifted, "bias is also taken from the input, as dictionary_learning does");
}

#[test]
fn shapes_tell_how_the_weights_of_w_enc_and_w_dec_lie() {
    let folder = folder();
    let (wanted, _) = reconstructed(folder.path(), "own.safetensors");
    let names = ["W_enc", "b_enc", "W_dec", "b_dec"];
    for turned in [[true, true], [false, true], [true, false], [false, false]] {
        let mut tensors = four(names);
        for (at, _) in [0, 2].into_iter().zip(turned).filter(|(_, turned)| *turned) {
            let (_, shape, values) = &mut tensors[at];
            *values = transposed(values, shape[1]);
            shape.reverse();
        }
        write(&folder.path().join("other.safetensors"), &tensors);
        let (found, said) = reconstructed(folder.path(), "other.safetensors");
        assert_eq!(found, wanted, "{turned:?}");
        assert_eq!(said.contains("the weights of encoder"), turned[0], "{said}");
        assert!(said.contains("if b_dec is taken from X first"), "{said}");
    }
    let square = |names: [&'static str; 4]| {
        let shapes = [vec![VISIBLE; 2], vec![VISIBLE], vec![VISIBLE; 2], vec![VISIBLE]];
        let named = names.into_iter().zip(shapes).enumerate();
        let named: Vec<_> = named
            .map(|(i, (name, shape))| (name, shape.clone(), numbers(shape.iter().product(), i)))
            .collect();
        named
    };
    // Squares lie as the programs of these names have them.
    let mut plain = square(OWN);
    (plain[0].2, plain[2].2) = (transposed(&plain[0].2, VISIBLE), transposed(&plain[2].2, VISIBLE));
    write(&folder.path().join("plain.safetensors"), &plain);
    write(&folder.path().join("square.safetensors"), &square(names));
    let (found, said) = reconstructed(folder.path(), "square.safetensors");
    assert_eq!(found, reconstructed(folder.path(), "plain.safetensors").0);
    assert!(
        said.contains("by the convention of their names the weights of encoder and decoder transposed"),
        "{said}"
    );
    write(&folder.path().join("square.safetensors"), &square(["W1", "b1", "W2", "b2"]));
    let args = ["eval", "square.safetensors", "rows.npy", "--device", "cpu"];
    rhohat(folder.path(), &args).refused(3, &["do not tell how the weights lie", "save_file(t"]);
}

#[test]
fn models_that_leave_two_readings_are_refused_with_the_line_that_makes_four_tensors() {
    let folder = folder();
    let refused = |tensors: &[Named<'_>], words: &[&str]| {
        write(&folder.path().join("other.safetensors"), tensors);
        let words = [&["in Python: ", "save_file(t, 'model.safetensors')"], words].concat();
        rhohat(folder.path(), &["eval", "other.safetensors", "rows.npy", "--device", "cpu"])
            .refused(3, &words);
    };
    let without = |name: &str| four(OWN).into_iter().filter(|tensor| tensor.0 != name).collect::<Vec<_>>();
    refused(&without("encoder.weight"), &["no tensor encoder.weight"]);
    let encoder: Vec<_> = four(OWN).into_iter().take(2).collect();
    refused(&encoder, &["no tensor decoder.weight (found: encoder.bias, encoder.weight)"]);
    let mut deeper = four(["0.weight", "0.bias", "2.weight", "2.bias"]);
    deeper.push(("4.weight", vec![2, VISIBLE], numbers(2 * VISIBLE, 3)));
    refused(&deeper, &["there is 4.weight [2, 6]", "deeper network"]);
    let mut two = four(["a.0.weight", "a.0.bias", "a.2.weight", "a.2.bias"]);
    two.extend(four(["b.0.weight", "b.0.bias", "b.2.weight", "b.2.bias"]));
    refused(&two, &["two sets of tensors", "a.0.weight", "b.0.weight"]);
    refused(&[("weights", vec![2, 3], numbers(6, 0))], &["no tensor encoder.weight (found: weights)"]);
}

#[test]
fn layers_of_an_encoder_of_several_are_no_autoencoder() {
    let folder = folder();
    let mut tensors = four(["encoder.0.weight", "encoder.0.bias", "encoder.2.weight", "encoder.2.bias"]);
    tensors.extend(four(["decoder.0.weight", "decoder.0.bias", "decoder.2.weight", "decoder.2.bias"]));
    write(&folder.path().join("deep.safetensors"), &tensors);
    let args = ["eval", "deep.safetensors", "rows.npy", "--device", "cpu"];
    rhohat(folder.path(), &args).refused(3, &["deeper network", "2.weight"]);
}

#[test]
fn tensors_that_are_left_aside_are_named() {
    let folder = folder();
    let mut tensors = four(OWN);
    for name in ["b_dec", "threshold", "scale", "steps", "more"] {
        tensors.push((name, vec![3], numbers(3, 1)));
    }
    write(&folder.path().join("extra.safetensors"), &tensors);
    let (found, said) = reconstructed(folder.path(), "extra.safetensors");
    assert_eq!(found, reconstructed(folder.path(), "own.safetensors").0);
    let words =
        "left aside, for the model has no such tensors: b_dec [3], more [3], scale [3], steps [3] and 1 more";
    assert!(said.contains(words), "{said}");
    let mut one = four(OWN);
    one.push(("threshold", vec![4], numbers(4, 1)));
    write(&folder.path().join("extra.safetensors"), &one);
    let (_, said) = reconstructed(folder.path(), "extra.safetensors");
    assert!(said.contains("no such tensors: threshold [4]\n"), "{said}");
    assert!(!reconstructed(folder.path(), "own.safetensors").1.contains("left aside"));
}

#[test]
fn what_is_no_model_is_named_for_what_it_is() {
    let folder = folder();
    let zip = |member: &str| [b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0", &[0; 12][..], member.as_bytes()].concat();
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        ("model.pt", zip("archive/data.pkl"), &["torch.save", "torch.load('FILE'"]),
        ("old.pth", b"\x80\x02}q\x00X\x01\0\0\0aq\x01K\x01s.".to_vec(), &["pickle", "torch.load('FILE'"]),
        ("model.keras", zip("metadata.json"), &["Keras", "keras.models.load_model('FILE'"]),
        ("rows.csv", b"0.25,0.5,0.75\n0.1,0.2,0.3\n".to_vec(), &["text, no whole safetensors file"]),
        ("model.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0".to_vec(), &["HDF5, as Keras writes"]),
        ("empty.safetensors", Vec::new(), &["empty"]),
        (
            "rows.idx",
            vec![0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7],
            &["an IDX file", "MODEL comes before DATA"],
        ),
    ];
    for (name, bytes, words) in cases {
        fs::write(folder.path().join(name), bytes).unwrap();
        let outcome = rhohat(folder.path(), &["eval", name, "rows.npy", "--device", "cpu"]);
        assert!(!outcome.stderr.contains("a header of"), "{}", outcome.stderr);
        outcome.refused(3, &[&[name], words].concat());
    }
    let swapped = ["eval", "rows.npy", "own.safetensors", "--device", "cpu"];
    rhohat(folder.path(), &swapped).refused(3, &["rows.npy: a NumPy array", "MODEL comes before DATA"]);
    for data in [fixture("one.npz"), fixture("mat/columns.mat")] {
        let args = ["eval", &data, "own.safetensors", "--device", "cpu"];
        rhohat(folder.path(), &args).refused(3, &["no tensor encoder.weight", "MODEL comes before DATA"]);
    }
    let picture = fixture("grey.png");
    let args = ["eval", &picture, "own.safetensors", "--device", "cpu"];
    rhohat(folder.path(), &args).refused(3, &["a picture", "MODEL comes before DATA"]);
    let init = ["train", "rows.npy", "--init", "rows.npy", "--device", "cpu", "--out", "r"];
    rhohat(folder.path(), &init).refused(3, &["a NumPy array", "rhohat train DATA --init MODEL"]);
}

#[test]
fn what_is_no_model_is_refused_with_the_line_of_the_command_that_was_typed() {
    let folder = folder();
    fs::write(folder.path().join("labels.txt"), "a\nb\na\nb\na\n").unwrap();
    for (typed, line) in [
        ("eval rows.npy own.safetensors", "rhohat eval MODEL DATA"),
        ("units rows.npy own.safetensors -o u.csv", "rhohat units MODEL DATA"),
        ("encode rows.npy own.safetensors -o c.npy", "rhohat encode MODEL DATA"),
        ("reconstruct rows.npy own.safetensors -o c.npy", "rhohat reconstruct MODEL DATA"),
        ("convolve rows.npy own.safetensors --pool 2 -o c.npy", "rhohat convolve MODEL PICTURES"),
        ("decode rows.npy own.safetensors -o c.npy", "rhohat decode MODEL CODES"),
        ("predict rows.npy own.safetensors", "CLASSIFIER comes before DATA: rhohat predict CLASSIFIER DATA"),
        ("features rows.npy -o c.png", "rhohat features MODEL"),
        ("features rows.npy --layer 1 -o c.png", "rhohat features MODEL"),
        ("classify rows.npy --labels labels.txt --encoder rows.npy", "rhohat classify DATA --encoder MODEL"),
    ] {
        let outcome = rhohat(folder.path(), &typed.split(' ').collect::<Vec<_>>());
        outcome.refused(3, &["rows.npy: a NumPy array", line]);
    }
}

#[test]
fn the_folder_of_a_run_stands_for_its_model() {
    let folder = folder();
    let train = ["train", "rows.npy", "--hidden", "3", "--steps", "2", "--out", "run", "--device", "cpu"];
    rhohat(folder.path(), &train).text();
    let eval = |model| rhohat(folder.path(), &["eval", model, "rows.npy", "--device", "cpu", "--json"]);
    let by_folder = eval("run");
    assert!(
        by_folder.stderr.contains("run: a folder, of which model.safetensors is taken"),
        "{}",
        by_folder.stderr
    );
    assert_eq!(by_folder.text(), eval("run/model.safetensors").text());
    fs::remove_file(folder.path().join("run/model.safetensors")).unwrap();
    eval("run").refused(3, &["a run that has no model.safetensors yet", "rhohat train --resume run"]);
    fs::create_dir(folder.path().join("other")).unwrap();
    eval("other").refused(3, &["other: a folder without a model.safetensors"]);
}

/// A model file of zeros that takes no room on disk.
fn sparse(path: &Path, visible: u64, hidden: u64) {
    let mut at = 0;
    let tensors = [
        ("decoder.bias", vec![visible]),
        ("decoder.weight", vec![visible, hidden]),
        ("encoder.bias", vec![hidden]),
        ("encoder.weight", vec![hidden, visible]),
    ];
    let tensors = tensors.map(|(name, shape)| {
        let start = at;
        at += 4 * shape.iter().product::<u64>();
        format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{at}]}}"#)
    });
    let mut header = format!("{{{}}}", tensors.join(","));
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let mut file = File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + at).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_model_larger_than_memory_is_refused_before_any_of_it_is_read() {
    let folder = tempdir().unwrap();
    sparse(&folder.path().join("large.safetensors"), 4_096, 100_000_000);
    npy::write(&folder.path().join("rows.npy"), 2, 4_096, &vec![0.5; 2 * 4_096]).unwrap();
    for args in [
        &["eval", "large.safetensors", "rows.npy", "--device", "cpu", "--quiet"][..],
        &["encode", "large.safetensors", "rows.npy", "--device", "cpu", "-o", "c.npy", "--quiet"],
        &["features", "large.safetensors", "-o", "f.png", "--quiet"],
    ] {
        let outcome = rhohat(folder.path(), args);
        assert!(!outcome.stderr.contains("fewer rows"), "{}", outcome.stderr);
        outcome.refused(
            3,
            &["large.safetensors: ", "TB", "of memory"].map(|word| {
                if args[0] == "eval" || args[0] == "encode" {
                    word.trim_end_matches("of memory")
                } else {
                    word
                }
            }),
        );
    }
    assert_eq!(names(folder.path()), ["large.safetensors", "rows.npy"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_model_larger_than_the_limit_of_the_process_is_refused() {
    let folder = tempdir().unwrap();
    sparse(&folder.path().join("model.safetensors"), 784, 80_000);
    npy::write(&folder.path().join("rows.npy"), 2, 784, &vec![0.5; 2 * 784]).unwrap();
    for limit in [600_000, 900_000, 1_200_000] {
        for command in ["eval", "encode -o c.npy", "features -o f.png"] {
            let (name, more) = command.split_once(' ').unwrap_or((command, ""));
            let data = if name == "features" { "" } else { "rows.npy --device cpu" };
            let program = env!("CARGO_BIN_EXE_rhohat");
            let line =
                format!("ulimit -v {limit}; exec {program} {name} model.safetensors {data} {more} --quiet");
            let outcome = super::outcome(folder.path(), "sh", &["-c", &line]);
            let (code, said) = (outcome.code, outcome.stderr);
            assert!([0, 2, 3, 5].contains(&code), "{command} at {limit}: {code}, {said}");
            assert_eq!(said.lines().count(), usize::from(code != 0), "{command} at {limit}: {said}");
            assert!(code == 0 || said.contains("limit") && !said.contains("fewer rows"), "{said}");
        }
    }
}
