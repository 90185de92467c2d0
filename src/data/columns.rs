//! What is done to the columns of examples: each is shifted and divided, and where whitening asks for it all are
//! decorrelated; and the way back. The numbers are fitted on the training set (`column_fit.rs`) and lie in the model's file.

use std::sync::OnceLock;

use xxhash_rust::xxh3::Xxh3;

use super::whitening::{Rotation, Whitening};
use crate::math::product::{Gram, Panels};

/// An affine map of examples: y = (x − shift) / scale, and z = M y where they are decorrelated.
#[derive(Debug)]
pub struct ColumnTransform {
    /// `[n]`, taken from each column first.
    pub shift: Vec<f64>,
    /// `[n]`, by which each is divided then.
    pub scale: Vec<f64>,
    /// The principal components of y.
    pub basis: Option<Basis>,
    forward: Option<Panels>,
    /// Made when somebody asks for the way back.
    inverse: OnceLock<Option<Panels>>,
}

/// Principal components, the one of the largest variance first.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// U `[k, n]`, orthonormal rows; in each the number of the largest absolute value is positive.
    pub components: Vec<f64>,
    /// λ `[k]`.
    pub variances: Vec<f64>,
    /// Which axes, and ε.
    pub whitening: Whitening,
}

/// A tensor of a transform, as it is saved.
#[derive(Debug)]
pub struct ColumnTensor<'a> {
    /// Its name.
    pub name: &'static str,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub values: &'a [f64],
}

/// Names of the tensors, behind `preprocess.` in a model's file.
pub const TENSORS: [&str; 4] =
    ["preprocess.shift", "preprocess.scale", "preprocess.components", "preprocess.variances"];

impl ColumnTransform {
    /// That of fitted numbers.
    pub fn new(shift: Vec<f64>, scale: Vec<f64>, basis: Option<Basis>) -> Self {
        let forward = basis.as_ref().map(Basis::forward);
        Self { shift, scale, basis, forward, inverse: OnceLock::new() }
    }

    /// Bytes that the numbers of so many columns take, and what they are multiplied by.
    pub fn bytes(inputs: usize, is_decorrelated: bool) -> u64 {
        let (n, few) = (inputs as u64, 16 * inputs as u64);
        if is_decorrelated { few + 16 * n * n } else { few }
    }

    /// n, the numbers of an example as the source has them.
    pub fn inputs(&self) -> usize {
        self.shift.len()
    }

    /// The numbers of an example afterwards.
    pub fn outputs(&self) -> usize {
        self.forward.as_ref().map_or(self.inputs(), Panels::columns)
    }

    /// Whether the numbers stand in the columns in which they came.
    pub fn keeps_columns(&self) -> bool {
        self.basis.as_ref().is_none_or(|basis| basis.whitening.kind == Rotation::Zca)
    }

    /// Rows `[m, n]` in their new form.
    pub fn apply(&self, mut rows: Vec<f64>) -> Vec<f64> {
        for row in rows.chunks_exact_mut(self.inputs()) {
            for ((x, shift), scale) in row.iter_mut().zip(&self.shift).zip(&self.scale) {
                *x = (*x - shift) / scale;
            }
        }
        match &self.forward {
            Some(forward) => forward.product(&rows),
            None => rows,
        }
    }

    /// Rows in their new form as they were; what components left out had is their mean.
    pub fn undo(&self, rows: Vec<f64>) -> Vec<f64> {
        let inverse = self.inverse.get_or_init(|| self.basis.as_ref().map(Basis::inverse));
        let mut rows = match inverse {
            Some(inverse) => inverse.product(&rows),
            None => rows,
        };
        for row in rows.chunks_exact_mut(self.inputs()) {
            for ((y, shift), scale) in row.iter_mut().zip(&self.shift).zip(&self.scale) {
                *y = *y * scale + shift;
            }
        }
        rows
    }

    /// The weights `[h, n]` by which x is multiplied for weights `[h, k]` of z: W M / scale.
    pub fn weights_of_inputs(&self, weights: Vec<f64>) -> Vec<f64> {
        let mut rows = match &self.basis {
            Some(basis) => basis.transposed_forward().product(&weights),
            None => weights,
        };
        for row in rows.chunks_exact_mut(self.inputs()) {
            row.iter_mut().zip(&self.scale).for_each(|(w, scale)| *w /= scale);
        }
        rows
    }

