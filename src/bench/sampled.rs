//! Validation of a step of any size: a seeded sample of its codes, outputs and updated parameters in f64 on the host,
//! within the bounds that [`crate::verify::running_error`] derives.
//!
//! A sampled gradient needs the activations of every example, and in f64 they would take longer than the benchmark.
//! So they are taken from the engine: each lies within a bound of the truth, by the Cauchy–Schwarz inequality for the
//! sums of a layer, and that bound goes into everything that follows from it.

use super::contender::Problem;
use crate::engine::{Engine, Rows, Step, Update};
use crate::math::objective::{Activation, Cost, Objective};
use crate::math::params::{Matrix, Params};
use crate::math::random::Stream;
use crate::math::transpose::Transpose;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::rig::Failure;
use crate::verify::running_error::kernels::{
    bias_activation, column_mean, hidden_delta, output_delta, penalty_grad, product, sgd, weight_gradient,
};
use crate::verify::running_error::{Approx, exact, sum_error};

/// Indices drawn of each kind: 64 codes, 64 outputs, 64 weights of each matrix.
const SIDE: usize = 8;
/// Numbers of a layer held with their bounds at a time.
const PIECE: usize = 1 << 22;
/// η of the update that is checked: so large that an error of the gradient is not lost in the rounding of the weights.
const RATE: f64 = 16.0;
const MOMENTUM: f64 = 0.9;

/// Distinct indices below `count` in order, the first and the last among them.
pub fn indices(stream: &mut Stream, count: usize, wanted: usize) -> Vec<usize> {
    let mut drawn = vec![0, count - 1];
    drawn.extend((2..wanted).map(|_| stream.below(count as u64) as usize));
    drawn.sort_unstable();
    drawn.dedup();
    drawn
}

/// Checks the engine of a problem, which has not been updated yet and is left as it was.
///
/// # Errors
/// [`Failure::Wrong`] with what is off by how much.
pub fn check(engine: &mut dyn Engine, problem: &Problem, seed: u64) -> Result<Closeness, Failure> {
    let sample = Sample::new(problem, seed);
    let mut collected = Collected::default();
    let (n, h, m) = (problem.size.n, problem.size.h, problem.size.m);
    let rows_at_once = (PIECE / n.max(h)).clamp(1, m);
    let mut worst = Closeness::default();
    for first in (0..m).step_by(rows_at_once) {
        let count = rows_at_once.min(m - first);
        let layers = (engine.encode(first, count)?, engine.reconstruct(first, count)?);
        worst = worst.worse(sample.check_layers(&layers, first)?);
        sample.collect(&layers, first, &mut collected);
    }
    let update = Update::Sgd { lr: RATE, momentum: MOMENTUM };
    let beta = problem.objective.beta;
    let cost = engine.step(&Step { rows: Rows::All, update, beta, report: true })?;
    let cost = cost.ok_or_else(|| Failure::Wrong("no cost was reported".to_owned()))?;
    let after = engine.params()?;
    engine.set_params(&problem.start.0)?;
    Ok(worst.worse(sample.check_update(&collected, &cost, &after)?))
}

/// What is looked at, and what bounds the sums of the layers.
struct Sample<'a> {
    objective: &'a Objective,
    params: &'a Params<f32>,
    data: &'a Matrix<f32>,
    rows: Vec<usize>,
    hidden: Vec<usize>,
    visible: Vec<usize>,
    /// ‖w‖ of each hidden unit's row of W1, and ‖d‖ and Σ|d| of each column of D.
    encoder: Vec<f64>,
    decoder: Vec<f64>,
    decoder_sum: Vec<f64>,
}

/// The sampled columns over all rows.
#[derive(Default)]
struct Collected {
    /// A2 `[m, hidden]`.
    a2: Vec<Approx>,
    /// δ3 Dᵀ `[m, hidden]`.
    error: Vec<Approx>,
    /// δ3 `[m, visible]`.
    delta3: Vec<Approx>,
    /// X `[m, visible]`.
    x: Vec<Approx>,
}

