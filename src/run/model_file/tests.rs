//! Models under all names and layouts: whichever it is, parameters are those of the plain file.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::{TempDir, tempdir};

use super::*;
use crate::data::write::{ArrayValues, NamedArray, RowsKind, write_arrays};

/// Any model of so many units.
fn model(visible: usize, hidden: usize, seed: u64) -> Params<f32> {
    let mut params = Params::random(Shape { visible, hidden }, seed);
    params.b1.iter_mut().enumerate().for_each(|(i, b)| *b = i as f32 / 8.0 - 0.5);
    params.b2.iter_mut().enumerate().for_each(|(i, b)| *b = 0.25 - i as f32 / 16.0);
    params
}

/// An array of a file: name, shape and numbers.
type Array = (String, Vec<usize>, Vec<f32>);

/// W1, b1, W2, b2 under these names, PyTorch's way, the matrices turned where that is asked for; without those called "".
fn arrays(params: &Params<f32>, names: [&str; 4], turned: [bool; 2]) -> Vec<Array> {
    let Shape { visible: n, hidden: h } = params.shape;
    let matrix = |values: &[f32], rows: usize, cols: usize, is_turned: bool| {
        if is_turned {
            (vec![cols, rows], transposed(values, cols))
        } else {
            (vec![rows, cols], values.to_vec())
        }
    };
    let w2 = transposed(&params.d, n);
    let all = [
        matrix(&params.w1, h, n, turned[0]),
        (vec![h], params.b1.clone()),
        matrix(&w2, n, h, turned[1]),
        (vec![n], params.b2.clone()),
    ];
    let named = names.into_iter().zip(all).filter(|(name, _)| !name.is_empty());
    named.map(|(name, (shape, values))| (name.to_owned(), shape, values)).collect()
}

fn folder() -> TempDir {
    tempdir().unwrap()
}

