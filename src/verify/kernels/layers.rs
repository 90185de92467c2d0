//! Cases of the layers, which are products with bias and activation, and of the two deltas.

use super::{Case, SHAPES};
use crate::gpu::kernel;
use crate::gpu::ops::LayerEnd;
use crate::gpu::variant::{Product, Variant};
use crate::objective::Activation;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::numbers::Numbers;
use crate::verify::rig::{Failure, Rig};
use crate::verify::running_error::exact;
use crate::verify::running_error::kernels::{self as bounds, Form};

const ACTIVATIONS: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Linear];

/// Arguments where activations turn, saturate, overflow their exponential or lose their last digits.
const EDGES: &[f32] = &[
    0.0, -0.0, 1e-30, -1e-30, 1e-6, -1e-6, 9.1, -9.1, 17.0, -17.0, 87.0, -87.0, 88.5, -88.5, 103.0, -103.0,
    1000.0, -1000.0, 1e30, -1e30,
];

/// A sum that takes two dispatches, only the last of which may apply f.
const LONG: usize = 90_001;

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
            for product in Product::ALL {
                let hidden = move |rig: Rig<'_>| hidden_layer(rig, &case, product, 1);
                cases.push(Case::new(kernel::layer_nt(product), case.name(), hidden));
                let output = move |rig: Rig<'_>| output_layer(rig, &case, product);
                cases.push(Case::new(kernel::layer_nn(product), case.name(), output));
            }
            cases.push(Case::new(&kernel::OUTPUT_DELTA, case.name(), move |rig| output_delta(rig, &case)));
            if f != Activation::Linear {
                let run = move |rig: Rig<'_>| hidden_delta(rig, &case);
                cases.push(Case::new(&kernel::HIDDEN_DELTA, case.name(), run));
            }
        }
    }
    for product in Product::ALL {
        let case = LayerCase { rows: 2, cols: 3, f: Activation::Sigmoid, seed };
        let name = format!("{}, k = {LONG}", case.name());
        let run = move |rig: Rig<'_>| hidden_layer(rig, &case, product, LONG);
        cases.push(Case::new(kernel::layer_nt(product), name, run));
    }
    cases
}

/// The layer that ends in a product of this form, on several tiles each way; nothing for Aᵀ·B, in which none ends.
pub(super) fn of_form(form: Form, product: Product) -> Option<Case> {
    let case = LayerCase { rows: 131, cols: 257, f: Activation::Sigmoid, seed: 0 };
    match form {
        Form::Nt => {
            let run = move |rig: Rig<'_>| hidden_layer(rig, &case, product, 33);
            Some(Case::new(kernel::layer_nt(product), case.name(), run))
        }
        Form::Nn => {
            let run = move |rig: Rig<'_>| output_layer(rig, &case, product);
            Some(Case::new(kernel::layer_nn(product), case.name(), run))
        }
        Form::Tn => None,
    }
}

/// f(A Bᵀ + b). With k = 1 and B = 1 what f is applied to are the edges and b.
fn hidden_layer(rig: Rig<'_>, case: &LayerCase, product: Product, k: usize) -> Result<Closeness, Failure> {
    let &LayerCase { rows, cols, f, .. } = case;
    let mut numbers = case.numbers("layer_nt");
    let a = if k == 1 {
        numbers.with_edges(EDGES, -8.0, 8.0, rows)
    } else {
        numbers.between(-0.1, 0.1, rows * k)
    };
    let b = if k == 1 { vec![1.0; cols] } else { numbers.between(-0.1, 0.1, cols * k) };
    let bias = numbers.between(-1.0, 1.0, cols);
    let z = bounds::product(Form::Nt, &exact(&a), &exact(&b), rows, cols, k);
    let expected: Expected = bounds::bias_activation(&z, &exact(&bias), f).into();

    let (a, b) = (rig.matrix(rows, k, &a)?, rig.matrix(cols, k, &b)?);
    let (bias, c) = (rig.vector(&bias)?, rig.empty_matrix(rows, cols)?);
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.layer_nt(&a, &b, LayerEnd { bias: &bias, f }, &c)
    })?;
    Ok(expected.compare(&rig.read(&c)?)?)
}

/// f(C + A B + b).
fn output_layer(rig: Rig<'_>, case: &LayerCase, product: Product) -> Result<Closeness, Failure> {
    const K: usize = 13;
    let &LayerCase { rows, cols, f, .. } = case;
    let mut numbers = case.numbers("layer_nn");
    let [a, b, c] = [rows * K, K * cols, rows * cols].map(|count| numbers.between(-1.0, 1.0, count));
    let bias = numbers.between(-1.0, 1.0, cols);
    let mut z = bounds::product(Form::Nn, &exact(&a), &exact(&b), rows, cols, K);
    z.iter_mut().zip(exact(&c)).for_each(|(z, c)| *z = c + *z);
    let expected: Expected = bounds::bias_activation(&z, &exact(&bias), f).into();

    let (a, b) = (rig.matrix(rows, K, &a)?, rig.matrix(K, cols, &b)?);
    let (bias, c) = (rig.vector(&bias)?, rig.matrix(rows, cols, &c)?);
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.layer_nn(&a, &b, LayerEnd { bias: &bias, f }, &c, true)
    })?;
    Ok(expected.compare(&rig.read(&c)?)?)
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
