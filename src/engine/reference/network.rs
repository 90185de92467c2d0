//! A classifier in f64, in the order of the formulas: forward, cost, deltas from above, gradient.

use super::kernels::{
    adam, column_mean, dot, hidden_delta_nn, layer_nt, matmul_tn, sgd, softmax_losses, weight_gradient,
};
use crate::engine::network::{Labelled, NetworkEngine, NetworkObjective, NetworkStep, cost_of_sums};
use crate::engine::search_vectors::{FlatEngine, SearchVectors};
use crate::engine::step::whole_rows;
use crate::engine::{Arrangement, Role, Rows, State, Update, VectorData};
use crate::error::Result;
use crate::math::activation::Activation;
use crate::math::network::{DenseLayer, Network, NetworkShape};
use crate::math::objective::Cost;
use crate::math::params::cast;

/// The activations of every hidden layer from below, `[m, h]` each, and the inputs Z of the softmax `[m, classes]`.
pub fn forward(objective: &NetworkObjective, network: &Network<f64>, x: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let m = x.len() / network.shape.inputs;
    let (softmax, hidden) = network.layers.split_last().expect("a network has a softmax layer");
    let mut activations: Vec<Vec<f64>> = Vec::new();
    for (layer, &f) in hidden.iter().zip(&objective.activations) {
        let below = activations.last().map_or(x, Vec::as_slice);
        let a = layer_nt(below, &layer.weight, &layer.bias, m, below.len() / m, f);
        activations.push(a);
    }
    let codes = activations.last().map_or(x, Vec::as_slice);
    let z = layer_nt(codes, &softmax.weight, &softmax.bias, m, codes.len() / m, Activation::Linear);
    (activations, z)
}

/// J and ∇J over the examples.
pub fn cost_and_gradient(
    objective: &NetworkObjective,
    network: &Network<f64>,
    data: &Labelled<f64>,
) -> (Cost, Network<f64>) {
    let (x, m) = (&data.examples.values[..], data.examples.rows);
    let (activations, z) = forward(objective, network, x);
    let (losses, mut delta) = softmax_losses(&z, &data.labels, network.shape.classes);
    let cost = cost(objective, network, &losses);

    let lambdas = objective.decay.of_layers(&network.shape);
    let mut layers = Vec::new();
    for (l, (inputs, outputs)) in network.shape.layers().enumerate().rev() {
        let below = if l == 0 { x } else { &activations[l - 1] };
        let weight = &network.layers[l].weight;
        let products = matmul_tn(&delta, below, outputs, inputs, m);
        layers.push(DenseLayer {
            weight: weight_gradient(&products, weight, m, lambdas[l]),
            bias: column_mean(&delta, outputs, m),
        });
        if l > 0 {
            let (no_penalty, f) = (vec![0.0; inputs], objective.activations[l - 1]);
            delta = hidden_delta_nn(&delta, weight, &no_penalty, below, m, outputs, f);
        }
    }
    layers.reverse();
    (cost, Network { shape: network.shape.clone(), layers })
}

/// J from the losses of the examples `[m]`.
fn cost(objective: &NetworkObjective, network: &Network<f64>, losses: &[f64]) -> Cost {
    let squares =
        |layer: &DenseLayer<f64>| dot(&layer.weight, &layer.weight, layer.weight.len().max(1)).iter().sum();
    let squares: Vec<f64> = network.layers.iter().map(squares).collect();
    cost_of_sums(objective, &network.shape, losses.len(), (losses.iter().sum(), &squares))
}

/// The f64 engine that every other one for classifiers is compared with.
#[derive(Debug)]
pub struct NetworkReference {
    objective: NetworkObjective,
    network: Network<f64>,
    data: Labelled<f64>,
    /// v of SGD; first and second moment of Adam, flat.
    moments: [Vec<f64>; 2],
    search: SearchVectors,
}

impl NetworkReference {
    /// Takes parameters and examples in full precision.
    pub fn new(objective: NetworkObjective, network: Network<f64>, data: Labelled<f64>) -> Self {
        let zeros = vec![0.0; network.shape.parameters()];
        Self { objective, network, data, moments: [zeros.clone(), zeros], search: SearchVectors::default() }
    }

