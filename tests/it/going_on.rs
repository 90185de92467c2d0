//! Runs in memory that are gone on with, as bytes in between; and rows that a program shares.

use std::sync::Arc;

use proptest::prelude::*;
use rhohat::{Data, Error, Model, Normalize, Optimizer, Schedule, Trained, Trainer, WhiteningKind};

const COLS: usize = 13;

/// Rows in [0.1, 0.9].
fn values(rows: usize) -> Vec<f32> {
    let number = |i: usize, j: usize| 0.5 + 0.4 * ((i * 7 + j) as f32 * 0.3 + (i % 5) as f32).sin();
    (0..rows).flat_map(|i| (0..COLS).map(move |j| number(i, j))).collect()
}

fn rows() -> Data {
    Data::share_rows(values(300), COLS).unwrap()
}

fn trainer(optimizer: Optimizer) -> Trainer {
    let trainer = Trainer::new(9).rho(0.1).optimizer(optimizer).device("cpu").threads(1).seed(3);
    match optimizer {
        Optimizer::Lbfgs => trainer,
        _ => trainer.schedule(Schedule::Constant).batch(64),
    }
}

fn same_bits(one: &Trained, other: &Trained) -> bool {
    one.model.params() == other.model.params() && one.summary.terms.j == other.summary.terms.j
}

/// The same run, as it comes out of its bytes.
fn again(trained: &Trained) -> Trained {
    Trained::from_bytes(&trained.to_bytes()).unwrap()
}

#[test]
fn shared_rows_are_learned_from_as_copied_ones_are_whatever_holds_them() {
    let copied =
        trainer(Optimizer::Lbfgs).steps(20).fit(&Data::from_rows(values(300), COLS).unwrap()).unwrap();
    let held: Arc<[f32]> = values(300).into();
    let double: Vec<f64> = values(300).into_iter().map(f64::from).collect();
    for data in [rows(), Data::share_rows(held, COLS).unwrap(), Data::share_rows(double, COLS).unwrap()] {
        let shared = trainer(Optimizer::Lbfgs).steps(20).fit(&data).unwrap();
        assert_eq!(shared.model.params(), copied.model.params());
        assert_eq!(shared.model.encode(&data).unwrap(), copied.model.encode(&data).unwrap());
    }
}

#[test]
fn shared_bytes_are_divided_as_those_of_a_file_are() {
    let bytes: Vec<u8> = values(200).iter().map(|x| (x * 255.0) as u8).collect();
    let numbers: Vec<f64> = bytes.iter().map(|&x| f64::from(x)).collect();
    let fit = |data: Data| trainer(Optimizer::Lbfgs).steps(10).fit(&data.divide(255.0).unwrap()).unwrap();
    let of_bytes = fit(Data::share_rows(bytes, COLS).unwrap());
    assert!(same_bits(&of_bytes, &fit(Data::share_rows(numbers, COLS).unwrap())));
}

#[test]
fn shared_rows_that_are_none_or_cut_or_not_finite_are_refused() {
    for (numbers, width, words) in [
        (vec![], 3, "at least one row"),
        (vec![1.0_f32], 0, "at least one column"),
        (vec![1.0; 7], 3, "7 numbers are no whole number of rows of 3"),
    ] {
        let error = Data::share_rows(numbers, width).unwrap_err();
        assert!(matches!(error, Error::Input { .. }) && error.to_string().contains(words), "{error}");
    }
    let mut numbers = values(300);
    numbers[4 * COLS + 2] = f32::NAN;
    let bad = Data::share_rows(numbers, COLS).unwrap();
    let error = trainer(Optimizer::Adam).fit(&bad).unwrap_err().to_string();
    assert!(error.starts_with("rows in memory: row 4, column 2 (counted from 0) holds NaN"), "{error}");
}

#[test]
fn a_run_that_goes_on_has_the_bits_of_one_without_a_break_also_out_of_its_bytes() {
    for optimizer in [Optimizer::Lbfgs, Optimizer::Adam, Optimizer::Sgd] {
        let whole = trainer(optimizer).steps(50).fit(&rows()).unwrap();
        let half = trainer(optimizer).steps(20).keep_state(true).fit(&rows()).unwrap();
        for half in [&again(&half), &half] {
            let rest = trainer(optimizer).go_on(half, 30).unwrap().fit(&rows()).unwrap();
            assert!(same_bits(&rest, &whole), "{optimizer:?}");
            assert_eq!(rest.summary.steps, 50);
            assert!(rest.has_state());
        }
    }
}

