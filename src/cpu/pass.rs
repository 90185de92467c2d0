//! J and its gradient in f32 over panels of rows, in the order of the formulas. The products are faer's.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::model::Shape;
use crate::objective::{Activation, Cost, Objective};

/// Rows of a panel.
const PANEL: usize = 256;
/// Hidden units of a panel of a weight gradient.
const UNITS: usize = 16;

/// The tensors of a flat vector in the order of [`crate::model::Params::to_flat`].
struct Tensors<'a> {
    w1: &'a [f32],
    b1: &'a [f32],
    d: &'a [f32],
    b2: &'a [f32],
}

impl<'a> Tensors<'a> {
    fn of(shape: Shape, flat: &'a [f32]) -> Self {
        let weights = shape.visible * shape.hidden;
        let (w1, rest) = flat.split_at(weights);
        let (b1, rest) = rest.split_at(shape.hidden);
        let (d, b2) = rest.split_at(weights);
        Self { w1, b1, d, b2 }
    }
}

/// Activations of all rows, kept from step to step.
#[derive(Debug, Default)]
pub struct Work {
    /// A2, `[m, h]`.
    pub a2: Vec<f32>,
    /// A3, then δ3, `[m, n]`.
    pub a3: Vec<f32>,
    /// δ2, `[m, h]`.
    delta2: Vec<f32>,
}

/// A2 and A3 of the rows X `[m, n]`; returns the sums of A2's columns.
pub fn forward(objective: &Objective, shape: Shape, flat: &[f32], x: &[f32], work: &mut Work) -> Vec<f64> {
    let (n, h) = (shape.visible, shape.hidden);
    let m = x.len() / n;
    let p = Tensors::of(shape, flat);
    work.a2.resize(m * h, 0.0);
    work.a3.resize(m * n, 0.0);
    let panels =
        x.par_chunks(PANEL * n).zip(work.a2.par_chunks_mut(PANEL * h)).zip(work.a3.par_chunks_mut(PANEL * n));
    let sums: Vec<Vec<f64>> = panels
        .map(|((x, a2), a3)| {
            product(a2, x, n, p.w1, true, h);
            bias_activation(a2, p.b1, objective.activation);
            product(a3, a2, h, p.d, false, n);
            bias_activation(a3, p.b2, objective.output);
            column_sums(a2, h)
        })
        .collect();
    total(&sums, h)
}

/// J of the rows X from the activations in `work`, at `rho_hat`.
pub fn cost(
    objective: &Objective,
    shape: Shape,
    flat: &[f32],
    x: &[f32],
    work: &Work,
    rho_hat: Vec<f64>,
) -> Cost {
    let n = shape.visible;
    let errors: Vec<f64> = x
        .par_chunks(PANEL * n)
        .zip(work.a3.par_chunks(PANEL * n))
        .map(|(x, a3)| x.iter().zip(a3).map(|(x, a3)| f64::from(a3 - x).powi(2)).sum())
        .collect();
    let p = Tensors::of(shape, flat);
    let squares = |w: &[f32]| w.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>();
    Cost::from_sums(objective, x.len() / n, errors.iter().sum(), squares(p.w1) + squares(p.d), rho_hat)
}

/// ∇J into `gradient` (flat), from the activations in `work`, with the KL slope `slope` `[h]`. A3 becomes δ3.
pub fn gradient(
    objective: &Objective,
    shape: Shape,
    flat: &[f32],
    x: &[f32],
    work: &mut Work,
    slope: &[f32],
    gradient: &mut [f32],
) {
    let (n, h) = (shape.visible, shape.hidden);
    let m = x.len() / n;
    let p = Tensors::of(shape, flat);
    work.delta2.resize(m * h, 0.0);
    let panels = x.par_chunks(PANEL * n).zip(work.a2.par_chunks(PANEL * h));
    let panels = panels.zip(work.a3.par_chunks_mut(PANEL * n)).zip(work.delta2.par_chunks_mut(PANEL * h));
    let sums: Vec<(Vec<f64>, Vec<f64>)> = panels
        .map(|(((x, a2), a3), delta2)| {
            output_delta(a3, x, objective.output);
            product(delta2, a3, n, p.d, true, h);
            hidden_delta(delta2, slope, a2, objective.activation);
            (column_sums(delta2, h), column_sums(a3, n))
        })
        .collect();
    let (hidden, visible): (Vec<_>, Vec<_>) = sums.into_iter().unzip();

    let (w1, rest) = gradient.split_at_mut(n * h);
    let (b1, rest) = rest.split_at_mut(h);
    let (d, b2) = rest.split_at_mut(n * h);
    weight_gradient(w1, &work.delta2, h, x, n, p.w1, objective.lambda);
    weight_gradient(d, &work.a2, h, &work.a3, n, p.d, objective.lambda);
    mean(b1, &total(&hidden, h), m);
    mean(b2, &total(&visible, n), m);
}

