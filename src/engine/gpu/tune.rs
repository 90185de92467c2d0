//! Chooses the kernels for a shape: those that a race has found earlier; else, by the kind of the adapter and the shape, the
//! preselected ones, which are checked once an adapter. A race is run where it is asked for, and where a preselected kernel is
//! faulty.
//!
//! Software adapters are neither checked nor raced unless asked for: their kernels are those that `rhohat verify` checks
//! everywhere, their order is known, and every kernel takes a second to compile. [`race`](mod@race) is the race among
//! [`candidate`]s, [`products`] runs them on a device, [`cache`] keeps the results.

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
use crate::io::clock::Moment;
use cache::{Cache, CachedRace, Key, PassedCheck};
use candidate::{Candidate, CandidateCheck, Fault, Runner, Status, Timing, Verdict};
use products::{ProductSize, Products};
use race::{PRODUCTS, RaceResult, race};

/// How the kernels are chosen: whether they are timed, and by what they are checked.
#[derive(Clone, Copy, Debug)]
pub struct Tune {
    /// Whether they are timed.
    pub mode: TuneMode,
    /// The check that a kernel has to pass that is preselected or has won a race.
    pub check: CandidateCheck,
}

impl Workload {
    /// The product that the kernels have to be fast at.
    fn size(&self, partition: &Partition) -> ProductSize {
        let rows = partition.chunk.min(self.batch.unwrap_or(self.examples)).min(self.examples);
        ProductSize { visible: self.shape.visible, hidden: partition.widest, rows }
    }
}

/// The kernels that a workload will get unless a race finds others: those that `gpu` was told to take, else the preselected.
///
/// # Errors
/// When the work does not fit the device.
pub fn expected(gpu: &Gpu, work: &Workload) -> Result<Variant> {
    if let Some(variant) = gpu.forced() {
        return Ok(variant);
    }
    let partition = Partition::new(gpu, work.shape, work.examples, work.cut)?;
    Ok(Variant::preselected(gpu, Some(work.size(&partition))))
}

/// Chooses the kernels of `gpu` for a workload; recordings are made of them from now on.
///
/// # Errors
/// [`Error::Device`] when a product has no kernel that computes it rightly, or the work does not fit the device.
pub fn choose(gpu: &Gpu, work: &Workload, how: Tune, cache: &Cache) -> Result<Kernels> {
    // Blocks and chunks depend on the memory that kernels read alone, and no other is preselected than the device has now.
    let partition = Partition::new(gpu, work.shape, work.examples, work.cut)?;
    let size = work.size(&partition);
    let preselected = Variant::preselected(gpu, Some(size));
    let key = Key::of(&gpu.adapter, size);
    let choosing = Choosing { gpu, partition: &partition, size, preselected, check: how.check, cache, key };
    let kernels = match how.mode {
        TuneMode::Never => {
            tracing::debug!("kernels: {preselected}, by the kind of the adapter, unchecked");
            choosing.preselected(Origin::Preselected)
        }
        TuneMode::Auto => choosing.found_or_checked()?,
        TuneMode::Always => choosing.raced(&[])?,
    };
    gpu.force(kernels.variant)?;
    Ok(kernels)
}

/// A choice for one shape.
struct Choosing<'c> {
    gpu: &'c Gpu,
    partition: &'c Partition,
    size: ProductSize,
    preselected: Variant,
    check: CandidateCheck,
    cache: &'c Cache,
    key: Key,
}