/// Writes a file of these arrays, in the kind that its ending says.
fn written(folder: &Path, ending: &str, arrays: &[Array]) -> PathBuf {
    let path = folder.join(format!("a.{ending}"));
    let mut out = Vec::new();
    if ending == "safetensors" {
        let bytes: Vec<&[u8]> = arrays.iter().map(|(.., values)| bytemuck::cast_slice(values)).collect();
        let views = arrays.iter().zip(bytes);
        let views = views.map(|((name, shape, _), bytes)| {
            (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        out = safetensors::serialize(views, None).unwrap();
    } else {
        let kind = RowsKind::of(&path).unwrap();
        let arrays: Vec<NamedArray<'_>> = arrays
            .iter()
            .map(|(name, shape, values)| NamedArray {
                name,
                shape: shape.clone(),
                values: ArrayValues::Single(values),
            })
            .collect();
        write_arrays(kind, &mut out, &arrays).unwrap();
    }
    fs::write(&path, out).unwrap();
    path
}

/// The parameters of a file of these arrays, and what was told of them.
fn read(ending: &str, arrays: &[Array]) -> Result<(Params<f32>, String)> {
    let folder = folder();
    let file = ModelFile::open(&written(folder.path(), ending, arrays))?;
    Ok((file.params()?, file.found.told.clone().unwrap_or_default()))
}

fn refused(ending: &str, arrays: &[Array], words: &[&str]) {
    let why = read(ending, arrays).unwrap_err().to_string();
    for word in words {
        assert!(why.contains(word), "no {word} in: {why}");
    }
}

/// Names that PyTorch's layers have.
const LINEAR: [[&str; 4]; 6] = [
    schemes::OWN,
    ["0.weight", "0.bias", "2.weight", "2.bias"],
    ["module.encoder.weight", "module.encoder.bias", "module.decoder.weight", "module.decoder.bias"],
    ["_orig_mod.0.weight", "_orig_mod.0.bias", "_orig_mod.2.weight", "_orig_mod.2.bias"],
    ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"],
    ["enc.weight", "enc.bias", "dec.weight", "dec.bias"],
];
const SAE: [&str; 4] = ["W_enc", "b_enc", "W_dec", "b_dec"];
const LECTURE: [&str; 4] = ["W1", "b1", "W2", "b2"];

proptest! {
    #[test]
    fn parameters_are_those_of_the_plain_file_whatever_names_and_layout(
        visible in 1_usize..7, hidden in 1_usize..7, seed in 0_u64..9, turned in any::<[bool; 2]>(),
        at in 0_usize..8, ending in prop_oneof!["safetensors", "npz"],
    ) {
        let params = model(visible, hidden, seed);
        let names = [&LINEAR[..], &[SAE, LECTURE]].concat()[at];
        // Squares lie as the convention of their names has it; W1 and W2 have none.
        let is_square = visible == hidden;
        prop_assume!(!(is_square && names == LECTURE));
        let turned = if is_square { [names == SAE; 2] } else { turned };
        let (found, told) = read(&ending, &arrays(&params, names, turned)).unwrap();
        prop_assert_eq!(&found, &params, "{}", told);
        let is_told = names != schemes::OWN || turned != [false; 2];
        prop_assert_eq!(!told.is_empty(), is_told, "{}", told);
        prop_assert_eq!(told.contains("transposed"), turned != [false; 2], "{}", told);
    }

    #[test]
    fn missing_biases_are_zero_and_missing_decoders_are_tied(
        visible in 1_usize..7, hidden in 1_usize..7, at in 0_usize..6,
        missing in prop_oneof![Just([false, true]), Just([true, false]), Just([true, true])],
    ) {
        let mut params = model(visible, hidden, 1);
        let mut names = LINEAR[at];
        for (index, bias) in [(1, &mut params.b1), (3, &mut params.b2)] {
            if missing[index / 2] {
                names[index] = "";
                bias.fill(0.0);
            }
        }
        let (found, told) = read("safetensors", &arrays(&params, names, [false; 2])).unwrap();
        prop_assert_eq!(&found, &params);
        prop_assert_eq!(told.matches("so zeros").count(), missing.iter().filter(|&&it| it).count(), "{}", told);
    }

    #[test]
    fn tied_weights_are_those_of_the_encoder(visible in 1_usize..7, hidden in 1_usize..7, at in 0_usize..7) {
        let mut params = model(visible, hidden, 2);
        params.d = params.w1.clone();
        let (names, is_open) = [
            (["encoder.weight", "encoder.bias", "", "decoder.bias"], false),
            (["m.encoder.weight", "m.encoder.bias", "", "m.decoder.bias"], false),
            (["encoder.weight", "encoder.bias", "", "decoder_bias"], false),
            (["enc.weight", "enc.bias", "", "dec.bias"], false),
            (["W", "b_enc", "", "b_dec"], true),
            (["W", "b", "", "b_prime"], true),
            (["W", "hbias", "", "vbias"], true),
        ][at];
        if is_open && visible == hidden {
            refused("safetensors", &arrays(&params, names, [false; 2]), &["do not tell how the weights lie"]);
            return Ok(());
        }
        for turned in [[false; 2], [true, false]].into_iter().take(if visible == hidden { 1 } else { 2 }) {
            let (found, told) = read("safetensors", &arrays(&params, names, turned)).unwrap();
            prop_assert_eq!(&found, &params);
            prop_assert!(told.contains(&format!("so tied: the transpose of {}", names[0])), "{}", told);
        }
    }

    #[test]
    fn theta_is_both_matrices_column_by_column_and_the_biases(
        visible in 1_usize..7, hidden in 1_usize..7, known in 0_usize..3, name in prop_oneof!["theta", "opttheta", "optTheta"],
    ) {
        let params = model(visible, hidden, 3);
        let theta = [&transposed(&params.w1, visible)[..], &params.d, &params.b1, &params.b2].concat();
        let mut all = vec![(name, vec![theta.len()], theta.clone())];
        let size = |name: &str, size: usize| (name.to_owned(), vec![1], vec![size as f32]);
        if known != 1 { all.push(size("visibleSize", visible)) }
        if known != 2 { all.push(size("hiddenSize", hidden)) }
        let (found, told) = read("mat", &all).unwrap();
        prop_assert_eq!(found, params);
        prop_assert!(told.contains("column by column"));
        // Of Python's programs there are those that go row by row.
        refused("npz", &all, &["W1 [hidden, visible]"]);
        refused("mat", &all[..1], &["no visibleSize or hiddenSize", "save('model.mat'"]);
        all.truncate(1);
        all.push(size("visibleSize", theta.len() + 1));
        refused("mat", &all, &["which no hidden units make of"]);
    }
}

#[test]
fn a_bias_of_dictionary_learning_is_taken_from_the_input_as_well() {
    let params = model(3, 2, 1);
    let names = ["encoder.weight", "encoder.bias", "decoder.weight", "bias"];
    let (found, told) = read("safetensors", &arrays(&params, names, [false; 2])).unwrap();
    let x = [0.3, -0.7, 0.9];
    for (j, row) in params.w1.chunks(3).enumerate() {
        let shifted: f64 = (0..3).map(|i| f64::from(row[i]) * (x[i] - f64::from(params.b2[i]))).sum::<f64>()
            + f64::from(params.b1[j]);
        let plain: f64 =
            (0..3).map(|i| f64::from(found.w1[3 * j + i]) * x[i]).sum::<f64>() + f64::from(found.b1[j]);
        assert!((shifted - plain).abs() < 1e-7, "unit {j}: {plain} instead of {shifted}");
    }
    assert_eq!((&found.w1, &found.d, &found.b2), (&params.w1, &params.d, &params.b2));
    assert!(told.contains("encoder.bias less encoder.weight·bias"), "{told}");
}

#[test]
fn matrices_of_matlab_lie_as_the_lecture_s_where_its_sizes_stand_beside_them() {
    let params = model(4, 4, 1);
    let mut all = arrays(&params, LECTURE, [false; 2]);
    refused("mat", &all, &["as many hidden as visible units, 4"]);
    all.push(("visibleSize".to_owned(), vec![1], vec![4.0]));
    all.push(("hiddenSize".to_owned(), vec![1], vec![4.0]));
    all.push(("patches".to_owned(), vec![4, 9], vec![0.5; 36]));
    assert_eq!(read("mat", &all).unwrap().0, params);
    all.push(("W3".to_owned(), vec![4, 2], vec![0.5; 8]));
    refused("mat", &all, &["there is W3 [4, 2]", "deeper network"]);
}

#[test]
fn shapes_that_no_model_has_are_refused_with_both() {
    let params = model(4, 3, 1);
    let mut all = arrays(&params, SAE, [true; 2]);
    (all[2].1, all[2].2) = (vec![3, 5], vec![0.0; 15]);
    refused(
        "safetensors",
        &all,
        &["W_dec has shape [3, 5]", "of 3 hidden and 4 visible units asks for [4, 3] or its transpose"],
    );
    let mut all = arrays(&params, LINEAR[1], [false; 2]);
    (all[1].1, all[1].2) = (vec![7], vec![0.0; 7]);
    refused(
        "safetensors",
        &all,
        &["0.bias has shape [7]", "0.weight of 3 hidden and 4 visible units asks for [3]"],
    );
    let without = |names| arrays(&params, names, [false; 2]);
    refused("safetensors", &without(["W1", "", "W2", ""]), &["without a bias, shapes do not tell"]);
    refused(
        "safetensors",
        &without(["encoder.weight", "encoder.bias", "", ""]),
        &["no tensor decoder.weight", "in Python: "],
    );
    refused(
        "safetensors",
        &without(["encoder.weight", "encoder.bias", "", "bias"]),
        &["no tensor decoder.weight"],
    );
    refused(
        "npz",
        &without(["rows", "", "", ""]),
        &["no tensor encoder.weight (found: rows)", MODEL_INSTEAD],
    );
}

#[test]
fn whole_numbers_of_an_archive_are_no_weights() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let mut out = Vec::new();
    let of = |name, shape: &[usize], values| NamedArray {
        name,
        shape: shape.to_vec(),
        values: ArrayValues::Bytes(values),
    };
    let all = [
        of("W1", &[1, 2], &[1, 2]),
        of("b1", &[1], &[1]),
        of("W2", &[2, 1], &[1, 2]),
        of("b2", &[2], &[1, 2]),
    ];
    write_arrays(RowsKind::Npz, &mut out, &all).unwrap();
    fs::write(&path, out).unwrap();
    let why = ModelFile::open(&path).unwrap().params::<f32>().unwrap_err().to_string();
    assert!(why.contains("W1 holds numbers of the kind u8, but floats are read"), "{why}");
}
