//! A run that was broken off and gone on with has the bits of one that was not, on every engine and with every
//! optimiser, through a checkpoint on disk.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use rhohat::data::shuffle::Shuffle;
use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::{Chunking, Engine, ReusedBuffers, RhoHat, Role, State, VectorData};
use rhohat::error::Error;
use rhohat::math::objective::{Objective, Penalty, RhoHatMode};
use rhohat::math::optim::{DescentConfig, LearningRate, Optimizer, OptimizerConfig, Schedule};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::math::random::Stream;
use rhohat::run::checkpoint::{Checkpoint, Checkpoints};
use rhohat::run::metrics::Mark;
use rhohat::train::{Ended, Observer, Outcome, Progress, Recipe, Resampling, StepContext, resume, train};
use tempfile::tempdir;

use crate::support;

const SHAPE: Shape = Shape { visible: 13, hidden: 21 };
const ROWS: usize = 90;
const STEPS: usize = 40;

pub(crate) fn engines(test: &str) -> Vec<(&'static str, Choice)> {
    let software = support::software(test).map(|gpu| ("software", Choice::Gpu(Arc::new(gpu))));
    [("reference", Choice::Reference), ("cpu", Choice::Cpu)].into_iter().chain(software).collect()
}

fn start() -> (Params<f32>, Matrix<f32>) {
    let mut stream = Stream::new(7, "examples");
    let values = (0..ROWS * SHAPE.visible).map(|_| (0.1 + 0.8 * stream.unit()) as f32).collect();
    let mut params = Params::random(SHAPE, 3);
    // Dead units, to be revived.
    params.b1[..4].fill(-9.0);
    (params, Matrix::new(ROWS, SHAPE.visible, values))
}

/// Everything that a run may depend on: mini-batches with a rest, a moving average, schedules, resampling, blocks, chunks.
fn cases(optimizer: Optimizer) -> Vec<(Setup, Recipe)> {
    let objective = Objective { penalty: Penalty::kl(0.05), beta: 0.3, ..Objective::default() };
    let rate = LearningRate { base: 0.02, schedule: Schedule::Cosine, warmup: 7, steps: STEPS };
    let recipe = |batch, beta_warmup| Recipe {
        yardstick: None,
        optimizer: OptimizerConfig::of(optimizer, 0.9, DescentConfig { rate, batch, beta_warmup }),
        resampling: None,
        steps: STEPS,
        shuffle: Shuffle::runs(5, 4),
        report_every: 3,
    };
    let setup = Setup { objective, ..Setup::default() };
    let cut = Chunking { chunk: Some(32), block: Some(8), binding_limit: None };
    if optimizer == Optimizer::Lbfgs {
        return vec![(setup, recipe(None, 0)), (Setup { cut, ..setup }, recipe(None, 0))];
    }
    let average = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
    let resampling =
        Some(Resampling { every: 3, objective: Objective { penalty: Penalty::kl(0.5), ..objective } });
    let batches = recipe(Some(20), 25);
    vec![
        (setup, recipe(None, 0)),
        (Setup { rho_hat: average, cut, ..setup }, Recipe { resampling, ..batches.clone() }),
        (Setup { rho_hat: average, ..setup }, batches),
    ]
}

/// Takes checkpoints after the steps `at`, and ends training after the last of them.
struct Keep<'a> {
    run: &'a Path,
    at: &'a [usize],
    taken: Cell<usize>,
}

impl Observer for Keep<'_> {
    fn report(&mut self, _: &Progress) -> rhohat::Result<()> {
        Ok(())
    }

    fn after_step(&mut self, context: &mut StepContext<'_>) -> rhohat::Result<Option<Ended>> {
        let steps = context.position.steps;
        if context.position.ended.is_some() || !self.at.contains(&steps) {
            return Ok(None);
        }
        let (position, state) = context.snapshot(&mut ReusedBuffers::default())?;
        let checkpoint =
            Checkpoint { position, state, metrics: Mark::default(), patience: None, provenance: None };
        <Checkpoints>::of(self.run).publish(&checkpoint)?;
        self.taken.set(self.taken.get() + 1);
        Ok((self.at.last() == Some(&steps)).then_some(Ended::Stopped))
    }
}

fn open(choice: &Choice, setup: &Setup) -> Box<dyn Engine> {
    choice.open(setup, &start()).unwrap()
}

