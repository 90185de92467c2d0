//! Classifiers: their gradient is the derivative of their cost, every engine meets the reference within the bound of
//! its roundings, and a search lowers the cost.

use std::sync::Arc;

use proptest::prelude::*;
use rhohat::engine::device::Choice;
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::gpu::network::NetworkGpu;
use rhohat::engine::network::{Labelled, NetworkCut, NetworkEngine, NetworkObjective, NetworkStep};
use rhohat::engine::reference::gradient_check::check_gradient;
use rhohat::engine::reference::network::cost_and_gradient;
use rhohat::engine::{Rows, Update, VectorData};
use rhohat::math::activation::Activation::{self, Linear, Sigmoid, Tanh};
use rhohat::math::network::{Network, NetworkDecay, NetworkShape};
use rhohat::math::optim::lbfgs::{Iteration, Lbfgs};
use rhohat::math::optim::role::Role;
use rhohat::math::params::Matrix;
use rhohat::math::random::Stream;
use rhohat::verify::networks::{
    NetworkProblem, NetworkRule, check_network_pass, check_network_repeatable, check_network_updates,
};

use crate::engines::engines;
use crate::support;

/// A network whose numbers have both signs, with labelled examples.
fn problem(inputs: usize, hidden: &[(usize, Activation)], classes: usize, rows: usize) -> NetworkProblem {
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
    NetworkProblem { objective, network, data: Labelled::new(examples, labels, classes).unwrap() }
}

/// All engines, the reference among them.
fn every_engine(test: &str) -> Vec<(&'static str, Choice)> {
    engines(test).into_iter().chain([("reference", Choice::Reference)]).collect()
}

fn open(choice: &Choice, problem: &NetworkProblem, cut: NetworkCut) -> Box<dyn NetworkEngine> {
    problem.open(choice, cut).unwrap()
}

/// The engine on the software adapter.
fn on_software(test: &str, problem: &NetworkProblem, cut: NetworkCut) -> Option<NetworkGpu> {
    let gpu = Arc::new(support::software(test)?);
    Some(on(&gpu, problem, cut))
}

fn on(gpu: &Arc<Gpu>, problem: &NetworkProblem, cut: NetworkCut) -> NetworkGpu {
    NetworkGpu::new(gpu.clone(), problem.objective.clone(), &problem.network, &problem.data, cut).unwrap()
}

fn in_chunks(chunk: usize) -> NetworkCut {
    NetworkCut { chunk: Some(chunk), ..NetworkCut::default() }
}

/// Softmax alone, one hidden layer, several, of every activation.
fn problems() -> Vec<NetworkProblem> {
    vec![
        problem(5, &[], 3, 9),
        problem(6, &[(4, Sigmoid)], 2, 11),
        problem(6, &[(5, Tanh), (3, Sigmoid)], 4, 13),
        problem(4, &[(3, Sigmoid), (5, Linear), (2, Tanh)], 3, 8),
    ]
}

#[test]
fn the_gradient_is_the_derivative_of_the_cost() {
    for NetworkProblem { objective, network, data } in problems() {
        let data = Labelled { examples: data.examples.cast(), labels: data.labels };
        let (network, shape) = (network.cast::<f64>(), &network.shape);
        let cost = |flat: &[f64]| {
            cost_and_gradient(&objective, &Network::from_flat(shape.clone(), flat), &data).0.total()
        };
        let (_, gradient) = cost_and_gradient(&objective, &network, &data);
        let error = check_gradient(cost, &network.to_flat(), &gradient.to_flat());
        assert!(error.extrapolated < 1e-9, "{}: {error:?}", shape.words());
    }
}

#[test]
fn numbers_of_both_signs_give_the_pass_of_the_reference_on_every_engine() {
    for (name, choice) in every_engine("classifiers") {
        for problem in problems() {
            for cut in [NetworkCut::default(), in_chunks(8)] {
                let passed = check_network_pass(&choice, &problem, cut);
                passed.unwrap_or_else(|failure| panic!("{name}, {}, {cut:?}: {failure}", problem.name()));
            }
        }
    }
}

