//! The model file: round trip, names and shapes, identical bytes, refusals.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use rhohat::data::{Normalize, Preprocess, Scale};
use rhohat::math::objective::{Activation, Objective, Penalty};
use rhohat::math::params::{Params, Shape};
use rhohat::run::model_file::{Meta, ModelFile, save};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::tempdir;

const SHAPE: Shape = Shape { visible: 4, hidden: 3 };

fn meta() -> Meta {
    let objective = Objective {
        activation: Activation::Tanh,
        output: Activation::Linear,
        penalty: Penalty::kl(0.1),
        beta: 0.3,
        lambda: 1e-5,
    };
    let limits = Some((-0.1 - f64::EPSILON, 1.0 / 3.0));
    let preprocess = Preprocess {
        patch: Some(2),
        channels: Some(1),
        whiten: true,
        scale: Scale::Pixels,
        normalize: Normalize::Lecture,
        limits,
        ..Preprocess::AS_IS
    };
    Meta { objective, preprocess, seed: 7 }
}

/// The JSON of [`meta`], which every later version must read.
const JSON: &str = r#"{"activation":"tanh","beta":0.3,"format":1,"lambda":0.00001,"output":"linear","preprocess":{"channels":1,"limits":[-0.10000000000000023,0.3333333333333333],"normalize":"lecture","patch":2,"whiten":true},"rho":0.1,"seed":7}"#;

/// Saves the lecture's start values.
fn saved(path: &Path) -> Params<f32> {
    let params = Params::random(SHAPE, 1);
    save(path, &params, &meta()).unwrap();
    params
}

#[test]
fn parameters_and_metadata_come_back_unchanged() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let params = saved(&path);
    let file = ModelFile::open(&path).unwrap();
    assert_eq!(file.shape(), SHAPE);
    assert_eq!(file.params::<f32>().unwrap(), params);
    assert_eq!(file.params::<f64>().unwrap(), params.cast());
    assert_eq!(file.meta(), Some(&meta()));
}

#[test]
fn bytes_are_those_of_the_format_s_own_writer() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let params = saved(&path);
    let Shape { visible, hidden } = SHAPE;
    let decoder: Vec<f32> =
        (0..visible).flat_map(|col| params.d[col..].iter().step_by(visible).copied()).collect();
    let view = |shape: &[usize], values| {
        TensorView::new(Dtype::F32, shape.to_vec(), bytemuck::cast_slice(values)).unwrap()
    };
    let tensors = [
        ("encoder.weight", view(&[hidden, visible], &params.w1)),
        ("encoder.bias", view(&[hidden], &params.b1)),
        ("decoder.weight", view(&[visible, hidden], &decoder)),
        ("decoder.bias", view(&[visible], &params.b2)),
    ];
    let metadata = HashMap::from([("rhohat".to_owned(), JSON.to_owned())]);
    assert_eq!(fs::read(&path).unwrap(), safetensors::serialize(tensors, Some(metadata)).unwrap());
}

#[test]
fn tensors_have_the_shapes_of_pytorch() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let params = saved(&path);
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut shapes: Vec<_> =
        file.tensors().iter().map(|(name, t)| (name.clone(), t.shape().to_vec())).collect();
    shapes.sort();
    let wanted: [(_, &[usize]); 4] = [
        ("decoder.bias", &[4]),
        ("decoder.weight", &[4, 3]),
        ("encoder.bias", &[3]),
        ("encoder.weight", &[3, 4]),
    ];
    assert_eq!(shapes, wanted.map(|(name, shape)| (name.to_owned(), shape.to_vec())));
    let decoder: Vec<f32> = bytemuck::pod_collect_to_vec(file.tensor("decoder.weight").unwrap().data());
    for (i, j) in (0..4).flat_map(|i| (0..3).map(move |j| (i, j))) {
        assert_eq!(decoder[i * 3 + j], params.d[j * 4 + i]);
    }
}

#[test]
fn metadata_is_json_with_sorted_keys_under_one_key() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    saved(&path);
    let bytes = fs::read(&path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let wanted = HashMap::from([("rhohat".to_owned(), JSON.to_owned())]);
    assert_eq!(header.metadata().as_ref(), Some(&wanted));
}

#[test]
fn the_same_model_has_the_same_bytes_and_replaces_an_older_file() {
    let folder = tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    fs::write(&second, "older").unwrap();
    saved(&first);
    saved(&second);
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
}

#[cfg(unix)]
#[test]
fn files_have_the_permissions_of_ordinary_ones() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let (model, ordinary) = (folder.path().join("model"), folder.path().join("ordinary"));
    saved(&model);
    fs::write(&ordinary, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&model), mode(&ordinary));
}

/// A tensor of a file that is put together by hand.
struct Part {
    name: &'static str,
    kind: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Tensors of one hidden and two visible units whose numbers have these bytes each.
fn parts(kind: Dtype, number: &[u8]) -> Vec<Part> {
    let part = |name, shape: &[usize]| Part {
        name,
        kind,
        shape: shape.to_vec(),
        bytes: number.repeat(shape.iter().product()),
    };
    vec![
        part("encoder.weight", &[1, 2]),
        part("encoder.bias", &[1]),
        part("decoder.weight", &[2, 1]),
        part("decoder.bias", &[2]),
    ]
}

fn bytes_of(parts: &[Part], metadata: Option<&str>) -> Vec<u8> {
    let views = parts
        .iter()
        .map(|part| (part.name, TensorView::new(part.kind, part.shape.clone(), &part.bytes).unwrap()));
    let metadata = metadata.map(|json| HashMap::from([("rhohat".to_owned(), json.to_owned())]));
    safetensors::serialize(views, metadata).unwrap()
}

/// Opens and reads a file of these bytes.
fn read(bytes: &[u8]) -> rhohat::Result<Params<f64>> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, bytes).unwrap();
    ModelFile::open(&path)?.params()
}

