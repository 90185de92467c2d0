//! J and its gradient over any rows of the examples, chunk by chunk, at parameters that live elsewhere.

use std::ops::Range;

use super::buffer::Buffer;
use super::cut::Blocks;
use super::examples::PanelExamples;
use super::forward::Until;
use super::pass::BlockPass;
use super::penalty::PenaltyState;
use super::sums::dot;
use super::update::{GradientScale, UpdateTarget};
use crate::engine::panels::PanelLayout;
use crate::engine::{ChunkPlan, RhoHat, Rows};
use crate::error::Result;
use crate::math::objective::{Cost, Objective};
use crate::math::params::Shape;

/// How an update takes the penalty.
#[derive(Clone, Copy, Debug)]
pub struct StepPenalty {
    /// ρ̂ of the rows at hand or its moving average.
    pub rho_hat: RhoHat,
    /// β of this update.
    pub beta: f64,
}

/// The examples, and the memory that one evaluation needs.
#[derive(Debug)]
pub struct Evaluator {
    objective: Objective,
    layout: PanelLayout,
    plan: ChunkPlan,
    /// Rows that are computed at once where no gradient is taken and examples are fetched.
    at_once: usize,
    examples: PanelExamples,
    pass: BlockPass,
    penalty: PenaltyState,
    /// Sums over the rows of all chunks, in the order of the parameters; empty until an update takes several chunks.
    sums: Buffer,
    /// The gradient of a bias.
    bias: Buffer,
}

impl Evaluator {
    /// For `examples`, cut as `plan` says.
    pub fn new(objective: Objective, layout: PanelLayout, plan: ChunkPlan, examples: PanelExamples) -> Self {
        let widest = layout.b1().len().max(layout.b2().len());
        Self {
            objective,
            layout,
            plan,
            at_once: plan.chunk,
            examples,
            pass: BlockPass::new(objective, layout, plan.block),
            penalty: PenaltyState::new(layout.shape.hidden),
            sums: Buffer::default(),
            bias: Buffer::zeros(widest),
        }
    }

    /// The objective.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// The examples' number m.
    pub fn examples(&self) -> usize {
        self.examples.count
    }

    /// The cut.
    pub fn plan(&self) -> ChunkPlan {
        self.plan
    }

    /// See [`crate::engine::Engine::compute_at_once`].
    pub fn compute_at_once(&mut self, rows: usize) {
        self.at_once = rows.clamp(1, self.plan.chunk);
    }

    /// Forgets the moving average of ρ̂.
    pub fn forget(&mut self) {
        self.penalty.forget();
    }

    /// The moving average of ρ̂ `[h]`, once a batch has started it.
    pub fn average(&self) -> Option<&[f64]> {
        self.penalty.average()
    }

    /// Goes on from a moving average of ρ̂, or without one.
    pub fn set_average(&mut self, average: Option<&[f64]>) {
        self.penalty.set_average(average);
    }

    /// Takes the moving average of a unit's ρ̂ as the penalty's target.
    pub fn forget_unit(&mut self, unit: usize) {
        self.penalty.forget_unit(unit, self.objective.penalty.rho);
    }

    /// Whether the examples are in memory.
    pub fn holds_examples(&self) -> bool {
        self.examples.are_resident()
    }

    /// J at `w` over `rows`.
    pub fn cost(&mut self, rows: Rows<'_>, w: &[f32]) -> Result<Cost> {
        let count = self.examples.count(rows);
        self.pass.sums.clear();
        for chunk in chunks(count, self.plan.chunk) {
            if self.examples.are_resident() || matches!(rows, Rows::Listed(_)) {
                self.forward(rows, chunk, w, Until::Error)?;
            } else {
                self.forward_in_parts(chunk, w, Until::Error)?;
            }
        }
        self.penalty.settle(&self.objective, &self.pass.sums.hidden, count);
        let squared_weights = self.squared_weights(w);
        Ok(self.assemble(&self.objective, count, squared_weights))
    }

