//! The products and activations of the CPU engine against the reference, on the cases of the shaders.

use super::compare::{Closeness, Expected, UNIT};
use super::kernels::ProductCase;
use super::numbers::CaseNumbers;
use super::rig::Failure;
use crate::engine::cpu::{activation, products};
use crate::math::objective::Activation;
use crate::math::transpose::Transpose;

/// The error that the engine states of its activations: 4 units in the last place, each at most 2⁻²³ of the value.
const ACTIVATION_ERROR: f64 = 8.0 * UNIT;

/// One product, exact on integers, else within its bound.
pub fn check_product(case: &ProductCase) -> Result<Closeness, Failure> {
    let [a, b] = case.operands();
    let (m, n, k) = case.shape;
    let multiply = match case.transpose {
        Transpose::Nt => products::nt,
        Transpose::Nn => products::nn,
        Transpose::Tn => products::tn,
    };
    Ok(case.expected(&a, &b).compare(&multiply(&a, &b, m, n, k))?)
}

/// An activation over everything from far below to far above where it saturates.
pub fn check_activation(f: Activation, seed: u64) -> Result<Closeness, Failure> {
    const EDGES: [f32; 8] = [0.0, -0.0, 1e-30, -1e-30, 88.5, -88.5, 1e30, -1e30];
    let mut z = CaseNumbers::new(seed, f.name()).with_edges(&EDGES, -110.0, 110.0, 10_007);
    z.extend(CaseNumbers::new(seed, "near zero").between(-1.0, 1.0, 10_007));
    let values: Vec<f64> = z.iter().map(|&z| f.apply(f64::from(z))).collect();
    let expected = Expected::within(values.clone(), |i| ACTIVATION_ERROR * values[i].abs());
    activation::apply(&mut z, f);
    Ok(expected.compare(&z)?)
}
