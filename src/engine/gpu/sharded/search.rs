//! L-BFGS over shards: vectors are worked on shard by shard, inner products are summed up over all, with b2, which
//! every shard has a copy of, counted once.
//!
//! A trial waits for Z3 and for J with the slope; to accept one waits for nothing, and the inner products of an
//! iteration, which have to go to the other ranks anyway, are taken when they are asked for.

use super::cost::CostSums;
use super::legs::Legs;
use super::pass::{Link, Pass};
use super::resident::{GpuShard, ShardedResident, cost_numbers};
use crate::engine::Rows;
use crate::engine::collective::Ranks;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::memory::buffer::{Tensor, staging};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::memory::segment::read_vector;
use crate::engine::gpu::ops::{axpy_uniform, linear_combination_uniform, sum_blocks};
use crate::engine::gpu::recording::{Commands, Recorder, Recording};
use crate::engine::gpu::step::lbfgs::merge;
use crate::engine::gpu::step::lbfgs::products::{MAX_PRODUCTS, ProductList, Products};
use crate::engine::gpu::step::lbfgs::recordings::{Uniforms, record_kept, record_products};
use crate::engine::gpu::step::lbfgs::vectors::{
    HistoryPiece, SearchVectors, is_shared, parts, piece_lengths,
};
use crate::engine::gpu::step::pass::{GradientTarget, Subject};
use crate::engine::gpu::step::resident::Report;
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::{Role, Trial};
use crate::math::params::Params;

/// A search: the vectors of each shard, and the recordings that work on those of all.
#[derive(Debug)]
pub(super) struct ShardedSearch {
    shards: Vec<ShardSearch>,
    /// direction ← Σ coefficient · vector.
    turn: Recording,
    /// The trial point.
    go: Recording,
    legs: Legs,
    slopes: Recording,
    keep: Recording,
    products: Recording,
    /// J with slopes, and inner products, are read back through it.
    staging: wgpu::Buffer,
    /// Whether the terms of the direction have been set and it has not been computed.
    turns: bool,
}

/// The vectors of a shard, and what is set before they are worked on.
#[derive(Debug)]
struct ShardSearch {
    vectors: SearchVectors,
    uniforms: Uniforms,
}

impl ShardSearch {
    /// Block sums of the slope, each part with whether other shards have it, too.
    fn slopes<'a>(&'a self, shard: &'a GpuShard) -> impl Iterator<Item = (bool, &'a Tensor)> {
        let shared = parts(&shard.partition).into_iter().map(|(_, part)| is_shared(&part));
        shared.zip(&self.vectors.slopes)
    }
}

impl ShardedSearch {
    /// Allocates and records everything for `history` pairs.
    pub fn new(on: &ShardedResident, history: usize) -> Result<Self> {
        let gpu: &Gpu = &on.gpu;
        let of_shard = |GpuShard { partition, .. }: &GpuShard| -> Result<ShardSearch> {
            let vectors = SearchVectors::new(gpu, partition, history)?;
            Ok(ShardSearch { uniforms: Uniforms::new(gpu, &vectors)?, vectors })
        };
        let shards = on.shards.iter().map(of_shard).collect::<Result<Vec<_>>>()?;
        let partitions = on.shards.iter().map(|shard| &shard.partition);
        let staging = staging(gpu, numbers_read(&on.largest, partitions, history))?;
        Ok(Self {
            turn: record(on, &shards, record_turn)?,
            go: record(on, &shards, record_go)?,
            legs: Legs::default(),
            slopes: record(on, &shards, record_slopes)?,
            keep: record(on, &shards, |recorder, on, ShardSearch { vectors, uniforms }| {
                record_kept(recorder, &on.params, vectors, uniforms)
            })?,
            products: record(on, &shards, |recorder, _, ShardSearch { vectors, uniforms }| {
                record_products(recorder, vectors, uniforms)
            })?,
            staging,
            shards,
            turns: false,
        })
    }

    /// J and the gradient at the parameters.
    pub fn begin(&mut self, on: &ShardedResident, link: Link<'_>) -> Result<Cost> {
        // A direction of zeros: the trial point is the current one. It has no slope.
        let (cost, _) = self.try_at(on, link, 0.0, false)?;
        self.accept(on, 0)?;
        Ok(cost)
    }

    /// J and slope at parameters + `step` · direction.
    pub fn evaluate(&mut self, on: &ShardedResident, link: Link<'_>, step: f64) -> Result<Trial> {
        let (cost, slope) = self.try_at(on, link, step, true)?;
        Ok(Trial { cost, slope })
    }

