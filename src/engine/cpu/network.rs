//! Classifiers in f32 on the processor. Examples go through the network in pieces of 512 rows, on all threads; every piece
//! leaves a sum of losses and of gradients, which are added up in f64 in the order of the rows, so that the bits do not
//! depend on the number of threads. What is as long as the parameters (history of L-BFGS, moments) is f64 on the host: next to a pass over the
//! examples it costs nothing.

use std::sync::Arc;

use rayon::prelude::*;

use super::activation::apply;
use super::products::{nn, nt, tn};
use crate::engine::network::{Labelled, NetworkEngine, NetworkObjective, NetworkStep, cost_of_sums};
use crate::engine::search_vectors::{FlatEngine, SearchVectors};
use crate::engine::step::whole_rows;
use crate::engine::{Arrangement, Role, Rows, State, Update, VectorData};
use crate::error::Result;
use crate::math::activation::Activation;
use crate::math::network::{Network, NetworkShape, ranges};
use crate::math::objective::Cost;
use crate::math::optim::first_order::{adam, adam_corrections, sgd};
use crate::math::params::cast;

/// Rows of a piece, which one task computes: weights that are turned for a product serve so many, and their sums in f32 are no longer.
const PIECE: usize = 512;
/// Pieces whose gradients are held at a time.
const HELD: usize = 16;

/// The engine.
#[derive(Debug)]
pub struct NetworkCpu {
    objective: NetworkObjective,
    network: Network<f32>,
    data: Arc<Labelled<f32>>,
    moments: [Vec<f64>; 2],
    search: SearchVectors,
}

/// What a piece of the examples leaves.
struct PieceSums {
    losses: f64,
    /// Of J without decay, times m; flat.
    gradient: Vec<f32>,
}

impl NetworkCpu {
    /// Takes parameters and examples.
    pub fn new(
        objective: NetworkObjective,
        network: Network<f32>,
        data: impl Into<Arc<Labelled<f32>>>,
    ) -> Self {
        let zeros = vec![0.0; network.shape.parameters()];
        let data = data.into();
        Self { objective, network, data, moments: [zeros.clone(), zeros], search: SearchVectors::default() }
    }

    /// J and its gradient at `network` over examples.
    fn pass(&self, network: &Network<f32>, data: &Labelled<f32>) -> (Cost, Vec<f64>) {
        let (rows, cols) = (data.examples.rows, data.examples.cols);
        let mut losses = 0.0;
        let mut gradient = vec![0.0; network.shape.parameters()];
        let pieces: Vec<usize> = (0..rows).step_by(PIECE).collect();
        for held in pieces.chunks(HELD) {
            let of = |&first: &usize| {
                let end = (first + PIECE).min(rows);
                let x = &data.examples.values[first * cols..end * cols];
                piece(&self.objective, network, x, &data.labels[first..end])
            };
            let sums: Vec<PieceSums> = held.par_iter().map(of).collect();
            for PieceSums { losses: more, gradient: part } in sums {
                losses += more;
                gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(part));
            }
        }
        let m = rows as f64;
        gradient.iter_mut().for_each(|g| *g /= m);
        let mut squares = Vec::new();
        let lambdas = self.objective.decay.of_layers(&network.shape);
        for ((layer, lambda), (weights, _)) in network.layers.iter().zip(lambdas).zip(ranges(&network.shape))
        {
            let mut sum = 0.0;
            for (g, &w) in gradient[weights].iter_mut().zip(&layer.weight) {
                let w = f64::from(w);
                *g += lambda * w;
                sum += w * w;
            }
            squares.push(sum);
        }
        (cost_of_sums(&self.objective, &network.shape, rows, (losses, &squares)), gradient)
    }
}

/// Hidden activations from below, and the inputs of the softmax.
fn forward(objective: &NetworkObjective, network: &Network<f32>, x: &[f32], m: usize) -> Vec<Vec<f32>> {
    let mut values: Vec<Vec<f32>> = Vec::new();
    for (l, (inputs, outputs)) in network.shape.layers().enumerate() {
        let below = values.last().map_or(x, Vec::as_slice);
        let layer = &network.layers[l];
        let mut z = nt(below, &layer.weight, m, outputs, inputs);
        z.chunks_exact_mut(outputs)
            .for_each(|row| row.iter_mut().zip(&layer.bias).for_each(|(z, b)| *z += b));
        if let Some(&f) = objective.activations.get(l) {
            apply(&mut z, f);
        }
        values.push(z);
    }
    values
}

fn piece(objective: &NetworkObjective, network: &Network<f32>, x: &[f32], labels: &[usize]) -> PieceSums {
    let m = labels.len();
    let mut values = forward(objective, network, x, m);
    let mut delta = values.pop().expect("a network has a softmax layer");
    let classes = network.shape.classes;
    let mut losses = 0.0;
    for (row, &label) in delta.chunks_exact_mut(classes).zip(labels) {
        let of_label = f64::from(row[label]);
        losses += softmax(row) - of_label;
        row[label] -= 1.0;
    }
    let mut gradient = vec![0.0; network.shape.parameters()];
    for (l, (inputs, outputs)) in network.shape.layers().enumerate().rev() {
        let below = if l == 0 { x } else { &values[l - 1][..] };
        let (weights, biases) = ranges(&network.shape).swap_remove(l);
        gradient[weights].copy_from_slice(&tn(&delta, below, outputs, inputs, m));
        let sums = &mut gradient[biases];
        delta.chunks_exact(outputs).for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, d)| *sum += d));
        if l > 0 {
            let mut error = nn(&delta, &network.layers[l].weight, m, inputs, outputs);
            multiply_slopes(&mut error, below, objective.activations[l - 1]);
            delta = error;
        }
    }
    PieceSums { losses, gradient }
}

