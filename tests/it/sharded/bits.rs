//! The same bits for any number of ranks: of every vector that decides the steps to come, after whole runs.

use std::time::Duration;

use rhohat::data::batches::ExampleSet;
use rhohat::data::shuffle::Shuffle;
use rhohat::engine::collective::Ranks;
use rhohat::engine::cpu::ShardedCpu;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Chunking, Engine, Layer, ReusedBuffers, RhoHat, Rows, State, Step, Update, VectorData};
use rhohat::math::objective::{Activation, Objective, Penalty, RhoHatMode};
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::math::params::Shape;
use rhohat::train::measures::Yardstick;
use rhohat::train::{Ended, Observer, Progress, Recipe, Resampling, train};
use rhohat::verify::steps::Problem;

use super::collectives::Slow;
use super::{ENGINES, Rank, on_all, open, problem, ranks};

/// V of these tests.
const SHARDS: usize = 8;
/// More than any search here takes.
const MOST_ITERATIONS: usize = 3_000;

/// Bits of all vectors of a state.
pub fn bits(state: &State) -> Vec<u64> {
    let of = |(_, numbers): &(_, VectorData)| match numbers {
        VectorData::Single(values) => values.iter().map(|x| u64::from(x.to_bits())).collect::<Vec<_>>(),
        VectorData::Double(values) => values.iter().map(|x| x.to_bits()).collect(),
    };
    let average = state.average.iter().flatten().map(|x| x.to_bits());
    state.vectors.iter().flat_map(of).chain(average).collect()
}

/// Twenty updates of SGD with momentum, or of Adam on mini-batches, or a search to its end.
pub fn recipe(optimizer: Optimizer) -> Recipe {
    let batch = (optimizer == Optimizer::Adam).then_some(16);
    Recipe {
        yardstick: None,
        optimizer: OptimizerConfig::of(
            optimizer,
            0.9,
            DescentConfig { batch, ..DescentConfig::constant(0.05) },
        ),
        resampling: None,
        steps: if optimizer == Optimizer::Lbfgs { MOST_ITERATIONS } else { 20 },
        shuffle: Shuffle::rows(2),
        report_every: 5,
    }
}

/// One minimum, which a search comes to the end of.
pub fn searched() -> Problem {
    let problem = problem(4);
    let objective = Objective { penalty: Penalty::kl(0.3), beta: 0.1, lambda: 0.02, ..problem.objective };
    Problem { objective, ..problem }
}

/// J and the state after a run, on every rank.
pub fn run(choice: &Choice, group: Vec<Rank>, optimizer: Optimizer, shards: usize) -> Vec<(u64, Vec<u64>)> {
    let problem = if optimizer == Optimizer::Lbfgs { searched() } else { problem(4) };
    on_all(group, |rank| {
        let mut engine = open(choice, &problem, Setup::default(), rank, shards);
        let outcome = train(&mut *engine, &recipe(optimizer), &mut ()).unwrap();
        let wanted = if optimizer == Optimizer::Lbfgs { Ended::Converged } else { Ended::Steps };
        assert_eq!(outcome.ended, wanted, "{optimizer:?}, {} steps", outcome.steps);
        let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
        (outcome.cost.total().to_bits(), bits(&state))
    })
}

#[test]
fn one_two_four_and_eight_ranks_of_eight_shards_give_the_same_bits_with_every_optimiser() {
    for (name, choice) in ENGINES {
        for optimizer in Optimizer::ALL {
            let alone = run(&choice, ranks(1), optimizer, SHARDS).remove(0);
            for size in [2, 4, 8] {
                for (rank, found) in run(&choice, ranks(size), optimizer, SHARDS).into_iter().enumerate() {
                    assert!(found == alone, "{name}, {optimizer:?}, rank {rank} of {size}");
                }
            }
        }
    }
}

#[test]
fn twelve_shards_give_the_same_bits_on_one_three_and_six_ranks() {
    for (name, choice) in ENGINES {
        let alone = run(&choice, ranks(1), Optimizer::Adam, 12).remove(0);
        assert!(alone != run(&choice, ranks(1), Optimizer::Adam, 8)[0], "{name}: bits depend on the shards");
        for size in [3, 6] {
            let found = run(&choice, ranks(size), Optimizer::Adam, 12);
            assert!(found.iter().all(|found| *found == alone), "{name}, {size} ranks");
        }
    }
}

