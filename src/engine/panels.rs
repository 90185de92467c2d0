//! Where the four tensors lie in one flat vector: W1ᵀ, b1, D, b2, matrices in panels. Padding is zero and stays zero, so
//! that updates, inner products and sums of squares run over whole vectors.
//!
//! W1 is kept transposed: then both layers' weights are the right factor of the way forward as they are, and X and the
//! activations both factors of every gradient. Only δ3Dᵀ asks for a transposed copy.

use std::ops::Range;

use crate::engine::cpu::buffer::{
    Buffer, LINE, Panels, PanelsMut, column_of, lines_mut, panels, row_of, spread, spread_transposed, width,
};
use crate::math::params::{Params, Shape};

/// The flat order of the parameters of one shape.
#[derive(Clone, Copy, Debug)]
pub struct PanelLayout {
    /// n and h.
    pub shape: Shape,
}

impl PanelLayout {
    /// The layout of `shape`.
    pub fn new(shape: Shape) -> Self {
        Self { shape }
    }

    /// W1ᵀ `[n, h]`.
    pub fn w1(self) -> Range<usize> {
        0..self.shape.visible * width(self.shape.hidden)
    }

    /// b1 `[h]`.
    pub fn b1(self) -> Range<usize> {
        self.w1().end..self.w1().end + width(self.shape.hidden)
    }

    /// D `[h, n]`.
    pub fn d(self) -> Range<usize> {
        self.b1().end..self.b1().end + self.shape.hidden * width(self.shape.visible)
    }

    /// b2 `[n]`.
    pub fn b2(self) -> Range<usize> {
        self.d().end..self.d().end + width(self.shape.visible)
    }

    /// Numbers in all, padding included.
    pub fn len(self) -> usize {
        self.b2().end
    }

    /// W1ᵀ of the hidden units `units`, which begin with a panel, within a flat vector.
    pub fn w1_of(self, units: &Range<usize>) -> Range<usize> {
        let rows = self.shape.visible;
        units.start / LINE * LINE * rows..panels(units.end) * LINE * rows
    }

    /// b1 of the hidden units `units`, which begin with a panel, within a flat vector.
    pub fn b1_of(self, units: &Range<usize>) -> Range<usize> {
        self.b1().start + units.start..self.b1().start + width(units.end)
    }

    /// `params` in this order.
    pub fn flatten(self, params: &Params<f32>) -> Buffer {
        let Shape { visible, hidden } = self.shape;
        let mut flat = Buffer::zeros(self.len());
        spread_transposed(&params.w1, visible, PanelsMut::new(&mut flat[self.w1()], visible));
        spread(&params.d, visible, PanelsMut::new(&mut flat[self.d()], hidden));
        flat[self.b1()][..hidden].copy_from_slice(&params.b1);
        flat[self.b2()][..visible].copy_from_slice(&params.b2);
        flat
    }

    /// Puts W1 `[n]`, b1 and D `[n]` of one hidden unit into a vector in this order.
    pub fn put_unit(self, flat: &mut [f32], unit: usize, (w1, b1, d): (&[f32], f32, &[f32])) {
        let Shape { visible, hidden } = self.shape;
        let column = &mut lines_mut(&mut flat[self.w1()])[unit / LINE * visible..][..visible];
        column.iter_mut().zip(w1).for_each(|(line, w)| line[unit % LINE] = *w);
        flat[self.b1()][unit] = b1;
        let row = lines_mut(&mut flat[self.d()])[unit..].iter_mut().step_by(hidden);
        row.zip(d.chunks(LINE)).for_each(|(line, d)| line[..d.len()].copy_from_slice(d));
    }

    /// The tensors of a vector in this order.
    pub fn tensors(self, flat: &[f32]) -> Params<f32> {
        let Shape { visible, hidden } = self.shape;
        let (w1, d) = (Panels::new(&flat[self.w1()], visible), Panels::new(&flat[self.d()], hidden));
        let mut params = Params::zeros(self.shape);
        let rows = params.w1.chunks_exact_mut(visible).zip(params.d.chunks_exact_mut(visible));
        for (unit, (w1_row, d_row)) in rows.enumerate() {
            w1_row.iter_mut().zip(column_of(w1, unit)).for_each(|(out, x)| *out = x);
            d_row.iter_mut().zip(row_of(d, unit, visible)).for_each(|(out, x)| *out = x);
        }
        params.b1.copy_from_slice(&flat[self.b1()][..hidden]);
        params.b2.copy_from_slice(&flat[self.b2()][..visible]);
        params
    }
}
