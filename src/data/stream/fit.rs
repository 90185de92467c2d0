//! Fits a normalisation to rows on disk, in one pass that reads ahead of the sums.

use std::ops::Range;
use std::sync::Arc;

use super::reader::Reader;
use super::store::Store;
use crate::data::normalize::{Spread, centre_rows};
use crate::data::numbers::Endian;
use crate::data::{Normalize, Preprocess};
use crate::error::Result;

/// Bytes that are read at a time.
const PIECE: usize = 4 << 20;

/// The preprocessing with its limits, those that it has or those of the rows. `told` hears how many rows are done.
///
/// # Errors
/// Rows that cannot be read, that hold what is not finite, or that have no spread.
pub fn fit(store: &Arc<Store>, preprocess: &Preprocess, told: &dyn Fn(usize)) -> Result<Preprocess> {
    let kind = preprocess.normalize;
    if kind == Normalize::None || preprocess.limits.is_some() {
        return Ok(preprocess.clone());
    }
    let reader = Reader::start(Arc::clone(store))?;
    let rows = (PIECE / store.row_bytes()).max(1);
    let piece = |first: usize| -> Range<usize> { first..(first + rows).min(store.rows) };
    let mut spread = Spread::default();
    reader.ask(vec![piece(0)]);
    for first in (0..store.rows).step_by(rows) {
        let next = piece(first + rows);
        if first + rows < store.rows {
            reader.ask(vec![next]);
        }
        let mut values = store.number.decode(&reader.take()?, Endian::Little);
        if kind == Normalize::Lecture {
            centre_rows(&mut values, store.cols);
        }
        spread.add(&values);
        told(piece(first).end);
    }
    Ok(Preprocess { limits: spread.limits(kind)?, ..preprocess.clone() })
}
