//! What is done to the elements of a layer, and ρ̂ with its KL slope.

use super::word;
use crate::error::Result;
use crate::gpu::buffer::Tensor;
use crate::gpu::kernel;
use crate::gpu::recording::{Choice, Recorder};
use crate::gpu::uniform::{Elements, HiddenDelta, Penalty};
use crate::objective::{Activation, Objective, RHO_HAT_MIN};

impl Recorder<'_> {
    /// ρ̂ and s from the mean activations; `decay` > 0 makes ρ̂ a moving average.
    pub fn kl_slope(
        &mut self,
        objective: &Objective,
        decay: f64,
        mean: &Tensor,
        rho_hat: &Tensor,
        slope: &Tensor,
    ) -> Result<()> {
        assert!(mean.cols == rho_hat.cols && mean.cols == slope.cols, "kl_slope: units");
        let uniform = Penalty {
            units: word(mean.cols),
            padded: word(mean.stride()),
            rho: objective.rho as f32,
            beta: objective.beta as f32,
            decay: decay as f32,
            least: RHO_HAT_MIN as f32,
            tanh: u32::from(objective.activation == Activation::Tanh),
        };
        self.dispatch(&kernel::KL_SLOPE, Choice::default(), &uniform, &[mean, rho_hat, slope], mean.stride())
    }

    /// A3 ← (A3 − X) ⊙ g′.
    pub fn output_delta(&mut self, a3: &Tensor, x: &Tensor, g: Activation) -> Result<()> {
        assert_eq!((a3.rows, a3.cols), (x.rows, x.cols), "output_delta: shapes");
        let uniform = Elements { count: word(a3.len() / 4) };
        self.dispatch(&kernel::OUTPUT_DELTA, g.into(), &uniform, &[x, a3], a3.len() / 4)
    }

    /// E ← (E + s) ⊙ f′(A2).
    pub fn hidden_delta(&mut self, error: &Tensor, slope: &Tensor, a2: &Tensor, f: Activation) -> Result<()> {
        assert_eq!((error.rows, error.cols, slope.cols), (a2.rows, a2.cols, a2.cols), "hidden_delta: shapes");
        let uniform = HiddenDelta {
            rows: word(error.rows),
            padded_rows: word(error.padded_rows),
            stride: word(error.stride() / 4),
        };
        self.dispatch(&kernel::HIDDEN_DELTA, f.into(), &uniform, &[slope, a2, error], error.len() / 4)
    }
}
