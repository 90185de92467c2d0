//! Memory of the engine: f32 on cache-line boundaries, and matrices whose rows are padded to whole lines.
//!
//! A row never takes a multiple of eight cache lines. Walking down a column then visits many sets of a cache in turn,
//! where a stride of a large power of two would come back to the same few.

use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};

/// Numbers in a cache line, and the step in which columns are padded.
pub const LINE: usize = 16;

/// One cache line.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A vector of f32 that starts on a cache line.
#[derive(Clone, Debug, Default)]
pub struct Buffer(Vec<Line>);

impl Buffer {
    /// `len` zeros, `len` rounded up to whole lines.
    pub fn zeros(len: usize) -> Self {
        Self(vec![Line::zeroed(); len.div_ceil(LINE)])
    }

    /// Makes room for `len` numbers; what is new is zero. Never shrinks.
    pub fn reserve(&mut self, len: usize) {
        if len > self.len() {
            self.0.resize(len.div_ceil(LINE), Line::zeroed());
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        cast_slice(&self.0)
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        cast_slice_mut(&mut self.0)
    }
}

/// Numbers from one row of `cols` numbers to the next: whole lines, but no multiple of eight of them.
pub fn stride(cols: usize) -> usize {
    let lines = cols.div_ceil(LINE);
    (lines + usize::from(lines.is_multiple_of(8))) * LINE
}

/// A matrix to be read, or the part of one that starts at some row and column.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// From the first number on.
    pub values: &'a [f32],
    /// Numbers from one row to the next.
    pub stride: usize,
}

impl<'a> View<'a> {
    /// The part that starts at `row` and `col`.
    pub fn from(self, row: usize, col: usize) -> Self {
        Self { values: &self.values[row * self.stride + col..], stride: self.stride }
    }

    /// The whole rows, padding included.
    pub fn rows(self) -> impl Iterator<Item = &'a [f32]> {
        self.values.chunks_exact(self.stride)
    }
}

/// A matrix to be written.
#[derive(Debug)]
pub struct ViewMut<'a> {
    /// From the first number on.
    pub values: &'a mut [f32],
    /// Numbers from one row to the next.
    pub stride: usize,
}

impl ViewMut<'_> {
    /// The same, for a shorter time.
    pub fn reborrow(&mut self) -> ViewMut<'_> {
        ViewMut { values: self.values, stride: self.stride }
    }

    /// The part that starts at `row` and `col`.
    pub fn from(&mut self, row: usize, col: usize) -> ViewMut<'_> {
        ViewMut { values: &mut self.values[row * self.stride + col..], stride: self.stride }
    }

    /// The same, to be read.
    pub fn view(&self) -> View<'_> {
        View { values: self.values, stride: self.stride }
    }
}

/// Copies rows of `cols` numbers, one after the other in `dense`, into rows at a stride; the padding becomes zero.
pub fn spread(dense: &[f32], cols: usize, out: ViewMut<'_>) {
    for (row, out) in dense.chunks_exact(cols).zip(out.values.chunks_exact_mut(out.stride)) {
        let (row_out, padding) = out.split_at_mut(cols);
        row_out.copy_from_slice(row);
        padding.fill(0.0);
    }
}

/// The rows of `cols` numbers of a matrix, without their padding.
pub fn dense_rows(view: View<'_>, rows: usize, cols: usize) -> impl Iterator<Item = &[f32]> {
    view.values.chunks_exact(view.stride).take(rows).map(move |row| &row[..cols])
}