    /// The parameters in full precision.
    pub fn params_f64(&self) -> &Network<f64> {
        &self.network
    }
}

impl NetworkEngine for NetworkReference {
    fn shape(&self) -> &NetworkShape {
        &self.network.shape
    }

    fn examples(&self) -> usize {
        self.data.examples.rows
    }

    fn adapter(&self) -> String {
        "f64 reference, one thread".to_owned()
    }

    fn cost(&mut self) -> Result<Cost> {
        let (_, z) = forward(&self.objective, &self.network, &self.data.examples.values);
        let (losses, _) = softmax_losses(&z, &self.data.labels, self.network.shape.classes);
        Ok(cost(&self.objective, &self.network, &losses))
    }

    fn gradient(&mut self) -> Result<(Cost, Network<f64>)> {
        Ok(cost_and_gradient(&self.objective, &self.network, &self.data))
    }

    fn step(&mut self, step: &NetworkStep<'_>) -> Result<Option<Cost>> {
        let (cost, gradient) = match step.rows {
            Rows::All => self.gradient()?,
            Rows::Listed(listed) => {
                cost_and_gradient(&self.objective, &self.network, &self.data.listed(listed)?)
            }
        };
        let (mut w, gradient) = (self.network.to_flat(), gradient.to_flat());
        let [first, second] = &mut self.moments;
        match step.update {
            Update::Sgd { lr, momentum } => sgd(&mut w, first, &gradient, lr, momentum),
            Update::Adam { lr, step } => adam(&mut w, first, second, &gradient, lr, step),
        }
        self.put_flat(&w)?;
        Ok(step.report.then_some(cost))
    }

    fn probabilities(&mut self, rows: &[f32]) -> Result<Vec<f32>> {
        whole_rows(rows, self.network.shape.inputs, "rows")?;
        let (_, z) = forward(&self.objective, &self.network, &cast(rows));
        Ok(cast(&super::kernels::softmax(&z, self.network.shape.classes)))
    }

    fn params(&mut self) -> Result<Network<f32>> {
        Ok(self.network.cast())
    }

    fn set_params(&mut self, params: &Network<f32>) -> Result<()> {
        self.network = params.cast();
        self.moments.iter_mut().for_each(|moment| moment.fill(0.0));
        Ok(())
    }

    fn state(&mut self, pairs: Option<&[usize]>) -> Result<State<NetworkShape>> {
        let vector = |role| match role {
            Role::Params => self.network.to_flat(),
            Role::Moment(i) => self.moments[i].clone(),
            other => self.search.vector(other).to_vec(),
        };
        let vectors = Role::of_state(pairs).map(|role| (role, VectorData::Double(vector(role)))).collect();
        Ok(State { shape: self.network.shape.clone(), order: Arrangement::Rows, vectors, average: None })
    }

    fn set_state(&mut self, state: &State<NetworkShape>) -> Result<()> {
        let kept = |role| state.numbers(role).map(VectorData::wide);
        let params = kept(Role::Params).expect("a state has parameters");
        self.moments = [0, 1].map(|i| kept(Role::Moment(i)).unwrap_or_else(|| vec![0.0; params.len()]));
        self.search = SearchVectors::restored(params.clone(), kept);
        self.put_flat(&params)
    }
}

impl FlatEngine for NetworkReference {
    fn flat(&mut self) -> Result<Vec<f64>> {
        Ok(self.network.to_flat())
    }

    fn put_flat(&mut self, flat: &[f64]) -> Result<()> {
        self.network = Network::from_flat(self.network.shape.clone(), flat);
        Ok(())
    }

    fn cost_and_gradient_at(&mut self, point: &[f64]) -> Result<(Cost, Vec<f64>)> {
        let network = Network::from_flat(self.network.shape.clone(), point);
        let (cost, gradient) = cost_and_gradient(&self.objective, &network, &self.data);
        Ok((cost, gradient.to_flat()))
    }

    fn rounded(x: f64) -> f64 {
        x
    }

    fn vectors(&mut self) -> &mut SearchVectors {
        &mut self.search
    }
}
