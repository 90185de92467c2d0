//! The vectors of L-BFGS on the device: trial points, inner products and combinations without reading a vector back.
//!
//! The kept pairs and the gradient form one stack a piece, `[2·history + 1, piece]`, so that one dispatch takes all
//! inner products of an iteration and another the new direction. Pieces are parts of a block's segment, short enough
//! for the whole stack to be one binding.

use super::buffer::{SECTION, Tensor, bytes, storage};
use super::device::Gpu;
use super::engine::{GpuEngine, assemble_cost, staging};
use super::layout::Segment;
use super::ops::{axpy_uniform, combination_uniform, dots_uniform, sum_blocks};
use super::pass::{Examples, Pass, RhoHatTarget, cost_sums};
use super::recording::{LiveUniform, Recorder, Recording};
use super::uniform::{Axpy, Combination, Dots, MAX_LIST};
use crate::engine::{SearchSpace, Slot, Trial};
use crate::error::Result;
use crate::objective::Cost;

/// Everything that a search keeps.
#[derive(Debug)]
pub(super) struct Search {
    history: usize,
    direction: Vec<Segment>,
    trial: Vec<Segment>,
    trial_gradient: Vec<Segment>,
    gradient: Vec<Segment>,
    pieces: Vec<Piece>,
    /// Step length of the trial, one uniform a segment.
    step: Vec<LiveUniform>,
    /// Slopes along the direction, then inner products.
    dots: Tensor,
    staging: wgpu::Buffer,
    evaluate: Recording,
    /// One a history slot.
    accept: Vec<Recording>,
    products: Recording,
    combine: Recording,
}

/// A part of one segment with its stack of history vectors.
#[derive(Debug)]
struct Piece {
    segment: usize,
    first: usize,
    len: usize,
    /// s_0…, y_0…, gradient.
    stack: Tensor,
    pairs: LiveUniform,
    terms: LiveUniform,
}

impl Piece {
    /// This piece of a vector.
    fn of(&self, vector: &[Segment]) -> Tensor {
        Tensor::vector_at(&vector[self.segment].whole.buffer, self.first, self.len)
    }

    /// Vector `index` of the stack.
    fn stacked(&self, index: usize) -> Tensor {
        Tensor::vector_at(&self.stack.buffer, index * self.len, self.len)
    }
}

impl Search {
    fn new(engine: &GpuEngine, history: usize) -> Result<Self> {
        let (gpu, layout) = (&engine.gpu, &engine.layout);
        let vector = |name: &str| layout.vector(gpu, name);
        let (direction, trial) = (vector("direction")?, vector("trial")?);
        let (trial_gradient, gradient) = (vector("trial gradient")?, vector("gradient")?);
        let pieces = cut_pieces(gpu, &trial, 2 * history + 1, layout.limit)?;
        let step = trial.iter().map(|_| LiveUniform::new::<Axpy>(gpu, "step")).collect::<Result<Vec<_>>>()?;
        let inner_products: usize = pieces.iter().map(|piece| MAX_LIST * sum_blocks(piece.len)).sum();
        let slopes: usize = trial.iter().map(|segment| sum_blocks(segment.whole.len())).sum();
        let len = inner_products.max(slopes);
        let dots = Tensor::vector_at(&storage(gpu, "inner products", len)?, 0, len.next_multiple_of(4));
        let staging = staging(gpu, cost_sums(layout, engine.count()) + layout.shape.hidden + len)?;
        let mut search = Self {
            history,
            direction,
            trial,
            trial_gradient,
            gradient,
            pieces,
            step,
            dots,
            staging,
            evaluate: Recording::default(),
            accept: Vec::new(),
            products: Recording::default(),
            combine: Recording::default(),
        };
        search.evaluate = search.record_evaluation(engine)?;
        search.accept =
            (0..history).map(|slot| search.record_acceptance(engine, slot)).collect::<Result<_>>()?;
        search.products = search.record_products(gpu)?;
        search.combine = search.record_combination(gpu)?;
        Ok(search)
    }

