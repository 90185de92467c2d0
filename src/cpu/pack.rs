//! The right factor of a product, its columns in panels as wide as a tile. A tile that walks down a packed panel reads
//! memory in one go; in a matrix of long rows it would come to another page with every row.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::{LINE, View};
use super::kernel::panel_lines;

/// Columns that one task packs, or a whole panel: what it reads of a row is a few lines, which memory delivers together.
const BAND: usize = 128;

/// The right factor B `[depth, cols]`.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a> {
    values: &'a [f32],
    /// Numbers from one row to the next.
    stride: usize,
    /// Numbers from one panel to the next.
    step: usize,
    /// Columns of a panel.
    pub width: usize,
}

impl<'a> Right<'a> {
    /// B as it lies.
    pub fn in_place(b: View<'a>) -> Self {
        let width = panel_width();
        Self { values: b.values, stride: b.stride, step: width, width }
    }

    /// B as [`pack`] or [`pack_transposed`] have left it, `depth` rows of it.
    pub fn packed(values: &'a [f32], depth: usize) -> Self {
        let width = panel_width();
        Self { values, stride: width, step: depth * width, width }
    }

    /// The part from row `k` on.
    pub fn from(self, k: usize) -> Self {
        Self { values: &self.values[k * self.stride..], ..self }
    }

    /// The rows from `k` on that panel `panel` lies in, and its first column.
    #[inline(always)]
    pub fn panel(self, panel: usize, k: usize) -> (View<'a>, usize) {
        let (panel, first) = if self.step < self.stride { (0, panel * self.step) } else { (panel, 0) };
        (View { values: &self.values[panel * self.step + k * self.stride..], stride: self.stride }, first)
    }
}

/// Numbers that B `[depth, cols]` takes when packed.
pub fn packed_len(depth: usize, cols: usize) -> usize {
    cols.next_multiple_of(panel_width()) * depth
}

/// Packs B `[depth, cols]`.
pub fn pack(out: &mut [f32], b: View<'_>, depth: usize, cols: usize) {
    let width = panel_width();
    let group = (BAND / width).max(1);
    for_panels(out, depth * width, cols.div_ceil(width), group, |first, panels| {
        for (k, row) in b.values.chunks(b.stride).take(depth).enumerate() {
            let pieces = row[first * width..].chunks(width);
            for (panel, piece) in panels.chunks_exact_mut(depth * width).zip(pieces) {
                let (lines, _) = piece.as_chunks::<LINE>();
                let (out, _) = panel[k * width..][..width].as_chunks_mut::<LINE>();
                out.iter_mut().zip(lines).for_each(|(out, line)| *out = *line);
            }
        }
    });
}

/// Packs B = Aᵀ for A `[cols, depth]`. What fills the last panel beyond `cols` is of no account.
pub fn pack_transposed(out: &mut [f32], a: View<'_>, depth: usize, cols: usize) {
    let width = panel_width();
    for_panels(out, depth * width, cols.div_ceil(width), 1, |first, panels| {
        for (panel, col) in panels.chunks_exact_mut(depth * width).zip((first * width..).step_by(width)) {
            for line in (0..width).step_by(LINE) {
                let rows: [&[f32]; LINE] =
                    std::array::from_fn(|i| &a.from((col + line + i).min(cols - 1), 0).values[..depth]);
                for (k, out) in panel.chunks_exact_mut(width).enumerate() {
                    for (out, row) in out[line..][..LINE].iter_mut().zip(rows) {
                        *out = row[k];
                    }
                }
            }
        }
    });
}

/// Hands groups of `group` panels out to all threads.
fn for_panels(
    out: &mut [f32],
    len: usize,
    panels: usize,
    group: usize,
    f: impl Fn(usize, &mut [f32]) + Sync,
) {
    out[..panels * len].par_chunks_mut(group * len).enumerate().for_each(|(i, out)| f(i * group, out));
}

/// Columns of a panel on this processor.
fn panel_width() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;
        fn with_simd<S: Simd>(self, _: S) -> usize {
            panel_lines::<S>() * LINE
        }
    }
    Arch::new().dispatch(Width)
}
