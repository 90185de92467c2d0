//! The layout of an array in a file: types, dimensions and their order.

use std::path::Path;

use super::limits::reserved;
use crate::data::axes::{Axes, Axis};
use crate::data::dtype::{DType, Endian};
use crate::error::Result;

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

    /// The numbers with the dimensions in this order, the last one fastest.
    pub(super) fn reordered<T: Copy>(&self, path: &Path, values: &[T], order: &[usize]) -> Result<Vec<T>> {
        let stride = |dimension: usize| -> usize {
            let faster = if self.fortran { &self.shape[..dimension] } else { &self.shape[dimension + 1..] };
            faster.iter().product()
        };
        let dimensions: Vec<(usize, usize)> = order.iter().map(|&i| (self.shape[i], stride(i))).collect();
        let mut ordered = reserved(path, values.len())?;
        let Some((&(length, step), slower)) = dimensions.split_last() else {
            ordered.extend_from_slice(values);
            return Ok(ordered);
        };
        let mut index = vec![0; slower.len()];
        while ordered.len() < values.len() {
            let start: usize = index.iter().zip(slower).map(|(i, (_, stride))| i * stride).sum();
            ordered.extend((0..length).map(|i| values[start + i * step]));
            for (i, (length, _)) in index.iter_mut().zip(slower).rev() {
                *i = (*i + 1) % length;
                if *i != 0 {
                    break;
                }
            }
        }
        Ok(ordered)
    }
}
