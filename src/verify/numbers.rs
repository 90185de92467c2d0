//! Numbers for cases: small integers, on which products and sums are exact whatever their order, and reals.

use crate::math::random::Stream;

/// The kind of numbers that a case is run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// Integers from −2 to 2: sums of 10⁶ products stay below 2²⁴ and every engine has to meet them exactly.
    Integers,
    /// Reals in (−1, 1).
    Reals,
}

impl NumberKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Integers, Self::Reals];

    /// For the name of a case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integers => "integers",
            Self::Reals => "reals",
        }
    }
}

/// A seeded source of numbers for one case.
#[derive(Debug)]
pub struct CaseNumbers(Stream);

impl CaseNumbers {
    /// The numbers of the case `name`.
    pub fn new(seed: u64, name: &str) -> Self {
        Self(Stream::new(seed, name))
    }

    /// `count` numbers of a kind.
    pub fn draw(&mut self, kind: NumberKind, count: usize) -> Vec<f32> {
        match kind {
            NumberKind::Integers => (0..count).map(|_| self.0.below(5) as f32 - 2.0).collect(),
            NumberKind::Reals => self.between(-1.0, 1.0, count),
        }
    }

    /// `count` reals from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64, count: usize) -> Vec<f32> {
        (0..count).map(|_| (low + (high - low) * self.0.unit()) as f32).collect()
    }

    /// `count` reals from `low` to `high`, of which the first are `edges`.
    pub fn with_edges(&mut self, edges: &[f32], low: f64, high: f64, count: usize) -> Vec<f32> {
        let mut values = self.between(low, high, count);
        values.iter_mut().zip(edges).for_each(|(value, edge)| *value = *edge);
        values
    }

    /// `count` indices below `bound`.
    pub fn indices(&mut self, bound: usize, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.0.below(bound as u64) as u32).collect()
    }
}
