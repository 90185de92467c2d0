//! The examples, in panels once, and the gathered rows of a mini-batch.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, Line, PanelsMut, lines, lines_mut, panels, spread, width};
use super::cut::Blocks;
use crate::engine::Rows;
use crate::model::Matrix;

/// X, chunk after chunk, each in blocks of rows.
#[derive(Debug)]
pub struct Examples {
    /// m.
    pub count: usize,
    /// n.
    visible: usize,
    /// Rows of a chunk.
    chunk: usize,
    /// Whether the layer is thin, which decides how a chunk is cut into blocks.
    thin: bool,
    /// `[m, n]`.
    values: Buffer,
    /// Other rows than those of a whole chunk.
    gathered: Buffer,
}

impl Examples {
    /// Takes over `data`, to be asked for by chunks of `chunk` rows.
    pub fn new(data: &Matrix<f32>, chunk: usize, thin: bool) -> Self {
        let (count, visible) = (data.rows, data.cols);
        let mut values = Buffer::zeros(count * width(visible));
        let chunks = values.chunks_mut(chunk * width(visible)).zip(data.values.chunks(chunk * visible));
        for (values, dense) in chunks {
            let blocks = Blocks::new(dense.len() / visible, thin);
            let parts = values.chunks_mut(blocks.rows * width(visible));
            for (values, dense) in parts.zip(dense.chunks(blocks.rows * visible)) {
                spread(dense, visible, PanelsMut::new(values, dense.len() / visible));
            }
        }
        Self { count, visible, chunk, thin, values, gathered: Buffer::default() }
    }

    /// How many rows `rows` names.
    pub fn count(&self, rows: Rows<'_>) -> usize {
        match rows {
            Rows::All => self.count,
            Rows::Listed(list) => list.len(),
        }
    }

    /// Those of the named rows that are at positions `range`, in blocks.
    pub fn chunk(&mut self, rows: Rows<'_>, range: Range<usize>) -> &[f32] {
        match rows {
            Rows::Listed(list) => self.gather(range.len(), |at| list[range.start + at] as usize),
            Rows::All if !self.is_whole(&range) => self.gather(range.len(), |at| range.start + at),
            Rows::All => {}
        }
        self.same_chunk(rows, range)
    }

    /// What [`Examples::chunk`] has brought last.
    pub fn same_chunk(&self, rows: Rows<'_>, range: Range<usize>) -> &[f32] {
        let (width, is_resident) = (width(self.visible), matches!(rows, Rows::All) && self.is_whole(&range));
        if is_resident {
            &self.values[range.start * width..range.end * width]
        } else {
            &self.gathered[..range.len() * width]
        }
    }

    /// Whether the rows `range` are one of the chunks that the examples are kept in.
    fn is_whole(&self, range: &Range<usize>) -> bool {
        range.start.is_multiple_of(self.chunk) && range.end == (range.start + self.chunk).min(self.count)
    }

    fn gather(&mut self, count: usize, row: impl Fn(usize) -> usize + Sync) {
        let width = width(self.visible);
        self.gathered.reserve(count * width);
        let blocks = Blocks::new(count, self.thin);
        let mut gathered = std::mem::take(&mut self.gathered);
        gathered[..count * width].par_chunks_mut(blocks.rows * width).enumerate().for_each(|(block, out)| {
            let out = lines_mut(out);
            let rows = out.len() / panels(self.visible);
            for at in 0..rows {
                let from = self.row(row(block * blocks.rows + at));
                out[at..].iter_mut().step_by(rows).zip(from).for_each(|(out, line)| *out = *line);
            }
        });
        self.gathered = gathered;
    }

    /// Example `row`, `[n]`.
    pub fn dense(&self, row: usize) -> impl Iterator<Item = f32> {
        self.row(row).flatten().copied().take(self.visible)
    }

    /// The lines of example `row`.
    fn row(&self, row: usize) -> impl Iterator<Item = &Line> {
        let (chunk, lines_a_row) = (row / self.chunk * self.chunk, panels(self.visible));
        let blocks = Blocks::new(self.chunk.min(self.count - chunk), self.thin);
        let block = blocks.range((row - chunk) / blocks.rows);
        let first = (chunk + block.start) * lines_a_row;
        let lines = &lines(&self.values)[first..first + block.len() * lines_a_row];
        lines[row - chunk - block.start..].iter().step_by(block.len())
    }
}
