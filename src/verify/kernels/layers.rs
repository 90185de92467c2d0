//! Cases of what is done to the elements of a layer: bias and activation, the two deltas.

use super::{Case, SHAPES};
use crate::gpu::kernel;
use crate::objective::Activation;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::Numbers;
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::{exact, kernels as bounds};

const ACTIVATIONS: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Linear];

/// Arguments where activations turn, saturate, overflow their exponential or lose their last digits.
const EDGES: &[f32] = &[
    0.0, -0.0, 1e-30, -1e-30, 1e-6, -1e-6, 9.1, -9.1, 17.0, -17.0, 87.0, -87.0, 88.5, -88.5, 103.0, -103.0,
    1000.0, -1000.0, 1e30, -1e30,
];

#[derive(Clone, Copy)]
struct LayerCase {
    rows: usize,
    cols: usize,
    f: Activation,
    seed: u64,
}

impl LayerCase {
    fn name(&self) -> String {
        format!("{}×{}, {}", self.rows, self.cols, self.f.name())
    }

    fn numbers(&self, kernel: &str) -> Numbers {
        Numbers::new(self.seed, &format!("{kernel} {}", self.name()))
    }

    /// What a layer of this activation may hold, its extremes included.
    fn activations(&self, numbers: &mut Numbers) -> Vec<f32> {
        let (low, high) = self.f.range().unwrap_or((-10.0, 10.0));
        numbers.with_edges(&[low as f32, high as f32, 0.0], low, high, self.rows * self.cols)
    }
}

pub(super) fn cases(seed: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &(rows, cols) in SHAPES {
        for f in ACTIVATIONS {
            let case = LayerCase { rows, cols, f, seed };
            cases.push(Case::new(&kernel::BIAS_ACTIVATION, case.name(), move |rig| bias(rig, &case)));
            cases.push(Case::new(&kernel::OUTPUT_DELTA, case.name(), move |rig| output_delta(rig, &case)));
            if f != Activation::Linear {
                let run = move |rig: Rig<'_>| hidden_delta(rig, &case);
                cases.push(Case::new(&kernel::HIDDEN_DELTA, case.name(), run));
            }
        }
    }
    cases
}

fn bias(rig: Rig<'_>, case: &LayerCase) -> Result<Closeness, Failure> {
    let mut numbers = case.numbers("bias_activation");
    let z = numbers.with_edges(EDGES, -8.0, 8.0, case.rows * case.cols);
    let bias = numbers.between(-1.0, 1.0, case.cols);
    let expected: Expected = bounds::bias_activation(&exact(&z), &exact(&bias), case.f).into();

    let (z, bias) = (rig.matrix(case.rows, case.cols, &z)?, rig.vector(&bias)?);
    rig.run(|recorder| recorder.bias_activation(&z, &bias, case.f))?;
    Ok(expected.compare(&rig.read(&z)?)?)
}

fn output_delta(rig: Rig<'_>, case: &LayerCase) -> Result<Closeness, Failure> {
    let mut numbers = case.numbers("output_delta");
    let a3 = case.activations(&mut numbers);
    let x = numbers.between(-1.0, 1.0, case.rows * case.cols);
    let expected: Expected = bounds::output_delta(&exact(&a3), &exact(&x), case.f).into();

    let a3 = rig.matrix(case.rows, case.cols, &a3)?;
    let x = rig.matrix(case.rows, case.cols, &x)?;
    rig.run(|recorder| recorder.output_delta(&a3, &x, case.f))?;
    Ok(expected.compare(&rig.read(&a3)?)?)
}

fn hidden_delta(rig: Rig<'_>, case: &LayerCase) -> Result<Closeness, Failure> {
    let mut numbers = case.numbers("hidden_delta");
    let a2 = case.activations(&mut numbers);
    let error = numbers.between(-1.0, 1.0, case.rows * case.cols);
    let slope = numbers.with_edges(&[-1.5e5, 3.0, 0.0], -3.0, 3.0, case.cols);
    let expected: Expected = bounds::hidden_delta(&exact(&error), &exact(&slope), &exact(&a2), case.f).into();

    let a2 = rig.matrix(case.rows, case.cols, &a2)?;
    let (error, slope) = (rig.matrix(case.rows, case.cols, &error)?, rig.vector(&slope)?);
    rig.run(|recorder| recorder.hidden_delta(&error, &slope, &a2, case.f))?;
    Ok(expected.compare(&rig.read(&error)?)?)
}
