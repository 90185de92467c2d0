//! Cases of the updates: SGD with momentum and Adam.

use super::Case;
use crate::engine::gpu::kernel::{self, AdamUniform, SgdUniform};
use crate::engine::gpu::ops::{adam_uniform, sgd_uniform};
use crate::engine::gpu::recording::LiveUniform;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::{CaseNumbers, NumberKind};
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::{Approx, exact, kernels as bounds};

const LENGTHS: &[usize] = &[1, 7, 8, 64, 65, 1_027, 65_537];

/// Gradients: none, tiny, and large.
const EDGES: &[f32] = &[0.0, 1e-12, -1e-6, 1e4, -1e4];

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &len in LENGTHS {
        for (lr, momentum) in [(0.1, 0.9), (1.0, 0.0)] {
            let name = format!("{len} numbers, rate {lr}, momentum {momentum}");
            cases.push(Case::new(&kernel::SGD, name, move |rig| sgd(rig, len, lr, momentum, seed)));
        }
        for step in [1, 2, 1_000_000] {
            let name = format!("{len} numbers, update {step}");
            cases.push(Case::new(&kernel::ADAM, name, move |rig| adam(rig, len, step, seed)));
        }
    }
    cases
}

fn sgd(rig: Rig<'_>, len: usize, lr: f64, momentum: f64, seed: u64) -> Result<Closeness, Failure> {
    let mut numbers = CaseNumbers::new(seed, &format!("sgd {len} {lr}"));
    let gradient = numbers.with_edges(EDGES, -1.0, 1.0, len);
    let [w, velocity] = [0; 2].map(|_| numbers.draw(NumberKind::Reals, len));
    let expected = bounds::sgd(&exact(&w), &exact(&velocity), &exact(&gradient), lr, momentum);

    let [gradient, w, velocity] = [rig.vector(&gradient)?, rig.vector(&w)?, rig.vector(&velocity)?];
    let uniform = LiveUniform::new::<SgdUniform>(rig.gpu, "rates")?;
    uniform.set(rig.gpu, &sgd_uniform(w.len(), lr, momentum));
    rig.run(|recorder| recorder.sgd(&gradient, &w, &velocity, &uniform))?;
    compare_all(expected, [rig.read(&w)?, rig.read(&velocity)?])
}

fn adam(rig: Rig<'_>, len: usize, step: u64, seed: u64) -> Result<Closeness, Failure> {
    const LR: f64 = 0.01;
    let mut numbers = CaseNumbers::new(seed, &format!("adam {len} {step}"));
    let gradient = numbers.with_edges(EDGES, -1.0, 1.0, len);
    let w = numbers.draw(NumberKind::Reals, len);
    let first = numbers.with_edges(&[0.0], -0.5, 0.5, len);
    let second = numbers.with_edges(&[0.0], 0.0, 0.5, len);
    let moments = [exact(&first), exact(&second)];
    let expected = bounds::adam(&exact(&w), [&moments[0], &moments[1]], &exact(&gradient), LR, step);

    let [gradient, w] = [rig.vector(&gradient)?, rig.vector(&w)?];
    let moments = [rig.vector(&first)?, rig.vector(&second)?];
    let uniform = LiveUniform::new::<AdamUniform>(rig.gpu, "rates")?;
    uniform.set(rig.gpu, &adam_uniform(w.len(), LR, step));
    rig.run(|recorder| recorder.adam(&gradient, &w, [&moments[0], &moments[1]], &uniform))?;
    compare_all(expected, [rig.read(&w)?, rig.read(&moments[0])?, rig.read(&moments[1])?])
}

fn compare_all<const N: usize>(expected: [Vec<Approx>; N], got: [Vec<f32>; N]) -> Result<Closeness, Failure> {
    let mut worst = Closeness::default();
    for (expected, got) in expected.into_iter().zip(got) {
        worst = worst.worse(Expected::from(expected).compare(&got)?);
    }
    Ok(worst)
}