#[test]
fn any_shape_and_chunk_gives_the_pass_and_the_updates_of_the_reference() {
    for (name, choice) in every_engine("shapes of classifiers") {
        let layer = (1..30usize, prop::sample::select(&Activation::ALL[..]));
        let sizes = (1..40usize, prop::collection::vec(layer, 0..4), 2..12usize, 50..80usize);
        let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
        let chunk = proptest::option::of(1..90usize);
        proptest!(config, |((inputs, hidden, classes, rows) in sizes, chunk in chunk, seed in any::<u64>())| {
            let problem = NetworkProblem::new(inputs, &hidden, classes, rows, seed);
            let cut = NetworkCut { chunk, ..NetworkCut::default() };
            let passed = check_network_pass(&choice, &problem, cut);
            prop_assert!(passed.is_ok(), "{name}: {}", passed.unwrap_err());
            for (what, rule) in NetworkRule::all() {
                let passed = check_network_updates(&choice, &problem, rule, cut);
                prop_assert!(passed.is_ok(), "{name}, {what}: {}", passed.unwrap_err());
            }
        });
    }
}

#[test]
fn few_rows_give_the_pass_of_the_reference() {
    for (name, choice) in every_engine("few rows of classifiers") {
        for rows in [1, 2, 7, 8, 9] {
            let problem = NetworkProblem::new(9, &[(5, Sigmoid)], 3, rows, 5);
            let passed = check_network_pass(&choice, &problem, NetworkCut::default());
            passed.unwrap_or_else(|failure| panic!("{name}, {rows} rows: {failure}"));
        }
    }
}

#[test]
fn many_rows_and_many_classes_give_the_pass_of_the_reference() {
    for (name, choice) in engines("large classifiers") {
        let many_rows = NetworkProblem::new(7, &[(5, Sigmoid)], 3, 1_300, 6);
        let more_than_a_chunk = NetworkProblem::new(3, &[], 2, 40_001, 6);
        let many_classes = NetworkProblem::new(11, &[(37, Tanh)], 1_031, 40, 6);
        for problem in [many_rows, more_than_a_chunk, many_classes] {
            let passed = check_network_pass(&choice, &problem, NetworkCut::default());
            passed.unwrap_or_else(|failure| panic!("{name}, {}: {failure}", problem.name()));
        }
    }
}

#[test]
fn examples_in_several_bindings_give_the_updates_of_the_reference() {
    let Some(gpu) = support::software("parts of labelled examples") else { return };
    let choice = Choice::Gpu(Arc::new(gpu));
    let problem = NetworkProblem::new(13, &[(10, Sigmoid)], 3, 500, 7);
    // A binding holds 128 rows of 16 numbers, and all of the 500 labels.
    let cut = NetworkCut { chunk: Some(64), binding_limit: Some(8_192) };
    check_network_pass(&choice, &problem, cut).unwrap();
    for (what, rule) in NetworkRule::all() {
        let passed = check_network_updates(&choice, &problem, rule, cut);
        passed.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    }
}

#[test]
fn two_runs_end_with_the_same_bits() {
    for (name, choice) in engines("bits of classifiers") {
        for (problem, cut) in problems().iter().flat_map(|p| [(p, NetworkCut::default()), (p, in_chunks(8))])
        {
            let passed = check_network_repeatable(&choice, problem, cut);
            passed.unwrap_or_else(|failure| panic!("{name}, {}: {failure}", problem.name()));
        }
    }
}

#[test]
fn steps_that_share_a_submission_end_with_the_bits_of_steps_one_by_one() {
    let Some(gpu) = support::software("submissions of classifiers") else { return };
    let gpu = Arc::new(gpu);
    let problem = problem(6, &[(5, Tanh), (3, Sigmoid)], 4, 13);
    let run = |steps| {
        gpu.force_steps(Some(steps));
        let mut engine = on(&gpu, &problem, NetworkCut::default());
        for step in 1..8 {
            let listed = [step as usize, 12, (5 * step as usize) % 13];
            let update = Update::Adam { lr: 0.01 / step as f64, step };
            engine.step(&NetworkStep { rows: Rows::Listed(&listed), update, report: step == 5 }).unwrap();
        }
        let found = engine.params().unwrap().to_flat();
        gpu.force_steps(None);
        found
    };
    assert_eq!(run(4), run(1));
}

