//! The end of a gradient: written out for L-BFGS, or applied to the parameters at once (SGD, Adam), without ever
//! being stored.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::Buffer;
use crate::engine::Update;
use crate::math::multiply_add::multiply_add;
use crate::math::optim::first_order::{ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON, adam_corrections};
use crate::math::simd::vectorize;

/// Numbers that one task takes.
const TASK: usize = 1 << 11;

/// The flat vectors that a gradient ends in, each in the order of [`crate::engine::panels::PanelLayout`].
#[derive(Debug)]
pub enum UpdateTarget<'a> {
    /// The gradient at `w` is written out.
    Gradient {
        /// Parameters.
        w: &'a [f32],
        /// ∇J.
        gradient: &'a mut [f32],
    },
    /// The scaled sums of a chunk are added to those of the chunks before it; λ waits for the last.
    Sum {
        /// Parameters.
        w: &'a [f32],
        /// Sums over rows.
        sums: &'a mut [f32],
    },
    /// v ← μv + g, W ← W − ηv.
    Sgd {
        /// Parameters.
        w: &'a mut [f32],
        /// v.
        velocity: &'a mut [f32],
        /// η.
        lr: f32,
        /// μ.
        momentum: f32,
    },
    /// Adam.
    Adam {
        /// Parameters.
        w: &'a mut [f32],
        /// Moving averages of g and g².
        moments: [&'a mut [f32]; 2],
        /// η.
        lr: f32,
        /// 1/(1 − βᵗ) of both moments.
        corrections: [f32; 2],
    },
}

/// How sums over rows become a gradient: times `scale`, plus λ times the parameters.
#[derive(Clone, Copy, Debug)]
pub struct GradientScale {
    /// 1/m, or 1 while the sums of several chunks are added up.
    pub scale: f32,
    /// λ, or 0.
    pub lambda: f32,
}

/// The same part of each of a target's vectors.
#[derive(Debug)]
pub struct TargetPiece<'a> {
    kind: TargetVectors<'a>,
    scale: GradientScale,
}

/// A piece's vectors, as in [`UpdateTarget`].
#[derive(Debug)]
enum TargetVectors<'a> {
    Gradient { w: &'a [f32], gradient: &'a mut [f32] },
    Sum { sums: &'a mut [f32] },
    Sgd { w: &'a mut [f32], velocity: &'a mut [f32], lr: f32, momentum: f32 },
    Adam { w: &'a mut [f32], moments: [&'a mut [f32]; 2], lr: f32, corrections: [f32; 2] },
}

impl<'a> UpdateTarget<'a> {
    /// The target of a first-order update.
    pub fn of(update: &Update, w: &'a mut [f32], moments: &'a mut [Buffer; 2]) -> Self {
        let len = w.len();
        let [first, second] = moments;
        match *update {
            Update::Sgd { lr, momentum } => {
                first.reserve(len);
                Self::Sgd { w, velocity: first, lr: lr as f32, momentum: momentum as f32 }
            }
            Update::Adam { lr, step } => {
                first.reserve(len);
                second.reserve(len);
                let corrections = adam_corrections(step).map(|correction| (1.0 / correction) as f32);
                Self::Adam { w, moments: [first, second], lr: lr as f32, corrections }
            }
        }
    }

    /// The parameters.
    pub fn w(&self) -> &[f32] {
        match self {
            Self::Gradient { w, .. } | Self::Sum { w, .. } => w,
            Self::Sgd { w, .. } | Self::Adam { w, .. } => w,
        }
    }

    /// Everything before the parameter `at`, and everything from it on.
    pub fn split_at(&mut self, at: usize) -> [UpdateTarget<'_>; 2] {
        match self {
            Self::Gradient { w, gradient } => {
                let ((w, w_rest), (gradient, rest)) = (w.split_at(at), gradient.split_at_mut(at));
                [UpdateTarget::Gradient { w, gradient }, UpdateTarget::Gradient { w: w_rest, gradient: rest }]
            }
            Self::Sum { w, sums } => {
                let ((w, w_rest), (sums, rest)) = (w.split_at(at), sums.split_at_mut(at));
                [UpdateTarget::Sum { w, sums }, UpdateTarget::Sum { w: w_rest, sums: rest }]
            }
            Self::Sgd { w, velocity, lr, momentum } => {
                let (lr, momentum) = (*lr, *momentum);
                let ((w, w_rest), (v, v_rest)) = (w.split_at_mut(at), velocity.split_at_mut(at));
                [(w, v), (w_rest, v_rest)].map(|(w, velocity)| UpdateTarget::Sgd {
                    w,
                    velocity,
                    lr,
                    momentum,
                })
            }
            Self::Adam { w, moments: [first, second], lr, corrections } => {
                let (lr, corrections, (w, w_rest)) = (*lr, *corrections, w.split_at_mut(at));
                let ((m, m_rest), (v, v_rest)) = (first.split_at_mut(at), second.split_at_mut(at));
                [(w, [m, v]), (w_rest, [m_rest, v_rest])].map(|(w, moments)| UpdateTarget::Adam {
                    w,
                    moments,
                    lr,
                    corrections,
                })
            }
        }
    }

