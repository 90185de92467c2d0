//! Records the passes of a step in the order of the formulas: forward, ρ̂ and its slope, cost sums, deltas, gradient.
//! The reference's [`crate::engine::reference::step`] is the same text in f64.

use std::ops::Range;

use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::{Segment, SegmentLayout, output_bias};
use crate::engine::gpu::memory::workspace::{Workspace, slices_of};
use crate::engine::gpu::ops::{
    AppliedEnd, GradientEnd, GradientFactors, GradientScale, HiddenEpilogue, HiddenLayerEpilogue,
    LayerEpilogue, OutputEpilogue, PenaltyPlace,
};
use crate::engine::gpu::recording::Recorder;
use crate::engine::gpu::step::examples::PassRows;
use crate::error::Result;
use crate::math::objective::Objective;

/// The place of an update's ρ̂.
#[derive(Clone, Copy)]
pub struct RhoHatTarget<'a> {
    /// ρ̂ of each block.
    pub rho_hat: &'a [Tensor],
    /// β and the decay of a moving average, as they are when a recording runs.
    pub rates: &'a Tensor,
}

/// The weights that are evaluated, and where the results go.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// J; its β may be less than the engine's while it warms up.
    pub objective: Objective,
    /// The parameters.
    pub weights: &'a [Segment],
    /// What becomes of the gradient; without it the cost alone is taken.
    pub gradient: Option<GradientTarget<'a>>,
    /// Whether ‖W‖² is summed up, which nothing but J takes.
    pub sums_weights: bool,
    /// ρ̂.
    pub rho_hat: RhoHatTarget<'a>,
}

/// What becomes of the gradient.
#[derive(Clone, Copy)]
pub enum GradientTarget<'a> {
    /// It is kept.
    Kept(&'a [Segment]),
    /// An optimiser takes it from the products, and it is stored nowhere: for updates over a single chunk.
    Applied(&'a [AppliedEnd<'a>]),
}

/// Records passes over one set of rows with one set of weights.
pub struct PassRecorder<'p, 'g> {
    /// The recording.
    pub recorder: &'p mut Recorder<'g>,
    /// The cut.
    pub partition: &'p Partition,
    /// Activations and sums.
    pub work: &'p Workspace,
    /// The weights and the results.
    pub subject: Subject<'p>,
    /// The rows.
    pub rows: PassRows<'p>,
}

