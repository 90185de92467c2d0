//! Records the passes of a network in the order of the formulas: forward, losses, deltas from above, gradient. The
//! reference's [`crate::engine::reference::network`] is the same text in f64.

use std::ops::Range;

use super::resident::Resident;
use super::vectors::LayerVector;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::workspace::slices_of;
use crate::engine::gpu::ops::{
    AppliedEnd, GradientEnd, GradientFactors, GradientScale, HiddenEpilogue, LayerEpilogue,
};
use crate::engine::gpu::recording::Recorder;
use crate::engine::gpu::step::examples::PassRows;
use crate::engine::gpu::step::pass::first_rows;
use crate::error::Result;
use crate::math::activation::Activation;

/// What becomes of the gradient.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// It is kept.
    Kept(&'a [LayerVector]),
    /// An optimiser takes it from the products, one end a layer: for updates over a single chunk.
    Applied(&'a [AppliedEnd<'a>]),
}

/// Records passes over one set of rows with one set of weights.
pub(super) struct NetworkPass<'p, 'g> {
    pub on: &'p Resident,
    pub recorder: &'p mut Recorder<'g>,
    pub weights: &'p [LayerVector],
    pub rows: PassRows<'p>,
    /// y of the rows.
    pub labels: &'p Tensor,
}

impl NetworkPass<'_, '_> {
    /// J's sums.
    pub fn cost(&mut self) -> Result<()> {
        self.squares()?;
        self.chunks().iter().try_for_each(|chunk| self.losses(chunk).map(|_| ()))
    }

    /// J's sums, those of the weights where they are asked for, and the gradient.
    pub fn gradient(&mut self, target: Target<'_>, sums_weights: bool) -> Result<()> {
        let chunks = self.chunks();
        let is_kept = matches!(target, Target::Kept(_));
        assert!(
            is_kept || chunks.len() == 1,
            "gradients of several chunks are added up before they are applied"
        );
        if sums_weights {
            self.squares()?;
        }
        for (number, chunk) in chunks.iter().enumerate() {
            let x = self.losses(chunk)?;
            self.back_propagate(&x, number > 0, target)?;
        }
        Ok(())
    }

    /// ‖W‖² of every layer, before any update.
    fn squares(&mut self) -> Result<()> {
        let pairs = self.weights.iter().zip(&self.on.work.squares);
        pairs.into_iter().try_for_each(|(layer, sums)| self.recorder.squares(&layer.weights, sums))
    }

    /// The losses of a chunk, and δ of its softmax layer; its X.
    fn losses(&mut self, chunk: &Range<usize>) -> Result<Tensor> {
        let number = chunk.start / self.on.cut.rows.chunk;
        let x = self.rows.gathered(self.recorder, number, chunk)?;
        let z = self.forward(&x)?;
        self.recorder.softmax_losses(&z, self.labels, &self.on.work.losses, chunk.start)?;
        Ok(x)
    }

    /// The activations of all layers, and Z of the last.
    pub fn forward(&mut self, x: &Tensor) -> Result<Tensor> {
        let mut below = x.clone();
        for (l, layer) in self.weights.iter().enumerate() {
            let own = self.activations(l, x.rows);
            let f = self.on.objective.activations.get(l).copied().unwrap_or(Activation::Linear);
            let end = LayerEpilogue { bias: &layer.bias, f };
            self.recorder.dense_nt(&below, &layer.weight, end, &own)?;
            below = own;
        }
        Ok(below)
    }

    /// The gradient of a chunk from the activations at hand, added to that of earlier chunks if this is a `later`
    /// one. The weights of a layer are read for the delta below before they are updated.
    fn back_propagate(&mut self, x: &Tensor, later: bool, target: Target<'_>) -> Result<()> {
        let work = &self.on.work;
        let mut delta = self.activations(self.weights.len() - 1, x.rows);
        for (l, layer) in self.weights.iter().enumerate().rev() {
            let mut below = (x.clone(), None);
            if l > 0 {
                let (a, units) = (self.activations(l - 1, x.rows), layer.weight.cols);
                let room = &work.deltas[l % 2];
                let delta_below = Tensor::matrix_at(&room.buffer, room.offset, x.rows, units);
                let slope = Tensor::vector_at(&work.no_penalty.buffer, 0, units);
                let end = HiddenEpilogue { slope: &slope, a2: &a, f: self.on.objective.activations[l - 1] };
                self.recorder.hidden_delta_nn(&delta, &layer.weight, end, &delta_below)?;
                below = (a, Some(delta_below));
            }
            let (a, delta_below) = below;
            let end = match target {
                Target::Kept(gradient) => {
                    let gradient = &gradient[l].whole;
                    GradientEnd::Kept { w: &layer.whole, gradient, accumulate: later }
                }
                Target::Applied(ends) => GradientEnd::Applied(ends[l]),
            };
            self.layer_gradient((&delta, &a), l, end)?;
            if let Some(delta_below) = delta_below {
                delta = delta_below;
            }
        }
        Ok(())
    }

    /// ∇ of a layer, δᵀA and the sums of δ, over the rows of the whole update.
    fn layer_gradient(
        &mut self,
        (delta, a): (&Tensor, &Tensor),
        l: usize,
        end: GradientEnd<'_>,
    ) -> Result<()> {
        let (on, layout) = (self.on, self.weights[l].layout);
        let (partition, products) = (&on.cut.rows, &on.work.products);
        let slices = slices_of(partition.variant.tn, partition.workgroups, products.bound, layout, a.rows);
        let lambda = on.objective.decay.of_layers(&on.cut.shape)[l];
        let scale = GradientScale::new(self.rows.count(), lambda);
        // A layer alone has no decoder: its factors stand in their place, and are not read there.
        let factors = GradientFactors { a2: delta, delta3: a, delta2: delta, x: a };
        self.recorder.gradient(factors, layout, (slices, products), scale, end)
    }

    fn chunks(&self) -> Vec<Range<usize>> {
        self.on.cut.rows.chunks(self.rows.count())
    }

    /// The activations of a layer for the rows of a chunk.
    fn activations(&self, l: usize, rows: usize) -> Tensor {
        first_rows(&self.on.work.activations[l], rows)
    }
}