#[test]
fn preprocessing_that_was_fitted_stays_when_a_run_goes_on() {
    type Prepared = fn(Data) -> Data;
    let standard: Prepared = |data| data.normalize(Normalize::Standard);
    let zca: Prepared = |data| data.whitening(WhiteningKind::Zca);
    // Other rows, which other numbers would be fitted to.
    let wide =
        || Data::share_rows(values(100).iter().map(|x| 3.0 * x * x).collect::<Vec<_>>(), COLS).unwrap();
    for prepared in [standard, zca] {
        let first = trainer(Optimizer::Adam).steps(5).keep_state(false).fit(&prepared(rows())).unwrap();
        let frozen = trainer(Optimizer::Adam).lr(1e-30).go_on(&again(&first), 1).unwrap();
        let more = frozen.fit(&prepared(wide())).unwrap();
        assert_eq!(more.model.params(), first.model.params());
        assert_eq!(more.model.encode(&wide()).unwrap(), first.model.encode(&wide()).unwrap());
    }
}

#[test]
fn another_optimiser_goes_on_with_the_parameters_alone() {
    let first = trainer(Optimizer::Lbfgs).steps(30).keep_state(false).fit(&rows()).unwrap();
    let frozen = trainer(Optimizer::Adam).lr(1e-30).go_on(&first, 2).unwrap().fit(&rows()).unwrap();
    assert_eq!(frozen.model.params(), first.model.params());
    assert_eq!(frozen.summary.steps, 2);
}

#[test]
fn a_search_on_other_rows_begins_anew_from_the_parameters() {
    let first = trainer(Optimizer::Lbfgs).steps(30).keep_state(true).fit(&rows()).unwrap();
    let others = Data::share_rows(values(200), COLS).unwrap();
    let before = first.model.evaluate(&others).unwrap().terms.j;
    let more = trainer(Optimizer::Lbfgs).go_on(&first, 10).unwrap().fit(&others).unwrap();
    assert!(more.summary.terms.j < before && more.summary.steps == 40);
}

#[test]
fn a_run_that_cannot_go_on_says_why() {
    let stateless = trainer(Optimizer::Adam).steps(2).fit(&rows()).unwrap();
    let error = trainer(Optimizer::Adam).go_on(&stateless, 1).unwrap_err();
    assert!(error.to_string().contains("has kept no state"), "{error}");
    let first = trainer(Optimizer::Adam).steps(2).keep_state(false).fit(&rows()).unwrap();
    let wider = Trainer::new(10).device("cpu").go_on(&first, 1).unwrap();
    let error = wider.fit(&rows()).unwrap_err().to_string();
    assert!(error.starts_with("`hidden` 10: the run that is gone on with has 9"), "{error}");
    let other = Data::share_rows(vec![0.5_f32; 600], 6).unwrap();
    let error = trainer(Optimizer::Adam).go_on(&first, 1).unwrap().fit(&other).unwrap_err().to_string();
    assert!(error.contains("rows of 6 numbers, but the run has learned from rows of 13"), "{error}");
    assert!(Trainer::default().settings("rho = ").is_err());
    let unknown = Trainer::default().settings("{\"roh\": 0.1}").unwrap().fit(&rows()).unwrap_err();
    assert!(unknown.to_string().contains("roh"), "{unknown}");
}

#[test]
fn bytes_that_are_cut_anywhere_are_refused() {
    let bytes = trainer(Optimizer::Adam).steps(2).keep_state(false).fit(&rows()).unwrap().to_bytes();
    for length in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        assert!(matches!(Trained::from_bytes(&bytes[..length]), Err(Error::Input { .. })), "{length}");
    }
    let model = Trained::from_bytes(&bytes).unwrap().model.to_bytes();
    for length in (0..model.len()).step_by(7) {
        assert!(Model::from_bytes(&model[..length]).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn damaged_bytes_are_refused_or_read_and_never_more(
        flips in proptest::collection::vec((0.0..1.0_f64, 0_u8..8), 1..4)
    ) {
        static BYTES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            trainer(Optimizer::Lbfgs).steps(3).keep_state(true).fit(&rows()).unwrap().to_bytes()
        });
        let mut bytes = BYTES.clone();
        for (place, bit) in flips {
            let at = (place * bytes.len() as f64) as usize;
            bytes[at] ^= 1 << bit;
        }
        if let Ok(read) = Trained::from_bytes(&bytes) {
            prop_assert_eq!(read.model.shape().visible, COLS);
        }
    }
}
