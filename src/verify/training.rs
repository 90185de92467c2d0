//! Short training runs: the engine has to arrive where the reference does.

use super::compare::{Closeness, Expected};
use super::numbers::CaseNumbers;
use super::rig::Failure;
use super::running_error::exact;
use super::running_error::step::{cost_and_gradient, exact_weights};
use crate::data::shuffle::Shuffle;
use crate::engine::device::Choice;
use crate::engine::setup::Setup;
use crate::engine::{Chunking, RhoHat};
use crate::math::objective::{Objective, Penalty};
use crate::math::optim::{DescentConfig, Optimizer, OptimizerConfig};
use crate::math::params::{Matrix, Params, Shape};
use crate::train::{Outcome, Recipe, train};

/// Largest relative difference of the final J. Not derived: searches in different precision take different steps and
/// meet again at the minimum.
pub const BOUND: f64 = 1e-4;

/// Three blocks and three chunks.
pub const CUT: Chunking = Chunking { chunk: Some(96), block: Some(4), binding_limit: None };

const SHAPE: Shape = Shape { visible: 16, hidden: 9 };
const EXAMPLES: usize = 200;
/// Updates, or iterations.
pub const STEPS: usize = 60;

/// Trains an engine and the reference alike. The final J of both may differ by [`BOUND`], and the engine's has to be
/// that of its parameters.
pub fn check(choice: &Choice, optimizer: Optimizer, cut: Chunking, seed: u64) -> Result<Closeness, Failure> {
    let (of_engine, params) = run(choice, optimizer, cut, seed)?;
    let (of_reference, _) = run(&Choice::Reference, optimizer, Chunking::default(), seed)?;
    let wanted = of_reference.cost.total();
    let close = Expected::within(vec![wanted], |_| BOUND * wanted).compare(&[of_engine.cost.total()])?;

    let (objective, x) = (objective(), exact(&examples(seed).values));
    let own = cost_and_gradient(&objective, &exact_weights(&params), &x, None).total();
    Ok(close.worse(Expected::from(vec![own]).compare(&[of_engine.cost.total()])?))
}

/// A decay so strong that there is one minimum; with the lecture's, searches that differ by a rounding may end in
/// different ones.
fn objective() -> Objective {
    Objective { penalty: Penalty::kl(0.3), beta: 0.1, lambda: 0.02, ..Objective::default() }
}

/// J after a search of the reference, and what it begins with.
#[cfg(feature = "gpu")]
pub(super) fn searched(seed: u64) -> Result<(f64, Objective, Params<f32>, Matrix<f32>), Failure> {
    let (outcome, _) = run(&Choice::Reference, Optimizer::Lbfgs, Chunking::default(), seed)?;
    Ok((outcome.cost.total(), objective(), Params::random(SHAPE, seed), examples(seed)))
}

fn run(
    choice: &Choice,
    optimizer: Optimizer,
    cut: Chunking,
    seed: u64,
) -> Result<(Outcome, Params<f32>), Failure> {
    let setup = Setup { objective: objective(), cut, rho_hat: RhoHat::default(), threads: 0 };
    let mut engine = choice.open(&setup, &(Params::random(SHAPE, seed), examples(seed)))?;
    let recipe = Recipe {
        yardstick: None,
        optimizer: OptimizerConfig::of(
            optimizer,
            0.9,
            DescentConfig { batch: Some(40), ..DescentConfig::constant(0.01) },
        ),
        resampling: None,
        steps: STEPS,
        shuffle: Shuffle::rows(seed),
        report_every: 10,
    };
    let outcome = train(&mut *engine, &recipe, &mut ())?;
    let params = engine.params()?;
    Ok((outcome, params))
}

/// Sums of two out of six waves, in the range of a sigmoid.
fn examples(seed: u64) -> Matrix<f32> {
    let mut numbers = CaseNumbers::new(seed, "training run");
    let waves = numbers.indices(6, 2 * EXAMPLES);
    let row = |pair: &[u32]| -> Vec<f32> {
        let wave = |kind: u32, i: usize| (f64::from(kind + 1) * 0.35 * i as f64).sin();
        (0..SHAPE.visible).map(|i| (0.5 + 0.2 * (wave(pair[0], i) + wave(pair[1], i))) as f32).collect()
    };
    let values = waves.chunks_exact(2).flat_map(row).collect();
    Matrix { rows: EXAMPLES, cols: SHAPE.visible, values }
}
