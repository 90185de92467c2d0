//! The candidates of a race, the runner that checks and times them, and their results.

use std::fmt;

use crate::engine::gpu::device::Gpu;
use crate::engine::variant::Memory;
use crate::engine::variant::{Product, Variant};
use crate::error::Result;
use crate::math::transpose::Transpose;

/// A kernel for one product, reading from one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The product.
    pub transpose: Transpose,
    /// Its kernel.
    pub product: Product,
    /// Where it reads.
    pub memory: Memory,
}

impl Candidate {
    /// The kernel of a variant for a product.
    pub fn of(variant: Variant, transpose: Transpose) -> Self {
        Self { transpose, product: product_of(variant, transpose), memory: variant.memory }
    }

    /// Its kernel for all products.
    pub fn variant(self) -> Variant {
        Variant::of(self.product, self.memory)
    }

    /// Whether `variant` uses it.
    pub fn is_of(self, variant: Variant) -> bool {
        self.memory == variant.memory && self.product == product_of(variant, self.transpose)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transpose.name(), self.variant())
    }
}

fn product_of(variant: Variant, transpose: Transpose) -> Product {
    match transpose {
        Transpose::Nt => variant.nt,
        Transpose::Nn => variant.nn,
        Transpose::Tn => variant.tn,
    }
}

/// Why a candidate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It computes something else than the reference; says what differs.
    Wrong(String),
    /// The device refuses it, or has no room for its check; says why.
    Refused(String),
}

/// Compares a candidate with what it has to compute, on a device whose work is cut into so many hidden blocks. The checks of
/// `rhohat verify` are one.
pub type CandidateCheck = fn(&Gpu, Candidate, usize) -> Result<(), Fault>;

/// A candidate that was checked, and what came of it.
pub type Verdict = (Candidate, Result<(), Fault>);

/// Times and checks candidates.
pub trait Runner {
    /// Compiles a kernel for products of the present size.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn prepare(&mut self, candidate: Candidate) -> Result<(), Fault>;

    /// Compares a kernel with the reference.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn check(&mut self, candidate: Candidate) -> Result<(), Fault>;

    /// Seconds since the race began, everything counted.
    fn elapsed(&self) -> f64;

    /// Seconds that `count` products of the present size take in one submission, copies into textures included, and
    /// compilation not.
    ///
    /// # Errors
    /// Those of the device.
    fn time(&mut self, candidate: Candidate, count: usize) -> Result<f64>;

    /// Goes on to products of about `growth` times the work; how many times it is, or `None` at the whole.
    ///
    /// # Errors
    /// Those of the device.
    fn enlarge(&mut self, growth: f64) -> Result<Option<f64>>;
}

/// The end of a candidate.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// It was timed to the end.
    Final,
    /// It dropped out.
    Slow,
    /// It was found faulty; those that lose are not checked.
    Faulty(Fault),
    /// There was no time for it.
    Late,
}

/// The best time of a candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// The candidate.
    pub candidate: Candidate,
    /// Seconds for a product of the last size that it finished.
    pub seconds: Option<f64>,
    /// How it came out.
    pub status: Status,
}
