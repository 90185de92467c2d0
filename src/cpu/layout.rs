//! Where the four tensors lie in one flat vector: W1, b1, D, b2 with padded rows. Padding is zero and stays zero, so
//! that updates, inner products and sums of squares run over whole vectors.

use std::ops::Range;

use super::buffer::{Buffer, View, ViewMut, dense_rows, spread, stride};
use crate::model::{Params, Shape};

/// The flat order of the parameters of one shape.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// n and h.
    pub shape: Shape,
    /// Numbers from one row of W1 or D to the next.
    pub stride: usize,
}

impl Layout {
    /// The layout of `shape`.
    pub fn new(shape: Shape) -> Self {
        Self { shape, stride: stride(shape.visible) }
    }

    /// W1 `[h, n]`.
    pub fn w1(self) -> Range<usize> {
        0..self.shape.hidden * self.stride
    }

    /// b1 `[h]`.
    pub fn b1(self) -> Range<usize> {
        self.w1().end..self.w1().end + stride(self.shape.hidden)
    }

    /// D `[h, n]`.
    pub fn d(self) -> Range<usize> {
        self.b1().end..self.b1().end + self.w1().len()
    }

    /// b2 `[n]`.
    pub fn b2(self) -> Range<usize> {
        self.d().end..self.d().end + self.stride
    }

    /// Numbers in all, padding included.
    pub fn len(self) -> usize {
        self.b2().end
    }

    /// The rows of hidden units `units` within `tensor`, which is W1 or D.
    pub fn rows(self, tensor: Range<usize>, units: &Range<usize>) -> Range<usize> {
        tensor.start + units.start * self.stride..tensor.start + units.end * self.stride
    }

    /// `params` in this order.
    pub fn flatten(self, params: &Params<f32>) -> Buffer {
        let mut flat = Buffer::zeros(self.len());
        for (range, tensor) in [(self.w1(), &params.w1), (self.d(), &params.d)] {
            let values = &mut flat[range];
            spread(tensor, self.shape.visible, ViewMut { values, stride: self.stride });
        }
        flat[self.b1()][..self.shape.hidden].copy_from_slice(&params.b1);
        flat[self.b2()][..self.shape.visible].copy_from_slice(&params.b2);
        flat
    }

    /// The tensors of a vector in this order.
    pub fn tensors(self, flat: &[f32]) -> Params<f32> {
        let Shape { visible, hidden } = self.shape;
        let matrix = |range: Range<usize>| {
            let view = View { values: &flat[range], stride: self.stride };
            dense_rows(view, hidden, visible).flatten().copied().collect()
        };
        Params {
            shape: self.shape,
            w1: matrix(self.w1()),
            b1: flat[self.b1()][..hidden].to_vec(),
            d: matrix(self.d()),
            b2: flat[self.b2()][..visible].to_vec(),
        }
    }
}
