//! The fit of a column transform: statistics of the columns of examples that come piece by piece, in one pass, and the
//! principal components of their covariance.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par, Spec};

use super::columns::{Basis, ColumnTransform};
use super::normalize::Normalize;
use super::whitening::{Rotation, Whitening};
use crate::error::{DATA, Error, Result};
use crate::io::memory::Bytes;
use crate::math::product::Gram;

/// Most columns that are decorrelated.
pub const MOST_COLUMNS: usize = 8192;
/// Examples whose mean is taken from all of them before squares are summed up, so that few digits are lost.
const FIRST: usize = 256;

/// Sums over the columns of examples.
#[derive(Debug)]
pub struct ColumnStatistics {
    columns: usize,
    kind: Normalize,
    whitening: Option<Whitening>,
    /// Examples so far.
    rows: usize,
    /// The first examples, until there are enough of them.
    first: Vec<f64>,
    /// The mean of the first examples.
    origin: Vec<f64>,
    /// Σ (x − origin).
    sums: Vec<f64>,
    /// Σ (x − origin)².
    squares: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    /// Σ (x − origin)ᵀ(x − origin), where they are to be decorrelated.
    gram: Option<Gram>,
}

impl ColumnStatistics {
    /// For a normalisation of columns, and whitening, of examples of so many numbers.
    ///
    /// # Errors
    /// [`Error::Usage`] for more columns than can be decorrelated.
    pub fn new(kind: Normalize, whitening: Option<Whitening>, columns: usize) -> Result<Self> {
        if let Some(whitening) = whitening {
            check_columns(whitening, columns)?;
        }
        Ok(Self {
            columns,
            kind,
            whitening,
            rows: 0,
            first: Vec::new(),
            origin: Vec::new(),
            sums: vec![0.0; columns],
            squares: vec![0.0; columns],
            low: vec![f64::INFINITY; columns],
            high: vec![f64::NEG_INFINITY; columns],
            gram: whitening.map(|_| Gram::new(columns)),
        })
    }

    /// Goes on with more examples; how they are cut into pieces makes no difference.
    pub fn add(&mut self, values: &[f64]) {
        self.rows += values.len() / self.columns;
        let wanted = (FIRST * self.columns).saturating_sub(self.first.len());
        let (first, others) =
            values.split_at(if self.origin.is_empty() { wanted.min(values.len()) } else { 0 });
        self.first.extend_from_slice(first);
        if self.origin.is_empty() && self.first.len() == FIRST * self.columns {
            self.settle();
        }
        if !others.is_empty() {
            self.sum_up(others);
        }
    }

    /// Takes the mean of the first examples for the origin.
    fn settle(&mut self) {
        let first = std::mem::take(&mut self.first);
        let mut origin = vec![0.0; self.columns];
        let rows = first.chunks_exact(self.columns);
        let count = rows.len() as f64;
        rows.for_each(|row| origin.iter_mut().zip(row).for_each(|(mean, x)| *mean += x / count));
        self.origin = origin;
        self.sum_up(&first);
    }

    fn sum_up(&mut self, values: &[f64]) {
        let mut centred = values.to_vec();
        for row in centred.chunks_exact_mut(self.columns) {
            for (column, x) in row.iter_mut().enumerate() {
                self.low[column] = self.low[column].min(*x);
                self.high[column] = self.high[column].max(*x);
                *x -= self.origin[column];
                self.sums[column] += *x;
                self.squares[column] += *x * *x;
            }
        }
        if let Some(gram) = &mut self.gram {
            gram.add(&centred);
        }
    }

    /// The transform that the examples ask for; columns that do not vary stay 0.
    ///
    /// # Errors
    /// [`Error::Input`] where no column varies, and where ε leaves a component without variance.
    pub fn finish(mut self) -> Result<ColumnTransform> {
        if self.origin.is_empty() {
            self.settle();
        }
        let constant = (0..self.columns).filter(|&column| self.low[column] == self.high[column]).count();
        let what = match self.whitening {
            Some(whitening) => format!("`whitening` {}", whitening.kind.name()),
            None => format!("`normalize` {}", self.kind.name()),
        };
        if constant == self.columns && (self.whitening.is_some() || self.kind != Normalize::Mean) {
            let fact = format!("every example is the same, so {what} has no scale");
            return Err(Error::input(DATA, format!("{fact}; use `normalize` none")));
        }
        if constant > 0 && (self.whitening.is_some() || self.kind != Normalize::Mean) {
            let (are, columns) = (if constant == 1 { "is" } else { "are" }, self.columns);
            tracing::info!(
                "{constant} of {columns} columns {are} the same in every example, and 0 after {what}"
            );
        }
        let count = self.rows as f64;
        let moved: Vec<f64> = self.sums.iter().map(|sum| sum / count).collect();
        let mean = self.moved_origin(&moved);
        let scale = self.scale(&moved);
        let shift = match self.kind {
            Normalize::MinMax if self.whitening.is_none() => self.low.clone(),
            _ => mean,
        };
        let basis = match (self.whitening, self.gram.take()) {
            (Some(whitening), Some(gram)) => {
                let mut covariance = gram.into_matrix();
                for (row, line) in covariance.chunks_exact_mut(self.columns).enumerate() {
                    for (column, x) in line.iter_mut().enumerate() {
                        *x = (*x / count - moved[row] * moved[column]) / (scale[row] * scale[column]);
                    }
                }
                Some(principal_components(covariance, whitening)?)
            }
            _ => None,
        };
        Ok(ColumnTransform::new(shift, scale, basis))
    }

