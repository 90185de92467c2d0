//! Whole passes and updates of classifiers against the reference, within the bound that follows from the formulas.

use std::sync::Arc;

use super::compare::{Closeness, Expected};
use super::numbers::CaseNumbers;
use super::rig::Failure;
use super::running_error::kernels::{adam, sgd};
use super::running_error::network::{ApproxNetwork, BoundedNetwork};
use super::running_error::{Approx, exact};
use super::steps::{BATCHES, named, wrong};
use crate::engine::device::Choice;
use crate::engine::gpu::network::NetworkGpu;
use crate::engine::network::{Labelled, NetworkCut, NetworkEngine, NetworkObjective, NetworkStep};
use crate::engine::{Rows, Update};
use crate::math::activation::Activation::{self, Linear, Sigmoid, Tanh};
use crate::math::network::{Network, NetworkDecay, NetworkShape, ranges};
use crate::math::objective::Cost;
use crate::math::params::Matrix;

/// Awkward on purpose, as those of autoencoders are.
const EXAMPLES: usize = 50;

/// All rows at once; several chunks, the last of them short.
pub const CUTS: [NetworkCut; 2] =
    [NetworkCut { chunk: None, binding_limit: None }, NetworkCut { chunk: Some(16), binding_limit: None }];

/// A network and examples in which nothing cancels: inputs and hidden weights are positive, a class that no label
/// names takes nearly all of the probability and has negative weights, all others have positive ones. So every delta
/// of a hidden unit is negative, and no gradient comes close to 0, where Adam would make a whole step of a rounding
/// error.
#[derive(Clone, Debug)]
pub struct NetworkProblem {
    /// What is minimised.
    pub objective: NetworkObjective,
    /// Start parameters.
    pub network: Network<f32>,
    /// Labelled examples.
    pub data: Labelled<f32>,
}

impl NetworkProblem {
    /// Those that are verified: softmax alone, one hidden layer, two of different activations, and three.
    pub fn all(seed: u64) -> Vec<Self> {
        let hidden: [&[(usize, Activation)]; 4] =
            [&[], &[(10, Sigmoid)], &[(9, Tanh), (7, Linear)], &[(6, Sigmoid), (12, Tanh), (5, Sigmoid)]];
        hidden.map(|hidden| Self::new(13, hidden, 5, EXAMPLES, seed)).into()
    }

    /// One of any shape.
    pub fn new(
        inputs: usize,
        hidden: &[(usize, Activation)],
        classes: usize,
        examples: usize,
        seed: u64,
    ) -> Self {
        let mut numbers = CaseNumbers::new(seed, "whole steps of classifiers");
        let shape = NetworkShape { inputs, hidden: hidden.iter().map(|layer| layer.0).collect(), classes };
        let mut network = Network::<f32>::zeros(shape);
        let (softmax, below) = network.layers.split_last_mut().expect("a network has a softmax layer");
        let mut width = inputs;
        for layer in below {
            let share = 1.0 / width as f64;
            layer.weight = numbers.between(0.5 * share, 1.5 * share, layer.weight.len());
            layer.bias = numbers.between(0.0, 0.3, layer.bias.len());
            width = layer.bias.len();
        }
        let (share, others) = (1.0 / width as f64, classes - 1);
        softmax.weight = numbers.between(0.5 * share, 1.5 * share, classes * width);
        softmax.weight[others * width..].iter_mut().for_each(|w| *w = -*w);
        softmax.bias = numbers.between(-0.1, 0.1, classes);
        softmax.bias[others] += 5.0 + (classes as f32).ln();

        let values = numbers.between(0.2, 0.9, examples * inputs);
        let labels = (0..examples).map(|row| (row + row / others) % others).collect();
        let data = Labelled { examples: Matrix { rows: examples, cols: inputs, values }, labels };
        let activations = hidden.iter().map(|layer| layer.1).collect();
        let decay = NetworkDecay { hidden: 1e-4, softmax: 1e-3 };
        Self { objective: NetworkObjective { activations, decay }, network, data }
    }

    /// Widths and activations, for the name of a check.
    pub fn name(&self) -> String {
        let activations = self.objective.activations.iter().map(|f| f.name());
        let names: Vec<_> = activations.chain(["softmax"]).collect();
        format!("{}, {}", self.network.shape.words(), names.join(" → "))
    }

    /// An engine for it; those of other devices than WebGPU's have cuts of their own.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn open(&self, choice: &Choice, cut: NetworkCut) -> crate::Result<Box<dyn NetworkEngine>> {
        let (objective, data) = (self.objective.clone(), Arc::new(self.data.clone()));
        match choice {
            Choice::Gpu(gpu) => {
                Ok(Box::new(NetworkGpu::new(gpu.clone(), objective, &self.network, &data, cut)?))
            }
            other => other.open_network(objective, &self.network, &data),
        }
    }

    fn at<'a>(&'a self, flat: &'a [Approx]) -> ApproxNetwork<'a> {
        ApproxNetwork { objective: &self.objective, shape: &self.network.shape, flat }
    }
}

