//! L-BFGS on the device: trial points, inner products and combinations without reading a vector back.

mod vectors;

use crate::engine::Rows;
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::memory::buffer::read_parts;
use crate::engine::gpu::memory::uniform::MAX_LIST;
use crate::engine::gpu::ops::{axpy_uniform, combination_uniform, dots_uniform, sum_blocks};
use crate::error::Result;
use crate::math::objective::Cost;
use crate::math::optim::{Role, SearchSpace, Trial};
pub(crate) use vectors::Search;
use vectors::{Piece, copy};

impl GpuEngine {
    fn searching(&self) -> &Search {
        self.search.as_ref().expect("begin_search comes first")
    }

    /// Inner products of at most [`MAX_LIST`] pairs.
    fn read_products(&self, pairs: &[(usize, usize)]) -> Result<Vec<f64>> {
        let search = self.searching();
        for piece in &search.pieces {
            piece.pairs.set(&self.gpu, &dots_uniform(piece.len, pairs, 0));
        }
        search.products.run(&self.gpu)?;
        let sums = |piece: &Piece| pairs.len() * sum_blocks(piece.len);
        let parts: Vec<_> = search.pieces.iter().map(|piece| (&piece.dots, sums(piece))).collect();
        let read = read_parts(&self.gpu, &search.staging, &parts)?;

        let mut products = vec![0.0; pairs.len()];
        let mut rest = &read[..];
        for piece in &search.pieces {
            let (sums, later) = rest.split_at(sums(piece));
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
        let mut evaluation = self.search.as_mut().and_then(|search| search.evaluate.take());
        let evaluate = evaluation.as_mut().expect("made with the search");
        let search = self.searching();
        let read = evaluate.run(self, search.subject(self), Rows::All, true, &search.slopes);
        self.search.as_mut().expect("at work").evaluate = evaluation;
        let (cost, slopes) = read?.expect("the cost was asked for");
        Ok(Trial { cost, slope: slopes.iter().map(|&x| f64::from(x)).sum() })
    }

    fn accept(&mut self, slot: usize) -> Result<()> {
        let search = self.searching();
        search.accept[slot].run(&self.gpu)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        copy(&mut encoder, &search.trial, &self.params);
        search.adopt_gradient(&mut encoder);
        self.gpu.submit(encoder)
    }

    fn dots(&mut self, pairs: &[(Role, Role)]) -> Result<Vec<f64>> {
        let search = self.searching();
        let pairs: Vec<_> = pairs.iter().map(|&(x, y)| (search.index(x), search.index(y))).collect();
        let batches =
            pairs.chunks(MAX_LIST).map(|batch| self.read_products(batch)).collect::<Result<Vec<_>>>()?;
        Ok(batches.concat())
    }

    fn set_direction(&mut self, terms: &[(f64, Role)]) -> Result<()> {
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
