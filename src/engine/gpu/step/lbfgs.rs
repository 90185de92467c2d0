//! L-BFGS on the device: trial points, inner products and combinations without reading a vector back. The recordings
//! work on `vectors`.

mod vectors;

use crate::engine::Rows;
use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::kernel::{AxpyUniform, DotUniform, LinearCombinationUniform, MAX_LIST};
use crate::engine::gpu::memory::allocation::Allocation;
use crate::engine::gpu::memory::buffer::{read_parts, staging};
use crate::engine::gpu::memory::partition::Partition;
use crate::engine::gpu::ops::{axpy_uniform, dots_uniform, linear_combination_uniform};
use crate::engine::gpu::plan::Planner;
use crate::engine::gpu::recording::{LiveUniform, Recorder, Recording};
use crate::engine::gpu::step::evaluate::{Evaluation, PLANNED_ROWS};
use crate::engine::gpu::step::fetch::Fetcher;
use crate::engine::gpu::step::pass::{GradientTarget, Subject};
use crate::engine::gpu::step::resident::Resident;
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::{Role, Trial};
use crate::math::params::Params;
use vectors::{HistoryPiece, SearchVectors, copy_all};

/// A search of L-BFGS: its vectors, and the recordings that work on them.
#[derive(Debug)]
pub(crate) struct LbfgsSearch {
    vectors: SearchVectors,
    /// Step length of the trial, one uniform a segment.
    step: Vec<LiveUniform>,
    /// Vectors whose inner products are taken, one uniform a piece.
    pairs: Vec<LiveUniform>,
    /// Vectors and coefficients of the direction, one uniform a piece.
    terms: Vec<LiveUniform>,
    /// Trial point, J and gradient there, slope.
    evaluation: Evaluation,
    /// Keeping (s, y), one a history slot.
    accept: Vec<Recording>,
    products: Recording,
    combine: Recording,
    /// Inner products are read back through it.
    staging: wgpu::Buffer,
}

impl LbfgsSearch {
    /// Allocates and records everything for `history` pairs.
    pub fn new(on: &Resident, history: usize) -> Result<Self> {
        let gpu: &Gpu = &on.gpu;
        let vectors = SearchVectors::new(gpu, &on.partition, history)?;
        let of_pieces = |new: fn(&Gpu, &str) -> Result<LiveUniform>, name| {
            vectors.pieces.iter().map(|_| new(gpu, name)).collect::<Result<Vec<_>>>()
        };
        let (pairs, terms) = (
            of_pieces(LiveUniform::new::<DotUniform>, "pairs")?,
            of_pieces(LiveUniform::new::<LinearCombinationUniform>, "terms")?,
        );
        let step = vectors.trial.iter().map(|_| LiveUniform::new::<AxpyUniform>(gpu, "step"));
        let step = step.collect::<Result<Vec<_>>>()?;
        let staging = staging(gpu, vectors.pieces.iter().map(|piece| piece.dots.cols).sum())?;
        Ok(Self {
            evaluation: record_evaluation(on, &vectors, &step)?,
            accept: (0..history).map(|slot| record_acceptance(on, &vectors, slot)).collect::<Result<_>>()?,
            products: record_products(on, &vectors, &pairs)?,
            combine: record_combination(on, &vectors, &terms)?,
            vectors,
            step,
            pairs,
            terms,
            staging,
        })
    }

    /// The tensors of a search of `history` pairs.
    pub fn allocations(partition: &Partition, history: usize) -> [Allocation; 7] {
        SearchVectors::allocations(partition, history)
    }

