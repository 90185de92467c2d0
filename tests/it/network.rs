//! Classifiers: their gradient is the derivative of their cost, the engines agree, and a search lowers the cost.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use rhohat::engine::cpu::network::NetworkCpu;
use rhohat::engine::network::{Labelled, NetworkEngine, NetworkObjective, NetworkStep};
use rhohat::engine::reference::gradient_check::check_gradient;
use rhohat::engine::reference::network::{NetworkReference, cost_and_gradient};
use rhohat::engine::{Rows, Update};
use rhohat::math::activation::Activation;
use rhohat::math::network::{Network, NetworkDecay, NetworkShape};
use rhohat::math::optim::lbfgs::{Iteration, Lbfgs};
use rhohat::math::params::Matrix;
use rhohat::math::random::Stream;

/// A network with labelled examples.
#[derive(Clone, Debug)]
struct Problem {
    objective: NetworkObjective,
    network: Network<f32>,
    data: Labelled<f32>,
}

impl Problem {
    fn new(inputs: usize, hidden: &[(usize, Activation)], classes: usize, rows: usize) -> Self {
        let mut stream = Stream::new(3, "network problem");
        let mut numbers = |count: usize, width: f64| -> Vec<f32> {
            (0..count).map(|_| (width * (2.0 * stream.unit() - 1.0)) as f32).collect()
        };
        let shape = NetworkShape { inputs, hidden: hidden.iter().map(|layer| layer.0).collect(), classes };
        let network = Network::from_flat(shape.clone(), &numbers(shape.parameters(), 0.7));
        let examples = Matrix::new(rows, inputs, numbers(rows * inputs, 1.0));
        let labels = (0..rows).map(|row| (row * row + row / 3) % classes).collect();
        let activations = hidden.iter().map(|layer| layer.1).collect();
        let objective = NetworkObjective { activations, decay: NetworkDecay { hidden: 3e-3, softmax: 1e-2 } };
        Self { objective, network, data: Labelled::new(examples, labels, classes).unwrap() }
    }

    fn data_f64(&self) -> Labelled<f64> {
        Labelled { examples: self.data.examples.cast(), labels: self.data.labels.clone() }
    }

    fn reference(&self) -> NetworkReference {
        NetworkReference::new(self.objective.clone(), self.network.cast(), self.data_f64())
    }

    fn cpu(&self) -> NetworkCpu {
        NetworkCpu::new(self.objective.clone(), self.network.clone(), self.data.clone())
    }
}

/// Softmax alone, one hidden layer, several, of every activation.
fn problems() -> Vec<Problem> {
    use Activation::{Linear, Sigmoid, Tanh};
    vec![
        Problem::new(5, &[], 3, 9),
        Problem::new(6, &[(4, Sigmoid)], 2, 11),
        Problem::new(6, &[(5, Tanh), (3, Sigmoid)], 4, 13),
        Problem::new(4, &[(3, Sigmoid), (5, Linear), (2, Tanh)], 3, 8),
    ]
}

#[test]
fn the_gradient_is_the_derivative_of_the_cost() {
    for problem in problems() {
        let (network, data) = (problem.network.cast::<f64>(), problem.data_f64());
        let shape = &network.shape;
        let cost = |flat: &[f64]| {
            let network = Network::from_flat(shape.clone(), flat);
            cost_and_gradient(&problem.objective, &network, &data).0.total()
        };
        let (_, gradient) = cost_and_gradient(&problem.objective, &network, &data);
        let error = check_gradient(cost, &network.to_flat(), &gradient.to_flat());
        assert!(error.extrapolated < 1e-9, "{}: {error:?}", shape.words());
    }
}

/// ‖x − y‖ / ‖y‖.
fn distance(x: &[f64], y: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut x.iter().zip(y).map(|(x, y)| x - y)) / norm(&mut y.iter().copied())
}

fn agree(problem: &Problem) -> TestCaseResult {
    let (mut cpu, mut reference) = (problem.cpu(), problem.reference());
    let ((cost, gradient), (true_cost, truth)) = (cpu.gradient().unwrap(), reference.gradient().unwrap());
    prop_assert!((cost.total() / true_cost.total() - 1.0).abs() < 1e-5, "{cost:?} {true_cost:?}");
    prop_assert!(distance(&gradient.to_flat(), &truth.to_flat()) < 1e-5);
    let rows: Vec<f32> = problem.data.examples.values.clone();
    let [found, truth] = [cpu.probabilities(&rows).unwrap(), reference.probabilities(&rows).unwrap()];
    prop_assert!(found.iter().zip(&truth).all(|(p, q)| (p - q).abs() < 1e-5));
    let classes = problem.network.shape.classes;
    prop_assert!(found.chunks(classes).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));

    let listed: Vec<usize> = (0..problem.data.labels.len()).step_by(2).collect();
    for update in [Update::Sgd { lr: 0.1, momentum: 0.9 }, Update::Adam { lr: 0.01, step: 1 }] {
        // Moments are of one rule.
        cpu.set_params(&problem.network).unwrap();
        reference.set_params(&problem.network).unwrap();
        for rows in [Rows::All, Rows::Listed(&listed)] {
            let step = NetworkStep { rows, update, report: true };
            let (cost, truth) = (cpu.step(&step).unwrap().unwrap(), reference.step(&step).unwrap().unwrap());
            prop_assert!((cost.total() / truth.total() - 1.0).abs() < 1e-4, "{update:?}: {cost:?} {truth:?}");
        }
        let found: Vec<f64> = cpu.params().unwrap().cast::<f64>().to_flat();
        prop_assert!(distance(&found, &reference.params_f64().to_flat()) < 1e-3, "{update:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_cpu_engine_agrees_with_the_reference_at_every_shape(
        inputs in 1usize..40,
        hidden in prop::collection::vec((1usize..30, prop::sample::select(&Activation::ALL[..])), 0..3),
        classes in 2usize..12,
        rows in 1usize..60,
    ) {
        agree(&Problem::new(inputs, &hidden, classes, rows))?;
    }
}

#[test]
fn more_rows_than_a_task_takes_are_summed_up_whole() {
    agree(&Problem::new(7, &[(5, Activation::Sigmoid)], 3, 1300)).unwrap();
}

#[test]
fn a_search_on_both_engines_ends_at_the_same_cost() {
    let problem = Problem::new(6, &[(5, Activation::Tanh)], 3, 40);
    let search = |engine: &mut dyn NetworkEngine| {
        let mut search = Lbfgs::new(engine).unwrap();
        let before = search.cost().total();
        for _ in 0..300 {
            if search.iterate(engine).unwrap() == Iteration::Converged {
                break;
            }
        }
        assert!(search.cost().total() < 0.8 * before, "{} of {before}", search.cost().total());
        search.cost().total()
    };
    let (cpu, reference) = (search(&mut problem.cpu()), search(&mut problem.reference()));
    assert!((cpu / reference - 1.0).abs() < 1e-3, "{cpu} for {reference}");
}

#[test]
fn an_example_that_there_is_not_and_half_a_row_are_refused() {
    let problem = Problem::new(6, &[], 3, 10);
    for engine in [&mut problem.cpu() as &mut dyn NetworkEngine, &mut problem.reference()] {
        let update = Update::Sgd { lr: 0.1, momentum: 0.0 };
        let step = NetworkStep { rows: Rows::Listed(&[3, 10]), update, report: false };
        assert_eq!(engine.step(&step).unwrap_err().exit_code(), 2);
        assert_eq!(engine.probabilities(&[0.0; 7]).unwrap_err().exit_code(), 2);
    }
}
