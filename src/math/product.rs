//! Products of matrices in f64, whose bits no cut decides: every number is one sum over its terms in their order, each
//! product rounded before it is added, whatever the rows at a time, the threads or the instruction set.
//!
//! The right factor lies in panels of `LINE` columns, so that a tile reads both factors from memory that is contiguous or at
//! a constant stride; the summed index is cut into pieces whose panels stay in the second-level cache.

use super::simd::vectorize;
use crate::io::threads;

/// Columns of a panel: a vector of AVX-512, two of AVX2.
const LINE: usize = 8;
/// Rows of a tile.
const ROWS: usize = 4;
/// Summed numbers of a piece.
const DEPTH: usize = 512;
/// Rows of the left factor that a thread takes at a time.
const SHARE: usize = 64;

type Line = [f64; LINE];

/// A matrix B `[columns, depth]` by which rows are multiplied: X Bᵀ.
#[derive(Clone, Debug)]
pub struct Panels {
    depth: usize,
    columns: usize,
    /// Panel after panel, each a line for every summed index; what is missing in the last one is 0.
    lines: Vec<Line>,
}

impl Panels {
    /// B, a row of `depth` numbers for each column of the product.
    ///
    /// # Panics
    /// If the last row is not whole.
    pub fn of_rows(b: &[f64], depth: usize) -> Self {
        assert!(depth > 0 && b.len().is_multiple_of(depth), "{} numbers in rows of {depth}", b.len());
        let columns = b.len() / depth;
        let mut lines = vec![[0.0; LINE]; columns.div_ceil(LINE) * depth];
        for (column, row) in b.chunks_exact(depth).enumerate() {
            let panel = &mut lines[column / LINE * depth..][..depth];
            panel.iter_mut().zip(row).for_each(|(line, &value)| line[column % LINE] = value);
        }
        Self { depth, columns, lines }
    }

    /// Numbers of a row of X.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Numbers of a row of the product.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// X Bᵀ `[rows, columns]` of X `[rows, depth]`, by all threads.
    ///
    /// # Panics
    /// If the last row is not whole.
    pub fn product(&self, x: &[f64]) -> Vec<f64> {
        assert!(x.len().is_multiple_of(self.depth), "{} numbers in rows of {}", x.len(), self.depth);
        let rows = x.len() / self.depth;
        let mut out = vec![0.0; rows * self.columns];
        let whole = rows / SHARE * SHARE;
        let (shares, rest) = out.split_at_mut(whole * self.columns);
        threads::for_each_chunk(shares, SHARE * self.columns, 1, |share, out| {
            self.add_product(&x[share * SHARE * self.depth..][..SHARE * self.depth], out);
        });
        self.add_product(&x[whole * self.depth..], rest);
        out
    }

    /// Adds X Bᵀ of some rows to `out`, by one thread.
    fn add_product(&self, x: &[f64], out: &mut [f64]) {
        let mut tiles = Vec::new();
        for first in (0..self.depth).step_by(DEPTH) {
            let depth = DEPTH.min(self.depth - first);
            tiles.clear();
            tiles.extend(x.chunks(self.depth * ROWS).flat_map(|rows| {
                let of_row =
                    move |row: usize, k: usize| rows.get(row * self.depth + k).copied().unwrap_or_default();
                (first..first + depth).map(move |k| std::array::from_fn(|row| of_row(row, k)))
            }));
            vectorize(
                #[inline(always)]
                || self.add_piece(&tiles, (first, depth), out),
            );
        }
    }

    /// Adds the terms of a piece of the summed index: `tiles` are the numbers of [`ROWS`] rows side by side, index after index.
    #[inline(always)]
    fn add_piece(&self, tiles: &[[f64; ROWS]], (first, depth): (usize, usize), out: &mut [f64]) {
        for (number, panel) in self.lines.chunks_exact(self.depth).enumerate() {
            let (lines, column) = (&panel[first..first + depth], number * LINE);
            let width = LINE.min(self.columns - column);
            for (tile, out) in tiles.chunks_exact(depth).zip(out.chunks_mut(self.columns * ROWS)) {
                add_tile(tile, lines, (&mut out[column..], self.columns), width);
            }
        }
    }
}

/// Adds a tile of [`ROWS`] rows, or of as many as there are, and `width` columns, of which `out` begins with the first.
#[inline(always)]
fn add_tile(rows: &[[f64; ROWS]], lines: &[Line], (out, stride): (&mut [f64], usize), width: usize) {
    let mut held = [[0.0; LINE]; ROWS];
    for (held, out) in held.iter_mut().zip(out.chunks(stride)) {
        held[..width].copy_from_slice(&out[..width]);
    }
    // A copy that nothing but whole lines is read of or written to, so that it stays in registers.
    let mut sums = held;
    for (row, line) in rows.iter().zip(lines) {
        for (sum, factor) in sums.iter_mut().zip(row) {
            for (sum, number) in sum.iter_mut().zip(line) {
                *sum += factor * number;
            }
        }
    }
    held = sums;
    for (held, out) in held.iter().zip(out.chunks_mut(stride)) {
        out[..width].copy_from_slice(&held[..width]);
    }
}

/// Rows that are multiplied at a time.
const GRAM_ROWS: usize = 256;
/// A square of C.
const SQUARE: usize = LINE * LINE;

/// The Gram matrix C = Σ xᵀx `[n, n]` of rows that come piece by piece.
#[derive(Debug)]
pub struct Gram {
    /// n.
    size: usize,
    /// Squares of [`LINE`] rows and columns below the diagonal and on it, row after row of them.
    squares: Vec<f64>,
    /// Rows that wait for others, `[rows, n]`.
    waiting: Vec<f64>,
}

