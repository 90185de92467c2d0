//! Twenty updates as another implementation makes them (`make.py`, NumPy in f64), replayed on every engine.

#[path = "../support/mod.rs"]
mod support;

use std::rc::Rc;

use rhohat::device::{Choice, Setup, Start};
use rhohat::engine::{Cut, RhoHat, Rows, Update};
use rhohat::model::{Matrix, Params, Shape};
use rhohat::objective::{Objective, RhoHatMode};
use rhohat::verify::compare::{Closeness, Expected};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    run: Run,
    objective: Objective,
    visible: usize,
    hidden: usize,
    x: Vec<f64>,
    start: Vec<f64>,
    batches: Vec<Vec<u32>>,
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
    ("sgd_full", include_str!("sgd_full.json")),
    ("adam_full", include_str!("adam_full.json")),
    ("adam_batches", include_str!("adam_batches.json")),
    ("sgd_average", include_str!("sgd_average.json")),
    ("adam_average", include_str!("adam_average.json")),
];

/// f64 on both sides, sums in another order: twenty updates of some ten roundings each, of numbers up to 1.
const DOUBLE: f64 = 1e-13;
/// f32: an update moves a parameter in some three roundings of numbers up to 1, twenty times 3·2⁻²⁴.
const SINGLE: f64 = 4e-6;

/// Parameters and data are exact in f32, so that every engine starts from the same numbers.
impl Start for Golden {
    fn single(&self) -> rhohat::Result<(Params<f32>, Matrix<f32>)> {
        let (params, data) = self.double()?;
        Ok((params.cast(), data.cast()))
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

    /// Replays the run; costs, ρ̂ and the final parameters have to lie within `tolerance` of numbers up to 1.
    fn replay(&self, choice: &Choice, cut: Cut, tolerance: f64) -> Closeness {
        let mode = if self.run.decay.is_some() { RhoHatMode::Ema } else { RhoHatMode::Exact };
        let rho_hat = RhoHat { mode, decay: self.run.decay.unwrap_or_default() };
        let setup = Setup { objective: self.objective, cut, rho_hat, threads: 0 };
        let mut engine = choice.open(&setup, self).unwrap();
        let close = |expected: &[f64], got: &[f64]| {
            let bound = |i: usize| tolerance * expected[i].abs().max(1.0);
            Expected::within(expected.to_vec(), bound).compare(got).unwrap()
        };

        let mut worst = Closeness::default();
        for (step, batch) in (1..).zip(&self.batches) {
            let rows = if self.run.batch.is_some() { Rows::Listed(batch) } else { Rows::All };
            let cost = engine.step(rows, &self.update(step), true).unwrap().unwrap();
            let index = step as usize - 1;
            let terms = [cost.reconstruction, cost.decay, cost.kl];
            worst = worst.worse(close(&self.costs[index], &terms));
            worst = worst.worse(close(&self.rho_hats[index], &cost.rho_hat));
        }
        let params: Params<f64> = engine.params().unwrap().cast();
        // What the reference hands out is rounded to f32.
        let last = tolerance.max(f64::from(f32::EPSILON));
        let bound = |i: usize| last * self.end[i].abs().max(1.0);
        worst.worse(Expected::within(self.end.clone(), bound).compare(&params.to_flat()).unwrap())
    }
}

fn replay_all(engine: &str, choice: &Choice, tolerance: f64) {
    let cuts = [Cut::default(), Cut { chunk: Some(8), block: Some(3) }];
    for (name, text) in FILES {
        let golden: Golden = serde_json::from_str(text).unwrap();
        assert_eq!((golden.batches.len(), golden.costs.len(), golden.rho_hats.len()), (20, 20, 20));
        for cut in cuts {
            let Closeness { error, share } = golden.replay(choice, cut, tolerance);
            println!("{engine}, {name}: {error:.1e}, {share:.2} of the tolerance");
        }
    }
}

#[test]
fn the_reference_replays_twenty_updates_of_another_implementation() {
    replay_all("reference", &Choice::Reference, DOUBLE);
}

#[test]
fn the_cpu_engine_replays_twenty_updates_of_another_implementation() {
    replay_all("cpu", &Choice::Cpu, SINGLE);
}

#[test]
fn the_kernels_replay_twenty_updates_of_another_implementation() {
    let Some(gpu) = support::software("golden runs") else { return };
    replay_all("software", &Choice::Gpu(Rc::new(gpu)), SINGLE);
}
