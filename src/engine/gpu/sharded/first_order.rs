//! SGD and Adam over shards: their state, and the legs of their steps.

use super::cost::CostSums;
use super::full::gradients;
use super::legs::Legs;
use super::pass::{Link, Pass};
use super::resident::{GpuShard, ShardedResident, shard_vector};
use crate::engine::gpu::memory::allocation::allocate;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::segment::Segment;
use crate::engine::gpu::ops::AppliedEnd;
use crate::engine::gpu::recording::{Commands, Recording, Uploads};
use crate::engine::gpu::step::examples::DeviceRows;
use crate::engine::gpu::step::finiteness::FinitenessCheck;
use crate::engine::gpu::step::first_order::{FirstOrder, ends, upload_size};
use crate::engine::gpu::step::list::BatchList;
use crate::engine::gpu::step::pass::{GradientTarget, RhoHatTarget, Subject};
use crate::engine::gpu::step::rates::Rates;
use crate::engine::{Rows, Step, Update};
use crate::error::Result;
use crate::math::objective::{Cost, RhoHatMode};

/// The state of SGD and Adam, shard by shard.
#[derive(Debug)]
pub(super) struct ShardedFirstOrder {
    /// For updates over several chunks, whose gradients are added up before the optimiser takes them.
    gradient: Option<Vec<Vec<Segment>>>,
    /// Of each shard the velocity of SGD, or first and second moment of Adam: as many as have been used.
    pub moments: Vec<Vec<Vec<Segment>>>,
    /// ρ̂ of the moving average, of each shard one tensor a block.
    pub average: Vec<Vec<Tensor>>,
    /// Whether a batch has started it.
    pub averaging: bool,
    /// Indices and gathered rows of mini-batches of resident examples.
    list: Option<BatchList>,
    /// Values that are set before each step.
    rates: Rates,
    uploads: Uploads,
    /// Of the moments.
    finiteness: Option<FinitenessCheck>,
    steps: Vec<(StepKey, StepLegs)>,
}

/// The key of a step's recordings.
#[derive(Clone, Copy, Debug, PartialEq)]
struct StepKey {
    /// Length of the list, `None` for all examples in place.
    listed: Option<usize>,
    adam: bool,
    /// Whether J is asked for.
    report: bool,
}

/// What a step runs: its pass, and behind it the optimiser on gradients that were added up.
#[derive(Debug)]
struct StepLegs {
    legs: Legs,
    apply: Option<Recording>,
}

impl ShardedFirstOrder {
    /// Zeroed state, without moments.
    pub fn new(on: &ShardedResident) -> Result<Self> {
        let average = |GpuShard { partition, .. }: &GpuShard| -> Result<Vec<Tensor>> {
            let [average] = allocate(&on.gpu, [FirstOrder::average(partition)])?;
            Ok(average)
        };
        Ok(Self {
            gradient: None,
            moments: vec![Vec::new(); on.shards.len()],
            average: on.shards.iter().map(average).collect::<Result<_>>()?,
            averaging: false,
            list: None,
            rates: Rates::new(&on.gpu)?,
            // Every step is submitted before the next begins.
            uploads: Uploads::new(&on.gpu, 1, upload_size(0))?,
            finiteness: None,
            steps: Vec::new(),
        })
    }

    /// Makes sure that there are so many moments; new ones are 0.
    pub fn use_moments(&mut self, on: &ShardedResident, count: usize) -> Result<()> {
        for (moments, GpuShard { partition, .. }) in self.moments.iter_mut().zip(&on.shards) {
            while moments.len() < count {
                moments.push(shard_vector(&on.gpu, partition, FirstOrder::moment(partition))?);
                self.finiteness = None;
            }
        }
        Ok(())
    }

    /// Whether the moments of this rank are finite.
    pub fn is_finite(&mut self, on: &ShardedResident) -> Result<bool> {
        if self.moments[0].is_empty() {
            return Ok(true);
        }
        let check = match &mut self.finiteness {
            Some(check) => check,
            none => {
                let segments = self.moments.iter().flatten().flatten();
                none.insert(FinitenessCheck::new(&on.gpu, &on.largest, segments)?)
            }
        };
        check.passes(&on.gpu)
    }