/// Z of a row becomes P, in f64; log Σ exp(Z).
fn softmax(row: &mut [f32]) -> f64 {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = row.iter().map(|&z| (f64::from(z) - f64::from(most)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    row.iter_mut().zip(powers).for_each(|(p, power)| *p = (power / sum) as f32);
    f64::from(most) + sum.ln()
}

/// error ← error ⊙ f′ for activations `a`.
fn multiply_slopes(error: &mut [f32], a: &[f32], f: Activation) {
    let pairs = error.iter_mut().zip(a);
    match f {
        Activation::Sigmoid => pairs.for_each(|(e, &a)| *e *= a * (1.0 - a)),
        Activation::Tanh => pairs.for_each(|(e, &a)| *e *= 1.0 - a * a),
        Activation::Linear => {}
    }
}

impl NetworkEngine for NetworkCpu {
    fn shape(&self) -> &NetworkShape {
        &self.network.shape
    }

    fn examples(&self) -> usize {
        self.data.examples.rows
    }

    fn adapter(&self) -> String {
        super::processor()
    }

    fn cost(&mut self) -> Result<Cost> {
        Ok(self.pass(&self.network, &self.data).0)
    }

    fn gradient(&mut self) -> Result<(Cost, Network<f64>)> {
        let (cost, gradient) = self.pass(&self.network, &self.data);
        Ok((cost, Network::from_flat(self.network.shape.clone(), &gradient)))
    }

    fn step(&mut self, step: &NetworkStep<'_>) -> Result<Option<Cost>> {
        let (cost, gradient) = match step.rows {
            Rows::All => self.pass(&self.network, &self.data),
            Rows::Listed(listed) => self.pass(&self.network, &self.data.listed(listed)?),
        };
        let mut w = self.flat();
        let [first, second] = &mut self.moments;
        let moments = first.iter_mut().zip(second);
        for ((w, (v, s)), g) in w.iter_mut().zip(moments).zip(gradient) {
            match step.update {
                Update::Sgd { lr, momentum } => [*w, *v] = sgd([*w, *v], g, lr, momentum),
                Update::Adam { lr, step } => [*w, *v, *s] = adam([*w, *v, *s], g, lr, adam_corrections(step)),
            }
        }
        self.put_flat(&w);
        Ok(step.report.then_some(cost))
    }

    fn probabilities(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        let (inputs, classes) = (self.network.shape.inputs, self.network.shape.classes);
        whole_rows(rows, inputs, "rows")?;
        let of_piece = |x: &[f32]| {
            let mut z =
                forward(&self.objective, &self.network, x, x.len() / inputs).pop().unwrap_or_default();
            z.chunks_exact_mut(classes).for_each(|row| {
                softmax(row);
            });
            z
        };
        Ok(rows.par_chunks(PIECE * inputs).flat_map_iter(of_piece).collect())
    }

    fn params(&mut self) -> Result<Network<f32>> {
        Ok(self.network.clone())
    }

    fn set_params(&mut self, params: &Network<f32>) -> Result<()> {
        self.network = params.clone();
        self.moments.iter_mut().for_each(|moment| moment.fill(0.0));
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>) -> Result<State<NetworkShape>> {
        let vector = |role| match role {
            Role::Params => VectorData::Single(self.network.to_flat()),
            Role::Moment(i) => VectorData::Double(self.moments[i].clone()),
            other => VectorData::Double(self.search.vector(other).to_vec()),
        };
        let vectors = Role::of_state(pairs).map(|role| (role, vector(role))).collect();
        Ok(State { shape: self.network.shape.clone(), order: Arrangement::Rows, vectors, average: None })
    }

    fn set_state(&mut self, state: &State<NetworkShape>) -> Result<()> {
        let kept = |role| state.numbers(role).map(VectorData::wide);
        let params = kept(Role::Params).expect("a state has parameters");
        self.put_flat(&params);
        self.moments = [0, 1].map(|i| kept(Role::Moment(i)).unwrap_or_else(|| vec![0.0; params.len()]));
        self.search = SearchVectors::restored(self.flat(), kept);
        Ok(())
    }
}

impl FlatEngine for NetworkCpu {
    fn flat(&self) -> Vec<f64> {
        cast(&self.network.to_flat())
    }

    fn put_flat(&mut self, flat: &[f64]) {
        self.network = Network::from_flat(self.network.shape.clone(), &cast(flat));
    }

    fn cost_and_gradient_at(&mut self, point: &[f64]) -> Result<(Cost, Vec<f64>)> {
        Ok(self.pass(&Network::from_flat(self.network.shape.clone(), &cast(point)), &self.data))
    }

    fn rounded(x: f64) -> f64 {
        f64::from(x as f32)
    }

    fn vectors(&mut self) -> &mut SearchVectors {
        &mut self.search
    }
}
