//! J and its gradient at given weights, whichever way the rows come: by one recording over resident examples, or by passes
//! over fetched ones.

use std::cell::RefCell;

use crate::engine::Rows;
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::memory::buffer::Tensor;
use crate::engine::gpu::memory::layout::Segment;
use crate::engine::gpu::recording::{Recorder, Recording};
use crate::engine::gpu::step::examples::Held;
use crate::engine::gpu::step::pass::{Examples, Part, Pass, RhoHatTarget};
use crate::engine::gpu::step::stream::{Passing, Stream, StreamedPass};
use crate::error::Result;
use crate::math::objective::{Cost, Objective};

/// What is evaluated, and where its results go.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// What is minimised; β may be a share of the engine's.
    pub objective: Objective,
    /// The parameters.
    pub weights: &'a [Segment],
    /// Where the gradient goes; without it the cost alone is taken.
    pub gradient: Option<&'a [Segment]>,
    /// ρ̂.
    pub rho_hat: RhoHatTarget<'a>,
}

/// The recordings of an evaluation, with what stands before and behind it.
#[derive(Debug)]
pub(crate) enum Evaluation {
    /// All of it.
    Resident(Recording),
    /// Before, at and behind the passes over fetched rows.
    Streamed([Recording; 2], StreamedPass),
}

impl Evaluation {
    /// Records what `before` and `behind` do around the evaluation of `examples`.
    pub(crate) fn record<'a>(
        engine: &'a GpuEngine,
        subject: Subject<'a>,
        resident: impl FnOnce(&'a [Part]) -> Examples<'a>,
        before: impl FnOnce(&mut Recorder<'_>) -> Result<()>,
        behind: impl FnOnce(&mut Recorder<'_>) -> Result<()>,
    ) -> Result<Self> {
        let mut recorder = engine.work.recorder(&engine.gpu, &engine.layout);
        before(&mut recorder)?;
        let Held::Resident(parts) = &engine.examples else {
            let mut last = engine.layout.recorder(&engine.gpu);
            behind(&mut last)?;
            return Ok(Self::Streamed([recorder.finish()?, last.finish()?], StreamedPass::default()));
        };
        let mut pass = Pass {
            recorder: &mut recorder,
            layout: &engine.layout,
            objective: &engine.objective,
            work: &engine.work,
            weights: subject.weights,
            examples: resident(parts),
            rho_hat: subject.rho_hat,
        };
        match subject.gradient {
            Some(gradient) => pass.gradient(gradient)?,
            None => pass.cost()?,
        }
        behind(&mut recorder)?;
        Ok(Self::Resident(recorder.finish()?))
    }

    /// Runs it over `rows`. J comes back if `report` asks for it, and behind it, in the same read-back, all of `more`.
    pub(crate) fn run(
        &mut self,
        engine: &GpuEngine,
        subject: Subject<'_>,
        rows: Rows<'_>,
        report: bool,
        more: &[Tensor],
    ) -> Result<Option<(Cost, Vec<f32>)>> {
        let count = engine.rows_of(rows);
        match self {
            Self::Resident(recording) => {
                recording.run(&engine.gpu)?;
                report.then(|| engine.read_cost(subject, count, more)).transpose()
            }
            Self::Streamed([before, behind], pass) => {
                before.run(&engine.gpu)?;
                let on = Passing { engine, stream: engine.stream(), subject };
                let errors = pass.run(&on, rows, report)?;
                behind.run(&engine.gpu)?;
                report.then(|| on.read_cost(errors, count, more)).transpose()
            }
        }
    }
}

impl GpuEngine {
    /// How many rows `rows` names.
    pub(crate) fn rows_of(&self, rows: Rows<'_>) -> usize {
        match rows {
            Rows::All => self.count,
            Rows::Listed(list) => list.len(),
        }
    }

    /// Where rows are fetched.
    fn stream(&self) -> &RefCell<Stream> {
        match &self.examples {
            Held::Streamed(stream) => stream,
            Held::Resident(_) => unreachable!("resident examples are not fetched"),
        }
    }
}
