//! The examples, padded once, and the gathered rows of a mini-batch.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, ViewMut, spread, stride};
use crate::engine::Rows;
use crate::model::Matrix;

/// X, with rows at a stride.
#[derive(Debug)]
pub struct Examples {
    /// m.
    pub count: usize,
    stride: usize,
    /// `[m, n]`.
    values: Buffer,
    /// Rows listed for a mini-batch.
    gathered: Buffer,
}

impl Examples {
    /// Takes over `data`.
    pub fn new(data: &Matrix<f32>) -> Self {
        let stride = stride(data.cols);
        let mut values = Buffer::zeros(data.rows * stride);
        spread(&data.values, data.cols, ViewMut { values: &mut values, stride });
        Self { count: data.rows, stride, values, gathered: Buffer::default() }
    }

    /// How many rows `rows` names.
    pub fn count(&self, rows: Rows<'_>) -> usize {
        match rows {
            Rows::All => self.count,
            Rows::Listed(list) => list.len(),
        }
    }

    /// Those of the named rows that are at positions `chunk`.
    pub fn chunk(&mut self, rows: Rows<'_>, chunk: Range<usize>) -> &[f32] {
        if let Rows::Listed(list) = rows {
            self.gather(&list[chunk.clone()]);
        }
        self.same_chunk(rows, chunk)
    }

    /// The chunk that [`Examples::chunk`] has brought last.
    pub fn same_chunk(&self, rows: Rows<'_>, chunk: Range<usize>) -> &[f32] {
        let len = chunk.len() * self.stride;
        match rows {
            Rows::All => &self.values[chunk.start * self.stride..][..len],
            Rows::Listed(_) => &self.gathered[..len],
        }
    }

    fn gather(&mut self, list: &[u32]) {
        let stride = self.stride;
        self.gathered.reserve(list.len() * stride);
        let values = &self.values;
        self.gathered.par_chunks_mut(stride).zip(list).with_min_len(64).for_each(|(out, &row)| {
            out.copy_from_slice(&values[row as usize * stride..][..stride]);
        });
    }
}
