//! Activations over the whole range of f32.

use rhohat::engine::cpu::activation::{apply, sigmoid, tanh};
use rhohat::math::objective::Activation;

/// Largest error in units in the last place.
const ULPS: f64 = 4.0;

/// The distance of two neighbouring f32 around `x`, 2⁻¹⁴⁹ at least.
fn ulp(x: f64) -> f64 {
    let exponent = x.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor();
    (exponent - 23.0).exp2()
}

/// Every exponent, both signs, with many mantissas: the ends, and 4096 in between; denormals and zeros among them.
fn samples() -> impl Iterator<Item = f32> {
    let mantissas = (0..4096u32).map(|i| i * 2048 + i % 2048).chain([1, 2, 3, 0x7f_fffe, 0x7f_ffff]);
    mantissas.flat_map(|mantissa| {
        (0..255u32).flat_map(move |exponent| {
            [0, 1 << 31].map(|sign| f32::from_bits(sign | exponent << 23 | mantissa))
        })
    })
}

fn check(f: Activation) {
    let z: Vec<f32> = samples().collect();
    let mut a = z.clone();
    apply(&mut a, f);
    let mut worst = (0.0, 0.0f32);
    for (&z, &a) in z.iter().zip(&a) {
        let truth = f.apply(f64::from(z));
        let error = (f64::from(a) - truth).abs() / ulp(truth);
        assert!(error <= ULPS, "{}({z:e}) is {a:e}, expected {truth:e}: {error:.2} ulp", f.name());
        if error > worst.0 {
            worst = (error, z);
        }
    }
    println!("{}: {:.3} ulp at {:e}", f.name(), worst.0, worst.1);
}

#[test]
fn every_activation_is_within_4_ulp_over_the_whole_range() {
    Activation::ALL.into_iter().for_each(check);
}

#[test]
fn infinities_saturate_and_zeros_keep_their_sign() {
    assert_eq!([f32::NEG_INFINITY, 0.0, -0.0, f32::INFINITY].map(sigmoid), [0.0, 0.5, 0.5, 1.0]);
    assert_eq!([f32::NEG_INFINITY, f32::INFINITY].map(tanh), [-1.0, 1.0]);
    assert_eq!([0.0f32, -0.0].map(|z| tanh(z).to_bits()), [0.0f32, -0.0].map(f32::to_bits));
}

#[test]
fn nan_stays_nan() {
    for f in Activation::ALL {
        let mut z = [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::from_bits(0xffff_ffff)];
        apply(&mut z, f);
        assert!(z.iter().all(|a| a.is_nan()), "{}: {z:?}", f.name());
    }
}

#[test]
fn linear_changes_nothing() {
    let mut z = [1.5, -2.5, 1e30];
    apply(&mut z, Activation::Linear);
    assert_eq!(z, [1.5, -2.5, 1e30]);
}

#[test]
fn vectors_and_single_numbers_have_the_same_bits() {
    let z: Vec<f32> = samples().step_by(7).collect();
    for (f, single) in [(Activation::Sigmoid, sigmoid as fn(f32) -> f32), (Activation::Tanh, tanh)] {
        let mut a = z.clone();
        apply(&mut a, f);
        for (&z, a) in z.iter().zip(a) {
            assert_eq!(a.to_bits(), single(z).to_bits(), "{}({z:e})", f.name());
        }
    }
}
