//! The three products of a step on a device, with the epilogues that they have there, as [`mod@super::race`] times them:
//! on a small part of the work first, then on larger and larger ones.

use super::candidate::{Candidate, CandidateCheck, Fault, Runner};
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, bytes};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::memory::workspace::slices_of;
use crate::engine::gpu::ops::{
    Gemm, GradientEnd, GradientFactors, GradientScale, HiddenLayerEpilogue, LayerEpilogue, OutputEpilogue,
};
use crate::engine::gpu::recording::{Recorder, Recording};
use crate::engine::variant::Product;
pub use crate::engine::variant::ProductSize;
use crate::error::Result;
use crate::io::clock::Moment;
use crate::math::objective::Activation;
use crate::math::transpose::Transpose;

/// Rows and columns of the first size at most: a slow kernel takes milliseconds for it everywhere.
const FIRST: usize = 128;

impl ProductSize {
    /// Work of one product.
    fn flops(self) -> f64 {
        2.0 * self.visible as f64 * self.hidden as f64 * self.rows as f64
    }

    /// A part of it with no side longer than `side`. Long sides are cut first: were rows alone left out, copies would
    /// weigh more beside the products than they do in the whole.
    fn within(self, side: usize) -> Self {
        let Self { visible, hidden, rows } = self;
        Self { visible: visible.min(side), hidden: hidden.min(side), rows: rows.min(side) }
    }
}

/// The products on a device.
#[derive(Debug)]
pub struct Products<'g> {
    gpu: &'g Gpu,
    partition: &'g Partition,
    check: CandidateCheck,
    whole: ProductSize,
    side: usize,
    tensors: ProductTensors,
    /// Candidates that have run on them. A software adapter compiles once more when it first sees textures of another size.
    warm: Vec<Candidate>,
    started: Moment,
}

/// The operands and results of products of a size.
#[derive(Debug)]
struct ProductTensors {
    size: ProductSize,
    /// `[rows, n]`.
    x: Tensor,
    /// `[rows, h]`.
    a2: Tensor,
    /// `[h, n]`.
    w: Tensor,
    /// `[h]` and `[n]`.
    bias: [Tensor; 2],
    /// `[rows, h]`.
    nt: Tensor,
    /// `[rows, n]`.
    nn: Tensor,
    /// `[slices, length]`, for the kernel that slices most.
    tn: Tensor,
    /// `[length]`.
    gradient: Tensor,
    layout: SegmentLayout,
    /// Sums of the columns of the hidden layer, for the kernel that leaves most parts.
    columns: Tensor,
    /// One an invocation, for the kernel that leaves most.
    sums: Tensor,
    /// Slices of the other two products.
    scratch: Tensor,
}

impl ProductTensors {
    fn new(gpu: &Gpu, partition: &Partition, size: ProductSize) -> Result<Self> {
        let ProductSize { visible, hidden, rows } = size;
        let zeros = |rows, cols| Tensor::zeros(gpu, "operand of a race", rows, cols);
        let vector = |len| Tensor::vector(gpu, "vector of a race", len);
        let layout = SegmentLayout::new(visible, &(0..hidden));
        let Partition { limit: most, workgroups, .. } = *partition;
        let counts = Product::ALL.map(|p| slices_of(p, workgroups, most, layout, rows).count);
        let slices = counts.into_iter().max().unwrap_or(1);
        let of_layers = |room| {
            let of = |cols, k| Product::ALL.map(|product| Gemm { product, workgroups, rows, cols, k, room });
            [of(hidden, visible), of(visible, hidden)]
        };
        let slice_numbers = of_layers(most).into_iter().flatten().map(Gemm::slice_numbers).max();
        let scratch = vector(slice_numbers.unwrap_or(0).max(1))?;
        let [of_hidden, of_output] = of_layers(scratch.bound);
        let parts = of_hidden.map(Gemm::column_parts).into_iter().max();
        let sums = of_output.map(Gemm::output_sums).into_iter().max();
        Ok(Self {
            size,
            x: filled(gpu, zeros(rows, visible)?),
            a2: filled(gpu, zeros(rows, hidden)?),
            w: filled(gpu, zeros(hidden, visible)?),
            bias: [vector(hidden)?, vector(visible)?],
            nt: zeros(rows, hidden)?,
            nn: zeros(rows, visible)?,
            tn: vector(slices * layout.len)?,
            gradient: vector(layout.len)?,
            layout,
            columns: zeros(parts.unwrap_or(1), hidden)?,
            sums: vector(sums.unwrap_or_default())?,
            scratch,
        })
    }
}

