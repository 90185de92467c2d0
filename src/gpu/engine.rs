//! The engine trait on a WebGPU device: what is resident, which recordings exist, what is read back.

use std::rc::Rc;

use super::buffer::{Tensor, buffer, bytes, padded, storage};
use super::device::Gpu;
use super::layout::{Layout, Segment};
use super::ops::{adam_uniform, sgd_uniform};
use super::pass::{Examples, Part, Pass, RhoHatTarget, Workspace, cost_sums, weight_sums};
use super::recording::{LiveUniform, Recorder, Recording};
use super::search::Search;
use super::uniform;
use crate::device::Setup;
use crate::engine::{Engine, Plan, RhoHat, Rows, Update};
use crate::error::{Error, Result};
use crate::model::{Matrix, Params, Shape};
use crate::objective::{Cost, Objective, RhoHatMode};

/// The WebGPU engine.
#[derive(Debug)]
pub struct GpuEngine {
    pub(super) gpu: Rc<Gpu>,
    pub(super) layout: Layout,
    pub(super) objective: Objective,
    pub(super) params: Vec<Segment>,
    pub(super) work: Workspace,
    pub(super) examples: Vec<Part>,
    pub(super) search: Option<Search>,
    rho_hat: RhoHat,
    count: usize,
    full: Option<FullPasses>,
    descent: Option<Descent>,
    staging: wgpu::Buffer,
}

/// Cost and gradient over all examples at the current parameters.
#[derive(Debug)]
struct FullPasses {
    cost: Recording,
    gradient_of: Vec<Segment>,
    gradient: Recording,
}

/// What SGD and Adam keep on the device.
#[derive(Debug)]
struct Descent {
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
    /// μ of the moving average, 0 for none.
    decay: f64,
}

