//! The comparer comes first: a check that cannot fail proves nothing.

use rhohat::verify::compare::{Difference, Expected, UNIT, gamma};

fn close(values: Vec<f64>) -> Expected {
    Expected::within(values, |_| 1e-6)
}

#[test]
fn equal_values_pass_with_no_error() {
    let closeness = Expected::exact(vec![0.0, -1.5, 3.0]).compare(&[0.0_f32, -1.5, 3.0]).unwrap();
    assert_eq!((closeness.error, closeness.share), (0.0, 0.0));
}

#[test]
fn nan_in_the_result_fails() {
    assert!(close(vec![1.0, 2.0]).compare(&[1.0_f32, f32::NAN]).is_err());
}

#[test]
fn nan_in_the_reference_fails() {
    assert!(close(vec![1.0, f64::NAN]).compare(&[1.0_f32, 2.0]).is_err());
}

#[test]
fn nan_on_both_sides_fails() {
    assert!(close(vec![f64::NAN]).compare(&[f32::NAN]).is_err());
}

#[test]
fn nan_as_a_bound_fails() {
    assert!(Expected::within(vec![1.0], |_| f64::NAN).compare(&[1.0_f32]).is_err());
}

#[test]
fn infinity_on_both_sides_fails() {
    assert!(close(vec![f64::INFINITY]).compare(&[f32::INFINITY]).is_err());
    assert!(Expected::within(vec![1.0], |_| f64::INFINITY).compare(&[f32::INFINITY]).is_err());
}

#[test]
fn an_error_where_zero_is_expected_fails() {
    assert!(Expected::exact(vec![0.0]).compare(&[1e-30_f32]).is_err());
    assert!(Expected::within(vec![0.0], |_| 0.0).compare(&[1e-30_f32]).is_err());
}

#[test]
fn one_wrong_element_in_a_million_fails_and_is_named() {
    let mut got = vec![0.25_f32; 1_000_000];
    got[765_432] = 0.250_01;
    let difference = close(vec![0.25; 1_000_000]).compare(&got).unwrap_err();
    assert!(matches!(difference, Difference::Element { index: 765_432, .. }), "{difference}");
}

#[test]
fn a_length_mismatch_fails_either_way() {
    assert_eq!(
        close(vec![1.0, 2.0]).compare(&[1.0_f32]).unwrap_err(),
        Difference::Length { got: 1, expected: 2 }
    );
    assert!(close(vec![1.0]).compare(&[1.0_f32, 2.0]).is_err());
    assert!(close(vec![]).compare(&[1.0_f32]).is_err());
}

#[test]
fn an_error_just_inside_passes_and_just_outside_fails() {
    let expected = Expected { values: vec![1.0], bounds: vec![1e-3] };
    assert!(expected.compare(&[1.000_999_f64]).is_ok());
    assert!(expected.compare(&[1.001_001_f64]).is_err());
}

#[test]
fn the_worst_share_of_the_bound_is_reported() {
    let expected = Expected { values: vec![1.0, 1.0], bounds: vec![0.5, 0.25] };
    let closeness = expected.compare(&[1.25_f64, 1.125]).unwrap();
    assert_eq!((closeness.error, closeness.share), (0.25, 0.5));
}

#[test]
fn a_difference_says_where_and_by_how_much() {
    let text = close(vec![0.5]).compare(&[0.75_f32]).unwrap_err().to_string();
    assert!(text.contains("element 0") && text.contains("7.5e-1") && text.contains("5e-1"), "{text}");
}

#[test]
fn gamma_bounds_a_sum_of_ones_and_grows_with_its_length() {
    assert_eq!(gamma(0), 0.0);
    assert!(gamma(1) >= UNIT && gamma(1000) > 1000.0 * UNIT && gamma(1000) < 1001.0 * UNIT);
}

#[test]
#[should_panic(expected = "no bound exists")]
fn gamma_refuses_sums_too_long_for_any_bound() {
    gamma(1 << 24);
}
