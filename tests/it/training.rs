//! Training on every engine: reports, the end, what stops it, and that a device is waited for at reports alone.

use std::sync::Arc;

use rhohat::data::shuffle::Shuffle;
use rhohat::engine::device::{Choice, Setup};
use rhohat::error::Error;
use rhohat::math::objective::Objective;
use rhohat::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use rhohat::train::{Ended, Observer, Progress, Recipe, StepContext, train};

use crate::engines::{engines, small};
use crate::support;

fn recipe(optimizer: Optimizer) -> Recipe {
    recipe_of(optimizer, DescentConfig::constant(0.1))
}

fn recipe_of(optimizer: Optimizer, descent: DescentConfig) -> Recipe {
    Recipe {
        yardstick: None,
        optimizer: OptimizerConfig::of(optimizer, 0.9, descent),
        resampling: None,
        steps: 10,
        shuffle: Shuffle::rows(0),
        report_every: 1,
    }
}

#[test]
fn parameters_that_are_not_finite_end_training_as_a_divergence_that_names_the_tensor() {
    for (name, choice) in engines("divergence") {
        for optimizer in [Optimizer::Sgd, Optimizer::Adam] {
            let (mut params, data) = small();
            params.d[3] = f32::NAN;
            let mut engine = choice.open(&Setup::default(), &(params, data)).unwrap();
            let error = train(&mut *engine, &recipe(optimizer), &mut ()).unwrap_err();
            let Error::Diverged { step: 1, what, .. } = &error else { panic!("{name}: {error}") };
            assert!(what.starts_with("encoder") || what.starts_with("decoder"), "{name}: {what}");
        }
    }
}

/// Keeps the share of β and the KL term of every report.
#[derive(Default)]
struct KeepPenalty(Vec<(Option<f64>, f64)>);

impl Observer for KeepPenalty {
    fn report(&mut self, progress: &Progress) -> rhohat::Result<()> {
        self.0.push((progress.beta_share, progress.cost.penalty));
        Ok(())
    }
}

#[test]
fn reports_have_the_beta_that_rises_and_the_end_and_later_runs_the_whole_one() {
    for (name, choice) in engines("rising beta").into_iter().chain([("reference", Choice::Reference)]) {
        let mut engine = choice.open(&Setup::default(), &small()).unwrap();
        let before = engine.cost().unwrap().penalty;
        let (mut first, mut second) = (KeepPenalty::default(), KeepPenalty::default());
        let descent = DescentConfig { beta_warmup: 20, ..DescentConfig::constant(0.1) };
        let warming = recipe_of(Optimizer::Adam, descent);
        let outcome = train(&mut *engine, &warming, &mut first).unwrap();
        train(&mut *engine, &recipe(Optimizer::Adam), &mut second).unwrap();

        let close = |found: f64, wanted: f64| (found - wanted).abs() <= 1e-5 * wanted;
        assert!(close(20.0 * first.0[0].1, before), "{name}: {} of {before}", first.0[0].1);
        let shares: Vec<_> = first.0.iter().map(|(share, _)| share.unwrap()).collect();
        assert_eq!(shares, (1..=10).map(|step| f64::from(step) / 20.0).collect::<Vec<_>>(), "{name}");
        let whole: f64 = outcome.cost.rho_hat.iter().map(|&r| Objective::default().penalty_of(r)).sum();
        assert_eq!(outcome.cost.penalty, whole, "{name}");
        assert!(second.0[0].0.is_none() && close(second.0[0].1, whole), "{name}: {:?}", second.0[0]);
    }
}

/// Stops after so many reports.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn report(&mut self, _: &Progress) -> rhohat::Result<()> {
        self.0 -= 1;
        Ok(())
    }

    fn after_step(&mut self, _: &mut StepContext<'_>) -> rhohat::Result<Option<Ended>> {
        Ok((self.0 == 0).then_some(Ended::Stopped))
    }
}

#[test]
fn a_run_that_is_stopped_keeps_what_it_has_done() {
    for (name, choice) in engines("stop") {
        for optimizer in [Optimizer::Lbfgs, Optimizer::Adam] {
            let mut engine = choice.open(&Setup::default(), &small()).unwrap();
            let outcome = train(&mut *engine, &recipe(optimizer), &mut StopAfter(4)).unwrap();
            assert_eq!((outcome.steps, outcome.ended), (4, Ended::Stopped), "{name}");
            assert_eq!(engine.cost().unwrap(), outcome.cost, "{name}");
        }
    }
}

#[test]
fn training_lowers_the_cost_with_every_optimiser() {
    for (name, choice) in engines("training") {
        for optimizer in Optimizer::ALL {
            let mut engine = choice.open(&Setup::default(), &small()).unwrap();
            let before = engine.cost().unwrap().total();
            let outcome = train(&mut *engine, &recipe(optimizer), &mut ()).unwrap();
            assert!(
                outcome.cost.total() < 0.9 * before,
                "{name}, {optimizer:?}: {before} → {:?}",
                outcome.cost
            );
        }
    }
}

#[test]
fn a_gpu_is_waited_for_at_reports_alone() {
    let Some(gpu) = support::software("a_gpu_is_waited_for_at_reports_alone") else { return };
    let gpu = Arc::new(gpu);
    let mut engine = Choice::Gpu(gpu.clone()).open(&Setup::default(), &small()).unwrap();
    for batch in [None, Some(20)] {
        for optimizer in [Optimizer::Sgd, Optimizer::Adam] {
            let mut waits = |steps, report_every| {
                let descent = DescentConfig { batch, ..DescentConfig::constant(0.1) };
                let recipe = Recipe { steps, report_every, ..recipe_of(optimizer, descent) };
                let before = gpu.waits();
                train(&mut *engine, &recipe, &mut ()).unwrap();
                gpu.waits() - before
            };
            // A report, a look at the bits of the parameters, and the cost in the end.
            let one = waits(1, 1);
            // Four of them, some without a look, however many steps lie between them.
            let four = waits(240, 60);
            assert!((5..=4 * one).contains(&four), "{optimizer:?}, batch {batch:?}: {four}, alone {one}");
            assert!(waits(240, 1) > 240, "{optimizer:?}, batch {batch:?}");
        }
    }
}
