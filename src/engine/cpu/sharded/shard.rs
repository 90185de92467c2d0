//! One shard: its vectors, each with a copy of b2, and its way through the products.

use std::ops::Range;

use crate::engine::cpu::buffer::Buffer;
use crate::engine::cpu::pass::BlockPass;
use crate::engine::cpu::penalty::PenaltyState;
use crate::engine::cpu::search::CpuSearch;
use crate::engine::cpu::sums::dot;
use crate::engine::cpu::update::{GradientScale, UpdateTarget};
use crate::engine::panels::PanelLayout;
use crate::engine::{Role, Update};
use crate::math::objective::Objective;
use crate::math::params::Params;

/// Where a gradient is taken, and what for.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// At the parameters, to be written out.
    Gradient,
    /// At the trial point of a search.
    Trial,
    /// At the parameters, to be applied to them.
    Update(&'a Update),
}

/// The vectors of a shard.
#[derive(Debug)]
pub struct ShardVectors {
    pub params: Buffer,
    /// v of SGD; first and second moment of Adam. Empty until an update needs them.
    pub moments: [Buffer; 2],
    pub search: CpuSearch,
    /// Of [`Goal::Gradient`]; empty until it is asked for.
    pub gradient: Buffer,
}

/// A shard.
#[derive(Debug)]
pub struct CpuShard {
    pub layout: PanelLayout,
    pub vectors: ShardVectors,
    pub pass: BlockPass,
    pub penalty: PenaltyState,
    /// Sums over the rows of several chunks; empty until an update takes them.
    sums: Buffer,
}

impl CpuShard {
    /// With the parameters of its units, in blocks of `block` units at most.
    pub fn new(objective: Objective, params: &Params<f32>, block: usize) -> Self {
        let layout = PanelLayout::new(params.shape);
        let vectors = ShardVectors {
            params: layout.flatten(params),
            moments: [Buffer::default(), Buffer::default()],
            search: CpuSearch::default(),
            gradient: Buffer::default(),
        };
        let pass = BlockPass::partial(objective, layout, block);
        let penalty = PenaltyState::new(params.shape.hidden);
        Self { layout, vectors, pass, penalty, sums: Buffer::default() }
    }

    /// ‖W1‖² + ‖D‖².
    pub fn squared_weights(&self, goal: Goal<'_>) -> f64 {
        let w = self.vectors.w(goal);
        [self.layout.w1(), self.layout.d()].into_iter().map(|range| dot(&w[range.clone()], &w[range])).sum()
    }

    /// Clears the sums over several chunks.
    pub fn clear_chunks(&mut self) {
        self.sums.reserve(self.layout.len());
        self.sums.fill(0.0);
    }

    /// Back-propagates δ3 and hands weight gradients on: to the goal, or where these rows are not all, to the sums over chunks.
    pub fn backward(&mut self, x: &[f32], count: usize, goal: Goal<'_>, scale: Option<GradientScale>) {
        let Self { vectors, pass, penalty, sums, .. } = self;
        match scale {
            Some(scale) => pass.backward(x, count, &penalty.grad, &mut vectors.target(goal), scale),
            None => {
                let mut target = UpdateTarget::Sum { w: vectors.w(goal), sums };
                pass.backward(x, count, &penalty.grad, &mut target, AS_IT_IS);
            }
        }
    }

    /// Takes the sums over several chunks as the weight gradients.
    pub fn apply_chunks(&mut self, goal: Goal<'_>, scale: GradientScale) {
        let mut target = self.vectors.target(goal);
        for range in [self.layout.d(), self.layout.w1()] {
            target.apply(range.clone(), &self.sums[range], scale);
        }
    }

    /// Takes the column means of the deltas over `count` rows as the gradients of both biases.
    pub fn apply_biases(&mut self, goal: Goal<'_>, delta3: &[f64], count: usize) {
        let mut target = self.vectors.target(goal);
        for (range, sums) in [(self.layout.b1(), &self.pass.sums.delta2[..]), (self.layout.b2(), delta3)] {
            let mean = |sum: &f64| (sum / count as f64) as f32;
            let bias: Vec<f32> = sums.iter().map(mean).take(range.len()).collect();
            target.apply(range, &bias, AS_IT_IS);
        }
    }

    /// Numbers of a vector that no other shard has: all but b2.
    pub fn own(&self) -> Range<usize> {
        0..self.layout.b2().start
    }
}

impl ShardVectors {
    /// The parameters at which a goal is.
    pub fn w(&self, goal: Goal<'_>) -> &[f32] {
        match goal {
            Goal::Gradient | Goal::Update(_) => &self.params,
            Goal::Trial => &self.search.trial,
        }
    }

    /// Where the gradient of a goal ends.
    fn target(&mut self, goal: Goal<'_>) -> UpdateTarget<'_> {
        let Self { params, moments, search, gradient } = self;
        match goal {
            Goal::Update(update) => UpdateTarget::of(update, params, moments),
            Goal::Gradient => {
                gradient.reserve(params.len());
                UpdateTarget::Gradient { w: params, gradient }
            }
            Goal::Trial => UpdateTarget::Gradient { w: &search.trial, gradient: &mut search.trial_gradient },
        }
    }

    /// One of them; empty where it has not been made.
    pub fn vector(&self, role: Role) -> &[f32] {
        match role {
            Role::Params => &self.params,
            Role::Moment(i) => &self.moments[i],
            other => self.search.vector(other),
        }
    }
}

/// Neither scaled nor decayed.
const AS_IT_IS: GradientScale = GradientScale { scale: 1.0, lambda: 0.0 };
