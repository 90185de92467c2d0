//! SGD and Adam on the device: their state, and the recordings of their steps.

use super::buffer::{Tensor, padded};
use super::device::Gpu;
use super::engine::GpuEngine;
use super::layout::{Layout, Segment};
use super::ops::{adam_uniform, penalty_uniform, sgd_uniform};
use super::pass::{Examples, Pass, RhoHatTarget};
use super::recording::{LiveUniform, Recorder, Recording};
use super::storage::Storage;
use super::uniform;
use crate::engine::{Rows, Update, check_list};
use crate::error::{Error, Result};
use crate::objective::{Cost, Objective, RhoHatMode};

/// What SGD and Adam keep on the device.
#[derive(Debug)]
pub(super) struct Descent {
    gradient: Vec<Segment>,
    /// v of SGD; first and second moment of Adam.
    moments: [Vec<Segment>; 2],
    /// ρ̂ of the moving average, one tensor a block.
    average: Vec<Tensor>,
    averaging: bool,
    /// Indices of the mini-batch.
    list: Tensor,
    /// The gathered rows of a chunk.
    batch: Tensor,
    /// β and the decay of the moving average.
    penalty: Vec<LiveUniform>,
    sgd: Vec<LiveUniform>,
    adam: Vec<LiveUniform>,
    /// Recordings made so far; a run needs one or two, for whole batches and for the rest of an epoch.
    steps: Vec<(StepKey, Recording)>,
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
            average: blocks()
                .map(|b| Tensor::vector(gpu, "average rho_hat", b.len()))
                .collect::<Result<_>>()?,
            averaging: false,
            list: Tensor::vector_at(&Storage::zeros(gpu, "batch order", padded(examples))?, 0, examples),
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
            steps: Vec::new(),
        })
    }

    /// The optimiser state of block `k`.
    pub(super) fn vectors(&self, k: usize) -> impl Iterator<Item = &Segment> {
        self.moments.iter().map(move |moment| &moment[k])
    }

    /// The moving average of ρ̂ of block `k`.
    pub(super) fn average(&self, k: usize) -> &Tensor {
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
    pub(super) fn descend(&mut self, rows: Rows<'_>, update: &Update, report: bool) -> Result<Option<Cost>> {
        let mut descent = match self.descent.take() {
            Some(descent) => descent,
            None => Descent::new(&self.gpu, &self.layout, self.count)?,
        };
        let result = self.run_step(&mut descent, rows, update, report);
        self.descent = Some(descent);
        result
    }

    fn run_step(
        &self,
        descent: &mut Descent,
        rows: Rows<'_>,
        update: &Update,
        report: bool,
    ) -> Result<Option<Cost>> {
        let listed = match rows {
            Rows::All => None,
            Rows::Listed(list) => {
                self.check_list(list)?;
                self.gpu.queue.write_buffer(&descent.list.buffer, 0, bytemuck::cast_slice(list));
                Some(list.len())
            }
        };
        let is_average = self.rho_hat.mode == RhoHatMode::Ema;
        let decay = if is_average && descent.averaging { self.rho_hat.decay } else { 0.0 };
        descent.averaging = true;
        let key = StepKey { listed, adam: matches!(update, Update::Adam { .. }) };
        if !descent.steps.iter().any(|(made, _)| *made == key) {
            let recording = self.record_step(descent, key)?;
            descent.steps.push((key, recording));
        }
        let recording = &descent.steps.iter().find(|(made, _)| *made == key).expect("just made").1;

        let objective = self.objective.with_beta_share(self.beta_share);
        descent.set_penalty(&self.gpu, &objective, decay, &self.work.mean);
        descent.set_rates(&self.gpu, &self.params, update);
        recording.run(&self.gpu)?;
        let rho_hat = if is_average { &descent.average } else { &self.work.rho_hat };
        report.then(|| self.read_cost(&objective, listed.unwrap_or(self.count), rho_hat)).transpose()
    }

    fn record_step(&self, descent: &Descent, key: StepKey) -> Result<Recording> {
        let mut recorder = Recorder::of(&self.gpu, self.layout.variant);
        let rho_hat = match self.rho_hat.mode {
            RhoHatMode::Ema => &descent.average,
            RhoHatMode::Exact | RhoHatMode::Batch => &self.work.rho_hat,
        };
        Pass {
            recorder: &mut recorder,
            layout: &self.layout,
            objective: &self.objective,
            work: &self.work,
            weights: &self.params,
            examples: match key.listed {
                None => Examples::Resident(&self.examples),
                Some(rows) => Examples::Listed {
                    parts: &self.examples,
                    list: &descent.list,
                    batch: &descent.batch,
                    rows,
                },
            },
            rho_hat: RhoHatTarget { rho_hat, penalty: Some(&descent.penalty) },
        }
        .gradient(&descent.gradient)?;
        let [first, second] = &descent.moments;
        for (k, w) in self.params.iter().enumerate() {
            let (gradient, w) = (&descent.gradient[k].whole, &w.whole);
            if key.adam {
                let moments = [&first[k].whole, &second[k].whole];
                recorder.adam(gradient, w, moments, &descent.adam[k])?;
            } else {
                recorder.sgd(gradient, w, &first[k].whole, &descent.sgd[k])?;
            }
        }
        recorder.finish()
    }

    fn check_list(&self, list: &[u32]) -> Result<()> {
        if list.is_empty() || list.len() > self.count {
            return Err(Error::usage(format!("a batch of {} of {} examples", list.len(), self.count)));
        }
        check_list(list, self.count)
    }
}