    fn try_at(
        &mut self,
        on: &ShardedResident,
        mut link: Link<'_>,
        step: f64,
        has_slope: bool,
    ) -> Result<(Cost, f64)> {
        let gpu: &Gpu = &on.gpu;
        let Self { shards, legs, .. } = self;
        for ShardSearch { vectors, uniforms } in &*shards {
            for (uniform, trial) in uniforms.step.iter().zip(&vectors.trial) {
                uniform.set(gpu, &axpy_uniform(trial.whole.len(), step, 1.0));
            }
        }
        let mut commands = Commands::new(gpu);
        if std::mem::take(&mut self.turns) {
            commands.run(&self.turn)?;
        }
        commands.run(&self.go)?;
        let mut subjects: Vec<Subject<'_>> = on.subjects();
        for (subject, ShardSearch { vectors, .. }) in subjects.iter_mut().zip(&*shards) {
            subject.weights = &vectors.trial;
            subject.gradient = Some(GradientTarget::Kept(&vectors.trial_gradient));
        }
        let pass = Pass { on, subjects, rows: Rows::All, place: on.place_of(Rows::All) };
        let (mut commands, errors) = legs.evaluate(&pass, &mut link, commands, true)?;
        let mut more = Vec::new();
        if has_slope {
            commands.run(&self.slopes)?;
            for (search, shard) in shards.iter().zip(&on.shards) {
                more.extend(search.slopes(shard).map(|(_, sums)| (sums, sums.cols)));
            }
        }
        let report = Report { staging: &self.staging, more: &more };
        let (sums, slopes) = CostSums::read(&pass, commands, errors, report)?;
        let slopes = if has_slope { self.sum_slopes(on, &slopes) } else { Vec::new() };
        let own: Vec<f64> = slopes.iter().map(|[own, _]| *own).collect();
        let (cost, sum) = sums.assemble(link.ranks, &own)?;
        let shared = slopes.first().map_or(0.0, |[_, shared]| *shared);
        Ok((cost, sum.unwrap_or_default() + shared))
    }

    /// The slope of each shard from its block sums: over its own numbers, and over b2.
    fn sum_slopes(&self, on: &ShardedResident, sums: &[f32]) -> Vec<[f64; 2]> {
        let (mut rest, mut slopes) = (sums, Vec::new());
        for (search, shard) in self.shards.iter().zip(&on.shards) {
            let mut of_shard = [0.0; 2];
            for (is_shared, sums) in search.slopes(shard) {
                let (part, others) = rest.split_at(sums.cols);
                of_shard[usize::from(is_shared)] += part.iter().map(|&x| f64::from(x)).sum::<f64>();
                rest = others;
            }
            slopes.push(of_shard);
        }
        slopes
    }

    /// Makes the last trial point the current one and keeps (s, y) in history slot `slot`.
    pub fn accept(&mut self, on: &ShardedResident, slot: usize) -> Result<()> {
        let mut commands = Commands::new(&on.gpu);
        for ShardSearch { vectors, uniforms } in &self.shards {
            uniforms.set_slot(&on.gpu, vectors, Some(slot));
        }
        commands.run(&self.keep)?;
        for (ShardSearch { vectors, .. }, shard) in self.shards.iter().zip(&on.shards) {
            vectors.adopted(&shard.params).iter().for_each(|(from, to)| commands.copy(from, to));
        }
        commands.submit()
    }

    /// x · y of every pair, summed up in f64 at the end.
    pub fn dots(
        &mut self,
        on: &ShardedResident,
        ranks: &mut Ranks,
        pairs: &[(Role, Role)],
    ) -> Result<Vec<f64>> {
        let index = |role| self.shards[0].vectors.index(role);
        let pairs: Vec<_> = pairs.iter().map(|&(x, y)| (index(x), index(y))).collect();
        let lists = ProductList::of(&pairs).into_iter().map(|list| self.take(on, &list));
        let taken = lists.collect::<Result<Vec<_>>>()?;
        // Of a shard, over the pieces that are shared or over those that are not.
        let sums = |v: usize, shared: bool| -> Vec<f64> {
            let pieces = self.shards[v].vectors.pieces.iter().enumerate();
            let pieces: Vec<_> = pieces.filter(|(_, piece)| piece.is_shared() == shared).collect();
            let product = |pair, piece: usize| taken.iter().find_map(|list| list[v][piece].get(pair));
            let sum = |&pair| pieces.iter().filter_map(|&(piece, _)| product(pair, piece)).sum();
            pairs.iter().map(sum).collect()
        };
        let own = ranks.numbers((0..self.shards.len()).map(|v| sums(v, false)))?;
        Ok(own.into_iter().zip(sums(0, true)).map(|(sum, shared)| sum + shared).collect())
    }