    /// Takes the gradient over `rows` into `target`. ρ̂ is exact, or what `step` says of an update. J comes back if
    /// `report` asks for it.
    pub fn gradient(
        &mut self,
        rows: Rows<'_>,
        target: &mut UpdateTarget<'_>,
        step: Option<StepPenalty>,
        report: bool,
    ) -> Result<Option<Cost>> {
        let count = self.examples.count(rows);
        let squared_weights = report.then(|| self.squared_weights(target.w()));
        self.pass.sums.clear();
        if count > self.plan.chunk {
            self.gradient_in_chunks(rows, count, target, step, report)?;
        } else {
            self.forward(rows, 0..count, target.w(), Until::Delta { error: report })?;
            self.settle(count, step);
            self.backward(rows, 0..count, target, self.mean(count));
        }
        self.bias_gradients(count, target);
        let objective = step.map_or(self.objective, |step| self.objective.with_beta(step.beta));
        Ok(squared_weights.map(|squares| self.assemble(&objective, count, squares)))
    }

    /// Two passes: the first settles ρ̂ over all rows, the second adds up the gradients of all chunks.
    fn gradient_in_chunks(
        &mut self,
        rows: Rows<'_>,
        count: usize,
        target: &mut UpdateTarget<'_>,
        step: Option<StepPenalty>,
        report: bool,
    ) -> Result<()> {
        for chunk in chunks(count, self.plan.chunk) {
            self.forward(rows, chunk, target.w(), Until::Hidden)?;
        }
        self.settle(count, step);

        let mut sums = std::mem::take(&mut self.sums);
        sums.reserve(self.layout.len());
        sums.fill(0.0);
        for chunk in chunks(count, self.plan.chunk) {
            self.forward(rows, chunk.clone(), target.w(), Until::Delta { error: report })?;
            let mut target = UpdateTarget::Sum { w: target.w(), sums: &mut sums };
            self.backward(rows, chunk, &mut target, AS_IT_IS);
        }
        for range in [self.layout.d(), self.layout.w1()] {
            target.apply(range.clone(), &sums[range], self.mean(count));
        }
        self.sums = sums;
        Ok(())
    }

    fn forward(&mut self, rows: Rows<'_>, chunk: Range<usize>, w: &[f32], until: Until) -> Result<()> {
        let count = chunk.len();
        self.pass.forward(self.examples.chunk(rows, chunk)?, count, w, until);
        self.pass.sums.end_chunk();
        Ok(())
    }

    /// A chunk of fetched rows, as many at once as memory is to be taken for, with the bits of the whole.
    fn forward_in_parts(&mut self, chunk: Range<usize>, w: &[f32], until: Until) -> Result<()> {
        let whole = Blocks::new(chunk.len(), self.pass.is_thin());
        self.pass.whole = Some(whole);
        let parts = chunks(chunk.len(), whole.part_rows(self.at_once, self.pass.is_thin()));
        let gone = parts.into_iter().try_for_each(|part| {
            let rows = chunk.start + part.start..chunk.start + part.end;
            self.pass.forward(self.examples.part(rows, whole)?, part.len(), w, until);
            Ok(())
        });
        self.pass.whole = None;
        self.pass.sums.end_chunk();
        gone
    }

    fn backward(
        &mut self,
        rows: Rows<'_>,
        chunk: Range<usize>,
        target: &mut UpdateTarget<'_>,
        scale: GradientScale,
    ) {
        let x = self.examples.same_chunk(rows, chunk.clone());
        self.pass.backward(x, chunk.len(), &self.penalty.grad, target, scale);
    }

    /// The scale that makes sums over `count` rows the gradient of weights.
    fn mean(&self, count: usize) -> GradientScale {
        GradientScale { scale: 1.0 / count as f32, lambda: self.objective.lambda as f32 }
    }

    fn settle(&mut self, count: usize, step: Option<StepPenalty>) {
        let sums = &self.pass.sums.hidden;
        match step {
            None => self.penalty.settle(&self.objective, sums, count),
            Some(StepPenalty { rho_hat, beta }) => {
                self.penalty.settle_step(&self.objective.with_beta(beta), sums, count, rho_hat);
            }
        }
    }