/// C `[rows, cols]` = A `[rows, k]` · B, with B `[k, cols]`, or `[cols, k]` if transposed.
fn product(c: &mut [f32], a: &[f32], k: usize, b: &[f32], transposed: bool, cols: usize) {
    let rows = a.len() / k;
    let c = MatMut::from_row_major_slice_mut(c, rows, cols);
    let a = MatRef::from_row_major_slice(a, rows, k);
    let b = if transposed {
        MatRef::from_row_major_slice(b, cols, k).transpose()
    } else {
        MatRef::from_row_major_slice(b, k, cols)
    };
    matmul(c, Accum::Replace, a, b, 1.0, Par::Seq);
}

/// G = AᵀB/m + λW, panel by panel of hidden units: A `[m, h]`, B `[m, n]`.
fn weight_gradient(g: &mut [f32], a: &[f32], h: usize, b: &[f32], n: usize, w: &[f32], lambda: f64) {
    let m = a.len() / h;
    let a = MatRef::from_row_major_slice(a, m, h);
    let b = MatRef::from_row_major_slice(b, m, n);
    g.par_chunks_mut(UNITS * n).zip(w.par_chunks(UNITS * n)).enumerate().for_each(|(panel, (g, w))| {
        let units = g.len() / n;
        let columns = a.subcols(panel * UNITS, units);
        matmul(
            MatMut::from_row_major_slice_mut(&mut *g, units, n),
            Accum::Replace,
            columns.transpose(),
            b,
            1.0 / m as f32,
            Par::Seq,
        );
        for (g, w) in g.iter_mut().zip(w) {
            *g += lambda as f32 * w;
        }
    });
}

fn activation(z: f32, f: Activation) -> f32 {
    match f {
        Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Activation::Tanh => z.tanh(),
        Activation::Linear => z,
    }
}

fn activation_slope(a: f32, f: Activation) -> f32 {
    match f {
        Activation::Sigmoid => a * (1.0 - a),
        Activation::Tanh => 1.0 - a * a,
        Activation::Linear => 1.0,
    }
}

fn bias_activation(z: &mut [f32], bias: &[f32], f: Activation) {
    for row in z.chunks_exact_mut(bias.len()) {
        for (z, b) in row.iter_mut().zip(bias) {
            *z = activation(*z + b, f);
        }
    }
}

fn output_delta(a3: &mut [f32], x: &[f32], g: Activation) {
    for (a3, x) in a3.iter_mut().zip(x) {
        *a3 = (*a3 - x) * activation_slope(*a3, g);
    }
}

fn hidden_delta(error: &mut [f32], slope: &[f32], a2: &[f32], f: Activation) {
    let rows = error.chunks_exact_mut(slope.len()).zip(a2.chunks_exact(slope.len()));
    for (error, a2) in rows {
        for ((error, s), a2) in error.iter_mut().zip(slope).zip(a2) {
            *error = (*error + s) * activation_slope(*a2, f);
        }
    }
}

/// Sums down the columns, in f64.
fn column_sums(a: &[f32], cols: usize) -> Vec<f64> {
    let mut sums = vec![0.0; cols];
    for row in a.chunks_exact(cols) {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
    }
    sums
}

/// The panels' sums added up in order.
fn total(panels: &[Vec<f64>], cols: usize) -> Vec<f64> {
    let mut total = vec![0.0; cols];
    for panel in panels {
        total.iter_mut().zip(panel).for_each(|(total, sum)| *total += sum);
    }
    total
}

fn mean(out: &mut [f32], sums: &[f64], rows: usize) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = (sum / rows as f64) as f32;
    }
}
