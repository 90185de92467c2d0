//! Cases of output layers and of their deltas.

use super::LayerCase;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::ops::{Gemm, LayerEpilogue, OutputEpilogue};
use crate::engine::variant::{Product, Variant};
use crate::math::transpose::Transpose;
use crate::verify::compare::{Closeness, Expected};
use crate::verify::kernels::sums::{BEFORE, sums_behind};
use crate::verify::numbers::CaseNumbers;
use crate::verify::rig::{Failure, Rig, WORKGROUPS};
use crate::verify::running_error::kernels as bounds;
use crate::verify::running_error::{Approx, exact};

/// Inputs and expected outputs of an output layer f(A B + b) or f(C + A B + b).
struct OutputLayer {
    a: Tensor,
    b: Tensor,
    bias: Tensor,
    c: Tensor,
    a3: Vec<Approx>,
}

impl OutputLayer {
    fn new(
        rig: Rig<'_>,
        case: &LayerCase,
        numbers: &mut CaseNumbers,
        k: usize,
        adds: bool,
    ) -> Result<Self, Failure> {
        let &LayerCase { rows, cols, f, .. } = case;
        let reach = 1.0 / (k as f64).sqrt();
        let [a, b] = [rows * k, k * cols].map(|count| numbers.between(-reach, reach, count));
        let c = numbers.between(-1.0, 1.0, rows * cols);
        let bias = numbers.between(-1.0, 1.0, cols);
        let mut z = bounds::product(Transpose::Nn, &exact(&a), &exact(&b), rows, cols, k);
        if adds {
            z.iter_mut().zip(exact(&c)).for_each(|(z, c)| *z = c + *z);
        }
        let a3 = bounds::bias_activation(&z, &exact(&bias), f);
        let (a, b) = (rig.matrix(rows, k, &a)?, rig.matrix(k, cols, &b)?);
        let c = if adds { rig.matrix(rows, cols, &c)? } else { rig.empty_matrix(rows, cols)? };
        Ok(Self { a, b, bias: rig.vector(&bias)?, c, a3 })
    }
}

pub(super) fn output_layer(
    rig: Rig<'_>,
    case: &LayerCase,
    product: Product,
    k: usize,
) -> Result<Closeness, Failure> {
    let mut numbers = case.numbers("layer_nn");
    let OutputLayer { a, b, bias, c, a3 } = OutputLayer::new(rig, case, &mut numbers, k, true)?;
    let scratch = rig.scratch()?;
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.scratch = Some(scratch);
        recorder.layer_nn(&a, &b, LayerEpilogue { bias: &bias, f: case.f }, &c, true)
    })?;
    Ok(Expected::from(a3).compare(&rig.read(&c)?)?)
}

/// (A3 − X) ⊙ f′, and its squares, of which every tile or every invocation has a sum.
pub(super) fn output_delta(
    rig: Rig<'_>,
    case: &LayerCase,
    product: Product,
    k: usize,
    adds: bool,
) -> Result<Closeness, Failure> {
    let &LayerCase { rows, cols, f, .. } = case;
    let mut numbers = case.numbers("output_delta");
    let OutputLayer { a, b, bias, c, a3 } = OutputLayer::new(rig, case, &mut numbers, k, adds)?;
    let x = numbers.between(-1.0, 1.0, rows * cols);
    let expected: Expected = bounds::output_delta(&a3, &exact(&x), f).into();
    let squares: Expected = bounds::squared_error(&a3, &exact(&x), rows * cols).into();

    let scratch = rig.scratch()?;
    let gemm = Gemm { product, workgroups: WORKGROUPS, rows, cols, k, room: scratch.bound };
    let count = gemm.output_sums();
    let (x, sums) = (rig.matrix(rows, cols, &x)?, rig.empty_vector(BEFORE + count)?);
    rig.run(|recorder| {
        recorder.variant = Variant::of(product, recorder.variant.memory);
        recorder.scratch = Some(scratch);
        let layer = LayerEpilogue { bias: &bias, f };
        recorder.output_delta(
            &a,
            &b,
            OutputEpilogue { layer, x: &x, sums: &sums, first_sum: BEFORE },
            &c,
            adds,
        )
    })?;
    let closeness = expected.compare(&rig.read(&c)?)?;
    let sum: f64 = sums_behind(rig, &sums)?.iter().map(|&x| f64::from(x)).sum();
    Ok(closeness.worse(squares.compare(&[sum as f32])?))
}
