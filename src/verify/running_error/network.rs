//! One pass of a classifier over numbers with error bounds, in the order of [`crate::engine::reference::network`].

use super::classes::{softmax, softmax_losses};
use super::kernels::{bias_activation, column_mean, dot, hidden_delta, product};
use super::{Approx, sum_error};
use crate::engine::network::NetworkObjective;
use crate::math::activation::Activation;
use crate::math::network::{NetworkShape, ranges};
use crate::math::transpose::Transpose;
use crate::verify::compare::Expected;

/// Least rows of a chunk: no engine cuts finer.
const CHUNK: usize = 8;

/// The results of one pass that an f32 engine may have.
#[derive(Clone, Debug)]
pub struct BoundedNetwork {
    /// Cross-entropy and decay of J.
    pub terms: [Approx; 2],
    /// ∇J in the order of [`crate::math::network::Network::to_flat`].
    pub gradient: Vec<Approx>,
}

/// A network as an engine holds it, possibly after updates that were rounded.
#[derive(Clone, Copy, Debug)]
pub struct ApproxNetwork<'a> {
    /// What it minimises.
    pub objective: &'a NetworkObjective,
    /// Its widths.
    pub shape: &'a NetworkShape,
    /// Its parameters, flat.
    pub flat: &'a [Approx],
}

impl<'a> ApproxNetwork<'a> {
    /// Weights and biases of a layer.
    fn layer(self, l: usize) -> (&'a [Approx], &'a [Approx]) {
        let (weight, bias) = ranges(self.shape).swap_remove(l);
        (&self.flat[weight], &self.flat[bias])
    }

    /// The activations of all layers for X `[m, n]`; Z in the place of those of the last.
    fn forward(self, x: &[Approx]) -> Vec<Vec<Approx>> {
        let m = x.len() / self.shape.inputs;
        let mut values: Vec<Vec<Approx>> = Vec::new();
        for (l, (inputs, outputs)) in self.shape.layers().enumerate() {
            let ((weight, bias), below) = (self.layer(l), values.last().map_or(x, Vec::as_slice));
            let z = product(Transpose::Nt, below, weight, m, outputs, inputs);
            let f = self.objective.activations.get(l).copied().unwrap_or(Activation::Linear);
            values.push(bias_activation(&z, bias, f));
        }
        values
    }

    /// P `[m, classes]`.
    pub fn probabilities(self, x: &[Approx]) -> Vec<Approx> {
        softmax(self.forward(x).last().expect("a network has a softmax layer"), self.shape.classes)
    }

    /// J and ∇J over X `[m, n]` with labels, whatever the chunks.
    pub fn cost_and_gradient(self, x: &[Approx], labels: &[usize]) -> BoundedNetwork {
        let m = labels.len();
        let mut values = self.forward(x);
        let z = values.pop().expect("a network has a softmax layer");
        let (losses, mut delta) = softmax_losses(&z, labels, self.shape.classes);
        let lambdas = self.objective.decay.of_layers(self.shape);
        let mut parts = Vec::new();
        for (l, (inputs, outputs)) in self.shape.layers().enumerate().rev() {
            let below = if l == 0 { x } else { &values[l - 1] };
            let (weight, _) = self.layer(l);
            let products = product(Transpose::Tn, &delta, below, outputs, inputs, m);
            parts.push(column_mean(&delta, outputs, m, None));
            parts.push(weight_gradient(&products, weight, m, lambdas[l]));
            if l > 0 {
                let error = product(Transpose::Nn, &delta, weight, m, inputs, outputs);
                let no_penalty = vec![Approx::default(); inputs];
                delta = hidden_delta(&error, &no_penalty, below, self.objective.activations[l - 1]);
            }
        }
        parts.reverse();
        BoundedNetwork { terms: self.cost(&losses, &lambdas), gradient: parts.concat() }
    }

    /// Both terms of J. Losses and sums of squares are f32 on the device; what the host does with them is exact
    /// beside that.
    fn cost(self, losses: &[Approx], lambdas: &[f64]) -> [Approx; 2] {
        let m = losses.len() as f64;
        let total = |parts: &mut dyn Iterator<Item = (f64, Approx)>| {
            parts.fold(Approx::default(), |total, (factor, part)| Approx {
                value: total.value + factor * part.value,
                error: total.error + factor * part.error,
            })
        };
        let decay = |(l, lambda): (usize, &f64)| {
            let (weight, _) = self.layer(l);
            (lambda / 2.0, dot(weight, weight, weight.len())[0])
        };
        [
            total(&mut losses.iter().map(|&loss| (1.0 / m, loss))),
            total(&mut lambdas.iter().enumerate().map(decay)),
        ]
    }
}

/// Σ/m + λW. λW may be there before the sums of all chunks but the first are added, each of which rounds it once more.
fn weight_gradient(products: &[Approx], w: &[Approx], m: usize, lambda: f64) -> Vec<Approx> {
    let (scale, lambda) = (Approx::rounded(1.0 / m as f64), Approx::rounded(lambda));
    let element = |(&product, &w): (&Approx, &Approx)| {
        let decay = lambda * w;
        let sum = product * scale + decay;
        Approx { error: sum.error + sum_error(m.div_ceil(CHUNK), 0) * decay.reach(), ..sum }
    };
    products.iter().zip(w).map(element).collect()
}

impl BoundedNetwork {
    /// The gradient as the comparer takes it.
    pub fn expected_gradient(&self) -> Expected {
        self.gradient.clone().into()
    }

    /// The terms of J as the comparer takes them.
    pub fn expected_terms(&self) -> Expected {
        self.terms.to_vec().into()
    }
}
