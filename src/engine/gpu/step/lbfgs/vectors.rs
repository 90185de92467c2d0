//! The vectors of an L-BFGS search on the device.
//!
//! The kept pairs and the gradient form one stack a piece, `[2·history + 1, piece]`, so that one dispatch takes all
//! inner products of an iteration and another the new direction. Pieces are parts of a block's segment, short enough
//! for the whole stack to be one binding.

use std::ops::Range;

use super::products::MAX_PRODUCTS;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::allocation::{Allocation, Category, allocate};
use crate::engine::gpu::memory::buffer::{SECTION, Tensor};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::{Segment, SegmentLayout, vector, write_vector};
use crate::engine::gpu::ops::sum_blocks;
use crate::engine::gpu::recording::Commands;
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;
use crate::math::optim::Role;
use crate::math::params::Params;

/// All vectors of a search but the parameters.
#[derive(Debug)]
pub(crate) struct SearchVectors {
    history: usize,
    pub direction: Vec<Segment>,
    pub trial: Vec<Segment>,
    pub trial_gradient: Vec<Segment>,
    gradient: Vec<Segment>,
    pub pieces: Vec<HistoryPiece>,
    /// Block sums of the slope along the direction, one tensor for each of [`parts`].
    pub slopes: Vec<Tensor>,
}

/// A part of one segment with its stack of history vectors.
#[derive(Debug)]
pub(crate) struct HistoryPiece {
    span: PieceSpan,
    /// s_0…, y_0…, gradient.
    pub stack: Tensor,
    /// Block sums of at most [`MAX_PRODUCTS`] inner products.
    pub dots: Tensor,
}

/// Numbers `first..first + len` of a segment.
#[derive(Clone, Copy, Debug)]
struct PieceSpan {
    segment: usize,
    first: usize,
    len: usize,
    is_shared: bool,
}

impl HistoryPiece {
    /// Numbers of one vector.
    pub fn len(&self) -> usize {
        self.span.len
    }

    /// Whether other shards have these numbers, too: the output bias of a shard.
    pub fn is_shared(&self) -> bool {
        self.span.is_shared
    }

    /// Block sums of one inner product.
    pub fn sums(&self) -> usize {
        sum_blocks(self.span.len)
    }

    /// This piece of a vector.
    pub fn of(&self, vector: &[Segment]) -> Tensor {
        Tensor::vector_at(&vector[self.span.segment].whole.buffer, self.span.first, self.span.len)
    }

    /// Vector `index` of the stack.
    pub fn stacked(&self, index: usize) -> Tensor {
        Tensor::vector_at(&self.stack.buffer, index * self.span.len, self.span.len)
    }
}

impl SearchVectors {
    /// Zeroed ones for `history` pairs.
    pub fn new(gpu: &Gpu, partition: &Partition, history: usize) -> Result<Self> {
        let [direction, trial, trial_gradient, gradient, stacks, dots, slopes] =
            allocate(gpu, Self::allocations(partition, history))?;
        let [direction, trial, trial_gradient, gradient] = [direction, trial, trial_gradient, gradient]
            .map(|wholes| vector(wholes, partition.shape, &partition.blocks));
        let pieces = spans(partition, history).into_iter().zip(stacks).zip(dots);
        let pieces = pieces.map(|((span, stack), dots)| HistoryPiece { span, stack, dots }).collect();
        Ok(Self { history, direction, trial, trial_gradient, gradient, pieces, slopes })
    }

    /// The tensors, in the order of the fields.
    pub fn allocations(partition: &Partition, history: usize) -> [Allocation; 7] {
        let vector = |name| Allocation::vectors(name, Category::OptimizerState, partition.segments());
        let spans = spans(partition, history);
        let stacks = spans.iter().map(|span| (2 * history + 1) * span.len);
        let dots = spans.iter().map(|span| MAX_PRODUCTS * sum_blocks(span.len));
        let slopes = parts(partition).into_iter().map(|(_, part)| sum_blocks(part.len()));
        [
            vector("direction").copied(1),
            // Its weights go through the textures of the parameters.
            vector("trial"),
            vector("trial gradient").copied(1),
            vector("gradient"),
            Allocation::vectors("history", Category::OptimizerState, stacks).copied(1),
            Allocation::vectors("inner products", Category::OptimizerState, dots),
            Allocation::packed("slopes", Category::OptimizerState, slopes, partition.limit),
        ]
    }

    /// Where a vector lies in the stack.
    pub fn index(&self, role: Role) -> usize {
        stack_index(self.history, role)
    }