impl Choosing<'_> {
    fn preselected(&self, chosen: Origin) -> Kernels {
        Kernels { variant: self.preselected, chosen }
    }

    /// The winners of an earlier race; else the preselected, once they are known to be right.
    fn found_or_checked(&self) -> Result<Kernels> {
        let variant = self.preselected;
        let race = self.cache.find(&self.key).filter(|race| race.variant.refusal(self.gpu).is_none());
        if let Some(race) = race {
            return Ok(remembered(&race, self.cache));
        }
        if self.gpu.adapter.is_software() {
            tracing::debug!("kernels: {variant}, by the kind of the adapter; `retune` times others too");
            return Ok(self.preselected(Origin::Preselected));
        }
        let verdicts = self.verdicts();
        if verdicts.iter().any(|(_, verdict)| verdict.is_err()) {
            return self.raced(&verdicts);
        }
        tracing::debug!(
            "kernels: {variant}, by the kind of the adapter and the shape, checked; `retune` times others too"
        );
        Ok(self.preselected(Origin::Checked))
    }

    /// Checks the preselected kernels that have not passed on this adapter yet, and remembers those that do.
    fn verdicts(&self) -> Vec<Verdict> {
        let started = Moment::now();
        let candidates = PRODUCTS.map(|(transpose, _)| Candidate::of(self.preselected, transpose));
        let (passed, others): (Vec<Candidate>, Vec<Candidate>) =
            candidates.into_iter().partition(|candidate| self.cache.has_passed(&self.as_passed(*candidate)));
        let blocks = self.partition.blocks.len();
        let check = |candidate| (candidate, (self.check)(self.gpu, candidate, blocks));
        let checked: Vec<Verdict> = others.into_iter().map(check).collect();
        if !checked.is_empty() {
            let seconds = started.elapsed().as_secs_f64();
            tracing::debug!("kernels of {}: {} checked in {seconds:.2} s", self.preselected, checked.len());
        }
        let mut right = Vec::new();
        for (candidate, verdict) in &checked {
            match verdict {
                Ok(()) => right.push(*candidate),
                Err(fault) => tell_fault(self.gpu, *candidate, fault),
            }
        }
        self.remember(right);
        passed.into_iter().map(|candidate| (candidate, Ok(()))).chain(checked).collect()
    }

    fn as_passed(&self, candidate: Candidate) -> PassedCheck {
        PassedCheck::of(&self.key.platform, candidate, self.partition.blocks.len())
    }

    fn remember(&self, right: impl IntoIterator<Item = Candidate>) {
        self.cache.keep_passed(right.into_iter().map(|candidate| self.as_passed(candidate)));
    }

    /// Races against the preselected and remembers.
    fn raced(&self, known: &[Verdict]) -> Result<Kernels> {
        let Self { gpu, preselected, .. } = *self;
        let run = || -> Result<_> {
            let mut products = Products::new(gpu, self.partition, self.size, self.check)?;
            let result = race(&mut products, &Variant::raced(gpu), preselected, known)?;
            Ok((result, products.elapsed()))
        };
        let (result, seconds) = match run() {
            Ok(run) => run,
            Err(error) => return self.unraced(known, &format!("they cannot be timed: {error}")),
        };
        tell(gpu, &result, known);
        let Some(variant) = result.variant else {
            return self.unraced(&faults(&result), "no other passes its check");
        };
        tracing::debug!(
            "kernels: {variant}, timed in {:.2} s, {seconds:.2} s with compilation and checks",
            result.spent
        );
        let milliseconds = milliseconds(&result.timings);
        self.cache.keep(CachedRace { key: self.key.clone(), variant, milliseconds });
        self.remember(result.right);
        Ok(Kernels { variant, chosen: Origin::Raced })
    }

    /// The preselected kernels all the same, where the device has no room for a check or a race; no kernel that is wrong.
    fn unraced(&self, known: &[Verdict], why: &str) -> Result<Kernels> {
        self.gpu.check()?;
        let wrong = |known: &&Verdict| matches!(known.1, Err(Fault::Wrong(_)));
        let wrong: Vec<String> =
            known.iter().filter(wrong).map(|(candidate, _)| candidate.to_string()).collect();
        if wrong.is_empty() {
            let variant = self.preselected;
            tracing::debug!("kernels: {variant}, by the kind of the adapter; {why}");
            return Ok(self.preselected(Origin::Preselected));
        }
        Err(Error::device(format!(
            "{}: no kernel is right for some product (wrong: {}; {why}); update the driver, or use `device` cpu",
            self.gpu.adapter.info.name,
            wrong.join(", ")
        )))
    }
}

fn remembered(entry: &CachedRace, cache: &Cache) -> Kernels {
    let times: Vec<String> =
        entry.milliseconds.iter().map(|(candidate, ms)| format!("{candidate} {ms:.3} ms")).collect();
    tracing::debug!("kernels, as timed earlier: {}", times.join(", "));
    tracing::debug!("kernels: {}, from {}", entry.variant, cache.name());
    Kernels { variant: entry.variant, chosen: Origin::Cached }
}

/// A warning of a kernel that cannot be trusted; one that the device refuses does no harm.
fn tell_fault(gpu: &Gpu, candidate: Candidate, fault: &Fault) {
    let name = &gpu.adapter.info.name;
    match fault {
        Fault::Wrong(why) => tracing::warn!(
            "{name}: kernel {candidate} is not used, it computes wrongly ({why}); update the driver, `rhohat verify` tells more"
        ),
        Fault::Refused(why) => tracing::debug!("{name} refuses kernel {candidate}: {why}"),
    }
}

/// The faults that were not known before, and a line a product.
fn tell(gpu: &Gpu, result: &RaceResult, known: &[Verdict]) {
    for Timing { candidate, status, .. } in &result.timings {
        match status {
            Status::Faulty(fault) if !known.iter().any(|(known, _)| known == candidate) => {
                tell_fault(gpu, *candidate, fault);
            }
            Status::Faulty(_) | Status::Final | Status::Slow | Status::Late => {}
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
        (Status::Faulty(Fault::Wrong(_)), _) => format!("{variant} wrong"),
        (Status::Faulty(Fault::Refused(_)), _) => format!("{variant} refused"),
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

/// The candidates of a race that are faulty.
fn faults(result: &RaceResult) -> Vec<Verdict> {
    let fault = |timing: &Timing| match &timing.status {
        Status::Faulty(fault) => Some((timing.candidate, Err(fault.clone()))),
        Status::Final | Status::Slow | Status::Late => None,
    };
    result.timings.iter().filter_map(fault).collect()
}
