//! The grid patches of pictures as rows of examples, any of them at any time: side by side, or at every position.
//! Pictures are made ready when a row of theirs is asked for, so that a pass in order decodes each once, and none is in
//! memory but those under way.

use std::ops::Range;
use std::sync::Arc;

use super::batches::{Dataset, RowSelection};
use super::examples::{ExampleRows, Examples, preprocessed};
use super::grid::Grid;
use super::pictures::Pictures;
use super::prepared_images::{Kept, PreparedImages};
use super::preprocess::Preprocess;
use super::scale::Scale;
use crate::error::Result;
use crate::io::memory::Bytes;
use crate::io::threads;
use crate::math::params::Real;

/// Rows that are looked at together for a fit.
const PIECE: usize = 4096;
/// Rows that a thread makes at a time.
const SHARE: usize = 64;

/// Rows `[m, n]` after preprocessing: the patches of each picture, rows of patches first.
#[derive(Debug)]
pub struct GridRows {
    images: PreparedImages,
    grids: Vec<Grid>,
    /// The number of the first row of each picture, and that of all rows.
    starts: Vec<usize>,
    preprocess: Preprocess,
    /// Pixels from one patch to the next.
    step: usize,
    /// Numbers of a patch.
    raw_cols: usize,
    /// n.
    cols: usize,
}

impl GridRows {
    /// Rows of pictures under a model's preprocessing, of which limits that are missing are fitted on all of them.
    /// `memory` is what pictures may take while they are decoded; `None` is what the machine has left.
    ///
    /// # Errors
    /// A preprocessing of rows, a picture smaller than the patch, or one that takes more memory than there is; where
    /// limits are fitted, pictures that cannot be decoded or have no statistics.
    pub fn new(pictures: Arc<Pictures>, preprocess: &Preprocess, memory: Option<Bytes>) -> Result<Self> {
        let mut rows = Self::unfitted(pictures, preprocess, None, memory)?;
        if rows.preprocess.is_unfitted() {
            rows.preprocess = rows.fitted()?;
        }
        rows.cols = rows.preprocess.outputs_of(rows.raw_cols);
        Ok(rows)
    }

    /// Rows of the patches at every position of pictures, `step` pixels apart, under a preprocessing that is fitted.
    ///
    /// # Errors
    /// As [`GridRows::new`].
    pub fn at_positions(
        pictures: Arc<Pictures>,
        preprocess: &Preprocess,
        step: usize,
        memory: Option<Bytes>,
    ) -> Result<Self> {
        let mut rows = Self::unfitted(pictures, preprocess, Some(step), memory)?;
        rows.cols = rows.preprocess.outputs_of(rows.raw_cols);
        Ok(rows)
    }

    fn unfitted(
        pictures: Arc<Pictures>,
        preprocess: &Preprocess,
        step: Option<usize>,
        memory: Option<Bytes>,
    ) -> Result<Self> {
        let grids = pictures.grids(preprocess, step)?;
        let (patch, channels) = (preprocess.patch.unwrap_or(1), preprocess.channels.unwrap_or(1));
        let mut starts = vec![0];
        for grid in &grids {
            starts.push(starts[starts.len() - 1] + grid.across * grid.down);
        }
        let order = (0..grids.len()).collect();
        let kept = match step {
            None => Kept::AsMade,
            Some(_) if leaves_values(preprocess) => Kept::Single,
            Some(_) => Kept::Double,
        };
        let whiten = (preprocess.whiten, kept);
        let images = PreparedImages::new(pictures, (patch, channels), whiten, memory, order)?;
        let cols = patch * patch * channels;
        // White is 1 in pictures of any kind: a divisor of rows, if the model has learned from rows, is not theirs.
        let preprocess = Preprocess { scale: Scale::Pixels, ..preprocess.clone() };
        let step = step.unwrap_or(patch);
        Ok(Self { images, grids, starts, preprocess, step, raw_cols: cols, cols })
    }

    /// From now on pictures take no more than `memory` while they are made ready; those that are ready are let go.
    pub fn set_capacity(&mut self, memory: Bytes) {
        self.images.set_capacity(memory);
    }

    /// m and n.
    pub fn size(&self) -> (usize, usize) {
        (self.starts[self.grids.len()], self.cols)
    }

    /// What makes the rows, limits included.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Where the rows of each picture belong in it.
    pub fn grids(&self) -> &[Grid] {
        &self.grids
    }

