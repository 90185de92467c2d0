//! The examples, in panels once or fetched as they are needed, and the rows of a mini-batch.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, Line, PanelsMut, lines, lines_mut, panels, spread, width};
use super::cut::Blocks;
use crate::data::batches::{Dataset, ExampleSet as Given, RowSelection};
use crate::engine::Rows;
use crate::error::Result;

/// X, chunk after chunk, each in blocks of rows.
#[derive(Debug)]
pub struct PanelExamples {
    /// m.
    pub count: usize,
    /// n.
    visible: usize,
    /// Rows of a chunk.
    chunk: usize,
    /// Whether the layer is thin, which decides how a chunk is cut into blocks.
    thin: bool,
    values: Values,
    /// Other rows than those of a whole chunk that is held.
    gathered: Buffer,
}

#[derive(Debug)]
enum Values {
    /// `[m, n]`.
    Resident(Buffer),
    /// Where rows are fetched, and the fetched ones as they came.
    Streamed(Box<dyn Dataset>, Vec<f32>),
}

impl PanelExamples {
    /// Takes over what is given, to be asked for by chunks of `chunk` rows.
    ///
    /// # Errors
    /// When rows that are to be resident cannot be fetched.
    pub fn new(given: Given, chunk: usize, thin: bool) -> Result<Self> {
        let (count, visible) = given.size();
        let values = match given {
            Given::Resident(mut supply) => Values::Resident(hold(&mut *supply, chunk, thin)?),
            Given::Streamed(supply) => Values::Streamed(supply, Vec::new()),
        };
        Ok(Self { count, visible, chunk, thin, values, gathered: Buffer::default() })
    }

    /// Whether all of them are in memory.
    pub fn are_resident(&self) -> bool {
        matches!(self.values, Values::Resident(_))
    }

    /// How many rows `rows` names.
    pub fn count(&self, rows: Rows<'_>) -> usize {
        match rows {
            Rows::All => self.count,
            Rows::Listed(list) => list.len(),
        }
    }