#[test]
fn one_shard_on_one_rank_is_the_engine_of_ever() {
    for (name, choice) in ENGINES {
        for optimizer in Optimizer::ALL {
            let problem = if optimizer == Optimizer::Lbfgs { searched() } else { problem(4) };
            let setup = Setup { objective: problem.objective, threads: 1, ..Setup::default() };
            let mut engine = choice.open(&setup, &(problem.params.clone(), problem.data.clone())).unwrap();
            let outcome = train(&mut *engine, &recipe(optimizer), &mut ()).unwrap();
            let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
            let sharded = run(&choice, ranks(1), optimizer, 1).remove(0);
            assert!(sharded == (outcome.cost.total().to_bits(), bits(&state)), "{name}, {optimizer:?}");
        }
    }
}

#[test]
fn no_bit_depends_on_how_fast_the_ranks_are() {
    for (name, choice) in ENGINES {
        let alone = run(&choice, ranks(1), Optimizer::Sgd, 4).remove(0);
        let slow = |(at, inner): (u64, Rank)| -> Rank {
            Box::new(Slow { inner, latency: Duration::from_micros(700 * at), bandwidth: 1e9 })
        };
        let group = (0..).zip(ranks(4)).map(slow).collect();
        assert!(run(&choice, group, Optimizer::Sgd, 4).iter().all(|found| *found == alone), "{name}");
    }
}

/// What an engine answers beside training, and steps with a moving average after a state was put back.
pub fn answers(mut engine: Box<dyn Engine>, problem: &Problem) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut add = |values: Vec<f32>| numbers.extend(values.into_iter().map(|x| u64::from(x.to_bits())));
    let rows = [7, 3, 49, 7];
    for layer in [Layer::Input, Layer::Hidden, Layer::Output] {
        add(engine.activations(layer, &rows).unwrap());
    }
    add(engine.encode(5, 40).unwrap());
    add(engine.reconstruct(5, 40).unwrap());
    let codes = engine.encode_rows(&problem.data.values).unwrap();
    add(engine.decode_rows(&codes).unwrap());
    add(codes);
    let beta = problem.objective.beta;
    let step = |engine: &mut dyn Engine, step| {
        let (rows, update) = (Rows::Listed(&rows), Update::Adam { lr: 0.01, step });
        engine.step(&Step { rows, update, beta, report: true }).unwrap().unwrap().total()
    };
    let mut costs = vec![step(&mut *engine, 1)];
    let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
    assert!(state.average.is_some() && state.check().is_ok());
    costs.push(step(&mut *engine, 2));
    let after = engine.state(None, &mut ReusedBuffers::default()).unwrap();
    engine.set_params(&problem.params).unwrap();
    engine.set_state(&state).unwrap();
    assert_eq!(step(&mut *engine, 2), costs[1], "a state that was put back");
    assert!(bits(&engine.state(None, &mut ReusedBuffers::default()).unwrap()) == bits(&after));
    let (cost, gradient) = engine.gradient().unwrap();
    costs.extend([cost.total(), engine.cost().unwrap().total()]);
    assert_eq!(engine.first_not_finite().unwrap(), None);
    let wide = costs.into_iter().chain(gradient.to_flat());
    numbers.extend(wide.map(f64::to_bits));
    numbers
}

#[test]
fn codes_outputs_gradients_and_states_are_whole_on_every_rank_and_have_the_same_bits() {
    for (name, choice) in ENGINES {
        for chunk in [None, Some(11)] {
            let problem = problem(5);
            let cut = Chunking { chunk, block: Some(16), ..Chunking::default() };
            let rho_hat = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
            let setup = Setup { cut, rho_hat, ..Setup::default() };
            let of =
                |size| on_all(ranks(size), |rank| answers(open(&choice, &problem, setup, rank, 4), &problem));
            let alone = of(1).remove(0);
            for size in [2, 4] {
                assert!(of(size).iter().all(|found| *found == alone), "{name}, {size} ranks, {chunk:?}");
            }
        }
    }
}

