//! The buffers that the passes of an engine share, and how many sums they leave for the host.

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::variant::{Product, Variant};
use crate::engine::gpu::memory::buffer::{SECTION, Tensor, packed, padded};
use crate::engine::gpu::memory::layout::Layout;
use crate::engine::gpu::memory::storage::Storage;
use crate::engine::gpu::ops::{COLUMN_BLOCK, SplitK, output_sums, product_room, sum_blocks};
use crate::engine::gpu::recording::Recorder;
use crate::error::Result;

/// The activations and sums of one chunk, made once and used by every recording.
#[derive(Debug)]
pub struct Workspace {
    /// A2 of each block, `[chunk, units]`.
    pub(crate) a2: Vec<Tensor>,
    /// Mean activations, ρ̂ and KL slope of each block, `[units]`.
    pub(crate) mean: Vec<Tensor>,
    pub(crate) rho_hat: Vec<Tensor>,
    pub(crate) slope: Vec<Tensor>,
    /// Back-propagated error, then δ2, of one block `[chunk, widest block]`.
    pub(crate) error: Tensor,
    /// Z3, A3, then δ3 `[chunk, n]`.
    pub(crate) a3: Tensor,
    pub(crate) column_sums: Tensor,
    pub(crate) products: Tensor,
    /// Block sums of ‖W‖² for the host, one tensor a block.
    pub(crate) squared_weights: Vec<Tensor>,
    /// Sums of squared errors for the host, one tensor a chunk.
    pub(crate) squared_errors: Vec<Tensor>,
}

impl Workspace {
    /// Allocates for chunks of the layout and updates over at most `rows` rows.
    pub fn new(gpu: &Gpu, layout: &Layout, rows: usize) -> Result<Self> {
        let (n, chunk, widest) = (layout.shape.visible, layout.chunk, layout.widest_block());
        let vectors = |name: &str| -> Result<Vec<Tensor>> {
            layout.blocks.iter().map(|block| Tensor::vector(gpu, name, block.len())).collect()
        };
        let weight_sums = layout.blocks.iter().map(|block| block_sums(layout, block.len()));
        let error_sums = layout.chunks(rows).into_iter().map(|chunk| error_sums(layout, chunk.len()));
        Ok(Self {
            a2: layout
                .blocks
                .iter()
                .map(|b| Tensor::zeros(gpu, "activations", chunk, b.len()))
                .collect::<Result<_>>()?,
            mean: vectors("mean activations")?,
            rho_hat: vectors("rho_hat")?,
            slope: vectors("KL slope")?,
            error: Tensor::zeros(gpu, "hidden delta", chunk, widest)?,
            a3: Tensor::zeros(gpu, "outputs", chunk, n)?,
            column_sums: flat(gpu, "column sums", chunk.div_ceil(COLUMN_BLOCK) * padded(n.max(widest)))?,
            products: flat(gpu, "slices of products", room(layout))?,
            squared_weights: packed(gpu, "sums of weights", weight_sums, layout.limit)?,
            squared_errors: packed(gpu, "sums of errors", error_sums, layout.limit)?,
        })
    }

    /// An empty recording whose products have room for their slices.
    pub fn recorder<'g>(&self, gpu: &'g Gpu, layout: &Layout) -> Recorder<'g> {
        let mut recorder = layout.recorder(gpu);
        recorder.scratch = Some(self.products.clone());
        recorder
    }

    /// The sums that the cost of `rows` rows is assembled from, in the order of [`cost_sums`], and how many of each
    /// tensor.
    pub(crate) fn cost_parts(&self, layout: &Layout, rows: usize) -> Vec<(&Tensor, usize)> {
        let weights = self.squared_weights.iter().map(|sums| (sums, sums.cols));
        let chunks = layout.chunks(rows).into_iter().zip(&self.squared_errors);
        let errors = chunks.map(|(chunk, sums)| (sums, error_sums(layout, chunk.len())));
        weights.chain(errors).collect()
    }
}

fn flat(gpu: &Gpu, name: &str, len: usize) -> Result<Tensor> {
    Ok(Tensor::vector_at(&Storage::zeros(gpu, name, padded(len))?, 0, len))
}

/// Numbers that hold the slices of the products of a chunk: weight gradients need one at least, and what is left out there
/// are slices that make a product faster.
pub(crate) fn room(layout: &Layout) -> usize {
    let (n, widest, chunk) = (padded(layout.shape.visible), padded(layout.widest_block()), layout.chunk);
    let Variant { nt, nn, tn, .. } = layout.variant;
    let gradient = slices_of(tn, layout.limit, widest, n, chunk).count * widest * n;
    let output = product_room(nn, chunk, n, widest, layout.limit);
    let hidden = product_room(nt, chunk, widest, n, layout.limit);
    gradient.max(output).max(hidden)
}

/// Slices of a weight gradient of `units` × `n` over `rows` rows, as many as `room` numbers hold.
pub(crate) fn slices_of(product: Product, room: usize, units: usize, n: usize, rows: usize) -> SplitK {
    let (height, width) = (padded(units), padded(n));
    SplitK::of_gradient(product, rows, height, width).at_most(rows, (room / (height * width)).max(1))
}

/// Sums that the cost of `rows` rows takes.
pub fn cost_sums(layout: &Layout, rows: usize) -> usize {
    let errors: usize = layout.chunks(rows).iter().map(|chunk| error_sums(layout, chunk.len())).sum();
    errors + weight_sums(layout)
}

/// Sums of squared errors that a chunk of `rows` rows leaves.
pub fn error_sums(layout: &Layout, rows: usize) -> usize {
    let last = layout.blocks.last().map_or(0, |block| block.len());
    output_sums(layout.variant.nn, rows, layout.shape.visible, last, room(layout))
}

/// Block sums that ‖W‖² takes.
pub fn weight_sums(layout: &Layout) -> usize {
    layout.blocks.iter().map(|block| block_sums(layout, block.len())).sum()
}

/// Those of one block of `units` units.
fn block_sums(layout: &Layout, units: usize) -> usize {
    sum_blocks(2 * (padded(units) * padded(layout.shape.visible)).next_multiple_of(SECTION))
}
