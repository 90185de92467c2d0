//! Twenty updates as another implementation makes them (`tests/golden/make.py`, NumPy in f64), replayed on every engine.

use std::sync::Arc;

use rhohat::data::batches::ExampleSet;
use rhohat::engine::device::{Choice, ParamsAndExamples, Setup};
use rhohat::engine::reference::Reference;
use rhohat::engine::{Chunking, Engine, RhoHat, Rows, Step, Update};
use rhohat::math::objective::{Objective, RhoHatMode};
use rhohat::math::params::{Matrix, Params, Shape};
use rhohat::verify::compare::{Closeness, Expected, UNIT};
use serde::Deserialize;

use crate::support;

#[derive(Deserialize)]
struct Golden {
    run: Run,
    objective: Objective,
    visible: usize,
    hidden: usize,
    x: Vec<f64>,
    start: Vec<f64>,
    batches: Vec<Vec<usize>>,
    costs: Vec<[f64; 3]>,
    rho_hats: Vec<Vec<f64>>,
    end: Vec<f64>,
}

#[derive(Deserialize)]
struct Run {
    optimizer: String,
    lr: f64,
    batch: Option<usize>,
    decay: Option<f64>,
}

const FILES: [(&str, &str); 5] = [
    ("sgd_full", include_str!("../golden/sgd_full.json")),
    ("adam_full", include_str!("../golden/adam_full.json")),
    ("adam_batches", include_str!("../golden/adam_batches.json")),
    ("sgd_average", include_str!("../golden/sgd_average.json")),
    ("adam_average", include_str!("../golden/adam_average.json")),
];

/// How many roundings of numbers up to 1 a result may be off. `make.py` measures that one rounding in each number of
/// each update moves a result by up to 83 of them. A sum of K roundings of either sign grows with √K, not K, and stays
/// below one rounding of the sum of its terms' magnitudes; so 64 is no bound for the worst case, which would be looser
/// than what is to be found. `verify::running_error` has the worst case for three updates.
const ROUNDINGS: f64 = 64.0;
/// Of f64, on both sides, in sums of another order.
const DOUBLE: f64 = ROUNDINGS / (1u64 << 53) as f64;
/// Of f32.
const SINGLE: f64 = ROUNDINGS * UNIT;

/// Parameters and data are exact in f32, so that every engine starts from the same numbers.
impl ParamsAndExamples for Golden {
    fn single(&self) -> rhohat::Result<(Params<f32>, ExampleSet)> {
        let (params, data) = self.double()?;
        Ok((params.cast(), data.cast().into()))
    }

    fn double(&self) -> rhohat::Result<(Params<f64>, Matrix<f64>)> {
        let shape = Shape { visible: self.visible, hidden: self.hidden };
        let data = Matrix { rows: self.x.len() / self.visible, cols: self.visible, values: self.x.clone() };
        Ok((Params::from_flat(shape, &self.start), data))
    }
}

impl Golden {
    fn update(&self, step: u64) -> Update {
        match self.run.optimizer.as_str() {
            "sgd" => Update::Sgd { lr: self.run.lr, momentum: 0.9 },
            "adam" => Update::Adam { lr: self.run.lr, step },
            other => panic!("{other} is no optimizer"),
        }
    }

    fn setup(&self, cut: Chunking) -> Setup {
        let mode = if self.run.decay.is_some() { RhoHatMode::Ema } else { RhoHatMode::Exact };
        let rho_hat = RhoHat { mode, decay: self.run.decay.unwrap_or_default() };
        Setup { objective: self.objective, cut, rho_hat, threads: 0 }
    }

    /// Makes the updates; the cost and the ρ̂ before each have to be those of the file.
    fn replay(&self, name: &str, engine: &mut dyn Engine, tolerance: f64) -> Closeness {
        let mut worst = Closeness::default();
        for (index, batch) in self.batches.iter().enumerate() {
            let rows = if self.run.batch.is_some() { Rows::Listed(batch) } else { Rows::All };
            let cost = engine
                .step(&Step {
                    rows,
                    update: self.update(index as u64 + 1),
                    beta: self.objective.beta,
                    report: true,
                })
                .unwrap()
                .unwrap();
            let terms = [cost.reconstruction, cost.decay, cost.penalty];
            let what = |what: &str| format!("{name}, {what} before update {}", index + 1);
            worst = worst.worse(close(&what("terms of J"), &self.costs[index], &terms, tolerance));
            worst = worst.worse(close(&what("rho_hat"), &self.rho_hats[index], &cost.rho_hat, tolerance));
        }
        worst
    }

    fn ends_at(&self, name: &str, params: &Params<f64>, tolerance: f64) -> Closeness {
        close(&format!("{name}, parameters in the end"), &self.end, &params.to_flat(), tolerance)
    }
}

fn close(what: &str, expected: &[f64], got: &[f64], tolerance: f64) -> Closeness {
    let bound = |i: usize| tolerance * expected[i].abs().max(1.0);
    let compared = Expected::within(expected.to_vec(), bound).compare(got);
    compared.unwrap_or_else(|difference| panic!("{what}: {difference}"))
}

fn golden() -> impl Iterator<Item = (&'static str, Golden)> {
    FILES.into_iter().map(|(name, text)| {
        let golden: Golden = serde_json::from_str(text).unwrap();
        assert_eq!((golden.batches.len(), golden.costs.len(), golden.rho_hats.len()), (20, 20, 20), "{name}");
        (name, golden)
    })
}

fn tell(engine: &str, name: &str, Closeness { error, share }: Closeness) {
    println!("{engine}, {name}: {error:.1e}, {share:.2} of the tolerance");
}

fn replay_in_single(engine: &str, choice: &Choice) {
    let cuts = [Chunking::default(), Chunking { chunk: Some(8), block: Some(3), ..Chunking::default() }];
    for (name, golden) in golden() {
        for cut in cuts {
            let mut opened = choice.open(&golden.setup(cut), &golden).unwrap();
            let costs = golden.replay(name, &mut *opened, SINGLE);
            let params: Params<f64> = opened.params().unwrap().cast();
            tell(engine, name, costs.worse(golden.ends_at(name, &params, SINGLE)));
        }
    }
}

#[test]
fn the_reference_replays_twenty_updates_of_another_implementation_in_f64() {
    for (name, golden) in golden() {
        let (params, data) = golden.double().unwrap();
        let mut reference = Reference::new(&golden.setup(Chunking::default()), params, data);
        let costs = golden.replay(name, &mut reference, DOUBLE);
        tell("reference", name, costs.worse(golden.ends_at(name, reference.params_f64(), DOUBLE)));
    }
}

#[test]
fn the_cpu_engine_replays_twenty_updates_of_another_implementation() {
    replay_in_single("cpu", &Choice::Cpu);
}

#[test]
fn the_kernels_replay_twenty_updates_of_another_implementation() {
    let Some(gpu) = support::software("golden runs") else { return };
    replay_in_single("software", &Choice::Gpu(Arc::new(gpu)));
}
