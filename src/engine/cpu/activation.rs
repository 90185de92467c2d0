//! Activations in f32, at most 4 ulp from the exact value over the whole range, NaN staying NaN.
//!
//! One scalar function each, without branches, tables or library calls, that the compiler turns into vectors of
//! whatever width the processor has: [`pulp`] picks the instruction set at run time. Multiply-adds
//! are rounded alike wherever they run, so that the bits are those of the scalar function. Loops are compiled once for each
//! activation, by `for_activation`.

use std::f32::consts::LOG2_E;

use pulp::Simd;

use crate::math::multiply_add::{multiply_add, multiply_add_vectors};
use crate::math::objective::Activation;
use crate::math::simd::vectorize;

/// Added and taken away again, it rounds to the nearest integer: 1.5 · 2²³.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts: the first has zeros at its end, so that its product with a small integer is exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// (eʳ − 1 − r)/r² on |r| ≤ ½ ln 2, minimax: the error of eʳ − 1 is below 0.23 · 2⁻²⁴ of its value.
const SERIES: [f32; 5] = [0.5, 0.166_665_43, 0.041_666_28, 0.008_366_611, 0.001_394_649_7];
/// e⁻ᶻ is below half the smallest f32 from here on.
const EXP_END: f32 = 104.0;
/// tanh z rounds to 1 long before.
const TANH_END: f32 = 20.0;

/// An activation: its value as a function of one number, its slope as one of a vector.
pub(super) trait Function {
    /// a = f(z).
    fn value(z: f32) -> f32;

    /// f′ where f has the values `a`.
    fn slope<S: Simd>(simd: S, a: S::f32s) -> S::f32s;
}

/// See [`Activation::Sigmoid`].
pub(super) struct Sigmoid;

impl Function for Sigmoid {
    #[inline(always)]
    fn value(z: f32) -> f32 {
        sigmoid(z)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, a: S::f32s) -> S::f32s {
        simd.mul_f32s(a, simd.sub_f32s(simd.splat_f32s(1.0), a))
    }
}

/// See [`Activation::Tanh`].
pub(super) struct Tanh;

impl Function for Tanh {
    #[inline(always)]
    fn value(z: f32) -> f32 {
        tanh(z)
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, a: S::f32s) -> S::f32s {
        multiply_add_vectors(simd, a, simd.neg_f32s(a), simd.splat_f32s(1.0))
    }
}

/// See [`Activation::Linear`].
pub(super) struct Linear;

impl Function for Linear {
    #[inline(always)]
    fn value(z: f32) -> f32 {
        z
    }

    #[inline(always)]
    fn slope<S: Simd>(simd: S, _: S::f32s) -> S::f32s {
        simd.splat_f32s(1.0)
    }
}

/// Runs `$work` with `$Function` as the [`Function`] of the activation `$f`: the choice is made outside its loops.
macro_rules! for_activation {
    ($f:expr, $Function:ident => $work:expr) => {{
        use $crate::engine::cpu::activation as functions;
        match $f {
            Activation::Sigmoid => {
                type $Function = functions::Sigmoid;
                $work
            }
            Activation::Tanh => {
                type $Function = functions::Tanh;
                $work
            }
            Activation::Linear => {
                type $Function = functions::Linear;
                $work
            }
        }
    }};
}
pub(super) use for_activation;

/// a = f(z) of every number, in place.
pub fn apply(z: &mut [f32], f: Activation) {
    vectorize(
        #[inline(always)]
        || {
            for_activation!(f, F => for z in &mut *z {
                *z = F::value(*z);
            });
        },
    );
}

/// 1/(1 + e⁻ᶻ), from e = e^−|z| alone: 1/(1 + e) above zero, e/(1 + e) below, where 1/(1 + 1/e) would lose digits.
#[inline(always)]
pub fn sigmoid(z: f32) -> f32 {
    let (fraction, exponent) = reduced_exp(-at_most(z.abs(), EXP_END));
    // Two factors: 2^exponent goes down to 2⁻¹⁵⁰, which has no reciprocal in f32.
    let e = (1.0 + fraction) * power_of_2(exponent + 64.0) * power_of_2(-64.0);
    let numerator = if z < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// tanh z = −t/(2 + t) with t = e^−2|z| − 1, which keeps its digits near zero; the sign is z's.
#[inline(always)]
pub fn tanh(z: f32) -> f32 {
    let (fraction, exponent) = reduced_exp(-2.0 * at_most(z.abs(), TANH_END));
    let power = power_of_2(exponent);
    let t = multiply_add(fraction, power, power - 1.0);
    (-t / (2.0 + t)).copysign(z)
}

/// eˣ = (1 + fraction) · 2^exponent: x = r + exponent · ln 2, fraction = eʳ − 1.
#[inline(always)]
fn reduced_exp(x: f32) -> (f32, f32) {
    let exponent = round(x * LOG2_E);
    let r = multiply_add(-exponent, LN_2[1], multiply_add(-exponent, LN_2[0], x));
    let series = SERIES.iter().rev().fold(0.0, |sum: f32, &c| multiply_add(sum, r, c));
    (multiply_add(r * r, series, r), exponent)
}

/// The nearest integer, for numbers far below 2²².
#[inline(always)]
fn round(x: f32) -> f32 {
    (x + ROUND) - ROUND
}

/// 2^k for an integer k from −126 to 127, put together from its bits; any number for NaN.
#[inline(always)]
fn power_of_2(k: f32) -> f32 {
    // 2²³ + 127 + k holds the biased exponent in its lowest bits.
    f32::from_bits((k + (8_388_608.0 + 127.0)).to_bits() << 23)
}

/// The smaller of the two; NaN stays NaN, which `f32::min` would swallow.
#[inline(always)]
fn at_most(x: f32, limit: f32) -> f32 {
    if x > limit { limit } else { x }
}