    /// Adds its vectors and recordings to a plan.
    pub fn describe(&self, on: &Resident, planner: &mut Planner) -> Result<()> {
        let vectors = &self.vectors;
        for (name, uniforms) in [("step", &self.step), ("pairs", &self.pairs), ("terms", &self.terms)] {
            planner.uniforms(name, uniforms);
        }
        planner.tensors("slopes", &vectors.slopes);
        planner.tensors("history", vectors.pieces.iter().map(|piece| &piece.stack));
        planner.tensors("inner products", vectors.pieces.iter().map(|piece| &piece.dots));
        planner.vector("direction ", &vectors.direction);
        planner.vector("trial ", &vectors.trial);
        planner.vector("trial gradient ", &vectors.trial_gradient);
        planner.recording("lbfgs evaluate", self.evaluation.resident().expect(PLANNED_ROWS))?;
        planner.recording("lbfgs products", &self.products)?;
        planner.recording("lbfgs direction", &self.combine)?;
        for (slot, accept) in self.accept.iter().enumerate() {
            planner.recording(&format!("lbfgs accept {slot}"), accept)?;
        }
        planner.copies("lbfgs begin", vectors.adopted_gradient());
        planner.copies("lbfgs accept", vectors.adopted(&on.params));
        Ok(())
    }

    /// J and the gradient at the parameters.
    pub fn begin(&mut self, (on, fetcher): (&Resident, Option<&mut Fetcher>)) -> Result<Cost> {
        // A direction of zeros: the trial point is the current one.
        let Trial { cost, .. } = self.evaluate((on, fetcher), 0.0)?;
        copy_all(&on.gpu, &self.vectors.adopted_gradient())?;
        Ok(cost)
    }

    /// J and slope at parameters + `step` · direction.
    pub fn evaluate(&mut self, (on, fetcher): (&Resident, Option<&mut Fetcher>), step: f64) -> Result<Trial> {
        let Self { vectors, evaluation, .. } = self;
        for (uniform, trial) in self.step.iter().zip(&vectors.trial) {
            uniform.set(&on.gpu, &axpy_uniform(trial.whole.len(), step, 1.0));
        }
        let subject = subject(on, vectors);
        let read = evaluation.run((on, fetcher), subject, Rows::All, true, &vectors.slopes)?;
        let (cost, slopes) = read.expect("the cost was asked for");
        Ok(Trial { cost, slope: slopes.iter().map(|&x| f64::from(x)).sum() })
    }

    /// Makes the last trial point the current one and keeps (s, y) in history slot `slot`.
    pub fn accept(&self, on: &Resident, slot: usize) -> Result<()> {
        self.accept[slot].run(&on.gpu)?;
        copy_all(&on.gpu, &self.vectors.adopted(&on.params))
    }

    /// x · y of every pair, summed up in f64 at the end.
    pub fn dots(&self, on: &Resident, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        let index = |slot| self.vectors.index(slot);
        let pairs: Vec<_> = pairs.iter().map(|&(x, y)| (index(x), index(y))).collect();
        let batches = pairs.chunks(MAX_LIST).map(|batch| self.read_products(on, batch));
        Ok(batches.collect::<Result<Vec<_>>>()?.concat())
    }

    /// Inner products of at most [`MAX_LIST`] pairs.
    fn read_products(&self, on: &Resident, pairs: &[(usize, usize)]) -> Result<Vec<f64>> {
        let pieces = &self.vectors.pieces;
        for (piece, live) in pieces.iter().zip(&self.pairs) {
            live.set(&on.gpu, &dots_uniform(piece.len(), pairs, 0));
        }
        self.products.run(&on.gpu)?;
        let sums = |piece: &HistoryPiece| pairs.len() * piece.sums();
        let parts: Vec<_> = pieces.iter().map(|piece| (&piece.dots, sums(piece))).collect();
        let read = read_parts(&on.gpu, &self.staging, &parts)?;

        let mut products = vec![0.0; pairs.len()];
        let mut rest = &read[..];
        for piece in pieces {
            let (sums, later) = rest.split_at(sums(piece));
            for (product, sums) in products.iter_mut().zip(sums.chunks_exact(piece.sums())) {
                *product += sums.iter().map(|&x| f64::from(x)).sum::<f64>();
            }
            rest = later;
        }
        Ok(products)
    }

