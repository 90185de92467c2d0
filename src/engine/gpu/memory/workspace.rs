//! The tensors that the passes of an engine share, and how many sums they leave for the host.

use std::ops::Range;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::variant::{Product, Variant};
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{SECTION, Tensor, padded};
use crate::engine::gpu::memory::layout::Layout;
use crate::engine::gpu::ops::{COLUMN_BLOCK, Slices, output_sums, product_room, sum_blocks};
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
        let [a2, mean, rho_hat, slope, error, a3, column_sums, products, squared_weights, squared_errors] =
            allocate(gpu, Self::allocations(layout, rows))?;
        let [error, a3, column_sums, products] = [error, a3, column_sums, products].map(single);
        Ok(Self {
            a2,
            mean,
            rho_hat,
            slope,
            error,
            a3,
            column_sums,
            products,
            squared_weights,
            squared_errors,
        })
    }

    /// Its tensors, in the order of the fields.
    pub(crate) fn allocations(layout: &Layout, rows: usize) -> [Allocation; 10] {
        const ACTIVATIONS: Category = Category::Activations;
        let (n, chunk, widest) = (layout.shape.visible, layout.chunk, layout.widest_block());
        let units = || layout.blocks.iter().map(Range::len);
        let column_sums = chunk.div_ceil(COLUMN_BLOCK) * padded(n.max(widest));
        let weight_sums = units().map(|units| block_sums(layout, units));
        let error_sums = layout.chunks(rows).into_iter().map(|chunk| error_sums(layout, chunk.len()));
        [
            Allocation::matrices("activations", ACTIVATIONS, units().map(|units| (chunk, units))).copied(1),
            Allocation::vectors("mean activations", ACTIVATIONS, units()).copied(1),
            Allocation::vectors("rho_hat", ACTIVATIONS, units()),
            Allocation::vectors("KL gradient", ACTIVATIONS, units()).copied(1),
            Allocation::matrix("hidden delta", ACTIVATIONS, chunk, widest).copied(1),
            Allocation::matrix("outputs", ACTIVATIONS, chunk, n).copied(1),
            Allocation::vectors("column sums", ACTIVATIONS, [column_sums]).copied(1),
            Allocation::vectors("slices of products", ACTIVATIONS, [room(layout)]).copied(1),
            Allocation::packed("sums of weights", ACTIVATIONS, weight_sums, layout.limit),
            Allocation::packed("sums of errors", ACTIVATIONS, error_sums, layout.limit),
        ]
    }

    /// An empty recording whose products have room for their slices.
    pub fn recorder<'g>(&self, gpu: &'g Gpu, layout: &Layout) -> Recorder<'g> {
        let mut recorder = layout.recorder(gpu);
        recorder.scratch = Some(self.products.clone());
        recorder
    }

    /// Sums of the squared errors of `rows` rows, and how many of each tensor.
    pub(crate) fn error_parts(&self, layout: &Layout, rows: usize) -> Vec<(&Tensor, usize)> {
        let chunks = layout.chunks(rows).into_iter().zip(&self.squared_errors);
        chunks.map(|(chunk, sums)| (sums, error_sums(layout, chunk.len()))).collect()
    }
}

/// Numbers that hold the slices of the products of a chunk: weight gradients need one at least, the others make a product
/// faster.
pub(crate) fn room(layout: &Layout) -> usize {
    let (n, widest, chunk) = (padded(layout.shape.visible), padded(layout.widest_block()), layout.chunk);
    let Variant { nt, nn, tn, .. } = layout.variant;
    let gradient = slices_of(tn, layout.limit, widest, n, chunk).count * widest * n;
    let output = product_room(nn, chunk, n, widest, layout.limit);
    let hidden = product_room(nt, chunk, widest, n, layout.limit);
    gradient.max(output).max(hidden)
}

/// Slices of a weight gradient of `units` × `n` over `rows` rows, as many as `room` numbers hold.
pub(crate) fn slices_of(product: Product, room: usize, units: usize, n: usize, rows: usize) -> Slices {
    let (height, width) = (padded(units), padded(n));
    Slices::new(product, rows, height, width).at_most(rows, (room / (height * width)).max(1))
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