    /// The tensors, to be saved.
    pub fn tensors(&self) -> Vec<ColumnTensor<'_>> {
        let of = |name, shape, values| ColumnTensor { name, shape, values };
        let n = self.inputs();
        let [shift, scale, components, variances] = TENSORS;
        let mut tensors = vec![of(shift, vec![n], &self.shift[..]), of(scale, vec![n], &self.scale)];
        if let Some(Basis { components: u, variances: lambda, .. }) = &self.basis {
            tensors.push(of(components, vec![lambda.len(), n], u));
            tensors.push(of(variances, vec![lambda.len()], lambda));
        }
        tensors
    }

    /// The transform whose tensors `read` hands out by name, or says why it cannot; None for one that is not there.
    ///
    /// # Errors
    /// In words, where they are missing, do not go together, or hold numbers that no fit gives.
    pub fn from_tensors<E>(
        whitening: Option<Whitening>,
        mut read: impl FnMut(&str) -> Result<Option<Vec<f64>>, E>,
    ) -> Result<Result<Self, String>, E> {
        let [shift, scale, components, variances] = TENSORS;
        let (Some(shift), Some(scale)) = (read(shift)?, read(scale)?) else {
            return Ok(Err(format!("no tensors {shift} and {scale}")));
        };
        let basis = match whitening {
            Some(whitening) => {
                let (Some(components), Some(variances)) = (read(components)?, read(variances)?) else {
                    return Ok(Err(format!("no tensors {components} and {variances}")));
                };
                Some(Basis { components, variances, whitening })
            }
            None => None,
        };
        Ok(checked(&shift, &scale, basis.as_ref()).map(|()| Self::new(shift, scale, basis)))
    }

    /// XXH3 (128 bits) of all numbers, 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = Xxh3::new();
        for tensor in self.tensors() {
            tensor.values.iter().for_each(|x| hash.update(&x.to_bits().to_le_bytes()));
        }
        format!("{:032x}", hash.digest128())
    }
}

/// Refuses tensors that do not go together, and numbers that no fit gives.
fn checked(shift: &[f64], scale: &[f64], basis: Option<&Basis>) -> Result<(), String> {
    let (n, is_finite) = (shift.len(), |values: &[f64]| values.iter().all(|x| x.is_finite()));
    if n == 0 || scale.len() != n || !is_finite(shift) || !scale.iter().all(|&x| x > 0.0 && x.is_finite()) {
        return Err("its shifts and divisors do not go together".to_owned());
    }
    let Some(Basis { components, variances, whitening }) = basis else { return Ok(()) };
    let k = variances.len();
    let is_whole = (1..=n).contains(&k) && k.checked_mul(n) == Some(components.len());
    let is_possible = variances.iter().all(|&variance| variance >= 0.0 && variance + whitening.epsilon > 0.0);
    if is_whole && is_possible && is_finite(components) && is_finite(variances) {
        Ok(())
    } else {
        Err("its principal components do not go together".to_owned())
    }
}

impl PartialEq for ColumnTransform {
    fn eq(&self, other: &Self) -> bool {
        (&self.shift, &self.scale, &self.basis) == (&other.shift, &other.scale, &other.basis)
    }
}

impl Basis {
    fn inputs(&self) -> usize {
        self.components.len() / self.variances.len()
    }

    /// U with every row times what `factor` makes of its λ + ε.
    fn scaled(&self, factor: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut rows = self.components.clone();
        for (row, variance) in rows.chunks_exact_mut(self.inputs()).zip(&self.variances) {
            let factor = factor(variance + self.whitening.epsilon);
            row.iter_mut().for_each(|x| *x *= factor);
        }
        rows
    }

    /// Uᵀ diag(f²) U, of U with every row times f.
    fn symmetric(&self, f: impl Fn(f64) -> f64) -> Panels {
        let mut gram = Gram::new(self.inputs());
        gram.add(&self.scaled(f));
        Panels::of_rows(&gram.into_matrix(), self.inputs())
    }

    /// M: diag(1/√(λ + ε)) U, or Uᵀ in front of it.
    fn forward(&self) -> Panels {
        match self.whitening.kind {
            Rotation::Pca => Panels::of_rows(&self.scaled(|variance| 1.0 / variance.sqrt()), self.inputs()),
            Rotation::Zca => self.symmetric(|variance| 1.0 / variance.sqrt().sqrt()),
        }
    }

    /// Mᵀ.
    fn transposed_forward(&self) -> Panels {
        match self.whitening.kind {
            Rotation::Pca => self.transposed(|variance| 1.0 / variance.sqrt()),
            Rotation::Zca => self.forward(),
        }
    }

    /// The inverse of M, as far as components are kept: Uᵀ diag(√(λ + ε)), or U behind it.
    fn inverse(&self) -> Panels {
        match self.whitening.kind {
            Rotation::Pca => self.transposed(f64::sqrt),
            Rotation::Zca => self.symmetric(|variance| variance.sqrt().sqrt()),
        }
    }

    /// Uᵀ diag(f).
    fn transposed(&self, factor: impl Fn(f64) -> f64) -> Panels {
        let (rows, n) = (self.scaled(factor), self.inputs());
        let columns: Vec<f64> =
            (0..n).flat_map(|column| rows.iter().skip(column).step_by(n).copied()).collect();
        Panels::of_rows(&columns, self.variances.len())
    }
}