    /// Makes room for what an update takes. Whatever can be refused is refused here, before any command of it.
    fn make_room(&mut self, on: &ShardedResident, step: &Step<'_>) -> Result<StepKey> {
        let adam = matches!(step.update, Update::Adam { .. });
        let listed = match step.rows {
            Rows::All => None,
            Rows::Listed(list) => {
                if on.rows.are_resident() && self.list.as_ref().is_none_or(|room| !room.holds(list.len())) {
                    // Recordings of shorter lists bind the room before, and are made again.
                    self.steps.retain(|(key, _)| key.listed.is_none());
                    self.list = None;
                    self.list = Some(BatchList::new(&on.gpu, &on.largest, list.len())?);
                }
                Some(list.len())
            }
        };
        self.use_moments(on, if adam { 2 } else { 1 })?;
        if self.gradient.is_none() && on.largest.chunks(on.rows_of(step.rows)).len() > 1 {
            self.gradient = Some(gradients(on)?);
        }
        let size = upload_size(self.list.as_ref().map_or(0, BatchList::most));
        if !self.uploads.hold(1, size) {
            self.uploads = Uploads::new(&on.gpu, 1, size)?;
        }
        Ok(StepKey { listed, adam, report: step.report })
    }

    /// One update. The cost before it comes back if the step asks for it.
    pub fn step(
        &mut self,
        on: &ShardedResident,
        mut link: Link<'_>,
        step: &Step<'_>,
    ) -> Result<Option<Cost>> {
        let key = self.make_room(on, step)?;
        let mut commands = Commands::new(&on.gpu);
        let is_average = on.rho_hat.mode == RhoHatMode::Ema;
        let decay = if is_average && self.averaging { on.rho_hat.decay } else { 0.0 };
        self.averaging = true;
        self.uploads.begin_step();
        self.rates.set_penalty((&mut self.uploads, &mut commands), step.beta, decay);
        self.rates.set_update((&mut self.uploads, &mut commands), &step.update);
        let place = match (&on.rows, step.rows, &self.list) {
            (DeviceRows::Resident(parts), Rows::Listed(list), Some(room)) => {
                room.upload((&mut self.uploads, &mut commands), &on.largest, list);
                room.rows(parts, list.len())
            }
            _ => on.place_of(step.rows),
        };
        let Self { gradient, moments, average, rates, steps, .. } = self;
        let ends: Vec<Vec<AppliedEnd<'_>>> = (on.shards.iter().zip(&*moments))
            .map(|(shard, moments)| ends(&shard.params, moments, rates, key.adam))
            .collect();
        let gradient = gradient.as_deref().filter(|_| on.largest.chunks(place.count()).len() > 1);
        let mut subjects = on.subjects();
        for (v, subject) in subjects.iter_mut().enumerate() {
            let target = match gradient {
                Some(gradient) => GradientTarget::Kept(&gradient[v]),
                None => GradientTarget::Applied(&ends[v]),
            };
            *subject = of_step(subject, (on, step), target, (rates, &average[v]));
        }
        let pass = Pass { on, subjects, rows: step.rows, place };
        let at = match steps.iter().position(|(made, _)| *made == key) {
            Some(at) => at,
            None => {
                let apply = gradient.map(|gradient| record_apply(on, gradient, &ends)).transpose()?;
                steps.push((key, StepLegs { legs: Legs::default(), apply }));
                steps.len() - 1
            }
        };
        let StepLegs { legs, apply } = &mut steps[at].1;
        let (mut commands, errors) = legs.evaluate(&pass, &mut link, commands, step.report)?;
        if let Some(apply) = apply {
            commands.run(apply)?;
        }
        if !step.report {
            commands.submit()?;
            return Ok(None);
        }
        let (sums, _) = CostSums::read(&pass, commands, errors, on.report())?;
        Ok(Some(sums.assemble(link.ranks, &[])?.0))
    }
}

/// A shard, evaluated for a step: with its β, and with the ρ̂ of the mode.
fn of_step<'a>(
    subject: &Subject<'a>,
    (on, step): (&ShardedResident, &Step<'_>),
    target: GradientTarget<'a>,
    (rates, average): (&'a Rates, &'a [Tensor]),
) -> Subject<'a> {
    let rho_hat = match on.rho_hat.mode {
        RhoHatMode::Ema => average,
        RhoHatMode::Exact | RhoHatMode::Batch => subject.rho_hat.rho_hat,
    };
    Subject {
        objective: on.objective.with_beta(step.beta),
        gradient: Some(target),
        sums_weights: step.report,
        rho_hat: RhoHatTarget { rho_hat, rates: rates.penalty() },
        ..*subject
    }
}

/// The optimiser on gradients that were added up over chunks.
fn record_apply(
    on: &ShardedResident,
    gradient: &[Vec<Segment>],
    ends: &[Vec<AppliedEnd<'_>>],
) -> Result<Recording> {
    let mut recorder = on.recorder();
    for (gradient, ends) in gradient.iter().zip(ends) {
        for (gradient, &end) in gradient.iter().zip(ends) {
            recorder.apply_gradient(&gradient.whole, gradient.layout, end)?;
        }
    }
    recorder.finish()
}
