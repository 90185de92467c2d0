//! Products with the epilogue of a layer or of its delta, and ρ̂ with the gradient of its penalty.

use super::products::Epilogue;
use super::sums::column_invocations;
use super::word;
use crate::engine::gpu::kernel::{self, Kernel, PenaltyGradUniform};
use crate::engine::gpu::memory::buffer::{Tensor, padded};
use crate::engine::gpu::recording::{DispatchOptions, Recorder};
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

/// The epilogue of the hidden layer.
#[derive(Clone, Copy, Debug)]
pub struct HiddenLayerEpilogue<'a> {
    /// The layer.
    pub layer: LayerEpilogue<'a>,
    /// Sums of its columns `[parts, h]`, without padding rows.
    pub sums: &'a Tensor,
}

/// The tensors of ρ̂ and its penalty.
#[derive(Clone, Copy, Debug)]
pub struct PenaltyPlace<'a> {
    /// See [`penalty_rates`].
    pub rates: &'a Tensor,
    /// ρ̂ `[h]`: before, where it is a moving average, and after.
    pub rho_hat: &'a Tensor,
    /// s `[h]`.
    pub slope: &'a Tensor,
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
    /// ρ̂ and s from `sums` `[parts, h]` of activations, of `rows` rows in all.
    pub fn penalty_grad(
        &mut self,
        objective: &Objective,
        sums: &Tensor,
        rows: usize,
        place: PenaltyPlace<'_>,
    ) -> Result<()> {
        let PenaltyPlace { rates, rho_hat, slope } = place;
        let units = rho_hat.cols;
        assert!(sums.cols == units && slope.cols == units, "penalty_grad: units");
        let fraction = objective.activation.active_fraction();
        let uniform = PenaltyGradUniform {
            parts: word(sums.rows),
            stride: word(padded(units) / 4),
            units: word(units),
            penalty: objective.penalty.kind as u32,
            scale: 1.0 / rows as f32,
            rho: objective.penalty.rho as f32,
            least: RHO_HAT_MIN as f32,
            offset: fraction.offset as f32,
            factor: fraction.factor as f32,
        };
        let tensors = [sums, rates, rho_hat, slope];
        let invocations = column_invocations(padded(units));
        self.dispatch(&kernel::PENALTY_GRAD, DispatchOptions::default(), &uniform, &tensors, invocations)
    }

    /// C = f(A Bᵀ + b), the hidden layer, and sums of its columns, in as many parts as [`Gemm::column_parts`] says.
    ///
    /// [`Gemm::column_parts`]: super::Gemm::column_parts
    pub fn layer_nt(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: HiddenLayerEpilogue<'_>,
        c: &Tensor,
    ) -> Result<()> {
        let HiddenLayerEpilogue { layer: LayerEpilogue { bias, f }, sums } = epilogue;
        let shapes = (b.cols, a.rows, b.rows, b.rows, b.rows);
        assert_eq!((a.cols, c.rows, c.cols, bias.cols, sums.cols), shapes, "layer_nt: shapes");
        let parts = self.gemm(self.variant.nt, a, c).column_parts();
        assert_eq!(sums.rows, parts, "layer_nt: parts of the sums");
        let (kernel, split_k_sum) = (kernel::layer_nt(self.variant.nt), &kernel::HIDDEN_LAYER_SPLIT_K_SUM);
        let epilogue = Epilogue { kernel, split_k_sum, f, tensors: &[bias, sums], first_sum: 0 };
        self.product(Transpose::Nt, Some(epilogue), [a, b, c], false)
    }

    /// C = f(A Bᵀ + b), any layer whose sums nobody asks for.
    pub fn dense_nt(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: LayerEpilogue<'_>,
        c: &Tensor,
    ) -> Result<()> {
        let LayerEpilogue { bias, f } = epilogue;
        assert_eq!((a.cols, c.rows, c.cols, bias.cols), (b.cols, a.rows, b.rows, b.rows), "dense_nt: shapes");
        let (kernel, split_k_sum) = (kernel::dense_nt(self.variant.nt), &kernel::LAYER_SPLIT_K_SUM);
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

    /// C = (A3 − X) ⊙ g′ with A3 = g(A B + b), or g(C + A B + b), and sums of (A3 − X)²; how many is [`Gemm::output_sums`].
    ///
    /// [`Gemm::output_sums`]: super::Gemm::output_sums
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

    /// C = f(Z + b) of a sum Z that is there: the output layer.
    pub fn layer_of_sum(&mut self, z: &Tensor, epilogue: LayerEpilogue<'_>, c: &Tensor) -> Result<()> {
        let LayerEpilogue { bias, f } = epilogue;
        assert_eq!((z.rows, z.cols, bias.cols), (c.rows, c.cols, c.cols), "layer_of_sum: shapes");
        self.sum_at_hand(&kernel::LAYER_SPLIT_K_SUM, DispatchOptions::from(f), (z, &[bias]), c)
    }

    /// C = (A3 − X) ⊙ g′ with A3 = g(Z + b) of a sum Z that is there, and sums of (A3 − X)²; how many is [`invocations_of_sum`].
    ///
    /// [`invocations_of_sum`]: super::invocations_of_sum
    pub fn output_delta_of_sum(
        &mut self,
        z: &Tensor,
        epilogue: OutputEpilogue<'_>,
        c: &Tensor,
    ) -> Result<()> {
        let OutputEpilogue { layer: LayerEpilogue { bias, f }, x, sums, first_sum } = epilogue;
        let shapes = (c.rows, c.cols, c.cols, (c.rows, c.stride()));
        assert_eq!((z.rows, z.cols, bias.cols, (x.rows, x.stride())), shapes, "output_delta_of_sum: shapes");
        assert_eq!(first_sum, 0, "output_delta_of_sum: its sums have a tensor of their own");
        let kernel = &kernel::OUTPUT_DELTA_SPLIT_K_SUM;
        self.sum_at_hand(kernel, DispatchOptions::from(f), (z, &[bias, x, sums]), c)
    }

    /// C = (A Bᵀ + s) ⊙ f′(A2).
    pub fn hidden_delta(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: HiddenEpilogue<'_>,
        c: &Tensor,
    ) -> Result<()> {
        assert_eq!((a.cols, c.cols), (b.cols, b.rows), "hidden_delta: shapes");
        let kernel = kernel::hidden_delta_nt(self.variant.nt);
        self.delta(Transpose::Nt, kernel, [a, b, c], epilogue)
    }

    /// C = (A B + s) ⊙ f′(A2).
    pub fn hidden_delta_nn(
        &mut self,
        a: &Tensor,
        b: &Tensor,
        epilogue: HiddenEpilogue<'_>,
        c: &Tensor,
    ) -> Result<()> {
        assert_eq!((a.cols, c.cols), (b.rows, b.cols), "hidden_delta_nn: shapes");
        let kernel = kernel::hidden_delta_nn(self.variant.nn);
        self.delta(Transpose::Nn, kernel, [a, b, c], epilogue)
    }

    /// The delta of a hidden layer by a product either way.
    fn delta(
        &mut self,
        transpose: Transpose,
        kernel: &'static Kernel,
        [a, b, c]: [&Tensor; 3],
        HiddenEpilogue { slope, a2, f }: HiddenEpilogue<'_>,
    ) -> Result<()> {
        let shapes = (a.rows, c.cols, (c.rows, c.cols));
        assert_eq!((c.rows, slope.cols, (a2.rows, a2.cols)), shapes, "hidden delta: shapes");
        let split_k_sum = &kernel::HIDDEN_DELTA_SPLIT_K_SUM;
        let epilogue = Epilogue { kernel, split_k_sum, f, tensors: &[slope, a2], first_sum: 0 };
        self.product(transpose, Some(epilogue), [a, b, c], false)
    }
}

/// Numbers in a tensor of [`penalty_rates`].
pub const PENALTY_RATES: usize = 2;

/// The rates of `penalty_grad`: β, and the decay of a moving average of ρ̂, 0 for none.
pub fn penalty_rates(beta: f64, decay: f64) -> [f32; PENALTY_RATES] {
    [beta, decay].map(|rate| rate as f32)
}