    /// Those of the named rows that are at positions `range`, in blocks.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub fn chunk(&mut self, rows: Rows<'_>, range: Range<usize>) -> Result<&[f32]> {
        if let Values::Streamed(..) = self.values {
            let wanted = match rows {
                Rows::Listed(list) => RowSelection::Listed(&list[range.clone()]),
                Rows::All => RowSelection::Range(range.clone()),
            };
            self.fetch(wanted, Blocks::new(range.len(), self.thin).rows)?;
        } else {
            match rows {
                Rows::Listed(list) => self.gather(range.len(), |at| list[range.start + at]),
                Rows::All if !self.is_whole(&range) => self.gather(range.len(), |at| range.start + at),
                Rows::All => {}
            }
        }
        Ok(self.same_chunk(rows, range))
    }

    /// Fetched rows `range`, which are a part of the chunk `whole`.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub fn part(&mut self, range: Range<usize>, whole: Blocks) -> Result<&[f32]> {
        self.fetch(RowSelection::Range(range.clone()), whole.rows)?;
        Ok(&self.gathered[..range.len() * width(self.visible)])
    }

    /// The rows that [`PanelExamples::chunk`] has brought last.
    pub fn same_chunk(&self, rows: Rows<'_>, range: Range<usize>) -> &[f32] {
        let width = width(self.visible);
        match &self.values {
            Values::Resident(values) if matches!(rows, Rows::All) && self.is_whole(&range) => {
                &values[range.start * width..range.end * width]
            }
            _ => &self.gathered[..range.len() * width],
        }
    }

    /// Fetches rows and puts them in blocks of `block` rows.
    fn fetch(&mut self, wanted: RowSelection<'_>, block: usize) -> Result<()> {
        let Self { values: Values::Streamed(supply, dense), gathered, visible, .. } = self else {
            return Ok(());
        };
        let count = wanted.len();
        dense.resize(dense.len().max(count * *visible), 0.0);
        let dense = &mut dense[..count * *visible];
        supply.numbers(&wanted, dense)?;
        gathered.reserve(count * width(*visible));
        spread_rows(dense, *visible, block, &mut gathered[..count * width(*visible)]);
        Ok(())
    }

    /// Dense rows, which need not be examples, in blocks.
    pub fn spread(&mut self, dense: &[f32]) -> &[f32] {
        let count = dense.len() / self.visible;
        let len = count * width(self.visible);
        self.gathered.reserve(len);
        let rows = Blocks::new(count, self.thin).rows;
        spread_rows(dense, self.visible, rows, &mut self.gathered[..len]);
        &self.gathered[..len]
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

    /// The examples `rows`, one after the other.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub fn dense(&mut self, rows: &[usize]) -> Result<Vec<f32>> {
        if let Values::Streamed(supply, _) = &mut self.values {
            let mut dense = vec![0.0; rows.len() * self.visible];
            supply.numbers(&RowSelection::Listed(rows), &mut dense)?;
            return Ok(dense);
        }
        let numbers = |&row: &usize| self.row(row).flatten().copied().take(self.visible);
        Ok(rows.iter().flat_map(numbers).collect())
    }

    /// The lines of example `row`.
    fn row(&self, row: usize) -> impl Iterator<Item = &Line> {
        let (chunk, lines_a_row) = (row / self.chunk * self.chunk, panels(self.visible));
        let blocks = Blocks::new(self.chunk.min(self.count - chunk), self.thin);
        let block = blocks.range((row - chunk) / blocks.rows);
        let first = (chunk + block.start) * lines_a_row;
        let Values::Resident(values) = &self.values else { unreachable!("streamed rows are fetched") };
        let lines = &lines(values)[first..first + block.len() * lines_a_row];
        lines[row - chunk - block.start..].iter().step_by(block.len())
    }
}

/// All rows of a supply, in chunks of blocks.
fn hold(supply: &mut dyn Dataset, chunk: usize, thin: bool) -> Result<Buffer> {
    /// Numbers that are fetched at a time, so that nothing is held twice.
    const PIECE: usize = 1 << 20;
    let (count, visible) = supply.size();
    let mut values = Buffer::zeros(count * width(visible));
    let mut dense = Vec::new();
    for first in (0..count).step_by(chunk) {
        let in_chunk = chunk.min(count - first);
        let blocks = Blocks::new(in_chunk, thin);
        // Whole blocks at a time.
        let piece = (PIECE / visible).max(1).div_ceil(blocks.rows) * blocks.rows;
        for start in (0..in_chunk).step_by(piece) {
            let rows = first + start..first + (start + piece).min(in_chunk);
            dense.resize(rows.len() * visible, 0.0);
            supply.numbers(&RowSelection::Range(rows.clone()), &mut dense)?;
            let out = &mut values[rows.start * width(visible)..rows.end * width(visible)];
            spread_rows(&dense, visible, blocks.rows, out);
        }
    }
    Ok(values)
}

/// Puts dense rows in blocks of `rows` rows.
fn spread_rows(dense: &[f32], visible: usize, rows: usize, out: &mut [f32]) {
    let blocks = out.par_chunks_mut(rows * width(visible)).zip(dense.par_chunks(rows * visible));
    blocks.for_each(|(out, dense)| spread(dense, visible, PanelsMut::new(out, dense.len() / visible)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::params::Matrix;

    #[test]
    fn examples_longer_than_a_piece_are_held() {
        let visible = (1 << 20) + 1;
        let values: Vec<f32> = (0..2 * visible).map(|i| (i % 1009) as f32).collect();
        let given = Matrix::new(2, visible, values.clone()).into();
        let mut held = PanelExamples::new(given, 2, false).unwrap();
        assert!(held.dense(&[1]).unwrap() == values[visible..]);
    }
}