#[test]
fn numbers_of_other_precisions_are_read() {
    let kinds: [(_, &[u8]); 4] = [
        (Dtype::F64, &1.5f64.to_le_bytes()),
        (Dtype::F32, &1.5f32.to_le_bytes()),
        (Dtype::F16, &[0x00, 0x3e]),
        (Dtype::BF16, &[0xc0, 0x3f]),
    ];
    for (kind, number) in kinds {
        let params = read(&bytes_of(&parts(kind, number), None)).unwrap();
        assert_eq!(params.to_flat(), [1.5; 7], "{kind:?}");
    }
}

/// Checks that a file of these bytes is refused with exit code 3 in one line that says all of `words`.
fn assert_refused(bytes: &[u8], words: &[&str]) {
    let error = read(bytes).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.exit_code(), 3, "{text}");
    assert!(!text.contains('\n'), "{text}");
    for word in [&["model.safetensors: "], words].concat() {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
}

#[test]
fn unusable_files_are_refused() {
    let good = || parts(Dtype::F32, &1f32.to_le_bytes());
    let whole = bytes_of(&good(), None);
    assert!(read(&whole).is_ok());
    assert_refused(&whole[..whole.len() - 1], &["no whole safetensors file"]);
    assert_refused(b"", &["no whole safetensors file"]);
    assert_refused(&u64::MAX.to_le_bytes(), &["no whole safetensors file"]);

    let mut missing = good();
    missing.remove(0);
    let found = "no tensor encoder.weight (found: decoder.bias, decoder.weight, encoder.bias)";
    assert_refused(&bytes_of(&missing, None), &[found]);

    let mut wider = good();
    (wider[2].shape, wider[2].bytes) = (vec![3, 1], 1f32.to_le_bytes().repeat(3));
    assert_refused(&bytes_of(&wider, None), &["decoder.weight has shape [3, 1]", "asks for [2, 1]"]);

    let mut flat = good();
    flat[0].shape = vec![2];
    assert_refused(&bytes_of(&flat, None), &["encoder.weight has shape [2]", "[hidden, visible]"]);

    let mut infinite = good();
    infinite[3].bytes[4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert_refused(&bytes_of(&infinite, None), &["tensor decoder.bias holds NaN or infinity"]);

    let whole_numbers = bytes_of(&parts(Dtype::I32, &[1, 0, 0, 0]), None);
    assert_refused(&whole_numbers, &["tensor encoder.weight holds I32 numbers"]);
}

#[test]
fn metadata_of_a_later_or_damaged_file_is_refused() {
    // For two visible units, which are no square.
    let rows = |json: &str| {
        json.replace("\"channels\":1", "\"channels\":null").replace("\"patch\":2", "\"patch\":null")
    };
    let with = |json: &str| bytes_of(&parts(Dtype::F32, &1f32.to_le_bytes()), Some(&rows(json)));
    assert!(read(&with(JSON)).is_ok());
    assert_refused(&with(&JSON.replace("\"format\":1", "\"format\":4")), &["format 4", "reads"]);
    assert_refused(&with("{}"), &["names no format"]);
    assert_refused(&with("{"), &["metadata rhohat cannot be read"]);
    assert_refused(&with(&JSON.replace("tanh", "relu")), &["metadata rhohat cannot be read", "relu"]);
}

/// The parameters of a file of another program (`tests/fixtures/make_models.py`).
fn theirs(name: &str) -> rhohat::Result<Params<f32>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    ModelFile::open(&folder.join(name))?.params()
}

#[test]
fn files_of_pytorch_numpy_and_scipy_hold_the_same_parameters() {
    let plain = theirs("plain.safetensors").unwrap();
    assert_eq!((plain.shape.visible, plain.shape.hidden, plain.w1[1]), (6, 4, 7.0 / 64.0));
    for name in [
        "f16.safetensors",
        "bf16.safetensors",
        "f64.safetensors",
        "sequential.safetensors",
        "data_parallel.safetensors",
        "compiled.safetensors",
        "turned_decoder.safetensors",
        "sae.safetensors",
        "arrays.npz",
        "packed.npz",
        "arrays.mat",
        "theta.mat",
        "level4.mat",
    ] {
        assert_eq!(theirs(name).unwrap(), plain, "{name}");
    }
    let zeros = |count| vec![0.0; count];
    let without = Params { b2: zeros(6), ..plain.clone() };
    assert_eq!(theirs("no_decoder_bias.safetensors").unwrap(), without);
    assert_eq!(theirs("no_bias.safetensors").unwrap(), Params { b1: zeros(4), ..without });
    assert_eq!(theirs("tied.safetensors").unwrap(), Params { d: plain.w1.clone(), ..plain.clone() });
    let of_bias = |row: &[f32]| row.iter().zip(&plain.b2).map(|(w, b)| w * b).sum::<f32>();
    let shifted = plain.b1.iter().zip(plain.w1.chunks(6)).map(|(b, row)| b - of_bias(row)).collect();
    assert_eq!(theirs("dictionary.safetensors").unwrap(), Params { b1: shifted, ..plain.clone() });
    let why = theirs("torch.pt").unwrap_err().to_string();
    assert!(why.contains("a zip archive, as torch.save writes"), "{why}");
}