    /// direction ← Σ coefficient · vector.
    pub fn set_direction(&self, on: &Resident, terms: &[(f64, Role)]) -> Result<()> {
        let terms = merge(terms.iter().map(|&(c, slot)| (c, self.vectors.index(slot))));
        for (piece, live) in self.vectors.pieces.iter().zip(&self.terms) {
            live.set(&on.gpu, &linear_combination_uniform(piece.len(), &terms));
        }
        self.combine.run(&on.gpu)
    }

    /// A kept vector.
    pub fn read(&self, on: &Resident, slot: Role) -> Result<Params<f32>> {
        self.vectors.read(&on.gpu, on.partition.shape, slot)
    }

    /// Puts a kept vector where it was.
    pub fn write(&self, on: &Resident, slot: Role, tensors: &Params<f32>) -> Result<()> {
        self.vectors.write(&on.gpu, slot, tensors)
    }
}

/// The trial point, with the exact ρ̂.
fn subject<'a>(on: &'a Resident, vectors: &'a SearchVectors) -> Subject<'a> {
    let gradient = Some(GradientTarget::Kept(&vectors.trial_gradient));
    Subject { weights: &vectors.trial, gradient, ..on.subject() }
}

/// Trial point, J and gradient there, slope.
fn record_evaluation(on: &Resident, vectors: &SearchVectors, step: &[LiveUniform]) -> Result<Evaluation> {
    let go_there = |recorder: &mut Recorder<'_>| {
        for (k, trial) in vectors.trial.iter().enumerate() {
            let (direction, params) = (&vectors.direction[k].whole, &on.params[k].whole);
            recorder.axpy_live(direction, params, &trial.whole, &step[k])?;
        }
        Ok(())
    };
    let take_slope = |recorder: &mut Recorder<'_>| {
        for (k, sums) in vectors.slopes.iter().enumerate() {
            let (gradient, direction) = (&vectors.trial_gradient[k].whole, &vectors.direction[k].whole);
            recorder.dot(gradient, direction, gradient.len(), &[(0, 0)], sums, 0)?;
        }
        Ok(())
    };
    Evaluation::record(on, subject(on, vectors), on.all_rows(), go_there, take_slope)
}

/// s = trial − parameters, y = trial gradient − gradient.
fn record_acceptance(on: &Resident, vectors: &SearchVectors, slot: usize) -> Result<Recording> {
    let mut recorder = on.partition.recorder(&on.gpu);
    let [s, y] = [Role::Step(slot), Role::Change(slot)].map(|slot| vectors.index(slot));
    for piece in &vectors.pieces {
        let (s, y) = (piece.stacked(s), piece.stacked(y));
        recorder.axpy(1.0, &piece.of(&vectors.trial), -1.0, &piece.of(&on.params), &s)?;
        let (after, before) = (piece.of(&vectors.trial_gradient), piece.of(vectors.gradient()));
        recorder.axpy(1.0, &after, -1.0, &before, &y)?;
    }
    recorder.finish()
}

fn record_products(on: &Resident, vectors: &SearchVectors, pairs: &[LiveUniform]) -> Result<Recording> {
    let mut recorder = on.partition.recorder(&on.gpu);
    for (piece, pairs) in vectors.pieces.iter().zip(pairs) {
        recorder.dot_live(&piece.stack, &piece.stack, piece.len(), MAX_LIST, &piece.dots, pairs)?;
    }
    recorder.finish()
}

fn record_combination(on: &Resident, vectors: &SearchVectors, terms: &[LiveUniform]) -> Result<Recording> {
    let mut recorder = on.partition.recorder(&on.gpu);
    for (piece, terms) in vectors.pieces.iter().zip(terms) {
        recorder.linear_combination_live(&piece.stack, &piece.of(&vectors.direction), terms)?;
    }
    recorder.finish()
}

/// Adds up the coefficients of a vector that is named several times.
fn merge(terms: impl Iterator<Item = (f64, usize)>) -> Vec<(f64, usize)> {
    let mut merged: Vec<(f64, usize)> = Vec::new();
    for (coefficient, vector) in terms {
        match merged.iter_mut().find(|(_, known)| *known == vector) {
            Some((sum, _)) => *sum += coefficient,
            None => merged.push((coefficient, vector)),
        }
    }
    merged
}
