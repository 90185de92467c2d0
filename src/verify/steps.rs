//! Whole passes and updates of an engine against the reference, within the bound that follows from the formulas.

use std::ops::Range;

use super::compare::{Closeness, Expected, UNIT};
use super::numbers::CaseNumbers;
use super::rig::Failure;
use super::running_error::kernels::{adam, sgd};
use super::running_error::step::{Bounded, Weights, cost_and_gradient, exact_weights, forward};
use super::running_error::{Approx, exact};
use crate::engine::device::Choice;
use crate::engine::setup::Setup;
use crate::engine::{Chunking, Engine, NewUnit, RhoHat, Rows, Step, Update};
use crate::math::objective::{Activation, Cost, Objective, Penalty, PenaltyKind, RhoHatMode};
use crate::math::params::{Matrix, ParamTensor, Params, Shape};

/// Awkward on purpose: no size is a multiple of a tile, and a row and a unit are left over by every cut.
const SHAPE: Shape = Shape { visible: 13, hidden: 10 };
const EXAMPLES: usize = 50;

/// All in one piece; three blocks; three blocks and several chunks.
pub const CUTS: [Chunking; 3] = [
    Chunking { chunk: None, block: None, binding_limit: None },
    Chunking { chunk: None, block: Some(4), binding_limit: None },
    Chunking { chunk: Some(16), block: Some(4), binding_limit: None },
];

/// Parameters and examples in which nothing cancels: weights and data keep away from 0 and the data from what the
/// outputs can reach at first, so that no gradient comes close to 0, where Adam would make a whole step of a rounding
/// error.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The objective.
    pub objective: Objective,
    /// Start parameters.
    pub params: Params<f32>,
    /// Examples.
    pub data: Matrix<f32>,
}

impl Problem {
    /// The problem that is verified for one pair of activations, under KL.
    pub fn new(pair: (Activation, Activation), seed: u64) -> Self {
        Self::of_shape(pair, SHAPE, EXAMPLES, seed)
    }

    /// The same under another penalty.
    #[must_use]
    pub fn under(mut self, kind: PenaltyKind) -> Self {
        self.objective.penalty.kind = kind;
        self
    }

    /// One of any shape. Weights shrink as the sums over them grow, so that no unit saturates: the penalty's gradient of a unit that
    /// is always on is huge, and so is what a rounding does to it.
    pub fn of_shape(
        (activation, output): (Activation, Activation),
        shape: Shape,
        examples: usize,
        seed: u64,
    ) -> Self {
        let mut numbers = CaseNumbers::new(seed, "whole steps");
        let weights = shape.visible * shape.hidden;
        let (in_all, out_all) = (1.0 / shape.visible as f64, -1.0 / shape.hidden as f64);
        let params = Params {
            shape,
            w1: numbers.between(in_all, 5.0 * in_all, weights),
            b1: numbers.between(-0.5, 0.5, shape.hidden),
            d: numbers.between(4.0 * out_all, out_all, weights),
            b2: numbers.between(-0.5, 0.5, shape.visible),
        };
        let values = numbers.between(0.8, 0.9, examples * shape.visible);
        let data = Matrix { rows: examples, cols: shape.visible, values };
        let objective = Objective { activation, output, penalty: Penalty::kl(0.05), beta: 0.5, lambda: 0.1 };
        Self { objective, params, data }
    }

    /// Units of different blocks that begin with weights of other units, in which nothing cancels either.
    fn new_units(&self) -> [NewUnit; 2] {
        let Params { shape: Shape { visible, hidden }, w1, d, .. } = &self.params;
        let row = |rows: &[f32], unit: usize| rows[unit * visible..(unit + 1) * visible].to_vec();
        [(1, 0.25), (hidden - 1, -0.125)].map(|(unit, b1)| {
            let other = (unit + 3) % hidden;
            NewUnit { unit, w1: row(w1, other), b1, d: row(d, other) }
        })
    }

    fn with_beta(&self, beta: f64) -> Self {
        Self { objective: self.objective.with_beta(beta), ..self.clone() }
    }

    fn open(&self, choice: &Choice, cut: Chunking, rho_hat: RhoHat) -> crate::Result<Box<dyn Engine>> {
        let setup = Setup { objective: self.objective, cut, rho_hat, threads: 0 };
        choice.open(&setup, &(self.params.clone(), self.data.clone()))
    }
}

/// J, ρ̂, gradient, codes and outputs of one pass.
pub fn check_pass(choice: &Choice, problem: &Problem, cut: Chunking) -> Result<Closeness, Failure> {
    check_pass_of(&mut *problem.open(choice, cut, RhoHat::default())?, problem)
}

