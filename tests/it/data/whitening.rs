//! Columns that are shifted, divided and decorrelated, and the way back.

use std::fs;

use proptest::prelude::*;
use rhohat::data::dtype::DType;
use rhohat::data::{
    ColumnStatistics, DataRecipe, Examples, Normalize, Preprocess, Rotation, RowSample, Source, Table,
    Whitening,
};

use rhohat::math::objective::Objective;
use rhohat::math::params::{Params, Shape};
use rhohat::run::model_file::{Meta, ModelFile, save};

use super::plain;

const ZCA: Whitening = Whitening { kind: Rotation::Zca, epsilon: 0.01, variance: None };
const PCA: Whitening = Whitening { kind: Rotation::Pca, ..ZCA };

/// Rows of `cols` numbers that depend on one another, and of which the first column does not vary.
fn correlated(rows: usize, cols: usize) -> Vec<f64> {
    let wave = |i: usize, period: f64| (i as f64 * period).sin();
    (0..rows * cols)
        .map(|i| {
            let (row, col) = (i / cols, i % cols);
            let shared = 3.0 * wave(row, 1.37) * wave(col, 0.61) + wave(row, 0.73) * wave(col, 1.9);
            if col == 0 { 0.7 } else { 5.0 + shared + 0.2 * wave(i * i % 10_007, 1.0) }
        })
        .collect()
}

fn examples(
    values: Vec<f64>,
    cols: usize,
    normalize: Normalize,
    whitening: Option<Whitening>,
) -> Examples<f64> {
    table(cols, values).training_set(&DataRecipe { normalize, whitening, ..plain(1, 1) }).unwrap()
}

/// Means of the columns, and their covariance divided by the number of rows.
fn statistics(values: &[f64], cols: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = values.len() as f64 / cols as f64;
    let of = |column: usize| values.iter().skip(column).step_by(cols);
    let means: Vec<f64> = (0..cols).map(|column| of(column).sum::<f64>() / rows).collect();
    let covariance = |a: usize, b: usize| {
        of(a).zip(of(b)).map(|(x, y)| (x - means[a]) * (y - means[b])).sum::<f64>() / rows
    };
    let all = (0..cols).flat_map(|a| (0..cols).map(move |b| (a, b))).map(|(a, b)| covariance(a, b)).collect();
    (means, all)
}

fn table(cols: usize, values: Vec<f64>) -> Source {
    Source::Rows(Table { rows: values.len() / cols, cols, dtype: DType::F64, values })
}

/// Refuses a NaN as it does what is too large.
fn assert_near(found: f64, wanted: f64, bound: f64, what: &str) {
    assert!((found - wanted).abs() <= bound, "{what}: {found} for {wanted}");
}

#[test]
fn components_have_the_variance_that_epsilon_leaves_them_and_none_in_common() {
    let (rows, cols) = (700, 9);
    let values = correlated(rows, cols);
    for whitening in [PCA, ZCA] {
        let made = examples(values.clone(), cols, Normalize::None, Some(whitening));
        let (means, covariance) = statistics(&made.matrix.values, cols);
        let basis = made.preprocess.transform().unwrap().basis.as_ref().unwrap();
        let left: Vec<f64> = basis.variances.iter().map(|variance| variance / (variance + 0.01)).collect();
        assert!(basis.variances.is_sorted_by(|a, b| a >= b));
        for i in 0..cols {
            assert_near(means[i], 0.0, 1e-10, "a mean");
            for j in 0..cols {
                // In the axes of the components; those of the columns are rotated back by U.
                let wanted: f64 = match whitening.kind {
                    Rotation::Pca if i == j => left[i],
                    Rotation::Pca => 0.0,
                    Rotation::Zca => {
                        let u = &basis.components;
                        (0..cols).map(|k| u[k * cols + i] * left[k] * u[k * cols + j]).sum()
                    }
                };
                assert_near(covariance[i * cols + j], wanted, 1e-9, "a covariance");
            }
        }
    }
}

#[test]
fn the_largest_number_of_every_component_is_positive() {
    let made = examples(correlated(300, 12), 12, Normalize::None, Some(PCA));
    for component in made.preprocess.transform().unwrap().basis.as_ref().unwrap().components.chunks_exact(12)
    {
        let largest = component.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
        assert!(largest > 0.0, "{component:?}");
        assert_near(component.iter().map(|x| x * x).sum(), 1.0, 1e-12, "a length");
    }
}

#[test]
fn zca_is_the_nearest_of_all_whitenings_and_keeps_what_epsilon_dwarfs() {
    // With an ε that dwarfs all variances, whitening is division by its root.
    let values = correlated(100, 5);
    let whitening = Whitening { epsilon: 1e8, ..ZCA };
    let made = examples(values.clone(), 5, Normalize::None, Some(whitening)).matrix.values;
    let (means, _) = statistics(&values, 5);
    for (i, (&found, raw)) in made.iter().zip(values).enumerate() {
        assert_near(found * 1e4, raw - means[i % 5], 1e-6, "a number");
    }
}