impl GpuEngine {
    /// Uploads parameters and examples.
    pub fn new(gpu: Rc<Gpu>, setup: &Setup, params: &Params<f32>, data: &Matrix<f32>) -> Result<Self> {
        let layout = Layout::new(&gpu, params.shape, data.rows, setup.cut)?;
        let work = Workspace::new(&gpu, &layout, data.rows, 0)?;
        let examples = upload(&gpu, &layout, data)?;
        let resident = layout.vector(&gpu, "parameters")?;
        resident.iter().for_each(|segment| segment.write(&gpu, params));
        let staging = staging(&gpu, cost_sums(&layout, data.rows) + params.shape.hidden)?;
        Ok(Self {
            gpu,
            layout,
            objective: setup.objective,
            params: resident,
            work,
            examples,
            search: None,
            rho_hat: setup.rho_hat,
            count: data.rows,
            full: None,
            descent: None,
            staging,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn full_passes(&mut self) -> Result<&FullPasses> {
        if self.full.is_none() {
            let gradient_of = self.layout.vector(&self.gpu, "gradient")?;
            let cost = self.record(|pass| pass.cost())?;
            let gradient = self.record(|pass| pass.gradient(&gradient_of))?;
            self.full = Some(FullPasses { cost, gradient_of, gradient });
        }
        Ok(self.full.as_ref().expect("just made"))
    }

    /// A recording over all examples at the current parameters with the exact ρ̂.
    fn record(&self, build: impl FnOnce(&mut Pass<'_, '_>) -> Result<()>) -> Result<Recording> {
        let mut recorder = Recorder::new(&self.gpu);
        build(&mut Pass {
            recorder: &mut recorder,
            layout: &self.layout,
            objective: &self.objective,
            work: &self.work,
            weights: &self.params,
            examples: Examples::Resident(&self.examples),
            rho_hat: RhoHatTarget { rho_hat: &self.work.rho_hat, decay: 0.0 },
        })?;
        recorder.finish()
    }

    /// Assembles J over `rows` rows from the sums that the last recording left behind, and ρ̂ from `rho_hat`.
    fn read_cost(&self, rows: usize, rho_hat: &[Tensor]) -> Result<Cost> {
        let sums = cost_sums(&self.layout, rows);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.work.sums.buffer, 0, &self.staging, 0, bytes(sums));
        let mut end = sums;
        for tensor in rho_hat {
            encoder.copy_buffer_to_buffer(&tensor.buffer, 0, &self.staging, bytes(end), bytes(tensor.cols));
            end += tensor.cols;
        }
        self.gpu.submit(encoder)?;
        let read = self.gpu.read(&self.staging, bytes(end))?;
        Ok(assemble_cost(&self.objective, &self.layout, rows, &read))
    }

    fn descent(&mut self) -> Result<&mut Descent> {
        if self.descent.is_none() {
            self.descent = Some(Descent::new(&self.gpu, &self.layout, self.count)?);
        }
        Ok(self.descent.as_mut().expect("just made"))
    }

    fn record_step(&self, descent: &Descent, key: StepKey) -> Result<Recording> {
        let mut recorder = Recorder::new(&self.gpu);
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
            rho_hat: RhoHatTarget { rho_hat, decay: key.decay },
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
            list: Tensor::vector_at(&storage(gpu, "batch order", padded(examples))?, 0, examples),
            batch: Tensor::zeros(gpu, "batch", layout.chunk, layout.shape.visible)?,
            sgd: blocks()
                .map(|_| LiveUniform::new::<uniform::Sgd>(gpu, "SGD rates"))
                .collect::<Result<_>>()?,
            adam: blocks()
                .map(|_| LiveUniform::new::<uniform::Adam>(gpu, "Adam rates"))
                .collect::<Result<_>>()?,
            steps: Vec::new(),
        })
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

impl Engine for GpuEngine {
    fn shape(&self) -> Shape {
        self.layout.shape
    }

    fn examples(&self) -> usize {
        self.count
    }

    fn adapter(&self) -> String {
        self.gpu.adapter.description()
    }

    fn plan(&self) -> Plan {
        self.layout.plan()
    }

    fn cost(&mut self) -> Result<Cost> {
        self.full_passes()?;
        let full = self.full.as_ref().expect("just made");
        full.cost.run(&self.gpu)?;
        self.read_cost(self.count, &self.work.rho_hat)
    }

    fn gradient(&mut self) -> Result<(Cost, Params<f64>)> {
        self.full_passes()?;
        let full = self.full.as_ref().expect("just made");
        full.gradient.run(&self.gpu)?;
        let cost = self.read_cost(self.count, &self.work.rho_hat)?;
        Ok((cost, read_vector(&self.gpu, &self.layout, &full.gradient_of)?.cast()))
    }

    fn step(&mut self, rows: Rows<'_>, update: &Update, report: bool) -> Result<Option<Cost>> {
        let (listed, rows) = match rows {
            Rows::All => (None, self.count),
            Rows::Listed(list) => {
                self.check_list(list)?;
                (Some(list), list.len())
            }
        };
        let is_average = self.rho_hat.mode == RhoHatMode::Ema;
        let decay = self.rho_hat.decay;
        let descent = self.descent()?;
        let decay = if is_average && descent.averaging { decay } else { 0.0 };
        descent.averaging = true;
        let adam = matches!(update, Update::Adam { .. });
        let key = StepKey { listed: listed.map(<[u32]>::len), adam, decay };
        if !descent.steps.iter().any(|(made, _)| *made == key) {
            let recording = self.record_step(self.descent.as_ref().expect("just made"), key)?;
            self.descent()?.steps.push((key, recording));
        }

        let descent = self.descent.as_ref().expect("just made");
        if let Some(list) = listed {
            self.gpu.queue.write_buffer(&descent.list.buffer, 0, bytemuck::cast_slice(list));
        }
        descent.set_rates(&self.gpu, &self.params, update);
        let recording = &descent.steps.iter().find(|(made, _)| *made == key).expect("just made").1;
        recording.run(&self.gpu)?;
        let rho_hat = if is_average { &descent.average } else { &self.work.rho_hat };
        report.then(|| self.read_cost(rows, rho_hat)).transpose()
    }

    fn encode(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.forward(first, count, self.layout.shape.hidden, |pass, x| {
            (0..pass.weights.len()).map(|k| pass.hidden(k, x)).collect()
        })
    }

    fn reconstruct(&mut self, first: usize, count: usize) -> Result<Vec<f32>> {
        self.forward(first, count, self.layout.shape.visible, |pass, x| {
            for k in 0..pass.weights.len() {
                pass.hidden(k, x)?;
            }
            Ok(vec![pass.output(x)?])
        })
    }

    fn params(&mut self) -> Result<Params<f32>> {
        read_vector(&self.gpu, &self.layout, &self.params)
    }

    fn set_params(&mut self, params: &Params<f32>) -> Result<()> {
        assert_eq!(params.shape, self.layout.shape, "set_params: shape");
        self.params.iter().for_each(|segment| segment.write(&self.gpu, params));
        self.descent = None;
        self.search = None;
        self.gpu.check()
    }
}

impl GpuEngine {
    fn check_list(&self, list: &[u32]) -> Result<()> {
        if list.is_empty() || list.len() > self.count {
            return Err(Error::usage(format!("a batch of {} of {} examples", list.len(), self.count)));
        }
        match list.iter().find(|&&row| row as usize >= self.count) {
            Some(row) => Err(Error::usage(format!("example {row} of {}", self.count))),
            None => Ok(()),
        }
    }

    /// Runs `layers` over the chunks that hold examples `first..first + count` and joins the columns of the tensors
    /// that it returns into rows of `width`.
    fn forward(
        &mut self,
        first: usize,
        count: usize,
        width: usize,
        layers: impl Fn(&mut Pass<'_, '_>, &Tensor) -> Result<Vec<Tensor>>,
    ) -> Result<Vec<f32>> {
        let mut out = Vec::with_capacity(count * width);
        for chunk in self.layout.chunks(self.count) {
            let wanted = first.max(chunk.start)..(first + count).min(chunk.end);
            if wanted.is_empty() {
                continue;
            }
            let mut tensors = Vec::new();
            let recording = self.record(|pass| {
                let x = pass.in_place(&chunk);
                tensors = layers(pass, &x)?;
                Ok(())
            })?;
            recording.run(&self.gpu)?;
            let columns = tensors.iter().map(|tensor| tensor.read(&self.gpu)).collect::<Result<Vec<_>>>()?;
            for row in wanted.start - chunk.start..wanted.end - chunk.start {
                for (tensor, values) in tensors.iter().zip(&columns) {
                    out.extend_from_slice(&values[row * tensor.cols..(row + 1) * tensor.cols]);
                }
            }
        }
        Ok(out)
    }
}

/// J from block sums of ‖W‖² and of the squared errors, followed by ρ̂.
pub(super) fn assemble_cost(objective: &Objective, layout: &Layout, rows: usize, read: &[f32]) -> Cost {
    let sum = |part: &[f32]| part.iter().map(|&x| f64::from(x)).sum::<f64>();
    let (weights, rest) = read.split_at(weight_sums(layout));
    let (errors, rho_hat) = rest.split_at(cost_sums(layout, rows) - weights.len());
    let rho_hat = rho_hat[..layout.shape.hidden].iter().map(|&r| f64::from(r)).collect();
    Cost::from_sums(objective, rows, sum(errors), sum(weights), rho_hat)
}

fn read_vector(gpu: &Gpu, layout: &Layout, vector: &[Segment]) -> Result<Params<f32>> {
    let mut params = Params::zeros(layout.shape);
    for segment in vector {
        segment.read(gpu, &mut params)?;
    }
    Ok(params)
}

/// Cuts the examples into parts that one binding holds.
fn upload(gpu: &Gpu, layout: &Layout, data: &Matrix<f32>) -> Result<Vec<Part>> {
    let rows = layout.part_rows();
    let starts = (0..data.rows).step_by(rows);
    let part = |first: usize| {
        let rows = rows.min(data.rows - first);
        let x = Tensor::zeros(gpu, "examples", rows, data.cols)?;
        x.write(gpu, &data.values[first * data.cols..(first + rows) * data.cols]);
        gpu.check()?;
        Ok(Part { first, x })
    };
    starts.map(part).collect()
}

/// A buffer through which `len` numbers are read back.
pub(super) fn staging(gpu: &Gpu, len: usize) -> Result<wgpu::Buffer> {
    buffer(gpu, "staging", bytes(len), wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
}