    /// The column means of the deltas.
    fn bias_gradients(&mut self, count: usize, target: &mut UpdateTarget<'_>) {
        let sums = &self.pass.sums;
        for (range, sums) in [(self.layout.b1(), &sums.delta2), (self.layout.b2(), &sums.delta3)] {
            for (bias, sum) in self.bias.iter_mut().zip(sums) {
                *bias = (sum / count as f64) as f32;
            }
            let len = range.len();
            target.apply(range, &self.bias[..len], AS_IT_IS);
        }
    }

    /// ‖W1‖² + ‖D‖².
    fn squared_weights(&self, w: &[f32]) -> f64 {
        [self.layout.w1(), self.layout.d()].into_iter().map(|range| dot(&w[range.clone()], &w[range])).sum()
    }

    fn assemble(&self, objective: &Objective, count: usize, squared_weights: f64) -> Cost {
        let squared_error = self.pass.sums.squared_error;
        Cost::from_sums(objective, count, squared_error, squared_weights, self.penalty.rho_hat.clone())
    }

    /// A2 `[count, h]` at `w` of `rows` `[count, n]`, which need not be examples, into `out`.
    pub fn encode_rows(&mut self, w: &[f32], rows: &[f32], out: &mut [f32]) {
        let Shape { visible, hidden } = self.layout.shape;
        for chunk in chunks(out.len() / hidden, self.at_once) {
            let x = self.examples.spread(&rows[chunk.start * visible..chunk.end * visible]);
            self.pass.forward(x, chunk.len(), w, Until::Hidden);
            self.pass.hidden_rows(chunk.len(), &mut out[chunk.start * hidden..chunk.end * hidden]);
        }
    }

    /// A3 `[count, n]` at `w` of `codes` `[count, h]`.
    pub fn decode_rows(&mut self, w: &[f32], codes: &[f32], count: usize) -> Vec<f32> {
        let Shape { visible, hidden } = self.layout.shape;
        let mut out = vec![0.0; count * visible];
        for chunk in chunks(count, self.at_once) {
            self.pass.decode(&codes[chunk.start * hidden..chunk.end * hidden], w);
            self.pass.output_rows(chunk.len(), &mut out[chunk.start * visible..chunk.end * visible]);
        }
        out
    }

    /// X `[rows, n]` of the examples `rows`.
    pub fn input(&mut self, rows: &[usize]) -> Result<Vec<f32>> {
        self.examples.dense(rows)
    }

    /// A2 `[count, h]` at `w` of those of the named rows that are at positions `range`.
    pub fn hidden(&mut self, w: &[f32], rows: Rows<'_>, range: Range<usize>) -> Result<Vec<f32>> {
        let hidden = self.layout.shape.hidden;
        let mut out = vec![0.0; range.len() * hidden];
        for chunk in chunks(range.len(), self.at_once) {
            let count = chunk.len();
            self.forward(rows, range.start + chunk.start..range.start + chunk.end, w, Until::Hidden)?;
            self.pass.hidden_rows(count, &mut out[chunk.start * hidden..chunk.end * hidden]);
        }
        Ok(out)
    }

    /// A3 `[count, n]` at `w` of those of the named rows that are at positions `range`.
    pub fn output(&mut self, w: &[f32], rows: Rows<'_>, range: Range<usize>) -> Result<Vec<f32>> {
        let visible = self.layout.shape.visible;
        let mut out = vec![0.0; range.len() * visible];
        for chunk in chunks(range.len(), self.at_once) {
            let count = chunk.len();
            self.forward(rows, range.start + chunk.start..range.start + chunk.end, w, Until::Output)?;
            self.pass.output_rows(count, &mut out[chunk.start * visible..chunk.end * visible]);
        }
        Ok(out)
    }
}

/// Neither scaled nor decayed.
const AS_IT_IS: GradientScale = GradientScale { scale: 1.0, lambda: 0.0 };

/// `0..count` in pieces of at most `chunk`.
pub fn chunks(count: usize, chunk: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(chunk).map(move |first| first..(first + chunk).min(count))
}