#[test]
fn components_kept_are_the_fewest_with_the_share_of_the_variance() {
    let values = correlated(500, 10);
    let all = examples(values.clone(), 10, Normalize::None, Some(PCA));
    let variances = all.preprocess.transform().unwrap().basis.as_ref().unwrap().variances.clone();
    let total: f64 = variances.iter().sum();
    for share in [0.1, 0.5, 0.9, 0.99, 0.999_999, 1.0] {
        let whitening = Whitening { variance: Some(share), ..PCA };
        let made = examples(values.clone(), 10, Normalize::None, Some(whitening));
        let kept = made.matrix.cols;
        let sum = |count: usize| variances[..count].iter().sum::<f64>() / total;
        assert!(sum(kept) >= share - 1e-12 && (kept == 1 || sum(kept - 1) < share), "{share}: {kept}");
        let columns = made.preprocess.columns.as_ref().unwrap();
        assert_eq!((columns.inputs, columns.outputs), (10, kept));
        assert_eq!(
            all.matrix.values.chunks_exact(10).map(|row| row[0]).collect::<Vec<_>>(),
            made.matrix.values.chunks_exact(kept).map(|row| row[0]).collect::<Vec<_>>()
        );
    }
}

#[test]
fn columns_are_brought_to_their_own_range_or_to_mean_zero_and_deviation_one() {
    let values = vec![1.0, 5.0, 7.0, 3.0, 5.0, 1.0, 2.0, 5.0, 4.0];
    let made = |normalize| examples(values.clone(), 3, normalize, None).matrix.values;
    assert_eq!(made(Normalize::MinMax), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.5, 0.0, 0.5]);
    assert_eq!(made(Normalize::Mean), [-1.0, 0.0, 3.0, 1.0, 0.0, -3.0, 0.0, 0.0, 0.0]);
    let deviation = [(2.0_f64 / 3.0).sqrt(), 6.0_f64.sqrt()];
    let wanted = [-1.0 / deviation[0], 0.0, 3.0 / deviation[1], 1.0 / deviation[0], 0.0, -3.0 / deviation[1]];
    for (found, wanted) in made(Normalize::Standard).iter().zip(wanted) {
        assert_near(*found, wanted, 1e-14, "a number");
    }
}

#[test]
fn numbers_far_from_zero_keep_their_digits() {
    // The square of the mean is 1e16 times the variance.
    let values: Vec<f64> = correlated(2_000, 4).into_iter().map(|x| 1e8 + x).collect();
    let near: Vec<f64> = values.iter().map(|x| x - 1e8).collect();
    for (normalize, whitening) in [(Normalize::Standard, None), (Normalize::None, Some(ZCA))] {
        let [far, near] =
            [&values, &near].map(|values| examples(values.clone(), 4, normalize, whitening).matrix.values);
        for (far, near) in far.iter().zip(near) {
            assert_near(*far, near, 1e-6, "a number");
        }
    }
}

#[test]
fn data_without_variance_and_components_without_it_are_refused_with_the_way_out() {
    let refused = |values: Vec<f64>, whitening| {
        let recipe = DataRecipe { whitening: Some(whitening), ..plain(1, 1) };
        let error = table(3, values).training_set::<f64>(&recipe).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        error.to_string()
    };
    let error = refused([0.1, 0.2, 0.3].repeat(50), ZCA);
    assert!(error.contains("every example is the same") && error.contains("`normalize` none"), "{error}");
    let dependent: Vec<f64> = (0..50).flat_map(|i| [f64::from(i), 2.0 * f64::from(i), 0.0]).collect();
    let error = refused(dependent.clone(), Whitening { epsilon: 0.0, ..PCA });
    assert!(
        error.contains("2 of 3 principal components have no variance") && error.contains("`variance`"),
        "{error}"
    );
    let kept = Whitening { epsilon: 0.0, variance: Some(0.99), ..PCA };
    assert_eq!(examples(dependent, 3, Normalize::None, Some(kept)).matrix.cols, 1);
    let most = ColumnStatistics::new(Normalize::None, Some(ZCA), 8193).unwrap_err();
    assert!(most.exit_code() == 2 && most.to_string().contains("8193×8193"), "{most}");
    assert!(ColumnStatistics::new(Normalize::Standard, None, 8193).is_ok());
}

