//! Memory of the engine: f32 on cache-line boundaries, and matrices in panels.
//!
//! A panel is sixteen neighbouring columns of a matrix, row after row: a row of it is one cache line, and panel follows
//! panel. Every product reads both of its factors from panels as they are, down a panel or along a line, without a copy
//! and without ever coming to another page with every row. Columns are padded to whole panels, rows are not padded.

use std::ops::{Deref, DerefMut, Range};

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};

/// Numbers in a cache line, and columns of a panel.
pub const LINE: usize = 16;

/// A row of a panel.
pub type Line = [f32; LINE];

/// Panels of a matrix of `cols` columns.
pub const fn panels(cols: usize) -> usize {
    cols.div_ceil(LINE)
}

/// `cols` and what is left of the last panel: the numbers that a row takes.
pub const fn width(cols: usize) -> usize {
    cols.next_multiple_of(LINE)
}

/// One cache line.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct Aligned(Line);

/// A vector of f32 that starts on a cache line.
#[derive(Clone, Debug, Default)]
pub struct Buffer(Vec<Aligned>);

impl Buffer {
    /// `len` zeros, `len` rounded up to whole lines.
    pub fn zeros(len: usize) -> Self {
        Self(vec![Aligned::zeroed(); panels(len)])
    }

    /// Makes room for `len` numbers; what is new is zero. Never shrinks.
    pub fn reserve(&mut self, len: usize) {
        if len > self.len() {
            self.0.resize(panels(len), Aligned::zeroed());
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

/// Whole lines as such.
pub fn lines(values: &[f32]) -> &[Line] {
    let (lines, rest) = values.as_chunks();
    debug_assert!(rest.is_empty(), "{} numbers are no whole lines", values.len());
    lines
}

/// Whole lines as such, to be written.
pub fn lines_mut(values: &mut [f32]) -> &mut [Line] {
    let (lines, rest) = values.as_chunks_mut();
    debug_assert!(rest.is_empty(), "there are no whole lines");
    lines
}

/// A matrix to be read, or some of its rows.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    lines: &'a [Line],
    /// Rows of the whole matrix: lines from one panel to the next.
    stride: usize,
    first: usize,
    /// Rows.
    pub rows: usize,
}

impl<'a> Panels<'a> {
    /// A matrix of `rows` rows, panel after panel in `values`.
    pub fn new(values: &'a [f32], rows: usize) -> Self {
        Self { lines: lines(values), stride: rows, first: 0, rows }
    }

    /// The rows `range` of it.
    pub fn row_range(self, range: Range<usize>) -> Self {
        debug_assert!(range.end <= self.rows);
        Self { first: self.first + range.start, rows: range.len(), ..self }
    }

    /// The panels from `panel` on.
    pub fn skip_panels(self, panel: usize) -> Self {
        Self { lines: &self.lines[panel * self.stride..], ..self }
    }

    /// A panel.
    #[inline(always)]
    pub fn panel(self, panel: usize) -> &'a [Line] {
        &self.lines[panel * self.stride + self.first..][..self.rows]
    }
}

/// A matrix to be written.
#[derive(Debug)]
pub struct PanelsMut<'a> {
    lines: &'a mut [Line],
    /// Rows.
    pub rows: usize,
}

impl<'a> PanelsMut<'a> {
    /// A matrix of `rows` rows, panel after panel in `values`.
    pub fn new(values: &'a mut [f32], rows: usize) -> Self {
        Self { lines: lines_mut(values), rows }
    }

    /// A panel.
    #[inline(always)]
    pub fn panel(&mut self, panel: usize) -> &mut [Line] {
        &mut self.lines[panel * self.rows..][..self.rows]
    }

    /// The same, for a shorter time.
    pub fn reborrow(&mut self) -> PanelsMut<'_> {
        PanelsMut { lines: self.lines, rows: self.rows }
    }

    /// The same, to be read.
    pub fn view(&self) -> Panels<'_> {
        Panels { lines: self.lines, stride: self.rows, first: 0, rows: self.rows }
    }
}

/// Copies rows of `cols` numbers, one after the other in `dense`, into panels; the padding becomes zero.
pub fn spread(dense: &[f32], cols: usize, out: PanelsMut<'_>) {
    spread_columns(dense, cols, 0..cols, out);
}

/// As [`spread`], the columns `range` alone.
pub fn spread_columns(dense: &[f32], cols: usize, range: Range<usize>, mut out: PanelsMut<'_>) {
    for panel in 0..panels(range.len()) {
        let (first, lines) = (range.start + panel * LINE, out.panel(panel));
        let wide = LINE.min(range.end - first);
        for (row, line) in dense.chunks_exact(cols).zip(lines) {
            line[..wide].copy_from_slice(&row[first..][..wide]);
            line[wide..].fill(0.0);
        }
    }
}

/// Copies the transpose of rows of `cols` numbers, one after the other in `dense`, into panels of as many columns as
/// there are rows; the padding becomes zero.
pub fn spread_transposed(dense: &[f32], cols: usize, mut out: PanelsMut<'_>) {
    for (panel, rows) in dense.chunks(LINE * cols).enumerate() {
        for (col, line) in out.panel(panel).iter_mut().enumerate() {
            line.fill(0.0);
            line.iter_mut().zip(rows.chunks_exact(cols)).for_each(|(out, row)| *out = row[col]);
        }
    }
}

/// Copies panels into the columns `range` of dense rows of `cols` numbers.
pub fn gather(panels: Panels<'_>, range: Range<usize>, dense: &mut [f32], cols: usize) {
    for first in range.clone().step_by(LINE) {
        let wide = LINE.min(range.end - first);
        let lines = panels.panel((first - range.start) / LINE);
        for (row, line) in dense.chunks_exact_mut(cols).zip(lines) {
            row[first..][..wide].copy_from_slice(&line[..wide]);
        }
    }
}

/// Row `row` of a matrix of `cols` columns.
pub fn row_of(view: Panels<'_>, row: usize, cols: usize) -> impl Iterator<Item = f32> {
    (0..cols).map(move |col| view.panel(col / LINE)[row][col % LINE])
}

/// Column `col`.
pub fn column_of(view: Panels<'_>, col: usize) -> impl Iterator<Item = f32> {
    view.panel(col / LINE).iter().map(move |line| line[col % LINE])
}