/// J, gradient and probabilities of one pass.
pub fn check_network_pass(
    choice: &Choice,
    problem: &NetworkProblem,
    cut: NetworkCut,
) -> Result<Closeness, Failure> {
    let mut engine = problem.open(choice, cut)?;
    let (flat, x) = (exact(&problem.network.to_flat()), exact(&problem.data.examples.values));
    let network = problem.at(&flat);
    let expected = network.cost_and_gradient(&x, &problem.data.labels);

    let (cost, gradient) = engine.gradient()?;
    let mut worst = check_cost(&expected, &cost)?;
    worst = worst.worse(check_cost(&expected, &engine.cost()?)?);
    worst = worst.worse(check_gradient(problem, &expected, &gradient)?);

    // Fewer rows than there are examples, and more.
    let probabilities = network.probabilities(&x);
    for rows in [problem.data.labels.len().div_ceil(3), 2 * problem.data.labels.len() + 1] {
        let repeated = |values: &[f32], cols: usize| -> Vec<f32> {
            values.iter().copied().cycle().take(rows * cols).collect()
        };
        let handed = repeated(&problem.data.examples.values, problem.network.shape.inputs);
        let wanted = probabilities.iter().copied().cycle().take(rows * problem.network.shape.classes);
        let wanted = Expected::from(wanted.collect::<Vec<_>>());
        worst = worst.worse(named("probabilities", wanted.compare(&engine.probabilities(&handed)?))?);
    }
    Ok(worst)
}

/// Names the tensor that is off.
fn check_gradient(
    problem: &NetworkProblem,
    expected: &BoundedNetwork,
    gradient: &Network<f64>,
) -> Result<Closeness, Failure> {
    let (expected, found) = (expected.expected_gradient(), gradient.to_flat());
    let mut worst = Closeness::default();
    for (l, (weight, bias)) in ranges(&problem.network.shape).into_iter().enumerate() {
        for (what, range) in [("weights", weight), ("biases", bias)] {
            let (values, bounds) =
                (expected.values[range.clone()].into(), expected.bounds[range.clone()].into());
            let compared = Expected { values, bounds }.compare(&found[range]);
            worst = worst.worse(named(&format!("gradient of the {what} of layer {l}"), compared)?);
        }
    }
    Ok(worst)
}

fn check_cost(expected: &BoundedNetwork, cost: &Cost) -> Result<Closeness, Failure> {
    named("cost", expected.expected_terms().compare(&[cost.reconstruction, cost.decay]))
}

/// How parameters are updated in a check.
#[derive(Clone, Copy, Debug)]
pub struct NetworkRule {
    /// Adam, else SGD with momentum.
    pub adam: bool,
    /// On mini-batches, else on all examples.
    pub batches: bool,
}

impl NetworkRule {
    /// The rules that are checked, with their names.
    pub fn all() -> [(&'static str, Self); 4] {
        let of = |adam, batches| Self { adam, batches };
        [
            ("sgd", of(false, false)),
            ("sgd on mini-batches", of(false, true)),
            ("adam", of(true, false)),
            ("adam on mini-batches", of(true, true)),
        ]
    }

    fn update(self, step: u64) -> Update {
        if self.adam { Update::Adam { lr: 0.01, step } } else { Update::Sgd { lr: 0.1, momentum: 0.9 } }
    }
}

/// Three updates: the parameters after each, and the cost before it.
pub fn check_network_updates(
    choice: &Choice,
    problem: &NetworkProblem,
    rule: NetworkRule,
    cut: NetworkCut,
) -> Result<Closeness, Failure> {
    let mut engine = problem.open(choice, cut)?;
    let mut params = exact(&problem.network.to_flat());
    let zeros = vec![Approx::default(); params.len()];
    let mut moments = [zeros.clone(), zeros];
    let mut worst = Closeness::default();
    for (number, batch) in (1..).zip(batches(problem)) {
        let (rows, data) = if rule.batches {
            (Rows::Listed(&batch), problem.data.listed(&batch)?)
        } else {
            (Rows::All, problem.data.clone())
        };
        let update = rule.update(number);
        let step = NetworkStep { rows, update, report: true };
        let cost = engine.step(&step)?.ok_or_else(|| wrong("no cost was reported"))?;
        let expected = problem.at(&params).cost_and_gradient(&exact(&data.examples.values), &data.labels);
        worst = worst.worse(check_cost(&expected, &cost)?);
        let [first, second] = &moments;
        match update {
            Update::Sgd { lr, momentum } => {
                [params, moments[0]] = sgd(&params, first, &expected.gradient, lr, momentum);
            }
            Update::Adam { lr, step } => {
                let new = adam(&params, [first, second], &expected.gradient, lr, step);
                [params, moments[0], moments[1]] = new;
            }
        }
        let compared = Expected::from(params.clone()).compare(&engine.params()?.to_flat());
        worst = worst.worse(named(&format!("parameters after update {number}"), compared)?);
    }
    Ok(worst)
}

/// Mini-batches of unequal length, as far as there are examples; rows come twice and out of order.
fn batches(problem: &NetworkProblem) -> [Vec<usize>; 3] {
    let rows = problem.data.labels.len();
    BATCHES.map(|batch| batch.iter().take(rows).map(|row| row % rows).collect())
}

/// Two engines from the same start hold the same bits after the same updates, and find the same gradient and
/// probabilities.
pub fn check_network_repeatable(
    choice: &Choice,
    problem: &NetworkProblem,
    cut: NetworkCut,
) -> Result<Closeness, Failure> {
    let run = || -> Result<Vec<f64>, Failure> {
        let mut engine = problem.open(choice, cut)?;
        for (step, batch) in (1..).zip(batches(problem)) {
            let (rows, update) = (Rows::Listed(&batch), Update::Adam { lr: 0.01, step });
            engine.step(&NetworkStep { rows, update, report: false })?;
        }
        let mut found = engine.params()?.cast::<f64>().to_flat();
        let (cost, gradient) = engine.gradient()?;
        found.push(cost.total());
        found.extend(gradient.to_flat());
        found.extend(engine.probabilities(&problem.data.examples.values)?.into_iter().map(f64::from));
        Ok(found)
    };
    Ok(Expected::exact(run()?).compare(&run()?)?)
}