fn bits(engine: &mut dyn Engine, outcome: &Outcome) -> (Vec<u64>, usize, u64, usize) {
    let State { vectors, .. } = engine.state(None, &mut ReusedBuffers::default()).unwrap();
    let bits = match &vectors[0].1 {
        VectorData::Single(values) => values.iter().map(|x| u64::from(x.to_bits())).collect(),
        VectorData::Double(values) => values.iter().map(|x| x.to_bits()).collect(),
    };
    (bits, outcome.steps, outcome.samples, outcome.revived)
}

/// Trains to `stop`, then goes on from the checkpoint with a new engine.
fn broken_off(choice: &Choice, setup: &Setup, recipe: &Recipe, stop: usize) -> (Vec<u64>, usize, u64, usize) {
    let folder = tempdir().unwrap();
    let mut keep = Keep { run: folder.path(), at: &[stop], taken: Cell::new(0) };
    let first = train(&mut *open(choice, setup), recipe, &mut keep).unwrap();
    assert_eq!((first.ended, keep.taken.get()), (Ended::Stopped, 1), "step {stop}");
    let found = <Checkpoints>::of(folder.path()).find().unwrap();
    let (_, Checkpoint { position, state, .. }) = found.newest.unwrap();
    let mut engine = open(choice, setup);
    engine.set_state(&state).unwrap();
    let outcome = resume(&mut *engine, recipe, position, &mut ()).unwrap();
    bits(&mut *engine, &outcome)
}

#[test]
fn runs_that_stop_at_twenty_random_steps_and_go_on_have_the_bits_of_those_that_do_not() {
    for (name, choice) in engines("stop and resume") {
        for optimizer in Optimizer::ALL {
            let cases = cases(optimizer);
            let mut steps: Vec<usize> = (1..STEPS).collect();
            Stream::new(11, "stops").shuffle(&mut steps);
            for (case, (setup, recipe)) in cases.iter().enumerate() {
                let mut engine = open(&choice, setup);
                let outcome = train(&mut *engine, recipe, &mut ()).unwrap();
                let whole = bits(&mut *engine, &outcome);
                assert_eq!(outcome.revived > 0, recipe.resampling.is_some(), "{name}, {optimizer:?}");
                let reached = steps.iter().copied().filter(|&step| step < outcome.steps);
                let stops: Vec<usize> = reached.skip(case).step_by(cases.len()).collect();
                for &stop in stops.iter().take(20usize.div_ceil(cases.len())) {
                    let resumed = broken_off(&choice, setup, recipe, stop);
                    assert!(resumed == whole, "{name}, {optimizer:?}, case {case}, stopped after {stop}");
                }
                assert!(stops.len() >= 20 / cases.len(), "{name}, {optimizer:?}: {} stops", stops.len());
            }
        }
    }
}

#[test]
fn a_run_that_is_watched_by_checkpoints_at_every_step_has_the_bits_of_one_that_is_not() {
    for (name, choice) in engines("checkpoints everywhere") {
        for optimizer in Optimizer::ALL {
            let (setup, recipe) = cases(optimizer).pop().unwrap();
            let folder = tempdir().unwrap();
            let every: Vec<usize> = (1..=STEPS + 1).collect();
            let mut keep = Keep { run: folder.path(), at: &every, taken: Cell::new(0) };
            let mut engine = open(&choice, &setup);
            let outcome = train(&mut *engine, &recipe, &mut keep).unwrap();
            let watched = bits(&mut *engine, &outcome);
            assert_eq!(keep.taken.get(), outcome.steps);
            let mut engine = open(&choice, &setup);
            let outcome = train(&mut *engine, &recipe, &mut ()).unwrap();
            assert!(watched == bits(&mut *engine, &outcome), "{name}, {optimizer:?}");
        }
    }
}

#[test]
fn a_copy_in_the_memory_of_an_older_one_is_the_same_and_takes_no_other() {
    for (name, choice) in engines("used memory") {
        let (setup, recipe) = cases(Optimizer::Adam).remove(0);
        let mut engine = open(&choice, &setup);
        train(&mut *engine, &Recipe { steps: 2, ..recipe }, &mut ()).unwrap();
        let wanted = engine.state(None, &mut ReusedBuffers::default()).unwrap();
        assert_eq!(wanted.vectors.len(), 3, "{name}");
        // Parameters and moments exchanged, as a mix-up would have them.
        let mut older = wanted.clone();
        older.vectors.reverse();
        let places = |state: &State| {
            let mut places: Vec<usize> = state.vectors.iter().map(|(_, numbers)| place(numbers)).collect();
            places.sort_unstable();
            places
        };
        let old = places(&older);
        let copy = engine.state(None, &mut older.into()).unwrap();
        assert_eq!(copy, wanted, "{name}");
        // The reference is plain: it copies anew.
        assert!(name == "reference" || places(&copy) == old, "{name}");
    }
}

