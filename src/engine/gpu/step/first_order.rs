//! SGD and Adam on the device: their state, and the recordings of their steps.

use std::ops::Range;

use crate::engine::gpu::device::Gpu;
use crate::engine::gpu::engine::GpuEngine;
use crate::engine::gpu::memory::buffer::{Tensor, packed};
use crate::engine::gpu::memory::layout::{Layout, Segment};
use crate::engine::gpu::memory::uniform;
use crate::engine::gpu::ops::{adam_uniform, penalty_uniform, sgd_uniform};
use crate::engine::gpu::recording::{LiveUniform, Recorder};
use crate::engine::gpu::step::evaluate::{Evaluation, Subject};
use crate::engine::gpu::step::examples::write_list;
use crate::engine::gpu::step::finiteness::Look;
use crate::engine::gpu::step::pass::{Examples, Part, RhoHatTarget};
use crate::engine::{Rows, Step, Update, check_list};
use crate::error::{Error, Result};
use crate::math::objective::{Cost, Objective, RhoHatMode};

/// What SGD and Adam keep on the device.
#[derive(Debug)]
pub(crate) struct Descent {
    gradient: Vec<Segment>,
    /// v of SGD; first and second moment of Adam.
    pub(crate) moments: [Vec<Segment>; 2],
    /// Moments that have been used: 1 by SGD, 2 by Adam.
    pub(crate) used: usize,
    /// ρ̂ of the moving average, one tensor a block.
    pub(crate) average: Vec<Tensor>,
    /// Whether a batch has started it.
    pub(crate) averaging: bool,
    /// Indices of the mini-batch, one tensor a chunk.
    list: Vec<Tensor>,
    /// The gathered rows of a chunk.
    batch: Tensor,
    /// β and the decay of the moving average.
    penalty: Vec<LiveUniform>,
    sgd: Vec<LiveUniform>,
    adam: Vec<LiveUniform>,
    /// At the moments.
    look: Option<Look>,
    /// Recordings made so far; a run needs one or two, for whole batches and for the rest of an epoch.
    steps: Vec<(StepKey, Evaluation)>,
}

/// What tells recordings of a step apart.
#[derive(Clone, Copy, Debug, PartialEq)]
struct StepKey {
    /// Length of the list, `None` for all examples in place.
    listed: Option<usize>,
    adam: bool,
}

impl Descent {
    fn new(gpu: &Gpu, layout: &Layout, examples: usize) -> Result<Self> {
        let blocks = || layout.blocks.iter();
        Ok(Self {
            gradient: layout.vector(gpu, "gradient")?,
            moments: [layout.vector(gpu, "first moment")?, layout.vector(gpu, "second moment")?],
            used: 0,
            average: blocks()
                .map(|b| Tensor::vector(gpu, "average rho_hat", b.len()))
                .collect::<Result<_>>()?,
            averaging: false,
            list: packed(gpu, "batch order", layout.chunks(examples).iter().map(Range::len), layout.limit)?,
            batch: Tensor::zeros(gpu, "batch", layout.chunk, layout.shape.visible)?,
            penalty: blocks()
                .map(|_| LiveUniform::new::<uniform::Penalty>(gpu, "penalty"))
                .collect::<Result<_>>()?,
            sgd: blocks()
                .map(|_| LiveUniform::new::<uniform::Sgd>(gpu, "SGD rates"))
                .collect::<Result<_>>()?,
            adam: blocks()
                .map(|_| LiveUniform::new::<uniform::Adam>(gpu, "Adam rates"))
                .collect::<Result<_>>()?,
            look: None,
            steps: Vec::new(),
        })
    }

    /// The optimiser state of block `k`.
    pub(crate) fn vectors(&self, k: usize) -> impl Iterator<Item = &Segment> {
        self.moments.iter().map(move |moment| &moment[k])
    }

    /// Whether the moments are finite.
    pub(crate) fn is_finite(&mut self, gpu: &Gpu, layout: &Layout) -> Result<bool> {
        let look = match &mut self.look {
            Some(look) => look,
            none => none.insert(Look::new(gpu, layout, self.moments.iter().flatten())?),
        };
        look.finds_all_finite(gpu)
    }

    /// The moving average of ρ̂ of block `k`.
    pub(crate) fn average(&self, k: usize) -> &Tensor {
        &self.average[k]
    }

    fn set_penalty(&self, gpu: &Gpu, objective: &Objective, decay: f64, means: &[Tensor]) {
        for (uniform, mean) in self.penalty.iter().zip(means) {
            uniform.set(gpu, &penalty_uniform(objective, decay, mean));
        }
    }

