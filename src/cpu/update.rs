//! What becomes of a gradient: written out for L-BFGS, or applied to the parameters at once (SGD, Adam), without ever
//! being stored.

use std::ops::Range;

use super::simd::{line, vectorize};
use rayon::prelude::*;

use super::backward::Scale;
use super::buffer::{Buffer, LINE};
use crate::engine::Update;
use crate::reference::kernels::{ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON};

/// Numbers that one task takes.
const PANEL: usize = 1 << 13;

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
    /// The sums of a chunk are added to those of the chunks before it.
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
pub struct Parts<'a> {
    /// The groups' sums, one after the other.
    pub values: &'a [f32],
    /// Numbers from one group to the next.
    pub stride: usize,
    /// What makes them a gradient.
    pub scale: Scale,
}

impl<'a> Parts<'a> {
    /// What begins with panel `panel`.
    fn from(self, panel: usize) -> Self {
        Self { values: &self.values[panel * PANEL..], ..self }
    }

    /// Line `at` of the gradient; `w` are its parameters.
    #[inline(always)]
    fn gradient(self, at: usize, w: &[f32; LINE]) -> [f32; LINE] {
        let Scale { scale, lambda } = self.scale;
        let mut sum = [0.0; LINE];
        for group in self.values.chunks(self.stride) {
            let Some(group) = group.get(at * LINE..(at + 1) * LINE) else { break };
            sum = line(|i| sum[i] + group[i]);
        }
        line(|i| sum[i].mul_add(scale, lambda * w[i]))
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
    pub fn apply(&mut self, range: Range<usize>, parts: Parts<'_>) {
        match self {
            Self::Gradient { w, gradient } => {
                let w = w[range.clone()].par_chunks(PANEL);
                let panels = gradient[range].par_chunks_mut(PANEL).zip(w).enumerate();
                panels.for_each(|(panel, (gradient, w))| write_out(parts.from(panel), w, gradient));
            }
            Self::Sum { sums, .. } => {
                let panels = sums[range].par_chunks_mut(PANEL).enumerate();
                panels.for_each(|(panel, sums)| add(parts.from(panel), sums));
            }
            Self::Sgd { w, velocity, lr, momentum } => {
                let velocity = velocity[range.clone()].par_chunks_mut(PANEL);
                let panels = w[range].par_chunks_mut(PANEL).zip(velocity).enumerate();
                panels.for_each(|(panel, (w, v))| sgd(parts.from(panel), w, v, *lr, *momentum));
            }
            Self::Adam { w, moments: [first, second], lr, corrections } => {
                let first = first[range.clone()].par_chunks_mut(PANEL);
                let second = second[range.clone()].par_chunks_mut(PANEL);
                let panels = w[range].par_chunks_mut(PANEL).zip(first).zip(second).enumerate();
                panels.for_each(|(panel, ((w, m), v))| adam(parts.from(panel), w, m, v, *lr, *corrections));
            }
        }
    }
}

/// Lines of a vector whose length is whole lines.
#[inline(always)]
fn lines(x: &mut [f32]) -> &mut [[f32; LINE]] {
    x.as_chunks_mut().0
}

fn write_out(parts: Parts<'_>, w: &[f32], gradient: &mut [f32]) {
    vectorize(
        #[inline(always)]
        || {
            for (at, (w, gradient)) in w.as_chunks().0.iter().zip(lines(gradient)).enumerate() {
                *gradient = parts.gradient(at, w);
            }
        },
    );
}

fn add(parts: Parts<'_>, sums: &mut [f32]) {
    vectorize(
        #[inline(always)]
        || {
            for (at, sums) in lines(sums).iter_mut().enumerate() {
                let part = parts.gradient(at, &[0.0; LINE]);
                *sums = line(|i| sums[i] + part[i]);
            }
        },
    );
}

fn sgd(parts: Parts<'_>, w: &mut [f32], velocity: &mut [f32], lr: f32, momentum: f32) {
    vectorize(
        #[inline(always)]
        || {
            for (at, (w, v)) in lines(w).iter_mut().zip(lines(velocity)).enumerate() {
                let g = parts.gradient(at, w);
                *v = line(|i| momentum.mul_add(v[i], g[i]));
                *w = line(|i| (-lr).mul_add(v[i], w[i]));
            }
        },
    );
}

fn adam(parts: Parts<'_>, w: &mut [f32], m: &mut [f32], v: &mut [f32], lr: f32, corrections: [f32; 2]) {
    let rest = [ADAM_BETA1, ADAM_BETA2].map(|beta| (1.0 - beta) as f32);
    let (beta1, beta2, epsilon) = (ADAM_BETA1 as f32, ADAM_BETA2 as f32, ADAM_EPSILON as f32);
    vectorize(
        #[inline(always)]
        || {
            let state = lines(w).iter_mut().zip(lines(m)).zip(lines(v));
            for (at, ((w, m), v)) in state.enumerate() {
                let g = parts.gradient(at, w);
                *m = line(|i| beta1.mul_add(m[i], rest[0] * g[i]));
                *v = line(|i| beta2.mul_add(v[i], rest[1] * g[i] * g[i]));
                let step =
                    line(|i| lr * (m[i] * corrections[0]) / ((v[i] * corrections[1]).sqrt() + epsilon));
                *w = line(|i| w[i] - step[i]);
            }
        },
    );
}