    /// The means; that of a column whose numbers are all the same is one of them.
    fn moved_origin(&self, moved: &[f64]) -> Vec<f64> {
        let mean = |column: usize| match self.low[column] == self.high[column] {
            true => self.low[column],
            false => self.origin[column] + moved[column],
        };
        (0..self.columns).map(mean).collect()
    }

    /// The divisors; 1 for columns that do not vary.
    fn scale(&self, moved: &[f64]) -> Vec<f64> {
        let of = |column: usize| {
            let scale = match self.kind {
                Normalize::MinMax => self.high[column] - self.low[column],
                Normalize::Standard => {
                    let square = self.squares[column] / self.rows as f64;
                    (square - moved[column] * moved[column]).max(0.0).sqrt()
                }
                _ => 1.0,
            };
            if self.low[column] < self.high[column] && scale > 0.0 { scale } else { 1.0 }
        };
        (0..self.columns).map(of).collect()
    }

    /// Bytes that a fit of so many columns takes at its peak.
    pub fn bytes(columns: usize, whitening: bool) -> u64 {
        let (n, few) = (columns as u64, 8 * 8 * columns as u64 + 2 * 8 * (FIRST * columns) as u64);
        // The covariance, a copy that is reduced to three diagonals, the components and two workspaces of their size.
        if whitening { few + Gram::bytes(columns).max(8 * n * n * 5) } else { few }
    }
}

/// Refuses more columns than can be decorrelated.
///
/// # Errors
/// [`Error::Usage`] with the way out.
pub fn check_columns(whitening: Whitening, columns: usize) -> Result<()> {
    if columns <= MOST_COLUMNS {
        return Ok(());
    }
    let (kind, gib) = (whitening.kind.name(), (8.0 * columns as f64 * columns as f64) / f64::from(1 << 30));
    let fact = format!(
        "`whitening` {kind}: examples of {columns} numbers have a covariance of {columns}×{columns} numbers, {gib:.1} GiB; \
         {MOST_COLUMNS} at most are decorrelated"
    );
    let remedy = "give a smaller `patch` or smaller pictures, or use `whitening` olshausen for pictures and `normalize` standard \
                  for rows";
    Err(Error::usage(format!("{fact}; {remedy}")))
}

/// The eigenvectors of a covariance `[n, n]`, largest variance first. One thread computes them, for the bits of the solver
/// depend on how many do.
fn principal_components(covariance: Vec<f64>, whitening: Whitening) -> Result<Basis> {
    let n = covariance.len().isqrt();
    let (mut vectors, mut values) = (Mat::<f64>::zeros(n, n), Diag::<f64>::zeros(n));
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    let mut workspace = MemBuffer::try_new(scratch).map_err(|_| {
        let fact = format!(
            "{} of memory for the eigenvectors of {n} columns are not to be had",
            Bytes(8 * (n * n) as u64)
        );
        Error::input(DATA, format!("{fact}; give smaller patches, or fewer columns"))
    })?;
    let solved = self_adjoint_evd(
        MatRef::from_row_major_slice(&covariance, n, n),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut workspace),
        Spec::default(),
    );
    drop((covariance, workspace));
    solved.map_err(|_| {
        Error::input(DATA, "the covariance has no eigenvectors in 64-bit numbers; scale the data")
    })?;
    let values = values.column_vector();
    let total: f64 = (0..n).map(|i| values[i].max(0.0)).sum();
    let mut kept = n;
    if let Some(share) = whitening.variance {
        let mut sum = 0.0;
        kept = 1
            + (0..n - 1)
                .take_while(|i| {
                    sum += values[n - 1 - i].max(0.0);
                    sum < share * total
                })
                .count();
    }
    let (mut components, mut variances) = (Vec::with_capacity(kept * n), Vec::with_capacity(kept));
    for number in (0..n).rev().take(kept) {
        let component = vectors.col(number);
        let largest =
            (0..n).fold(0, |most, i| if component[i].abs() > component[most].abs() { i } else { most });
        let sign = if component[largest] < 0.0 { -1.0 } else { 1.0 };
        components.extend((0..n).map(|i| sign * component[i]));
        variances.push(values[number].max(0.0));
    }
    let least = variances.last().copied().unwrap_or_default() + whitening.epsilon;
    if least <= total * f64::EPSILON {
        let flat = variances.iter().filter(|&&variance| variance <= total * f64::EPSILON).count();
        let fact = format!(
            "{flat} of {n} principal components have no variance, and `epsilon` {} adds none",
            whitening.epsilon
        );
        let remedy = match whitening.kind {
            Rotation::Pca => "give a larger `epsilon`, or `variance` 0.99 to leave them out",
            Rotation::Zca => "give a larger `epsilon`",
        };
        return Err(Error::input(DATA, format!("{fact}; {remedy}")));
    }
    Ok(Basis { components, variances, whitening })
}