#[test]
fn a_sample_of_rows_in_memory_and_on_disk_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.npy");
    let values: Vec<f32> = correlated(3_000, 7).into_iter().map(|x| x as f32).collect();
    rhohat::data::npy::write(&path, 3_000, 7, &values).unwrap();
    let Source::Stored(store) = Source::open_for_training(&path, None).unwrap() else {
        panic!("rows on disk")
    };
    let held =
        Table { rows: 3_000, cols: 7, dtype: DType::F32, values: values.iter().map(|&x| x.into()).collect() };
    for normalize in [Normalize::None, Normalize::Unit, Normalize::Lecture, Normalize::Standard] {
        for sample in [None, Some(RowSample { rows: 500, seed: 3 })] {
            let preprocess = Preprocess { normalize, whitening: Some(ZCA), ..Preprocess::AS_IS };
            let streamed = rhohat::data::stream::fit(&store, &preprocess, sample, &|_| {}).unwrap();
            let all = sample.unwrap_or(RowSample { rows: 3_000, seed: 0 });
            assert_eq!(held.fit(&preprocess, all).unwrap(), streamed);
            let transform = rhohat::data::stream::Transform::new(&store, &streamed);
            let rows = transform.in_double(&store, 0..3_000).unwrap();
            let source = Source::Rows(held.clone());
            assert_eq!(source.apply::<f64>(&streamed).unwrap().matrix.values, rows);
        }
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let values = correlated(900, 33);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| examples(values.clone(), 33, Normalize::None, Some(ZCA)).matrix.values)
    };
    let one = with(1);
    assert!(one == with(2) && one == with(5));
}

#[test]
fn a_model_file_holds_the_columns_that_fit_its_units_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let made = examples(correlated(200, 6), 6, Normalize::Standard, Some(PCA));
    let saved = |visible: usize| {
        let params = Params::<f32>::random(Shape { visible, hidden: 3 }, 1);
        let meta = Meta { objective: Objective::default(), preprocess: made.preprocess.clone(), seed: 0 };
        save(&path, &params, &meta).unwrap();
        ModelFile::open(&path)
    };
    let read = saved(6).unwrap().meta().unwrap().preprocess.clone();
    assert_eq!(read.transform(), made.preprocess.transform());
    let error = saved(5).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("columns of 6 numbers for 5 visible units"), "{error}");
}

proptest! {
    #[test]
    fn whitening_is_undone_where_all_components_are_kept(
        cols in 1_usize..12,
        rows in 30_usize..90,
        kind in prop::sample::select(vec![None, Some(Rotation::Pca), Some(Rotation::Zca)]),
        normalize in prop::sample::select(Normalize::ALL.to_vec()),
        seed in 0_u64..1000,
    ) {
        // What `lecture` clips is gone, and one number a row has no spread about its own mean.
        prop_assume!(normalize != Normalize::Lecture);
        let mut stream = rhohat::math::random::Stream::new(seed, "rows");
        let values: Vec<f64> = (0..rows * cols).map(|_| stream.below(1000) as f64 / 100.0).collect();
        let whitening = kind.map(|kind| Whitening { kind, epsilon: 0.01, variance: None });
        let made = examples(values.clone(), cols, normalize, whitening);
        let single = made.matrix.values.iter().map(|&x| x as f32).collect();
        let restored = made.preprocess.restore(single, &made.means);
        for (found, raw) in restored.into_iter().zip(values) {
            prop_assert!((f64::from(found) - raw).abs() <= 1e-4, "{} for {}", found, raw);
        }
    }

    #[test]
    fn weights_of_the_inputs_give_the_pre_activations_of_the_raw_values(
        kind in prop::sample::select(vec![Rotation::Pca, Rotation::Zca]),
        standard in any::<bool>(),
        share in 0.3_f64..1.0,
    ) {
        let cols = 6;
        let variance = (kind == Rotation::Pca).then_some(share);
        let normalize = if standard { Normalize::Standard } else { Normalize::None };
        let values = correlated(200, cols);
        let made = examples(values.clone(), cols, normalize, Some(Whitening { kind, epsilon: 0.1, variance }));
        let n = made.matrix.cols;
        let weights: Vec<f32> = (0..2 * n).map(|i| (i as f32 * 0.7).sin()).collect();
        let of_inputs = made.preprocess.weights_of_inputs(&weights);
        prop_assert_eq!(of_inputs.len(), 2 * cols);
        let shift = &made.preprocess.transform().unwrap().shift;
        for (example, raw) in made.matrix.values.chunks_exact(n).zip(values.chunks_exact(cols)).take(20) {
            for unit in 0..2 {
                let dot = |w: &[f32], x: &dyn Fn(usize) -> f64| -> f64 {
                    w.iter().enumerate().map(|(i, &w)| f64::from(w) * x(i)).sum()
                };
                let inner = dot(&weights[unit * n..][..n], &|i| example[i]);
                let outer = dot(&of_inputs[unit * cols..][..cols], &|i| raw[i] - shift[i]);
                prop_assert!((inner - outer).abs() <= 1e-4, "{} for {}", outer, inner);
            }
        }
    }
}