    /// A kept vector, into `flat`. The trial point makes room for it; the next evaluation sets that anew.
    pub fn read(&self, on: &Resident, role: Role, flat: &mut [f32]) -> Result<()> {
        self.bring(&on.gpu, role)?;
        on.read_flat(&self.trial, flat)
    }

    /// Copies a kept vector to the trial point.
    pub fn bring(&self, gpu: &Gpu, role: Role) -> Result<()> {
        let kept = self.pieces.iter().map(|piece| (piece.stacked(self.index(role)), piece.of(&self.trial)));
        submit_copies(gpu, kept)
    }

    /// Puts a kept vector where it was, by way of the trial point.
    pub fn write(&self, gpu: &Gpu, role: Role, tensors: &Params<f32>) -> Result<()> {
        write_vector(gpu, &self.trial, tensors);
        let kept = self.pieces.iter().map(|piece| (piece.of(&self.trial), piece.stacked(self.index(role))));
        let current = (role == Role::Gradient).then(|| wholes(&self.trial, &self.gradient));
        submit_copies(gpu, kept.chain(current.into_iter().flatten()))
    }

    /// The gradient at the parameters.
    pub fn gradient(&self) -> &[Segment] {
        &self.gradient
    }

    /// The copies that make the trial point and its gradient the current ones, from and to.
    pub fn adopted(&self, params: &[Segment]) -> Vec<(Tensor, Tensor)> {
        wholes(&self.trial, params).chain(wholes(&self.trial_gradient, &self.gradient)).collect()
    }

    /// Those that put the gradient at the parameters back into the stack.
    pub fn restored_gradient(&self) -> Vec<(Tensor, Tensor)> {
        let stacked =
            |piece: &HistoryPiece| (piece.of(&self.gradient), piece.stacked(self.index(Role::Gradient)));
        self.pieces.iter().map(stacked).collect()
    }
}

/// Where a vector lies in a stack of `history` pairs and the gradient.
pub(crate) fn stack_index(history: usize, role: Role) -> usize {
    match role {
        Role::Step(i) => i,
        Role::Change(i) => history + i,
        Role::Gradient => 2 * history,
        other => unreachable!("{other:?} is not in the stack"),
    }
}

/// Lengths of the pieces that the vectors of a search are cut into.
pub(crate) fn piece_lengths(partition: &Partition, history: usize) -> Vec<usize> {
    spans(partition, history).into_iter().map(|span| span.len).collect()
}

/// The flat vectors of two vectors of the parameters' shape, pair by pair.
fn wholes(from: &[Segment], to: &[Segment]) -> impl Iterator<Item = (Tensor, Tensor)> {
    from.iter().zip(to).map(|(from, to)| (from.whole.clone(), to.whole.clone()))
}

fn submit_copies(gpu: &Gpu, copies: impl Iterator<Item = (Tensor, Tensor)>) -> Result<()> {
    let mut commands = Commands::new(gpu);
    copies.for_each(|(from, to)| commands.copy(&from, &to));
    commands.submit()
}

/// The pieces of all segments: a stack of them is one binding.
fn spans(partition: &Partition, history: usize) -> Vec<PieceSpan> {
    let longest = (partition.limit / (2 * history + 1) / SECTION).max(1) * SECTION;
    let of_part = |(segment, part): (usize, Range<usize>)| {
        let firsts = part.clone().step_by(longest);
        let (end, is_shared) = (part.end, is_shared(&part));
        firsts.map(move |first| PieceSpan { segment, first, len: longest.min(end - first), is_shared })
    };
    parts(partition).into_iter().flat_map(of_part).collect()
}

/// The parts of a vector of which inner products are summed up by themselves, each with its segment: whole segments, but where
/// other shards have the output bias, too, that is a part of its own.
pub(crate) fn parts(partition: &Partition) -> Vec<(usize, Range<usize>)> {
    let mut parts = Vec::new();
    for (segment, units) in partition.blocks.iter().enumerate() {
        let SegmentLayout { b2, len, .. } = SegmentLayout::new(partition.shape.visible, units);
        let end = b2.filter(|_| partition.is_shard).unwrap_or(len);
        parts.extend(
            [(segment, 0..end), (segment, end..len)].into_iter().filter(|(_, part)| !part.is_empty()),
        );
    }
    parts
}

/// Whether a part is the output bias, which other shards have, too: no other begins behind the first number.
pub(crate) fn is_shared(part: &Range<usize>) -> bool {
    part.start > 0
}