impl<'a> Sample<'a> {
    fn new(problem: &'a Problem, seed: u64) -> Self {
        let (params, data) = &problem.start;
        let (n, h) = (problem.size.n, problem.size.h);
        let mut stream = Stream::new(seed, "bench sample");
        let (mut squares, mut decoder_sum) = (vec![0.0; n], vec![0.0; n]);
        for row in params.d.chunks_exact(n) {
            for ((square, sum), &d) in squares.iter_mut().zip(&mut decoder_sum).zip(row) {
                *square += f64::from(d).powi(2);
                *sum += f64::from(d).abs();
            }
        }
        Self {
            objective: &problem.objective,
            params,
            data,
            rows: indices(&mut stream, data.rows, SIDE),
            hidden: indices(&mut stream, h, SIDE),
            visible: indices(&mut stream, n, SIDE),
            encoder: params.w1.chunks_exact(n).map(norm).collect(),
            decoder: squares.into_iter().map(f64::sqrt).collect(),
            decoder_sum,
        }
    }

    /// The sampled codes and outputs among the rows from `first` on.
    fn check_layers(&self, layers: &(Vec<f32>, Vec<f32>), first: usize) -> Result<Closeness, Failure> {
        let (n, h) = (self.params.shape.visible, self.params.shape.hidden);
        let (codes, outputs) = layers;
        let end = first + codes.len() / h;
        let rows: Vec<usize> =
            self.rows.iter().filter(|&&row| row >= first && row < end).map(|row| row - first).collect();
        if rows.is_empty() {
            return Ok(Closeness::default());
        }
        let x = take_rows(&self.data.values[first * n..], n, &rows);
        let w1 = take_rows(&self.params.w1, n, &self.hidden);
        let z2 = product(Transpose::Nt, &x, &w1, rows.len(), self.hidden.len(), n);
        let b1 = take(&self.params.b1, &self.hidden);
        let expected = Expected::from(bias_activation(&z2, &b1, self.objective.activation));
        let worst = named("codes", expected.compare(&pick(codes, h, &rows, &self.hidden)))?;

        let a2: Vec<Approx> = rows.iter().flat_map(|&row| self.codes_around(codes, first, row)).collect();
        let d = take_columns(&self.params.d, n, &self.visible);
        let z3 = product(Transpose::Nn, &a2, &d, rows.len(), self.visible.len(), h);
        let b2 = take(&self.params.b2, &self.visible);
        let expected = Expected::from(bias_activation(&z3, &b2, self.objective.output));
        let outputs = named("outputs", expected.compare(&pick(outputs, n, &rows, &self.visible)))?;
        Ok(worst.worse(outputs))
    }

    /// The codes of a row, each with how far it may lie from those that another pass of the engine makes.
    fn codes_around(&self, codes: &[f32], first: usize, row: usize) -> Vec<Approx> {
        let (n, h) = (self.params.shape.visible, self.params.shape.hidden);
        let reach = norm(self.data.row(first + row));
        let error =
            |j: usize| sum_error(n, 2) * (reach * self.encoder[j] + f64::from(self.params.b1[j].abs()));
        let codes = codes[row * h..(row + 1) * h].iter().enumerate();
        codes.map(|(j, &a)| around(a, error(j), self.objective.activation)).collect()
    }

    /// The same of the outputs, from the codes.
    fn outputs_around(&self, outputs: &[f32], a2: &[Approx], row: usize) -> Vec<Approx> {
        let (n, h) = (self.params.shape.visible, self.params.shape.hidden);
        let reach = a2.iter().map(|a| a.reach().powi(2)).sum::<f64>().sqrt();
        let widest = a2.iter().map(|a| a.error).fold(0.0, f64::max);
        let error = |i: usize| {
            let sum = reach * self.decoder[i] + f64::from(self.params.b2[i].abs());
            sum_error(h, 2) * sum + widest * self.decoder_sum[i]
        };
        let outputs = outputs[row * n..(row + 1) * n].iter().enumerate();
        outputs.map(|(i, &a)| around(a, error(i), self.objective.output)).collect()
    }

    /// Adds the columns that the sampled gradients are sums over.
    fn collect(&self, (codes, outputs): &(Vec<f32>, Vec<f32>), first: usize, to: &mut Collected) {
        let n = self.params.shape.visible;
        let d = take_rows(&self.params.d, n, &self.hidden);
        for row in 0..outputs.len() / n {
            let x = exact(self.data.row(first + row));
            let a2 = self.codes_around(codes, first, row);
            let a3 = self.outputs_around(outputs, &a2, row);
            let delta3 = output_delta(&a3, &x, self.objective.output);
            to.error.extend(product(Transpose::Nt, &delta3, &d, 1, self.hidden.len(), n));
            to.a2.extend(self.hidden.iter().map(|&j| a2[j]));
            to.delta3.extend(self.visible.iter().map(|&i| delta3[i]));
            to.x.extend(self.visible.iter().map(|&i| x[i]));
        }
    }

