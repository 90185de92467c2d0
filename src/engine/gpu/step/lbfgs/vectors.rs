//! The vectors of a search and the recordings that work on them.
//!
//! The kept pairs and the gradient form one stack a piece, `[2·history + 1, piece]`, so that one dispatch takes all
//! inner products of an iteration and another the new direction. Pieces are parts of a block's segment, short enough
//! for the whole stack to be one binding.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::engine::{GpuEngine, read_vector, staging};
use crate::engine::gpu::memory::buffer::{SECTION, Tensor, bytes, packed};
use crate::engine::gpu::memory::layout::{Layout, Segment};
use crate::engine::gpu::memory::storage::Storage;
use crate::engine::gpu::memory::uniform::{Axpy, Combination, Dots, MAX_LIST};
use crate::engine::gpu::ops::sum_blocks;
use crate::engine::gpu::recording::{LiveUniform, Recorder, Recording};
use crate::engine::gpu::step::evaluate::{Evaluation, Subject};
use crate::engine::gpu::step::pass::{Examples, RhoHatTarget};
use crate::error::Result;
use crate::math::optim::Role;
use crate::math::params::Params;

/// Everything that a search keeps.
#[derive(Debug)]
pub(crate) struct Search {
    history: usize,
    direction: Vec<Segment>,
    pub(crate) trial: Vec<Segment>,
    trial_gradient: Vec<Segment>,
    gradient: Vec<Segment>,
    pub(crate) pieces: Vec<Piece>,
    /// Step length of the trial, one uniform a segment.
    pub(crate) step: Vec<LiveUniform>,
    /// Block sums of the slope along the direction, one tensor a segment.
    pub(crate) slopes: Vec<Tensor>,
    pub(crate) staging: wgpu::Buffer,
    pub(crate) evaluate: Option<Evaluation>,
    /// One a history slot.
    pub(crate) accept: Vec<Recording>,
    pub(crate) products: Recording,
    pub(crate) combine: Recording,
}

/// A part of one segment with its stack of history vectors.
#[derive(Debug)]
pub(crate) struct Piece {
    segment: usize,
    first: usize,
    pub(crate) len: usize,
    /// s_0…, y_0…, gradient.
    stack: Tensor,
    /// Block sums of at most [`MAX_LIST`] inner products.
    pub(crate) dots: Tensor,
    pub(crate) pairs: LiveUniform,
    pub(crate) terms: LiveUniform,
}

impl Piece {
    /// This piece of a vector.
    fn of(&self, vector: &[Segment]) -> Tensor {
        Tensor::vector_at(&vector[self.segment].whole.buffer, self.first, self.len)
    }

    /// Vector `index` of the stack.
    fn stacked(&self, index: usize) -> Tensor {
        Tensor::vector_at(&self.stack.buffer, index * self.len, self.len)
    }
}

impl Search {
    /// Allocates and records everything for `history` pairs.
    pub(crate) fn new(engine: &GpuEngine, history: usize) -> Result<Self> {
        let (gpu, layout) = (&engine.gpu, &engine.layout);
        let vector = |name: &str| layout.vector(gpu, name);
        let (direction, trial) = (vector("direction")?, vector("trial")?);
        let (trial_gradient, gradient) = (vector("trial gradient")?, vector("gradient")?);
        let pieces = cut_pieces(gpu, &trial, 2 * history + 1, layout.limit)?;
        let step = trial.iter().map(|_| LiveUniform::new::<Axpy>(gpu, "step")).collect::<Result<Vec<_>>>()?;
        let slopes = trial.iter().map(|segment| sum_blocks(segment.whole.len()));
        let slopes = packed(gpu, "slopes", slopes, layout.limit)?;
        let staging = staging(gpu, pieces.iter().map(|piece| piece.dots.cols).sum())?;
        let mut search = Self {
            history,
            direction,
            trial,
            trial_gradient,
            gradient,
            pieces,
            step,
            slopes,
            staging,
            evaluate: None,
            accept: Vec::new(),
            products: Recording::default(),
            combine: Recording::default(),
        };
        search.evaluate = Some(search.record_evaluation(engine)?);
        search.accept =
            (0..history).map(|slot| search.record_acceptance(engine, slot)).collect::<Result<_>>()?;
        search.products = search.record_products(engine)?;
        search.combine = search.record_combination(engine)?;
        Ok(search)
    }

    /// What a trial evaluates.
    pub(crate) fn subject<'a>(&'a self, engine: &'a GpuEngine) -> Subject<'a> {
        let rho_hat = RhoHatTarget { rho_hat: &engine.work.rho_hat, penalty: None };
        Subject {
            objective: engine.objective,
            weights: &self.trial,
            gradient: Some(&self.trial_gradient),
            rho_hat,
        }
    }

