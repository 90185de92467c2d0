//! Models in the files of other programs come back as they were; a folded one does to values what it did to preprocessed ones.

use std::fs;

use proptest::prelude::*;
use tempfile::tempdir;

use super::*;
use crate::data::{DType, Normalize, Rotation, Scale, Source, Table, Whitening};
use crate::math::objective::{Activation, Objective, Penalty};
use crate::run::fold::{fold, steps};
use crate::run::model_file::ModelFile;

const KINDS: [RowsKind; 3] = [RowsKind::Safetensors, RowsKind::Npz, RowsKind::Mat];

fn rows() -> Table {
    let values = (0..40 * 6).map(|i| ((i * 37 + i / 6 * 11) % 41) as f64 * (1 + i % 6) as f64).collect();
    Table { rows: 40, cols: 6, dtype: DType::F32, values }
}

/// A preprocessing, fitted on the rows.
fn fitted(normalize: Normalize, whitening: Option<Rotation>, scale: Scale) -> Preprocess {
    let whitening = whitening.map(|kind| Whitening {
        kind,
        epsilon: 0.1,
        variance: Some(0.9).filter(|_| kind == Rotation::Pca),
    });
    let preprocess = Preprocess { normalize, whitening, scale, ..Preprocess::AS_IS };
    Source::Rows(rows()).apply::<f64>(&preprocess).unwrap().preprocess
}

fn meta(preprocess: Preprocess) -> Meta {
    let objective = Objective {
        activation: Activation::Tanh,
        output: Activation::Linear,
        penalty: Penalty::kl(0.03),
        beta: 2.0,
        lambda: 1e-3,
    };
    Meta { objective, preprocess, seed: 5 }
}

fn params(visible: usize, hidden: usize) -> Params<f32> {
    let mut params = Params::random(Shape { visible, hidden }, 3);
    params.b1.iter_mut().chain(&mut params.b2).enumerate().for_each(|(i, b)| *b = 0.3 - i as f32 / 7.0);
    params
}

/// Writes a model and opens it again.
fn again(converted: &Converted<'_>, kind: RowsKind, names: Names) -> (Params<f32>, Option<Meta>) {
    let folder = tempdir().unwrap();
    let path = folder.path().join(format!("a.{}", kind.ending()));
    let mut out = Vec::new();
    converted.write(kind, names, &mut out).unwrap();
    fs::write(&path, out).unwrap();
    let file = ModelFile::open(&path).unwrap();
    (file.params().unwrap(), file.meta().cloned())
}

proptest! {
    #[test]
    fn a_model_comes_back_from_every_kind_of_file(visible in 1_usize..6, hidden in 1_usize..6, is_foreign in any::<bool>()) {
        let (params, meta) = (params(visible, hidden), meta(Preprocess::AS_IS));
        let meta = Some(&meta).filter(|_| !is_foreign);
        let converted = Converted { params: Cow::Borrowed(&params), meta: meta.map(Cow::Borrowed) };
        for (kind, names) in KINDS.into_iter().flat_map(|kind| Names::ALL.map(|names| (kind, names))) {
            // Without metadata nobody says how the square matrices of an archive lie.
            if is_foreign && kind == RowsKind::Npz && visible == hidden {
                continue;
            }
            let (found, found_meta) = again(&converted, kind, names);
            prop_assert_eq!(&found, &params, "{:?}", kind);
            prop_assert_eq!(found_meta.as_ref(), meta, "{:?}", kind);
        }
    }
}

#[test]
fn preprocessing_comes_back_from_every_kind_of_file_that_has_a_place_for_it() {
    let preprocess = fitted(Normalize::Unit, Some(Rotation::Pca), Scale::Divide(9.0));
    let params = params(preprocess.outputs_of(6), 4);
    assert!(params.shape.visible < 6, "components are left out");
    let meta = meta(preprocess);
    let converted = Converted { params: Cow::Borrowed(&params), meta: Some(Cow::Borrowed(&meta)) };
    for kind in KINDS {
        let (_, found) = again(&converted, kind, Names::Own);
        let found = found.unwrap();
        assert_eq!(found, meta, "{kind:?}");
        assert_eq!(found.preprocess.transform(), meta.preprocess.transform(), "{kind:?}");
    }
    let (found, found_meta) = again(&converted, RowsKind::Safetensors, Names::Sequential);
    let left = Meta { preprocess: Preprocess::AS_IS, ..meta };
    assert_eq!((found, found_meta), (params, Some(left)));
}

