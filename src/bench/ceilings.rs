//! What a machine can do at best: multiply-adds in registers, copying, and what every dispatch, submission and
//! read-back costs. Shares of a ceiling are shares of these.

mod processor;
pub mod shaders;

use super::contender::Contender;
use super::row::{COPY, MULTIPLY_ADD, Row, What};
use super::stats::{Pace, Summary};
use crate::error::Result;

/// Numbers in each of the two buffers of a copy: 64 MiB, more than caches hold.
const COPIED: usize = 1 << 24;
/// Bytes read and written by a copy.
const COPIED_BYTES: f64 = 8.0 * COPIED as f64;

/// The roofs of the roofline: multiply-adds and copying.
///
/// # Errors
/// Those of the device.
pub fn roofs(who: &Contender, pace: Pace) -> Result<Vec<Row>> {
    let ((flops, peak), copy) = match who.gpu().cloned() {
        Some(gpu) => (shaders::multiply_adds(&gpu, pace)?, shaders::copy(&gpu, pace)?),
        None => (processor::multiply_adds(pace)?, processor::copy(pace)?),
    };
    let ceiling = |variant: &str, times: Summary| who.row(What::Ceiling).of_variant(variant).timed(times);
    // A ceiling is what the machine does when nothing disturbs it.
    let (operations, bytes) = (flops / peak.best, COPIED_BYTES / copy.best);
    Ok(vec![
        Row { gflops: Some(operations / 1e9), ..ceiling(MULTIPLY_ADD, peak) },
        Row { gbytes_per_second: Some(bytes / 1e9), ..ceiling(COPY, copy) },
    ])
}

/// The roofs, and what stands beside them: a dispatch, a submission and a read-back, or the best dense product of the
/// CPU engine.
///
/// # Errors
/// Those of the device.
pub fn measure(who: &Contender, pace: Pace) -> Result<Vec<Row>> {
    let mut rows = roofs(who, pace)?;
    let ceiling = |variant: &str, times: Summary| who.row(What::Ceiling).of_variant(variant).timed(times);
    match who.gpu() {
        Some(gpu) => {
            let calls = shaders::calls(gpu, pace)?;
            rows.push(ceiling("dispatch", calls.dispatch));
            rows.push(ceiling("submission and wait", calls.submission));
            rows.push(ceiling("read-back of 256 bytes", calls.read_back));
        }
        None => {
            let (flops, times) = processor::product(pace)?;
            rows.push(ceiling("best dense product", times).operations(flops));
        }
    }
    Ok(rows)
}
