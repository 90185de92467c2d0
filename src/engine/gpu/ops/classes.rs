//! Softmax over rows: probabilities of classes, or losses with their deltas.

use super::word;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::kernel::{self, SoftmaxLossesUniform, SoftmaxUniform};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::{DispatchOptions, Recorder};
use crate::error::Result;

/// Invocations that share a row, as `_softmax.wgsl` has them.
const SHARES: usize = 8;

impl Recorder<'_> {
    /// P in the place of Z `[rows, classes]`.
    pub fn softmax(&mut self, z: &Tensor) -> Result<()> {
        let uniform = SoftmaxUniform {
            rows: word(z.rows),
            padded_rows: word(z.padded_rows),
            classes: word(z.cols),
            stride: word(z.stride() / 4),
        };
        self.dispatch(&kernel::SOFTMAX, options(z), &uniform, &[z], SHARES * z.padded_rows)
    }

    /// P − Y in the place of Z `[rows, classes]` for `labels[first..]`, and −log P of each label to `losses[first..]`.
    pub fn softmax_losses(
        &mut self,
        z: &Tensor,
        labels: &Tensor,
        losses: &Tensor,
        first: usize,
    ) -> Result<()> {
        let end = first + z.rows;
        assert!(end <= labels.bound && end <= losses.bound, "softmax_losses: labels and losses");
        let uniform = SoftmaxLossesUniform {
            rows: word(z.rows),
            padded_rows: word(z.padded_rows),
            classes: word(z.cols),
            stride: word(z.stride() / 4),
            first: word(first),
        };
        let tensors = [z, labels, losses];
        self.dispatch(&kernel::SOFTMAX_LOSSES, options(z), &uniform, &tensors, SHARES * z.padded_rows)
    }
}

/// Every number is read three times and written once.
fn options(z: &Tensor) -> DispatchOptions {
    DispatchOptions { work: Some(moved(4 * z.len())), ..DispatchOptions::default() }
}