/// As [`check_pass`] of an engine that has been opened with the problem.
pub fn check_pass_of(engine: &mut dyn Engine, problem: &Problem) -> Result<Closeness, Failure> {
    let (weights, x) = (exact_weights(&problem.params), exact(&problem.data.values));
    let expected = cost_and_gradient(&problem.objective, &weights, &x, None);

    let (cost, gradient) = engine.gradient()?;
    let mut worst = check_cost(&expected, &cost, engine.units())?;
    worst = worst.worse(check_cost(&expected, &engine.cost()?, engine.units())?);
    worst = worst.worse(named("gradient", expected.expected_gradient().compare(&gradient.to_flat()))?);

    // Rows from the middle of one chunk to the middle of another.
    let (rows, shape) = (problem.data.rows, problem.params.shape);
    let (first, count) = (rows / 7, (rows * 5 / 8).max(1));
    let (codes, outputs) = forward(&problem.objective, &weights, &x);
    let part = |all: &[Approx], width: usize| -> Expected {
        all[first * width..(first + count) * width].to_vec().into()
    };
    let codes = part(&codes, shape.hidden).compare(&engine.encode(first, count)?);
    let outputs = part(&outputs, shape.visible).compare(&engine.reconstruct(first, count)?);
    Ok(worst.worse(named("codes", codes)?).worse(named("outputs", outputs)?))
}

/// J, and the ρ̂ of the units that the engine has.
fn check_cost(expected: &Bounded, cost: &Cost, units: Range<usize>) -> Result<Closeness, Failure> {
    let terms = Expected::from(expected.terms.to_vec());
    let of_terms = named("cost", terms.compare(&[cost.reconstruction, cost.decay, cost.penalty]))?;
    let rho_hat = Expected::from(expected.rho_hat[units].to_vec());
    Ok(of_terms.worse(named("rho_hat", rho_hat.compare(&cost.rho_hat))?))
}

pub(super) fn named<E: std::fmt::Display>(
    what: &str,
    result: Result<Closeness, E>,
) -> Result<Closeness, Failure> {
    result.map_err(|difference| Failure::Wrong(format!("{what}: {difference}")))
}

/// How parameters are updated in a check.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Adam, else SGD with momentum.
    pub adam: bool,
    /// On mini-batches, else on all examples.
    pub batches: bool,
    /// Which ρ̂.
    pub rho_hat: RhoHat,
    /// While β warms up.
    pub warms_up: bool,
    /// Two units are replaced after the first update.
    pub replaces: bool,
}

impl Rule {
    /// The rules that are checked, with their names.
    pub fn all() -> [(&'static str, Self); 6] {
        let average = RhoHat { mode: RhoHatMode::Ema, decay: 0.9 };
        let sgd = Self {
            adam: false,
            batches: false,
            rho_hat: RhoHat::default(),
            warms_up: false,
            replaces: false,
        };
        let adam = Self { adam: true, batches: true, ..sgd };
        [
            ("sgd", sgd),
            ("sgd on mini-batches", Self { batches: true, ..sgd }),
            ("adam on mini-batches", adam),
            ("adam, moving average of rho_hat", Self { rho_hat: average, ..adam }),
            ("adam while beta warms up", Self { warms_up: true, ..adam }),
            ("adam after units were replaced", Self { replaces: true, ..adam }),
        ]
    }

    /// The share of β that update `step` has.
    fn beta_share(self, step: u64) -> f64 {
        if self.warms_up { step as f64 / 4.0 } else { 1.0 }
    }

    /// The update with number `step`, from 1.
    fn update(self, step: u64) -> Update {
        if self.adam { Update::Adam { lr: 0.01, step } } else { Update::Sgd { lr: 0.1, momentum: 0.9 } }
    }
}

/// Mini-batches of unequal length; rows come twice and out of order.
pub const BATCHES: [&[usize]; 3] = [
    &[49, 3, 17, 3, 0, 48, 22, 31, 9],
    &[5, 1, 2, 44, 40, 41, 42, 43, 30, 12, 13, 19, 20, 33, 7, 8, 21, 24],
    &[6],
];

/// Three updates: the parameters after each, and the cost before it.
pub fn check_updates(
    choice: &Choice,
    problem: &Problem,
    rule: Rule,
    cut: Chunking,
) -> Result<Closeness, Failure> {
    check_updates_on(choice, problem, rule, cut, BATCHES)
}

/// As [`check_updates`] on other batches.
pub fn check_updates_on(
    choice: &Choice,
    problem: &Problem,
    rule: Rule,
    cut: Chunking,
    batches: [&[usize]; 3],
) -> Result<Closeness, Failure> {
    check_updates_of(&mut *problem.open(choice, cut, rule.rho_hat)?, problem, rule, batches)
}

/// As [`check_updates_on`] of an engine that has been opened with the problem and the ρ̂ of the rule.
pub fn check_updates_of(
    engine: &mut dyn Engine,
    problem: &Problem,
    rule: Rule,
    batches: [&[usize]; 3],
) -> Result<Closeness, Failure> {
    let mut state = BoundedState::new(problem);
    let mut worst = Closeness::default();
    for (number, batch) in (1..).zip(batches) {
        let rows = if rule.batches { Rows::Listed(batch) } else { Rows::All };
        let update = rule.update(number);
        let beta = rule.beta_share(number) * problem.objective.beta;
        let problem = problem.with_beta(beta);
        let step = Step { rows, update, beta, report: true };
        let cost = engine.step(&step)?.ok_or_else(|| wrong("no cost was reported"))?;
        let expected = state.step(&problem, rows, &update, rule.rho_hat);
        worst = worst.worse(check_cost(&expected, &cost, engine.units())?);
        let params = Expected::from(state.params.clone()).compare(&engine.params()?.to_flat());
        worst = worst.worse(named(&format!("parameters after update {number}"), params)?);
        if rule.replaces && number == 1 {
            engine.replace_units(&problem.new_units())?;
            state.replace(&problem);
        }
    }
    Ok(worst)
}

pub(super) fn wrong(text: &str) -> Failure {
    Failure::Wrong(text.to_owned())
}

/// The state that an engine carries from update to update, with the errors that add up.
pub(super) struct BoundedState {
    /// In the order of [`Params::to_flat`].
    pub params: Vec<Approx>,
    moments: [Vec<Approx>; 2],
    average: Option<Vec<Approx>>,
}

impl BoundedState {
    /// That of the start parameters.
    pub fn new(problem: &Problem) -> Self {
        let params = exact(&problem.params.to_flat());
        let zeros = vec![Approx::default(); params.len()];
        Self { params, moments: [zeros.clone(), zeros], average: None }
    }

