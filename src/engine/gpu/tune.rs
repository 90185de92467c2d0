//! Chooses the kernels for a shape: as they were forced, as an earlier race has found, by a race among those that are
//! right, or by the kind of the adapter.
//!
//! Software adapters are not raced unless asked for: their order is known, and every kernel takes a second to compile.
//! [`race`](mod@race) is the race, [`course`] what is timed, [`cache`] what is remembered.

pub mod cache;
pub mod course;
pub mod race;

use std::collections::BTreeMap;

use serde::Serialize;

use super::device::Gpu;
use super::kernel::variant::Variant;
use super::memory::layout::Layout;
use crate::engine::Cut;
use crate::error::{Error, Result};
use crate::math::params::Shape;
use cache::{Cache, Entry, Key};
use course::{Piece, Products};
use race::{Course, FORMS, Finish, Lap, Place, race};

/// What may be done for the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tune {
    /// What the cache knows; else a race, or on a software adapter the choice by kind.
    #[default]
    Auto,
    /// The choice by kind; the cache is neither read nor written.
    Never,
    /// A race, whatever the cache knows.
    Always,
}

/// Where a choice comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// By `--force-variant` or a configuration.
    Forced,
    /// By the kind of the adapter.
    Preselected,
    /// By an earlier race.
    Cached,
    /// By a race.
    Raced,
}

/// The kernels of a run, and where the choice comes from; part of `env.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kernels {
    /// Their names.
    pub variant: Variant,
    /// Who chose them.
    pub chosen: Origin,
}

/// The work that kernels are chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Visible and hidden units.
    pub shape: Shape,
    /// Examples held.
    pub examples: usize,
    /// Rows of an update; `None` for all.
    pub batch: Option<usize>,
    /// How the work is cut.
    pub cut: Cut,
}

impl Job {
    /// The product that the kernels have to be fast at.
    fn piece(&self, layout: &Layout) -> Piece {
        let rows = layout.chunk.min(self.batch.unwrap_or(self.examples)).min(self.examples);
        Piece { visible: self.shape.visible, hidden: layout.widest_block(), rows }
    }
}

/// Chooses the kernels of `gpu` for a job; recordings are made of them from now on.
///
/// # Errors
/// [`Error::Device`] when a product has no kernel that computes it rightly, or the job does not fit the device.
pub fn choose(gpu: &Gpu, job: &Job, how: Tune, cache: &Cache) -> Result<Kernels> {
    let preselected = Kernels { variant: Variant::preselected(gpu), chosen: Origin::Preselected };
    let kernels = if how == Tune::Never {
        tracing::debug!("kernels: {}, by the kind of the adapter", preselected.variant);
        preselected
    } else {
        let layout = Layout::new(gpu, job.shape, job.examples, job.cut)?;
        let piece = job.piece(&layout);
        let key = Key::of(&gpu.adapter, piece);
        let known =
            cache.find(&key).filter(|entry| how == Tune::Auto && entry.variant.refusal(gpu).is_none());
        match known {
            Some(entry) => remembered(&entry, cache),
            None if how == Tune::Auto && gpu.adapter.is_software() => {
                tracing::debug!(
                    "kernels: {}, by the kind of the adapter; --retune times others too",
                    preselected.variant
                );
                preselected
            }
            None => raced(gpu, &layout, piece, key, cache)?.unwrap_or(preselected),
        }
    };
    gpu.force(kernels.variant)?;
    Ok(kernels)
}

fn remembered(entry: &Entry, cache: &Cache) -> Kernels {
    let times: Vec<String> =
        entry.milliseconds.iter().map(|(lane, ms)| format!("{lane} {ms:.3} ms")).collect();
    tracing::debug!("kernels, as timed earlier: {}", times.join(", "));
    tracing::debug!("kernels: {}, from {}", entry.variant, cache.name());
    Kernels { variant: entry.variant, chosen: Origin::Cached }
}

/// Races and remembers; `None` when the device has no room for it.
fn raced(gpu: &Gpu, layout: &Layout, piece: Piece, key: Key, cache: &Cache) -> Result<Option<Kernels>> {
    let favourite = Variant::preselected(gpu);
    let run = || {
        let mut products = Products::new(gpu, layout, piece)?;
        let finish = race(&mut products, &Variant::supported(gpu), favourite)?;
        Ok((finish, products.elapsed()))
    };
    let (finish, seconds) = match run() {
        Ok(run) => run,
        Err(error) => {
            gpu.check()?;
            let why: Error = error;
            tracing::debug!("kernels: {favourite}, by the kind of the adapter; they cannot be timed: {why}");
            return Ok(None);
        }
    };
    tell(gpu, &finish);
    let Some(variant) = finish.variant else { return Err(all_wrong(gpu, &finish.laps)) };
    tracing::debug!(
        "kernels: {variant}, timed in {:.2} s, {seconds:.2} s with compilation and checks",
        finish.spent
    );
    cache.keep(Entry { key, variant, milliseconds: milliseconds(&finish.laps) });
    Ok(Some(Kernels { variant, chosen: Origin::Raced }))
}

/// A line a product, and a warning for each kernel that cannot be trusted.
fn tell(gpu: &Gpu, finish: &Finish) {
    for Lap { lane, place, .. } in &finish.laps {
        if let Place::Wrong(why) = place {
            tracing::warn!(
                "{}: kernel {lane} is not used, it computes wrongly ({why}); update the driver, `rhohat verify` tells more",
                gpu.adapter.info.name
            );
        }
    }
    for (form, _) in FORMS {
        let mut laps: Vec<&Lap> = finish.laps.iter().filter(|lap| lap.lane.form == form).collect();
        laps.sort_by(|a, b| order(a).total_cmp(&order(b)));
        let words: Vec<String> = laps.into_iter().map(words).collect();
        tracing::debug!("kernels for {}: {}", race::name(form), words.join(", "));
    }
}

/// Those of the final first, the fastest before the others.
fn order(lap: &Lap) -> f64 {
    let later = if lap.place == Place::Final { 0.0 } else { 1e6 };
    later + lap.seconds.unwrap_or(1e9)
}

fn words(lap: &Lap) -> String {
    let variant = lap.lane.variant();
    match (&lap.place, lap.seconds) {
        (Place::Wrong(_), _) => format!("{variant} wrong"),
        (Place::Final, Some(seconds)) => format!("{variant} {:.3} ms", 1e3 * seconds),
        (Place::Slow, Some(seconds)) => {
            format!("{variant} dropped early at {:.3} ms", 1e3 * seconds)
        }
        (Place::Late | Place::Final | Place::Slow, _) => format!("{variant} not timed, no time left"),
    }
}

fn milliseconds(laps: &[Lap]) -> BTreeMap<String, f64> {
    let in_final = laps.iter().filter(|lap| lap.place == Place::Final);
    let rounded = |seconds: f64| (1e7 * seconds).round() / 1e4;
    in_final.filter_map(|lap| Some((lap.lane.to_string(), rounded(lap.seconds?)))).collect()
}

fn all_wrong(gpu: &Gpu, laps: &[Lap]) -> Error {
    let wrong: Vec<String> = laps
        .iter()
        .filter(|lap| matches!(lap.place, Place::Wrong(_)))
        .map(|lap| lap.lane.to_string())
        .collect();
    Error::device(format!(
        "{}: no kernel is right for some product (wrong: {}); update the driver, or use --device cpu",
        gpu.adapter.info.name,
        wrong.join(", ")
    ))
}