/// Updates that no state has been taken of, or that begin from one.
fn three_steps(engine: &mut dyn NetworkEngine, first: u64) {
    for step in first..first + 3 {
        let update = Update::Adam { lr: 0.02, step };
        engine.step(&NetworkStep { rows: Rows::Listed(&[3, 1, 8]), update, report: false }).unwrap();
    }
}

#[test]
fn a_state_goes_on_with_the_same_bits_and_new_parameters_forget_the_moments() {
    let problem = problem(6, &[(4, Sigmoid)], 2, 11);
    let Some(mut engine) = on_software("states of classifiers", &problem, NetworkCut::default()) else {
        return;
    };
    three_steps(&mut engine, 1);
    let state = engine.state(None).unwrap();
    let moments = engine.moments().unwrap();
    assert!(moments.iter().all(|moment| moment.iter().any(|&x| x != 0.0)));
    three_steps(&mut engine, 4);
    let expected = engine.params().unwrap();

    let mut other = on_software("states of classifiers", &problem, NetworkCut::default()).unwrap();
    other.set_state(&state).unwrap();
    assert_eq!(other.moments().unwrap(), moments);
    three_steps(&mut other, 4);
    assert_eq!(other.params().unwrap(), expected);

    other.set_params(&problem.network).unwrap();
    assert!(other.moments().unwrap().iter().flatten().all(|&x| x == 0.0));
    three_steps(&mut other, 1);
    let mut fresh = on_software("states of classifiers", &problem, NetworkCut::default()).unwrap();
    three_steps(&mut fresh, 1);
    assert_eq!(other.params().unwrap(), fresh.params().unwrap());
}

/// The bits of an engine's vectors, moments and the memory of a search among them.
fn all_bits(engine: &mut dyn NetworkEngine, search: Option<&Lbfgs>) -> Vec<u64> {
    let state = engine.state(search.map(Lbfgs::pairs)).unwrap();
    let of = |numbers: &VectorData| numbers.wide().into_iter().map(f64::to_bits).collect::<Vec<_>>();
    state.vectors.iter().flat_map(|(_, numbers)| of(numbers)).collect()
}

#[test]
fn a_state_goes_on_with_the_same_bits_in_another_engine_of_every_device() {
    let problem = problem(6, &[(5, Tanh), (3, Sigmoid)], 4, 13);
    let updates: [fn(u64) -> Update; 2] =
        [|step| Update::Adam { lr: 0.02, step }, |_| Update::Sgd { lr: 0.1, momentum: 0.9 }];
    for (name, choice) in every_engine("states of classifiers on every device") {
        for update in updates {
            let steps = |engine: &mut dyn NetworkEngine, first: u64| {
                for step in first..first + 3 {
                    let listed = [step as usize, 12, (5 * step as usize) % 13];
                    let rows = Rows::Listed(&listed);
                    engine.step(&NetworkStep { rows, update: update(step), report: false }).unwrap();
                }
            };
            let mut engine = open(&choice, &problem, NetworkCut::default());
            steps(&mut *engine, 1);
            let state = engine.state(None).unwrap();
            assert_eq!(state.check(), Ok(()), "{name}");
            steps(&mut *engine, 4);
            let expected = all_bits(&mut *engine, None);
            // One that has been elsewhere before.
            let mut other = open(&choice, &problem, NetworkCut::default());
            steps(&mut *other, 7);
            other.set_state(&state).unwrap();
            steps(&mut *other, 4);
            assert!(all_bits(&mut *other, None) == expected, "{name}: other bits");
            // Without its moments it goes elsewhere: they are part of the state.
            let mut bare = state.clone();
            bare.vectors.retain(|(role, _)| *role == Role::Params);
            other.set_state(&bare).unwrap();
            steps(&mut *other, 4);
            assert!(all_bits(&mut *other, None) != expected, "{name}: moments change nothing");
        }
    }
}