    /// ρ̂ and the parameters after one update from rest.
    fn check_update(&self, on: &Collected, cost: &Cost, after: &Params<f32>) -> Result<Closeness, Failure> {
        let (m, n) = (self.data.rows, self.params.shape.visible);
        let (units, inputs) = (self.hidden.len(), self.visible.len());
        let mean = column_mean(&on.a2, units, m, None);
        let (rho_hat, slope) = penalty_grad(self.objective, &mean, None);
        let found: Vec<f64> = self.hidden.iter().map(|&j| cost.rho_hat[j]).collect();
        let mut worst = named("rho_hat", Expected::from(rho_hat).compare(&found))?;

        let delta2 = hidden_delta(&on.error, &slope, &on.a2, self.objective.activation);
        let of_weights = |a: &[Approx], b: &[Approx], w: &[f32]| {
            let w = exact(&pick(w, n, &self.hidden, &self.visible));
            let products = product(Transpose::Tn, a, b, units, inputs, m);
            let gradient = weight_gradient(&products, &w, m, self.objective.lambda, None);
            updated(&w, &gradient)
        };
        let of_bias = |delta: &[Approx], b: &[f32], at: &[usize]| {
            updated(&take(b, at), &column_mean(delta, at.len(), m, None))
        };
        let before = self.params;
        let checks = [
            ("W1", of_weights(&delta2, &on.x, &before.w1), pick(&after.w1, n, &self.hidden, &self.visible)),
            ("D", of_weights(&on.a2, &on.delta3, &before.d), pick(&after.d, n, &self.hidden, &self.visible)),
            ("b1", of_bias(&delta2, &before.b1, &self.hidden), chosen(&after.b1, &self.hidden)),
            ("b2", of_bias(&on.delta3, &before.b2, &self.visible), chosen(&after.b2, &self.visible)),
        ];
        for (name, expected, found) in checks {
            worst = worst.worse(named(&format!("updated {name}"), expected.compare(&found))?);
        }
        Ok(worst)
    }
}

/// An activation that an engine computed from a sum with an error, as another pass may compute it: both lie on their
/// side of the truth, hence twice.
fn around(a: f32, error_of_sum: f64, f: Activation) -> Approx {
    let a = f64::from(a);
    // Beyond these the activation no longer moves towards an end of its range.
    let (low, high) = f.range();
    let z = f.inverse(a);
    let z = if low.is_finite() { z.max(-110.0) } else { z };
    let z = if high.is_finite() { z.min(110.0) } else { z };
    Approx { value: a, error: 2.0 * Approx { value: z, error: error_of_sum }.activation(f).error }
}

fn updated(w: &[Approx], gradient: &[Approx]) -> Expected {
    let rest = vec![Approx::default(); w.len()];
    let [w, _] = sgd(w, &rest, gradient, RATE, MOMENTUM);
    w.into()
}

fn named<E: std::fmt::Display>(what: &str, result: Result<Closeness, E>) -> Result<Closeness, Failure> {
    result.map_err(|difference| Failure::Wrong(format!("{what}: {difference}")))
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

fn chosen(values: &[f32], at: &[usize]) -> Vec<f32> {
    at.iter().map(|&i| values[i]).collect()
}

fn take(values: &[f32], at: &[usize]) -> Vec<Approx> {
    exact(&chosen(values, at))
}

/// The elements of a matrix of `cols` columns at these rows and columns.
fn pick(values: &[f32], cols: usize, rows: &[usize], at: &[usize]) -> Vec<f32> {
    rows.iter().flat_map(|row| at.iter().map(move |i| values[row * cols + i])).collect()
}

fn take_rows(values: &[f32], cols: usize, rows: &[usize]) -> Vec<Approx> {
    rows.iter().flat_map(|row| exact(&values[row * cols..(row + 1) * cols])).collect()
}

fn take_columns(values: &[f32], cols: usize, at: &[usize]) -> Vec<Approx> {
    values.chunks_exact(cols).flat_map(|row| take(row, at)).collect()
}