    /// Neighbouring rows.
    ///
    /// # Errors
    /// A file that is damaged, or has changed since it was listed.
    pub fn rows(&mut self, range: Range<usize>) -> Result<ExampleRows> {
        let raw = self.raw(range)?;
        Ok(self.preprocess.examples(raw, self.raw_cols))
    }

    /// Neighbouring rows before they are normalised.
    fn raw(&mut self, range: Range<usize>) -> Result<Vec<f64>> {
        let mut values = vec![0.0; range.len() * self.raw_cols];
        for (row, out) in range.zip(values.chunks_exact_mut(self.raw_cols)) {
            let (picture, place) = self.place(row);
            self.images.cut(picture, place, out)?;
        }
        Ok(values)
    }

    /// The picture of a row, and the first pixel of its patch, across and down.
    fn place(&self, row: usize) -> (usize, (usize, usize)) {
        let picture = self.starts.partition_point(|&start| start <= row) - 1;
        let (within, across) = (row - self.starts[picture], self.grids[picture].across);
        (picture, (within % across * self.step, within / across * self.step))
    }

    /// Writes neighbouring rows `[rows, n]` in f32, by all threads.
    fn write(&mut self, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let (mut first, mut rest) = (range.start, out);
        while first < range.end {
            let ready = self.images.readied(self.place(first).0)?;
            let end = self.starts[ready.end].min(range.end);
            let (now, later) = rest.split_at_mut((end - first) * self.cols);
            let whole = (end - first) / SHARE * SHARE;
            let (shares, others) = now.split_at_mut(whole * self.cols);
            threads::for_each_chunk(shares, SHARE * self.cols, 1, |share, out| {
                self.write_share(first + share * SHARE, out);
            });
            self.write_share(first + whole, others);
            (first, rest) = (end, later);
        }
        Ok(())
    }

    /// The same of pictures that are ready, by one thread.
    fn write_share(&self, first: usize, out: &mut [f32]) {
        let rows = first..first + out.len() / self.cols;
        if leaves_values(&self.preprocess) {
            for (row, out) in rows.zip(out.chunks_exact_mut(self.cols)) {
                let (picture, place) = self.place(row);
                self.images.cut_single(picture, place, out);
            }
            return;
        }
        let mut values = vec![0.0; rows.len() * self.raw_cols];
        for (row, raw) in rows.zip(values.chunks_exact_mut(self.raw_cols)) {
            let (picture, place) = self.place(row);
            self.images.cut_ready(picture, place, raw);
        }
        let values = self.preprocess.examples(values, self.raw_cols).values;
        out.iter_mut().zip(values).for_each(|(out, x)| *out = x as f32);
    }

    /// Most bytes that a picture takes while it is made ready.
    pub fn passing_bytes(&self) -> u64 {
        self.images.largest()
    }

    /// The preprocessing with what all rows ask for.
    fn fitted(&mut self) -> Result<Preprocess> {
        let (rows, cols, preprocess) = (self.size().0, self.raw_cols, self.preprocess.clone());
        preprocess.fitted(cols, |take| {
            (0..rows).step_by(PIECE).try_for_each(|first| take(&self.raw(first..rows.min(first + PIECE))?))
        })
    }

    /// All rows at once.
    pub(super) fn all<T: Real>(mut self) -> Result<Examples<T>> {
        self.images.check_beside((self.size().0 * self.raw_cols * size_of::<f64>()) as u64)?;
        let values = self.raw(0..self.size().0)?;
        let Self { images, grids, preprocess, raw_cols, .. } = self;
        drop(images);
        preprocessed(values.into(), raw_cols, Some(grids), &preprocess)
    }
}

impl Dataset for GridRows {
    fn size(&self) -> (usize, usize) {
        Self::size(self)
    }

    fn numbers(&mut self, wanted: &RowSelection<'_>, out: &mut [f32]) -> Result<()> {
        match wanted {
            RowSelection::Range(range) => self.write(range.clone(), out),
            RowSelection::Listed(list) => {
                let cols = out.len() / list.len().max(1);
                let mut rows = list.iter().zip(out.chunks_exact_mut(cols.max(1)));
                rows.try_for_each(|(&row, out)| self.write(row..row + 1, out))
            }
        }
    }
}

/// Whether nothing is done to the numbers of pixels, filters of whole pictures apart.
fn leaves_values(preprocess: &Preprocess) -> bool {
    !preprocess.has_columns() && !preprocess.normalize.has_limits()
}
