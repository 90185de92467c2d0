//! Products with the epilogue of a layer or of its delta, and ρ̂ with the gradient of its penalty.

use super::products::Epilogue;
use super::word;
use crate::engine::gpu::kernel::{self, PenaltyGradUniform};
use crate::engine::gpu::memory::buffer::{Tensor, padded};
use crate::engine::gpu::recording::{DispatchOptions, LiveUniform, Recorder};
use crate::error::Result;
use crate::math::objective::{Activation, Objective, RHO_HAT_MIN};
use crate::math::transpose::Transpose;

/// The epilogue of a layer.
#[derive(Clone, Copy, Debug)]
pub struct LayerEpilogue<'a> {
    /// b `[units]`.
    pub bias: &'a Tensor,
    /// f.
    pub f: Activation,
}

/// The epilogue of the output layer's delta.
#[derive(Clone, Copy, Debug)]
pub struct OutputEpilogue<'a> {
    /// The layer.
    pub layer: LayerEpilogue<'a>,
    /// X `[m, n]`.
    pub x: &'a Tensor,
    /// Where the sums of (A3 − X)² go.
    pub sums: &'a Tensor,
    /// Which is the first of them.
    pub first_sum: usize,
}

/// The epilogue of the hidden layer's delta.
#[derive(Clone, Copy, Debug)]
pub struct HiddenEpilogue<'a> {
    /// s `[h]`.
    pub slope: &'a Tensor,
    /// A2 `[m, h]`.
    pub a2: &'a Tensor,
    /// f.
    pub f: Activation,
}

impl Recorder<'_> {
    /// ρ̂ and s from the mean activations; `decay` > 0 makes ρ̂ a moving average.
    pub fn penalty_grad(
        &mut self,
        objective: &Objective,
        decay: f64,
        mean: &Tensor,
        rho_hat: &Tensor,
        slope: &Tensor,
    ) -> Result<()> {
        let uniform = penalty_uniform(objective, decay, mean.cols);
        let tensors = units_alike([mean, rho_hat, slope]);
        self.dispatch(&kernel::PENALTY_GRAD, DispatchOptions::default(), &uniform, &tensors, mean.stride())
    }

    /// The same with penalty and decay set before each run (see [`penalty_uniform`]).
    pub fn penalty_grad_live(
        &mut self,
        uniform: &LiveUniform,
        mean: &Tensor,
        rho_hat: &Tensor,
        slope: &Tensor,
    ) -> Result<()> {
        let tensors = units_alike([mean, rho_hat, slope]);
        self.dispatch_live(&kernel::PENALTY_GRAD, uniform, &tensors, mean.stride())
    }

    /// C = f(A Bᵀ + b): the hidden layer.
    pub fn layer_nt(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: LayerEpilogue<'_>,
        c: &Tensor,
    ) -> Result<()> {
        let shapes = (b.cols, a.rows, b.rows, b.rows);
        assert_eq!((a.cols, c.rows, c.cols, epilogue.bias.cols), shapes, "layer_nt: shapes");
        let LayerEpilogue { bias, f } = epilogue;
        let (kernel, split_k_sum) = (kernel::layer_nt(self.variant.nt), &kernel::LAYER_SPLIT_K_SUM);
        let epilogue = Epilogue { kernel, split_k_sum, f, tensors: &[bias], first_sum: 0 };
        self.product(Transpose::Nt, Some(epilogue), [a, b, c], false)
    }

    /// C = f(A B + b), or f(C + A B + b): the output layer.
    pub fn layer_nn(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: LayerEpilogue<'_>,
        c: &Tensor,
        accumulate: bool,
    ) -> Result<()> {
        let LayerEpilogue { bias, f } = epilogue;
        assert_eq!((a.cols, c.rows, c.cols, bias.cols), (b.rows, a.rows, b.cols, b.cols), "layer_nn: shapes");
        let (kernel, split_k_sum) = (kernel::layer_nn(self.variant.nn), &kernel::LAYER_SPLIT_K_SUM);
        let epilogue = Epilogue { kernel, split_k_sum, f, tensors: &[bias], first_sum: 0 };
        self.product(Transpose::Nn, Some(epilogue), [a, b, c], accumulate)
    }

    /// C = (A3 − X) ⊙ g′ with A3 = g(A B + b), or g(C + A B + b), and sums of (A3 − X)²; how many is [`output_sums`].
    ///
    /// [`output_sums`]: super::output_sums
    pub fn output_delta(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: OutputEpilogue<'_>,
        c: &Tensor,
        accumulate: bool,
    ) -> Result<()> {
        let OutputEpilogue { layer: LayerEpilogue { bias, f }, x, sums, first_sum } = epilogue;
        let shapes = (b.rows, a.rows, b.cols, b.cols, (c.rows, c.stride()));
        assert_eq!((a.cols, c.rows, c.cols, bias.cols, (x.rows, x.stride())), shapes, "output_delta: shapes");
        let (kernel, split_k_sum) =
            (kernel::output_delta_nn(self.variant.nn), &kernel::OUTPUT_DELTA_SPLIT_K_SUM);
        let epilogue = Epilogue { kernel, split_k_sum, f, tensors: &[bias, x, sums], first_sum };
        self.product(Transpose::Nn, Some(epilogue), [a, b, c], accumulate)
    }

    /// C = (A Bᵀ + s) ⊙ f′(A2).
    pub fn hidden_delta(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: HiddenEpilogue<'_>,
        c: &Tensor,
    ) -> Result<()> {
        let HiddenEpilogue { slope, a2, f } = epilogue;
        let shapes = (b.cols, a.rows, b.rows, b.rows, (c.rows, c.cols));
        assert_eq!((a.cols, c.rows, c.cols, slope.cols, (a2.rows, a2.cols)), shapes, "hidden_delta: shapes");
        let (kernel, split_k_sum) =
            (kernel::hidden_delta_nt(self.variant.nt), &kernel::HIDDEN_DELTA_SPLIT_K_SUM);
        let epilogue = Epilogue { kernel, split_k_sum, f, tensors: &[slope, a2], first_sum: 0 };
        self.product(Transpose::Nt, Some(epilogue), [a, b, c], false)
    }
}

/// The uniform of `penalty_grad` for the units of `mean`.
pub fn penalty_uniform(objective: &Objective, decay: f64, units: usize) -> PenaltyGradUniform {
    let fraction = objective.activation.active_fraction();
    PenaltyGradUniform {
        units: word(units),
        padded: word(padded(units)),
        penalty: objective.penalty.kind as u32,
        rho: objective.penalty.rho as f32,
        beta: objective.beta as f32,
        decay: decay as f32,
        least: RHO_HAT_MIN as f32,
        offset: fraction.offset as f32,
        factor: fraction.factor as f32,
    }
}

/// Vectors of as many units.
fn units_alike(tensors: [&Tensor; 3]) -> [&Tensor; 3] {
    assert!(tensors.iter().all(|tensor| tensor.cols == tensors[0].cols), "penalty_grad: units");
    tensors
}