    /// Trial point, J and gradient there, slope.
    fn record_evaluation(&self, engine: &GpuEngine) -> Result<Recording> {
        let mut recorder = Recorder::new(&engine.gpu);
        for (k, trial) in self.trial.iter().enumerate() {
            let (direction, params) = (&self.direction[k].whole, &engine.params[k].whole);
            recorder.axpy_live(direction, params, &trial.whole, &self.step[k])?;
        }
        Pass {
            recorder: &mut recorder,
            layout: &engine.layout,
            objective: &engine.objective,
            work: &engine.work,
            weights: &self.trial,
            examples: Examples::Resident(&engine.examples),
            rho_hat: RhoHatTarget { rho_hat: &engine.work.rho_hat, decay: 0.0 },
        }
        .gradient(&self.trial_gradient)?;
        let mut first = 0;
        for (gradient, direction) in self.trial_gradient.iter().zip(&self.direction) {
            let (gradient, direction) = (&gradient.whole, &direction.whole);
            recorder.dot(gradient, direction, gradient.len(), &[(0, 0)], &self.dots, first)?;
            first += sum_blocks(gradient.len());
        }
        recorder.finish()
    }

    /// s = trial − parameters, y = trial gradient − gradient.
    fn record_acceptance(&self, engine: &GpuEngine, slot: usize) -> Result<Recording> {
        let mut recorder = Recorder::new(&engine.gpu);
        for piece in &self.pieces {
            let s = piece.stacked(slot);
            let y = piece.stacked(self.history + slot);
            recorder.axpy(1.0, &piece.of(&self.trial), -1.0, &piece.of(&engine.params), &s)?;
            recorder.axpy(1.0, &piece.of(&self.trial_gradient), -1.0, &piece.of(&self.gradient), &y)?;
        }
        recorder.finish()
    }

    fn record_products(&self, gpu: &Gpu) -> Result<Recording> {
        let mut recorder = Recorder::new(gpu);
        for piece in &self.pieces {
            recorder.dot_live(&piece.stack, &piece.stack, piece.len, MAX_LIST, &self.dots, &piece.pairs)?;
        }
        recorder.finish()
    }

    fn record_combination(&self, gpu: &Gpu) -> Result<Recording> {
        let mut recorder = Recorder::new(gpu);
        for piece in &self.pieces {
            recorder.combine_live(&piece.stack, &piece.of(&self.direction), &piece.terms)?;
        }
        recorder.finish()
    }

    fn index(&self, slot: Slot) -> usize {
        match slot {
            Slot::Step(i) => i,
            Slot::Change(i) => self.history + i,
            Slot::Gradient => 2 * self.history,
            Slot::Direction => unreachable!("the direction is not in the stack"),
        }
    }

    /// Makes the trial gradient the current one.
    fn adopt_gradient(&self, encoder: &mut wgpu::CommandEncoder) {
        copy(encoder, &self.trial_gradient, &self.gradient);
        for piece in &self.pieces {
            let from = piece.of(&self.trial_gradient);
            let to = piece.stacked(2 * self.history);
            let (from_at, to_at) = (bytes(from.offset), bytes(to.offset));
            encoder.copy_buffer_to_buffer(&from.buffer, from_at, &to.buffer, to_at, bytes(piece.len));
        }
    }
}

fn copy(encoder: &mut wgpu::CommandEncoder, from: &[Segment], to: &[Segment]) {
    for (from, to) in from.iter().zip(to) {
        encoder.copy_buffer_to_buffer(&from.whole.buffer, 0, &to.whole.buffer, 0, bytes(from.whole.len()));
    }
}

/// Cuts every segment so that `height` vectors of a piece are one binding of at most `limit` numbers.
fn cut_pieces(gpu: &Gpu, vector: &[Segment], height: usize, limit: usize) -> Result<Vec<Piece>> {
    let longest = (limit / height / SECTION).max(1) * SECTION;
    let mut pieces = Vec::new();
    for (segment, whole) in vector.iter().map(|segment| &segment.whole).enumerate() {
        for first in (0..whole.len()).step_by(longest) {
            let len = longest.min(whole.len() - first);
            let stack = Tensor::vector_at(&storage(gpu, "history", height * len)?, 0, height * len);
            let pairs = LiveUniform::new::<Dots>(gpu, "pairs")?;
            let terms = LiveUniform::new::<Combination>(gpu, "terms")?;
            pieces.push(Piece { segment, first, len, stack, pairs, terms });
        }
    }
    Ok(pieces)
}

