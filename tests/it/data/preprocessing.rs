//! Whitening and normalisation, against NumPy, and the way back.

use proptest::prelude::*;
use rhohat::data::dtype::DType;
use rhohat::data::{DataRecipe, Normalize, Preprocess, Source, Table};

use super::{distance, fixture, pictures, plain, rows, untouched};

/// Rounding of a few dozen operations on numbers of size 1 in f64.
const F64_ROUNDING: f64 = 1e-14;

fn table(cols: usize, values: Vec<f64>) -> Source {
    Source::Rows(Table { rows: values.len() / cols, cols, dtype: DType::F64, values })
}

#[test]
fn whitening_is_the_filter_applied_to_the_discrete_fourier_transform() {
    let source = Source::open(&fixture("to_whiten.npy")).unwrap();
    // Patches of one pixel on a grid are the picture, line by line.
    let recipe = Preprocess { patch: Some(1), channels: Some(1), whiten: true, ..untouched(Normalize::None) };
    let white = source.apply::<f64>(&recipe).unwrap().matrix.values;
    assert!(distance(&white, &rows("whitened.npy").values) < F64_ROUNDING);
}

#[test]
fn whitening_treats_each_channel_by_itself() {
    let grey = pictures("to_whiten.npy").remove(0);
    let pixels = grey.pixels.iter().flat_map(|&x| [x, 0.5 - x, 2.0 * x]).collect();
    let source = Source::from(vec![rhohat::data::Picture { channels: 3, pixels, ..grey }]);
    let recipe = Preprocess { patch: Some(1), channels: Some(3), whiten: true, ..untouched(Normalize::None) };
    let white = source.apply::<f64>(&recipe).unwrap().matrix.values;
    let expected: Vec<f64> = rows("whitened.npy").values.iter().flat_map(|x| [*x, -x, 2.0 * x]).collect();
    assert!(distance(&white, &expected) < F64_ROUNDING);
}

#[test]
fn the_lectures_normalisation_is_numpys() {
    let examples = table_of("to_normalize.npy", Normalize::Lecture);
    assert!(distance(&examples.matrix.values, &rows("normalized_lecture.npy").values) < F64_ROUNDING);
}

#[test]
fn unit_normalisation_is_numpys() {
    let examples = table_of("to_normalize.npy", Normalize::Unit);
    assert!(distance(&examples.matrix.values, &rows("normalized_unit.npy").values) < F64_ROUNDING);
    assert!(examples.means.is_empty());
}

fn table_of(name: &str, normalize: Normalize) -> rhohat::data::Examples<f64> {
    let source = Source::open(&fixture(name)).unwrap();
    source.training_set(&DataRecipe { normalize, ..plain(8, 1) }).unwrap()
}

#[test]
fn no_normalisation_leaves_every_bit() {
    let values = vec![1.0 / 3.0, -1e30, 5e-324, 0.1];
    let source = table(2, values.clone());
    assert_eq!(source.training_set::<f64>(&plain(8, 1)).unwrap().matrix.values, values);
    assert_eq!(source.apply::<f64>(&untouched(Normalize::None)).unwrap().matrix.values, values);
}

#[test]
fn f32_examples_are_the_f64_ones_rounded_once() {
    let source = Source::open(&fixture("color.png")).unwrap();
    let recipe = DataRecipe { whiten: true, normalize: Normalize::Lecture, ..plain(4, 100) };
    let double = source.training_set::<f64>(&recipe).unwrap();
    let single = source.training_set::<f32>(&recipe).unwrap();
    assert_eq!(single.matrix, double.matrix.cast());
    assert_eq!(single.preprocess, double.preprocess);
}

#[test]
fn stored_limits_are_applied_to_new_data() {
    let trained = table(2, vec![0.0, 2.0, 4.0, 2.0]).training_set::<f64>(&unit()).unwrap().preprocess;
    assert_eq!(trained.limits, Some((0.0, 4.0)));
    let fresh = table(2, vec![1.0, 3.0]).apply::<f64>(&trained).unwrap();
    assert_eq!(fresh.matrix.values, [0.25, 0.75]);
    assert_eq!(fresh.preprocess, trained);
}

fn unit() -> DataRecipe {
    DataRecipe { normalize: Normalize::Unit, ..plain(8, 1) }
}

#[test]
fn new_data_beyond_the_limits_are_clipped_by_the_lecture_and_kept_by_unit() {
    let limits = Some((-1.0, 1.0));
    let apply = |normalize| {
        let preprocess = Preprocess { limits, ..untouched(normalize) };
        table(2, vec![-5.0, 5.0]).apply::<f64>(&preprocess).unwrap().matrix.values
    };
    assert_eq!(apply(Normalize::Lecture), [0.1, 0.9]);
    assert_eq!(apply(Normalize::Unit), [-2.0, 3.0]);
}

#[test]
fn a_model_without_limits_gets_those_of_the_data() {
    let examples = table(2, vec![0.0, 4.0]).apply::<f64>(&untouched(Normalize::Unit)).unwrap();
    assert_eq!(examples.preprocess.limits, Some((0.0, 4.0)));
}

#[test]
fn preprocessing_survives_json() {
    let preprocess = table_of("to_normalize.npy", Normalize::Lecture).preprocess;
    let text = serde_json::to_string(&preprocess).unwrap();
    assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), preprocess);
}

proptest! {
    /// Within the clipping, restoring gives the raw values back to f32's rounding; beyond it, the limit.
    #[test]
    fn restoring_undoes_the_normalisation(
        cols in 1usize..6,
        values in prop::collection::vec(-10.0f64..10.0, 30),
        lecture in any::<bool>(),
    ) {
        let normalize = if lecture { Normalize::Lecture } else { Normalize::Unit };
        let values = &values[..30 / cols * cols];
        let Ok(examples) = table(cols, values.to_vec()).training_set::<f32>(&DataRecipe { normalize, ..plain(1, 1) })
        else {
            // One number a row has no spread about its own mean.
            prop_assert!(lecture && cols == 1);
            return Ok(());
        };
        let restored = examples.preprocess.restore(examples.matrix.values, &examples.means);
        let (low, high) = examples.preprocess.limits.unwrap();
        for (i, (&raw, &restored)) in values.iter().zip(&restored).enumerate() {
            let mean = examples.means.get(i / cols).copied().unwrap_or(0.0);
            let expected = (raw - mean).clamp(low, high) + mean;
            // Half an ulp of a number below 1, stretched to the limits, and half an ulp of the result.
            let bound = ((high - low) / 0.8 + 20.0) * f64::powi(2.0, -24);
            let error = (f64::from(restored) - expected).abs();
            prop_assert!(error <= bound, "{} for {}", restored, expected);
        }
    }
}