    /// Trial point, J and gradient there, slope.
    fn record_evaluation(&self, engine: &GpuEngine) -> Result<Evaluation> {
        let go_there = |recorder: &mut Recorder<'_>| {
            for (k, trial) in self.trial.iter().enumerate() {
                let (direction, params) = (&self.direction[k].whole, &engine.params[k].whole);
                recorder.axpy_live(direction, params, &trial.whole, &self.step[k])?;
            }
            Ok(())
        };
        let take_slope = |recorder: &mut Recorder<'_>| {
            for (k, sums) in self.slopes.iter().enumerate() {
                let (gradient, direction) = (&self.trial_gradient[k].whole, &self.direction[k].whole);
                recorder.dot(gradient, direction, gradient.len(), &[(0, 0)], sums, 0)?;
            }
            Ok(())
        };
        Evaluation::record(engine, self.subject(engine), Examples::Resident, go_there, take_slope)
    }

    /// s = trial − parameters, y = trial gradient − gradient.
    fn record_acceptance(&self, engine: &GpuEngine, slot: usize) -> Result<Recording> {
        let mut recorder = engine.layout.recorder(&engine.gpu);
        for piece in &self.pieces {
            let s = piece.stacked(slot);
            let y = piece.stacked(self.history + slot);
            recorder.axpy(1.0, &piece.of(&self.trial), -1.0, &piece.of(&engine.params), &s)?;
            recorder.axpy(1.0, &piece.of(&self.trial_gradient), -1.0, &piece.of(&self.gradient), &y)?;
        }
        recorder.finish()
    }

    fn record_products(&self, engine: &GpuEngine) -> Result<Recording> {
        let mut recorder = engine.layout.recorder(&engine.gpu);
        for piece in &self.pieces {
            recorder.dot_live(&piece.stack, &piece.stack, piece.len, MAX_LIST, &piece.dots, &piece.pairs)?;
        }
        recorder.finish()
    }

    fn record_combination(&self, engine: &GpuEngine) -> Result<Recording> {
        let mut recorder = engine.layout.recorder(&engine.gpu);
        for piece in &self.pieces {
            recorder.combine_live(&piece.stack, &piece.of(&self.direction), &piece.terms)?;
        }
        recorder.finish()
    }

    /// Where a vector lies in the stack.
    pub(crate) fn index(&self, slot: Role) -> usize {
        match slot {
            Role::Step(i) => i,
            Role::Change(i) => self.history + i,
            Role::Gradient => 2 * self.history,
            other => unreachable!("{other:?} is not in the stack"),
        }
    }

    /// A kept vector. The trial point makes room for it; the next evaluation sets that anew.
    pub(crate) fn read(&self, gpu: &Gpu, layout: &Layout, slot: Role) -> Result<Params<f32>> {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for piece in &self.pieces {
            copy_tensor(&mut encoder, &piece.stacked(self.index(slot)), &piece.of(&self.trial));
        }
        gpu.submit(encoder)?;
        read_vector(gpu, layout, &self.trial)
    }

    /// Puts a kept vector where it was, by way of the trial point.
    pub(crate) fn write(&self, gpu: &Gpu, slot: Role, tensors: &Params<f32>) -> Result<()> {
        self.trial.iter().for_each(|segment| segment.write(gpu, tensors));
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for piece in &self.pieces {
            copy_tensor(&mut encoder, &piece.of(&self.trial), &piece.stacked(self.index(slot)));
        }
        if slot == Role::Gradient {
            copy(&mut encoder, &self.trial, &self.gradient);
        }
        gpu.submit(encoder)
    }

    /// Makes the trial gradient the current one.
    pub(crate) fn adopt_gradient(&self, encoder: &mut wgpu::CommandEncoder) {
        copy(encoder, &self.trial_gradient, &self.gradient);
        for piece in &self.pieces {
            copy_tensor(encoder, &piece.of(&self.trial_gradient), &piece.stacked(2 * self.history));
        }
    }
}

/// Copies a vector.
pub(crate) fn copy(encoder: &mut wgpu::CommandEncoder, from: &[Segment], to: &[Segment]) {
    for (from, to) in from.iter().zip(to) {
        encoder.copy_buffer_to_buffer(&from.whole.buffer, 0, &to.whole.buffer, 0, bytes(from.whole.len()));
    }
}

/// Copies as many numbers as are bound for `to`.
fn copy_tensor(encoder: &mut wgpu::CommandEncoder, from: &Tensor, to: &Tensor) {
    let (from_at, to_at) = (bytes(from.offset), bytes(to.offset));
    encoder.copy_buffer_to_buffer(&from.buffer, from_at, &to.buffer, to_at, bytes(to.bound));
}

/// Cuts every segment so that `height` vectors of a piece are one binding of at most `limit` numbers.
fn cut_pieces(gpu: &Gpu, vector: &[Segment], height: usize, limit: usize) -> Result<Vec<Piece>> {
    let longest = (limit / height / SECTION).max(1) * SECTION;
    let mut pieces = Vec::new();
    for (segment, whole) in vector.iter().map(|segment| &segment.whole).enumerate() {
        for first in (0..whole.len()).step_by(longest) {
            let len = longest.min(whole.len() - first);
            let stack = Tensor::vector_at(&Storage::zeros(gpu, "history", height * len)?, 0, height * len);
            let dots = Tensor::vector(gpu, "inner products", MAX_LIST * sum_blocks(len))?;
            let pairs = LiveUniform::new::<Dots>(gpu, "pairs")?;
            let terms = LiveUniform::new::<Combination>(gpu, "terms")?;
            pieces.push(Piece { segment, first, len, stack, dots, pairs, terms });
        }
    }
    Ok(pieces)
}
