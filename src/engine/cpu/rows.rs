//! Epilogues: the work on a panel of rows right after a product has written it, while it is in the first-level cache: bias and
//! activation, deltas, and the sums over rows. What it makes of a panel's padding is read by nobody, except that of
//! the deltas, which becomes zero and so keeps the padding of the weights zero.
//!
//! Arithmetic between lines is written in vectors: of loops over sixteen numbers within a loop over rows the compiler makes
//! gathers and scatters, several times as slow. Activations are longer, and stay loops.

use pulp::Simd;

use super::activation::{Function, for_activation};
use super::buffer::{LINE, Line, Panels};
use super::matmul::Epilogue;
use super::simd::{vectors, vectors_mut};
use crate::math::objective::Activation;

/// Sums over the rows of a panel.
pub type LineSums = [f64; LINE];

/// A2 = f(Z2 + b1).
pub struct HiddenLayer<'a> {
    /// b1.
    pub bias: &'a [Line],
    /// f.
    pub activation: Activation,
    /// The rows are added to these, panel by panel.
    pub sums: &'a mut [LineSums],
}

impl Epilogue for HiddenLayer<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, panel: usize, z2: &mut [Line]) {
        activate(simd, z2, &self.bias[panel], self.activation);
        let mut sums = self.sums[panel];
        for line in z2 {
            add_row(&mut sums, line);
        }
        self.sums[panel] = sums;
    }
}

/// A3 = g(Z3 + b2), and what is wanted of it.
pub struct OutputLayer<'a> {
    /// X.
    pub x: Panels<'a>,
    /// Columns of X.
    pub visible: usize,
    /// b2.
    pub bias: &'a [Line],
    /// g.
    pub activation: Activation,
    /// Where Σ (A3 − X)² is wanted: it is added to this.
    pub error: Option<&'a mut f64>,
    /// Where δ3 = (A3 − X) ⊙ g′ is wanted in place of A3: its rows are added to these, panel by panel.
    pub delta_sums: Option<&'a mut [LineSums]>,
}

impl Epilogue for OutputLayer<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, panel: usize, z3: &mut [Line]) {
        let wide = LINE.min(self.visible - panel * LINE);
        activate(simd, z3, &self.bias[panel], self.activation);
        if let Some(error) = &mut self.error {
            **error += squared_error(z3, self.x.panel(panel), wide);
        }
        if let Some(sums) = &mut self.delta_sums {
            output_delta(simd, z3, self.x.panel(panel), wide, self.activation, &mut sums[panel]);
        }
    }
}

/// δ2 = (E + s) ⊙ f′ of the error E that has come back.
pub struct HiddenDelta<'a> {
    /// A2.
    pub a2: Panels<'a>,
    /// Columns of A2.
    pub units: usize,
    /// s.
    pub penalty_grad: &'a [Line],
    /// f.
    pub activation: Activation,
    /// The rows are added to these, panel by panel.
    pub sums: &'a mut [LineSums],
}

impl Epilogue for HiddenDelta<'_> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, panel: usize, error: &mut [Line]) {
        let kept = first_columns(LINE.min(self.units - panel * LINE));
        let (a2, s, mut sums) = (self.a2.panel(panel), &self.penalty_grad[panel], self.sums[panel]);
        for_activation!(self.activation, F => for (error, a2) in error.iter_mut().zip(a2) {
            let factors = vectors::<S>(a2).iter().zip(vectors::<S>(s)).zip(vectors::<S>(&kept));
            for (e, ((&a2, &s), &kept)) in vectors_mut::<S>(error).iter_mut().zip(factors) {
                *e = simd.and_f32s(simd.mul_f32s(simd.add_f32s(*e, s), F::slope(simd, a2)), kept);
            }
            add_row(&mut sums, error);
        });
        self.sums[panel] = sums;
    }
}

/// a = f(z + b).
#[inline(always)]
fn activate<S: Simd>(simd: S, rows: &mut [Line], bias: &Line, f: Activation) {
    for_activation!(f, F => for line in rows {
        for (z, &b) in vectors_mut::<S>(line).iter_mut().zip(vectors::<S>(bias)) {
            *z = simd.add_f32s(*z, b);
        }
        for z in line {
            *z = F::value(*z);
        }
    });
}

/// δ3 = (A3 − X) ⊙ g′ in the first `wide` columns, in place; adds the rows to `sums`.
#[inline(always)]
fn output_delta<S: Simd>(
    simd: S,
    a3: &mut [Line],
    x: &[Line],
    wide: usize,
    g: Activation,
    sums: &mut LineSums,
) {
    let (kept, mut total) = (first_columns(wide), *sums);
    for_activation!(g, G => for (a3, x) in a3.iter_mut().zip(x) {
        let factors = vectors::<S>(x).iter().zip(vectors::<S>(&kept));
        for (a3, (&x, &kept)) in vectors_mut::<S>(a3).iter_mut().zip(factors) {
            *a3 = simd.and_f32s(simd.mul_f32s(simd.sub_f32s(*a3, x), G::slope(simd, *a3)), kept);
        }
        add_row(&mut total, a3);
    });
    *sums = total;
}

/// Σ (A3 − X)² of the first `wide` columns, a sum each.
#[inline(always)]
fn squared_error(a3: &[Line], x: &[Line], wide: usize) -> f64 {
    let mut sums = [0.0; LINE];
    for (a3, x) in a3.iter().zip(x) {
        for ((sum, a3), x) in sums.iter_mut().zip(a3).zip(x) {
            let difference = f64::from(a3 - x);
            *sum += difference * difference;
        }
    }
    sums[..wide].iter().sum()
}

#[inline(always)]
fn add_row(sums: &mut LineSums, row: &Line) {
    for (sum, &x) in sums.iter_mut().zip(row) {
        *sum += f64::from(x);
    }
}

/// All bits of the first `wide` columns, none of the others.
#[inline(always)]
fn first_columns(wide: usize) -> Line {
    std::array::from_fn(|col| f32::from_bits(if col < wide { u32::MAX } else { 0 }))
}
