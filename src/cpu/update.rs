//! What becomes of a gradient: written out for L-BFGS, or applied to the parameters at once (SGD, Adam), without ever
//! being stored.

use std::ops::Range;

use rayon::prelude::*;

use super::backward::Scale;
use super::buffer::Buffer;
use super::simd::vectorize;
use crate::engine::Update;
use crate::reference::kernels::{ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON};

/// Numbers that one task takes.
const PANEL: usize = 1 << 13;
/// Numbers of a gradient that are put together at a time, in the first-level cache.
const PIECE: usize = 1 << 10;

/// The flat vectors that a gradient ends in, each in the order of [`super::layout::Layout`].
#[derive(Debug)]
pub enum Target<'a> {
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

/// A part of the gradient as the sums over groups of rows, to be added up in order and scaled.
#[derive(Clone, Copy, Debug)]
pub struct GroupSums<'a> {
    /// The groups' sums, one after the other.
    pub values: &'a [f32],
    /// Numbers from one group to the next.
    pub stride: usize,
    /// What makes them a gradient.
    pub scale: Scale,
}

impl<'a> GroupSums<'a> {
    /// What begins with panel `panel`.
    fn from(self, panel: usize) -> Self {
        Self { values: &self.values[panel * PANEL..], ..self }
    }

    /// The gradient of the parameters `w`, from number `at` of this part on.
    #[inline(always)]
    fn gradient(self, at: usize, w: &[f32], gradient: &mut [f32]) {
        let Scale { scale, lambda } = self.scale;
        gradient.copy_from_slice(&self.values[at..][..w.len()]);
        for group in self.values.chunks(self.stride).skip(1) {
            gradient.iter_mut().zip(&group[at..]).for_each(|(g, sum)| *g += sum);
        }
        gradient.iter_mut().zip(w).for_each(|(g, w)| *g = g.mul_add(scale, lambda * w));
    }
}

impl<'a> Target<'a> {
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
                let corrections =
                    [ADAM_BETA1, ADAM_BETA2].map(|beta| (1.0 / (1.0 - beta.powf(step as f64))) as f32);
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

    /// Takes the gradient of the parameters `range`.
    pub fn apply(&mut self, range: Range<usize>, groups: GroupSums<'_>) {
        match self {
            Self::Gradient { w, gradient } => {
                let w = w[range.clone()].par_chunks(PANEL);
                let panels = gradient[range].par_chunks_mut(PANEL).zip(w).enumerate();
                panels.for_each(|(panel, (gradient, w))| write_out(groups.from(panel), w, gradient));
            }
            Self::Sum { sums, .. } => {
                let panels = sums[range].par_chunks_mut(PANEL).enumerate();
                panels.for_each(|(panel, sums)| add(groups.from(panel), sums));
            }
            Self::Sgd { w, velocity, lr, momentum } => {
                let velocity = velocity[range.clone()].par_chunks_mut(PANEL);
                let panels = w[range].par_chunks_mut(PANEL).zip(velocity).enumerate();
                panels.for_each(|(panel, (w, v))| sgd(groups.from(panel), w, v, *lr, *momentum));
            }
            Self::Adam { w, moments: [first, second], lr, corrections } => {
                let first = first[range.clone()].par_chunks_mut(PANEL);
                let second = second[range.clone()].par_chunks_mut(PANEL);
                let panels = w[range].par_chunks_mut(PANEL).zip(first).zip(second).enumerate();
                panels.for_each(|(panel, ((w, m), v))| adam(groups.from(panel), w, m, v, *lr, *corrections));
            }
        }
    }
}

fn write_out(groups: GroupSums<'_>, w: &[f32], gradient: &mut [f32]) {
    vectorize(
        #[inline(always)]
        || groups.gradient(0, w, gradient),
    );
}

fn add(groups: GroupSums<'_>, sums: &mut [f32]) {
    let scale = groups.scale.scale;
    vectorize(
        #[inline(always)]
        || {
            for group in groups.values.chunks(groups.stride) {
                sums.iter_mut().zip(group).for_each(|(sum, part)| *sum = part.mul_add(scale, *sum));
            }
        },
    );
}

fn sgd(groups: GroupSums<'_>, w: &mut [f32], velocity: &mut [f32], lr: f32, momentum: f32) {
    let mut gradient = [0.0; PIECE];
    vectorize(
        #[inline(always)]
        || {
            for (piece, (w, v)) in w.chunks_mut(PIECE).zip(velocity.chunks_mut(PIECE)).enumerate() {
                let gradient = &mut gradient[..w.len()];
                groups.gradient(piece * PIECE, w, gradient);
                for ((w, v), g) in w.iter_mut().zip(v).zip(gradient) {
                    *v = momentum.mul_add(*v, *g);
                    *w = (-lr).mul_add(*v, *w);
                }
            }
        },
    );
}

fn adam(groups: GroupSums<'_>, w: &mut [f32], m: &mut [f32], v: &mut [f32], lr: f32, corrections: [f32; 2]) {
    let rest = [ADAM_BETA1, ADAM_BETA2].map(|beta| (1.0 - beta) as f32);
    let (beta1, beta2, epsilon) = (ADAM_BETA1 as f32, ADAM_BETA2 as f32, ADAM_EPSILON as f32);
    let mut gradient = [0.0; PIECE];
    vectorize(
        #[inline(always)]
        || {
            let state = w.chunks_mut(PIECE).zip(m.chunks_mut(PIECE)).zip(v.chunks_mut(PIECE));
            for (piece, ((w, m), v)) in state.enumerate() {
                let gradient = &mut gradient[..w.len()];
                groups.gradient(piece * PIECE, w, gradient);
                for (((w, m), v), g) in w.iter_mut().zip(m).zip(v).zip(gradient) {
                    *m = beta1.mul_add(*m, rest[0] * *g);
                    *v = beta2.mul_add(*v, rest[1] * *g * *g);
                    *w -= lr * (*m * corrections[0]) / ((*v * corrections[1]).sqrt() + epsilon);
                }
            }
        },
    );
}
