//! Starts: units at ρ and outputs at the mean of the data before the first step, whatever the width, on every engine.

use rhohat::engine::device::{Choice, Setup};
use rhohat::math::objective::{Activation, Objective, Penalty};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::math::random::Stream;
use rhohat::{Data, Optimizer, Start, Trainer};

use crate::resume::engines;

/// `rows` examples of `cols` numbers in [0.1, 0.9] about means that differ, of a few factors.
fn examples(rows: usize, cols: usize) -> Matrix<f64> {
    let mut stream = Stream::new(7, "examples");
    let factors: Vec<f64> = (0..6 * cols).map(|_| stream.unit() - 0.5).collect();
    let mut values = Vec::with_capacity(rows * cols);
    for _ in 0..rows {
        let strength: Vec<f64> = (0..6).map(|_| stream.unit() - 0.5).collect();
        for col in 0..cols {
            let mean = 0.3 + 0.4 * col as f64 / cols as f64;
            let sum: f64 = strength.iter().enumerate().map(|(k, s)| s * factors[k * cols + col]).sum();
            values.push((mean + 0.8 * sum).clamp(0.1, 0.9));
        }
    }
    Matrix::new(rows, cols, values)
}

/// Half the squared distance of an example from the mean of all.
fn of_the_mean(examples: &Matrix<f64>) -> f64 {
    let mean = |col: usize| {
        examples.values.iter().skip(col).step_by(examples.cols).sum::<f64>() / examples.rows as f64
    };
    let means: Vec<f64> = (0..examples.cols).map(mean).collect();
    let squares: f64 =
        examples.values.iter().zip(means.iter().cycle()).map(|(x, mean)| (x - mean).powi(2)).sum();
    squares / (2.0 * examples.rows as f64)
}

fn objective(activation: Activation, output: Activation, rho: f64) -> Objective {
    Objective { activation, output, penalty: Penalty { rho, ..Penalty::default() }, ..Objective::default() }
}

#[test]
fn from_data_every_unit_begins_at_rho_and_the_outputs_at_the_mean_on_every_engine() {
    let examples = examples(400, 12);
    let mean = of_the_mean(&examples);
    for (name, choice) in engines("starts") {
        for (f, g) in Activation::pairs() {
            for (hidden, rho) in [(5, 0.2), (40, 0.01), (300, 0.05)] {
                let objective = objective(f, g, rho);
                let drawn = Params::random(Shape { visible: 12, hidden }, 3);
                let start = (drawn.fitted_to(&examples, &objective, 4), examples.cast());
                let setup = Setup { objective, ..Setup::default() };
                let cost = choice.open(&setup, &start).unwrap().cost().unwrap();
                let case = format!("{name}, {f:?} to {g:?}, {hidden} units, rho {rho}");
                let off = cost.rho_hat.iter().map(|found| (found - rho).abs()).fold(0.0, f64::max);
                // Some rows of the sample are what the biases were fitted to: here all of them.
                assert!(off < 0.002 * rho + 1e-6, "{case}: a mean activation is off by {off}");
                // Few random rows add what they vary by.
                let most = if hidden < 96 { 1.5 } else { 1.0 };
                assert!(cost.reconstruction < most * mean, "{case}: {} for {mean}", cost.reconstruction);
            }
        }
    }
}

#[test]
fn a_wide_layer_begins_below_the_mean_where_rows_are_worth_their_decay_and_at_it_where_they_are_not() {
    let examples = examples(500, 12);
    let mean = of_the_mean(&examples);
    let total = |lambda: f64, output| {
        let objective = Objective { lambda, ..objective(Activation::Sigmoid, output, 0.05) };
        let drawn = Params::random(Shape { visible: 12, hidden: 2_000 }, 3);
        let start = (drawn.fitted_to(&examples, &objective, 4), examples.cast());
        let setup = Setup { objective, ..Setup::default() };
        let cost = Choice::Cpu.open(&setup, &start).unwrap().cost().unwrap();
        cost.total()
    };
    for output in [Activation::Linear, Activation::Sigmoid] {
        let [light, heavy] = [1e-6, 1.0].map(|lambda| total(lambda, output));
        assert!(light < 0.4 * mean, "{output:?}: {light} for {mean}");
        // The lecture's rows, which a decay of 1 makes dear.
        assert!((heavy - mean) > 1.0, "{output:?}: {heavy}");
    }
}

