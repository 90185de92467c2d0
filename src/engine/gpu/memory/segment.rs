//! Vectors of the parameters' shape: one segment a hidden block, in which the tensors of its units lie in one buffer.

use std::ops::Range;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{SECTION, Tensor, padded};
use crate::error::Result;
use crate::math::params::{ParamTensor, Params, Shape};

/// The part of a parameter-shaped vector that belongs to one hidden block, in one buffer: W1 rows, D rows, b1, and in
/// the first block b2. Padding is 0, so that the whole buffer takes part in dots and updates as one flat vector.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The units of the block.
    pub units: Range<usize>,
    /// `[units, n]`.
    pub w1: Tensor,
    /// `[units, n]`.
    pub d: Tensor,
    /// `[units]`.
    pub b1: Tensor,
    /// `[n]`, first block only.
    pub b2: Option<Tensor>,
    /// W1 and D as one flat vector: what λ decays.
    pub weights: Tensor,
    /// Where its parts lie.
    pub layout: SegmentLayout,
    /// All of it as one flat vector.
    pub whole: Tensor,
}

/// Where the vectors of a hidden block, or of a layer alone, have their parts: W1 first, then these. Places and
/// lengths in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLayout {
    /// Hidden units of the block.
    pub units: usize,
    /// n.
    pub visible: usize,
    /// Where D begins, which a layer alone lacks.
    pub d: Option<usize>,
    /// Where b1 begins.
    pub b1: usize,
    /// Where b2 begins, in the first block.
    pub b2: Option<usize>,
    /// All, with what lies between the parts.
    pub len: usize,
}

impl SegmentLayout {
    /// That of the block `units`.
    pub fn new(visible: usize, units: &Range<usize>) -> Self {
        let matrix = (padded(units.len()) * padded(visible)).next_multiple_of(SECTION);
        let b1 = 2 * matrix;
        let end = b1 + padded(units.len()).next_multiple_of(SECTION);
        let b2 = (units.start == 0).then_some(end);
        let len = end + b2.map_or(0, |_| padded(visible).next_multiple_of(SECTION));
        Self { units: units.len(), visible, d: Some(matrix), b1, b2, len }
    }

    /// That of a layer alone: weights `[outputs, inputs]` and biases `[outputs]`.
    pub fn of_layer(inputs: usize, outputs: usize) -> Self {
        let b1 = (padded(outputs) * padded(inputs)).next_multiple_of(SECTION);
        let len = b1 + padded(outputs).next_multiple_of(SECTION);
        Self { units: outputs, visible: inputs, d: None, b1, b2: None, len }
    }

    /// Numbers of the parts themselves, their padding included.
    pub fn numbers(&self) -> usize {
        let (h, n) = (padded(self.units), padded(self.visible));
        let matrices = 1 + usize::from(self.d.is_some());
        matrices * h * n + h + self.b2.map_or(0, |_| n)
    }
}

impl Segment {
    /// Views of the tensors of `units` in the flat vector of all of them.
    fn of(whole: Tensor, visible: usize, units: &Range<usize>) -> Self {
        let layout = SegmentLayout::new(visible, units);
        let buffer = &whole.buffer;
        let b2 = layout.b2.map(|at| Tensor::vector_at(buffer, at, visible));
        Self {
            units: units.clone(),
            w1: Tensor::matrix_at(buffer, 0, units.len(), visible),
            d: Tensor::matrix_at(buffer, layout.d.expect("a block has a decoder"), units.len(), visible),
            b1: Tensor::vector_at(buffer, layout.b1, units.len()),
            b2,
            weights: Tensor::vector_at(buffer, 0, layout.b1),
            layout,
            whole,
        }
    }

    /// Uploads this block's part of `params`.
    fn write(&self, gpu: &Gpu, params: &Params<f32>) {
        let n = params.shape.visible;
        let weights = self.units.start * n..self.units.end * n;
        self.w1.write(gpu, &params.w1[weights.clone()]);
        self.d.write(gpu, &params.d[weights]);
        self.b1.write(gpu, &params.b1[self.units.clone()]);
        if let Some(b2) = &self.b2 {
            b2.write(gpu, &params.b2);
        }
    }

    /// Reads this block's part of all four tensors.
    fn read(&self, gpu: &Gpu, [w1, b1, d, b2]: &mut [&mut [f32]; 4]) -> Result<()> {
        let n = self.w1.cols;
        let weights = self.units.start * n..self.units.end * n;
        self.w1.read_into(gpu, &mut w1[weights.clone()])?;
        self.d.read_into(gpu, &mut d[weights])?;
        self.b1.read_into(gpu, &mut b1[self.units.clone()])?;
        self.b2.as_ref().map_or(Ok(()), |own| own.read_into(gpu, b2))
    }
}

/// The flat vectors of all blocks as one vector of the parameters' shape.
pub fn vector(wholes: Vec<Tensor>, shape: Shape, blocks: &[Range<usize>]) -> Vec<Segment> {
    wholes.into_iter().zip(blocks).map(|(whole, units)| Segment::of(whole, shape.visible, units)).collect()
}

/// Uploads `params`.
pub fn write_vector(gpu: &Gpu, vector: &[Segment], params: &Params<f32>) {
    vector.iter().for_each(|segment| segment.write(gpu, params));
}

/// Reads a vector of the parameters' shape back.
pub fn read_vector(gpu: &Gpu, vector: &[Segment], shape: Shape) -> Result<Params<f32>> {
    let mut params = Params::zeros(shape);
    let Params { w1, b1, d, b2, .. } = &mut params;
    let mut tensors = [w1, b1, d, b2].map(Vec::as_mut_slice);
    vector.iter().try_for_each(|segment| segment.read(gpu, &mut tensors))?;
    Ok(params)
}

/// The same into `flat`, in the order of [`Params::to_flat`].
pub fn read_flat(gpu: &Gpu, vector: &[Segment], shape: Shape, mut flat: &mut [f32]) -> Result<()> {
    let mut tensors = ParamTensor::ALL.map(|tensor| {
        let (own, rest) = std::mem::take(&mut flat).split_at_mut(tensor.len(shape));
        flat = rest;
        own
    });
    vector.iter().try_for_each(|segment| segment.read(gpu, &mut tensors))
}

/// The output bias of a vector.
pub fn output_bias(vector: &[Segment]) -> &Tensor {
    vector[0].b2.as_ref().expect("the first segment holds the output bias")
}

/// Numbers of the segment of `units`.
pub fn segment_len(visible: usize, units: &Range<usize>) -> usize {
    SegmentLayout::new(visible, units).len
}