#[test]
fn a_folded_model_does_to_values_what_it_did_to_preprocessed_ones() {
    let linear = |x: &[f64], w: &[f32], b: &[f32]| -> Vec<f64> {
        let rows = w.chunks(x.len()).zip(b);
        rows.map(|(row, b)| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>() + f64::from(*b))
            .collect()
    };
    let output = |codes: &[f64], params: &Params<f32>| {
        linear(codes, &transposed(&params.d, params.shape.visible), &params.b2)
    };
    for (normalize, whitening) in [
        (Normalize::None, None),
        (Normalize::Unit, None),
        (Normalize::MinMax, None),
        (Normalize::Standard, None),
        (Normalize::Mean, Some(Rotation::Zca)),
        (Normalize::Unit, Some(Rotation::Zca)),
        (Normalize::None, Some(Rotation::Pca)),
    ] {
        let preprocess = fitted(normalize, whitening, Scale::Divide(20.0));
        let visible = preprocess.outputs_of(6);
        let params = params(visible, 4);
        let (folded, left) = fold(&params, &preprocess, Activation::Linear).unwrap();
        assert_eq!(left, Preprocess::AS_IS, "{normalize:?} {whitening:?}");
        assert!(!steps(&preprocess).is_empty() && steps(&left).is_empty());
        let examples = Source::Rows(rows()).apply::<f64>(&preprocess).unwrap().matrix;
        for (i, x) in rows().values.chunks(6).enumerate() {
            let (codes, of_folded) =
                (linear(examples.row(i), &params.w1, &params.b1), linear(x, &folded.w1, &folded.b1));
            let codes_of_f32: Vec<f32> = output(&codes, &params).into_iter().map(|x| x as f32).collect();
            let wanted = preprocess.restore(codes_of_f32, &[]);
            let found = output(&codes, &folded);
            for (code, folded) in codes.iter().zip(&of_folded) {
                assert!(
                    (code - folded).abs() < 2e-5,
                    "{normalize:?} {whitening:?}: {folded} instead of {code}"
                );
            }
            for (wanted, found) in wanted.iter().zip(&found) {
                assert!(
                    (f64::from(*wanted) - found).abs() < 2e-3,
                    "{normalize:?} {whitening:?}: {found} instead of {wanted}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_affine_is_not_folded() {
    let params = params(6, 2);
    let refused = |preprocess: &Preprocess, output, word: &str| {
        let why = fold(&params, preprocess, output).unwrap_err();
        assert!(why.contains(word), "{why}");
    };
    let unit = fitted(Normalize::Unit, None, Scale::AsIs);
    refused(&unit, Activation::Sigmoid, "its output layer is sigmoid");
    refused(&fitted(Normalize::Lecture, None, Scale::AsIs), Activation::Linear, "lecture clips");
    refused(&Preprocess { whiten: true, ..Preprocess::AS_IS }, Activation::Linear, "whole pictures");
    refused(&Preprocess { limits: None, ..unit }, Activation::Linear, "are missing");
}

#[test]
fn every_step_of_a_preprocessing_is_told() {
    let lecture = Preprocess { whiten: true, ..fitted(Normalize::Lecture, None, Scale::Divide(20.0)) };
    let told = steps(&lecture).join("; ");
    for word in [
        "Olshausen",
        "divided by 20",
        "mean taken from each example",
        "clipped to and mapped from",
        "[0.1, 0.9]",
    ] {
        assert!(told.contains(word), "no {word} in: {told}");
    }
    let whitened = steps(&fitted(Normalize::Standard, Some(Rotation::Zca), Scale::AsIs)).join("; ");
    assert_eq!(whitened, "each column shifted and divided (standard); ZCA whitening with epsilon 0.1");
}

#[test]
fn parameters_that_a_file_of_matlab_cannot_hold_are_refused() {
    let refusal = |kind| arrays_refusal(kind, 1 << 28);
    assert!(refusal(RowsKind::Mat).unwrap().contains("less than 2 GiB; write .npz"));
    assert_eq!(refusal(RowsKind::Npz), None);
}
