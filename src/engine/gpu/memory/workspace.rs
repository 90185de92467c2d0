//! The tensors that the passes of an engine share, and how many sums they leave for the host.

use std::ops::Range;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate, single};
use crate::engine::gpu::memory::buffer::{SECTION, Tensor, padded};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::SegmentLayout;
use crate::engine::gpu::memory::storage::SharedTexture;
use crate::engine::gpu::ops::{Gemm, SplitK, sum_blocks};
use crate::engine::gpu::recording::Recorder;
use crate::engine::variant::Product;
use crate::error::Result;

/// The activations and sums of one chunk, made once and used by every recording.
#[derive(Debug)]
pub struct Workspace {
    /// A2 of each block, `[chunk, units]`, and the sums of its columns, as many parts as a chunk has: in one buffer each, so that
    /// dispatches that read the one and the other do not wait twice.
    pub(crate) a2: Vec<Tensor>,
    column_sums: Vec<Tensor>,
    /// Mean activations, ρ̂ and KL slope of each block, `[units]`.
    pub(crate) mean: Vec<Tensor>,
    pub(crate) rho_hat: Vec<Tensor>,
    pub(crate) slope: Vec<Tensor>,
    /// Back-propagated error, then δ2, of one block `[chunk, widest block]`.
    pub(crate) error: Tensor,
    /// Z3, A3, then δ3 `[chunk, n]`.
    pub(crate) a3: Tensor,
    pub(crate) products: Tensor,
    /// Block sums of ‖W‖² for the host, one tensor a block.
    pub(crate) squared_weights: Vec<Tensor>,
    /// Sums of squared errors for the host, one tensor a chunk.
    pub(crate) squared_errors: Vec<Tensor>,
    /// The textures of W1 and of D of the block that is read.
    pub(crate) w1_texture: SharedTexture,
    pub(crate) d_texture: SharedTexture,
    a2_texture: SharedTexture,
}

impl Workspace {
    /// Allocates for chunks of the partition and updates over at most `rows` rows.
    pub fn new(gpu: &Gpu, partition: &Partition, rows: usize) -> Result<Self> {
        let [activations, mean, rho_hat, slope, error, a3, products, squared_weights, squared_errors] =
            allocate(gpu, Self::allocations(partition, rows, partition.chunk))?;
        let [error, a3, products] = [error, a3, products].map(single);
        let a2_texture = SharedTexture::new(block_activations(partition));
        let (a2, column_sums) = hidden_layer(partition, &activations, &a2_texture);
        Ok(Self {
            a2,
            column_sums,
            mean,
            rho_hat,
            slope,
            error,
            a3,
            products,
            squared_weights,
            squared_errors,
            w1_texture: SharedTexture::new(block_weights(partition)),
            d_texture: SharedTexture::new(block_weights(partition)),
            a2_texture,
        })
    }

    /// That of another shard of the same cut, which takes turns with this one: what is read no more once the turn is over is
    /// the same.
    pub fn beside(&self, gpu: &Gpu, partition: &Partition) -> Result<Self> {
        let [activations, mean, rho_hat, slope, squared_weights] =
            allocate(gpu, Self::allocations_beside(partition))?;
        let (a2, column_sums) = hidden_layer(partition, &activations, &self.a2_texture);
        let (error, a3, products) = (self.error.clone(), self.a3.clone(), self.products.clone());
        let squared_errors = self.squared_errors.clone();
        let [w1_texture, d_texture, a2_texture] =
            [&self.w1_texture, &self.d_texture, &self.a2_texture].map(SharedTexture::clone);
        Ok(Self {
            a2,
            column_sums,
            mean,
            rho_hat,
            slope,
            error,
            a3,
            products,
            squared_weights,
            squared_errors,
            w1_texture,
            d_texture,
            a2_texture,
        })
    }

    /// Its tensors, in the order of the fields. Gradients are taken over at most `update` rows at a time, and nothing but
    /// these reads deltas.
    pub(crate) fn allocations(partition: &Partition, rows: usize, update: usize) -> [Allocation; 9] {
        const ACTIVATIONS: Category = Category::Activations;
        let (n, chunk, widest) = (partition.shape.visible, partition.chunk, partition.widest);
        let units = || partition.blocks.iter().map(Range::len);
        let activations = units().map(|units| {
            let stride = padded(units);
            [padded(chunk) * stride, parts_of(partition, chunk, units) * stride]
        });
        let weight_sums = units().map(|units| block_sums(partition, units));
        let error_sums = partition.chunks(rows).into_iter().map(|chunk| error_sums(partition, chunk.len()));
        [
            Allocation::pairs("activations", ACTIVATIONS, activations, partition.limit)
                .copied_in_turn(block_activations(partition)),
            Allocation::vectors("mean activations", ACTIVATIONS, units()),
            Allocation::vectors("rho_hat", ACTIVATIONS, units()),
            Allocation::vectors("KL gradient", ACTIVATIONS, units()).copied(1),
            Allocation::matrix("hidden delta", ACTIVATIONS, chunk, widest).copied_rows(update),
            Allocation::matrix("outputs", ACTIVATIONS, chunk, n).copied_rows(update),
            Allocation::vectors("slices of products", ACTIVATIONS, [room(partition)]),
            Allocation::packed("sums of weights", ACTIVATIONS, weight_sums, partition.limit),
            Allocation::packed("sums of errors", ACTIVATIONS, error_sums, partition.limit),
        ]
    }