    /// Takes the new units of `problem` over.
    fn replace(&mut self, problem: &Problem) {
        let shape = problem.params.shape;
        for NewUnit { unit, w1, b1, d } in problem.new_units() {
            let row = unit * shape.visible;
            let parts =
                [(ParamTensor::W1, row, w1), (ParamTensor::B1, unit, vec![b1]), (ParamTensor::D, row, d)];
            for (tensor, first, values) in parts {
                let at = tensor.range(shape).start + first;
                self.params[at..at + values.len()].copy_from_slice(&exact(&values));
                self.moments
                    .iter_mut()
                    .for_each(|moment| moment[at..at + values.len()].fill(Approx::default()));
            }
            if let Some(average) = &mut self.average {
                // ρ is rounded to f32 on a device.
                let rho = problem.objective.penalty.rho;
                average[unit] = Approx { value: rho, error: UNIT * rho };
            }
        }
    }

    /// One update; J before it.
    pub fn step(&mut self, problem: &Problem, rows: Rows<'_>, update: &Update, rho_hat: RhoHat) -> Bounded {
        let x: Vec<f32> = match rows {
            Rows::All => problem.data.values.clone(),
            Rows::Listed(list) => list.iter().flat_map(|&i| problem.data.row(i)).copied().collect(),
        };
        let Shape { visible, hidden } = problem.params.shape;
        let weights = Weights::from_flat(&self.params, visible, hidden);
        let average = self.average.as_deref().map(|before| (before, rho_hat.decay));
        let pass = cost_and_gradient(&problem.objective, &weights, &exact(&x), average);
        if rho_hat.mode == RhoHatMode::Ema {
            self.average = Some(pass.rho_hat.clone());
        }
        let [first, second] = &self.moments;
        match *update {
            Update::Sgd { lr, momentum } => {
                [self.params, self.moments[0]] = sgd(&self.params, first, &pass.gradient, lr, momentum);
            }
            Update::Adam { lr, step } => {
                [self.params, self.moments[0], self.moments[1]] =
                    adam(&self.params, [first, second], &pass.gradient, lr, step);
            }
        }
        pass
    }
}

/// Two engines from the same start hold the same bits after the same updates.
pub fn check_repeatable(choice: &Choice, problem: &Problem, cut: Chunking) -> Result<Closeness, Failure> {
    let run = || -> Result<Vec<f64>, Failure> {
        let mut engine = problem.open(choice, cut, RhoHat::default())?;
        for (step, batch) in (1..).zip(BATCHES) {
            let (rows, update) = (Rows::Listed(batch), Update::Adam { lr: 0.01, step });
            engine.step(&Step { rows, update, beta: problem.objective.beta, report: false })?;
        }
        Ok(engine.params()?.cast::<f64>().to_flat())
    };
    Ok(Expected::exact(run()?).compare(&run()?)?)
}
