//! Running error analysis (Wilkinson): numbers that carry a bound on their own rounding error, so that the bound of a
//! whole computation follows from its formula instead of being chosen.
//!
//! The bounds cover WGSL as its specification has it, and the CPU engine, which is nowhere less exact. [`kernels`]
//! writes each kernel over such numbers, [`classes`] softmax, [`step`] and [`network`] whole passes.

pub mod classes;
pub mod kernels;
pub mod network;
pub mod step;

use std::ops::{Add, Mul, Sub};

use super::compare::{Expected, UNIT, gamma};
use crate::math::activation::Activation;
use crate::math::number::Number;

/// Relative error of one f32 operation on a device: WGSL leaves the direction of rounding open.
const ROUNDING: f64 = 2.0 * UNIT;
/// One unit in the last place, relative to the number at worst.
const ULP: f64 = 2.0 * UNIT;
/// WGSL's quotient.
const DIVISION: f64 = 2.5 * ULP;
/// WGSL's square root: 1 / inverseSqrt(x), which is exact to 2 ulp.
const SQUARE_ROOT: f64 = 2.0 * ULP + DIVISION;
/// 1 / (1 + e) apart from the error of e: a sum and a quotient on a device, 4 ulp of the whole on the CPU engine.
const LOGISTIC: f64 = 4.0 * ULP;
/// tanh on the CPU engine, which does not take it from the sigmoid.
const TANH: f64 = 4.0 * ULP;

/// WGSL's logarithm from a half to two: this much, whatever the result.
const LOG_NEAR_ONE: f64 = 1.0 / (1u32 << 21) as f64;
/// WGSL's logarithm elsewhere, relative to the result.
const LOG: f64 = 3.0 * ULP;

/// Relative error of WGSL's exponential of a number of this magnitude.
fn exp_error(magnitude: f64) -> f64 {
    (3.0 + 2.0 * magnitude) * ULP
}

/// Relative error of a sum of `terms` products in any order, with `more` operations on each term.
pub fn sum_error(terms: usize, more: usize) -> f64 {
    gamma(2 * (terms + more))
}

/// A number that f32 arithmetic meets within `error`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Approx {
    /// The result of exact arithmetic.
    pub value: f64,
    /// How far the computed number may lie from it.
    pub error: f64,
}

impl Approx {
    /// A number that the device holds exactly.
    pub fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// A constant that the host rounds to f32.
    pub fn rounded(value: f64) -> Self {
        Self { value, error: UNIT * value.abs() }
    }

    /// Largest magnitude that the computed number may have.
    pub fn reach(self) -> f64 {
        self.value.abs() + self.error
    }

    /// A computed result: `error` is what its operands bring, `relative` what the operation adds.
    fn computed(value: f64, error: f64, relative: f64) -> Self {
        // Results below the smallest normal number may be flushed to 0.
        Self { value, error: error + relative * (value.abs() + error) + f64::from(f32::MIN_POSITIVE) }
    }

    /// f(x) for a monotone f that is computed with the relative error `relative`.
    fn monotone(self, f: impl Fn(f64) -> f64, relative: f64) -> Self {
        let value = f(self.value);
        let ends = [f(self.value - self.error), f(self.value + self.error)];
        let spread = ends.iter().fold(0.0_f64, |widest, end| widest.max((end - value).abs()));
        Self::computed(value, spread, relative)
    }

    /// 1 / (1 + e⁻ᶻ), e⁻ᶻ being exact to (3 + 2|z|) ulp.
    pub fn sigmoid(self) -> Self {
        // Beyond 104 the exponential is 0 or infinite, and so is the result 1 or 0.
        let exp = exp_error(self.reach().min(104.0));
        let exp = exp / (1.0 - exp);
        let inactive = Activation::Sigmoid.apply(self.error - self.value);
        self.monotone(|z| Activation::Sigmoid.apply(z), inactive * exp + LOGISTIC)
    }

    /// f(z); tanh as the shaders compute it, 2·sigmoid(2z) − 1, or as the CPU engine does.
    pub fn activation(self, f: Activation) -> Self {
        match f {
            Activation::Linear => self,
            Activation::Sigmoid => self.sigmoid(),
            Activation::Tanh => {
                let twice = Self { value: 2.0 * self.value, error: 2.0 * self.error };
                let sigmoid = twice.sigmoid();
                let doubled = Self { value: 2.0 * sigmoid.value, error: 2.0 * sigmoid.error };
                let shader = doubled - Self::exact(1.0);
                let cpu = self.monotone(f64::tanh, TANH);
                Self { value: shader.value, error: shader.error.max(cpu.error) }
            }
        }
    }
}

impl Number for Approx {
    fn one() -> Self {
        Self::exact(1.0)
    }

    fn constant(value: f64) -> Self {
        Self::rounded(value)
    }

    /// For a divisor whose error is far smaller than itself.
    fn over(self, divisor: Self) -> Self {
        let least = divisor.value.abs() - divisor.error;
        assert!(least > 0.0, "a divisor of {} ± {} may be 0", divisor.value, divisor.error);
        let quotient = self.value / divisor.value;
        Self::computed(quotient, (self.error + quotient.abs() * divisor.error) / least, DIVISION)
    }

    fn per(self, divisor: f64) -> Self {
        self * Self::rounded(1.0 / divisor)
    }

    fn sqrt(self) -> Self {
        self.monotone(|x| x.max(0.0).sqrt(), SQUARE_ROOT)
    }
}

impl Add for Approx {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::computed(self.value + other.value, self.error + other.error, ROUNDING)
    }
}

impl Sub for Approx {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::computed(self.value - other.value, self.error + other.error, ROUNDING)
    }
}

impl Mul for Approx {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let error = self.reach() * other.reach() - self.value.abs() * other.value.abs();
        Self::computed(self.value * other.value, error.max(0.0), ROUNDING)
    }
}

/// The sum of `terms` in any order.
pub fn sum(terms: impl Iterator<Item = Approx>) -> Approx {
    let (mut count, mut total, mut reach) = (0, Approx::default(), 0.0);
    for term in terms {
        count += 1;
        total.value += term.value;
        total.error += term.error;
        reach += term.reach();
    }
    Approx { error: total.error + sum_error(count, 0) * reach, ..total }
}

/// Numbers that the device holds exactly.
pub fn exact(values: &[f32]) -> Vec<Approx> {
    values.iter().map(|&x| Approx::exact(f64::from(x))).collect()
}

impl From<Vec<Approx>> for Expected {
    fn from(numbers: Vec<Approx>) -> Self {
        assert!(numbers.iter().all(|x| x.error.is_finite()), "a bound that is not finite would let all pass");
        let values = numbers.iter().map(|x| x.value).collect();
        Self::within(values, |i| numbers[i].error)
    }
}
