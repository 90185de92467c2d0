//! Combinations of vectors, and the rows of a mini-batch.

use super::word;
use crate::engine::gpu::device::throttle::moved;
use crate::engine::gpu::kernel::{
    self, AxpyUniform, DequantizeUniform, GatherUniform, KeepUniform, LinearCombinationUniform, MAX_TERMS,
    of_memory,
};
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::recording::{DispatchOptions, LiveUniform, Recorder};
use crate::error::Result;

impl Recorder<'_> {
    /// z ← αx + γy with α and γ set before each run (see [`axpy_uniform`]).
    pub fn axpy_live(&mut self, x: &Tensor, y: &Tensor, z: &Tensor, uniform: &LiveUniform) -> Result<()> {
        assert!(x.bound >= z.len() && y.bound >= z.len(), "axpy: lengths");
        self.dispatch_live(&kernel::AXPY, uniform, &[x, y, z], z.len() / 4)
    }

    /// z ← αx + γy.
    pub fn axpy(&mut self, alpha: f64, x: &Tensor, gamma: f64, y: &Tensor, z: &Tensor) -> Result<()> {
        assert!(x.bound >= z.len() && y.bound >= z.len(), "axpy: lengths");
        let uniform = axpy_uniform(z.len(), alpha, gamma);
        self.dispatch(&kernel::AXPY, DispatchOptions::default(), &uniform, &[x, y, z], z.len() / 4)
    }

    /// z ← Σ coefficient · vector, with the terms set before each run (see [`linear_combination_uniform`]).
    pub fn linear_combination_live(
        &mut self,
        stack: &Tensor,
        z: &Tensor,
        uniform: &LiveUniform,
    ) -> Result<()> {
        self.dispatch_live(
            of_memory(&kernel::LINEAR_COMBINATION, self.variant.memory),
            uniform,
            &[stack, z],
            z.len() / 4,
        )
    }

    /// s, y and the trial gradient into vectors of `stack` that are set before each run (see [`keep_uniform`]).
    pub fn keep_live(
        &mut self,
        [trial, parameters]: [&Tensor; 2],
        [trial_gradient, gradient]: [&Tensor; 2],
        stack: &Tensor,
        uniform: &LiveUniform,
    ) -> Result<()> {
        let tensors = [trial, parameters, trial_gradient, gradient, stack];
        self.dispatch_live(&kernel::KEEP, uniform, &tensors, trial.len() / 4)
    }

    /// batch ← rows `list[first..]` of the examples, as far as they lie in `part`, which begins with example
    /// `part_first`.
    pub fn gather(
        &mut self,
        list: &Tensor,
        first: usize,
        part: &Tensor,
        part_first: usize,
        batch: &Tensor,
    ) -> Result<()> {
        assert_eq!(part.cols, batch.cols, "gather: columns");
        let uniform = GatherUniform {
            first: word(first),
            rows: word(batch.rows),
            padded_rows: word(batch.padded_rows),
            part_first: word(part_first),
            part_rows: word(part.rows),
            stride: word(batch.stride() / 4),
        };
        let choice = DispatchOptions { work: Some(moved(2 * batch.len())), ..DispatchOptions::default() };
        self.dispatch(&kernel::GATHER, choice, &uniform, &[list, part, batch], batch.len() / 4)
    }

    /// batch ← the numbers that `table` has for codes of `bytes` bytes each.
    pub fn dequantize(&mut self, codes: &Tensor, table: &Tensor, bytes: usize, batch: &Tensor) -> Result<()> {
        assert!(4 * codes.bound >= batch.rows * batch.stride() * bytes, "dequantize: codes");
        let uniform = DequantizeUniform {
            rows: word(batch.rows),
            padded_rows: word(batch.padded_rows),
            cols: word(batch.cols),
            stride: word(batch.stride() / 4),
            bytes: word(bytes),
        };
        self.dispatch(
            &kernel::DEQUANTIZE,
            DispatchOptions::default(),
            &uniform,
            &[codes, table, batch],
            batch.len() / 4,
        )
    }
}

/// The uniform of `linear_combination`.
pub fn linear_combination_uniform(len: usize, terms: &[(f64, usize)]) -> LinearCombinationUniform {
    assert!(terms.len() <= MAX_TERMS, "linear_combination: {} terms", terms.len());
    let mut term = [[0; 4]; MAX_TERMS];
    for (slot, &(coefficient, vector)) in term.iter_mut().zip(terms) {
        *slot = [word(vector), (coefficient as f32).to_bits(), 0, 0];
    }
    LinearCombinationUniform { count: word(len / 4), terms: word(terms.len()), pad0: 0, pad1: 0, term }
}

/// The uniform of `keep`: the vectors of the stack that take s, y and the gradient; `None` keeps nothing.
pub fn keep_uniform(len: usize, places: Option<[usize; 3]>) -> KeepUniform {
    let count = if places.is_some() { word(len / 4) } else { 0 };
    let [s, y, gradient] = places.unwrap_or_default().map(word);
    KeepUniform { count, s, y, gradient }
}

/// The uniform of `axpy`.
pub fn axpy_uniform(len: usize, alpha: f64, gamma: f64) -> AxpyUniform {
    AxpyUniform { count: word(len / 4), alpha: alpha as f32, gamma: gamma as f32 }
}