#[test]
fn a_search_goes_on_with_the_same_bits_in_another_engine_of_every_device() {
    let problem = problem(6, &[(5, Tanh)], 3, 40);
    for (name, choice) in every_engine("states of searches of classifiers") {
        let mut engine = open(&choice, &problem, NetworkCut::default());
        let mut search = Lbfgs::new(&mut *engine).unwrap();
        let iterate = |search: &mut Lbfgs, engine: &mut dyn NetworkEngine| {
            for _ in 0..6 {
                search.iterate(engine).unwrap();
            }
        };
        iterate(&mut search, &mut *engine);
        let (state, mut known) = (engine.state(Some(search.pairs())).unwrap(), search.clone());
        assert_eq!(state.check(), Ok(()), "{name}");
        iterate(&mut search, &mut *engine);
        let expected = all_bits(&mut *engine, Some(&search));
        let mut other = open(&choice, &problem, NetworkCut::default());
        other.set_state(&state).unwrap();
        iterate(&mut known, &mut *other);
        assert_eq!(known.cost().total().to_bits(), search.cost().total().to_bits(), "{name}");
        assert!(all_bits(&mut *other, Some(&known)) == expected, "{name}: other bits");
    }
}

#[test]
fn a_search_on_every_engine_ends_at_the_same_cost() {
    let problem = problem(6, &[(5, Tanh)], 3, 40);
    let search = |engine: &mut dyn NetworkEngine| {
        let mut search = Lbfgs::new(engine).unwrap();
        let before = search.cost().total();
        for _ in 0..300 {
            if search.iterate(engine).unwrap() == Iteration::Converged {
                break;
            }
        }
        assert!(search.cost().total() < 0.8 * before, "{} of {before}", search.cost().total());
        let reached = engine.cost().unwrap().total();
        assert!((reached / search.cost().total() - 1.0).abs() < 1e-5, "the parameters are where it ended");
        reached
    };
    let reference = search(&mut *open(&Choice::Reference, &problem, NetworkCut::default()));
    for (name, choice) in engines("searches of classifiers") {
        let found = search(&mut *open(&choice, &problem, NetworkCut::default()));
        assert!((found / reference - 1.0).abs() < 1e-3, "{name}: {found} for {reference}");
    }
}

#[test]
fn an_example_that_there_is_not_and_half_a_row_are_refused() {
    let problem = problem(6, &[], 3, 10);
    for (name, choice) in every_engine("refusals of classifiers") {
        let mut engine = open(&choice, &problem, NetworkCut::default());
        let update = Update::Sgd { lr: 0.1, momentum: 0.0 };
        let step = NetworkStep { rows: Rows::Listed(&[3, 10]), update, report: false };
        assert_eq!(engine.step(&step).unwrap_err().exit_code(), 2, "{name}");
        assert_eq!(engine.probabilities(&[0.0; 7]).unwrap_err().exit_code(), 2, "{name}");
    }
}

#[test]
fn a_device_without_examples_tells_probabilities_and_refuses_a_cost() {
    let problem = problem(6, &[(4, Sigmoid)], 3, 0);
    let Some(mut engine) = on_software("no labelled examples", &problem, NetworkCut::default()) else {
        return;
    };
    let found = engine.probabilities(&[0.5; 12]).unwrap();
    assert_eq!(found[..3], found[3..]);
    for error in [engine.cost().unwrap_err(), engine.gradient().unwrap_err()] {
        assert!(error.exit_code() == 2 && error.to_string().contains("no examples"), "{error}");
    }
}

#[test]
fn layers_and_labels_that_fit_no_binding_are_refused_with_a_way_out() {
    let Some(gpu) = support::software("bindings of classifiers") else { return };
    let gpu = Arc::new(gpu);
    let refused = |problem: &NetworkProblem, limit| {
        let cut = NetworkCut { binding_limit: Some(limit), chunk: None };
        let NetworkProblem { objective, network, data } = problem;
        let error = NetworkGpu::new(gpu.clone(), objective.clone(), network, data, cut).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    let wide = problem(100, &[(64, Sigmoid)], 3, 10);
    let text = refused(&wide, 1_024);
    assert!(text.contains("a layer of 64 units on 100 inputs needs bindings of 26880 bytes"), "{text}");
    let cut = NetworkCut { binding_limit: Some(26_880), chunk: None };
    let least = NetworkGpu::new(gpu.clone(), wide.objective.clone(), &wide.network, &wide.data, cut);
    least.unwrap().gradient().unwrap();
    let text = refused(&problem(3, &[], 2, 1_000), 1_024);
    assert!(
        text.contains("1000 examples have 4000 bytes of labels") && text.contains("`device` cpu"),
        "{text}"
    );
    let text = refused(&wide, u64::MAX);
    assert!(text.contains("binds at most"), "{text}");
}