impl Gram {
    /// That of no rows of `size` numbers.
    pub fn new(size: usize) -> Self {
        let panels = size.div_ceil(LINE);
        Self { size, squares: vec![0.0; panels * (panels + 1) / 2 * SQUARE], waiting: Vec::new() }
    }

    /// Bytes of one of so many columns, the matrix that it becomes included.
    pub fn bytes(size: usize) -> u64 {
        let size = size.next_multiple_of(LINE) as u64;
        8 * (size * (size + LINE as u64) / 2 + size * size + 2 * GRAM_ROWS as u64 * size)
    }

    /// Adds whole rows; how they are cut into pieces makes no difference.
    pub fn add(&mut self, mut rows: &[f64]) {
        let full = GRAM_ROWS * self.size;
        while !rows.is_empty() {
            let (now, later) = rows.split_at(rows.len().min(full - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            rows = later;
            if self.waiting.len() == full {
                self.multiply();
            }
        }
    }

    /// Adds the rows that wait.
    fn multiply(&mut self) {
        let columns = transposed_panels(&self.waiting, self.size);
        let rows = self.waiting.len() / self.size;
        threads::for_each_chunk(&mut self.squares, SQUARE, 1, |number, square| {
            let (down, across) = place(number);
            let [left, right] = [down, across].map(|panel| &columns[panel * rows..][..rows]);
            vectorize(
                #[inline(always)]
                || add_square(left, right, square),
            );
        });
        self.waiting.clear();
    }

    /// C, whole and symmetric.
    pub fn into_matrix(mut self) -> Vec<f64> {
        self.multiply();
        let size = self.size;
        let mut matrix = vec![0.0; size * size];
        for (number, square) in self.squares.chunks_exact(SQUARE).enumerate() {
            let (down, across) = place(number);
            for (y, line) in square.chunks_exact(LINE).enumerate() {
                for (x, &value) in line.iter().enumerate() {
                    let (row, column) = (down * LINE + y, across * LINE + x);
                    if row < size && column <= row {
                        (matrix[row * size + column], matrix[column * size + row]) = (value, value);
                    }
                }
            }
        }
        matrix
    }
}

/// Columns of `[rows, size]` in panels: for each of them a line a row.
fn transposed_panels(rows: &[f64], size: usize) -> Vec<Line> {
    let count = rows.len() / size;
    let mut lines = vec![[0.0; LINE]; size.div_ceil(LINE) * count];
    for (number, row) in rows.chunks_exact(size).enumerate() {
        for (panel, values) in row.chunks(LINE).enumerate() {
            lines[panel * count + number][..values.len()].copy_from_slice(values);
        }
    }
    lines
}

/// Row and column of a square by its number.
fn place(number: usize) -> (usize, usize) {
    let down = ((8 * number + 1).isqrt() - 1) / 2;
    (down, number - down * (down + 1) / 2)
}

/// Adds leftᵀ right to a square.
#[inline(always)]
fn add_square(left: &[Line], right: &[Line], square: &mut [f64]) {
    for half in 0..2 {
        let first = half * ROWS;
        let mut sums = [[0.0; LINE]; ROWS];
        for (row, sum) in sums.iter_mut().enumerate() {
            sum.copy_from_slice(&square[(first + row) * LINE..][..LINE]);
        }
        for (left, right) in left.iter().zip(right) {
            for (sum, factor) in sums.iter_mut().zip(&left[first..first + ROWS]) {
                for (sum, number) in sum.iter_mut().zip(right) {
                    *sum += factor * number;
                }
            }
        }
        for (row, sum) in sums.iter().enumerate() {
            square[(first + row) * LINE..][..LINE].copy_from_slice(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f64> {
        let mut stream = crate::math::random::Stream::new(seed, "product");
        (0..count).map(|_| stream.below(1 << 40) as f64 / f64::from(1 << 20) - 500_000.0).collect()
    }

    fn plain(x: &[f64], b: &[f64], depth: usize) -> Vec<f64> {
        let dot = |row: &[f64], column: &[f64]| row.iter().zip(column).fold(0.0, |sum, (x, y)| sum + x * y);
        x.chunks_exact(depth)
            .flat_map(|row| b.chunks_exact(depth).map(move |column| dot(row, column)))
            .collect()
    }

    proptest! {
        #[test]
        fn a_product_has_the_bits_of_plain_sums_in_their_order(
            rows in 0_usize..150, columns in 1_usize..40, depth in 1_usize..1100, seed in 0_u64..1000,
        ) {
            let (x, b) = (numbers(rows * depth, seed), numbers(columns * depth, seed + 1));
            let panels = Panels::of_rows(&b, depth);
            prop_assert_eq!((panels.depth(), panels.columns()), (depth, columns));
            prop_assert_eq!(panels.product(&x), plain(&x, &b, depth));
        }

        #[test]
        fn a_gram_matrix_has_the_bits_of_plain_sums_however_its_rows_come(
            rows in 0_usize..600, size in 1_usize..40, piece in 1_usize..300, seed in 0_u64..1000,
        ) {
            let x = numbers(rows * size, seed);
            let mut gram = Gram::new(size);
            x.chunks(piece * size).for_each(|rows| gram.add(rows));
            let columns: Vec<f64> =
                (0..size).flat_map(|column| x.iter().skip(column).step_by(size).copied()).collect();
            let wanted = if rows == 0 { vec![0.0; size * size] } else { plain(&columns, &columns, rows) };
            prop_assert_eq!(gram.into_matrix(), wanted);
        }
    }
}