fn place(numbers: &VectorData) -> usize {
    match numbers {
        VectorData::Single(values) => values.as_ptr().addr(),
        VectorData::Double(values) => values.as_ptr().addr(),
    }
}

#[test]
fn a_state_can_be_gone_on_with_on_another_engine_and_another_cut() {
    let engines = engines("another engine");
    for optimizer in [Optimizer::Adam, Optimizer::Lbfgs] {
        let cases = cases(optimizer);
        let (setup, recipe) = cases.last().unwrap();
        let folder = tempdir().unwrap();
        let mut keep = Keep { run: folder.path(), at: &[9], taken: Cell::new(0) };
        train(&mut *open(&Choice::Cpu, setup), recipe, &mut keep).unwrap();
        let Checkpoint { position, state, .. } =
            <Checkpoints>::of(folder.path()).find().unwrap().newest.unwrap().1;
        let costs: Vec<f64> = engines
            .iter()
            .map(|(_, choice)| {
                let cut = Chunking { block: Some(5), ..setup.cut };
                let mut engine = open(choice, &Setup { cut, ..*setup });
                engine.set_state(&state).unwrap();
                let pairs = position.search.as_ref().map(|search| search.pairs());
                let back = engine.state(pairs, &mut ReusedBuffers::default()).unwrap();
                for (role, _) in &state.vectors {
                    assert_eq!(back.get::<f32>(*role), state.get::<f32>(*role), "{role:?}");
                }
                let recipe = Recipe { steps: 14, ..recipe.clone() };
                resume(&mut *engine, &recipe, position.clone(), &mut ()).unwrap().cost.total()
            })
            .collect();
        assert!(costs.iter().all(|cost| (cost / costs[0] - 1.0).abs() < 1e-3), "{optimizer:?}: {costs:?}");
    }
}

#[test]
fn numbers_that_are_not_finite_end_training_by_the_next_report_and_are_named() {
    let bad = [
        (Role::Params, ""),
        (Role::Moment(0), "the momentum of "),
        (Role::Moment(1), "the second moment of "),
    ];
    for (name, choice) in engines("not finite") {
        let (setup, recipe) = cases(Optimizer::Adam).remove(0);
        let mut engine = open(&choice, &setup);
        train(&mut *engine, &Recipe { steps: 2, ..recipe.clone() }, &mut ()).unwrap();
        let good = engine.state(None, &mut ReusedBuffers::default()).unwrap();
        // The second moment alone hides an infinity: it stops a parameter where it is.
        for (role, of) in bad {
            for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut tensors: Params<f32> = good.get(role).unwrap();
                tensors.d[17] = number;
                let mut state = State { order: rhohat::engine::Arrangement::Rows, ..good.clone() };
                for (known, numbers) in &mut state.vectors {
                    let rows = if *known == role { tensors.clone() } else { good.get(*known).unwrap() };
                    *numbers = VectorData::Single(rows.to_flat());
                }
                engine.set_state(&good).unwrap();
                assert_eq!(engine.first_not_finite().unwrap(), None, "{name}");
                engine.set_state(&state).unwrap();
                let found = engine.first_not_finite().unwrap();
                assert_eq!(found, Some(format!("{of}decoder.weight")), "{name}, {number}");
                let error = train(&mut *engine, &recipe, &mut ()).unwrap_err();
                let Error::Diverged { step, what, remedy } = &error else { panic!("{name}: {error}") };
                assert!(*step <= recipe.report_every, "{name}, {role:?}: {step}");
                // What came of it within the interval is bad too, and the first tensor is named: the parameters, but
                // for the infinity that hides where a root and a quotient of it are exact.
                let hides = role == Role::Moment(1) && number == f32::INFINITY && name != "software";
                let named = what.ends_with(".weight") || what.ends_with(".bias");
                assert!(named && (what.starts_with(of) || !hides), "{name}, {role:?}, {number}: {what}");
                assert!(remedy.starts_with("`lr` 0.02"), "{remedy}");
                assert_eq!(error.exit_code(), 4);
            }
        }
    }
}
