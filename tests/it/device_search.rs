//! L-BFGS on a device: an iteration is one submission that is waited for once; what a trial leaves behind is seen where it is
//! accepted, and nowhere else.

use std::sync::Arc;

use rhohat::engine::device::{Choice, Setup};
use rhohat::engine::gpu::device::Gpu;
use rhohat::engine::{Chunking, Engine, Layer, ReusedBuffers};
use rhohat::math::objective::Cost;
use rhohat::math::optim::lbfgs::{Iteration, Lbfgs};
use rhohat::math::optim::{Role, SearchSpace, Trial};
use rhohat::math::params::Params;

use crate::engines::small;
use crate::support;

/// Whole, and in blocks whose vectors of the history are several pieces.
const CUTS: [Chunking; 2] = [
    Chunking { chunk: None, block: None, binding_limit: None },
    Chunking { chunk: Some(24), block: Some(8), binding_limit: None },
];

fn engine(gpu: &Arc<Gpu>, cut: Chunking) -> Box<dyn Engine> {
    let setup = Setup { cut, ..Setup::default() };
    Choice::Gpu(gpu.clone()).open(&setup, &small()).unwrap()
}

/// A few iterations, of which the last trial has been accepted.
fn iterate(engine: &mut dyn Engine) {
    let mut lbfgs = Lbfgs::new(engine).unwrap();
    for _ in 0..3 {
        lbfgs.iterate(engine).unwrap();
    }
}

fn wide(values: Vec<f32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

fn bits(params: &Params<f32>) -> Vec<u32> {
    params.to_flat().iter().map(|x| x.to_bits()).collect()
}

fn gradient(engine: &mut dyn Engine) -> Vec<f64> {
    let state = engine.state(Some(&[]), &mut ReusedBuffers::default()).unwrap();
    state.get::<f64>(Role::Gradient).expect("a search has a gradient").to_flat()
}

#[test]
fn an_iteration_of_lbfgs_is_one_submission_and_one_wait_whatever_its_history() {
    let Some(gpu) = support::software("one submission an iteration") else { return };
    let gpu = Arc::new(gpu);
    gpu.force_budget(Some(1e15));
    let mut engine = engine(&gpu, Chunking::default());
    let mut lbfgs = Lbfgs::new(&mut *engine).unwrap();
    for iteration in 0..25 {
        let (submissions, waits, evaluations) = (gpu.submissions(), gpu.waits(), lbfgs.evaluations());
        assert!(matches!(lbfgs.iterate(&mut *engine).unwrap(), Iteration::Accepted(_)));
        let trials = lbfgs.evaluations() - evaluations;
        let took = [gpu.submissions() - submissions, gpu.waits() - waits];
        assert_eq!(took, [trials; 2], "iteration {iteration}: submissions and waits of {trials} trials");
    }
}

/// An engine that is never told what will be asked for.
struct Unprepared(Box<dyn Engine>);

impl SearchSpace for Unprepared {
    fn begin_search(&mut self, history: usize) -> rhohat::Result<Cost> {
        self.0.begin_search(history)
    }

    fn evaluate(&mut self, step: f64) -> rhohat::Result<Trial> {
        self.0.evaluate(step)
    }

    fn accept(&mut self, slot: usize) -> rhohat::Result<()> {
        self.0.accept(slot)
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> rhohat::Result<Vec<f64>> {
        self.0.dots(pairs)
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> rhohat::Result<()> {
        self.0.set_direction(terms)
    }
}

#[test]
fn a_search_goes_the_same_way_bit_by_bit_whether_or_not_it_says_what_it_will_ask_for() {
    let Some(gpu) = support::software("a search without announcements") else { return };
    let gpu = Arc::new(gpu);
    for cut in CUTS {
        let (mut told, mut untold) = (engine(&gpu, cut), Unprepared(engine(&gpu, cut)));
        let mut searches = [Lbfgs::new(&mut *told).unwrap(), Lbfgs::new(&mut untold).unwrap()];
        for iteration in 0..25 {
            searches[0].iterate(&mut *told).unwrap();
            searches[1].iterate(&mut untold).unwrap();
            assert_eq!(searches[0], searches[1], "iteration {iteration}, {cut:?}");
        }
        assert_eq!(bits(&told.params().unwrap()), bits(&untold.0.params().unwrap()), "{cut:?}");
    }
}

#[test]
fn a_trial_that_is_not_accepted_changes_neither_parameters_nor_gradient() {
    let Some(gpu) = support::software("a trial that is thrown away") else { return };
    let gpu = Arc::new(gpu);
    for cut in CUTS {
        let mut engine = engine(&gpu, cut);
        iterate(&mut *engine);
        let (params, before) = (bits(&engine.params().unwrap()), gradient(&mut *engine));
        let square = [(Role::Gradient, Role::Gradient)];
        let norm = engine.dots(&square).unwrap();

        let prepared = [(Role::Step(5), Role::Change(5)), (Role::Gradient, Role::Gradient)];
        engine.prepare(5, &prepared);
        engine.set_direction(&[(-1.0, Role::Gradient)]).unwrap();
        let slope = -norm[0];
        let trials = [0.3, 0.1].map(|step| engine.evaluate(step).unwrap());
        assert!(trials.iter().all(|trial| trial.slope > slope), "the trials lie elsewhere");
        assert_eq!(
            engine.dots(&square).unwrap(),
            norm,
            "{cut:?}: the products are those of the current point"
        );

        // Tried again: this time the direction and the state are looked at first.
        engine.evaluate(0.1).unwrap();
        engine.set_direction(&[(-2.0, Role::Gradient)]).unwrap();
        let again = engine.evaluate(0.05).unwrap();
        assert_eq!(again.slope, 2.0 * trials[1].slope, "{cut:?}: the direction is made of the old gradient");
        engine.evaluate(0.2).unwrap();
        assert_eq!(gradient(&mut *engine), before, "{cut:?}");
        assert_eq!(bits(&engine.params().unwrap()), params, "{cut:?}");
    }
}

#[test]
fn whoever_asks_an_engine_sees_the_trial_that_was_accepted_last() {
    let Some(gpu) = support::software("an accepted trial") else { return };
    let gpu = Arc::new(gpu);
    type Question = fn(&mut dyn Engine) -> Vec<f64>;
    let questions: [(&str, Question); 8] = [
        ("params", |engine| wide(engine.params().unwrap().to_flat())),
        ("cost", |engine| vec![engine.cost().unwrap().total()]),
        ("sampled cost", |engine| vec![engine.sampled_cost(1 << 20).unwrap().0.total()]),
        ("gradient", |engine| engine.gradient().unwrap().1.to_flat()),
        ("encode", |engine| wide(engine.encode(0, 5).unwrap())),
        ("reconstruct", |engine| wide(engine.reconstruct(0, 5).unwrap())),
        ("activations", |engine| wide(engine.activations(Layer::Output, &[3, 1]).unwrap())),
        ("state", |engine| {
            let state = engine.state(Some(&[0]), &mut ReusedBuffers::default()).unwrap();
            state.get::<f64>(Role::Params).unwrap().to_flat()
        }),
    ];
    for (name, question) in questions {
        let mut searching = engine(&gpu, Chunking::default());
        let start = bits(&searching.params().unwrap());
        iterate(&mut *searching);
        let answer = question(&mut *searching);
        let params = searching.params().unwrap();
        assert_ne!(bits(&params), start);
        let mut fresh = engine(&gpu, Chunking::default());
        fresh.set_params(&params).unwrap();
        assert_eq!(answer, question(&mut *fresh), "{name}");
    }
}
