//! Numbers that formulas are written over: f64, and those that carry a bound on their own rounding error.

use std::ops::{Add, Mul, Sub};

/// Most numbers of anything: more than any machine holds, and few enough for plans to add up bytes without care.
pub const MOST: usize = if usize::BITS > 52 { (1_u64 << 52) as usize } else { usize::MAX >> 4 };

/// A number of a formula.
pub trait Number: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// 1, which every kind of number holds exactly.
    fn one() -> Self;

    /// A setting that the host knows in f64.
    fn constant(value: f64) -> Self;

    /// Divided by another.
    fn over(self, divisor: Self) -> Self;

    /// Divided by a constant of the host's, of which devices take the reciprocal.
    fn per(self, divisor: f64) -> Self;

    /// The square root of a number that is not negative.
    fn sqrt(self) -> Self;
}

impl Number for f64 {
    fn one() -> Self {
        1.0
    }

    fn constant(value: f64) -> Self {
        value
    }

    fn over(self, divisor: Self) -> Self {
        self / divisor
    }

    fn per(self, divisor: f64) -> Self {
        self / divisor
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }
}
