//! Rows on their way through all shards of a rank: forward to the exchange and through the end behind it, and back.
//!
//! Shards take turns, each with all threads; what one needs for a while is lent from shard to shard.

use std::mem::{swap, take};

use rayon::prelude::*;

use super::output::Outputs;
use super::shard::{CpuShard, Goal};
use crate::engine::collective::{Ranks, Shards, TreeSum, VOTES, columns, of_units};
use crate::engine::cpu::buffer::{Buffer, width};
use crate::engine::cpu::forward::Until;
use crate::engine::cpu::update::GradientScale;
use crate::error::Result;
use crate::io::threads::Pool;
use crate::math::objective::Objective;
use crate::math::params::{Params, Shape};

/// Numbers that one task adds up.
const TASK: usize = 1 << 14;

/// The shards of a rank and the output layer that all ranks have.
#[derive(Debug)]
pub struct ShardLayers {
    pub objective: Objective,
    /// n, and h of all ranks.
    pub shape: Shape,
    pub cut: Shards,
    pub ranks: Ranks,
    pub shards: Vec<CpuShard>,
    pub outputs: Outputs,
    pub pool: Pool,
    /// A3, then δ3, `[rows, n]`, and room for votes.
    pub delta3: Buffer,
    tree: TreeSum<Buffer>,
    /// δ2 and Dᵀ of the shard at work.
    lent: [Buffer; 2],
}

impl ShardLayers {
    /// The shards of this rank, out of the parameters of all, in blocks of `block` units at most.
    pub fn new(
        objective: Objective,
        params: &Params<f32>,
        (ranks, cut, pool): (Ranks, Shards, Pool),
        block: usize,
    ) -> Self {
        let shard = |shard| CpuShard::new(objective, &of_units(params, &cut.units(shard)), block);
        Self {
            objective,
            shape: params.shape,
            cut,
            shards: ranks.own_shards().map(shard).collect(),
            ranks,
            outputs: Outputs::new(objective.output, params.shape.visible),
            pool,
            delta3: Buffer::default(),
            tree: TreeSum::default(),
            lent: [Buffer::default(), Buffer::default()],
        }
    }

    /// Takes the rows X `[count, n]` forward. There is an exchange unless it ends with the hidden layer.
    pub fn forward(&mut self, x: &[f32], count: usize, goal: Goal<'_>, until: Until) -> Result<()> {
        let of_shards = if until == Until::Hidden { Until::Hidden } else { Until::Output };
        let forward = |shard: &mut CpuShard, _| {
            let CpuShard { vectors, pass, .. } = shard;
            pass.forward(x, count, vectors.w(goal), of_shards);
        };
        self.each_shard(count, until != Until::Hidden, forward);
        if until == Until::Hidden { Ok(()) } else { self.finish(x, count, goal, until) }
    }

    /// A3 of `codes` `[count, h]`, dense.
    pub fn decode(&mut self, codes: &[f32], count: usize) -> Result<()> {
        let (hidden, cut) = (self.shape.hidden, self.cut);
        let decode = |shard: &mut CpuShard, number| {
            let CpuShard { vectors, pass, .. } = shard;
            pass.decode(&columns(codes, hidden, cut.units(number)), &vectors.params);
        };
        self.each_shard(count, true, decode);
        self.finish(&[], count, Goal::Gradient, Until::Output)
    }

    /// Back-propagates δ3 of the rows that went forward last.
    pub fn backward(&mut self, x: &[f32], count: usize, goal: Goal<'_>, scale: Option<GradientScale>) {
        let Self { shards, pool, delta3, lent, .. } = self;
        pool.install(|| {
            for shard in shards {
                swap(&mut shard.pass.a3, delta3);
                lend(shard, lent);
                shard.backward(x, count, goal, scale);
                lend(shard, lent);
                swap(&mut shard.pass.a3, delta3);
            }
        });
    }

    /// `work` of every shard, with its number among all; the parts of Z3 that it leaves are added up if they are `summed`.
    fn each_shard(&mut self, count: usize, summed: bool, work: impl Fn(&mut CpuShard, usize) + Send + Sync) {
        let len = count * width(self.shape.visible);
        let own = self.ranks.own_shards();
        let Self { shards, pool, delta3, tree, lent, .. } = self;
        tree.put_spare(take(delta3));
        pool.install(|| {
            for (shard, number) in shards.iter_mut().zip(own) {
                let mut z3 = tree.take_spare().unwrap_or_default();
                z3.reserve(len + VOTES);
                shard.pass.a3 = z3;
                lend(shard, lent);
                work(shard, number);
                lend(shard, lent);
                let z3 = take(&mut shard.pass.a3);
                if summed {
                    tree.push(z3, |sum, part| add(&mut sum[..len], &part[..len]));
                } else {
                    tree.put_spare(z3);
                }
            }
            if let Some(total) = tree.total(|sum, part| add(&mut sum[..len], &part[..len])) {
                *delta3 = total;
            }
        });
    }

    /// The exchange, and the end of the way forward.
    fn finish(&mut self, x: &[f32], count: usize, goal: Goal<'_>, until: Until) -> Result<()> {
        let len = count * width(self.shape.visible);
        self.ranks.outputs(&mut self.delta3[..len + VOTES])?;
        let Self { shards, outputs, pool, delta3, .. } = self;
        let b2 = &shards[0].vectors.w(goal)[shards[0].layout.b2()];
        pool.install(|| outputs.finish(&mut delta3[..len], x, b2, until));
        Ok(())
    }
}

/// Hands δ2 and Dᵀ to a shard, or takes them back.
fn lend(shard: &mut CpuShard, [delta2, decoder]: &mut [Buffer; 2]) {
    swap(&mut shard.pass.delta2, delta2);
    swap(&mut shard.pass.decoder, decoder);
}

/// sum ← sum + part, on all threads.
fn add(sum: &mut [f32], part: &[f32]) {
    sum.par_chunks_mut(TASK).zip(part.par_chunks(TASK)).for_each(|(sum, part)| {
        sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    });
}
