//! The recordings of a search, and the uniforms that are set before they run.

use super::products::ProductList;
use super::vectors::SearchVectors;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::{AxpyUniform, InnerProductsUniform, KeepUniform, LinearCombinationUniform};
use crate::engine::gpu::memory::segment::Segment;
use crate::engine::gpu::ops::keep_uniform;
use crate::engine::gpu::recording::{LiveUniform, Recorder};
use crate::engine::gpu::step::evaluate::Evaluation;
use crate::engine::gpu::step::pass::{GradientTarget, Subject};
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;
use crate::math::optim::Role;

/// What is set before a run.
#[derive(Debug)]
pub(crate) struct Uniforms {
    /// Step length of the trial, one a segment.
    pub step: Vec<LiveUniform>,
    /// Vectors and coefficients of the direction, one a piece.
    pub terms: Vec<LiveUniform>,
    /// Vectors of the stack that take what is kept, one a piece.
    pub places: Vec<LiveUniform>,
    /// Vectors whose inner products are taken, one a piece.
    pub lists: Vec<LiveUniform>,
}

impl Uniforms {
    pub fn new(gpu: &Gpu, vectors: &SearchVectors) -> Result<Self> {
        let several = |count: usize, new: fn(&Gpu, &str) -> Result<LiveUniform>, name| {
            (0..count).map(|_| new(gpu, name)).collect::<Result<Vec<_>>>()
        };
        let pieces = vectors.pieces.len();
        Ok(Self {
            step: several(vectors.trial.len(), LiveUniform::new::<AxpyUniform>, "step")?,
            terms: several(pieces, LiveUniform::new::<LinearCombinationUniform>, "terms")?,
            places: several(pieces, LiveUniform::new::<KeepUniform>, "places")?,
            lists: several(pieces, LiveUniform::new::<InnerProductsUniform>, "lists")?,
        })
    }

    pub fn set_list(&self, gpu: &Gpu, vectors: &SearchVectors, list: &ProductList) {
        for (piece, uniform) in vectors.pieces.iter().zip(&self.lists) {
            uniform.set(gpu, &list.uniform(piece.len()));
        }
    }

    /// The slot that takes (s, y); none keeps nothing, the gradient neither.
    pub fn set_slot(&self, gpu: &Gpu, vectors: &SearchVectors, slot: Option<usize>) {
        let roles = |slot| [Role::Step(slot), Role::Change(slot), Role::Gradient];
        let places = slot.map(|slot| roles(slot).map(|role| vectors.index(role)));
        for (piece, uniform) in vectors.pieces.iter().zip(&self.places) {
            uniform.set(gpu, &keep_uniform(piece.len(), places));
        }
    }
}

/// The trial point, with the exact ρ̂.
pub(super) fn subject<'a>(on: &'a Resident, vectors: &'a SearchVectors) -> Subject<'a> {
    let gradient = Some(GradientTarget::Kept(&vectors.trial_gradient));
    Subject { weights: &vectors.trial, gradient, ..on.subject() }
}

/// A trial, along a new direction or the one that there is.
pub(super) fn record_trial(
    on: &Resident,
    vectors: &SearchVectors,
    uniforms: &Uniforms,
    turns: bool,
) -> Result<Evaluation> {
    let go_there = |recorder: &mut Recorder<'_>| {
        if turns {
            for (piece, terms) in vectors.pieces.iter().zip(&uniforms.terms) {
                recorder.linear_combination_live(&piece.stack, &piece.of(&vectors.direction), terms)?;
            }
        }
        for (k, trial) in vectors.trial.iter().enumerate() {
            let (direction, params) = (&vectors.direction[k].whole, &on.params[k].whole);
            recorder.axpy_live(direction, params, &trial.whole, &uniforms.step[k])?;
        }
        Ok(())
    };
    let judge = |recorder: &mut Recorder<'_>| {
        // Ahead of the slope: it waits for the gradient and for the direction at once, which has read the stack.
        record_kept(recorder, &on.params, vectors, uniforms)?;
        for (k, sums) in vectors.slopes.iter().enumerate() {
            recorder.dot(&vectors.trial_gradient[k].whole, &vectors.direction[k].whole, sums, 0)?;
        }
        record_products(recorder, vectors, uniforms)
    };
    Evaluation::record(on, subject(on, vectors), on.all_rows(), go_there, judge)
}

/// s = trial − parameters, y = trial gradient − gradient, and the trial gradient, into the stack.
pub(crate) fn record_kept(
    recorder: &mut Recorder<'_>,
    params: &[Segment],
    vectors: &SearchVectors,
    uniforms: &Uniforms,
) -> Result<()> {
    for (piece, places) in vectors.pieces.iter().zip(&uniforms.places) {
        let points = [&piece.of(&vectors.trial), &piece.of(params)];
        let gradients = [&piece.of(&vectors.trial_gradient), &piece.of(vectors.gradient())];
        recorder.keep_live(points, gradients, &piece.stack, places)?;
    }
    Ok(())
}

/// The inner products of the list of each piece.
pub(crate) fn record_products(
    recorder: &mut Recorder<'_>,
    vectors: &SearchVectors,
    uniforms: &Uniforms,
) -> Result<()> {
    for (piece, list) in vectors.pieces.iter().zip(&uniforms.lists) {
        recorder.inner_products_live(&piece.stack, piece.len(), &piece.dots, list)?;
    }
    Ok(())
}