    /// Those that a shard [beside](Self::beside) another one has for itself: the texture is that of the other.
    pub(crate) fn allocations_beside(partition: &Partition) -> [Allocation; 5] {
        let [activations, mean, rho_hat, slope, _, _, _, squared_weights, _] =
            Self::allocations(partition, 0, partition.chunk);
        [activations.copied_in_turn(0), mean, rho_hat, slope, squared_weights]
    }

    /// The sums of the columns of A2 of block `k` for a chunk of `rows` rows, `[parts, units]`.
    pub fn column_sums(&self, partition: &Partition, k: usize, rows: usize) -> Tensor {
        let units = partition.blocks[k].len();
        self.column_sums[k].unpadded(parts_of(partition, rows, units), units)
    }

    /// An empty recording whose products have room for their slices.
    pub fn recorder<'g>(&self, gpu: &'g Gpu, partition: &Partition) -> Recorder<'g> {
        let mut recorder = partition.recorder(gpu);
        recorder.scratch = Some(self.products.clone());
        recorder
    }

    /// Sums of the squared errors of `rows` rows, and how many of each tensor.
    pub(crate) fn error_parts(&self, partition: &Partition, rows: usize) -> Vec<(&Tensor, usize)> {
        let chunks = partition.chunks(rows).into_iter().zip(&self.squared_errors);
        chunks.map(|(chunk, sums)| (sums, error_sums(partition, chunk.len()))).collect()
    }
}

/// A2 of each block and the sums of its columns.
fn hidden_layer(
    partition: &Partition,
    activations: &[Tensor],
    texture: &SharedTexture,
) -> (Vec<Tensor>, Vec<Tensor>) {
    let of_block = |(pair, units): (&[Tensor], usize)| {
        let a2 = Tensor::matrix_at(&pair[0].buffer, pair[0].offset, partition.chunk, units);
        let parts = parts_of(partition, partition.chunk, units);
        (a2.copied_into(texture), pair[1].unpadded(parts, units))
    };
    activations.chunks_exact(2).zip(partition.blocks.iter().map(Range::len)).map(of_block).unzip()
}

/// Numbers of A2 of a chunk and the widest block.
fn block_activations(partition: &Partition) -> usize {
    padded(partition.chunk) * padded(partition.widest)
}

/// Numbers of W1 of the widest block, and of its D.
pub(crate) fn block_weights(partition: &Partition) -> usize {
    padded(partition.widest) * padded(partition.shape.visible)
}

/// Parts in which a chunk of `rows` rows leaves the sums of a block of `units` units.
fn parts_of(partition: &Partition, rows: usize, units: usize) -> usize {
    of_hidden_layer(partition, rows, units, room(partition)).column_parts()
}

/// X W1ᵀ of a block of `units` units for `rows` rows, with room for so many numbers in slices.
fn of_hidden_layer(partition: &Partition, rows: usize, units: usize, room: usize) -> Gemm {
    let Partition { shape, variant, workgroups, .. } = *partition;
    Gemm { product: variant.nt, workgroups, rows, cols: units, k: shape.visible, room }
}

/// A2 D of the same block.
fn of_output_layer(partition: &Partition, rows: usize, units: usize, room: usize) -> Gemm {
    let Partition { shape, variant, workgroups, .. } = *partition;
    Gemm { product: variant.nn, workgroups, rows, cols: shape.visible, k: units, room }
}

/// Numbers that hold the slices of the products of a chunk.
pub(crate) fn room(partition: &Partition) -> usize {
    let Partition { shape, chunk, limit, workgroups, variant, .. } = *partition;
    let widest = partition.widest;
    let layout = SegmentLayout::new(shape.visible, &(0..widest));
    let gradient = match slices_of(variant.tn, workgroups, limit, layout, chunk).count {
        1 => 0,
        count => count * layout.len,
    };
    let layers = [of_hidden_layer, of_output_layer];
    let of_layers = layers.map(|layer| layer(partition, chunk, widest, limit).slice_numbers());
    of_layers.into_iter().fold(gradient, usize::max).max(1)
}

/// Slices of the gradient of a block over `rows` rows, as many as `room` numbers hold, for a device that wants so many
/// `workgroups`.
pub(crate) fn slices_of(
    product: Product,
    workgroups: usize,
    room: usize,
    layout: SegmentLayout,
    rows: usize,
) -> SplitK {
    let (height, width) = (padded(layout.units), padded(layout.visible));
    SplitK::of_gradient(product, workgroups, rows, height, width).at_most(rows, (room / layout.len).max(1))
}

/// Sums that the cost of `rows` rows takes.
pub fn cost_sums(partition: &Partition, rows: usize) -> usize {
    let errors: usize = partition.chunks(rows).iter().map(|chunk| error_sums(partition, chunk.len())).sum();
    errors + weight_sums(partition)
}

/// Sums of squared errors that a chunk of `rows` rows leaves.
pub fn error_sums(partition: &Partition, rows: usize) -> usize {
    let last = partition.blocks.last().map_or(0, |block| block.len());
    of_output_layer(partition, rows, last, room(partition)).output_sums()
}

/// Block sums that ‖W‖² takes.
pub fn weight_sums(partition: &Partition) -> usize {
    partition.blocks.iter().map(|block| block_sums(partition, block.len())).sum()
}

/// Those of one block of `units` units.
fn block_sums(partition: &Partition, units: usize) -> usize {
    sum_blocks(2 * (padded(units) * padded(partition.shape.visible)).next_multiple_of(SECTION))
}
