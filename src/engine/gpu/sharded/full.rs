//! Cost and gradient at the parameters.

use super::cost::CostSums;
use super::legs::Legs;
use super::pass::{Link, Pass};
use super::resident::{GpuShard, ShardedResident, shard_vector};
use crate::engine::Rows;
use crate::engine::gpu::memory::segment::{Segment, read_vector};
use crate::engine::gpu::recording::Commands;
use crate::engine::gpu::step::first_order::FirstOrder;
use crate::engine::gpu::step::pass::GradientTarget;
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::params::Params;

/// The recordings of both, and the gradient of each shard once it has been asked for.
#[derive(Debug, Default)]
pub(super) struct ShardedFull {
    cost: Legs,
    gradient: Option<(Vec<Vec<Segment>>, Legs)>,
}

impl ShardedFull {
    /// J over all examples or, where they are fetched, over `rows`.
    pub fn cost(&mut self, on: &ShardedResident, mut link: Link<'_>, rows: Rows<'_>) -> Result<Cost> {
        let pass = Pass { on, subjects: on.subjects(), rows, place: on.place_of(rows) };
        take(&mut self.cost, &pass, &mut link)
    }

    /// J over all examples, and its gradient of each shard.
    pub fn gradient(&mut self, on: &ShardedResident, mut link: Link<'_>) -> Result<(Cost, Vec<Params<f32>>)> {
        let (gradient, legs) = match &mut self.gradient {
            Some(made) => made,
            none => none.insert((gradients(on)?, Legs::default())),
        };
        let mut subjects = on.subjects();
        for (subject, gradient) in subjects.iter_mut().zip(&*gradient) {
            subject.gradient = Some(GradientTarget::Kept(gradient));
        }
        let pass = Pass { on, subjects, rows: Rows::All, place: on.place_of(Rows::All) };
        let cost = take(legs, &pass, &mut link)?;
        let read = |(segments, shard): (&Vec<Segment>, &GpuShard)| {
            read_vector(&on.gpu, segments, shard.partition.shape)
        };
        Ok((cost, gradient.iter().zip(&on.shards).map(read).collect::<Result<_>>()?))
    }
}

/// Room for the gradient of each shard.
pub(super) fn gradients(on: &ShardedResident) -> Result<Vec<Vec<Segment>>> {
    let gradient = |GpuShard { partition, .. }: &GpuShard| {
        shard_vector(&on.gpu, partition, FirstOrder::gradient(partition))
    };
    on.shards.iter().map(gradient).collect()
}

fn take(legs: &mut Legs, pass: &Pass<'_>, link: &mut Link<'_>) -> Result<Cost> {
    let (commands, errors) = legs.evaluate(pass, link, Commands::new(&pass.on.gpu), true)?;
    let (sums, _) = CostSums::read(pass, commands, errors, pass.on.report())?;
    Ok(sums.assemble(link.ranks, &[])?.0)
}
