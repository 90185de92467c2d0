//! Chooses the kernels for a shape: as they were forced, as an earlier race has found, by a race whose winners are right,
//! or by the kind of the adapter and the shape.
//!
//! Software adapters are not raced unless asked for: their order is known, and every kernel takes a second to compile.
//! [`race`](mod@race) is the race among [`candidate`]s, [`products`] runs them on a device, [`cache`] keeps the results.

pub mod cache;
pub mod candidate;
pub mod products;
pub mod race;

use std::collections::BTreeMap;

use super::device::Gpu;
use super::memory::partition::Partition;
use crate::engine::variant::Variant;
pub use crate::engine::variant::{Kernels, Origin, TuneMode, Workload};
use crate::error::{Error, Result};
use cache::{Cache, CachedRace, Key};
use candidate::{CandidateCheck, Runner, Status, Timing};
use products::{ProductSize, Products};
use race::{PRODUCTS, RaceResult, race};

/// How the kernels are chosen: when they are timed, and against what they are checked before.
#[derive(Clone, Copy, Debug)]
pub struct Tune {
    /// When they are timed.
    pub mode: TuneMode,
    /// The check that a kernel has to pass once it has won a race.
    pub check: CandidateCheck,
}

impl Workload {
    /// The product that the kernels have to be fast at.
    fn size(&self, partition: &Partition) -> ProductSize {
        let rows = partition.chunk.min(self.batch.unwrap_or(self.examples)).min(self.examples);
        ProductSize { visible: self.shape.visible, hidden: partition.widest_block(), rows }
    }
}

/// Chooses the kernels of `gpu` for a workload; recordings are made of them from now on.
///
/// # Errors
/// [`Error::Device`] when a product has no kernel that computes it rightly, or the work does not fit the device.
pub fn choose(gpu: &Gpu, work: &Workload, how: Tune, cache: &Cache) -> Result<Kernels> {
    let Tune { mode, check } = how;
    // Blocks and chunks depend on the memory that kernels read alone, and no other is preselected than the device has now.
    let partition = Partition::new(gpu, work.shape, work.examples, work.cut)?;
    let size = work.size(&partition);
    let variant = Variant::preselected(gpu, Some(size));
    let preselected = Kernels { variant, chosen: Origin::Preselected };
    let kernels = if mode == TuneMode::Never {
        tracing::debug!("kernels: {variant}, by the kind of the adapter");
        preselected
    } else {
        let key = Key::of(&gpu.adapter, size);
        let known =
            cache.find(&key).filter(|entry| mode == TuneMode::Auto && entry.variant.refusal(gpu).is_none());
        match known {
            Some(entry) => remembered(&entry, cache),
            None if mode == TuneMode::Auto && gpu.adapter.is_software() => {
                tracing::debug!("kernels: {variant}, by the kind of the adapter; `retune` times others too");
                preselected
            }
            None => {
                let products = || Products::new(gpu, &partition, size, check);
                raced(gpu, products, variant, key, cache)?.unwrap_or(preselected)
            }
        }
    };
    gpu.force(kernels.variant)?;
    Ok(kernels)
}

fn remembered(entry: &CachedRace, cache: &Cache) -> Kernels {
    let times: Vec<String> =
        entry.milliseconds.iter().map(|(candidate, ms)| format!("{candidate} {ms:.3} ms")).collect();
    tracing::debug!("kernels, as timed earlier: {}", times.join(", "));
    tracing::debug!("kernels: {}, from {}", entry.variant, cache.name());
    Kernels { variant: entry.variant, chosen: Origin::Cached }
}

/// Races against the favourite and remembers; `None` when the device has no room for it.
fn raced<'g>(
    gpu: &'g Gpu,
    products: impl FnOnce() -> Result<Products<'g>>,
    favourite: Variant,
    key: Key,
    cache: &Cache,
) -> Result<Option<Kernels>> {
    let run = || {
        let mut products = products()?;
        let result = race(&mut products, &Variant::raced(gpu), favourite)?;
        Ok((result, products.elapsed()))
    };
    let (result, seconds) = match run() {
        Ok(run) => run,
        Err(error) => {
            gpu.check()?;
            let why: Error = error;
            tracing::debug!("kernels: {favourite}, by the kind of the adapter; they cannot be timed: {why}");
            return Ok(None);
        }
    };
    tell(gpu, &result);
    let Some(variant) = result.variant else {
        gpu.check()?;
        return Err(all_wrong(gpu, &result.timings));
    };
    tracing::debug!(
        "kernels: {variant}, timed in {:.2} s, {seconds:.2} s with compilation and checks",
        result.spent
    );
    cache.keep(CachedRace { key, variant, milliseconds: milliseconds(&result.timings) });
    Ok(Some(Kernels { variant, chosen: Origin::Raced }))
}

/// A line a product, and a warning for each kernel that cannot be trusted.
fn tell(gpu: &Gpu, result: &RaceResult) {
    for Timing { candidate, status, .. } in &result.timings {
        if let Status::Wrong(why) = status {
            tracing::warn!(
                "{}: kernel {candidate} is not used, it computes wrongly ({why}); update the driver, `rhohat verify` tells more",
                gpu.adapter.info.name
            );
        }
    }
    for (transpose, _) in PRODUCTS {
        let mut timings: Vec<&Timing> =
            result.timings.iter().filter(|timing| timing.candidate.transpose == transpose).collect();
        timings.sort_by(|a, b| order(a).total_cmp(&order(b)));
        let words: Vec<String> = timings.into_iter().map(words).collect();
        tracing::debug!("kernels for {}: {}", transpose.name(), words.join(", "));
    }
}

/// Those of the final first, the fastest before the others.
fn order(timing: &Timing) -> f64 {
    let later = if timing.status == Status::Final { 0.0 } else { 1e6 };
    later + timing.seconds.unwrap_or(1e9)
}

fn words(timing: &Timing) -> String {
    let variant = timing.candidate.variant();
    match (&timing.status, timing.seconds) {
        (Status::Wrong(_), _) => format!("{variant} wrong"),
        (Status::Final, Some(seconds)) => format!("{variant} {:.3} ms", 1e3 * seconds),
        (Status::Slow, Some(seconds)) => {
            format!("{variant} dropped early at {:.3} ms", 1e3 * seconds)
        }
        (Status::Late | Status::Final | Status::Slow, _) => format!("{variant} not timed, no time left"),
    }
}

fn milliseconds(timings: &[Timing]) -> BTreeMap<String, f64> {
    let in_final = timings.iter().filter(|timing| timing.status == Status::Final);
    let rounded = |seconds: f64| (1e7 * seconds).round() / 1e4;
    in_final.filter_map(|timing| Some((timing.candidate.to_string(), rounded(timing.seconds?)))).collect()
}

fn all_wrong(gpu: &Gpu, timings: &[Timing]) -> Error {
    let wrong: Vec<String> = timings
        .iter()
        .filter(|timing| matches!(timing.status, Status::Wrong(_)))
        .map(|timing| timing.candidate.to_string())
        .collect();
    Error::device(format!(
        "{}: no kernel is right for some product (wrong: {}); update the driver, or use `device` cpu",
        gpu.adapter.info.name,
        wrong.join(", ")
    ))
}
