//! The comparer: element by element against a reference, each with a bound of its own. `tests/it/comparer.rs` shows that it
//! fails where it must.

use std::fmt;

use crate::math::params::Real;

/// Unit roundoff of f32: no rounding moves a number by more than this share of it.
pub const UNIT: f64 = 1.0 / (1u32 << 24) as f64;

/// Higham's γ_k = ku/(1−ku): the relative error of `k` roundings in a row, and so of a sum of k+1 terms in any order.
pub fn gamma(k: usize) -> f64 {
    let ku = k as f64 * UNIT;
    assert!(ku < 1.0, "no bound exists for {k} roundings");
    ku / (1.0 - ku)
}

/// The reference's numbers, and how far a result may lie from each.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Reference values.
    pub values: Vec<f64>,
    /// Largest allowed error of each.
    pub bounds: Vec<f64>,
}

impl Expected {
    /// Every value to be met exactly.
    pub fn exact(values: Vec<f64>) -> Self {
        let bounds = vec![0.0; values.len()];
        Self { values, bounds }
    }

    /// Bounds computed value by value.
    pub fn within(values: Vec<f64>, bound: impl Fn(usize) -> f64) -> Self {
        // Results below the smallest normal number may be flushed to 0.
        let bounds = (0..values.len()).map(|i| bound(i) + f64::from(f32::MIN_POSITIVE)).collect();
        Self { values, bounds }
    }

    /// Passes if `got` has as many elements and each lies within its bound; NaN on either side never does.
    pub fn compare<T: Real>(&self, got: &[T]) -> Result<Closeness, Difference> {
        if got.len() != self.values.len() || self.bounds.len() != self.values.len() {
            return Err(Difference::Length { got: got.len(), expected: self.values.len() });
        }
        let mut worst = Closeness::default();
        for (index, (got, (&expected, &bound))) in
            got.iter().zip(self.values.iter().zip(&self.bounds)).enumerate()
        {
            let got = got.to_f64();
            let error = (got - expected).abs();
            // Written so that NaN fails: no comparison with NaN is true.
            let is_within = error <= bound && got.is_finite();
            if !is_within {
                return Err(Difference::Element { index, got, expected, bound });
            }
            worst.error = worst.error.max(error);
            if error > 0.0 {
                worst.share = worst.share.max(error / bound);
            }
        }
        Ok(worst)
    }
}

/// How close a passing result was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Closeness {
    /// Largest error.
    pub error: f64,
    /// Largest error as a share of its bound.
    pub share: f64,
}

impl Closeness {
    /// The worse of two.
    pub fn worse(self, other: Self) -> Self {
        Self { error: self.error.max(other.error), share: self.share.max(other.share) }
    }
}

/// Where a result failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// Another number of elements.
    Length {
        /// Elements of the result.
        got: usize,
        /// Elements of the reference.
        expected: usize,
    },
    /// The first element that is off.
    Element {
        /// Its index.
        index: usize,
        /// The result.
        got: f64,
        /// The reference.
        expected: f64,
        /// The bound.
        bound: f64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { got, expected } => write!(f, "{got} elements instead of {expected}"),
            Self::Element { index, got, expected, bound } => {
                write!(f, "element {index} is {got:e}, expected {expected:e} ± {bound:.1e}")
            }
        }
    }
}