#[test]
fn rows_follow_the_directions_in_which_the_data_vary_and_no_two_are_alike() {
    let examples = examples(500, 12);
    let objective = objective(Activation::Sigmoid, Activation::Linear, 0.05);
    let fitted =
        |seed| Params::random(Shape { visible: 12, hidden: 600 }, 3).fitted_to(&examples, &objective, seed);
    let params = fitted(1);
    assert_eq!(params.w1, params.d);
    assert_ne!(params.w1, fitted(2).w1, "a seed decides them");
    let rows: Vec<&[f32]> = params.w1.chunks_exact(12).collect();
    let cosine = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let alike =
        (0..rows.len()).flat_map(|i| (0..i).map(move |k| (i, k))).map(|(i, k)| cosine(rows[i], rows[k]));
    assert!(alike.fold(0.0, f64::max) < 1.0 - 1e-6);
    // Six factors span the data, clamped ones nearly: rows of no direction would have half of their squares outside.
    let variance = |direction: &dyn Fn(usize) -> f64| {
        let along: Vec<f64> = examples
            .values
            .chunks_exact(12)
            .map(|row| row.iter().enumerate().map(|(i, x)| x * direction(i)).sum())
            .collect();
        let mean = along.iter().sum::<f64>() / along.len() as f64;
        along.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / along.len() as f64
    };
    let of_inputs: f64 = (0..12).map(|at| variance(&|i| f64::from(u8::from(i == at)))).sum::<f64>() / 12.0;
    let of_rows = rows.iter().map(|row| {
        let norm = row.iter().map(|w| f64::from(w * w)).sum::<f64>().sqrt();
        variance(&|i| f64::from(row[i]) / norm)
    });
    let of_rows = of_rows.sum::<f64>() / rows.len() as f64;
    assert!(of_rows > 1.8 * of_inputs, "variance along a row {of_rows}, along an input {of_inputs}");
}

#[test]
fn whitened_pictures_of_any_seed_begin_with_rows_that_explain_a_part_of_them() {
    for seed in 0..4 {
        let trainer = Trainer::new(200).optimizer(Optimizer::Adam).steps(0).seed(seed).device("cpu");
        let trained = trainer.fit(&Data::built_in().patches(8, 4_000)).unwrap();
        let explained = trained.summary.measures.and_then(|measures| measures.explained_variance).unwrap();
        assert!(explained > 0.15, "seed {seed}: {explained}");
    }
}

#[test]
fn data_without_any_spread_and_pixels_at_the_ends_of_the_range_have_a_start() {
    for value in [0.0, 1.0, 0.37] {
        let examples = Matrix::new(50, 3, vec![value; 150]);
        for hidden in [2, 60] {
            let objective = objective(Activation::Sigmoid, Activation::Sigmoid, 0.1);
            let params = Params::random(Shape { visible: 3, hidden }, 1).fitted_to(&examples, &objective, 2);
            assert_eq!(params.first_not_finite(), None, "{value}, {hidden}");
        }
    }
}

#[test]
fn the_start_is_the_same_for_every_number_of_threads() {
    let examples = examples(300, 9);
    let objective = objective(Activation::Tanh, Activation::Linear, 0.1);
    let fitted = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            Params::random(Shape { visible: 9, hidden: 150 }, 5).fitted_to(&examples, &objective, 6)
        })
    };
    assert_eq!(fitted(1), fitted(3));
}

/// 400 rows of 8 numbers.
fn rows() -> Data {
    let examples = examples(400, 8);
    Data::from_rows(examples.values.iter().map(|&x| x as f32).collect(), 8).unwrap()
}

#[test]
fn the_default_is_the_data_for_rows_and_the_lecture_for_its_experiment() {
    let first = |trainer: &Trainer, data: &Data| {
        let trained = trainer.clone().steps(0).device("cpu").fit(data).unwrap();
        trained.model.params().b1.clone()
    };
    let (own, built_in) = (rows(), Data::built_in().patches(4, 300));
    let trainer = Trainer::new(6);
    assert_ne!(first(&trainer, &own), [0.0; 6]);
    assert_eq!(first(&trainer, &built_in), [0.0; 6]);
    assert_eq!(first(&trainer.clone().start(Start::Lecture), &own), [0.0; 6]);
    assert_ne!(first(&trainer.clone().start(Start::Data), &built_in), [0.0; 6]);
    assert_ne!(first(&trainer.clone().optimizer(Optimizer::Adam), &built_in), [0.0; 6]);
}

#[test]
fn ten_steps_of_adam_at_the_default_rate_lower_j_at_any_width() {
    for hidden in [16, 512, 8_192] {
        for rho in [0.01, 0.05] {
            let trainer = Trainer::new(hidden).rho(rho).optimizer(Optimizer::Adam).full_batch().device("cpu");
            let [start, end] = [0, 10].map(|steps| {
                let trained = trainer.clone().steps(steps).fit(&rows()).unwrap();
                trained.summary.terms.j
            });
            assert!(end < start, "{hidden} units, rho {rho}: {start}, then {end}");
        }
    }
}