#[test]
fn a_search_that_was_put_back_goes_on_with_the_same_bits() {
    use rhohat::math::optim::lbfgs::Lbfgs;
    for (name, choice) in ENGINES {
        let problem = searched();
        let run = |size, breaks: bool| {
            on_all(ranks(size), |rank| {
                let mut engine = open(&choice, &problem, Setup::default(), rank, 4);
                let mut lbfgs = Lbfgs::new(&mut *engine).unwrap();
                for iteration in 0..6 {
                    if breaks && iteration == 3 {
                        let state = engine.state(Some(lbfgs.pairs()), &mut ReusedBuffers::default()).unwrap();
                        engine.set_params(&problem.params).unwrap();
                        engine.set_state(&state).unwrap();
                    }
                    lbfgs.iterate(&mut *engine).unwrap();
                }
                let state = engine.state(Some(lbfgs.pairs()), &mut ReusedBuffers::default()).unwrap();
                (lbfgs.cost().total().to_bits(), bits(&state))
            })
        };
        let whole = run(1, false);
        assert!(run(1, true) == whole, "{name}");
        assert!(run(2, true).iter().all(|found| *found == whole[0]), "{name}, two ranks");
    }
}

/// The active share of every report.
#[derive(Default)]
struct ActiveShares(Vec<f64>);

impl Observer for ActiveShares {
    fn report(&mut self, progress: &Progress) -> rhohat::Result<()> {
        self.0.extend(progress.measures.map(|measures| measures.active));
        Ok(())
    }
}

#[test]
fn dead_units_are_given_the_same_new_weights_on_any_number_of_ranks() {
    for (name, choice) in ENGINES {
        let mut problem = problem(6);
        problem.params.b1[3..15].fill(-60.0);
        let resampling = Some(Resampling { every: 4, objective: problem.objective });
        let recipe = Recipe { resampling, steps: 9, ..recipe(Optimizer::Adam) };
        let recipe = Recipe { yardstick: Some(Yardstick { variance: Some(1.0) }), ..recipe };
        let run = |size| {
            on_all(ranks(size), |rank| {
                let mut engine = open(&choice, &problem, Setup::default(), rank, 4);
                let mut active = ActiveShares::default();
                let outcome = train(&mut *engine, &recipe, &mut active).unwrap();
                let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
                (outcome.revived, active.0, bits(&state))
            })
        };
        let alone = run(1).remove(0);
        assert!(alone.0 >= 12 && !alone.1.is_empty(), "{name}: {} units, {:?}", alone.0, alone.1);
        for size in [2, 4] {
            assert!(run(size).iter().all(|found| *found == alone), "{name}, {size} ranks");
        }
    }
}

#[test]
fn rows_are_cut_alike_on_any_number_of_ranks() {
    // Without rows, chunks are as long as memory allows.
    let pair = (Activation::Sigmoid, Activation::Sigmoid);
    let problem = Problem::of_shape(pair, Shape { visible: 16, hidden: 509 }, 0, 1);
    let plans =
        |size| on_all(ranks(size), |rank| open(&Choice::Cpu, &problem, Setup::default(), rank, 8).plan());
    let alone = plans(1)[0];
    for size in [2, 4, 8] {
        assert_eq!(plans(size), vec![alone; size]);
    }
}

#[test]
fn neither_threads_of_a_rank_nor_rows_that_are_streamed_move_a_bit() {
    let problem = problem(7);
    let run = |size: usize, threads: usize, is_streamed: bool| {
        on_all(ranks(size), |rank| {
            let cut = Chunking { chunk: Some(7), ..Chunking::default() };
            let setup = Setup { objective: problem.objective, cut, threads, ..Setup::default() };
            let rows = Box::new(problem.data.clone());
            let rows = if is_streamed { ExampleSet::Streamed(rows) } else { ExampleSet::Resident(rows) };
            let mut engine =
                ShardedCpu::new(&setup, Ranks::new(rank, 4).unwrap(), &problem.params, rows).unwrap();
            let outcome = train(&mut engine as &mut dyn Engine, &recipe(Optimizer::Adam), &mut ()).unwrap();
            let state = engine.state(None, &mut ReusedBuffers::default()).unwrap();
            (outcome.cost.total().to_bits(), bits(&state))
        })
    };
    let alone = run(1, 1, false).remove(0);
    for (size, threads, is_streamed) in [(1, 3, false), (1, 3, true), (2, 1, true), (4, 2, false)] {
        let found = run(size, threads, is_streamed);
        assert!(found.iter().all(|found| *found == alone), "{size} ranks, {threads} threads, {is_streamed}");
    }
}