    fn set_rates(&self, gpu: &Gpu, weights: &[Segment], update: &Update) {
        for (k, segment) in weights.iter().enumerate() {
            let len = segment.whole.len();
            match *update {
                Update::Sgd { lr, momentum } => self.sgd[k].set(gpu, &sgd_uniform(len, lr, momentum)),
                Update::Adam { lr, step } => self.adam[k].set(gpu, &adam_uniform(len, lr, step)),
            }
        }
    }
}

impl GpuEngine {
    /// [`crate::engine::Engine::step`].
    pub(crate) fn descend(&mut self, step: &Step<'_>) -> Result<Option<Cost>> {
        let mut descent = match self.descent.take() {
            Some(descent) => descent,
            None => self.new_descent()?,
        };
        let result = self.run_step(&mut descent, step);
        self.descent = Some(descent);
        result
    }

    pub(crate) fn new_descent(&self) -> Result<Descent> {
        // Fetched rows come without a list.
        let listed = if self.examples.are_resident() { self.count } else { 0 };
        Descent::new(&self.gpu, &self.layout, listed)
    }

    fn run_step(&self, descent: &mut Descent, step: &Step<'_>) -> Result<Option<Cost>> {
        let Step { rows, update, beta, report } = *step;
        let listed = match rows {
            Rows::All => None,
            Rows::Listed(list) => {
                self.check_list(list)?;
                for (chunk, tensor) in list.chunks(self.layout.chunk).zip(&descent.list) {
                    write_list(&self.gpu, tensor, chunk);
                }
                Some(list.len())
            }
        };
        let is_average = self.rho_hat.mode == RhoHatMode::Ema;
        let decay = if is_average && descent.averaging { self.rho_hat.decay } else { 0.0 };
        descent.averaging = true;
        let key = StepKey { listed, adam: matches!(update, Update::Adam { .. }) };
        descent.used = descent.used.max(if key.adam { 2 } else { 1 });
        let known = descent.steps.iter().position(|(made, _)| *made == key);
        let (_, mut evaluation) = match known {
            Some(at) => descent.steps.swap_remove(at),
            None => (key, self.record_step(descent, key)?),
        };
        let subject = self.subject_of(descent, beta);
        descent.set_penalty(&self.gpu, &subject.objective, decay, &self.work.mean);
        descent.set_rates(&self.gpu, &self.params, &update);
        let cost = evaluation.run(self, subject, rows, report, &[]);
        descent.steps.push((key, evaluation));
        Ok(cost?.map(|(cost, _)| cost))
    }

    fn subject_of<'a>(&'a self, descent: &'a Descent, beta: f64) -> Subject<'a> {
        let rho_hat = match self.rho_hat.mode {
            RhoHatMode::Ema => &descent.average,
            RhoHatMode::Exact | RhoHatMode::Batch => &self.work.rho_hat,
        };
        let rho_hat = RhoHatTarget { rho_hat, penalty: Some(&descent.penalty) };
        Subject {
            objective: self.objective.with_beta(beta),
            weights: &self.params,
            gradient: Some(&descent.gradient),
            rho_hat,
        }
    }

    fn record_step<'a>(&'a self, descent: &'a Descent, key: StepKey) -> Result<Evaluation> {
        let resident = |parts: &'a [Part]| match key.listed {
            None => Examples::Resident(parts),
            Some(rows) => Examples::Listed { parts, list: &descent.list, batch: &descent.batch, rows },
        };
        let update = |recorder: &mut Recorder<'_>| self.record_update(recorder, descent, key.adam);
        // β is set before each run.
        let subject = self.subject_of(descent, self.objective.beta);
        Evaluation::record(self, subject, resident, |_| Ok(()), update)
    }

    fn record_update(&self, recorder: &mut Recorder<'_>, descent: &Descent, adam: bool) -> Result<()> {
        let [first, second] = &descent.moments;
        for (k, w) in self.params.iter().enumerate() {
            let (gradient, w) = (&descent.gradient[k].whole, &w.whole);
            if adam {
                let moments = [&first[k].whole, &second[k].whole];
                recorder.adam(gradient, w, moments, &descent.adam[k])?;
            } else {
                recorder.sgd(gradient, w, &first[k].whole, &descent.sgd[k])?;
            }
        }
        Ok(())
    }

    fn check_list(&self, list: &[usize]) -> Result<()> {
        if list.is_empty() || list.len() > self.count {
            return Err(Error::usage(format!("a batch of {} of {} examples", list.len(), self.count)));
        }
        check_list(list, self.count)
    }
}
