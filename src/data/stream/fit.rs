//! Fits a normalisation to rows on disk, all of them or a sample, in one pass that reads ahead of the sums.

use std::sync::Arc;

use super::reader::{Reader, RowRanges};
use super::row_sum::RowSum;
use super::store::{PIECE, Store};
use super::transform::scaled;
use crate::data::preprocess::Preprocess;
use crate::data::sample::RowSample;
use crate::error::Result;

/// The preprocessing with its limits, those that it has or those of the rows, of a `sample` if there is one. `told` hears
/// how many rows are done.
///
/// # Errors
/// Rows that cannot be read, that hold what is not finite, or that have no statistics.
pub fn fit(
    store: &Arc<Store>,
    preprocess: &Preprocess,
    sample: Option<RowSample>,
    told: &dyn Fn(usize),
) -> Result<Preprocess> {
    if !preprocess.is_unfitted() {
        return Ok(preprocess.clone());
    }
    let divisor = preprocess.scale.divisor(store.dtype);
    let mut done = 0;
    preprocess.fitted(store.cols, |take| {
        let reader = Reader::start(Arc::clone(store))?;
        let ask = |job: Option<RowRanges>| job.map(|job| reader.ask(job)).is_some();
        let (mut seen, mut sum) = (0, RowSum::default());
        let mut jobs = jobs(store, sample);
        let mut waits = ask(jobs.next());
        while waits {
            waits = ask(jobs.next());
            let loaded = reader.take()?;
            sum = sum.and(loaded.sum);
            let values = scaled(store.dtype, &loaded.bytes, divisor);
            seen += values.len() / store.cols;
            take(&values)?;
            told(done + seen);
        }
        done += seen;
        if seen == store.rows { store.passed(sum) } else { Ok(()) }
    })
}

/// The rows piece by piece, from the first to the last.
fn jobs(store: &Store, sample: Option<RowSample>) -> impl Iterator<Item = RowRanges> {
    let piece = (PIECE / store.row_bytes()).max(1);
    let mut rows: Box<dyn Iterator<Item = usize>> = match sample {
        Some(sample) => Box::new(sample.of(store.rows)),
        None => Box::new(0..store.rows),
    };
    std::iter::from_fn(move || {
        let job = neighbours(rows.by_ref().take(piece));
        (!job.is_empty()).then_some(job)
    })
}

/// Rows as ranges of those that follow each other.
fn neighbours(rows: impl Iterator<Item = usize>) -> RowRanges {
    let mut job = RowRanges::new();
    for row in rows {
        match job.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => job.push(row..row + 1),
        }
    }
    job
}