    /// The inner products of a list, piece by piece of each shard.
    fn take(&self, on: &ShardedResident, list: &ProductList) -> Result<Vec<Vec<Products>>> {
        let len = |piece: &HistoryPiece| list.len() * piece.sums();
        let mut parts = Vec::new();
        for ShardSearch { vectors, uniforms } in &self.shards {
            uniforms.set_list(&on.gpu, vectors, list);
            parts.extend(vectors.pieces.iter().map(|piece| (&piece.dots, len(piece))));
        }
        let mut commands = Commands::new(&on.gpu);
        commands.run(&self.products)?;
        let sums = commands.read(&self.staging, &parts)?;
        let mut rest = &sums[..];
        let mut of_piece = |piece: &HistoryPiece| {
            let (own, others) = rest.split_at(len(piece));
            rest = others;
            list.clone().sum_up([piece.sums()], own)
        };
        let mut of_shard =
            |ShardSearch { vectors, .. }: &ShardSearch| vectors.pieces.iter().map(&mut of_piece).collect();
        Ok(self.shards.iter().map(&mut of_shard).collect())
    }

    /// direction ← Σ coefficient · vector, with the next trial.
    pub fn set_direction(&mut self, on: &ShardedResident, terms: &[(f64, Role)]) {
        for ShardSearch { vectors, uniforms } in &self.shards {
            let terms = merge(terms.iter().map(|&(c, role)| (c, vectors.index(role))));
            for (piece, uniform) in vectors.pieces.iter().zip(&uniforms.terms) {
                uniform.set(&on.gpu, &linear_combination_uniform(piece.len(), &terms));
            }
        }
        self.turns = true;
    }

    /// A kept vector of a shard.
    pub fn read(&self, on: &ShardedResident, v: usize, role: Role) -> Result<Params<f32>> {
        let vectors = &self.shards[v].vectors;
        vectors.bring(&on.gpu, role)?;
        read_vector(&on.gpu, &vectors.trial, on.shards[v].partition.shape)
    }

    /// Puts a kept vector of a shard where it was.
    pub fn write(&self, on: &ShardedResident, v: usize, role: Role, tensors: &Params<f32>) -> Result<()> {
        self.shards[v].vectors.write(&on.gpu, role, tensors)
    }
}

/// Most numbers that a search reads back at once: J with slopes, or inner products.
pub(super) fn numbers_read<'a>(
    largest: &Partition,
    shards: impl Iterator<Item = &'a Partition> + Clone,
    history: usize,
) -> usize {
    let slopes = shards.clone().flat_map(parts).map(|(_, part)| sum_blocks(part.len()));
    let pieces = shards.clone().flat_map(|shard| piece_lengths(shard, history));
    let products = pieces.map(|len| MAX_PRODUCTS * sum_blocks(len));
    products.sum::<usize>().max(cost_numbers(largest, shards) + slopes.sum::<usize>())
}

/// Records the same of every shard.
fn record(
    on: &ShardedResident,
    searches: &[ShardSearch],
    of_shard: impl Fn(&mut Recorder<'_>, &GpuShard, &ShardSearch) -> Result<()>,
) -> Result<Recording> {
    let mut recorder = on.recorder();
    on.shards.iter().zip(searches).try_for_each(|(shard, search)| of_shard(&mut recorder, shard, search))?;
    recorder.finish()
}

fn record_turn(
    recorder: &mut Recorder<'_>,
    _: &GpuShard,
    ShardSearch { vectors, uniforms }: &ShardSearch,
) -> Result<()> {
    for (piece, terms) in vectors.pieces.iter().zip(&uniforms.terms) {
        recorder.linear_combination_live(&piece.stack, &piece.of(&vectors.direction), terms)?;
    }
    Ok(())
}

fn record_go(
    recorder: &mut Recorder<'_>,
    shard: &GpuShard,
    ShardSearch { vectors, uniforms }: &ShardSearch,
) -> Result<()> {
    for (k, trial) in vectors.trial.iter().enumerate() {
        let (direction, params) = (&vectors.direction[k].whole, &shard.params[k].whole);
        recorder.axpy_live(direction, params, &trial.whole, &uniforms.step[k])?;
    }
    Ok(())
}

fn record_slopes(
    recorder: &mut Recorder<'_>,
    shard: &GpuShard,
    ShardSearch { vectors, .. }: &ShardSearch,
) -> Result<()> {
    for ((k, part), sums) in parts(&shard.partition).into_iter().zip(&vectors.slopes) {
        let [gradient, direction] = [&vectors.trial_gradient, &vectors.direction]
            .map(|vector| Tensor::vector_at(&vector[k].whole.buffer, part.start, part.len()));
        recorder.dot(&gradient, &direction, sums, 0)?;
    }
    Ok(())
}