impl<'p> PassRecorder<'p, '_> {
    /// J's sums and ρ̂, and the gradient if the subject has a place for it.
    pub fn evaluate(&mut self) -> Result<()> {
        match self.subject.gradient {
            Some(gradient) => self.gradient(gradient),
            None => self.cost(),
        }
    }

    fn cost(&mut self) -> Result<()> {
        for (number, chunk) in self.chunks().into_iter().enumerate() {
            let x = self.chunk_of_examples(&chunk)?;
            self.activate(&x, number > 0)?;
            self.output_delta(number, &x)?;
        }
        self.settle()
    }

    /// J's sums, ρ̂ and the gradient. With several chunks a first pass finishes ρ̂ for all rows and
    /// the second computes the activations again.
    fn gradient(&mut self, gradient: GradientTarget<'_>) -> Result<()> {
        let chunks = self.chunks();
        let is_kept = matches!(gradient, GradientTarget::Kept(_));
        assert!(
            is_kept || chunks.len() == 1,
            "gradients of several chunks are added up before they are applied"
        );
        for (number, chunk) in chunks.iter().enumerate() {
            let x = self.chunk_of_examples(chunk)?;
            self.activate(&x, number > 0)?;
        }
        self.settle()?;
        for (number, chunk) in chunks.iter().enumerate() {
            let mut x = self.in_place(chunk);
            if chunks.len() > 1 {
                x = self.chunk_of_examples(chunk)?;
                self.all_hidden(&x)?;
            }
            self.back_propagate(number, number > 0, &x, gradient)?;
        }
        Ok(())
    }

    /// A2 of all blocks with the sums of their columns. Of several chunks these become means, added to those of earlier chunks
    /// if this is a `later` one.
    pub fn activate(&mut self, x: &Tensor, later: bool) -> Result<()> {
        let has_means = self.has_means();
        for k in 0..self.subject.weights.len() {
            self.hidden(k, x)?;
            if has_means {
                let sums = self.work.column_sums(self.partition, k, x.rows);
                self.recorder.column_mean(&sums, &self.work.mean[k], self.rows.count(), later)?;
            }
        }
        Ok(())
    }

    /// Whether an update is computed in several chunks, so that ρ̂ is made of means and not of the sums of the only one.
    fn has_means(&self) -> bool {
        self.rows.count() > self.partition.chunk
    }

    /// ρ̂ and its slope from the means over all rows, and ‖W‖² for J.
    pub fn settle(&mut self) -> Result<()> {
        self.penalty_grads()?;
        if self.subject.sums_weights { self.squared_weights() } else { Ok(()) }
    }

    /// A2 of all blocks.
    pub fn all_hidden(&mut self, x: &Tensor) -> Result<()> {
        (0..self.subject.weights.len()).try_for_each(|k| self.hidden(k, x).map(|_| ()))
    }

    /// The gradient of a chunk from the activations at hand, added to that of earlier chunks if this is a `later` one;
    /// its squared errors are those of chunk `number`.
    pub fn back_propagate(
        &mut self,
        number: usize,
        later: bool,
        x: &Tensor,
        gradient: GradientTarget<'_>,
    ) -> Result<()> {
        let delta3 = self.output_delta(number, x)?;
        self.block_gradients(&delta3, later, x, gradient)
    }

    /// The gradient of all blocks from δ3 and the activations at hand.
    pub fn block_gradients(
        &mut self,
        delta3: &Tensor,
        later: bool,
        x: &Tensor,
        gradient: GradientTarget<'_>,
    ) -> Result<()> {
        for (k, weights) in self.subject.weights.iter().enumerate() {
            let a2 = first_rows(&self.work.a2[k], x.rows);
            let delta2 = resized(&self.work.error, x.rows, a2.cols);
            let end =
                HiddenEpilogue { slope: &self.work.slope[k], a2: &a2, f: self.subject.objective.activation };
            self.recorder.hidden_delta(delta3, &self.d(k), end, &delta2)?;

            let end = match gradient {
                GradientTarget::Kept(gradient) => {
                    let gradient = &gradient[k].whole;
                    GradientEnd::Kept { w: &weights.whole, gradient, accumulate: later }
                }
                GradientTarget::Applied(ends) => GradientEnd::Applied(ends[k]),
            };
            let factors = GradientFactors { a2: &a2, delta3, delta2: &delta2, x };
            self.block_gradient(factors, weights, end)?;
        }
        Ok(())
    }

    /// ∇ of a block: A2ᵀδ3, δ2ᵀX and the sums of the deltas, over the rows of the whole update.
    fn block_gradient(
        &mut self,
        factors: GradientFactors<'_>,
        weights: &Segment,
        end: GradientEnd<'_>,
    ) -> Result<()> {
        let products = &self.work.products;
        // Blocks and chunks that are shorter than the rest may want more slices than there is room for. Shards of any size slice
        // alike: so the gradient of the output bias, of which each has a copy, has the same bits in all.
        let Partition { shape, variant, workgroups, widest, is_shard, .. } = *self.partition;
        let layout = if is_shard { SegmentLayout::new(shape.visible, &(0..widest)) } else { weights.layout };
        let slices = slices_of(variant.tn, workgroups, products.bound, layout, factors.x.rows);
        let scale = GradientScale::new(self.rows.count(), self.subject.objective.lambda);
        self.recorder.gradient(factors, weights.layout, (slices, products), scale, end)
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        self.partition.chunks(self.rows.count())
    }

    /// X of a chunk, gathered if its rows are listed.
    pub fn chunk_of_examples(&mut self, chunk: &Range<usize>) -> Result<Tensor> {
        self.rows.gathered(self.recorder, chunk.start / self.partition.chunk, chunk)
    }

    /// Where X of a chunk lies.
    pub fn in_place(&self, chunk: &Range<usize>) -> Tensor {
        self.rows.in_place(chunk)
    }

    /// A2_k = f(X W1_kᵀ + b1_k).
    pub fn hidden(&mut self, k: usize, x: &Tensor) -> Result<Tensor> {
        let a2 = first_rows(&self.work.a2[k], x.rows);
        let weights = &self.subject.weights[k];
        let layer = LayerEpilogue { bias: &weights.b1, f: self.subject.objective.activation };
        let sums = self.work.column_sums(self.partition, k, x.rows);
        let w1 = weights.w1.copied_into(&self.work.w1_texture);
        self.recorder.layer_nt(x, &w1, HiddenLayerEpilogue { layer, sums: &sums }, &a2)?;
        Ok(a2)
    }

    /// A3 = g(Σ_k A2_k D_k + b2), from the activations at hand.
    pub fn output(&mut self, x: &Tensor) -> Result<Tensor> {
        let (a2, d, a3) = self.all_but_last_block(x)?;
        let accumulate = self.subject.weights.len() > 1;
        self.recorder.layer_nn(&a2, &d, self.output_layer(), &a3, accumulate)?;
        Ok(a3)
    }

    /// δ3 of chunk `number` and the sums of its squared errors, from the activations at hand.
    pub fn output_delta(&mut self, number: usize, x: &Tensor) -> Result<Tensor> {
        let (a2, d, delta3) = self.all_but_last_block(x)?;
        let sums = &self.work.squared_errors[number];
        let end = OutputEpilogue { layer: self.output_layer(), x, sums, first_sum: 0 };
        let accumulate = self.subject.weights.len() > 1;
        self.recorder.output_delta(&a2, &d, end, &delta3, accumulate)?;
        Ok(delta3)
    }

    fn output_layer(&self) -> LayerEpilogue<'p> {
        LayerEpilogue { bias: output_bias(self.subject.weights), f: self.subject.objective.output }
    }

    /// Adds up A2_k D_k of all blocks but the last; returns the factors of the last, and where the sum is.
    fn all_but_last_block(&mut self, x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let sum = first_rows(&self.work.a3, x.rows);
        let last = self.subject.weights.len() - 1;
        self.sum_of_blocks(0..last, &sum)?;
        Ok((first_rows(&self.work.a2[last], x.rows), self.d(last), sum))
    }

    /// Σ_k A2_k D_k over neighbouring blocks, from the activations at hand.
    pub fn sum_of_blocks(&mut self, blocks: Range<usize>, sum: &Tensor) -> Result<()> {
        for k in blocks.clone() {
            let a2 = first_rows(&self.work.a2[k], sum.rows);
            self.recorder.matmul_nn(&a2, &self.d(k), sum, k > blocks.start)?;
        }
        Ok(())
    }

    /// D_k for the products that read it.
    fn d(&self, k: usize) -> Tensor {
        self.subject.weights[k].d.copied_into(&self.work.d_texture)
    }

    fn penalty_grads(&mut self) -> Result<()> {
        let RhoHatTarget { rho_hat, rates } = self.subject.rho_hat;
        let rows = self.rows.count();
        for (k, rho_hat) in rho_hat.iter().enumerate() {
            let place = PenaltyPlace { rates, rho_hat, slope: &self.work.slope[k] };
            let objective = &self.subject.objective;
            if self.has_means() {
                self.recorder.penalty_grad(objective, &self.work.mean[k], 1, place)?;
            } else {
                let sums = self.work.column_sums(self.partition, k, rows);
                self.recorder.penalty_grad(objective, &sums, rows, place)?;
            }
        }
        Ok(())
    }

    /// ‖W1‖² + ‖D‖², before any update.
    fn squared_weights(&mut self) -> Result<()> {
        for (segment, sums) in self.subject.weights.iter().zip(&self.work.squared_weights) {
            self.recorder.squares(&segment.weights, sums)?;
        }
        Ok(())
    }
}

/// The first rows of a matrix whose chunk is shorter than its buffer.
pub fn first_rows(tensor: &Tensor, rows: usize) -> Tensor {
    resized(tensor, rows, tensor.cols)
}

fn resized(tensor: &Tensor, rows: usize, cols: usize) -> Tensor {
    Tensor::matrix_at(&tensor.buffer, tensor.offset, rows, cols)
}