    /// Hands the parameters `range` out to all threads in pieces of `len` numbers, each with its number.
    pub fn for_pieces(
        &mut self,
        range: Range<usize>,
        len: usize,
        scale: GradientScale,
        f: impl Fn(usize, TargetPiece<'_>) + Sync,
    ) {
        match self {
            Self::Gradient { w, gradient } => {
                let w = w[range.clone()].par_chunks(len);
                let pieces = gradient[range].par_chunks_mut(len).zip(w).enumerate();
                pieces.for_each(|(i, (gradient, w))| {
                    f(i, TargetPiece { kind: TargetVectors::Gradient { w, gradient }, scale });
                });
            }
            Self::Sum { sums, .. } => {
                let pieces = sums[range].par_chunks_mut(len).enumerate();
                pieces.for_each(|(i, sums)| f(i, TargetPiece { kind: TargetVectors::Sum { sums }, scale }));
            }
            Self::Sgd { w, velocity, lr, momentum } => {
                let velocity = velocity[range.clone()].par_chunks_mut(len);
                let (pieces, lr, momentum) = (w[range].par_chunks_mut(len).zip(velocity), *lr, *momentum);
                pieces.enumerate().for_each(|(i, (w, velocity))| {
                    f(i, TargetPiece { kind: TargetVectors::Sgd { w, velocity, lr, momentum }, scale });
                });
            }
            Self::Adam { w, moments: [first, second], lr, corrections } => {
                let first = first[range.clone()].par_chunks_mut(len);
                let second = second[range.clone()].par_chunks_mut(len);
                let (pieces, lr, corrections) = (w[range].par_chunks_mut(len), *lr, *corrections);
                pieces.zip(first).zip(second).enumerate().for_each(|(i, ((w, m), v))| {
                    f(
                        i,
                        TargetPiece {
                            kind: TargetVectors::Adam { w, moments: [m, v], lr, corrections },
                            scale,
                        },
                    );
                });
            }
        }
    }

    /// Takes the gradient of the parameters `range` from the sums of several groups of rows, one group after the other
    /// in `sums`, to be added up in order.
    pub fn apply(&mut self, range: Range<usize>, sums: &[f32], scale: GradientScale) {
        let stride = range.len();
        self.for_pieces(range, TASK, scale, |number, mut piece| {
            let mut total = [0.0; TASK];
            let len = piece.len();
            let total = &mut total[..len];
            vectorize(
                #[inline(always)]
                || {
                    total.copy_from_slice(&sums[number * TASK..][..len]);
                    for group in sums.chunks(stride).skip(1) {
                        total.iter_mut().zip(&group[number * TASK..]).for_each(|(g, sum)| *g += sum);
                    }
                },
            );
            piece.take(0, total);
        });
    }
}

impl TargetPiece<'_> {
    fn len(&self) -> usize {
        match &self.kind {
            TargetVectors::Gradient { w, .. } => w.len(),
            TargetVectors::Sum { sums } => sums.len(),
            TargetVectors::Sgd { w, .. } | TargetVectors::Adam { w, .. } => w.len(),
        }
    }

    /// Takes sums over rows as the gradient of the parameters from number `at` on.
    pub fn take(&mut self, at: usize, sums: &[f32]) {
        let (scale, range) = (self.scale, at..at + sums.len());
        match &mut self.kind {
            TargetVectors::Gradient { w, gradient } => {
                write_out(sums, scale, &w[range.clone()], &mut gradient[range])
            }
            TargetVectors::Sum { sums: all } => add(sums, scale, &mut all[range]),
            TargetVectors::Sgd { w, velocity, lr, momentum } => {
                sgd(sums, scale, &mut w[range.clone()], &mut velocity[range], *lr, *momentum);
            }
            TargetVectors::Adam { w, moments: [m, v], lr, corrections } => {
                let moments = (&mut m[range.clone()], &mut v[range.clone()]);
                adam(sums, scale, &mut w[range], moments, *lr, *corrections);
            }
        }
    }
}

impl GradientScale {
    /// The gradient of the parameter `w`.
    #[inline(always)]
    fn gradient(self, sum: f32, w: f32) -> f32 {
        multiply_add(sum, self.scale, self.lambda * w)
    }
}

fn write_out(sums: &[f32], scale: GradientScale, w: &[f32], gradient: &mut [f32]) {
    vectorize(
        #[inline(always)]
        || {
            for ((gradient, sum), w) in gradient.iter_mut().zip(sums).zip(w) {
                *gradient = scale.gradient(*sum, *w);
            }
        },
    );
}

fn add(sums: &[f32], scale: GradientScale, all: &mut [f32]) {
    vectorize(
        #[inline(always)]
        || all.iter_mut().zip(sums).for_each(|(all, sum)| *all = multiply_add(*sum, scale.scale, *all)),
    );
}

fn sgd(sums: &[f32], scale: GradientScale, w: &mut [f32], velocity: &mut [f32], lr: f32, momentum: f32) {
    vectorize(
        #[inline(always)]
        || {
            for ((w, v), sum) in w.iter_mut().zip(velocity.iter_mut()).zip(sums) {
                *v = multiply_add(momentum, *v, scale.gradient(*sum, *w));
                *w = multiply_add(-lr, *v, *w);
            }
        },
    );
}

fn adam(
    sums: &[f32],
    scale: GradientScale,
    w: &mut [f32],
    (m, v): (&mut [f32], &mut [f32]),
    lr: f32,
    corrections: [f32; 2],
) {
    let rest = [ADAM_BETA1, ADAM_BETA2].map(|beta| (1.0 - beta) as f32);
    let (beta1, beta2, epsilon) = (ADAM_BETA1 as f32, ADAM_BETA2 as f32, ADAM_EPSILON as f32);
    vectorize(
        #[inline(always)]
        || {
            for (((w, m), v), sum) in w.iter_mut().zip(m.iter_mut()).zip(v.iter_mut()).zip(sums) {
                let g = scale.gradient(*sum, *w);
                *m = multiply_add(beta1, *m, rest[0] * g);
                *v = multiply_add(beta2, *v, rest[1] * g * g);
                *w -= lr * (*m * corrections[0]) / ((*v * corrections[1]).sqrt() + epsilon);
            }
        },
    );
}
