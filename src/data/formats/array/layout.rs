//! The layout of an array in a file: types, dimensions and their order.

use crate::data::axes::{Axes, Axis};
use crate::data::dtype::{DType, Endian};

/// How the numbers of an array lie in a file.
pub struct ArrayLayout {
    pub dtype: DType,
    pub endian: Endian,
    /// The first index is the fastest.
    pub fortran: bool,
    /// Length of each dimension.
    pub shape: Vec<usize>,
}

impl ArrayLayout {
    /// Where the number at `index` of the file stands: `row 3, column 5`.
    pub(super) fn place(&self, mut index: usize, axes: &Axes) -> String {
        let mut places = vec![0; self.shape.len()];
        let mut digit = |i: usize| {
            let length = self.shape[i];
            places[i] = index % length;
            index /= length;
        };
        if self.fortran {
            (0..self.shape.len()).for_each(&mut digit);
        } else {
            (0..self.shape.len()).rev().for_each(&mut digit);
        }
        let meaning = axes.meaning();
        let word = |(axis, place): (&Axis, &usize)| format!("{} {place}", axis.place(meaning));
        axes.list().iter().zip(&places).map(word).collect::<Vec<_>>().join(", ")
    }

    /// The places of numbers whose dimensions have been put into `order`, by their index in the dimensions as they were, the last
    /// one fastest in both.
    pub(super) fn places(&self, order: &[usize]) -> impl Fn(usize) -> usize + use<> {
        let mut strides = vec![0; self.shape.len()];
        let mut stride = 1_usize;
        for &dimension in order.iter().rev() {
            strides[dimension] = stride;
            stride = stride.saturating_mul(self.shape[dimension]);
        }
        let dimensions: Vec<(usize, usize)> = self.shape.iter().copied().zip(strides).collect();
        move |mut index| {
            let mut place = 0;
            for &(length, stride) in dimensions.iter().rev() {
                place += index % length * stride;
                index /= length;
            }
            place
        }
    }
}