impl GpuEngine {
    fn searching(&self) -> &Search {
        self.search.as_ref().expect("begin_search comes first")
    }

    /// J and slope of the last trial, in one read-back.
    fn read_trial(&self) -> Result<Trial> {
        let search = self.searching();
        let sums = cost_sums(&self.layout, self.count());
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let mut end = 0;
        let mut fetch = |buffer: &wgpu::Buffer, len: usize| {
            encoder.copy_buffer_to_buffer(buffer, 0, &search.staging, bytes(end), bytes(len));
            end += len;
        };
        fetch(&self.work.sums.buffer, sums);
        self.work.rho_hat.iter().for_each(|rho_hat| fetch(&rho_hat.buffer, rho_hat.cols));
        let slopes: usize = search.trial.iter().map(|segment| sum_blocks(segment.whole.len())).sum();
        fetch(&search.dots.buffer, slopes);
        self.gpu.submit(encoder)?;
        let read = self.gpu.read(&search.staging, bytes(end))?;
        let cost = assemble_cost(&self.objective, &self.layout, self.count(), &read);
        let slope = read[end - slopes..].iter().map(|&x| f64::from(x)).sum();
        Ok(Trial { cost, slope })
    }

    /// Inner products of at most [`MAX_LIST`] pairs.
    fn read_products(&self, pairs: &[(usize, usize)]) -> Result<Vec<f64>> {
        let search = self.searching();
        let mut first = 0;
        for piece in &search.pieces {
            piece.pairs.set(&self.gpu, &dots_uniform(piece.len, pairs, first));
            first += pairs.len() * sum_blocks(piece.len);
        }
        search.products.run(&self.gpu)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&search.dots.buffer, 0, &search.staging, 0, bytes(first));
        self.gpu.submit(encoder)?;
        let read = self.gpu.read(&search.staging, bytes(first))?;

        let mut products = vec![0.0; pairs.len()];
        let mut rest = &read[..];
        for piece in &search.pieces {
            let (sums, later) = rest.split_at(pairs.len() * sum_blocks(piece.len));
            for (product, sums) in products.iter_mut().zip(sums.chunks_exact(sum_blocks(piece.len))) {
                *product += sums.iter().map(|&x| f64::from(x)).sum::<f64>();
            }
            rest = later;
        }
        Ok(products)
    }
}

impl SearchSpace for GpuEngine {
    fn begin_search(&mut self, history: usize) -> Result<Cost> {
        self.search = Some(Search::new(self, history)?);
        // A direction of zeros: the trial point is the current one.
        let Trial { cost, .. } = self.evaluate(0.0)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        self.searching().adopt_gradient(&mut encoder);
        self.gpu.submit(encoder)?;
        Ok(cost)
    }

    fn evaluate(&mut self, step: f64) -> Result<Trial> {
        let search = self.searching();
        for (uniform, trial) in search.step.iter().zip(&search.trial) {
            uniform.set(&self.gpu, &axpy_uniform(trial.whole.len(), step, 1.0));
        }
        search.evaluate.run(&self.gpu)?;
        self.read_trial()
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let search = self.searching();
        search.accept[slot].run(&self.gpu)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        copy(&mut encoder, &search.trial, &self.params);
        search.adopt_gradient(&mut encoder);
        self.gpu.submit(encoder)
    }

    fn dots(&mut self, pairs: &[(Slot, Slot)]) -> Result<Vec<f64>> {
        let search = self.searching();
        let pairs: Vec<_> = pairs.iter().map(|&(x, y)| (search.index(x), search.index(y))).collect();
        let batches =
            pairs.chunks(MAX_LIST).map(|batch| self.read_products(batch)).collect::<Result<Vec<_>>>()?;
        Ok(batches.concat())
    }

    fn set_direction(&mut self, terms: &[(f64, Slot)]) -> Result<()> {
        let search = self.searching();
        let terms = merge(terms.iter().map(|&(c, slot)| (c, search.index(slot))));
        for piece in &search.pieces {
            piece.terms.set(&self.gpu, &combination_uniform(piece.len, &terms));
        }
        search.combine.run(&self.gpu)
    }
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