impl<'g> Products<'g> {
    /// Tensors for a small part of `whole`, and `check` for the candidates.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(
        gpu: &'g Gpu,
        partition: &'g Partition,
        whole: ProductSize,
        check: CandidateCheck,
    ) -> Result<Self> {
        let started = Moment::now();
        let tensors = ProductTensors::new(gpu, partition, whole.within(FIRST))?;
        Ok(Self { gpu, partition, check, whole, side: FIRST, tensors, warm: Vec::new(), started })
    }

    fn record(&self, candidate: Candidate, count: usize) -> Result<Recording> {
        const F: Activation = Activation::Sigmoid;
        let ProductTensors { x, a2, w, bias, nt, nn, tn, gradient, layout, columns, sums, scratch, size } =
            &self.tensors;
        let [hidden, output] = bias.each_ref().map(|bias| LayerEpilogue { bias, f: F });
        let mut recorder = Recorder::of(self.gpu, candidate.variant());
        recorder.scratch = Some(scratch.clone());
        let slices = slices_of(candidate.product, recorder.workgroups, tn.bound, *layout, size.rows);
        let factors = GradientFactors { a2, delta3: x, delta2: a2, x };
        for _ in 0..count {
            match candidate.transpose {
                Transpose::Nt => {
                    let parts = recorder.gemm(candidate.product, x, nt).column_parts();
                    let sums = &columns.unpadded(parts, size.hidden);
                    recorder.layer_nt(x, w, HiddenLayerEpilogue { layer: hidden, sums }, nt)?;
                }
                Transpose::Nn => {
                    let end = OutputEpilogue { layer: output, x, sums, first_sum: 0 };
                    recorder.output_delta(a2, w, end, nn, false)?;
                }
                Transpose::Tn => {
                    let end = GradientEnd::Kept { w: tn, gradient, accumulate: false };
                    let scale = GradientScale::new(size.rows, 0.0);
                    recorder.gradient(factors, *layout, (slices, tn), scale, end)?;
                }
            }
            // In a step the operands of nearly every product are new, and have to be copied.
            recorder.outdate_all();
        }
        recorder.finish()
    }
}

impl Runner for Products<'_> {
    fn prepare(&mut self, candidate: Candidate) -> Result<(), Fault> {
        self.record(candidate, 1).map(drop).map_err(|error| Fault::Refused(error.to_string()))
    }

    fn check(&mut self, candidate: Candidate) -> Result<(), Fault> {
        (self.check)(self.gpu, candidate, self.partition.blocks.len())
    }

    fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn time(&mut self, candidate: Candidate, count: usize) -> Result<f64> {
        if !self.warm.contains(&candidate) {
            self.record(candidate, 1)?.run(self.gpu)?;
            self.warm.push(candidate);
        }
        let recording = self.record(candidate, count)?;
        self.gpu.finish()?;
        let started = Moment::now();
        recording.run(self.gpu)?;
        self.gpu.finish()?;
        Ok(started.elapsed().as_secs_f64())
    }

    fn enlarge(&mut self, growth: f64) -> Result<Option<f64>> {
        let before = self.tensors.size;
        if before == self.whole {
            return Ok(None);
        }
        let factor = |side| self.whole.within(side).flops() / before.flops();
        let mut side = 2 * self.side;
        while factor(2 * side) <= growth && self.whole.within(side) != self.whole {
            side *= 2;
        }
        let factor = factor(side);
        self.tensors = ProductTensors::new(self.gpu, self.partition, self.whole.within(side))?;
        self.side = side;
        self.warm.clear();
        Ok(Some(factor))
    }
}

/// Numbers as activations have them: zeros may be computed faster.
fn filled(gpu: &Gpu, tensor: Tensor) -> Tensor {
    const SLICE: usize = 1 << 16;
    let len = tensor.bound;
    let values: Vec<f32> = (0..SLICE.min(len)).map(|i| 0.1 + 0.8 * (i % 97) as f32 / 97.0).collect();
    for first in (0..len).step_by(SLICE) {
        let count = SLICE.min(len - first);
        gpu.queue.write_buffer(&tensor.buffer, bytes(first), bytemuck::cast_slice(&values[..count]));
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cut_long_sides_first_and_end_at_the_whole() {
        let whole = ProductSize { visible: 3072, hidden: 8192, rows: 256 };
        assert_eq!(whole.within(128), ProductSize { visible: 128, hidden: 128, rows: 128 });
        assert_eq!(whole.within(512), ProductSize { visible: 512, hidden: 512, rows: 256 });
        assert_eq!(whole.within(8192), whole);
        assert_eq!(whole.within(512).flops(), 2.0 * 512.0 * 512.0 * 256.0);
    }
}
